#!/usr/bin/env python3
"""Keras's own networks, by Keras 3 itself, for test/models/keras-networks.test.ts.

Needs keras >= 3 and a backend (KERAS_BACKEND=torch). Weights and inputs are hashes, those of test/models/hash-weights.ts.
    python3 scripts/record-keras-networks.py record            writes test/fixtures/keras/networks.json
    python3 scripts/record-keras-networks.py lines NAME        prints what a digest is of
    python3 scripts/record-keras-networks.py write DIR NAME    writes NAME.h5, NAME.weights.h5, NAME.keras and the logits, and after
        npx tsx --conditions=regraft-source scripts/check-keras-networks.ts DIR NAME
    python3 scripts/record-keras-networks.py check DIR NAME    reads what regraft wrote of them
"""
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

import keras
import numpy as np

FIXTURE = Path(__file__).parent.parent / "test/fixtures/keras/networks.json"
CLASSES = 10
NAMES = ["VGG16", "VGG19", "MobileNet", "MobileNetV2", "DenseNet121", "DenseNet169", "DenseNet201", "ResNet50", "ResNet101",
         "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "Xception", "InceptionV3",
         "MobileNetV3Small", "MobileNetV3Large", *(f"EfficientNetB{i}" for i in range(8)), *(f"EfficientNetV2{v}" for v in ("B0", "B1", "B2", "B3", "S", "M", "L"))]
SIDES = {"Xception": 71, "InceptionV3": 75}
#: What a configuration is compared by.
KEYS = ["filters", "units", "kernel_size", "strides", "padding", "dilation_rate", "groups", "depth_multiplier", "pool_size", "use_bias",
        "activation", "epsilon", "momentum", "center", "scale", "offset", "rate", "noise_shape", "max_value", "negative_slope",
        "threshold", "target_shape", "keepdims", "kernel_initializer", "depthwise_initializer", "pointwise_initializer"]


def hash_unit(tensor, count):
    x = (np.arange(count, dtype=np.uint64) + ((tensor * 0x9E3779B9) & 0xFFFFFFFF)).astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    x ^= x >> np.uint32(15)
    return (x >> np.uint32(8)).astype(np.float64) / 16777216


def weights_of(layer):
    """(name, variable) as regraft lists them: Keras 3 calls a depthwise kernel a kernel, and counts what a Normalization has seen."""
    for w in layer.weights:
        name = w.path.split("/")[-1]
        if name != "count":
            yield "depthwise_kernel" if name == "kernel" and "Depthwise" in type(layer).__name__ else name, w


def values(index, name, shape):
    count = int(np.prod(shape))
    u = hash_unit(index, count)
    if len(shape) > 1:
        inputs = shape[0] * shape[1] if name == "depthwise_kernel" else count // shape[-1]
        u = (2 * u - 1) * np.sqrt(6 / inputs)
    elif name in ("gamma", "moving_variance", "variance"):
        u = 0.5 + u
    else:
        u = (2 * u - 1) * 0.1
    return u.astype(np.float32).reshape(shape)


def build(name, **options):
    keras.backend.clear_session()
    return getattr(keras.applications, name)(weights=None, **options)


def small(name):
    side = SIDES.get(name, 32)
    model = build(name, input_shape=(side, side, 3), classes=CLASSES, classifier_activation=None)
    index = 0
    for layer in model.layers:
        for weight, variable in weights_of(layer):
            gain = gain_of(name) if len(variable.shape) > 1 else 1
            variable.assign(gain * values(index, weight, tuple(variable.shape)))
            index += 1
    return model


def takes_levels(name):
    return name.startswith(("EfficientNet", "MobileNetV3"))


#: With weights of a hash their logits in Keras itself are others when the input changes by a millionth: nothing can be told from them.
CHAOTIC = [*(f"EfficientNetB{i}" for i in range(1, 6)), *(f"EfficientNetV2{v}" for v in ("B1", "B2", "B3", "S", "M"))]


def gain_of(name):
    """Each block's excitation halves what comes in: without larger kernels nothing of the input is left at the end."""
    return 1.2 if name.startswith("EfficientNetB") else 1


def image(name, tensor=100_000):
    side = SIDES.get(name, 32)
    u = hash_unit(tensor, side * side * 3)
    x = 255 * u if takes_levels(name) else (2 * u - 1) * 1.7
    return x.astype(np.float32).reshape(1, side, side, 3)


def canonical(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return struct.pack(">d", float(value)).hex()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, dict):
        return f"{value['class_name']}({','.join(f'{k}={canonical(v)}' for k, v in sorted(value['config'].items()) if v is not None)})"
    return value


def lines(model):
    out = [model.name]
    for layer in model.layers:
        config = layer.get_config()
        known = [f"{key}={canonical(config[key])}" for key in KEYS if key in config]
        inbound = [op.name for node in layer._inbound_nodes[:1] for op in (t._keras_history.operation for t in node.input_tensors)]
        shape = ",".join("null" if d is None else str(d) for d in layer.output.shape)
        weights = [f"{n} {'x'.join(map(str, w.shape))}" for n, w in weights_of(layer)]
        out.append(f"{type(layer).__name__} {layer.name} [{shape}] <- {' '.join(inbound)} | {'; '.join(weights)} | {' '.join(known)}")
    return out


def digest(model):
    return hashlib.sha256("\n".join(lines(model)).encode()).hexdigest()[:32]


def variants(name):
    """Options as in Python and as in TypeScript, and the model."""
    side = SIDES.get(name, 32)
    sizes = [(side, side, 3), (side + 13, side + 2, 3), (2 * side, 3 * side + 1, 3)]
    rows = [
        (dict(input_shape=sizes[0], classes=CLASSES, classifier_activation=None),
         {"inputShape": sizes[0], "classes": CLASSES, "classifierActivation": None}),
        (dict(include_top=False), {"includeTop": False}),
        (dict(include_top=False, pooling="avg", input_shape=sizes[1]), {"includeTop": False, "pooling": "avg", "inputShape": sizes[1]}),
        (dict(include_top=False, pooling="max", input_shape=sizes[2]), {"includeTop": False, "pooling": "max", "inputShape": sizes[2]}),
    ]
    if not name.startswith("VGG"):
        rows.append(({}, {}))
    if name == "MobileNet":
        rows.append((dict(alpha=0.25, depth_multiplier=2, dropout=0.2), {"alpha": 0.25, "depthMultiplier": 2, "dropout": 0.2}))
    if name.startswith("MobileNetV3"):
        rows += [(dict(alpha=0.75, minimalistic=True, dropout_rate=0.1), {"alpha": 0.75, "minimalistic": True, "dropoutRate": 0.1}),
                 (dict(alpha=1.3, include_preprocessing=False), {"alpha": 1.3, "includePreprocessing": False})]
    if name.startswith("EfficientNetV2"):
        rows.append((dict(include_preprocessing=False), {"includePreprocessing": False}))
    if name == "MobileNetV2":
        rows += [(dict(alpha=a), {"alpha": a}) for a in (0.35, 1.3)]
    return rows


def relative(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def record(names):
    known = json.loads(FIXTURE.read_text())["networks"] if FIXTURE.exists() else {}
    for name in names:
        deep = name not in ("VGG16", "MobileNet", "MobileNetV2", "DenseNet121", "ResNet50V2", "Xception", "InceptionV3", "EfficientNetB0", "EfficientNetV2B0",
                            "MobileNetV3Small")
        model = small(name)
        x = image(name)
        logits = keras.ops.convert_to_numpy(model(x, training=False))
        other = keras.ops.convert_to_numpy(model(image(name, 100_001), training=False))
        print(name, "of the logits the input's part is", round(relative(other, logits), 3), flush=True)
        rows = [{"options": ours, "digest": digest(build(name, **options))} for options, ours in variants(name)]
        known[name] = {"deep": deep, "side": SIDES.get(name, 32), "levels": takes_levels(name), "gain": gain_of(name), "layers": len(model.layers), "structure": rows,
                       "logits": None if name in CHAOTIC else base64.b64encode(logits.astype("<f4").tobytes()).decode()}
        note = f"Keras {keras.__version__} on {keras.backend.backend()}"
        FIXTURE.write_text(json.dumps({"versions": note, "networks": {n: known[n] for n in NAMES if n in known}}, indent=1) + "\n")


def tamed(name):
    """As `small`; of a chaotic network with little behind each block's last norm, so that what comes in is not lost."""
    model = small(name)
    if name in CHAOTIC:
        for layer in model.layers:
            if layer.name.endswith("project_bn"):
                layer.gamma.assign(0.2 * layer.gamma)
    return model


def write(folder, name):
    model = tamed(name)
    model.save(folder / f"{name}.h5")
    model.save(folder / f"{name}.keras")
    model.save_weights(folder / f"{name}.weights.h5")
    logits = keras.ops.convert_to_numpy(model(image(name), training=False))
    image(name).transpose(0, 3, 1, 2).tofile(folder / f"{name}.image")
    other = keras.ops.convert_to_numpy(model(image(name, 100_001), training=False))
    nudged = keras.ops.convert_to_numpy(model((image(name) * (1 + 1e-6)).astype(np.float32), training=False))
    print(f"{name}: the input's part {relative(other, logits):.1e}, of an input that is a millionth larger {relative(nudged, logits):.1e}", flush=True)
    logits.astype("<f4").tofile(folder / f"{name}.logits")


def check(folder, name):
    logits = np.fromfile(folder / f"{name}.logits", "<f4")
    for file in (f"{name}.out.h5", f"{name}.out.keras", f"{name}.out.weights.h5"):
        if file.endswith(".weights.h5"):
            model = build(name, input_shape=image(name).shape[1:], classes=CLASSES, classifier_activation=None)
            model.load_weights(folder / file)
        else:
            model = keras.models.load_model(folder / file, compile=False)
            assert [l.name for l in model.layers] == [l.name for l in build(name, input_shape=image(name).shape[1:], classes=CLASSES, classifier_activation=None).layers]
        found = keras.ops.convert_to_numpy(model(image(name), training=False))[0]
        difference = relative(found, logits)
        print(f"{file}: Keras reads it back, {difference:.1e}", flush=True)
        assert difference < 1e-6, file


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "record":
        record(rest or NAMES)
    elif command == "lines":
        options = [row for row, _ in variants(rest[0])][int(rest[1]) if len(rest) > 1 else 0]
        print("\n".join(lines(build(rest[0], **options))))
    else:
        {"write": write, "check": check}[command](Path(rest[0]), rest[1])
