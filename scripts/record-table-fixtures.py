#!/usr/bin/env python3
"""Records test/fixtures/data/tables: Parquet as Hugging Face's datasets, pandas and polars write it.

Only whoever re-records needs this: pip install datasets pyarrow (versions are noted in versions.json).
"""
import json
import pathlib

import pyarrow
import pyarrow.parquet as parquet
from datasets import ClassLabel, Dataset, Features, Value, __version__

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "data" / "tables"


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    texts = [f"text number {i}, with „quotes“, 漢字 𠮷 and 😀" for i in range(40)]
    features = Features({"text": Value("string"), "label": ClassLabel(names=["world", "sports", "science"]), "id": Value("int64")})
    Dataset.from_dict({"text": texts, "label": [i % 3 for i in range(40)], "id": list(range(40))}, features=features).to_parquet(
        OUT / "named-classes.parquet"
    )
    plain = pyarrow.table(
        {"sentence1": texts[:12], "sentence2": texts[12:24], "score": [i / 4 if i else None for i in range(12)]}
    )
    for codec in ("snappy", "gzip", "zstd", "brotli", "lz4", "none"):
        parquet.write_table(plain, OUT / f"pairs-{codec}.parquet", compression=codec)
    (OUT / "versions.json").write_text(json.dumps({"datasets": __version__, "pyarrow": pyarrow.__version__}) + "\n")


main()
