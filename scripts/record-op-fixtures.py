#!/usr/bin/env python3
"""Records what PyTorch gives for every row of test/ops/cases.ts, into test/fixtures/ops/<op>.json.

Inputs and output gradients come from the formula of test/ops/inputs.ts, repeated here bit for bit, so a fixture holds
only outputs, gradients and updated statistics. PyTorch computes in float64 and the results are rounded to float32 once:
what a test then measures is the error of one side only.

    python3 scripts/record-op-fixtures.py            # needs PyTorch and torchvision; run it after editing the table
    python3 scripts/record-op-fixtures.py softmax    # the files of these ops alone
"""
import base64
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "test" / "fixtures" / "ops"


def seed_of(text):
    h = 0x811C9DC5
    for c in text:
        h = ((h ^ ord(c)) * 0x01000193) & 0xFFFFFFFF
    return h


def words(seed, n):
    h = (np.arange(1, n + 1, dtype=np.uint64) * 0x9E3779B9 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return h ^ (h >> 16)


def fill(spec, seed):
    """The values of an input: float32 held as float64, or int64 labels."""
    shape, kind, scale = spec["shape"], spec["kind"], spec.get("scale", 1)
    n = int(np.prod(shape, dtype=np.int64))
    h = words(seed, n)
    k = (h >> 12).astype(np.float64)
    if kind == "labels":
        values = (h % spec["classes"]).astype(np.int64)
        if "ignored" in spec:
            values[np.arange(n) % 3 == 1] = spec["ignored"]
        return values.reshape(shape)
    if kind == "distinct":
        values = np.empty(n)
        values[np.argsort(h, kind="stable")] = (2 * np.arange(n) - n) / n * 2 * scale
    elif kind == "positive":
        values = (0.25 + k / 2**19) * scale
    elif kind == "nonzero":
        values = np.where(h & 1, 1, -1) * (0.25 + k / 2**19) * scale
    elif kind == "ties":
        values = ((h % 3).astype(np.float64) - 1) * scale
    elif kind == "mask":
        values = (h & 1).astype(np.float64)
    else:
        values = (k - 2**19) / 2**18 * scale
    values = values.astype(np.float32)
    if spec.get("half"):
        values = values.astype(np.float16)
    return values.astype(np.float64).reshape(shape)


def stored(t):
    """A tensor as { shape, float32 | int32: base64 }."""
    kind, dtype = ("float32", "<f4") if t.dtype.is_floating_point else ("int32", "<i4")
    data = t.detach().contiguous().numpy().astype(dtype).tobytes()
    return {"shape": list(t.shape), kind: base64.b64encode(data).decode()}


def record(row):
    seed = seed_of(f"{row['op']}: {row['name']}")
    inputs = []
    for i, spec in enumerate(row["inputs"]):
        t = torch.from_numpy(fill(spec, (seed + i) & 0xFFFFFFFF))
        if t.dtype.is_floating_point and spec.get("grad", True):
            t.requires_grad_()
        inputs.append(t)
    y = eval(row["torch"], {"torch": torch, "F": F, "torchvision": torchvision})(*inputs)  # the expression comes from this repository's table
    out = {"torch": row["torch"], "inputs": row["inputs"], "output": stored(y)}
    if y.requires_grad:
        gradient = fill({"shape": list(y.shape), "kind": "uniform"}, (seed + 100) & 0xFFFFFFFF)
        y.backward(torch.from_numpy(gradient).reshape(y.shape))
        out["gradients"] = [stored(t.grad) if t.requires_grad else None for t in inputs]
    updated = [stored(t) if spec.get("updated") else None for t, spec in zip(inputs, row["inputs"])]
    if any(updated):
        out["updated"] = updated
    return out


def main():
    export = ["npx", "tsx", "--conditions=regraft-source", "test/ops/export-cases.ts"]
    rows = json.loads(subprocess.run(export, cwd=ROOT, check=True, capture_output=True).stdout)
    only = set(sys.argv[1:])
    files = {}
    for row in rows:
        if only and row["op"] not in only:
            continue
        names = files.setdefault(row["op"], {})
        if row["name"] in names:
            raise SystemExit(f"{row['op']}: two rows are named '{row['name']}'.")
        try:
            names[row["name"]] = record(row)
        except Exception as error:
            raise SystemExit(f"{row['op']}: {row['name']}: {error}")
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json") if not only else []:
        if old.stem not in files:
            old.unlink()
    total = 0
    for op, names in files.items():
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(r, separators=(',', ':'))}" for name, r in names.items())
        total += (OUT / f"{op}.json").write_text("{\n" + lines + "\n}\n")
    print(f"{sum(map(len, files.values()))} rows of {len(files)} ops, {total:,} bytes")


if __name__ == "__main__":
    main()
