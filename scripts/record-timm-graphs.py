"""
Exports twelve small networks of timm with seeded random weights, each by PyTorch's former exporter and by its present one, and records what ONNX
Runtime gives for a seeded image:

    venv/bin/pip install torch==2.14.1 timm==1.0.31 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
    venv/bin/python scripts/record-timm-graphs.py FOLDER

`npx tsx --conditions=regraft-source scripts/check-timm-graphs.ts FOLDER` compares. The folder is not committed.
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import timm
import torch

# Name, what it is among them for, side of its images, options.
NETWORKS = [
    ("regnetx_002", "grouped convolutions", 64, {}),
    ("seresnet18", "squeeze and excitation", 64, {}),
    ("mobilenetv3_small_050", "hard swish, squeeze and excitation", 64, {}),
    ("mixnet_s", "kernels of several sizes, split and joined", 64, {}),
    ("convnext_atto", "layer norm of channels, GELU", 64, {}),
    ("vit_tiny_patch16_224", "attention", 64, {"img_size": 64, "depth": 3}),
    ("swin_tiny_patch4_window7_224", "attention in shifted windows", 56, {"img_size": 56, "depths": (2, 2), "num_heads": (3, 6), "embed_dim": 48}),
    ("mixer_s32_224", "products over places", 64, {"img_size": 64}),
    ("ghostnet_050", "cheap maps by depthwise convolutions, joined", 64, {}),
    ("densenet121", "concatenations", 64, {"growth_rate": 8, "block_config": (2, 3, 2)}),
    ("coatnet_pico_rw_224", "convolutions and relative attention", 64, {"img_size": 64}),
    ("efficientnet_lite0", "depthwise convolutions, ReLU6", 64, {}),
]


def randomised(model):
    """Norms that are not the identity, as exporters fold what they hold, and no head of zeros."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.copy_(0.1 * torch.randn(module.running_mean.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
        if isinstance(module, torch.nn.Linear) and not module.weight.any():
            # A head that starts from zeros says nothing.
            module.weight.copy_(0.05 * torch.randn(module.weight.shape, generator=generator))
    return model


def exported(model, x, path, dynamo):
    names = {"input_names": ["image"], "output_names": ["logits"]}
    if dynamo:
        batch = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (x,), path, dynamo=True, external_data=False, verbose=False, **names, **batch)
    else:
        batch = {"dynamic_axes": {"image": {0: "batch"}, "logits": {0: "batch"}}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (x,), path, dynamo=False, opset_version=17, **names, **batch)


@torch.no_grad()
def main(folder, wanted):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "timm.json"
    rows = json.loads(file.read_text())["rows"] if wanted and file.exists() else []
    rows = [row for row in rows if not row["file"].startswith(tuple(f"{name}-" for name in wanted))] if wanted else rows
    for name, what, side, options in NETWORKS:
        if wanted and name not in wanted:
            continue
        torch.manual_seed(0)
        model = randomised(timm.create_model(name, num_classes=10, **options)).eval()
        x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
        x.numpy().tofile(folder / f"{name}.input")
        for kind in ("former", "present"):
            path = folder / f"{name}-{kind}.onnx"
            try:
                exported(model, x, path, kind == "present")
            except Exception as error:  # An exporter's own limit is noted, and the row left out.
                print(f"{path.name}: {str(error).splitlines()[0]}", file=sys.stderr)
                continue
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            (y,) = session.run(None, {"image": x.numpy()})
            apart = float(np.abs(y - model(x).numpy()).max())
            rows.append({"file": path.name, "what": what, "shape": list(x.shape), "apart": apart, "output": [float(f"{v:.8g}") for v in y.ravel()]})
            print(path.name, path.stat().st_size, f"{apart:.1e}", flush=True)
        (folder / "timm.json").write_text(json.dumps({"timm": timm.__version__, "torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
