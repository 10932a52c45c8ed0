#!/usr/bin/env python3
"""Opens what scripts/check-text-write.ts saved with transformers, and the folder that it came from: how far the outputs are apart.

    pip install torch transformers
    python3 scripts/check-text-write.py OUT
"""
import json
import pathlib
import sys

import torch
import transformers

BAR = 1e-4


def outputs_of(folder, expected):
    model, info = getattr(transformers, expected["architecture"]).from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    ids = torch.tensor(expected["ids"]).reshape(expected["batch"], expected["time"])
    mask = torch.tensor(expected["mask"]).reshape(expected["batch"], expected["time"])
    decoder = {"decoder_input_ids": ids} if expected["architecture"].startswith("T5") else {}
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=mask, **decoder), info, mask


def difference(outputs, expected, mask):
    worst = 0.0
    for name, one in expected["outputs"].items():
        want, got = outputs[name], torch.tensor(one["data"]).reshape(one["shape"])
        off = (want - got).abs() / want.abs().max().clamp(min=1)
        if want.dim() >= 2 and want.shape[1] == mask.shape[1] and not expected["architecture"].startswith("T5"):
            off = off * mask.reshape(*mask.shape, *[1] * (want.dim() - 2))
        worst = max(worst, off.max().item())
    return worst


def main():
    failed = False
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*/regraft-expected.json")):
        expected = json.loads(path.read_text())
        outputs, info, mask = outputs_of(path.parent, expected)
        saved = difference(outputs, expected, mask)
        line = f"{path.parent.name}: saved {saved:.1e}, missing {sorted(info['missing_keys'])}, unexpected {sorted(info['unexpected_keys'])}"
        failed |= saved > BAR or bool(info["missing_keys"]) or bool(info["unexpected_keys"])
        if expected["task"] is None:
            original = difference(outputs_of(expected["from"], expected)[0], expected, mask)
            failed |= original > BAR
            line += f", as it came {original:.1e}"
        print(line)
    sys.exit(failed)


if __name__ == "__main__":
    main()
