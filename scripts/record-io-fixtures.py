#!/usr/bin/python3
"""Records test/fixtures/io: small checkpoints by PyTorch, and what they hold as safetensors written by hand.

Only whoever re-records needs PyTorch (recorded with 1.13; arrays.npz with NumPy 2.4). The old format names storages by address, so its bytes differ each time. Usage: python3 scripts/record-io-fixtures.py
"""
import argparse
import io
import json
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "io"
CODES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}


def raw(tensor):
    """The bytes of a tensor's elements, row-major."""
    flat = tensor.detach().contiguous().flatten()
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def save_safetensors(state, path):
    header, data = {}, b""
    for name, tensor in state.items():
        chunk = raw(tensor)
        header[name] = {
            "dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(chunk)],
        }
        data += chunk
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def rezip(checkpoint, compression, edit=lambda name, data: data):
    """The same zip archive, packed anew."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(checkpoint)) as source, zipfile.ZipFile(out, "w", compression) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), edit(name, source.read(name)), compression)
    return out.getvalue()


def saved(obj, **options):
    out = io.BytesIO()
    torch.save(obj, out, **options)
    return out.getvalue()


def make_state():
    base = torch.randn(4, 6)
    half = torch.randn(3, 5)
    return OrderedDict([
        ("float32", torch.randn(2, 3)),
        ("float64", torch.randn(3, dtype=torch.float64)),
        ("float16", half.half()),
        ("bfloat16", half.bfloat16()),
        ("int64", torch.tensor([1, -2, 2 ** 60])),
        ("int32", torch.tensor([1, -2, 2 ** 30], dtype=torch.int32)),
        ("int16", torch.tensor([1, -2, 300], dtype=torch.int16)),
        ("int8", torch.tensor([1, -2, 100], dtype=torch.int8)),
        ("uint8", torch.tensor([1, 2, 200], dtype=torch.uint8)),
        ("bool", torch.tensor([True, False, True])),
        ("special", torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])),
        ("scalar", torch.tensor(3.5)),
        ("empty", torch.zeros(0, 4)),
        ("parameter", nn.Parameter(torch.randn(2, 2))),
        ("whole", base),
        ("transposed", base.t()),
        ("row", base[2]),
        ("column", base[:, 1]),
        ("stepped", base[1::2, ::3]),
        ("expanded", base[0, 0].expand(2, 3)),
        ("channels_last", torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)),
        ("half_transposed", half.half().t()),
        ("tied", base),
    ])


def make_training_checkpoint():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    net(torch.randn(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    state = OrderedDict(("module." + name, value) for name, value in net.state_dict().items())
    state._metadata = net.state_dict()._metadata
    return net.state_dict(), {
        "epoch": 7, "arch": "small", "best_acc": np.float64(91.25), "seen": np.int64(2 ** 40), "done": np.bool_(True),
        "state_dict": state, "optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict(),
        "args": argparse.Namespace(lr=0.1, sizes=[1, 2], device=torch.device("cpu"), dtype=torch.float32),
        "rng": torch.get_rng_state()[:16], "classes": {"ant"}, "big": 2 ** 100, "shape": torch.Size([2, 3]),
    }


def record_npz():
    """Arrays of NumPy's, and the same as safetensors; a transposed one is saved with its first axis running fastest."""
    random = np.random.default_rng(0)
    arrays = {
        "float64": random.normal(size=3), "float32": random.normal(size=(2, 3)).astype("f4"), "float16": random.normal(size=(3, 5)).astype("f2"),
        "int64": np.array([1, -2, 2 ** 60]), "int32": np.array([1, -2, 2 ** 30], "i4"), "int16": np.array([1, -2, 300], "i2"),
        "int8": np.array([1, -2, 100], "i1"), "uint8": np.array([1, 2, 200], "u1"), "bool": np.array([True, False, True]),
        "scalar": np.array(3.5, "f4"), "empty": np.zeros((0, 4), "f4"), "transposed": random.normal(size=(5, 3)).astype("f4").T,
        "layer/kernel": random.normal(size=(2, 3, 4, 5)).astype("f4").transpose(3, 2, 1, 0),
        "counted": np.arange(12).reshape(3, 4).T,
    }
    np.savez(OUT / "arrays.npz", **arrays)
    np.savez_compressed(OUT / "arrays-deflated.npz", **arrays)
    save_safetensors({name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}, OUT / "arrays.safetensors")


def main():
    torch.manual_seed(0)
    OUT.mkdir(parents=True, exist_ok=True)
    state = make_state()
    save_safetensors(state, OUT / "tensors.safetensors")
    zipped = saved(state)
    (OUT / "zip.pth").write_bytes(zipped)
    (OUT / "zip-deflated.pth").write_bytes(rezip(zipped, zipfile.ZIP_DEFLATED))
    cuda = lambda name, data: data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:1") if name.endswith(".pkl") else data
    (OUT / "zip-cuda.pth").write_bytes(rezip(zipped, zipfile.ZIP_STORED, cuda))
    (OUT / "legacy.pth").write_bytes(saved(state, _use_new_zipfile_serialization=False))

    weights, checkpoint = make_training_checkpoint()
    save_safetensors(weights, OUT / "training.safetensors")
    (OUT / "training-zip.pth").write_bytes(saved(checkpoint))
    (OUT / "training-protocol4.pth").write_bytes(saved(checkpoint, pickle_protocol=4))
    (OUT / "training-legacy.pth").write_bytes(saved(checkpoint, _use_new_zipfile_serialization=False))
    (OUT / "complex.pth").write_bytes(saved({"w": torch.zeros(2, dtype=torch.complex64)}))
    record_npz()


if __name__ == "__main__":
    main()
