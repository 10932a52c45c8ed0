"""Records test/fixtures/mask-losses.json: losses of masks and their gradients, from PyTorch and segmentation-models-pytorch in float64.

    python3 scripts/record-mask-losses.py
"""
import base64
import json
import pathlib

import numpy as np
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "mask-losses.json"


def inputs(classes, ignored, absent):
    """Logits [2, classes, 5, 7] of a wave and labels [2, 5, 7], as the test makes them."""
    n, area = 2 * classes * 35, 35
    logits = np.array([2 * np.sin(0.7 * i + 0.1) + np.cos(2.3 * i) for i in range(n)]).astype(np.float32)
    most = 2 if classes == 1 else classes - (1 if absent else 0)
    labels = np.array([255 if ignored and i % 11 == 4 else (i // 3 + i // area) % most for i in range(2 * area)])
    return torch.from_numpy(logits.astype(np.float64)).reshape(2, classes, 5, 7), torch.from_numpy(labels).reshape(2, 5, 7)


def pixel_cross_entropy(x, y, weight=None):
    return F.cross_entropy(x, y, ignore_index=255, weight=None if weight is None else torch.tensor(weight, dtype=torch.float64))


def focal(x, y, gamma):
    ce = F.cross_entropy(x, y, ignore_index=255, reduction="none")
    return (ce * (1 - torch.exp(-ce)) ** gamma).sum() / (y != 255).sum()


def overlap(kind, x, y, **options):
    mode = "binary" if x.shape[1] == 1 else "multiclass"
    target = y.unsqueeze(1).double() if mode == "binary" else y
    return getattr(smp.losses, kind)(mode, **options)(x, target)


def bce(x, y):
    counted = y != 255
    return F.binary_cross_entropy_with_logits(x[:, 0][counted], y[counted].double())


CASES = {
    "cross-entropy": (3, True, False, lambda x, y: pixel_cross_entropy(x, y)),
    "cross-entropy, weights": (3, True, False, lambda x, y: pixel_cross_entropy(x, y, [0.5, 2, 1.25])),
    "bce": (1, True, False, bce),
    "focal": (3, True, False, lambda x, y: focal(x, y, 2)),
    "dice": (3, True, False, lambda x, y: overlap("DiceLoss", x, y, ignore_index=255)),
    "dice, a class absent": (4, False, True, lambda x, y: overlap("DiceLoss", x, y)),
    "dice, smooth": (3, False, False, lambda x, y: overlap("DiceLoss", x, y, smooth=1.0)),
    "dice, log": (3, True, False, lambda x, y: overlap("DiceLoss", x, y, log_loss=True, ignore_index=255)),
    "dice, one class": (1, False, False, lambda x, y: overlap("DiceLoss", x, y)),
    "jaccard": (3, False, False, lambda x, y: overlap("JaccardLoss", x, y)),
    "jaccard, one class, smooth": (1, False, False, lambda x, y: overlap("JaccardLoss", x, y, smooth=0.5)),
    "tversky": (3, True, False, lambda x, y: overlap("TverskyLoss", x, y, alpha=0.3, beta=0.7, ignore_index=255)),
    "tversky, gamma": (3, False, True, lambda x, y: overlap("TverskyLoss", x, y, alpha=0.3, beta=0.7, gamma=1.5)),
    "bce + dice": (1, False, False, lambda x, y: bce(x, y) + overlap("DiceLoss", x, y)),
    "cross-entropy + dice": (3, True, False, lambda x, y: pixel_cross_entropy(x, y) + overlap("DiceLoss", x, y, ignore_index=255)),
}

cases = {}
for name, (classes, ignored, absent, loss) in CASES.items():
    x, y = inputs(classes, ignored, absent)
    x.requires_grad_()
    value = loss(x, y)
    value.backward()
    packed = base64.b64encode(x.grad.float().numpy().tobytes()).decode()
    cases[name] = {"classes": classes, "ignored": ignored, "absent": absent, "loss": value.item(), "gradient": packed}
    print(name, value.item())
versions = {"torch": torch.__version__, "segmentation_models_pytorch": smp.__version__}
OUT.write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
