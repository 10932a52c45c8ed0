#!/usr/bin/env python3
"""Records test/fixtures/models/text.json: small networks of texts as Hugging Face's transformers has them.

    pip install torch transformers
    python3 scripts/record-text-models.py [CASE …]       # with cases named, of the others what is recorded stays

Weights come from a hash that test/models/hash-weights.ts computes too. Numbers are computed in float64: keys, outputs, the loss, each gradient,
and the losses of ten steps of AdamW without dropout.
"""
import base64
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import transformers

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "models" / "text.json"

BATCH, TIME, WORDS = 3, 7, 37
LENGTHS = [7, 4, 1]
STEPS, RATE, DECAY = 10, 1e-3, 0.01

BERT = dict(vocab_size=WORDS, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=17, max_position_embeddings=19)
ROBERTA = dict(BERT, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)
DISTIL = dict(vocab_size=WORDS, dim=12, n_layers=2, n_heads=3, hidden_dim=17, max_position_embeddings=19)
GPT2 = dict(vocab_size=WORDS, n_embd=12, n_layer=2, n_head=3, n_positions=19, pad_token_id=0, bos_token_id=1, eos_token_id=2)
T5 = dict(vocab_size=WORDS, d_model=12, d_kv=5, d_ff=17, num_layers=2, num_decoder_layers=3, num_heads=3, relative_attention_num_buckets=8,
          relative_attention_max_distance=10, decoder_start_token_id=0)


def labels(count):
    return {"id2label": {i: f"kind {i}" for i in range(count)}, "label2id": {f"kind {i}": i for i in range(count)}}


CASES = {
    "BertModel": ("BertModel", BERT),
    "BertModel, gelu_new": ("BertModel", dict(BERT, hidden_act="gelu_new", layer_norm_eps=1e-5)),
    "BertForSequenceClassification": ("BertForSequenceClassification", dict(BERT, **labels(3))),
    "BertForSequenceClassification, regression": ("BertForSequenceClassification", dict(BERT, hidden_act="quick_gelu", problem_type="regression", **labels(1))),
    "BertForTokenClassification": ("BertForTokenClassification", dict(BERT, hidden_act="relu", **labels(5))),
    "BertForQuestionAnswering": ("BertForQuestionAnswering", dict(BERT, hidden_act="silu")),
    "BertForMaskedLM": ("BertForMaskedLM", BERT),
    "BertForMaskedLM, not tied": ("BertForMaskedLM", dict(BERT, tie_word_embeddings=False)),
    "RobertaModel": ("RobertaModel", ROBERTA),
    "RobertaForSequenceClassification": ("RobertaForSequenceClassification", dict(ROBERTA, **labels(3))),
    "RobertaForTokenClassification": ("RobertaForTokenClassification", dict(ROBERTA, **labels(5))),
    "RobertaForQuestionAnswering": ("RobertaForQuestionAnswering", ROBERTA),
    "RobertaForMaskedLM": ("RobertaForMaskedLM", ROBERTA),
    "XLMRobertaForSequenceClassification": ("XLMRobertaForSequenceClassification", dict(ROBERTA, **labels(2))),
    "DistilBertModel": ("DistilBertModel", DISTIL),
    "DistilBertForSequenceClassification": ("DistilBertForSequenceClassification", dict(DISTIL, **labels(3))),
    "DistilBertForTokenClassification": ("DistilBertForTokenClassification", dict(DISTIL, activation="relu", **labels(5))),
    "DistilBertForQuestionAnswering": ("DistilBertForQuestionAnswering", DISTIL),
    "DistilBertForMaskedLM": ("DistilBertForMaskedLM", DISTIL),
    "T5Model": ("T5Model", T5),
    "T5ForConditionalGeneration": ("T5ForConditionalGeneration", T5),
    "T5ForConditionalGeneration, gated, without scale": ("T5ForConditionalGeneration", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    "GPT2Model": ("GPT2Model", GPT2),
    "GPT2LMHeadModel": ("GPT2LMHeadModel", GPT2),
    "GPT2ForSequenceClassification": ("GPT2ForSequenceClassification", dict(GPT2, n_inner=17, scale_attn_by_inverse_layer_idx=True, **labels(3))),
}


def hash_unit(tensor, count):
    m = 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) + (tensor * 0x9E3779B9 & m)) & m
    x = (x ^ (x >> 16)) * 0x21F0AAAD & m
    x = (x ^ (x >> 15)) * 0x735A2D97 & m
    x ^= x >> 15
    return (x >> 8).astype(np.float64) / 16777216


def hash_values(index, name, shape):
    count = int(np.prod(shape))
    u = hash_unit(index, count)
    if len(shape) >= 2:
        values = (2 * u - 1) * np.sqrt(6 / (count / shape[0]))
    elif name.endswith("weight"):
        values = 0.25 + 0.5 * u
    else:
        values = (2 * u - 1) * 0.1
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def packed(t):
    return base64.b64encode(t.detach().numpy().astype("<f4").tobytes()).decode()


def inputs_of(config):
    """Numbers of tokens, the padding behind them, and the number of the text that each is of."""
    unit = hash_unit(100_000, BATCH * TIME).reshape(BATCH, TIME)
    pad = config.pad_token_id
    ids = torch.from_numpy(3 + (unit * (WORDS - 3)).astype(np.int64))
    mask = (torch.arange(TIME)[None] < torch.tensor(LENGTHS)[:, None]).long()
    ids = torch.where(mask == 1, ids, pad)
    given = {"input_ids": ids, "attention_mask": mask}
    if config.model_type == "bert":
        given["token_type_ids"] = ((torch.arange(TIME) >= 3).long()[None] * mask)
    if config.model_type == "t5":
        written = (5 * torch.arange(BATCH * TIME).reshape(BATCH, TIME) + 2) % WORDS
        given["decoder_input_ids"] = torch.cat([torch.zeros(BATCH, 1).long(), torch.where(mask == 1, written, pad)[:, :-1]], 1)
    return given


def loss_of(name, config, output, mask):
    """The loss that test/models/text.test.ts computes too."""
    rows = torch.arange(BATCH)
    if name.endswith("ForSequenceClassification"):
        if config.problem_type == "regression":
            return F.mse_loss(output["logits"][:, 0], (rows * 0.5).double())
        return F.cross_entropy(output["logits"], (7 * rows + 3) % len(config.id2label))
    if name.endswith("ForQuestionAnswering"):
        ends = torch.tensor(LENGTHS) - 1
        return (F.cross_entropy(output["start_logits"], rows * 0) + F.cross_entropy(output["end_logits"], ends)) / 2
    if "logits" in output:
        classes = output["logits"].shape[-1]
        wanted = (5 * torch.arange(BATCH * TIME).reshape(BATCH, TIME) + 2) % classes
        return F.cross_entropy(output["logits"].transpose(1, 2), torch.where(mask == 1, wanted, -100))
    loss = (output["last_hidden_state"] * mask[:, :, None]).square().mean()
    return loss + output["pooler_output"].square().mean() if output.get("pooler_output") is not None else loss


def record(name, options):
    config_class = getattr(transformers, name.split("For")[0].removesuffix("Model").removesuffix("LMHead") + "Config")
    config = config_class(**options)
    zero = [k for k in config.to_dict() if "dropout" in k or k.endswith("pdrop")]
    for key in zero:
        if getattr(config, key) is not None:
            setattr(config, key, 0.0)
    config._attn_implementation = "eager"
    model = getattr(transformers, name)(config).double().train()
    values = {n: hash_values(i, n, t.shape) for i, (n, t) in enumerate(model.state_dict().items())}
    seen = set()
    with torch.no_grad():
        for n, t in model.state_dict().items():
            if t.data_ptr() not in seen:
                t.copy_(values[n])
            seen.add(t.data_ptr())
    given = inputs_of(config)

    def forward():
        output = model(**given)
        return output, loss_of(name, config, output, given["attention_mask"])

    output, loss = forward()
    loss.backward()
    kept = {k: packed(v) for k, v in output.items() if k in ("logits", "start_logits", "end_logits", "last_hidden_state", "pooler_output") and v is not None}
    gradients = {n: packed(p.grad) for n, p in model.named_parameters() if p.grad is not None}
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        step = forward()[1]
        step.backward()
        optimizer.step()
        losses.append(step.item())
    written = {k: v for k, v in json.loads(config.to_json_string()).items() if k != "transformers_version"}
    return {
        "architecture": name,
        "config": dict(written, architectures=[name], **({"id2label": options["id2label"], "label2id": options["label2id"]} if "id2label" in options else {})),
        "keys": [[n, list(t.shape)] for n, t in model.state_dict().items()],
        "outputs": kept,
        "loss": loss.item(),
        "gradients": gradients,
        "losses": losses,
    }


def buckets():
    """T5's numbers of the distances -2000 to 2000: where each begins, in both directions and in one."""
    from transformers.models.t5.modeling_t5 import T5Attention
    found = []
    for both in (True, False):
        numbers = T5Attention._relative_position_bucket(torch.arange(-2000, 2001), both, 32, 128).tolist()
        found.append([[i - 2000, n] for i, n in enumerate(numbers) if i == 0 or numbers[i - 1] != n])
    return found


def main():
    named = sys.argv[1:]
    cases = json.loads(OUT.read_text())["cases"] if named and OUT.exists() else {}
    for case, (name, options) in CASES.items():
        if not named or case in named:
            cases[case] = record(name, options)
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    lines = ",\n".join(f" {json.dumps(case)}: {json.dumps(one, separators=(',', ':'))}" for case, one in cases.items())
    size = OUT.write_text(f'{{"versions": {json.dumps(versions)}, "buckets": {json.dumps(buckets())}, "cases": {{\n{lines}\n}}}}\n')
    print(f"{len(cases)} networks, {size:,} bytes, {versions}")


if __name__ == "__main__":
    main()
