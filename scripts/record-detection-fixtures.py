#!/usr/bin/env python3
"""Records what the tests of boxes compare with, into test/fixtures/detection: pycocotools' metric, torchvision's operations on boxes.

Boxes of the large cases follow the formula of test/ops/inputs.ts, so only results are held; the hostile ones are held with their boxes.
Needs PyTorch, torchvision and pycocotools; run from the repository root: python3 scripts/record-detection-fixtures.py
With --real FOLDER it also records the metric of made-up detections on the COCO files of that folder (red blood cells of the shared data).
"""
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import pathlib
import sys

import numpy as np
import torch
import torchvision
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision import ops as boxes_ops

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "test" / "fixtures" / "detection"
spec = importlib.util.spec_from_file_location("ops", ROOT / "scripts" / "record-op-fixtures.py")
ops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ops)


def uniform(shape, seed):
    """[-2, 2), exact in float32; arithmetic goes on in float64."""
    return ops.fill({"kind": "uniform", "shape": list(shape), "scale": 1}, seed).astype(np.float64)


# The metric


def image(truths, detections):
    """truths: x y w h label [area [crowd]]; detections: x y w h label score."""
    return {"truths": truths, "detections": detections}


def hostile():
    """Images by case, with few boxes each."""
    grid = [[20 * i, 20 * j, 16, 16, (i + j) % 2] for i in range(12) for j in range(12)]
    many = [[20 * (n % 12) + n % 3, 20 * (n // 12 % 12), 16, 16, n % 2, ((7 * n) % 50) / 50] for n in range(300)]
    return {
        "ties of scores": (2, [
            image([[0, 0, 10, 10, 0], [20, 0, 10, 10, 0], [40, 0, 10, 10, 1]],
                  [[0, 0, 10, 10, 0, 0.5], [60, 0, 10, 10, 0, 0.5], [20, 1, 10, 10, 0, 0.5], [40, 0, 9, 10, 1, 0.5]]),
            image([[0, 0, 10, 10, 0]], [[50, 0, 10, 10, 0, 0.5], [0, 0, 10, 10, 0, 0.5], [0, 0, 10, 10, 0, 0.5]]),
        ]),
        "equal overlaps": (1, [
            image([[0, 0, 10, 10, 0], [10, 0, 10, 10, 0], [0, 0, 10, 10, 0]],
                  [[5, 0, 10, 10, 0, 0.9], [0, 0, 10, 10, 0, 0.8], [5, 0, 10, 10, 0, 0.7], [0, 0, 20, 10, 0, 0.6]]),
        ]),
        "overlaps on the thresholds": (1, [
            image([[0, 0, 100, 100, 0]], [[0, 0, 100, p, 0, 0.9]]) for p in (50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100)
        ] + [image([[0.1, 0.2, 0.7, 0.3, 0]], [[0.1, 0.2, 0.7, 0.15, 0, 0.3]])]),
        "crowds": (2, [
            image([[0, 0, 200, 100, 0, 20000, 1], [10, 10, 20, 20, 0], [100, 10, 30, 30, 0]],
                  [[10, 10, 20, 20, 0, 0.9], [12, 10, 20, 20, 0, 0.8], [50, 50, 20, 20, 0, 0.7], [100, 12, 30, 30, 0, 0.6],
                   [300, 0, 20, 20, 0, 0.5], [0, 0, 200, 100, 0, 0.95], [150, 50, 100, 20, 0, 0.4]]),
            image([[0, 0, 50, 50, 1, 2500, 1]], [[0, 0, 50, 50, 1, 0.9], [0, 0, 50, 25, 1, 0.3], [40, 40, 50, 50, 1, 0.8]]),
        ]),
        "areas on the limits, and areas that are not the boxes'": (1, [
            image([[0, 0, 32, 32, 0, 1024], [100, 0, 96, 96, 0, 9216], [300, 0, 40, 40, 0, 1000], [400, 0, 20, 20, 0, 9217],
                   [500, 0, 10, 10, 0, 0]],
                  [[0, 0, 32, 32, 0, 0.9], [100, 0, 96, 96, 0, 0.8], [300, 0, 40, 40, 0, 0.7], [400, 0, 20, 20, 0, 0.6],
                   [500, 0, 10, 10, 0, 0.55], [600, 0, 32, 32, 0, 0.5], [600, 100, 96, 96, 0, 0.4], [700, 0, 33, 32, 0, 0.3]]),
        ]),
        "empty": (5, [
            image([[0, 0, 10, 10, 0]], []),
            image([], [[0, 0, 10, 10, 1, 0.5]]),
            image([], []),
            image([[0, 0, 10, 10, 2, 100, 1]], [[0, 0, 10, 10, 2, 0.9]]),
            image([[0, 0, 10, 10, 3], [0, 0, 40, 40, 3]], [[0, 0, 10, 10, 3, 0.9], [5, 5, 0, 0, 3, 0.8], [0, 0, -4, -4, 3, 0.7]]),
        ]),
        "nothing found": (2, [image([[0, 0, 10, 10, 0], [0, 0, 50, 50, 1]], [])]),
        "nothing there": (2, [image([], [[0, 0, 10, 10, 0, 0.5]])]),
        "more than 100 detections": (2, [image(grid, many), image(grid[:10], many[:120])]),
        "one image, many thresholds of score": (1, [
            image([[30 * i, 0, 20, 20, 0] for i in range(20)],
                  [[30 * i + (i % 5), i % 3, 20, 20, 0, 1 - i / 40] for i in range(30)]),
        ]),
    }


def formula(images, truths, found, classes, seed, levels):
    """Many boxes: detections lie near truths; scores have few levels, so that many are equal."""
    t, s = uniform([images, truths, 4], seed), uniform([images, truths], seed + 1)
    d, c = uniform([images, found, 4], seed + 2), uniform([images, found], seed + 3)
    out = []
    for i in range(images):
        true, det = [], []
        for j in range(truths):
            x, y, w, h = (t[i, j, 0] + 2) * 100, (t[i, j, 1] + 2) * 100, (t[i, j, 2] + 2.25) * 40, (t[i, j, 3] + 2.25) * 40
            label = int(np.floor((s[i, j] + 2) / 4 * classes))
            true.append([x, y, w, h, label, w * h * ((s[i, j] + 2) / 8 + 0.5), int(j % 7 == 3)])
        for j in range(found):
            x, y, w, h, label = true[j % truths][:5]
            x, y, w, h = x + d[i, j, 0] * 4, y + d[i, j, 1] * 4, w * (1 + d[i, j, 2] / 8), h * (1 + d[i, j, 3] / 8)
            if j % 5 == 4:
                label = (label + 1) % classes
            det.append([x, y, w, h, label, np.floor((c[i, j] + 2) / 4 * levels) / levels])
        # The first truths only: the rest of the detections are of nothing.
        out.append(image(true[: truths - i % 3], det))
    return out


FORMULAS = {
    "3 classes": (20, 9, 14, 3, 11, 16),
    "20 classes": (40, 30, 40, 20, 12, 1000),
    "1 class, 150 detections": (4, 60, 150, 1, 13, 8),
}


def evaluated(classes, images):
    """The numbers of COCOeval. Ids of annotations begin with 1: it takes a box of id 0 for none."""
    gt, dt = COCO(), COCO()
    annotations = [
        {"id": 0, "image_id": i, "category_id": t[4], "bbox": [float(v) for v in t[:4]],
         "area": float(t[5] if len(t) > 5 else t[2] * t[3]), "iscrowd": t[6] if len(t) > 6 else 0}
        for i, one in enumerate(images) for t in one["truths"]
    ]
    for n, annotation in enumerate(annotations):
        annotation["id"] = n + 1
    base = {"images": [{"id": i} for i in range(len(images))], "categories": [{"id": k} for k in range(classes)]}
    gt.dataset = {**base, "annotations": annotations}
    results = [
        {"image_id": i, "category_id": d[4], "bbox": [float(v) for v in d[:4]], "score": float(d[5])}
        for i, one in enumerate(images) for d in one["detections"]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        gt.createIndex()
        if results:
            dt = gt.loadRes(results)
        else:
            dt.dataset = {**base, "annotations": []}
            dt.createIndex()
        run = COCOeval(gt, dt, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision, recall, scores = run.eval["precision"], run.eval["recall"], run.eval["scores"]

    def mean(values):
        values = values[values > -1]
        return float(np.mean(values)) if len(values) else -1

    return {
        "stats": [float(v) for v in run.stats],
        "ap": [mean(precision[:, :, k, 0, 2]) for k in range(classes)],
        "ap50": [mean(precision[0, :, k, 0, 2]) for k in range(classes)],
        "ap75": [mean(precision[5, :, k, 0, 2]) for k in range(classes)],
        "recall": [mean(recall[:, k, 0, 2]) for k in range(classes)],
        # Of the last class at IoU 0.5: precision, and where the score changes.
        "curve": [float(v) for v in precision[0, :, classes - 1, 0, 2]],
        "scores": [float(v) for v in scores[0, :, classes - 1, 0, 2]],
    }


def metric():
    return {
        "versions": {"pycocotools": importlib.metadata.version("pycocotools"), "numpy": np.__version__},
        "hostile": {name: {"classes": k, "images": images, **evaluated(k, images)} for name, (k, images) in hostile().items()},
        "formulas": {
            name: {"arguments": list(arguments), **evaluated(arguments[3], formula(*arguments))}
            for name, arguments in FORMULAS.items()
        },
    }


def real(folder):
    """The red blood cells of the shared data: its boxes, shifted by a formula, as detections."""
    out = {}
    for part in ("valid", "test"):
        data = json.loads((pathlib.Path(folder) / part / "_annotations.coco.json").read_text())
        by_image = {one["id"]: image([], []) for one in sorted(data["images"], key=lambda one: one["id"])}
        for n, a in enumerate(data["annotations"]):
            x, y, w, h = a["bbox"]
            label = a["category_id"] - 1
            one = by_image[a["image_id"]]
            one["truths"].append([x, y, w, h, label, a["area"], a["iscrowd"]])
            if n % 11 != 5:
                one["detections"].append([x + n % 7, y - n % 5, w * (1 + n % 3 / 16), h, label, (n * 37 % 64) / 64])
            if n % 6 == 0:
                one["detections"].append([x / 2, y / 2, w, h, (label + n // 6) % 2, (n * 17 % 64) / 64])
        out[part] = evaluated(2, list(by_image.values()))
    return out


# Operations on boxes


def some_boxes(n, seed, size=100.0):
    u = torch.from_numpy(uniform([n, 4], seed)).float()
    x, y, w, h = [(u[:, i] + 2) * (size / 4) for i in range(4)]
    return torch.stack([x, y, x + w + 0.5, y + h + 0.5], 1)


def operations():
    a, b = some_boxes(9, 21), some_boxes(7, 22)
    # Equal, touching, inside, apart.
    a = torch.cat([a, torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [20, 20, 30, 60], [5, 5, 6, 6]])])
    b = torch.cat([b, torch.tensor([[0.0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 100, 100], [70, 80, 75, 81]])])
    double = {name: fn(a.double(), b.double()).flatten().tolist() for name, fn in {
        "iou": boxes_ops.box_iou, "giou": boxes_ops.generalized_box_iou,
        "diou": boxes_ops.distance_box_iou, "ciou": boxes_ops.complete_box_iou}.items()}
    convert = {
        f"{source} {to}": boxes_ops.box_convert(a.double(), source, to).flatten().tolist()
        for source in ("xyxy", "xywh", "cxcywh") for to in ("xyxy", "xywh", "cxcywh") if source != to
    }
    suppressed = []
    for n, seed, classes, levels, threshold in [(1, 1, 1, 4, 0.5), (40, 2, 1, 8, 0.5), (120, 3, 4, 10, 0.45), (300, 4, 3, 1000, 0.7)]:
        boxes = some_boxes(n, 30 + seed, 40.0)
        boxes[n // 2 :] = boxes[: n - n // 2] + (torch.arange(n - n // 2) % 4)[:, None].float()
        scores = torch.floor((torch.from_numpy(uniform([n], 40 + seed)).float() + 2) / 4 * levels) / levels
        labels = torch.arange(n) % classes
        suppressed.append({
            "arguments": [n, seed, classes, levels, threshold],
            "nms": boxes_ops.nms(boxes, scores, threshold).tolist(),
            # Class by class, as torchvision does from 1,000 boxes on: below, it shifts boxes, which costs bits.
            "batched": torchvision.ops.boxes._batched_nms_vanilla(boxes, scores, labels, threshold).tolist(),
            "shifted": boxes_ops.batched_nms(boxes, scores, labels, threshold).tolist(),
        })
    # The first overlaps by exactly a half with the second, and by more with the third.
    exact = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 5.5], [0, 0, 10, 10]])
    return {
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "a": a.flatten().tolist(), "b": b.flatten().tolist(), **double, "convert": convert,
        "clipped": boxes_ops.clip_boxes_to_image(a - 20, (50, 60)).flatten().tolist(),
        "small": boxes_ops.remove_small_boxes(a, 30).tolist(),
        "nms": suppressed,
        "exact": {"boxes": exact.flatten().tolist(), "scores": [0.5, 0.9, 0.8, 0.5],
                  "keep": boxes_ops.nms(exact, torch.tensor([0.5, 0.9, 0.8, 0.5]), 0.5).tolist(),
                  "ties": boxes_ops.nms(exact, torch.tensor([0.5, 0.5, 0.5, 0.5]), 0.5).tolist()},
    }


def write(name, content):
    (OUT / name).write_text(json.dumps(content, separators=(",", ":")).replace('},"', '},\n"') + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write("coco-metric.json", metric())
    write("boxes.json", operations())
    if "--real" in sys.argv:
        write("red-blood-cells.json", real(sys.argv[sys.argv.index("--real") + 1]))


if __name__ == "__main__":
    main()
