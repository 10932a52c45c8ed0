#!/usr/bin/python3
"""Records test/fixtures/io/torch: what PyTorch writes beside plain state dicts, and digests of the tensors that PyTorch finds in it.

Whole pickled modules, TorchScript, torch.export, torch.distributed.checkpoint (one rank and four), AveragedModel, lists, Lightning.
With `--published FOLDER` also the digests of published files of these kinds, whose classes need not be installed.
Only whoever re-records needs PyTorch (recorded with torch 2.14.1, pytorch-lightning 2.6.6, safetensors 0.8.0).
Usage: python3 scripts/record-torch-files.py [--published shared/data]
"""
import argparse
import contextlib
import copy
import hashlib
import json
import os
import pickle
import shutil
import sys
import types
import warnings
import zipfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch import nn

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "io" / "torch"
PUBLISHED = [
    "odd/whole-module/fastai_salary_export.pkl",
    "odd/whole-module/mobilenetv2_cifar_whole.pth",
    "odd/torchscript/fruits_NNtorch.pt",
    "odd/torchscript/fruits_model_scripted.pt",
    "detection/ultralytics/danhgithub_yolov5n.pt",
]
warnings.filterwarnings("ignore")


class Net(nn.Module):
    """Tied and shared weights, buffers of both kinds, a parameter that is None, a tensor that is neither."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.block = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
        self.same = self.block
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("mask", torch.ones(2, 2).bool(), persistent=False)
        self.register_buffer("steps", torch.arange(3))
        self.register_parameter("none", None)
        self.turned = nn.Parameter(torch.linspace(0, 1, 6).half().view(2, 3).t())
        self.plain = torch.ones(3)
        self.activation = "relu"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.embedding(x)) * self.plain) + torch.ones(5)


def digest(state):
    """Of names, types, shapes and bytes, by name."""
    sha = hashlib.sha256()
    tensors = {name: t for name, t in state.items() if isinstance(t, torch.Tensor)}
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {str(t.dtype)[6:]} {list(t.shape)}\n".encode())
        sha.update(t.flatten().view(torch.uint8).numpy().tobytes() if t.numel() else b"")
    return {"tensors": len(tensors), "sha256": sha.hexdigest()}


def without(prefix, state):
    return {name[len(prefix):]: t for name, t in state.items() if name.startswith(prefix)}


class AnyName(type):
    """Of classes that have whatever is asked of them."""

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return cls


class Stub(nn.Module, metaclass=AnyName):
    """Any class that is not installed."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        super().__init__()

    def __setstate__(self, state):
        super().__init__()
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update(part)

    def __getattr__(self, name):
        if name.startswith("_"):
            return super().__getattr__(name)
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __hash__(self):
        return id(self)

    def append(self, item):
        pass

    extend = add = append

    def __setitem__(self, key, value):
        pass


class StubUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError):
            if name.startswith("Tensor"):
                return type(name, (torch.Tensor,), {})
            return AnyName(name, (Stub,), {"__module__": module})


def loaded_with_stubs(path):
    module = types.ModuleType("stubs")
    module.__dict__.update(pickle.__dict__)
    module.Unpickler = StubUnpickler
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=module)


def published(path):
    if "torchscript" in str(path):
        return torch.jit.load(path, map_location="cpu").state_dict()
    loaded = loaded_with_stubs(path)
    if isinstance(loaded, dict):
        return loaded["model"].state_dict()
    return loaded.__dict__.get("model", loaded).state_dict()


def sharded(rank, path):
    """One of four ranks: tensors in pieces, by rows and by columns, one of them uneven, and one that all have."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    dist.init_process_group("gloo", init_method=f"file://{os.getcwd()}/rendezvous", rank=rank, world_size=4)
    mesh = dist.device_mesh.init_device_mesh("cpu", (4,))
    tensors = shard_values()
    places = {"rows": Shard(0), "columns": Shard(1), "uneven": Shard(0), "all": Replicate(), "half": Shard(0)}
    state = {name: distribute_tensor(t, mesh, [places[name]]) for name, t in tensors.items()}
    dcp.save({"model": state, "epoch": 3}, checkpoint_id=path)
    dist.destroy_process_group()


def shard_values():
    return {
        "rows": torch.arange(40.0).view(8, 5), "columns": torch.arange(24.0).view(3, 8), "uneven": torch.arange(10.0).view(5, 2),
        "all": torch.arange(3), "half": torch.arange(8).bfloat16(),
    }


def lightning(net, path):
    import pytorch_lightning as pl

    class Lit(pl.LightningModule):
        def __init__(self, lr):
            super().__init__()
            self.save_hyperparameters()
            self.net = net

        def training_step(self, batch):
            return self.net(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)

    model = Lit(0.1)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(4, 3)), batch_size=2)
    trainer = pl.Trainer(max_steps=1, logger=False, enable_checkpointing=False, accelerator="cpu", enable_progress_bar=False)
    trainer.fit(model, data)
    trainer.save_checkpoint(path)
    return model.state_dict()


def record():
    # The old format keeps the source of each class, and where it was.
    torch.serialization.get_source_lines_and_file = lambda cls, *_: ("", 0, "module.py")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    torch.manual_seed(0)
    net = Net().eval()
    plain = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).eval()
    expected = {}

    def add(name, state):
        expected[name] = digest(state)

    def save(name, value, state, **options):
        torch.save(value, OUT / name, **options)
        add(name, state)

    own, small = net.state_dict(), plain.state_dict()
    save("whole.pt", net, own)
    save("whole-legacy.pt", plain[0], plain[0].state_dict(), _use_new_zipfile_serialization=False)
    save("whole-protocol4.pt", net, own, pickle_protocol=4)
    save("whole-parallel.pt", nn.DataParallel(net), own)
    save("whole-fx.pt", torch.fx.symbolic_trace(plain), small)
    halved = copy.deepcopy(net).half()
    save("checkpoint.pt", {"epoch": 3, "model": None, "ema": halved, "optimizer": {"state": {}}}, halved.state_dict())

    averaged = torch.optim.swa_utils.AveragedModel(plain)
    averaged.update_parameters(plain)
    save("averaged.pt", averaged.state_dict(), without("module.", averaged.state_dict()))
    save("averaged-whole.pt", averaged, without("module.", averaged.state_dict()))
    optimizer = torch.optim.Adam(plain.parameters())
    plain(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    small = plain.state_dict()
    save("list.pt", [small], small)
    save("tuple.pt", (3, small, optimizer.state_dict()), small)

    for name, module in {
        "script.pt": torch.jit.script(net), "trace.pt": torch.jit.trace(plain, torch.ones(1, 3)),
        "script-nested.pt": torch.jit.script(nn.Sequential(plain, nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))),
    }.items():
        module.save(str(OUT / name))
        add(name, torch.jit.load(OUT / name).state_dict())
    frozen = torch.jit.freeze(torch.jit.script(plain))
    frozen.save(str(OUT / "frozen.pt"))
    constants = [small["0.weight"], small["0.bias"], small["2.weight"], small["2.bias"]]
    add("frozen.pt", {f"CONSTANTS.c{i}": t for i, t in enumerate(constants)})

    exported = torch.export.export(net, (torch.tensor([1, 2]),))
    torch.export.save(exported, OUT / "export.pt2")
    add("export.pt2", torch.export.load(OUT / "export.pt2").state_dict)

    os.chdir(OUT)  # A checkpoint holds the path that it was saved to.
    dcp.save({"model": small, "epoch": 3, "lr": {"now": torch.tensor(0.1)}}, checkpoint_id="dcp")
    add("dcp", small)
    mp.spawn(sharded, args=("dcp4",), nprocs=4)
    Path("rendezvous").unlink(missing_ok=True)
    add("dcp4", shard_values())
    shards(small)
    add("sharded", small)
    with contextlib.suppress(ImportError):
        add("lightning.ckpt", lightning(nn.Linear(3, 2), OUT / "lightning.ckpt"))
    for name in ["script.pt", "script-nested.pt", "trace.pt", "frozen.pt", "export.pt2"]:
        without_paths(OUT / name)
    write("expected.json", expected)


def shards(state):
    """The state in two files each of both kinds, with the indexes that Hugging Face's libraries write."""
    folder = OUT / "sharded"
    folder.mkdir()
    names = list(state)
    for kind, save in {"model-{}.safetensors": save_safetensors, "pytorch_model-{}.bin": torch.save}.items():
        places = {}
        for i, part in enumerate([names[:1], names[1:]], 1):
            file = kind.format(f"{i:05}-of-00002")
            save({name: state[name] for name in part}, folder / file)
            places |= {name: file for name in part}
        index = {"metadata": {"total_size": sum(t.nbytes for t in state.values())}, "weight_map": dict(sorted(places.items()))}
        (folder / (kind.replace("-{}", "") + ".index.json")).write_text(json.dumps(index, indent=2) + "\n")


def save_safetensors(state, path):
    from safetensors.torch import save_file

    save_file(state, path, metadata={"format": "pt"})


def unplaced(value):
    if isinstance(value, list):
        return [unplaced(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: "" if key == "stack_trace" else unplaced(item) for key, item in value.items()}


def without_paths(path):
    """Takes the places in Python's sources that TorchScript and torch.export note down out of an archive."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist() if not name.endswith(".debug_pkl")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            if name.endswith("models/model.json"):
                content = json.dumps(unplaced(json.loads(content))).encode()
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def write(name, content):
    (OUT / name).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--published", type=Path)
    folder = parser.parse_args().published
    kept = OUT / "published.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    record()
    if folder:
        known = {path: digest(published(folder / path)) for path in PUBLISHED}
    write("published.json", known)
    print(*sorted(f"{p.relative_to(OUT)} {p.stat().st_size}" for p in OUT.rglob("*") if p.is_file()), sep="\n", file=sys.stderr)
