#!/usr/bin/env python3
"""Records small models of layers that regraft reads, as Keras itself saves them, with an input and Keras's output for it.

Run once with each generation, in an environment of its own (written with Keras 2.15.0 and 3.15.1, TensorFlow 2.15.1 and 2.21.0):
    python scripts/record-keras-layers.py
Writes test/fixtures/keras-layers/NAME-GENERATION.h5, .keras and .weights.h5 (Keras 3) and expected-GENERATION.json. With a folder, it reads
the .h5 and .keras files there that regraft made of these, and compares their outputs:
    npx tsx --conditions=regraft-source src/cli/main.ts convert test/fixtures/keras-layers/norms-2.h5 runs/norms-2.keras
    python scripts/record-keras-layers.py runs
"""
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf
from keras import layers

OUT = Path(__file__).parent.parent / "test/fixtures/keras-layers"
GENERATION = int(keras.__version__.split(".")[0])
RANDOM = np.random.default_rng(0)


def image(size=8, channels=3):
    return keras.Input((size, size, channels), name="x")


def norms():
    x = image()
    y = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    y = layers.LayerNormalization(epsilon=1e-6, name="last")(y)
    y = layers.PReLU(shared_axes=[1, 2], name="shared")(y)
    y = layers.LayerNormalization(axis=1, scale=False, name="rows")(y)
    y = layers.Cropping2D(((1, 0), (2, 1)), name="crop")(y)
    y = layers.PReLU(name="each")(y)
    y = layers.GlobalAveragePooling2D(name="gap")(y)
    y = layers.LayerNormalization(center=False, name="vector")(y)
    y = layers.Dense(3, name="dense")(y)
    return keras.Model(x, layers.PReLU(name="features")(y), name="norms")


def slices():
    x = image()
    y = x[..., ::-1]
    y = y[:, 1:7, ::2, :]
    y = layers.Conv2D(2, 1, name="conv")(y)
    y = tf.nn.bias_add(y, tf.constant([0.5, -1.0])) if GENERATION == 2 else y + np.array([0.5, -1.0], "float32")
    return keras.Model(x, layers.Flatten(name="flat")(y[:, 0, :, 1:]), name="slices")


def convnext():
    from keras.src.applications.convnext import ConvNeXt

    named = {"name": "convnext", "weights_name": "convnext_tiny"} if GENERATION == 3 else {"model_name": "convnext"}
    return ConvNeXt([1, 1, 1, 1], [4, 8, 8, 8], default_size=32, weights=None, input_shape=(32, 32, 3), classes=3, **named)


def depthwise():
    x = image(12)
    y = layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, name="dw")(x)
    y = layers.Dropout(0.3, noise_shape=(None, 1, 1, 1), name="drop")(y)
    y = layers.SeparableConv2D(5, 3, padding="same", use_bias=False, name="sep")(y)
    y = layers.BatchNormalization(name="bn")(y)
    y = layers.GlobalAveragePooling2D(name="gap")(layers.ReLU(6, name="relu6")(y))
    return keras.Model(x, layers.Dense(4, activation="softmax", name="classes")(y), name="depthwise")


def record(build):
    model = build()
    for weight in model.weights:
        value = RANDOM.normal(0.2, 0.4, weight.shape)
        weight.assign(np.abs(value) if "variance" in weight.name else value)
    x = RANDOM.normal(0, 1, (2, *model.input_shape[1:])).astype("float32")
    y = np.asarray(model(x, training=False))
    name = f"{build.__name__}-{GENERATION}"
    model.save(OUT / f"{name}.h5")
    if GENERATION == 3:
        model.save(OUT / f"{name}.keras")
        model.save_weights(OUT / f"{name}.weights.h5")
    print(name, model.count_params(), y[0])
    return {"input": x.ravel().tolist(), "shape": list(x.shape), "output": y.ravel().tolist()}


def check(folder):
    """What regraft wrote, NAME-*.h5 and NAME-*.keras, as Keras reads it back."""
    expected = json.loads((OUT / f"expected-{GENERATION}.json").read_text())
    from keras.src.applications.convnext import LayerScale

    for path in sorted(Path(folder).iterdir()):
        name = path.name.split("-")[0]
        if path.suffix not in (".h5", ".keras") or name not in expected:
            continue
        record = expected[name]
        try:
            model = keras.models.load_model(path, custom_objects={"LayerScale": LayerScale}, compile=False)
            y = np.asarray(model(np.array(record["input"], "float32").reshape(record["shape"]), training=False))
            print(f"{path.name}: largest difference {abs(y.ravel() - np.array(record['output'])).max():.1e}")
        except Exception as error:
            print(f"{path.name}: not read: {str(error).splitlines()[0][:200]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(check(sys.argv[1]))
    OUT.mkdir(parents=True, exist_ok=True)
    expected = {build.__name__: record(build) for build in (norms, slices, convnext, depthwise)}
    rounded = json.loads(json.dumps(expected), parse_float=lambda text: round(float(text), 7))
    (OUT / f"expected-{GENERATION}.json").write_text(json.dumps({"keras": keras.__version__, **rounded}) + "\n")
