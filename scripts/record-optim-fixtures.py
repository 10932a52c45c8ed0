"""Records ten steps of PyTorch's SGD, Adam and AdamW, clipped gradients and averages of weights, into test/fixtures/optim.json.

Needs PyTorch; run from the repository root: python3 scripts/record-optim-fixtures.py
"""

import json

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

SHAPES = [[2, 3], [5]]
STEPS = 10
# The learning rate of step k is the group's own times FACTORS[k].
FACTORS = [1, 1, 0.5, 0.25, 1, 2, 2, 0.1, 1, 0.75]
# Steps after which the parameters are recorded.
RECORDED = [1, 2, 5, 10]

generator = np.random.default_rng(0)
initial = [generator.standard_normal(shape).astype(np.float32) for shape in SHAPES]
gradients = [[generator.standard_normal(shape).astype(np.float32) for shape in SHAPES] for _ in range(STEPS)]


def numbers(array):
    return [float(f"{x:.9g}") for x in np.asarray(array, dtype=np.float32).reshape(-1)]


def record(build, frozen=()):
    """Parameters after some of the steps. In the steps `frozen` the second parameter has neither gradient nor, afterwards, state."""
    params = [torch.nn.Parameter(torch.tensor(value)) for value in initial]
    optimizer = build(params)
    rates = [group["lr"] for group in optimizer.param_groups]
    after = {}
    for k in range(STEPS):
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * FACTORS[k]
        for p, gradient in zip(params, gradients[k]):
            p.grad = torch.tensor(gradient)
        if k in frozen:
            params[1].grad = None
            optimizer.state.pop(params[1], None)
        optimizer.step()
        if k + 1 in RECORDED:
            after[k + 1] = [numbers(p.detach()) for p in params]
    return after


def sgd(**options):
    return lambda params: torch.optim.SGD(params, lr=0.1, **options)


def groups(kind, first, second, **defaults):
    return lambda params: kind([{"params": [params[0]], **first}, {"params": [params[1]], **second}], **defaults)


cases = {
    "sgd": record(sgd()),
    "sgdWeightDecay": record(sgd(weight_decay=0.1)),
    "sgdMomentum": record(sgd(momentum=0.9)),
    "sgdNesterov": record(sgd(momentum=0.9, nesterov=True, weight_decay=0.01)),
    "sgdDampening": record(sgd(momentum=0.8, dampening=0.3, weight_decay=0.01)),
    "sgdGroups": record(groups(torch.optim.SGD, {"lr": 0.2, "weight_decay": 0.1}, {"momentum": 0.5}, lr=0.05)),
    "sgdFrozen": record(sgd(momentum=0.9, weight_decay=0.1), frozen=(3, 4, 5)),
    "adam": record(lambda params: torch.optim.Adam(params)),
    "adamOptions": record(lambda params: torch.optim.Adam(params, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    "adamFrozen": record(lambda params: torch.optim.Adam(params, lr=0.05, weight_decay=0.1), frozen=(3, 4, 5)),
    "adamw": record(lambda params: torch.optim.AdamW(params)),
    "adamwGroups": record(groups(torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.2}, {"betas": (0.5, 0.9)}, lr=0.02)),
}


def clipped(clip, limit):
    params = [torch.nn.Parameter(torch.tensor(value)) for value in initial]
    for p, gradient in zip(params, gradients[0]):
        p.grad = torch.tensor(gradient)
    norm = clip(params, limit)
    result = {"gradients": [numbers(p.grad) for p in params]}
    return result if norm is None else {"norm": numbers(norm)[0], **result}


clips = {
    "norm": clipped(torch.nn.utils.clip_grad_norm_, 0.5),
    "normAbove": clipped(torch.nn.utils.clip_grad_norm_, 100.0),
    "value": clipped(torch.nn.utils.clip_grad_value_, 0.4),
}

# Batch norm with frozen affine parameters in training mode: PyTorch moves the running statistics all the same.
norm = torch.nn.BatchNorm2d(2)
norm.requires_grad_(False)
images = generator.standard_normal([3, 2, 2, 2]).astype(np.float32)
output = norm(torch.tensor(images))
frozen_stats = {
    "images": numbers(images),
    "output": numbers(output),
    "running_mean": numbers(norm.running_mean),
    "running_var": numbers(norm.running_var),
}


class Held(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = (torch.nn.Parameter(torch.tensor(value)) for value in initial)
        self.register_buffer("statistic", torch.tensor(initial[1]))

    def forward(self, x):
        return x


def averaged(decay, use_buffers):
    """The averages after some of the steps of SGD; the buffer is the second gradient of the step."""
    model = Held()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=use_buffers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    after = {}
    for k in range(STEPS):
        for p, gradient in zip(model.parameters(), gradients[k]):
            p.grad = torch.tensor(gradient)
        model.statistic.copy_(torch.tensor(gradients[k][1]))
        optimizer.step()
        average.update_parameters(model)
        if k + 1 in RECORDED:
            after[k + 1] = {name: numbers(value) for name, value in average.module.state_dict().items()}
    return after


averages = {"plain": averaged(0.9, False), "useBuffers": averaged(0.75, True)}

with open("test/fixtures/optim.json", "w") as file:
    fixture = {
        "shapes": SHAPES,
        "factors": FACTORS,
        "initial": [numbers(value) for value in initial],
        "gradients": [[numbers(g) for g in step] for step in gradients],
        "cases": cases,
        "clips": clips,
        "frozenStats": frozen_stats,
        "averages": averages,
    }
    json.dump(fixture, file, separators=(",", ":"))
    file.write("\n")
