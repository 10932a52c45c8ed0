#!/usr/bin/env python3
"""Records test/fixtures/text-metrics.json: scores of made-up predictions by seqeval, sacreBLEU, rouge_score and SQuAD's evaluations.

Only whoever re-records needs Python (recorded with seqeval 1.2.2, sacrebleu 2.6.0, rouge_score 0.1.2, transformers 4.57.6 for SQuAD 2.0, and the file
metrics/squad/compute_score.py of huggingface/evaluate for 1.1). Usage: python3 scripts/record-text-metrics.py COMPUTE_SCORE_PY
"""
import importlib.util
import json
import random
import sys
import warnings
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "text-metrics.json"
warnings.filterwarnings("ignore")
RNG = random.Random(7)


def entities() -> list[dict]:
    from seqeval.metrics import accuracy_score, classification_report
    from seqeval.scheme import BILOU, IOB2, IOBES

    def tags(letters: str, length: int) -> list[str]:
        letter = lambda: RNG.choice(letters + "OO")
        return [p if p == "O" else f"{p}-{RNG.choice(['PER', 'LOC', 'B-C'])}" for p in (letter() for _ in range(length))]

    def changed(sentence: list[str], letters: str) -> list[str]:
        return [tags(letters, 1)[0] if RNG.random() < 0.25 else tag for tag in sentence]

    out = []
    for scheme, letters, strict in [("conlleval", "BI", None), ("conlleval", "BIES", None), ("conlleval", "I", None), ("IOB2", "BI", IOB2), ("IOBES", "BIES", IOBES), ("BILOU", "BILU", BILOU)]:
        for sentences in (1, 40):
            truth = [tags(letters, RNG.randint(0, 12)) for _ in range(sentences)]
            truth[0] = {"BI": ["B-PER", "I-PER", "O", "B-LOC"], "BIES": ["B-PER", "E-PER", "O", "S-LOC"], "BILU": ["B-PER", "L-PER", "O", "U-LOC"], "I": ["I-PER", "O", "I-LOC", "I-PER"]}[letters]
            found = [changed(sentence, letters) for sentence in truth]
            options = {"mode": "strict", "scheme": strict} if strict else {}
            report = classification_report(truth, found, output_dict=True, zero_division=0, **options)
            pick = lambda row: [float(row["precision"]), float(row["recall"]), float(row["f1-score"]), int(row["support"])]
            names = [name for name in report if not name.endswith(" avg")]
            out.append({"scheme": scheme, "truth": truth, "found": found, "micro": pick(report["micro avg"]), "macroF1": float(report["macro avg"]["f1-score"]), "accuracy": float(accuracy_score(truth, found)), "types": {name: pick(report[name]) for name in names}})
    return out


ANSWERS = [
    ("Paris", ["Paris"]), ("in Paris.", ["Paris", "the city of Paris"]), ("THE U.S.", ["us"]), ("a", ["an"]), ("", ["Paris"]), ("Paris", []), ("", []), ("the", []), ("théâtre", ["the âtre", "Théâtre!"]), ("42 %", ["42%", "42 percent"]),
    ("state-of-the-art", ["state of art", "stateoftheart"]), ("an_a the2 a", ["an_a the2"]), ("dog dog cat", ["dog cat cat"]), ("“quoted”", ["quoted"]), ("\u00a0spaces\u2003here ", ["spaces here"]), ("Beyoncé Knowles", ["beyonce", "Beyoncé Giselle Knowles-Carter"]), ("the", ["a"]), ("...", ["?"]), ("word", ["the", "a"]),
]
TEXTS = [
    ("The cat sat on the mat.", ["The cat sat on the mat.", "A cat was sitting on the mat."]), ("a cat is on mat", ["The cat sat on the mat.", "There is a cat on the mat."]), ("It costs 3.50 €, i.e. 1,000-times more (or less)!", ["It costs 3.5 €, i.e. 1000 times more (or less)!", "It is 3.50 €."]),
    ("&quot;Quoted&quot; &amp; &lt;b&gt;", ['"Quoted" & <b>', "Quoted and b"]), ("", ["Nothing was said.", "Silence"]), ("one", ["two", "three"]), ("Über die Brücke 😀 gehen", ["Über die Brücke 🙂 gehen", "über die Brücken gehen"]), ("中文 测试 句子", ["中文 的 测试", "测试 句子"]),
    ("line one ends here\nand two begins there\nthree", ["line one ends\nthere begins two\nand three here", "one line"]), ("a hyphen-\nated word and don't, can't", ["a hyphenated word and do not can not", "hyphenated words"]), ("the the the the the the", ["the cat the", "the"]), ("THE CAT Sat down", ["the cat sat down today", "The Cat sat"]), ("A. B. C. 1.5 2,5 x-1 1-x", ["A B C 1.5 2,5 x-1 1-x", "A. B. C."]),
]


def squad(path: str) -> dict:
    from transformers.data.metrics import squad_metrics as v2

    spec = importlib.util.spec_from_file_location("v1", path)
    v1 = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(v1)
    rows = []
    for answer, references in ANSWERS:
        gold = [r for r in references if v2.normalize_answer(r)] or [""]
        rows.append({
            "answer": answer, "references": references, "normalized": v2.normalize_answer(answer),
            "v2": [max(v2.compute_exact(g, answer) for g in gold), max(v2.compute_f1(g, answer) for g in gold)],
            "v1": [float(v1.metric_max_over_ground_truths(f, answer, references)) for f in (v1.exact_match_score, v1.f1_score)] if references else None,
        })
    return {"rows": rows}


def generation() -> dict:
    from rouge_score import rouge_scorer
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    found = [text for text, _ in TEXTS]
    sets = {"first": [[refs[0] for _, refs in TEXTS]], "both": [[refs[i] for _, refs in TEXTS] for i in (0, 1)]}
    rouge = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    out = {"texts": [{"found": text, "references": refs} for text, refs in TEXTS], "tokens": [Tokenizer13a()(text).split() for text in found], "sets": {}}
    for name, references in sets.items():
        corpus = {}
        for lowercase in (False, True):
            metric = BLEU(lowercase=lowercase)
            score = metric.corpus_score(found, references)
            corpus["lower" if lowercase else "mixed"] = {"score": score.score, "precisions": score.precisions, "bp": score.bp, "lengths": [score.sys_len, score.ref_len], "signature": str(metric.get_signature()).rsplit("|version", 1)[0]}
        chrf = {"chrf2": CHRF(), "chrf2++": CHRF(word_order=2), "lower": CHRF(lowercase=True)}
        scores = [rouge.score_multi([r[i] for r in references], text) for i, text in enumerate(found)]
        out["sets"][name] = {
            "bleu": corpus,
            # Single texts, where smoothing and orders without matches show.
            "single": [BLEU().corpus_score([text], [[r[i]] for r in references]).score for i, text in enumerate(found)],
            "chrf": {key: metric.corpus_score(found, references).score for key, metric in chrf.items()},
            "singleChrf": [CHRF().corpus_score([text], [[r[i]] for r in references]).score for i, text in enumerate(found)],
            "rouge": [[float(s[key].fmeasure) for key in ("rouge1", "rouge2", "rougeL", "rougeLsum")] for s in scores],
        }
    return out


if __name__ == "__main__":
    value = {"entities": entities(), "squad": squad(sys.argv[1]), "generation": generation()}
    OUT.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
