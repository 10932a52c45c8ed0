"""Records test/fixtures/models from PyTorch and torchvision (Debian: python3-torch, python3-torchvision).

    python3 scripts/record-model-fixtures.py [structure] [numbers] [gradcam] [NETWORK …]

With networks named, of the other networks what is recorded stays.

Weights and inputs come from a hash that test/models/hash-weights.ts computes too, so no weight file is needed.
Numbers are computed in float64; the script prints how far PyTorch's own float32 is from them.
"""
import base64
import hashlib
import json
import math
import pathlib
import re
import sys
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models.convnext import LayerNorm2d
from torchvision.ops import StochasticDepth
from torchvision.ops.misc import Conv2dNormActivation, Permute, SqueezeExcitation

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "models"

TORCHVISION = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2", "squeezenet1_0", "squeezenet1_1",
    "convnext_tiny", "convnext_small", "convnext_base", "convnext_large",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5",
    "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l",
    "densenet121", "densenet161", "densenet169", "densenet201", "inception_v3",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
]
CIFAR_DEPTHS = [20, 32, 44, 56, 110]
PRINTED = [
    "resnet18", "resnet50", "squeezenet1_1", "convnext_tiny", "cifarResnet20", "efficientnet_b0", "efficientnet_v2_s", "vgg11_bn", "mobilenet_v2", "mobilenet_v3_small",
]
KERAS = ["keras.ResNet50", "keras.ResNet101", "keras.ResNet152"]


# The CIFAR residual nets of He et al. (2015), section 4.2: names and printed classes as in the published checkpoints.
class LambdaLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            extra = (channels - channels_in) // 2
            self.shortcut = LambdaLayer(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra, extra)))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, depth, num_classes=10):
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, blocks, 1)
        self.layer2 = self.stage(16, 32, blocks, 2)
        self.layer3 = self.stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, num_classes)

    @staticmethod
    def stage(channels_in, channels, blocks, stride):
        first = BasicBlock(channels_in, channels, stride)
        return nn.Sequential(first, *[BasicBlock(channels, channels, 1) for _ in range(blocks - 1)])

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class SmallResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.layer1 = torchvision.models.resnet.BasicBlock(32, 32)
        self.layer2 = self.halving(32)
        self.layer3 = self.halving(64)
        self.fc = nn.Linear(128, num_classes)

    @staticmethod
    def halving(channels):
        shortcut = nn.Conv2d(channels, 2 * channels, 1, stride=2, bias=False)
        downsample = nn.Sequential(shortcut, nn.BatchNorm2d(2 * channels))
        return torchvision.models.resnet.BasicBlock(channels, 2 * channels, 2, downsample)


def keras_resnet(depth):
    """Keras's network in torchvision's tree: the stride of each stage on the first 1x1 convolution."""
    model = getattr(torchvision.models, f"resnet{depth}")()
    for block in model.modules():
        if isinstance(block, torchvision.models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return model


def build(name, classes=None, hidden=None):
    """`hidden` narrows VGG's dense layers: the first weight has 411 MB, more than many adapters bind at once."""
    options = {} if classes is None else {"num_classes": classes}
    if hidden is None:
        return build_whole(name, options)
    with torch.device("meta"):
        model = build_whole(name, options)
        dense = model.classifier
        dense[0], dense[3], dense[6] = nn.Linear(25088, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, dense[6].out_features)
    return model.to_empty(device="cpu")


def build_whole(name, options):
    if name == "smallResnet":
        return SmallResNet(**options)
    if name.startswith("keras.ResNet"):
        return keras_resnet(int(name[len("keras.ResNet"):]))
    if name.startswith("cifarResnet"):
        return ResNet(int(name[len("cifarResnet"):]), **options)
    if name == "inception_v3":
        return torchvision.models.inception_v3(init_weights=False, transform_input=True, **options)
    return getattr(torchvision.models, name)(**options)


def hash_unit(tensor, count):
    """Uniform in [0, 1), 24 bits, from the tensor's and the element's index."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32((tensor * 0x9E3779B9) & 0xFFFFFFFF)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x21F0AAAD)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x735A2D97)
        x ^= x >> np.uint32(15)
    return (x >> np.uint32(8)).astype(np.float64) / 16777216.0


def hash_values(index, name, shape):
    count = int(np.prod(shape))
    u = hash_unit(index, count)
    if len(shape) >= 2:
        values = (2 * u - 1) * math.sqrt(6 / (count / shape[0]))
    elif name.endswith("running_var"):
        values = 0.5 + u
    elif name.endswith("weight"):
        values = 0.25 + 0.5 * u
    else:
        values = (2 * u - 1) * 0.1
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def hash_weights(model, gain=1):
    """`gain` multiplies the batch norms' weights: in a deep network at 1, little of the input is left in the logits."""
    state = model.state_dict()
    for index, (name, t) in enumerate(state.items()):
        if t.dtype == torch.float32:
            values = hash_values(index, name, tuple(t.shape))
            state[name] = gain * values if name.endswith("weight") and t.dim() == 1 else values
    model.load_state_dict(state)
    return model


def hash_input(shape):
    u = hash_unit(100_000, int(np.prod(shape)))
    return torch.from_numpy(((2 * u - 1) * 1.7).astype(np.float32).reshape(shape))


def hash_labels(batch, classes):
    return torch.tensor([(7 * i + 3) % classes for i in range(batch)])


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def printed(model):
    """As PyTorch prints it before 2.14, which says of a batch norm's bias what `affine` says already."""
    return re.sub(r"(affine=(True|False)), bias=\2", r"\1", str(model))


def packed(values):
    return base64.b64encode(values.detach().float().contiguous().numpy().tobytes()).decode()


def write_json(name, value):
    (OUT / name).write_text(json.dumps(value, indent=1) + "\n")


def read_json(name):
    return json.loads((OUT / name).read_text())


def record_structure(only):
    models, before = {}, read_json("structure.json") if only else {}
    for name in TORCHVISION + [f"cifarResnet{d}" for d in CIFAR_DEPTHS] + ["smallResnet"] + KERAS:
        if only and name not in only:
            models[name] = before[name]
            continue
        model = build(name)
        state = model.state_dict()
        dtypes = {torch.float32: "float32", torch.int64: "int64"}
        lines = [f"{k} [{', '.join(map(str, v.shape))}] {dtypes[v.dtype]}" for k, v in state.items()]
        models[name] = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "parameterTensors": len(list(model.parameters())),
            "entries": len(state),
            "modules": len(list(model.modules())),
            "state": digest("\n".join(lines)),
            "namedParameters": digest("\n".join(n for n, _ in model.named_parameters())),
            "namedModules": digest("\n".join(n for n, _ in model.named_modules())),
            "printed": digest(printed(model)),
        }
        if name in PRINTED:
            (OUT / f"{name}.txt").write_text(printed(model) + "\n")
    write_json("structure.json", models)

    layers = {
        "linear": nn.Linear(3, 4), "linearNoBias": nn.Linear(3, 4, bias=False),
        "conv": nn.Conv2d(3, 4, 3),
        "convAll": nn.Conv2d(4, 8, (3, 5), stride=2, padding=(1, 2), dilation=2, groups=2, bias=False),
        "convTranspose": nn.ConvTranspose2d(4, 8, 3, stride=2, padding=1, output_padding=1),
        "convTransposeAll": nn.ConvTranspose2d(4, 8, 3, groups=2, dilation=2, bias=False),
        "batchNorm": nn.BatchNorm2d(4),
        "batchNormBare": nn.BatchNorm2d(4, eps=1.001e-5, momentum=0.01, affine=False, track_running_stats=False),
        "batchNormCumulative": nn.BatchNorm2d(4, eps=1e-3, momentum=None), "batchNormOne": nn.BatchNorm2d(4, momentum=1.0),
        "embedding": nn.Embedding(5, 3), "embeddingPadding": nn.Embedding(5, 3, padding_idx=-1),
        "layerNorm": nn.LayerNorm(4), "layerNormAll": nn.LayerNorm((2, 3), 1e-3, False), "layerNorm2d": LayerNorm2d(4, eps=1e-6),
        "relu": nn.ReLU(), "reluInplace": nn.ReLU(inplace=True), "relu6": nn.ReLU6(), "relu6Inplace": nn.ReLU6(True),
        "leakyRelu": nn.LeakyReLU(), "leakyReluAll": nn.LeakyReLU(0.2, True), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
        "silu": nn.SiLU(), "siluInplace": nn.SiLU(True), "gelu": nn.GELU(), "geluTanh": nn.GELU("tanh"),
        "hardswish": nn.Hardswish(), "hardsigmoid": nn.Hardsigmoid(), "softmax": nn.Softmax(1), "logSoftmax": nn.LogSoftmax(-1),
        "maxPool": nn.MaxPool2d(3, 2, 1), "maxPoolDefault": nn.MaxPool2d(2),
        "maxPoolAll": nn.MaxPool2d((3, 2), (2, 1), (1, 0), dilation=(1, 2), ceil_mode=True),
        "avgPool": nn.AvgPool2d(2), "avgPoolAll": nn.AvgPool2d((3, 2), 2, 1),
        "adaptive": nn.AdaptiveAvgPool2d(1), "adaptivePair": nn.AdaptiveAvgPool2d((1, 1)), "adaptiveNone": nn.AdaptiveAvgPool2d((None, 3)),
        "upsample": nn.Upsample(scale_factor=2), "upsampleSize": nn.Upsample((4, 5), mode="bicubic"),
        "upsampleBilinear": nn.Upsample(scale_factor=(2, 1.5), mode="bilinear", align_corners=True),
        "dropout": nn.Dropout(), "dropoutAll": nn.Dropout(0.2, True),
        "stochasticDepth": StochasticDepth(0.2 * (3 / 16), "row"), "stochasticDepthBatch": StochasticDepth(1.0, "batch"),
        "flatten": nn.Flatten(), "flattenAll": nn.Flatten(0, 2), "permute": Permute([0, 2, 3, 1]),
        "identity": nn.Identity(), "sequential": nn.Sequential(), "nested": nn.Sequential(nn.Sequential(nn.ReLU())),
        "moduleList": nn.ModuleList([nn.ReLU(), nn.Linear(2, 2)]),
        "convNormActivation": Conv2dNormActivation(3, 8),
        "convNormActivationAll": Conv2dNormActivation(
            4, 8, (5, 3), 2, groups=4, dilation=(1, 2), norm_layer=partial(nn.BatchNorm2d, eps=0.001, momentum=0.01), activation_layer=nn.Hardswish,
        ),
        "convNormActivationBare": Conv2dNormActivation(4, 8, 1, norm_layer=None, activation_layer=None),
        "squeezeExcitation": SqueezeExcitation(8, 2),
        "squeezeExcitationAll": SqueezeExcitation(8, 2, partial(nn.SiLU, inplace=True), nn.Hardsigmoid),
        "crossEntropy": nn.CrossEntropyLoss(), "mse": nn.MSELoss(),
    }
    write_json("layers.json", {k: printed(m) for k, m in layers.items()})


def gradient_samples(model):
    samples = {}
    for name, p in model.named_parameters():
        if p.grad is None:
            continue
        g = p.grad.flatten().double()
        positions = [k * g.numel() // 12 for k in range(12)]
        samples[name] = {"norm": float(f"{g.norm().item():.8g}"), "values": packed(g[positions])}
    return samples


# Batch norms whose running statistics are recorded, of whichever network has them.
STATISTICS = ["bn1", "features.12.1", "features.18.1"]


def train(model, x, labels, steps, lr):
    """One gradient, then `steps` steps of SGD with momentum 0.9; the first loss is the one of the gradient."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=0.9)
    losses, gradients, stats = [], None, None
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model(x), labels)
        loss.backward()
        if gradients is None:
            gradients = gradient_samples(model)
            stats = {n: packed(b) for n, b in model.named_buffers() if n.rpartition(".")[0] in STATISTICS and b.dim()}
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients, stats


MARGIN = 1e-4


class ReluInputs(TorchFunctionMode):
    """Keeps what every ReLU and ReLU6 of a forward pass gets."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (F.relu, F.hardtanh):
            self.inputs.append(args[0].clone())
        return function(*args, **(kwargs or {}))


def clear_bends(model, x):
    """
    Shifts the trained batch-norm biases by the least that leaves no ReLU input behind them within MARGIN of 0 (of a ReLU6, nor of 6), and gives
    the shifts: to each bias those of its channels that moved. There a gradient jumps: among the million inputs some lie within float32's
    rounding of it, and one that passes in one program and stops in another changes its channel's gradient by per cents.
    """
    statistics = {name: b.clone() for name, b in model.named_buffers()}
    # A ReLU follows each of them but a shortcut's and the last of MobileNet V2's blocks, in this order.
    norms = [
        (name, m) for name, m in model.named_modules()
        if isinstance(m, nn.BatchNorm2d) and m.weight.requires_grad and not re.search(r"downsample|\.conv\.\d$", name)
    ]
    bends = [0, 6] if any(isinstance(m, nn.ReLU6) for m in model.modules()) else [0]
    shifts = {}
    with torch.no_grad():
        for k, (name, norm) in enumerate(norms):
            with ReluInputs() as relu:
                model(x)
            for channel, v in enumerate(relu.inputs[k - len(norms)].transpose(0, 1).flatten(1)):
                steps = (2 * MARGIN * sign * n for n in range(1000) for sign in (1, -1))
                shift = next(d for d in steps if all((v + d - bend).abs().min() > MARGIN for bend in bends))
                if shift:
                    norm.bias[channel] += shift
                    shifts.setdefault(f"{name}.bias", {})[channel] = float(f"{shift:.6g}")
        for name, b in model.named_buffers():
            b.copy_(statistics[name])
    return shifts


def heads_of(model):
    """Paths of the layers that make the classes: the last one, and an auxiliary head's."""
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    return linear[-1:] + [name for name in linear if name == "AuxLogits.fc"]


def graft(model, classes):
    index = len(model.state_dict()) + 1000
    for path in heads_of(model):
        head = nn.Linear(model.get_submodule(path).in_features, classes)
        head.weight.data = hash_values(index, "weight", tuple(head.weight.shape))
        head.bias.data = hash_values(index + 1, "bias", tuple(head.bias.shape))
        index += 2
        parent, _, field = path.rpartition(".")
        setattr(model.get_submodule(parent), field, head)


def freeze_until(model, path):
    """Heads are trained in any case."""
    heads, reached = heads_of(model), False
    for name, m in model.named_modules():
        reached = reached or name == path
        for p in m.parameters(recurse=False):
            p.requires_grad = reached or name in heads


def loss_of(outputs, labels):
    """Of an auxiliary head, 0.4 times its loss is added."""
    if isinstance(outputs, torch.Tensor):
        return F.cross_entropy(outputs, labels)
    return F.cross_entropy(outputs.logits, labels) + 0.4 * F.cross_entropy(outputs.aux_logits, labels)


def prepare(case, x):
    model = hash_weights(build(case["model"], hidden=case.get("hidden")), case.get("gain", 1))
    if case.get("frozenUntil"):
        graft(model, case["classes"])
        freeze_until(model, case["frozenUntil"])
    model.train(case["training"])
    for m in model.modules():
        if isinstance(m, (nn.Dropout, StochasticDepth)) or isinstance(m, nn.BatchNorm2d) and not m.weight.requires_grad:
            m.eval()
    # EfficientNet's SiLU has no bends; of MobileNet V3, no input lies too close to one of Hardswish or Hardsigmoid in the case below.
    if case["training"] and not re.match("efficientnet|mobilenet_v3", case["model"]):
        case["shifts"] = clear_bends(model, x)
    return model


def record_numbers(only):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    forward = [
        ("resnet18", 2, 64), ("resnet50", 2, 64), ("squeezenet1_1", 1, 64), ("resnext50_32x4d", 1, 64), ("cifarResnet20", 2, 32),
        ("resnet18", 1, 224), ("squeezenet1_1", 1, 224), ("squeezenet1_0", 1, 224), ("resnet50", 2, 224),
        ("convnext_tiny", 2, 64), ("convnext_small", 1, 64), ("convnext_base", 1, 64), ("convnext_large", 1, 64),
    ]
    forward = [{"model": model, "batch": batch, "size": size} for model, batch, size in forward]
    forward += [
        {"model": f"vgg{depth}{norm}", "batch": 1, "size": 64, "classes": 12, "hidden": 48, "gain": 2} for depth in (11, 13, 16, 19) for norm in ("", "_bn")
    ]
    # The least gains at which the logits tell two inputs apart; a little more, and a network of many residual blocks takes leave of float32.
    forward += [
        {"model": model, "batch": batch, "size": size, "classes": 12, "gain": gain} for model, batch, size, gain in [
            ("mobilenet_v2", 2, 65, 2), ("mobilenet_v2", 1, 224, 2), ("mobilenet_v3_small", 2, 65, 2), ("mobilenet_v3_small", 1, 224, 2),
            ("mobilenet_v3_large", 2, 65, 1.6), ("mobilenet_v3_large", 1, 224, 1.6),
            ("densenet121", 2, 64, 1.6), ("densenet161", 1, 64, 1.6), ("densenet169", 1, 64, 1.6), ("densenet201", 1, 64, 1.6),
            ("densenet121", 1, 224, 1.6), ("inception_v3", 2, 75, 2.2), ("inception_v3", 1, 299, 1.9),
            ("efficientnet_b0", 2, 65, 2.1), ("efficientnet_b0", 1, 224, 2.1), ("efficientnet_b1", 1, 64, 1.95), ("efficientnet_b2", 1, 64, 1.95),
            ("efficientnet_b3", 1, 64, 1.95), ("efficientnet_b4", 1, 64, 1.92), ("efficientnet_b5", 1, 64, 1.85), ("efficientnet_b6", 1, 64, 1.87),
            ("efficientnet_b7", 1, 64, 1.8), ("efficientnet_v2_s", 2, 65, 1.5), ("efficientnet_v2_m", 1, 64, 1.47), ("efficientnet_v2_l", 1, 64, 1.37),
        ]
    ]
    logits, before = [], read_json("logits.json") if only else []
    for case in forward:
        name, batch, size = case["model"], case["batch"], case["size"]
        if only and name not in only:
            logits += [old for old in before if (old["model"], old["batch"], old["size"]) == (name, batch, size)]
            continue
        model = hash_weights(build(name, case.get("classes"), case.get("hidden")), case.get("gain", 1)).eval()
        x = hash_input((batch, 3, size, size))
        with torch.no_grad():
            single = model(x)
            y = model.double()(x.double())
            moved = (model(-x.double()) - y).abs().max() / y.abs().max()
        error = ((single - y).abs().max() / y.abs().max()).item()
        print(f"{name} {batch}x{size}: max {y.abs().max():.4g}, moved by the input {moved:.2g}, float32 error {error:.2g}", flush=True)
        logits.append({**case, "logits": packed(y)})
    write_json("logits.json", logits)

    cases = [
        {"model": "cifarResnet20", "batch": 4, "size": 32, "classes": 10, "training": True, "lr": 0.01},
        {"model": "resnet18", "batch": 4, "size": 64, "classes": 1000, "training": True, "lr": 0.0002},
        {"model": "squeezenet1_1", "batch": 2, "size": 64, "classes": 1000, "training": False, "lr": 0.0001},
        {"model": "resnet50", "batch": 2, "size": 64, "classes": 10, "training": True, "frozenUntil": "layer4", "lr": 0.00002},
        {"model": "resnet50", "batch": 2, "size": 224, "classes": 10, "training": True, "frozenUntil": "layer4", "lr": 0.00002},
        {"model": "convnext_tiny", "batch": 2, "size": 64, "classes": 10, "training": False, "frozenUntil": "features.6", "lr": 0.0005},
        {"model": "convnext_tiny", "batch": 2, "size": 64, "classes": 10, "training": False, "frozenUntil": "features.7.2", "lr": 0.0005},
        {
            "model": "vgg11", "batch": 2, "size": 64, "classes": 10, "hidden": 48, "training": True, "frozenUntil": "features.16", "lr": 0.00002,
        },
        {"model": "mobilenet_v3_small", "batch": 4, "size": 96, "classes": 10, "training": True, "frozenUntil": "features.9", "gain": 2, "lr": 0.0001},
        # Unshifted, a ReLU6 input of features.15 lies 7e-7 from its bend: in PyTorch's own float32 gradients there are off by 4e-2.
        {"model": "mobilenet_v2", "batch": 4, "size": 96, "classes": 10, "training": True, "frozenUntil": "features.14", "gain": 2, "lr": 0.0001},
        {"model": "efficientnet_b0", "batch": 2, "size": 64, "classes": 10, "training": True, "frozenUntil": "features.7", "gain": 2.1, "lr": 0.0001},
        {"model": "densenet121", "batch": 4, "size": 64, "classes": 10, "training": True, "frozenUntil": "features.denseblock4", "gain": 1.6, "lr": 0.0001},
        {"model": "inception_v3", "batch": 2, "size": 299, "classes": 10, "training": True, "frozenUntil": "Mixed_7a", "gain": 1.9, "lr": 0.0001},
    ]
    # A ReLU input within rounding of 0 passes its gradient in one program and stops it in another; the rates of the frozen networks,
    # whose batch norms see few values, and of SqueezeNet, whose loss swings at higher ones, are low enough that this stays below what is
    # checked. (At 0.01, weights that differ by 2e-7 give SqueezeNet in float64 itself losses that differ by 1.3e-3.)
    training, before = [], read_json("training.json") if only else []
    for case in cases:
        if only and case["model"] not in only:
            training += [old for old in before if all(old.get(key) == case.get(key) for key in ("model", "batch", "size", "frozenUntil"))]
            continue
        x = hash_input((case["batch"], 3, case["size"], case["size"]))
        labels = hash_labels(case["batch"], case["classes"])
        single, near, _ = train(prepare(case, x), x, labels, 10, case["lr"])
        losses, gradients, stats = train(prepare(case, x).double(), x.double(), labels, 10, case["lr"])
        error = max(abs(a - b) / abs(b) for a, b in zip(single, losses))
        largest = max(g["norm"] for g in gradients.values())
        bend = max(abs(near[name]["norm"] - g["norm"]) / max(g["norm"], 1e-4 * largest) for name, g in gradients.items())
        print(f"{case['model']} {case['size']}: losses {losses[0]:.4f} .. {losses[-1]:.4f}, float32 error {error:.2g}, of gradients {bend:.2g}", flush=True)
        case.update(losses=[float(f"{v:.9g}") for v in losses], gradients=gradients, stats=stats)
        training.append(case)
    write_json("training.json", training)


def grad_cam(model, layer, x, target):
    """Grad-CAM by its definition (Selvaraju et al. 2017, equations 1 and 2), before any scaling."""
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(lambda module, args, output: kept.append(output))
    logits = model(x)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, target], kept[0])
    return F.relu((kept[0] * gradient.mean((2, 3), keepdim=True)).sum(1))[0]


def record_gradcam():
    cases = []
    for name, layer, size, target in [
        ("resnet18", "layer4", 96, 3), ("resnet18", "layer2", 64, 17), ("squeezenet1_1", "features", 96, 5), ("cifarResnet20", "layer3", 32, 7),
    ]:
        model = hash_weights(build(name)).eval().double()
        heat = grad_cam(model, layer, hash_input((1, 3, size, size)).double(), target)
        print(f"{name} {layer}: {tuple(heat.shape)}, max {heat.max():.4g}, {int((heat > 0).sum())} positive", flush=True)
        shape = {"height": heat.shape[0], "width": heat.shape[1]}
        cases.append({"model": name, "layer": layer, "size": size, "target": target, **shape, "map": packed(heat)})
    write_json("gradcam.json", cases)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    PARTS = ["structure", "numbers", "gradcam"]
    networks = [name for name in sys.argv[1:] if name not in PARTS]
    wanted = [part for part in PARTS if part in sys.argv[1:]] or PARTS
    if "structure" in wanted:
        record_structure(networks)
    if "numbers" in wanted:
        record_numbers(networks)
    if "gradcam" in wanted:
        record_gradcam()
