"""Records test/fixtures/keras: Keras's files in each of its layouts, and what the models in them compute.

    python3 scripts/record-keras-fixtures.py  # Debian: python3-h5py, python3-torch

Keras itself is not needed: files are written as Keras writes them (legacy/saving/legacy_h5_format.py,
saving/saving_lib.py), and the models are re-stated here layer by layer, in NHWC and float64, from Keras's documentation.
"""
import base64
import io
import json
import math
import pathlib
import re
import zipfile

import h5py
import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "keras"


# The hash of test/models/hash-weights.ts: uniform in [0, 1), 24 bits, from the tensor's and the element's index.
def hash_unit(index, count):
    x = (np.arange(count, dtype=np.uint64) + ((index * 0x9E3779B9) & 0xFFFFFFFF)) & 0xFFFFFFFF
    x = x.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    x ^= x >> np.uint32(15)
    return (x >> np.uint32(8)).astype(np.float64) / 16777216


def hash_values(index, name, shape):
    count = math.prod(shape)
    u = hash_unit(index, count)
    if name.endswith("kernel"):
        fan_in = shape[0] * shape[1] if name == "depthwise_kernel" else count // shape[-1]
        values = (2 * u - 1) * math.sqrt(6 / fan_in)
    elif name in ("moving_variance", "variance"):
        values = 0.5 + u
    elif name == "gamma":
        values = 0.25 + 0.5 * u
    else:
        values = (2 * u - 1) * 0.1
    return values.reshape(shape).astype(np.float32)


def hash_input(shape):
    return ((2 * hash_unit(100_000, math.prod(shape)) - 1) * 1.7).reshape(shape).astype(np.float32)


# What the layers compute, NHWC.
def nchw(x):
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def nhwc(x):
    return x.numpy().transpose(0, 2, 3, 1)


def same(size, kernel, stride, dilation):
    total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def padded(x, config, kernel, value):
    stride, dilation = pair(config.get("strides") or kernel), pair(config.get("dilation_rate", 1))
    if config.get("padding", "valid") != "same":
        return x
    rows, columns = (same(x.shape[a + 1], kernel[a], stride[a], dilation[a]) for a in (0, 1))
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value)


def activate(x, name):
    if name == "relu":
        return np.maximum(x, 0)
    if name == "relu6":
        return np.clip(x, 0, 6)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    if name in ("swish", "silu"):
        return x / (1 + np.exp(-x))
    if name == "softmax":
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    assert name == "linear", name
    return x


def convolve(x, kernel, config, groups=1):
    config = {"strides": 1, **config}
    x = padded(x, config, kernel.shape[:2], 0)
    weight = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)).astype(x.dtype))
    options = {"stride": pair(config.get("strides", 1)), "dilation": pair(config.get("dilation_rate", 1))}
    return nhwc(F.conv2d(nchw(x), weight, groups=groups, **options))


def depthwise(x, kernel, config):
    height, width, channels, multiplier = kernel.shape
    return convolve(x, kernel.reshape(height, width, 1, channels * multiplier), config, groups=channels)


def windows(x, config, value, reduce):
    size = pair(config.get("pool_size", 2))
    stride = pair(config.get("strides") or size)
    x = padded(x, {**config, "strides": stride}, size, value)
    rows = range(0, x.shape[1] - size[0] + 1, stride[0])
    columns = range(0, x.shape[2] - size[1] + 1, stride[1])
    return np.stack(
        [np.stack([reduce(x[:, r : r + size[0], c : c + size[1]], (1, 2)) for c in columns], 1) for r in rows], 1
    )


class Model:
    """A functional model: layers in order, each with the names of those it takes its inputs from."""

    def __init__(self, name, layers, sequential=False):
        self.name, self.layers, self.sequential = name, layers, sequential
        self.weights = {}
        self.next_index = 0

    def weight(self, layer, name, shape):
        found = self.weights.setdefault(layer, {})
        if name not in found:
            found[name] = hash_values(self.next_index, name, shape)
            self.next_index += 1
        return found[name]

    def run(self, x, outputs=None):
        values = {}
        for kind, name, config, inbound in self.layers:
            given = [values[i] for i in inbound] or [x]
            values[name] = self.call(kind, name, config, given)
            if outputs is not None:
                outputs[name] = values[name].shape
        return values[self.layers[-1][1]]

    def call(self, kind, name, config, inputs):
        x = inputs[0]
        weight = lambda key, shape: self.weight(name, key, shape).astype(x.dtype)
        if isinstance(kind, Model):
            kind.next_index = max(kind.next_index, self.next_index) if not kind.weights else kind.next_index
            y = kind.run(x)
            self.weights[name] = {
                f"{inner}/{key}": value for inner, own in kind.weights.items() for key, value in own.items()
            }
            self.next_index = max(self.next_index, kind.next_index)
            return y
        if kind in ("InputLayer", "Dropout"):
            return x
        if kind == "Conv2D":
            kernel = weight("kernel", (*pair(config["kernel_size"]), x.shape[-1], config["filters"]))
            y = convolve(x, kernel, config)
            if config.get("use_bias", True):
                y = y + weight("bias", (config["filters"],))
            return activate(y, config.get("activation") or "linear")
        if kind == "DepthwiseConv2D":
            multiplier = config.get("depth_multiplier", 1)
            y = depthwise(x, weight("depthwise_kernel", (*pair(config["kernel_size"]), x.shape[-1], multiplier)), config)
            return y + weight("bias", (x.shape[-1] * multiplier,)) if config.get("use_bias", True) else y
        if kind == "SeparableConv2D":
            multiplier = config.get("depth_multiplier", 1)
            kernel = weight("depthwise_kernel", (*pair(config["kernel_size"]), x.shape[-1], multiplier))
            y = depthwise(x, kernel, config)
            y = convolve(y, weight("pointwise_kernel", (1, 1, y.shape[-1], config["filters"])), {})
            return activate(y + weight("bias", (config["filters"],)), config.get("activation") or "linear")
        if kind == "Dense":
            y = x @ weight("kernel", (x.shape[-1], config["units"])) + weight("bias", (config["units"],))
            return activate(y, config.get("activation") or "linear")
        if kind == "BatchNormalization":
            shape = (x.shape[-1],)
            gamma = weight("gamma", shape) if config.get("scale", True) else 1
            beta = weight("beta", shape) if config.get("center", True) else 0
            mean, variance = weight("moving_mean", shape), weight("moving_variance", shape)
            return (x - mean) / np.sqrt(variance + config.get("epsilon", 1e-3)) * gamma + beta
        if kind == "Normalization":
            mean, variance = weight("mean", (x.shape[-1],)), weight("variance", (x.shape[-1],))
            return (x - mean) / np.maximum(np.sqrt(variance), 1e-7)
        if kind == "Rescaling":
            return x * config["scale"] + config["offset"]
        if kind == "Activation":
            return activate(x, config["activation"])
        if kind == "ReLU":
            y = np.where(x >= config["threshold"], x, config["negative_slope"] * (x - config["threshold"]))
            return y if config["max_value"] is None else np.minimum(y, config["max_value"])
        if kind == "ZeroPadding2D":
            return np.pad(x, ((0, 0), *map(tuple, config["padding"]), (0, 0)))
        if kind == "MaxPooling2D":
            return windows(x, config, -np.inf, np.max)
        if kind == "AveragePooling2D":
            ones = windows(np.ones_like(x), config, 0, np.sum)
            return windows(x, config, 0, np.sum) / ones
        if kind == "GlobalAveragePooling2D":
            return x.mean((1, 2), keepdims=config.get("keepdims", False))
        if kind == "GlobalMaxPooling2D":
            return x.max((1, 2))
        if kind == "Flatten":
            return x.reshape(len(x), -1)
        if kind == "Reshape":
            return x.reshape(len(x), *config["target_shape"])
        if kind == "Add":
            return sum(inputs)
        if kind == "Multiply":
            return math.prod(inputs)
        if kind == "Concatenate":
            return np.concatenate(inputs, config.get("axis", -1))
        raise ValueError(kind)

    # Configurations, as the two Keras generations spell them.
    def config(self, version, shape):
        layers = []
        for kind, name, options, inbound in self.layers:
            nested = isinstance(kind, Model)
            if nested:
                described = kind.config(version, None)
                class_name, options = described["class_name"], described["config"]
            else:
                class_name = kind
            options = {"name": name, "trainable": True, **({} if nested else {"dtype": "float32"}), **options}
            if kind == "InputLayer":
                options[{2: "batch_input_shape", 3: "batch_shape"}[version]] = shape or options.pop("shape")
                options.pop("shape", None)
            if self.sequential:
                layers.append({"class_name": class_name, "config": options})
                continue
            nodes = []
            if inbound and version == 2:
                nodes = [[[i, 0, 0, {}] for i in inbound]]
            elif inbound:
                tensors = [
                    {
                        "class_name": "__keras_tensor__",
                        "config": {"shape": [None], "dtype": "float32", "keras_history": [i, 0, 0]},
                    }
                    for i in inbound
                ]
                nodes = [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}]
            layers.append({"class_name": class_name, "config": options, "name": name, "inbound_nodes": nodes})
            if version == 3:
                layers[-1].update(module="keras.layers", registered_name=None)
        config = {"name": self.name, "layers": layers}
        if not self.sequential:
            ends = [[self.layers[i][1], 0, 0] for i in (0, -1)]
            config.update(input_layers=[ends[0]], output_layers=[ends[1]])
        kind = "Sequential" if self.sequential else "Functional"
        return {"class_name": kind, "config": config}


def snake_case(name):
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def write_by_layer(group, model, suffix, version):
    names = [name for _, name, _, _ in model.layers if not (model.sequential and _ == "InputLayer")]
    group.attrs["layer_names"] = [n.encode("utf8") for n in names]
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = version.encode("utf8")
    for name in sorted(names):
        own = group.create_group(name)
        # Keras 2 writes kernel:0 behind the layer's scope, Keras 3 the variable's path.
        weights = {f"{name}/{key}{suffix}" if "/" not in key else f"{key}{suffix}": value
                   for key, value in model.weights.get(name, {}).items()}
        own.attrs["weight_names"] = [w.encode("utf8") for w in weights]
        for key, value in weights.items():
            own.create_dataset(key, data=value)


def write_by_path(group, model, prefix=""):
    counts = {}
    for kind, name, _, _ in model.layers:
        base = snake_case(("Sequential" if kind.sequential else "Functional") if isinstance(kind, Model) else kind)
        n = counts.get(base, 0)
        counts[base] = n + 1
        path = f"{prefix}layers/{base}{f'_{n}' if n else ''}"
        if isinstance(kind, Model):
            write_by_path(group, kind, f"{path}/")
            continue
        own = group.create_group(f"{path}/vars")
        own.attrs["name"] = name
        for i, value in enumerate(model.weights.get(name, {}).values()):
            own.create_dataset(str(i), data=value)


def whole_h5(path, model, shape, suffix=":0", version="2.15.0", state=True):
    with h5py.File(path, "w") as file:
        if state:
            file.attrs["keras_version"] = version
            file.attrs["backend"] = "tensorflow"
            file.attrs["model_config"] = json.dumps(model.config(2, shape)).encode("utf8")
            file.attrs["training_config"] = json.dumps({"loss": "categorical_crossentropy"}).encode("utf8")
            write_by_layer(file.create_group("model_weights"), model, suffix, version)
            optimizer = file.create_group("optimizer_weights")
            optimizer.attrs["weight_names"] = [b"Adam/iteration:0"]
            optimizer.create_dataset("Adam/iteration:0", data=np.int64(7))
        else:
            write_by_layer(file, model, suffix, version)


def weights_h5(model):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_by_path(file, model)
        file.create_group("optimizer/vars").create_dataset("0", data=np.int64(7))
    return buffer.getvalue()


def keras_zip(path, model, shape):
    config = {"module": "keras", "registered_name": "Functional", **model.config(3, shape)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            ("metadata.json", json.dumps({"keras_version": "3.5.0", "date_saved": "2024-01-01@00:00:00"})),
            ("config.json", json.dumps(config)),
            ("model.weights.h5", weights_h5(model)),
        ):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def tfjs(folder, model, shape, quantize):
    """float32, float16, uint8 and uint16 by turns; two shards that end inside a tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    specs, chunks, values = [], [], {}
    named = [(f"{l}/{k}", v) for l, own in model.weights.items() for k, v in own.items()]
    for i, (name, value) in enumerate(named):
        spec = {"name": name, "shape": list(value.shape), "dtype": "float32"}
        kind = ("float32", "float16", "uint8", "uint16")[i % 4] if quantize else "float32"
        if kind == "float16":
            spec["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            packed = value.astype(np.float16)
            values[name] = packed.astype(np.float32)
        elif kind != "float32":
            low, high = float(value.min()), float(value.max())
            scale = (high - low) / (255 if kind == "uint8" else 65535) or 1.0
            packed = np.round((value - low) / scale).astype(kind)
            spec["quantization"] = {"dtype": kind, "min": low, "scale": scale, "original_dtype": "float32"}
            values[name] = (packed.astype(np.float64) * scale + low).astype(np.float32)
        else:
            packed = values[name] = value
        specs.append(spec)
        chunks.append(packed.tobytes())
    data = b"".join(chunks)
    half = len(data) // 2 + 1
    (folder / "group1-shard1of2.bin").write_bytes(data[:half])
    (folder / "group1-shard2of2.bin").write_bytes(data[half:])
    manifest = [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": specs}]
    topology = {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": model.config(2, shape)}
    (folder / "model.json").write_text(
        json.dumps({"format": "layers-model", "generatedBy": "keras v2.15.0", "modelTopology": topology,
                    "weightsManifest": manifest})
    )
    return values


def small():
    head = Model("head", [
        ("InputLayer", "head_input", {"shape": [None, 20]}, []),
        ("Dense", "d1", {"units": 7, "activation": "relu"}, ["head_input"]),
        ("Dense", "d2", {"units": 5, "activation": "softmax"}, ["d1"]),
    ], sequential=True)
    conv = {"kernel_size": [3, 3], "strides": [2, 2], "padding": "same"}
    return Model("small", [
        ("InputLayer", "input_1", {}, []),
        ("Rescaling", "rescaling", {"scale": 0.5, "offset": [0.1, -0.2, 0.3]}, ["input_1"]),
        ("Normalization", "normalization", {"axis": [-1]}, ["rescaling"]),
        ("Conv2D", "conv1", {**conv, "filters": 4, "use_bias": False}, ["normalization"]),
        ("BatchNormalization", "bn1", {"scale": False, "axis": [3]}, ["conv1"]),
        ("ReLU", "relu1", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.0}, ["bn1"]),
        ("ZeroPadding2D", "pad1", {"padding": [[0, 1], [2, 1]]}, ["relu1"]),
        ("DepthwiseConv2D", "dw1", {**conv, "depth_multiplier": 2}, ["pad1"]),
        ("BatchNormalization", "bn2", {"center": False, "epsilon": 0.01}, ["dw1"]),
        ("SeparableConv2D", "sep1", {"filters": 6, "kernel_size": 2, "padding": "same", "activation": "swish"}, ["bn2"]),
        ("MaxPooling2D", "max1", {"pool_size": [3, 2], "strides": [1, 1], "padding": "same"}, ["sep1"]),
        ("AveragePooling2D", "mean1", {"pool_size": [3, 3], "strides": [1, 1], "padding": "same"}, ["sep1"]),
        ("Conv2D", "conv2", {"kernel_size": 3, "filters": 6, "padding": "same", "dilation_rate": 2}, ["sep1"]),
        ("Add", "add", {}, ["max1", "conv2"]),
        ("Concatenate", "concat", {"axis": 3}, ["add", "mean1"]),
        ("GlobalAveragePooling2D", "squeeze", {}, ["concat"]),
        ("Reshape", "squeeze_reshape", {"target_shape": [1, 1, 12]}, ["squeeze"]),
        ("Conv2D", "excite", {"kernel_size": 1, "filters": 12, "activation": "sigmoid"}, ["squeeze_reshape"]),
        ("Multiply", "scale", {}, ["concat", "excite"]),
        ("MaxPooling2D", "max2", {}, ["scale"]),
        ("Flatten", "flatten", {}, ["max2"]),
        ("Dense", "dense", {"units": 8}, ["flatten"]),
        ("GlobalMaxPooling2D", "gmax", {}, ["scale"]),
        ("Concatenate", "concat2", {}, ["dense", "gmax"]),
        ("Dropout", "dropout", {"rate": 0.5}, ["concat2"]),
        (head, "head", {}, ["dropout"]),
    ])


def resnet50():
    layers = [
        ("InputLayer", "input_layer", {}, []),
        ("ZeroPadding2D", "conv1_pad", {"padding": [[3, 3], [3, 3]]}, ["input_layer"]),
        ("Conv2D", "conv1_conv", {"filters": 64, "kernel_size": 7, "strides": 2}, ["conv1_pad"]),
        ("BatchNormalization", "conv1_bn", {"epsilon": 1.001e-5}, ["conv1_conv"]),
        ("Activation", "conv1_relu", {"activation": "relu"}, ["conv1_bn"]),
        ("ZeroPadding2D", "pool1_pad", {"padding": [[1, 1], [1, 1]]}, ["conv1_relu"]),
        ("MaxPooling2D", "pool1_pool", {"pool_size": 3, "strides": 2}, ["pool1_pad"]),
    ]
    x = "pool1_pool"
    for stage, (filters, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            n = f"conv{stage + 2}_block{block + 1}"
            stride = 2 if block == 0 and stage > 0 else 1
            conv = lambda k, f, size, at, s=1: ("Conv2D", f"{n}_{k}_conv", {"filters": f, "kernel_size": size, "strides": s, "padding": "same" if size == 3 else "valid"}, [at])
            norm = lambda k: ("BatchNormalization", f"{n}_{k}_bn", {"epsilon": 1.001e-5}, [f"{n}_{k}_conv"])
            relu = lambda k: ("Activation", f"{n}_{k}_relu", {"activation": "relu"}, [f"{n}_{k}_bn"])
            layers += [conv(1, filters, 1, x, stride), norm(1), relu(1), conv(2, filters, 3, f"{n}_1_relu"), norm(2), relu(2)]
            last = conv(3, 4 * filters, 1, f"{n}_2_relu")
            if block == 0:  # Keras lists layers by depth, which puts the shortcut here.
                layers += [conv(0, 4 * filters, 1, x, stride), last, norm(0), norm(3)]
            else:
                layers += [last, norm(3)]
            shortcut = f"{n}_0_bn" if block == 0 else x
            layers += [("Add", f"{n}_add", {}, [shortcut, f"{n}_3_bn"]), ("Activation", f"{n}_out", {"activation": "relu"}, [f"{n}_add"])]
            x = f"{n}_out"
    layers += [
        ("GlobalAveragePooling2D", "avg_pool", {}, [x]),
        ("Dense", "predictions", {"units": 1000}, ["avg_pool"]),
    ]
    return Model("resnet50", layers)


def base64_of(values):
    return base64.b64encode(np.ascontiguousarray(values, np.float32).tobytes()).decode()


def record_small():
    model, shape = small(), [None, 15, 18, 3]
    x = hash_input((2, 15, 18, 3))
    shapes = {}
    output = model.run(x.astype(np.float64), shapes)
    whole_h5(OUT / "whole.h5", model, shape)
    whole_h5(OUT / "weights.h5", model, shape, suffix="", version="3.5.0", state=False)
    (OUT / "small.weights.h5").write_bytes(weights_h5(model))
    keras_zip(OUT / "small.keras", model, shape)
    values = tfjs(OUT / "tfjs", model, shape, quantize=True)
    tfjs(OUT / "tfjs-float32", model, shape, quantize=False)
    expected = {
        "input": base64_of(x),
        "output": base64_of(output),
        "shapes": {name: [None, *map(int, s[1:])] for name, s in shapes.items()},
        "parameters": int(sum(v.size for own in model.weights.values() for v in own.values())),
        "quantized": {name: base64_of(v) for name, v in values.items() if v.size < 100},
        "config": model.config(2, shape),
    }
    (OUT / "small.json").write_text(json.dumps(expected))
    print("small: output", output[0])


def record_packed():
    """Chunks, filters and the trees that find the chunks, in the layout without checksums."""
    with h5py.File(OUT / "packed.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        group = file.create_group("conv")
        group.attrs["weight_names"] = [b"kernel:0", b"bias:0", b"steps:0"]
        kernel = np.sin(np.arange(240, dtype=np.float32)).reshape(10, 24)
        group.create_dataset("kernel:0", data=kernel, chunks=(5, 12), compression="gzip", shuffle=True)
        group.create_dataset("bias:0", data=kernel[:, 0], chunks=(4,), fletcher32=True)
        group.create_dataset("steps:0", data=np.arange(6, dtype=">u2"), chunks=(6,), maxshape=(None,))


def record_hostile():
    kernel = np.zeros((1, 1, 1, 1), np.float32)

    def write(name, link):
        with h5py.File(OUT / name, "w") as file:
            file.attrs["layer_names"] = [b"conv"]
            group = file.create_group("conv")
            group.attrs["weight_names"] = [b"conv/kernel:0"]
            inner = group.create_group("conv")
            link(inner)

    def virtual(group):
        layout = h5py.VirtualLayout((1, 1, 1, 1), np.float32)
        layout[:] = h5py.VirtualSource("other.h5", "x", (1, 1, 1, 1))
        group.create_virtual_dataset("kernel:0", layout)

    write("soft-link.h5", lambda g: (g.create_dataset("real", data=kernel), g.__setitem__("kernel:0", h5py.SoftLink("/conv/conv/real"))))
    write("external-link.h5", lambda g: g.__setitem__("kernel:0", h5py.ExternalLink("other.h5", "/x")))
    write("external-data.h5", lambda g: g.create_dataset("kernel:0", (4,), np.float32, external=[("other.bin", 0, 16)]))
    write("virtual.h5", virtual)
    write("huge.h5", lambda g: g.create_dataset("kernel:0", (100_000, 100_000), np.float32))
    write("huge-packed.h5", lambda g: g.create_dataset("kernel:0", (30_000, 30_000), np.float32, chunks=(1000, 1000), compression="gzip"))
    write("huge-chunk.h5", lambda g: g.create_dataset("kernel:0", (10,), np.float32, chunks=(1 << 26,), maxshape=(None,), compression="gzip"))
    with h5py.File(OUT / "endless.h5", "w") as file:
        # Each level has the next one twice: ten of them lead to 1,024 paths.
        levels = [file.create_group(f"level{i}") for i in range(11)]
        for above, below in zip(levels, levels[1:]):
            above["a"] = above["b"] = below


def record_resnet50():
    model = resnet50()
    x = hash_input((1, 64, 64, 3)) * 50
    logits = model.run(x.astype(np.float64))
    (OUT / "resnet50.json").write_text(json.dumps({
        "layers": [[name, kind] for kind, name, _, _ in model.layers],
        "parameters": int(sum(v.size for own in model.weights.values() for v in own.values())),
        "logits": base64_of(logits),
    }))
    print("resnet50:", len(model.layers), "layers, logits", logits[0, :4], "largest", abs(logits).max())


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    record_small()
    record_packed()
    record_hostile()
    record_resnet50()
