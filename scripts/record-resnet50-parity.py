"""Records what PyTorch computes for the parity check of scripts/check-resnet50-parity.ts.

    python3 scripts/record-resnet50-parity.py OUT

writes OUT/resnet50.pth (torchvision's ResNet-50, random weights, batch-norm statistics moved off their defaults), and
raw float32 files with an index: inputs, logits, gradients of one step, losses of ten.
Needs torch and torchvision; takes about 120 MB.
"""

import copy
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

index = {}


def frozen_but_layer4(model):
    """Freezes all but layer4 and fc; frozen batch norms keep their running statistics, as regraft's do."""
    for name, p in model.named_parameters():
        p.requires_grad = "layer4" in name or name.startswith("fc")
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()


def clear_zero(model, x, margin=1e-4):
    """Shifts the batch-norm biases of layer4 by the least that leaves no ReLU input within `margin` of 0.

    At 0 the gradient jumps, and among the million ReLU inputs of layer4 some lie within float32's rounding of it: there
    PyTorch's own float32 and float64 gradients differ by per cents, so that nothing could be compared.
    """
    features = torch.nn.Sequential(*list(model.children())[:7])
    with torch.no_grad():
        x = features(x)
        for block in model.layer4:
            for k, norm in enumerate([block.bn1, block.bn2, block.bn3]):
                inputs = []
                hook = block.relu.register_forward_pre_hook(lambda _, args: inputs.append(args[0].clone()))
                block(x)
                hook.remove()
                values = inputs[k].transpose(0, 1).flatten(1)
                for channel, v in enumerate(values):
                    steps = (margin * sign * n for n in range(1000) for sign in (1, -1))
                    norm.bias[channel] += next(d for d in steps if (v + d).abs().min() > margin)
            x = block(x)


def record(name, t):
    path = name.replace("/", "_") + ".f32"
    t.detach().contiguous().float().numpy().tofile(os.path.join(out, path))
    index[name] = {"shape": list(t.shape), "file": path}


labels = torch.tensor([3, 7])
head = torch.nn.Linear(2048, 10)
grafted = copy.deepcopy(model)
grafted.fc = head
x = torch.randn(2, 3, 224, 224)
frozen_but_layer4(grafted)
statistics = copy.deepcopy(grafted.state_dict())
clear_zero(grafted, x)
biases = {n: p for n, p in grafted.state_dict().items() if n.startswith("layer4") and n.endswith(".bias")}
grafted.load_state_dict({**statistics, **biases})  # the running statistics as they were
model.load_state_dict({n: p for n, p in grafted.state_dict().items() if not n.startswith("fc")}, strict=False)
torch.save(model.state_dict(), os.path.join(out, "resnet50.pth"))
record("images", x)
model.eval()
with torch.no_grad():
    record("logits", model(x))

model = grafted
record("fc.weight", model.fc.weight)
record("fc.bias", model.fc.bias)
frozen_but_layer4(model)
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
