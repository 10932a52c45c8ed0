"""Records networks of timm and transformers as the Hugging Face hub has them: the configurations, the names and shapes of the
weights, and logits with weights from a hash. Recorded with timm 1.0.31, transformers 5.24.0, torch 2.14.1; needs no network.

    python3 scripts/record-hub-fixtures.py
"""
import json
import pathlib
import tempfile

import numpy as np
import timm
import torch
import torchvision
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextImageProcessor,
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    MobileNetV2ImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
)

OUT = pathlib.Path(__file__).parent.parent / "test/fixtures/hub/networks.json"
SIDE = 64
LABELS = {"id2label": {0: "ant", 1: "bee", 2: "cat"}, "label2id": {"ant": 0, "bee": 1, "cat": 2}}


def unit(tensor, count):
    """Uniform in [0, 1): hashUnit of test/models/hash-weights.ts."""
    x = np.arange(count, dtype=np.uint32) + np.uint32((tensor * 0x9E3779B9) & 0xFFFFFFFF)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    x ^= x >> np.uint32(15)
    return (x >> np.uint32(8)).astype(np.float64) / 16777216


def values(index, name, shape, gain):
    """hashValues there; the weights of norms times `gain`."""
    count = int(np.prod(shape))
    u = unit(index, count)
    if len(shape) >= 2:
        made = (2 * u - 1) * np.sqrt(6 / (count / shape[0]))
    elif name.endswith("running_var"):
        made = 0.5 + u
    elif name.endswith("weight"):
        made = (0.25 + 0.5 * u).astype(np.float32) * np.float32(gain)
    else:
        made = (2 * u - 1) * 0.1
    return torch.from_numpy(made.astype(np.float32).reshape(shape))


def recorded(model, config, processor, gain):
    tensors = [(n, t) for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")]
    with torch.no_grad():
        for index, (name, tensor) in enumerate(tensors):
            tensor.copy_(values(index, name, tensor.shape, gain))
    model.eval()
    x = torch.from_numpy(((2 * unit(100_000, 3 * SIDE * SIDE) - 1) * 1.7).astype(np.float32)).reshape(1, 3, SIDE, SIDE)
    of = lambda y: getattr(y, "logits", y)[0].detach()
    logits, exact = of(model(x)), of(model.double()(x.double()))
    print(config.get("architecture") or config["model_type"], logits.tolist(), "float64 differs by", float((logits - exact).abs().max()),
          "of an empty image", float((exact - of(model(0 * x.double()))).abs().max()))
    return {"config": config, "processor": processor, "gain": gain, "logits": exact.float().tolist(),
            "tensors": [f"{n} {','.join(map(str, t.shape))}" for n, t in tensors]}


def of_timm(architecture, gain):
    model = timm.create_model(architecture, num_classes=3)
    cfg = {k: model.pretrained_cfg[k] for k in ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")}
    config = {"architecture": architecture, "num_classes": 3, "global_pool": "avg", "model_args": {"num_classes": 3}, "pretrained_cfg": cfg}
    return recorded(model, config, None, gain)


def of_transformers(model, processor, gain):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        config, processor = (json.loads((pathlib.Path(folder) / f).read_text()) for f in ("config.json", "preprocessor_config.json"))
    return recorded(model, config, processor, gain)


def check_trees():
    """timm's networks that are torchvision's by name have its tensors; the batch norms' epsilons are those that src/io/hub tells."""
    same = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
            "wide_resnet50_2", "wide_resnet101_2", "densenet121", "densenet161", "densenet169", "densenet201"]
    of = lambda model: {n: t.shape for n, t in model.state_dict().items()}
    eps = lambda model: {m.eps for m in model.modules() if hasattr(m, "eps")}
    tv = {"mobilenetv2_100": "mobilenet_v2", "mobilenetv3_large_100": "mobilenet_v3_large", "mobilenetv3_small_100": "mobilenet_v3_small",
          **{f"efficientnet_b{i}": f"efficientnet_b{i}" for i in range(8)}, **{f"efficientnetv2_{s}": f"efficientnet_v2_{s}" for s in "sml"},
          **{f"convnext_{s}": f"convnext_{s}" for s in ("tiny", "small", "base", "large")}, **{f"vgg{n}{b}": f"vgg{n}{b}" for n in (11, 13, 16, 19) for b in ("", "_bn")}}
    with torch.device("meta"):
        for name in same:
            ours, theirs = getattr(torchvision.models, name)(), timm.create_model(name)
            assert of(ours) == of(theirs) and eps(ours) == eps(theirs), name
        for theirs, ours in tv.items():
            a, b = timm.create_model(theirs), getattr(torchvision.models, ours)()
            sizes = lambda m: sum(t.numel() for t in m.state_dict().values())
            print(theirs, "eps", eps(a), "torchvision", eps(b), "as many numbers" if sizes(a) == sizes(b) else "another number of numbers")


check_trees()
networks = {
    "timm resnet18": of_timm("resnet18", 1.5),
    "timm mobilenetv2_100": of_timm("mobilenetv2_100", 2.2),
    "timm efficientnet_b0": of_timm("efficientnet_b0", 2.2),
    "timm convnext_tiny": of_timm("convnext_tiny", 1),
    "transformers resnet": of_transformers(
        ResNetForImageClassification(ResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], **LABELS)),
        ConvNextImageProcessor(crop_pct=0.875, size={"shortest_edge": 224}), 1.5),
    "transformers mobilenet_v2": of_transformers(
        MobileNetV2ForImageClassification(MobileNetV2Config(tf_padding=False, layer_norm_eps=1e-5, **LABELS)), MobileNetV2ImageProcessor(), 2.2),
    "transformers convnext": of_transformers(
        ConvNextForImageClassification(ConvNextConfig(**LABELS)), ConvNextImageProcessor(size={"shortest_edge": 384}), 1),
}
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({"side": SIDE, "networks": networks}, indent=1) + "\n")
