"""Records what PyTorch computes for the parity check of scripts/check-resnet50-parity.ts.

    python3 scripts/record-resnet50-parity.py OUT

writes OUT/resnet50.pth (torchvision's ResNet-50, random weights, batch-norm statistics moved off their defaults), and
raw float32 files with an index: inputs, logits, gradients of one step, losses of ten.
Needs torch and torchvision; takes about 120 MB.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F
from torchvision.models import resnet50

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
torch.manual_seed(0)

model = resnet50(weights=None)
# Statistics of a trained network are not 0 and 1: one pass in training mode over noise moves them.
model.train()
with torch.no_grad():
    model(torch.randn(8, 3, 96, 96))
torch.save(model.state_dict(), os.path.join(out, "resnet50.pth"))

index = {}


def record(name, t):
    path = name.replace("/", "_") + ".f32"
    t.detach().contiguous().float().numpy().tofile(os.path.join(out, path))
    index[name] = {"shape": list(t.shape), "file": path}


x = torch.randn(2, 3, 224, 224)
record("images", x)
model.eval()
with torch.no_grad():
    record("logits", model(x))

# Freeze all but layer4, graft a head of 10 classes.
for p in model.parameters():
    p.requires_grad = False
model.fc = torch.nn.Linear(2048, 10)
record("fc.weight", model.fc.weight)
record("fc.bias", model.fc.bias)
for name, p in model.named_parameters():
    if "layer4" in name:
        p.requires_grad = True
# regraft keeps frozen batch norms at their running statistics: the same here, by eval() on those modules.
model.train()
for module in model.modules():
    if isinstance(module, torch.nn.BatchNorm2d) and not module.weight.requires_grad:
        module.eval()
labels = torch.tensor([3, 7])
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
losses = []
for step in range(10):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    if step == 0:
        for name, p in model.named_parameters():
            if p.requires_grad:
                record("grad/" + name, p.grad)
    optimizer.step()
    losses.append(loss.item())
index["losses"] = losses
index["labels"] = labels.tolist()
json.dump(index, open(os.path.join(out, "index.json"), "w"), indent=1)
print("recorded", len(index), "entries; losses", losses)
