#!/usr/bin/env python3
"""Records test/fixtures/augment: what torchvision's RandAugment and TrivialAugmentWide make of images, operation by operation, and the tables
of their magnitudes.

Only whoever re-records needs this (torchvision 0.29, Pillow 13); run from the repository root: python3 scripts/record-augment-fixtures.py.
All pixels come from formulas. Results lie one below the other in one sheet, in the order of cases.json.
"""
import importlib.util
import json
import pathlib

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import v2

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "test" / "fixtures" / "augment"
spec = importlib.util.spec_from_file_location("data", ROOT / "scripts" / "record-data-fixtures.py")
data = importlib.util.module_from_spec(spec)
spec.loader.exec_module(data)

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


if __name__ == "__main__":
    main()
