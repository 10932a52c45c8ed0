"""Records test/fixtures/models/segmentation.json from PyTorch, torchvision and segmentation-models-pytorch (see `versions` in the file).

    python3 scripts/record-segmentation-fixtures.py [NETWORK …]

With networks named, of the others what is recorded stays. Weights and inputs come from the hash of record-model-fixtures.py. Of each network: its
keys in their order, what it puts out in evaluation, and the loss and the gradients of a training step, computed in float64; the script prints how far
PyTorch's own float32 is from them.
"""
import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("models", HERE / "record-model-fixtures.py")
models = importlib.util.module_from_spec(spec)
spec.loader.exec_module(models)
OUT = HERE.parent / "test" / "fixtures" / "models" / "segmentation.json"


# The widespread form of U-Net (Ronneberger et al. 2015) in PyTorch, written anew with its names.
class DoubleConv(nn.Module):
    def __init__(self, channels, out, middle=None):
        super().__init__()
        middle = middle or out
        layers = [
            nn.Conv2d(channels, middle, 3, padding=1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(inplace=True),
            nn.Conv2d(middle, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
        ]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(channels, out))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, channels, out, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        else:
            self.up = nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)
        self.conv = DoubleConv(channels, out, channels // 2 if bilinear else None)

    def forward(self, x, skip):
        x = self.up(x)
        tall, wide = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = F.pad(x, [wide // 2, wide - wide // 2, tall // 2, tall - tall // 2])
        return self.conv(torch.cat([skip, x], 1))


class OutConv(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, channels=3, classes=2, width=64, bilinear=False):
        super().__init__()
        factor = 2 if bilinear else 1
        self.inc = DoubleConv(channels, width)
        self.down1, self.down2 = Down(width, 2 * width), Down(2 * width, 4 * width)
        self.down3, self.down4 = Down(4 * width, 8 * width), Down(8 * width, 16 * width // factor)
        self.up1, self.up2 = Up(16 * width, 8 * width // factor, bilinear), Up(8 * width, 4 * width // factor, bilinear)
        self.up3, self.up4 = Up(4 * width, 2 * width // factor, bilinear), Up(2 * width, width, bilinear)
        self.outc = OutConv(width, classes)

    def forward(self, x):
        a = self.inc(x)
        b = self.down1(a)
        c = self.down2(b)
        d = self.down3(c)
        y = self.up1(self.down4(d), d)
        return self.outc(self.up4(self.up3(self.up2(y, c), b), a))


def torchvision_network(name, classes):
    options = {} if name.startswith("lraspp") else {"aux_loss": True}
    return getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None, num_classes=classes, **options)


def smp_network(encoder, classes):
    import segmentation_models_pytorch as smp

    model = smp.Unet(encoder, encoder_weights=None, classes=classes)
    # What is left out at random in training is none.
    if encoder.startswith("efficientnet"):
        model.encoder._drop_connect_rate = 0
    return model


def build(case):
    kind, options = case["network"], case.get("options", {})
    if kind == "unet":
        names = {"channels": "channels", "width": "width", "bilinear": "bilinear"}
        return UNet(classes=case["classes"], **{names[k]: v for k, v in options.items()})
    if kind == "smpUnet":
        return smp_network(options["encoder"], case["classes"])
    return torchvision_network(kind, case["classes"])


def outputs_of(y):
    return y if isinstance(y, dict) else {"out": y}


def loss_of(outputs, labels):
    losses = {k: F.cross_entropy(v, labels, ignore_index=255) for k, v in outputs.items()}
    return losses["out"] + (0.5 * losses["aux"] if "aux" in losses else 0)


def labels_of(batch, classes, height, width):
    """Blocks of classes, and a border of pixels that do not count."""
    n, y, x = np.meshgrid(range(batch), range(height), range(width), indexing="ij")
    labels = (n + y // 7 + 2 * (x // 5)) % classes
    labels[:, :2] = 255
    return torch.from_numpy(labels.astype(np.int64))


def samples(t, count):
    flat = t.detach().flatten().double()
    return {"norm": float(f"{flat.norm().item():.8g}"), "values": models.packed(flat[[k * flat.numel() // count for k in range(count)]])}


def prepared(case, x, shifted):
    model = models.hash_weights(build(case), case.get("gain", 1)).train()
    for m in model.modules():
        if isinstance(m, nn.Dropout) or case.get("frozenNorms") and isinstance(m, nn.BatchNorm2d):
            m.eval()
    if shifted:
        case["shifts"] = models.clear_bends(model, x)
    return model


def record(case):
    kinds = {torch.float32: "float32", torch.int64: "int64"}
    model = build(case)
    lines = [f"{k} [{', '.join(map(str, v.shape))}] {kinds[v.dtype]}" for k, v in model.state_dict().items()]
    case["state"] = models.digest("\n".join(lines))
    case["parameters"] = sum(p.numel() for p in model.parameters())
    if "size" not in case:
        return case
    height, width = case["size"]
    x = models.hash_input((case["batch"], case.get("options", {}).get("channels", 3), height, width))
    model = models.hash_weights(build(case), case.get("gain", 1)).eval()
    with torch.no_grad():
        near = outputs_of(model(x))
        far = outputs_of(model.double()(x.double()))
    error = {k: ((near[k] - v).abs().max() / v.abs().max()).item() for k, v in far.items()}
    case["outputs"] = {k: {"shape": list(v.shape), **samples(v, 200)} for k, v in far.items()}
    if case.get("step", True):
        labels = labels_of(case["batch"], case["classes"], height, width)
        model = prepared(case, x, case.get("bends", True))
        state = {k: v.clone() for k, v in model.state_dict().items()}
        gradients = []
        for kind in (torch.float32, torch.float64):
            model.to(kind).load_state_dict(state)
            model.zero_grad()
            loss = loss_of(outputs_of(model(x.to(kind))), labels)
            loss.backward()
            gradients.append({k: p.grad.double().clone() for k, p in model.named_parameters() if p.grad is not None})
        case["loss"] = float(f"{loss.item():.9g}")
        case["gradients"] = {k: samples(g, 4) for k, g in gradients[1].items()}
        largest = max(g.norm().item() for g in gradients[1].values())
        error["gradients"] = max(
            ((gradients[0][k] - g).norm() / max(g.norm().item(), 1e-4 * largest)).item() for k, g in gradients[1].items()
        )
    print(f"{case['network']} {case.get('options', '')}: float32 errors {error}", flush=True)
    return case


# Of those without a size, keys and counts alone.
CASES = [
    {"network": "unet", "classes": 2},
    {"network": "unet", "options": {"width": 8, "channels": 1}, "classes": 3, "batch": 2, "size": [39, 50], "gain": 2},
    {"network": "unet", "options": {"width": 8, "bilinear": True}, "classes": 2, "batch": 2, "size": [37, 53], "gain": 2},
    {"network": "fcn_resnet50", "classes": 21, "batch": 2, "size": [33, 41], "gain": 1.3},
    {"network": "fcn_resnet101", "classes": 21},
    {"network": "deeplabv3_resnet50", "classes": 5, "batch": 2, "size": [33, 41], "gain": 1.3, "step": False},
    {"network": "deeplabv3_resnet101", "classes": 21},
    {"network": "deeplabv3_mobilenet_v3_large", "classes": 6, "batch": 2, "size": [49, 65], "gain": 1.6, "bends": False},
    {"network": "lraspp_mobilenet_v3_large", "classes": 6, "batch": 2, "size": [49, 65], "gain": 1.6, "bends": False},
    {"network": "smpUnet", "options": {"encoder": "resnet18"}, "classes": 3, "batch": 2, "size": [64, 96], "gain": 1.3, "frozenNorms": True},
    {"network": "smpUnet", "options": {"encoder": "resnet34"}, "classes": 1},
    {"network": "smpUnet", "options": {"encoder": "resnet50"}, "classes": 3},
    {"network": "smpUnet", "options": {"encoder": "resnet101"}, "classes": 3},
    {"network": "smpUnet", "options": {"encoder": "mobilenet_v2"}, "classes": 3, "batch": 2, "size": [64, 96], "gain": 1.5, "frozenNorms": True},
    {"network": "smpUnet", "options": {"encoder": "efficientnet-b0"}, "classes": 3, "batch": 2, "size": [64, 96], "gain": 1.5, "frozenNorms": True, "bends": False},
    {"network": "smpUnet", "options": {"encoder": "efficientnet-b1"}, "classes": 3, "batch": 1, "size": [64, 64], "gain": 1.5, "step": False},
    {"network": "smpUnet", "options": {"encoder": "efficientnet-b2"}, "classes": 3, "batch": 1, "size": [64, 64], "gain": 1.5, "step": False},
    {"network": "smpUnet", "options": {"encoder": "efficientnet-b3"}, "classes": 3, "batch": 1, "size": [64, 64], "gain": 1.5, "step": False},
    {"network": "smpUnet", "options": {"encoder": "efficientnet-b4"}, "classes": 3, "batch": 1, "size": [64, 64], "gain": 1.5, "step": False},
]


def main(only):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    before = json.loads(OUT.read_text())["cases"] if only else []
    cases = []
    for case in CASES:
        if only and case["network"] not in only:
            cases += [old for old in before if all(old.get(k) == v for k, v in case.items())]
        else:
            cases.append(record(dict(case)))
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    try:
        import segmentation_models_pytorch as smp

        versions["segmentation_models_pytorch"] = smp.__version__
    except ImportError:
        pass
    OUT.write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
