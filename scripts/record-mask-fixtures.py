#!/usr/bin/env python3
"""Records what the tests of masks compare with, into test/fixtures/masks: pycocotools' outlines, Pillow's PNGs, torchmetrics' scores.

Needs pycocotools, Pillow, PyTorch, torchmetrics and SciPy; run from the repository root: python3 scripts/record-mask-fixtures.py
"""
import base64
import importlib.metadata
import importlib.util
import io
import json
import pathlib

import numpy as np
import PIL
import torch
from PIL import Image
from pycocotools import mask as coco
from scipy.ndimage import distance_transform_edt
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix, MulticlassF1Score, MulticlassJaccardIndex

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "test" / "fixtures" / "masks"
spec = importlib.util.spec_from_file_location("ops", ROOT / "scripts" / "record-op-fixtures.py")
ops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ops)
random = np.random.default_rng(0)


def outlines():
    """Polygons in an image of width x height, and their run lengths as COCO's text."""
    width, height = 37, 23
    polygons = {
        "square": [2, 3, 10, 3, 10, 9, 2, 9],
        "the other way round": [2, 9, 10, 9, 10, 3, 2, 3],
        "halves of pixels": [2.5, 3.5, 10.5, 3.5, 10.5, 9.5, 2.5, 9.5],
        "a triangle of fractions": [0.1, 0.2, 36.7, 5.3, 11.9, 22.8],
        "the whole image": [0, 0, 37, 0, 37, 23, 0, 23],
        "past the image": [-10, -5, 60, -3, 50.5, 40.25, -7, 33],
        "outside": [40, 5, 50, 5, 50, 9],
        "crossing itself": [2, 2, 30, 20, 30, 2, 2, 20],
        "a line": [2, 2, 30, 2, 2, 2],
        "a point": [5, 5, 5, 5, 5, 5],
        "the same corner twice": [2, 2, 2, 2, 20, 5, 20, 5, 9, 19],
        "on the right edge": [30, 0, 36.9, 0, 37, 23, 30, 22.9],
        "narrow": [10.4, 1, 10.6, 1, 10.6, 20, 10.4, 20],
    }
    for n in range(12):
        count = int(random.integers(3, 12))
        points = random.uniform(-5, 40, (count, 2)) if n % 2 else random.integers(0, 37, (count, 2))
        polygons[f"random {n}"] = [round(float(v), 2) for v in points.flatten()]
    out = {"width": width, "height": height, "polygons": []}
    for name, points in polygons.items():
        rle = coco.frPyObjects([[float(v) for v in points]], height, width)[0]
        out["polygons"].append({
            "name": name, "points": points, "counts": rle["counts"].decode(),
            "area": int(coco.area(rle)), "box": [float(v) for v in coco.toBbox(rle)],
        })
    noise = (random.random((height, width)) < 0.3).astype(np.uint8)
    several = [polygons["square"], polygons["a triangle of fractions"], polygons["crossing itself"]]
    joined = coco.merge(coco.frPyObjects([[float(v) for v in p] for p in several], height, width))
    big = np.zeros((700, 900), np.uint8)
    big[100:650, 3:880] = 1
    big[300:310, 400:420] = 0
    return {
        **out,
        "noise": {"rows": ["".join(map(str, row)) for row in noise], "counts": coco.encode(np.asfortranarray(noise))["counts"].decode()},
        "several": {"polygons": several, "counts": joined["counts"].decode()},
        "big": {"size": [700, 900], "counts": coco.encode(np.asfortranarray(big))["counts"].decode(), "area": int(big.sum())},
    }


def pngs():
    """The same indices in every kind of PNG that a mask comes in."""
    indices = (np.arange(7 * 5).reshape(5, 7) * 3) % 4
    palette = [v for k in range(256) for v in (k * 5 % 256, k * 3 % 256, 255 - k)]

    def encoded(image, **options):
        stream = io.BytesIO()
        image.save(stream, "PNG", **options)
        return base64.b64encode(stream.getvalue()).decode()

    def of_palette(values, bits):
        image = Image.fromarray(values.astype(np.uint8), "P")
        image.putpalette(palette[: 3 * 2**bits])
        return encoded(image, bits=bits)

    grey = indices.astype(np.uint8)
    colours = np.asarray(palette, np.uint8).reshape(256, 3)[indices]
    alpha = np.dstack([colours, np.full((5, 7), 9, np.uint8)])
    return {
        "values": indices.flatten().tolist(),
        "palette of 1 bit": of_palette(indices % 2, 1),
        "palette of 2 bits": of_palette(indices, 2),
        "palette of 4 bits": of_palette(indices, 4),
        "palette of 8 bits": of_palette(indices, 8),
        "grey of 8 bits": encoded(Image.fromarray(grey)),
        "grey of 16 bits": encoded(Image.fromarray((indices * 1000).astype(np.uint16))),
        "grey of 1 bit": encoded(Image.fromarray((indices % 2 * 255).astype(np.uint8)).convert("1")),
        "grey and alpha": encoded(Image.fromarray(np.dstack([grey, np.full((5, 7), 9, np.uint8)]), "LA")),
        "colour": encoded(Image.fromarray(colours)),
        "colour and alpha": encoded(Image.fromarray(alpha)),
    }


def scores():
    """Labels by the formula of test/ops/inputs.ts; a few of 255 are ignored."""
    out = []
    for seed, (pixels, classes, used) in enumerate([(1000, 3, 3), (4096, 21, 9), (64, 2, 2), (50, 4, 1)]):
        truth = ops.fill({"kind": "labels", "shape": [pixels], "classes": used}, seed).astype(np.int64)
        found = ops.fill({"kind": "labels", "shape": [pixels], "classes": used}, seed + 50).astype(np.int64)
        agree = np.arange(pixels) % 3 != 0
        found[agree] = truth[agree]
        truth[np.arange(pixels) % 17 == 5] = 255
        target, preds = torch.from_numpy(truth)[None], torch.from_numpy(found)[None]
        options = {"num_classes": classes, "ignore_index": 255, "validate_args": False}
        matrix = MulticlassConfusionMatrix(**options)(preds, target)
        out.append({
            "arguments": [pixels, classes, used, seed],
            "confusion": matrix.flatten().tolist(),
            "iou": MulticlassJaccardIndex(average=None, **options)(preds, target).double().tolist(),
            "meanIoU": float(MulticlassJaccardIndex(average="macro", **options)(preds, target)),
            "dice": MulticlassF1Score(average=None, **options)(preds, target).double().tolist(),
            "pixelAccuracy": float(MulticlassAccuracy(average="micro", **options)(preds, target)),
        })
    return out


def labels(width, height, a, b, classes):
    """Rings; shifted by a and b."""
    x, y = np.meshgrid(np.arange(width) + a, np.arange(height) + b)
    return ((x * x + 3 * y * y) >> 7) % classes


def boundaries():
    """Boundary F1 by distance transforms; the last rows are ignored."""
    out = []
    for width, height, classes, a, b, ignored, tolerance in [
        (48, 40, 3, 0, 0, 0, None), (48, 40, 3, 1, 0, 5, 1), (48, 40, 4, 3, 2, 4, 2.5), (300, 200, 2, 2, 1, 0, None), (20, 30, 3, 6, 6, 3, 0),
    ]:
        truth, found = labels(width, height, 0, 0, classes), labels(width, height, a, b, classes)
        if ignored:
            truth[-ignored:] = found[-ignored:] = 255
        near = 0.0075 * np.hypot(width, height) if tolerance is None else tolerance

        def edge(image, k):
            padded = np.pad(image, 1, constant_values=255)
            others = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
            return (image == k) & np.any([(o != k) & (o != 255) for o in others], 0)

        scores = []
        for k in range(classes):
            t, f = edge(truth, k), edge(found, k)
            if not t.any() and not f.any():
                scores.append(None)
                continue
            share = lambda p, q: float((distance_transform_edt(~q)[p] <= near).mean()) if p.any() and q.any() else 0.0
            precision, recall = share(f, t), share(t, f)
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        out.append({"arguments": [width, height, classes, a, b, ignored, tolerance], "f1": scores})
    return out


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    versions = {name: importlib.metadata.version(name) for name in ("pycocotools", "pillow", "torchmetrics", "scipy", "numpy")}
    for name, content in (("outlines", outlines()), ("png", pngs()), ("scores", {"cases": scores(), "boundaries": boundaries()})):
        text = json.dumps({"versions": versions, **content}, separators=(",", ":"))
        (OUT / f"{name}.json").write_text(text.replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main()
