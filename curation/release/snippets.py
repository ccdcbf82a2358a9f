"""How to load a release and how to train with it: code for the card. The tests run every piece of it."""

from __future__ import annotations

from curation.config.model import RunConfig
from curation.release.markdown import escape

PLACE = "path/to/release"
MODEL = "intfloat/multilingual-e5-small"


def loading(language: str, split: str, *, negatives: int) -> str:
    """Return how to load one language with each library; `split` is one that the language has."""
    columns = ["`anchor`", "`positive`", *(["`negative_1` to the last"] if negatives else [])]
    named = f"{', '.join(columns[:-1])} and {columns[-1]}"
    sums = f"SELECT source, licence, count(*) FROM '{PLACE}/full/*/{split}-*.parquet' GROUP BY ALL"  # noqa: S608 - shown
    return f"""## Loading

`{PLACE}` is the folder of this release. On the Hugging Face Hub, say `ORG/NAME` to `datasets`, and
`hf://datasets/ORG/NAME` to the others.

The configuration `all` holds every language, `{language}` one of them; both have the columns {named}.
`{language}-full` holds the same rows as `{language}`, with their provenance: id, source, licence, languages, scores.

```python
from datasets import load_dataset

rows = load_dataset("{PLACE}", "{language}", split="{split}")
```

```python
import polars

rows = polars.scan_parquet("{PLACE}/data/{language}/{split}-*.parquet").select("anchor", "positive").collect()
```

```python
import duckdb

rows = duckdb.sql("{sums}")
```"""


def training(config: RunConfig, split: str) -> str:
    """Return how to train a model on the whole release."""
    instructions = sorted({source.instruction for source in config.sources if source.instruction})
    told = ", for example “" + escape(instructions[0]) + "”" if instructions else ""
    return f"""## Training

Every column is a text, so sentence-transformers takes the rows as they are. `no_duplicates` keeps copies of a text out
of a batch, where they would be each other's negatives. Models that take instructions expect one before the
query{told}.

```python
from datasets import load_dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

rows = load_dataset("{PLACE}", "all", split="{split}")
model = SentenceTransformer("{MODEL}")
width = len(model.encode("one text"))
loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), matryoshka_dims=[width, width // 2, width // 4])
arguments = SentenceTransformerTrainingArguments(
    output_dir="model", max_steps=1000, per_device_train_batch_size=64, batch_sampler="no_duplicates"
)
SentenceTransformerTrainer(model=model, args=arguments, train_dataset=rows, loss=loss).train()
```"""
