#!/usr/bin/python3
"""Checks that PyTorch reads a .pth file that regraft wrote, with weights_only, and finds the tensors of a .safetensors file.

Needs PyTorch 1.13 or later. Usage:
    npx tsx --conditions=regraft-source src/cli/main.ts convert test/fixtures/io/tensors.safetensors runs/tensors.pth
    python3 scripts/check-torch-write.py runs/tensors.pth test/fixtures/io/tensors.safetensors
"""
import json
import struct
import sys
from pathlib import Path

import torch

CODES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}


def raw(tensor):
    flat = tensor.contiguous().flatten()
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def main(checkpoint, expected):
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    content = Path(expected).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    assert type(state).__name__ == "OrderedDict", type(state)
    assert sorted(state) == sorted(header), (sorted(state), sorted(header))
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensor = state[name]
        assert tensor.dtype == CODES[entry["dtype"]] and list(tensor.shape) == entry["shape"], (name, tensor.dtype)
        assert raw(tensor) == content[8 + length + begin:8 + length + end], name
    print(f"{checkpoint}: PyTorch {torch.__version__} reads {len(state)} tensors, bit for bit those of {expected}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
