#!/usr/bin/env python3
"""Records test/fixtures/augment: what torchvision's RandAugment and TrivialAugmentWide make of images, operation by operation, and the tables
of their magnitudes; what MixUp and CutMix make of a batch, the loss of what they make, and ten steps of training on it.

Only whoever re-records needs this (torchvision 0.29, Pillow 13, scikit-learn); run from the repository root:
python3 scripts/record-augment-fixtures.py. All pixels come from formulas. Results of operations lie one below the other in one sheet, in the order
of cases.json.
"""
import importlib.util
import json
import pathlib

import numpy as np
import PIL
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torchvision.transforms import v2

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "test" / "fixtures" / "augment"


def sibling(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"record-{name}-fixtures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


data, task = sibling("data"), sibling("task")

SPACES = {"RandAugment": v2.RandAugment(), "TrivialAugmentWide": v2.TrivialAugmentWide()}
MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


def sources() -> dict:
    """Odd sides; a square, whose quarter turns keep its size; one without contrast; one smaller than a filter."""
    dull = data.pattern(25, 19).point(lambda v: 30 + v * 3 // 5)
    return {"wide": dull, "square": data.pattern(24, 24), "flat": Image.new("RGB", (9, 7), (40, 90, 200)), "tiny": data.pattern(2, 2)}


def magnitudes(space: str, operation: str, bins: int, width: int, height: int):
    table, signed = SPACES[space]._AUGMENTATION_SPACE[operation]
    values = table(bins, height, width)
    return (None if values is None else [float(v) for v in values]), signed


def cases(images: dict):
    for space in SPACES:
        for operation in SPACES[space]._AUGMENTATION_SPACE:
            values, signed = magnitudes(space, operation, 31, 25, 19)
            chosen = [0.0] if values is None else [values[k] for k in (0, 9, 20, 30)]
            for interpolation in ("nearest", "bilinear", "bicubic") if operation in MOVING else ("nearest",):
                for k, magnitude in enumerate(chosen):
                    fill = 0 if k % 2 else 200
                    for sign in (1, -1) if signed and magnitude and interpolation == "nearest" else (1 - 2 * (k % 2) if signed else 1,):
                        yield "wide", space, operation, sign * magnitude, interpolation, fill
    for operation, magnitude in (("Rotate", 90.0), ("Rotate", -90.0), ("Rotate", 180.0), ("Rotate", 45.0), ("ShearX", 0.99)):
        for interpolation in ("nearest", "bilinear", "bicubic"):
            yield "square", "TrivialAugmentWide", operation, magnitude, interpolation, 7
    for source in ("square", "flat", "tiny"):
        for operation, magnitude in (("AutoContrast", 0.0), ("Equalize", 0.0), ("Sharpness", 0.9), ("Contrast", -0.9), ("Rotate", 30.0)):
            yield source, "RandAugment", operation, magnitude, "bilinear", 0


SHARES = [1.0, 0.75, 0.3, 0.015625, 0.9, 0.5, 0.0, 0.62, 0.2, 0.8]
BOXES = [(0, 0, 0, 0), (2, 3, 7, 5), (0, 0, 8, 8), (5, 0, 8, 3), (0, 6, 1, 8), (1, 1, 2, 7), (3, 2, 6, 6), (0, 4, 8, 5), (4, 4, 8, 8), (2, 0, 5, 8)]


def mixed(images, labels, classes: int, kind: str, k: int):
    """The batch as the transform makes it of the k-th share or box (left, top, right, bottom)."""
    if kind == "mixup":
        transform, params = v2.MixUp(num_classes=classes), {"lam": SHARES[k]}
    else:
        left, top, right, bottom = BOXES[k]
        area = (right - left) * (bottom - top) / (images.shape[-1] * images.shape[-2])
        transform, params = v2.CutMix(num_classes=classes), {"box": BOXES[k], "lam_adjusted": 1.0 - area}
    params.update(labels=labels, batch_size=len(labels))
    return transform.transform(images, params), transform.transform(labels, params)


def mixes(kind: str) -> list:
    """A batch of five, small enough to hold, in the nine digits that tell a float32."""
    images = torch.from_numpy(task.values("uniform", [5, 1, 8, 8], 31).astype(np.float32))
    labels = torch.tensor([2, 0, 3, 1, 2])
    made = [mixed(images, labels, 4, kind, k) for k in (1, 2, 3)]
    digits = lambda part: [float(f"{v:.9g}") for v in part.flatten().tolist()]
    return [{"images": digits(x), "targets": digits(y)} for x, y in made]


def losses() -> list:
    logits = torch.from_numpy(task.values("uniform", [7, 5], 41, 4).astype(np.float64)).requires_grad_()
    shares = torch.from_numpy(task.values("uniform", [7, 5], 42).astype(np.float64)).softmax(1)
    weight = torch.tensor([1.0, 2.0, 0.5, 4.0, 0.25], dtype=torch.float64)
    out = []
    for options in ({}, {"reduction": "sum"}, {"reduction": "none"}, {"label_smoothing": 0.1}, {"weight": weight}, {"weight": weight, "label_smoothing": 0.3}):
        logits.grad = None
        value = F.cross_entropy(logits, shares, **options)
        value.sum().backward()
        told = {name: v.tolist() if isinstance(v, torch.Tensor) else v for name, v in options.items()}
        out.append({"options": told, "loss": value.flatten().tolist(), "grad": logits.grad.flatten().tolist()})
    return [{"shares": shares.flatten().tolist()}, *out]


def training(kind: str) -> dict:
    """Losses of ten steps of SGD with momentum on mixed batches of the same 17 images, in float64; and the head's bias after them."""
    torch.set_default_dtype(torch.float64)
    images = torch.from_numpy(task.values("uniform", [17, 3, 8, 8], 3).astype(np.float64))
    labels = torch.arange(17) * 5 % 3
    model = task.Net(3).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    told = []
    for k in range(10):
        optimizer.zero_grad()
        x, y = mixed(images, labels, 3, kind, k)
        value = F.cross_entropy(model(x), y)
        value.backward()
        optimizer.step()
        told.append(value.item())
    torch.set_default_dtype(torch.float32)
    return {"losses": told, "bias": model.fc.bias.tolist()}


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    images = sources()
    for name, image in images.items():
        image.save(OUT / f"{name}.png")
    rows, results = [], []
    for source, space, operation, magnitude, interpolation, fill in cases(images):
        result = SPACES[space]._apply_image_or_video_transform(
            images[source], operation, magnitude, interpolation=v2.InterpolationMode(interpolation), fill={Image.Image: fill})
        results.append(np.asarray(result))
        rows.append({"source": source, "operation": operation, "magnitude": magnitude, "interpolation": interpolation, "fill": fill})
    sheet = np.zeros((sum(r.shape[0] for r in results), max(r.shape[1] for r in results), 3), np.uint8)
    top = 0
    for row, result in zip(rows, results):
        sheet[top:top + result.shape[0], :result.shape[1]] = result
        row["top"] = top
        top += result.shape[0]
    Image.fromarray(sheet).save(OUT / "sheet.png", optimize=True)
    tables = [
        {"space": space, "operation": operation, "bins": bins, "signed": signed, "magnitudes": values}
        for space in SPACES for operation in SPACES[space]._AUGMENTATION_SPACE for bins in (31, 10)
        for values, signed in [magnitudes(space, operation, bins, 25, 19)]
    ]
    text = ",\n".join(json.dumps(row) for row in rows), ",\n".join(json.dumps(row) for row in tables)
    versions = json.dumps({"torchvision": torchvision.__version__, "pillow": PIL.__version__})
    (OUT / "cases.json").write_text(f'{{"versions": {versions},\n"cases": [\n{text[0]}\n],\n"tables": [\n{text[1]}\n]}}\n')
    kinds = ("mixup", "cutmix")
    mix = {
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "shares": SHARES, "boxes": BOXES,
        "mixes": {kind: mixes(kind) for kind in kinds},
        "losses": losses(),
        "training": {kind: training(kind) for kind in kinds},
    }
    (OUT / "mix.json").write_text(json.dumps(mix) + "\n")


if __name__ == "__main__":
    main()
