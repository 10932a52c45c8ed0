#!/usr/bin/python3
"""Records test/fixtures/io/*.onnx: small nets by PyTorch's exporter, their state dicts and their outputs.

Only whoever re-records needs PyTorch (recorded with 1.13; the exporter needs no other package).
Usage: python3 scripts/record-onnx-fixtures.py
"""
import importlib.util
import json
from pathlib import Path

import torch
from torch import nn
from torch.onnx import TrainingMode

ROOT = Path(__file__).resolve().parent
OUT = ROOT.parent / "test" / "fixtures" / "io"
spec = importlib.util.spec_from_file_location("fixtures", ROOT / "record-io-fixtures.py")
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)


class Block(nn.Module):
    """A residual block whose last convolution and shortcut have one shape."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * channels)
        self.relu = nn.ReLU()
        self.downsample = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.BatchNorm2d(2 * channels))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(Block(4))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        y = self.layer1(self.relu(self.bn1(self.conv1(x))))
        return self.fc(y.mean((2, 3)))


class Tokens(nn.Module):
    """Linear layers over three axes: MatMul with a transposed weight, then Add. The norms have equal weights."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


def export(net, x, name, **options):
    torch.onnx.export(net, x, str(OUT / name), opset_version=15, input_names=["input"], output_names=["output"], **options)


def main():
    torch.manual_seed(0)
    net = Net().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    x = torch.randn(2, 3, 8, 8)
    export(net, x, "net-folded.onnx")
    export(net, x, "net-kept.onnx", training=TrainingMode.PRESERVE, do_constant_folding=False)
    fixtures.save_safetensors(net.state_dict(), OUT / "net.safetensors")
    with torch.no_grad():
        recorded = {"input": x.flatten().tolist(), "output": net(x).flatten().tolist()}
    (OUT / "net.json").write_text(json.dumps(recorded) + "\n")

    # Weights as they start: equal batch norms, which the exporter writes once.
    fresh = Net().eval()
    export(fresh, x, "net-shared.onnx", training=TrainingMode.PRESERVE, do_constant_folding=False)
    tokens = Tokens().eval()
    export(tokens, torch.randn(2, 4, 6), "tokens.onnx")
    fixtures.save_safetensors(tokens.state_dict(), OUT / "tokens.safetensors")


if __name__ == "__main__":
    main()
