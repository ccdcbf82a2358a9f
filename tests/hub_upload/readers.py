"""What people do with a version on the Hub, in a program of its own: HF_ENDPOINT is read when the client is imported.

    python readers.py REPO REVISION

Prints, as JSON: rows of every config and split by `datasets`, the same by streaming, rows that DuckDB and polars count
through the client's file system, and the steps that sentence-transformers trained.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

import datasets
import duckdb
import polars
from huggingface_hub import HfFileSystem


def main(repo: str, revision: str) -> None:
    found = {
        "datasets": whole(repo, revision),
        "streaming": streamed(repo, revision),
        "duckdb": by_duckdb(repo, revision),
        "polars": by_polars(repo, revision),
        "trained": trained(repo, revision),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def whole(repo: str, revision: str) -> dict[str, dict[str, int]]:
    return {
        config: {split: rows.num_rows for split, rows in datasets.load_dataset(repo, config, revision=revision).items()}
        for config in datasets.get_dataset_config_names(repo, revision=revision)
    }


def streamed(repo: str, revision: str) -> dict[str, dict[str, str]]:
    """Return the first anchor of each config and split."""
    return {
        config: {
            split: next(iter(rows))["anchor"]
            for split, rows in datasets.load_dataset(repo, config, revision=revision, streaming=True).items()
        }
        for config in datasets.get_dataset_config_names(repo, revision=revision)
    }


def by_duckdb(repo: str, revision: str) -> dict[str, int]:
    connection = duckdb.connect()
    connection.register_filesystem(HfFileSystem())
    place = f"hf://datasets/{repo}@{revision}"
    query = "SELECT count(*) FROM read_parquet('{}')"
    return {
        view: connection.sql(query.format(f"{place}/{view}/*/*.parquet")).fetchall()[0][0] for view in ("data", "full")
    }


def by_polars(repo: str, revision: str) -> dict[str, int]:
    store = HfFileSystem()
    counts = {}
    for view in ("data", "full"):
        counts[view] = 0
        for path in store.glob(f"datasets/{repo}@{revision}/{view}/*/*.parquet"):
            with store.open(path) as stream:
                counts[view] += polars.read_parquet(stream).height
    return counts


def trained(repo: str, revision: str) -> int:
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    rows: Any = datasets.load_dataset(repo, "all", revision=revision, split="train")
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "the": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder, max_steps=2, per_device_train_batch_size=8, report_to="none", use_cpu=True
        )
        loss = MultipleNegativesRankingLoss(model)
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=rows.select(range(16)), loss=loss
        )
        return int(trainer.train().global_step)


if __name__ == "__main__":
    main(*sys.argv[1:])
