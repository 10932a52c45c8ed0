#!/usr/bin/python3
"""Checks .h5, .keras and .weights.h5 files that regraft wrote against what Keras 2 and 3 write and look for when they read:
groups, attributes, names and their order, types, shapes, each from the model's configuration. Prints what the files hold, as JSON.

Needs h5py, no Keras. A .weights.h5 has no configuration: it is checked by that of a file before it. Usage:
    for out in small.h5 small.keras small.weights.h5; do
        npx tsx --conditions=regraft-source src/cli/main.ts convert test/fixtures/keras/whole.h5 runs/$out
    done
    python3 scripts/check-keras-write.py runs/small.h5 runs/small.keras runs/small.weights.h5 > test/fixtures/keras/written.json

Sources, by their paths in Keras: saving/legacy/hdf5_format.py (2), legacy/saving/legacy_h5_format.py and saving/saving_lib.py (3).
"""
import io
import json
import re
import sys
import zipfile
from pathlib import Path

import h5py

MODELS = ("Sequential", "Functional", "Model")
ANY = None


def expect(what, found, expected):
    assert found == expected, f"{what}: expected {expected}, found {found}"


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def layer_weights(kind, config):
    """(name, shape, dtype) of a layer's weights in Keras's order; ANY for sizes that follow from the input."""
    if kind == "Normalization":
        return [] if config.get("mean") is not None else [
            ("mean", [ANY], "float32"), ("variance", [ANY], "float32"), ("count", [], "int64")]
    if kind == "BatchNormalization":
        names = ["gamma"] * config["scale"] + ["beta"] * config["center"] + ["moving_mean", "moving_variance"]
        return [(name, [ANY], "float32") for name in names]
    bias = lambda size: [("bias", [size], "float32")] * config["use_bias"]
    if kind == "Dense":
        return [("kernel", [ANY, config["units"]], "float32"), *bias(config["units"])]
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return []
    size = pair(config["kernel_size"])
    if kind == "Conv2D":
        return [("kernel", [*size, ANY, config["filters"]], "float32"), *bias(config["filters"])]
    depthwise = ("depthwise_kernel", [*size, ANY, config["depth_multiplier"]], "float32")
    if kind == "DepthwiseConv2D":
        return [depthwise, *bias(ANY)]
    pointwise = ("pointwise_kernel", [1, 1, ANY, config["filters"]], "float32")
    return [depthwise, pointwise, *bias(config["filters"])]


def layers_of(model):
    """(class, name, configuration) of a model's layers, as `model.layers` has them."""
    layers = [(layer["class_name"], layer["config"]["name"], layer["config"]) for layer in model["config"]["layers"]]
    return [layer for layer in layers if not (model["class_name"] == "Sequential" and layer[0] == "InputLayer")]


def all_weights(kind, name, config):
    """As layer_weights, with names in the layer; of a model in the model, trainable ones first."""
    if kind not in MODELS:
        return layer_weights(kind, config)
    inner = [(f"{n}/{w}", shape, dtype)
             for k, n, c in layers_of({"class_name": kind, "config": config}) for w, shape, dtype in all_weights(k, n, c)]
    fixed = lambda weight: re.search(r"(moving_mean|moving_variance|mean|variance|count)$", weight[0]) is not None
    return sorted(inner, key=fixed)


def check_dataset(where, data, shape, dtype):
    expect(f"{where}, type", data.dtype.str, {"float32": "<f4", "int64": "<i8"}[dtype])
    expect(f"{where}, rank", len(data.shape), len(shape))
    expect(f"{where}, shape", [d if s is not ANY else ANY for d, s in zip(data.shape, shape)], shape)


def text(value):
    return value.decode("utf8") if hasattr(value, "decode") else value


def names_of(group, attribute):
    """A list of names, which Keras cuts into numbered parts where it is long: load_attributes_from_hdf5_group."""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    assert parts, f"{group.name}: has no {attribute}"
    return [text(name) for part in parts for name in part]


def check_h5(file):
    """A whole model as Keras 2 has it and Keras 3 still reads it; gives its configuration."""
    expect("attributes of /", sorted(file.attrs), ["backend", "keras_version", "model_config"])
    expect("groups of /", list(file), ["model_weights"])
    model = json.loads(text(file.attrs["model_config"]))
    expect("keys of model_config", list(model), ["class_name", "config"])
    root = file["model_weights"]
    for holder in (file, root):
        expect(f"{holder.name}@backend", text(holder.attrs["backend"]), "tensorflow")
        assert re.match(r"2\.\d+\.\d+$", text(holder.attrs["keras_version"])), "keras_version is none of Keras 2"
    expect("attributes of /model_weights", sorted(root.attrs), ["backend", "keras_version", "layer_names"])
    layers = layers_of(model)
    expect("layer_names", names_of(root, "layer_names"), [name for _, name, _ in layers])
    expect("groups of /model_weights", sorted(root), sorted(name for _, name, _ in layers))
    for kind, name, config in layers:
        group, weights = root[name], all_weights(kind, name, config)
        named = names_of(group, "weight_names")
        expect(f"weight_names of {name}", named, [f"{name}/{weight}:0" for weight, _, _ in weights])
        for weight, (_, shape, dtype) in zip(named, weights):
            check_dataset(weight, group[weight], shape, dtype)
        found = []
        group.visititems(lambda path, item: found.append(path) if isinstance(item, h5py.Dataset) else None)
        expect(f"data sets of {name}", sorted(found), sorted(named))
    return model


def snake_case(name):
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def check_weights(file, model, prefix="layers"):
    """Weights as Keras 3 has them, by class and number."""
    counts = {}
    for kind, name, config in layers_of(model):
        base = snake_case(kind)
        n = counts.get(base, 0)
        counts[base] = n + 1
        path = f"{prefix}/{base}_{n}" if n else f"{prefix}/{base}"
        if kind in MODELS:
            check_weights(file, {"class_name": kind, "config": config}, f"{path}/layers")
            continue
        group, weights = file[f"{path}/vars"], layer_weights(kind, config)
        expect(f"{path}/vars@name", text(group.attrs["name"]), name)
        expect(f"data sets of {path}/vars", sorted(group, key=int), [str(i) for i in range(len(weights))])
        for i, (weight, shape, dtype) in enumerate(weights):
            check_dataset(f"{path}/vars/{i} ({name}/{weight})", group[str(i)], shape, dtype)


def check_object(json_object, keys):
    """The form in which Keras 3 writes objects: serialization_lib.serialize_keras_object."""
    where = json_object["config"].get("name", json_object["class_name"])
    expect(f"keys of {where}", sorted(json_object), sorted(["module", "class_name", "config", "registered_name", *keys]))
    assert json_object["module"].startswith("keras"), f"{where}: is of module {json_object['module']}"


def check_keras(archive):
    """A .keras file; gives its weights and its configuration."""
    expect("entries", archive.namelist(), ["metadata.json", "config.json", "model.weights.h5"])
    metadata = json.loads(archive.read("metadata.json"))
    expect("keys of metadata.json", sorted(metadata), ["date_saved", "keras_version"])
    assert re.match(r"3\.\d+\.\d+$", metadata["keras_version"]), "keras_version is none of Keras 3"
    model = json.loads(archive.read("config.json"))
    check_object(model, [])
    check_config(model)
    return h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r"), model


def check_config(model):
    functional = model["class_name"] == "Functional"
    for layer in model["config"]["layers"]:
        check_object(layer, ["name", "inbound_nodes"] if functional else [])
        if layer["class_name"] in MODELS:
            check_config(layer)
        elif layer["class_name"] == "InputLayer":
            assert "batch_shape" in layer["config"], f"{layer['config']['name']}: has no batch_shape"
        else:
            expect(f"dtype of {layer['config']['name']}", layer["config"]["dtype"]["class_name"], "DTypePolicy")
        for node in layer.get("inbound_nodes", []):
            expect(f"a call of {layer['name']}", sorted(node), ["args", "kwargs"])
    if functional:
        names = [layer["name"] for layer in model["config"]["layers"]]
        for end in ("input_layers", "output_layers"):
            for name, _, _ in model["config"][end]:
                assert name in names, f"{end}: there is no layer {name}"


def kind_of(dtype):
    """`float32`, `int64`; `S12` for texts of 12 bytes, `S` for those of any length."""
    if dtype.kind in "fi":
        return dtype.name
    length = h5py.check_string_dtype(dtype).length
    return "S" if length is None else f"S{length}"


def structure(file):
    """A line for every group, attribute and data set; attributes but the configuration with what they say."""
    lines = []

    def add(path, item):
        is_data = isinstance(item, h5py.Dataset)
        lines.append(f"{path} {kind_of(item.dtype)}[{','.join(map(str, item.shape))}]" if is_data else path)
        for name in item.attrs:
            attribute = h5py.h5a.open(item.id, name.encode())
            line = f"{path}@{name} {kind_of(attribute.dtype)}[{','.join(map(str, attribute.shape))}]"
            value = item.attrs[name]
            says = [] if name == "model_config" else [value] if attribute.shape == () else value
            lines.append(" ".join([line, *map(text, says)]))

    add("/", file)
    file.visititems(lambda path, item: add(f"/{path}", item))
    return sorted(lines)


def main(paths):
    found, model = {}, None
    for path in map(Path, paths):
        if path.suffix == ".keras":
            file, model = check_keras(zipfile.ZipFile(path))
            check_weights(file, model)
        else:
            file = h5py.File(path, "r")
            if path.name.endswith(".weights.h5"):
                assert model, f"{path}: comes before any file with a configuration"
                check_weights(file, model)
            else:
                model = check_h5(file)
        found[path.name] = structure(file)
    print(json.dumps(found, indent=0))


if __name__ == "__main__":
    main(sys.argv[1:])
