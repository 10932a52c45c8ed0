#!/usr/bin/env python3
"""Records what tests of tasks compare with, into test/fixtures/tasks.json: scikit-learn's scores, and ten steps of PyTorch's training.

Inputs follow the formula of test/ops/inputs.ts, so only results are held. Needs PyTorch, torchvision and scikit-learn; run from the repository
root: python3 scripts/record-task-fixtures.py
"""
import importlib.util
import json
import pathlib

import numpy as np
import sklearn
import torch
import torch.nn.functional as F
import torchvision
from sklearn.metrics import average_precision_score, f1_score, mean_absolute_error, mean_squared_error, r2_score

ROOT = pathlib.Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("ops", ROOT / "scripts" / "record-op-fixtures.py")
ops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ops)


def values(kind, shape, seed, scale=1):
    return ops.fill({"kind": kind, "shape": shape, "scale": scale}, seed)


def multi_label():
    """Scores with ties and labels of very different frequency; the first label is rare, the last common."""
    out = []
    for seed, (images, labels) in enumerate([(1, 1), (7, 3), (40, 5), (257, 20)]):
        scores = np.round(values("uniform", [images, labels], seed) * 8) / 8 - 0.0625
        chance = (np.arange(labels) + 1) / (labels + 1)
        targets = ((values("uniform", [images, labels], seed + 100) / 4 + 0.5) < chance).astype(int)
        targets[0, :] = 1
        out.append({
            "images": images, "labels": labels, "seed": seed,
            "ap": [float(average_precision_score(targets[:, k], scores[:, k])) for k in range(labels)],
            "mAP": float(average_precision_score(targets, scores, average="macro")),
            "macroF1": float(f1_score(targets, scores > 0, average="macro", zero_division=np.nan)),
            "microF1": float(f1_score(targets, scores > 0, average="micro")),
        })
    return out


def regression():
    out = []
    for seed, (images, count) in enumerate([(2, 1), (7, 3), (257, 2)]):
        predicted = values("uniform", [images, count], seed, 10)
        wanted = values("uniform", [images, count], seed + 100, 10)
        out.append({
            "images": images, "values": count, "seed": seed,
            "r2": [float(v) for v in r2_score(wanted, predicted, multioutput="raw_values")],
            "meanR2": float(r2_score(wanted, predicted)),
            "mae": float(mean_absolute_error(wanted, predicted)),
            "rmse": float(np.mean(np.sqrt(mean_squared_error(wanted, predicted, multioutput="raw_values")))),
        })
    return out


class Net(torch.nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.fc = torch.nn.Linear(4, outputs)
        for seed, p in enumerate(self.parameters()):
            p.data = torch.from_numpy(values("uniform", list(p.shape), 7 + seed, 0.3))

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean([2, 3]))


def focal(logits, labels):
    losses = F.cross_entropy(logits, labels, reduction="none")
    return ((1 - torch.exp(-losses)) ** 2 * losses).mean()


def training(loss, targets, outputs=None):
    """Losses of ten steps of SGD with momentum, in float64, on the same 17 images; and the head's bias after them."""
    torch.set_default_dtype(torch.float64)
    images = torch.from_numpy(values("uniform", [17, 3, 8, 8], 3))
    model = Net(outputs or targets.shape[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        value = loss(model(images), targets)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return {"losses": losses, "bias": model.fc.bias.tolist()}


def main():
    ones = torch.from_numpy(values("mask", [17, 3], 21))
    numbers = torch.from_numpy(values("uniform", [17, 2], 22))
    classes = torch.from_numpy(ops.fill({"kind": "labels", "shape": [17], "classes": 3}, 23))
    factors = torch.tensor([1.0, 2.0, 4.0])
    fixtures = {
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__, "sklearn": sklearn.__version__},
        "multiLabel": multi_label(),
        "regression": regression(),
        "training": {
            "multi-label": training(lambda x, y: F.binary_cross_entropy_with_logits(x, y), ones),
            "multi-label, posWeight": training(lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=factors), ones),
            "multi-label, focal": training(lambda x, y: torchvision.ops.sigmoid_focal_loss(x, y, alpha=-1, gamma=2, reduction="mean"), ones),
            "classes, focal": training(focal, classes, 3),
            "mse": training(F.mse_loss, numbers),
            "l1": training(F.l1_loss, numbers),
            "huber": training(F.huber_loss, numbers),
        },
    }
    (ROOT / "test" / "fixtures" / "tasks.json").write_text(json.dumps(fixtures, indent=1) + "\n")


if __name__ == "__main__":
    main()
