#!/usr/bin/env python3
"""Records test/fixtures/text: small vocabularies, trained here on the lines below, and what Hugging Face's libraries make of those lines.

Only whoever re-records needs Python (recorded with tokenizers 0.22.2, transformers 4.57.6, sentencepiece 0.2.3). Offsets are recorded in UTF-16
units. The trainers order equals differently each time, so vocabularies and ids differ with them. With the folder of shared data, digests of some 4,000 lines under real vocabularies are recorded too.

    python3 scripts/record-text-fixtures.py [SHARED_DATA]
"""
import gzip
import hashlib
import json
import random
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "text"

ODD = [
    "Hello, world!", "", " ", "   ", "\n", "\t\ttabs\tand\nlines\r\nof two kinds\r", " leading and trailing  ", "a  b   c    d",
    "It's the cat's; they'll say we've won, don't you'd? I'M NOT 'sure'", "U.S.A. e.g. 3.14 1,000,000 50% $9.99 #tag @name a/b\\c <b>&amp;</b> ~`^|=+",
    "Ångström café naïve résumé Zürich ÀÉÎÕÜ ß ẞ ŉ Ǆ", "Cafe\u0301 nai\u0308ve re\u0301sume\u0301 a\u0323\u0302 a\u0302\u0323 q\u0307\u0323 \u0301alone",
    "\u1e9b\u0323 \u212b \u2126 \ufb01\ufb02\ufb03 \u2460 \u00bd \u33a1 \u2167 \uff21\uff22\uff43 \u3392 x\u00b2 H\u2082O", "Istanbul \u0130stanbul I\u0131 \u0130\u0130 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03a3",
    "emoji 😀 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺ ✈️ 1️⃣ 🥰 🫠 🤌🏿", "😀😀😀", "text😀text", "👩🏾‍🚀's helmet",
    "中文 漢字と仮名 한국어 日本語テスト。「引用」、全角！", "astral 𠀀𠮷野家 𪚥龘 𫝀 \U0002f80b \U0002ceb0 end", "𝒜𝓫𝕮 𝟘𝟙 \U0001d11e \U00010400\U00010428 \U0001f9ff",
    "Привет, мир! Ёлка й", "שָׁלוֹם עולם", "مرحبا بالعالم ١٢٣ \u0640 لا", "नमस्ते दुनिया क्षत्रिय", "สวัสดีชาวโลก", "ไทยทำ \u0e33", "ខ្មែរ", "தமிழ் மொழி", "가나다 \u1100\u1161\u11a8 \uac00\u11a8", "Tiếng Việt có dấu ở",
    "no\u00a0break\u00a0space \u2003em\u2009thin\u3000ideographic\u202fnarrow \u1680 \u205f", "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom \u00adsoft\u00adhyphen", "\ufeffBOM first", "\u200bfirst",
    "control\x00\x01\x07\x1b[31mred\x7f\x85next\x9f", "\ufffd replacement \ufffe \uffff \ue000 private \U000f0000 \U0010ffff", "line\u2028sep\u2029par", "lrm\u200e rlm\u200f \u202aemb\u202c \u2066iso\u2069",
    "“quotes” ‘single’ „low‟ «guillemets» — – ‐ ‑ ― … ‰ ′ ″ ‹›", "¿Qué? ¡Olé! § ¶ † ‡ • · ª º © ® ™ € £ ¥ ¤ ¬ ± × ÷", "½ ⅓ ⁵ ₅ ① Ⅷ ㍿ ㌀ ﷺ", "｡｢｣､ ｱｲｳ ﾊﾟ ﾀﾞ ＡＢＣ１２３", "\u0344 \u0958 \u2adc \u0f73\u0f75 \u0f71\u0f72",
    "a" * 99, "b" * 100, "c" * 101, "ab" * 300, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "é" * 101, "𠮷" * 60, "-" * 200, "=-" * 60, "1" * 120, " " * 130 + "x",
    "http://example.org/path?query=value&more=1#fragment user.name+tag@mail.example.co.uk", "snake_case camelCase kebab-case SCREAMING_SNAKE x86_64 v1.2.3-rc4", "def f(x):\n    return x**2  # comment\n\n\n\tif not x: pass", "{\"key\": [1, 2.5, null, true], \"é\": \"\\u00e9\"}",
    "[CLS] [SEP] [MASK] [PAD] [UNK] [unused1] [cls]", "<s> </s> <pad> <unk> <mask> <|endoftext|>", "a<mask>b  <mask>  c", "<extra_id_0> fills <extra_id_1>the gap<extra_id_99> <extra_id_100>", "▁meta ▁ symbol▁inside", "##piece ## # #", "Ġbyte Ċ symbols ĉ", "<0x0A> <0xF0>",
    "Zalgo z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309a\u0316\u0317\u0318\u0319\u0334\u0335", "e\u0301\u0301\u0301 \u0301\u0301", "n\u0303 \u00f1 N\u0303", "K\u212aelvin \u2160 \u217f", "ffi ﬃ ŒœÆæ ĳ ǆ ʼn", "\u1fb7 \u1f82 \u0390 \u03b0 \u1ffe", "Ω ω Ώ ώ ς Σ σ",
    "x\u0338= ≠ ≤ ≥ ∞ ∑ ∫ √ ∂ → ⇒ ∀ ∃ ∈", "♔♕ ♠♥ ☎ ☃ ⌘ ⌥ ␀ ▁ ░ █ ┼ ◌́", "\u0600\u0661 \u06dd\u0661\u0662", "\u0e40\u0e01 \u1100\ud7a3", "a\u200db c\ufe0fd", "\r\n\r\n\n\r", "end with newline\n", "tab\tend\t", "'s 't 're 've 'm 'll 'd 'S 'T", "' s n't I 'm do not ca n't . ? ! ,",
]


def noise(count: int) -> list[str]:
    """Lines of random characters, which hit what nobody thinks of."""
    rng = random.Random(20)
    ranges = [(0x20, 0x7E)] * 6 + [(0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x900, 0x97F), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20A0, 0x214F), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0xFF00, 0xFFEF), (0x1F300, 0x1F64F), (0x20000, 0x200FF)]
    return ["".join(chr(rng.randint(*rng.choice(ranges))) if rng.random() > 0.2 else " " for _ in range(rng.randint(5, 60))) for _ in range(count)]


LINES = ODD + noise(60)


def even(lines: list[str], count: int) -> list[str]:
    lines = [line for line in lines if line != ""]
    count = min(count, len(lines))
    return [lines[i * len(lines) // count] for i in range(count)]


def shared_lines(data: Path) -> list[str]:
    """Some 4,000 lines of all corpora; test/text/shared-lines.ts chooses the same."""
    texts = data / "text_data"
    read = lambda name: (texts / name).read_text(encoding="utf-8")
    unzip = lambda name: gzip.open(texts / name, "rt", encoding="utf-8", newline="").read()
    out = even([line.split("\t")[0] for line in read("sst2/train.tsv").split("\n")], 700)
    out += even([line.split("\t")[-1] for line in read("sms-spam/SMSSpamCollection").split("\n")], 700)
    out += even(unzip("multi30k/train.de.gz").split("\n"), 400)
    out += even(unzip("multi30k/train.en.gz").split("\n"), 400)
    out += even([" ".join(row.split("\t")[0] for row in sentence.split("\n") if row) for sentence in read("wnut17/wnut17train.conll").split("\n\n")], 700)
    paragraphs = [p for article in json.loads(read("xquad/xquad.en.json"))["data"] for p in article["paragraphs"]]
    out += [p["context"] for p in paragraphs]
    out += even([q["question"] for p in paragraphs for q in p["qas"]], 300)
    out += even(read("tinyshakespeare/input.txt").split("\n"), 300)
    out += even(read("smiles/2019PubChemQC_can_nocharge.smi").split("\n"), 200)
    return out


def units(text: str) -> list[int]:
    """Where each character begins, in UTF-16 units, and where the last ends."""
    at = [0]
    for c in text:
        at.append(at[-1] + (2 if ord(c) > 0xFFFF else 1))
    return at


def encoded(encoding, text: str, pair: str | None = None) -> dict:
    at = {None: [0], 0: units(text), 1: units(pair or "")}
    offsets = [at[sequence][i] for span, sequence in zip(encoding.offsets, encoding.sequence_ids) for i in span]
    return {"ids": encoding.ids, "offsets": offsets, "words": encoding.word_ids, "typeIds": encoding.type_ids}


def digest(tokenizer, lines: list[str]) -> str:
    """Of ids and offsets of all lines, a line each."""
    out = hashlib.sha256()
    for line in lines:
        e = encoded(tokenizer.encode(line), line)
        out.update((",".join(map(str, e["ids"])) + ";" + ",".join(map(str, e["offsets"])) + "\n").encode())
    return out.hexdigest()


# English for the vocabularies to have words of.
CORPUS = LINES + [
    "The quick brown fox jumps over the lazy dog while the small children are playing in the garden.",
    "There is nothing that the people of this country would rather have than a good train to the sea.",
    "Training a network on a laptop takes patience, but the training is never the part that takes longest.",
    "Who was the first to say that the answer to the question was in the text all along?",
] * 20


def train(folder: Path) -> None:
    """Vocabularies as older folders hold them: BERT's, GPT-2's, RoBERTa's, T5's, XLM-R's."""
    import sentencepiece
    from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer

    bert = BertWordPieceTokenizer(lowercase=True)
    bert.train_from_iterator(CORPUS, vocab_size=700, limit_alphabet=300, show_progress=False)
    (folder / "bert").mkdir(parents=True, exist_ok=True)
    bert.save_model(str(folder / "bert"))
    for name, special in {"gpt2": ["<|endoftext|>"], "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]}.items():
        bpe = ByteLevelBPETokenizer()
        bpe.train_from_iterator(CORPUS, vocab_size=500, special_tokens=special, show_progress=False)
        (folder / name).mkdir(exist_ok=True)
        bpe.save_model(str(folder / name))
    (folder / "t5").mkdir(exist_ok=True)
    # Some of what nmt_nfkc does, whose whole map takes 240 kB.
    rules = {c: " " for c in "\t\n\r\u00a0\u2003\u3000\u200b\ufeff"} | {"\u00ad": "", "\u007f": "", "ﬁ": "fi", "ﬃ": "ffi", "½": "1⁄2", "①": "1", "㎡": "m2", "ﷺ": "صلى الله", "Ａ": "A", "１": "1", "ﾊ": "ハ", "ﾊﾟ": "パ", "e\u0301": "é", "o\u0302": "ô", "\u212b": "Å", "…": "..."}
    codes = lambda text: " ".join(f"{ord(c):X}" for c in text)
    tsv = folder / "rules.tsv"
    tsv.write_text("".join(f"{codes(a)}\t{codes(b)}\n" for a, b in rules.items()))
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(" ".join(line.split()) for line in CORPUS if line.isprintable()))
    common = dict(input=str(corpus), vocab_size=600, character_coverage=0.98, normalization_rule_tsv=str(tsv), minloglevel=2, num_threads=1)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(folder / "t5" / "spiece"), pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **common)
    (folder / "xlmr").mkdir(exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(folder / "xlmr" / "sentencepiece.bpe"), **common)
    for file in (tsv, corpus, folder / "t5" / "spiece.vocab", folder / "xlmr" / "sentencepiece.bpe.vocab"):
        file.unlink()


def pipelines() -> dict[str, str]:
    """Whole tokenizer.json texts of parts that the four families do not use."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    def trained(tokenizer, trainer, corpus=CORPUS):
        tokenizer.train_from_iterator(corpus, trainer)
        return tokenizer

    out = {}
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    out["words"] = trained(t, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False))
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    out["llama"] = trained(t, trainers.BpeTrainer(vocab_size=620, limit_alphabet=80, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)], max_token_length=12, show_progress=False))
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFC()
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=False), processors.TemplateProcessing(single="<b> $A", pair="<b> $A <b> $B", special_tokens=[("<b>", 0)])])
    out["llama3"] = trained(t, trainers.BpeTrainer(vocab_size=400, special_tokens=["<b>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Replace(Regex(r"\d+"), "0"), normalizers.Nmt()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Split("e", "merged_with_next")])
    t.decoder = decoders.WordPiece(cleanup=False)
    t = trained(t, trainers.WordPieceTrainer(vocab_size=300, limit_alphabet=100, special_tokens=["[UNK]"], show_progress=False))
    t.add_tokens([AddedToken("fox", single_word=True), AddedToken("the", single_word=True, lstrip=True, rstrip=True), AddedToken("Café", normalized=True), AddedToken("😀", normalized=False)])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    out["pieces"] = t
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.NFKD()
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    out["unigram"] = trained(t, trainers.UnigramTrainer(vocab_size=300, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False), CORPUS[-40:])
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.BertNormalizer(strip_accents=False)
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("[.,!?]"), "removed"), pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.FixedLength(7)])
    t.decoder = decoders.BPEDecoder()
    t.post_processor = processors.BertProcessing(("<sep>", 1), ("<cls>", 2))
    out["suffix"] = trained(t, trainers.BpeTrainer(vocab_size=300, limit_alphabet=60, end_of_word_suffix="</w>", special_tokens=["<unk>", "<sep>", "<cls>"], show_progress=False))
    return {name: json.loads(tokenizer.to_str()) for name, tokenizer in out.items()}


def line_of(e: dict) -> object:
    """Short results as they are, long ones as a digest."""
    words = ",".join("" if w is None else str(w) for w in e["words"])
    text = ";".join([",".join(map(str, e["ids"])), ",".join(map(str, e["offsets"])), words])
    return [e["ids"], e["offsets"]] if len(e["ids"]) <= 12 else hashlib.sha256(text.encode()).hexdigest()[:16]


LONG = "The quick brown fox 😀 jumps over the lazy dog, and naïve children say: “it’s ½ past 𠮷!”"
QUESTION = "Who jumps over what?"


def families(folder: Path) -> dict:
    from transformers import BertTokenizerFast, GPT2TokenizerFast, RobertaTokenizerFast, T5TokenizerFast, XLMRobertaTokenizerFast

    classes = {"bert": BertTokenizerFast, "gpt2": GPT2TokenizerFast, "roberta": RobertaTokenizerFast, "t5": T5TokenizerFast, "xlmr": XLMRobertaTokenizerFast}
    out = {}
    for name, cls in classes.items():
        t = cls.from_pretrained(folder / name)
        if name == "gpt2":
            t.pad_token = t.eos_token
        backend = t.backend_tokenizer
        lines = [line_of(encoded(backend.encode(line), line)) for line in LINES]

        def windows(a: str, b: str | None, **options) -> dict:
            got = t(a, b, truncation=options.pop("truncation"), return_offsets_mapping=True, return_overflowing_tokens=True, **options)
            return {"text": a, "pair": b, "windows": [encoded(e, a, b) for e in got.encodings]}

        question, long = (len(t(text)["input_ids"]) for text in (QUESTION, LONG))
        asked = {
            "single": [LONG, None, dict(truncation=True, max_length=16, stride=4)],
            "onlySecond": [QUESTION, LONG, dict(truncation="only_second", max_length=question + 12, stride=5)],
            "onlyFirst": [LONG, QUESTION, dict(truncation="only_first", max_length=question + 12, stride=0)],
            "longestFirst": [LONG, QUESTION, dict(truncation="longest_first", max_length=question + long - 6, stride=3)],
        }
        cut = {}
        for max_length in (9, 10, 14, 21):
            e = t(LONG, LONG[:40], truncation=True, max_length=max_length)
            cut[max_length] = e["input_ids"]
        batch = ["One.", LONG, "", QUESTION]
        padded = t(batch, padding=True, pad_to_multiple_of=8)
        ids = t(LONG + " It 's a do not , n't .")["input_ids"]
        out[name] = {
            "lines": lines,
            "windows": {key: {"options": o, **windows(a, b, **dict(o))} for key, (a, b, o) in asked.items()},
            "longestFirst": cut,
            "batch": {"texts": batch, "ids": padded["input_ids"], "mask": padded["attention_mask"]},
            "decoded": {"ids": ids, "all": t.decode(ids, clean_up_tokenization_spaces=False), "text": t.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False), "clean": t.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)},
        }
        if name in ("bert", "t5"):
            words = ["The", "naïve", "fox", "", "jumps😀", "U.S.A."]
            e = t(words, is_split_into_words=True, return_offsets_mapping=True)
            at = [units(word) for word in words]
            offsets = [[at[w][i] for i in span] if w is not None else list(span) for span, w in zip(e["offset_mapping"], e.word_ids())]
            out[name]["words"] = {"words": words, "ids": e["input_ids"], "wordIds": e.word_ids(), "offsets": offsets}
    return out


def shared_digests(data: Path) -> dict:
    """Of the lines of shared data under real vocabularies."""
    import shutil
    import tempfile
    from tokenizers import Tokenizer
    from transformers import BertTokenizerFast, T5TokenizerFast

    text = data / "text"
    lines = shared_lines(data)
    files = {"bert": text / "vocab-hf" / "bert-base-uncased.tokenizer.json", "gpt2": text / "vocab-hf" / "gpt2.tokenizer.json"}
    out = {name: Tokenizer.from_file(str(file)) for name, file in files.items()}
    with tempfile.TemporaryDirectory() as folder:
        for cls, name, source in ((T5TokenizerFast, "spiece.model", "t5_tokenizer_base.model"), (BertTokenizerFast, "vocab.txt", "bert_base_cased_vocab.txt")):
            shutil.copyfile(text / "vocab" / source, Path(folder) / name)
            options = {"do_lower_case": False} if cls is BertTokenizerFast else {}
            out["t5" if cls is T5TokenizerFast else "bertCased"] = cls.from_pretrained(folder, **options).backend_tokenizer
            (Path(folder) / name).unlink()
    for tokenizer in out.values():
        tokenizer.no_truncation()
        tokenizer.no_padding()
    digests = {name: {"lines": digest(t, lines), "odd": digest(t, LINES)} for name, t in out.items()}
    return {"count": len(lines), "tokenizers": digests}


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    train(OUT)
    from tokenizers import Tokenizer

    write = lambda name, value: (OUT / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
    write("lines.json", LINES)
    write("families.json", families(OUT))
    (OUT / "pipelines").mkdir(exist_ok=True)
    for name, text in pipelines().items():
        t = Tokenizer.from_str(json.dumps(text))
        pair = t.encode(LONG, QUESTION)
        ids = t.encode(LONG).ids
        whole = {"json": text, "lines": [line_of(encoded(t.encode(line), line)) for line in LINES], "pair": encoded(pair, LONG, QUESTION), "decoded": {"ids": ids, "text": t.decode(ids, skip_special_tokens=True)}}
        write(f"pipelines/{name}.json", whole)
    if len(sys.argv) > 1:
        write("shared.json", shared_digests(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
