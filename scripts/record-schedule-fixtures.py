"""Records the learning rates (and momenta) of PyTorch's schedules into test/fixtures/schedules.json.

Needs PyTorch; run from the repository root: python3 scripts/record-schedule-fixtures.py
"""

import json
import warnings

import torch
from torch.optim import lr_scheduler as S

warnings.filterwarnings("ignore")

METRICS = [1.0, 0.8, 0.81, 0.8, 0.79999, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.71, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def optimizer(kind="sgd"):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.003)]
    return torch.optim.SGD(groups, momentum=0.9) if kind == "sgd" else torch.optim.Adam(groups)


def record(build, steps, kind="sgd", metrics=None):
    """Per step, from construction on: the rates of both groups, and the momenta (or first betas)."""
    o = optimizer(kind)
    schedule = build(o)
    lrs, momenta = [], []
    for i in range(steps + 1):
        lrs.append([g["lr"] for g in o.param_groups])
        momenta.append([g["betas"][0] if "betas" in g else g["momentum"] for g in o.param_groups])
        o.step()
        if i < steps:
            schedule.step(*([metrics[i]] if metrics else []))
    return {"lrs": lrs, "momenta": momenta}


def sequential(o, first, second, third=None):
    schedules = [f(o) for f in (first, second, third) if f]
    return S.SequentialLR(o, schedules, [4, 9][: len(schedules) - 1])


def chained(o):
    """Two schedules on one optimizer multiply."""
    a, b = S.LinearLR(o, 0.1, total_iters=4), S.ExponentialLR(o, 0.9)

    class Both:
        def step(self):
            a.step()
            b.step()

    return Both()


def plateau(**options):
    return record(lambda o: S.ReduceLROnPlateau(o, **options), len(METRICS), metrics=METRICS)


cases = {
    "step": record(lambda o: S.StepLR(o, 3, 0.5), 10),
    "multiStep": record(lambda o: S.MultiStepLR(o, [2, 5, 5, 8], 0.1), 10),
    "exponential": record(lambda o: S.ExponentialLR(o, 0.93), 30),
    "cosine": record(lambda o: S.CosineAnnealingLR(o, 7, 1e-4), 30),
    "cosineToZero": record(lambda o: S.CosineAnnealingLR(o, 10), 10),
    "linear": record(lambda o: S.LinearLR(o), 8),
    "linearDown": record(lambda o: S.LinearLR(o, 1.0, 0.2, 6), 9),
    "constant": record(lambda o: S.ConstantLR(o, 0.25, 4), 8),
    "lambda": record(lambda o: S.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]), 12),
    "oneCycle": record(lambda o: S.OneCycleLR(o, [0.5, 0.01], total_steps=20), 19),
    "oneCycleLinear": record(
        lambda o: S.OneCycleLR(o, 0.2, epochs=3, steps_per_epoch=5, pct_start=0.4, anneal_strategy="linear", div_factor=10.0, final_div_factor=100.0), 14
    ),
    "oneCycleThreePhase": record(lambda o: S.OneCycleLR(o, 0.2, total_steps=17, three_phase=True, base_momentum=0.8, max_momentum=0.9), 16),
    "oneCycleAdam": record(lambda o: S.OneCycleLR(o, 0.2, total_steps=12), 11, kind="adam"),
    "oneCycleNoMomentum": record(lambda o: S.OneCycleLR(o, 0.2, total_steps=12, cycle_momentum=False), 11),
    "plateau": plateau(patience=2),
    "plateauCooldown": plateau(patience=1, factor=0.5, cooldown=2, min_lr=[0.01, 0.0001], threshold=0.02, threshold_mode="abs"),
    "plateauMax": plateau(patience=1, mode="max", eps=1e-4),
    "plateauMaxAbsolute": plateau(patience=0, mode="max", threshold=0.05, threshold_mode="abs", factor=0.9),
    "warmUpThenCosine": record(lambda o: sequential(o, lambda o: S.LinearLR(o, 0.01, total_iters=4), lambda o: S.CosineAnnealingLR(o, 12)), 16),
    "threeInSequence": record(
        lambda o: sequential(o, lambda o: S.ConstantLR(o, 0.1, 4), lambda o: S.ExponentialLR(o, 0.8), lambda o: S.StepLR(o, 2)), 16
    ),
    "chained": record(chained, 10),
}
with open("test/fixtures/schedules.json", "w") as file:
    json.dump({"metrics": METRICS, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
