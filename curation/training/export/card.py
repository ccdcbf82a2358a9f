"""The card of an exported model: from data, with everything that comes from a release escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from curation.release.markdown import escape, number, table
from curation.release.rights import front_matter
from curation.training.export.cells import Nesting
from curation.training.export.training_data import TrainingData

PLACE = "path/to/model"


@dataclass(frozen=True, slots=True)
class CellAccuracy:
    """Held-out accuracy of a cell of the grid.

    Attributes:
        depth: number of blocks or layers.
        dim: number of output dimensions.
        rank: of the token table.
        accuracy: share of right first answers, 0 to 1.
    """

    depth: int
    dim: int
    rank: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Loading:
    """How a part of the model is chosen when it is loaded.

    Attributes:
        depth_key: of the config.
        rank_key: of the config; empty if the factors are multiplied out.
        needs_code: whether the folder's own code has to be run.
    """

    depth_key: str
    rank_key: str
    needs_code: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What a card is made from.

    Attributes:
        kind: what the model is, in words.
        nesting: what can be chosen.
        sizes: bytes of the weights of a model that is exported at a depth and a rank.
        loading: how a part is chosen.
        data: the release that the model was trained on.
        accuracies: of cells; others are left empty.
    """

    kind: str
    nesting: Nesting
    sizes: Mapping[tuple[int, int], int]
    loading: Loading
    data: TrainingData | None
    accuracies: tuple[CellAccuracy, ...]


def render_model_card(card: Card) -> str:
    """Return the card as Markdown with front matter for the Hub."""
    title = f"{escape(card.data.name)} {escape(card.data.version)}" if card.data else "An embedding model"
    parts = [
        f"---\n{yaml.safe_dump(_front_matter(card), allow_unicode=True, sort_keys=False, width=100)}---",
        f"# {title}",
        f"A sentence embedding model: {card.kind}. It is nested on three axes: any size below can be taken from it.",
        "## Sizes\n\n" + _sizes(card),
        "## Loading\n\n" + _loading(card),
        *(["## Data\n\n" + _data(card.data)] if card.data else []),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(card: Card) -> dict[str, Any]:
    matter: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "sentence-similarity", "feature-extraction", "matryoshka"],
    }
    if card.data:
        # Files that a licence is linked to are the release's, which this folder does not hold.
        licence = {key: text for key, text in front_matter({"release": card.data.licence}).items() if "link" not in key}
        languages = {code.split("_")[0] for code in card.data.languages if not code.endswith("_Zzzz")}
        matter |= {"language": sorted(languages), **licence}
    return matter


def _sizes(card: Card) -> str:
    known = {(cell.depth, cell.dim, cell.rank): cell.accuracy for cell in card.accuracies}
    dims = card.nesting.dims if known else ()
    rows = [
        (
            str(depth),
            str(rank),
            number(card.sizes[depth, rank]),
            *(_share(known.get((depth, dim, rank))) for dim in dims),
        )
        for depth in card.nesting.depths
        for rank in card.nesting.ranks
    ]
    header = ("depth", "rank", "bytes of weights", *(f"{dim} dimensions" for dim in dims))
    told = " The columns of dimensions hold the held-out accuracy of that part." if known else ""
    listed = ", ".join(map(str, card.nesting.dims))
    return f"Dimensions: {listed}. Bytes are those of an export at that depth and rank.{told}\n\n" + table(header, rows)


def _share(accuracy: float | None) -> str:
    return "" if accuracy is None else f"{accuracy:.1%}"


def _loading(card: Card) -> str:
    least = card.nesting.dims[0]
    code = ", trust_remote_code=True" if card.loading.needs_code else ""
    trust = " The folder holds code of its own, which `trust_remote_code` allows to run." if code else ""
    smaller = f'"{card.loading.depth_key}": {card.nesting.depths[0]}'
    if card.loading.rank_key:
        smaller += f', "{card.loading.rank_key}": {card.nesting.ranks[0]}'
    rank = " and rank" if card.loading.rank_key else ""
    return f"""`{PLACE}` is this folder.{trust}

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{PLACE}"{code})
vectors = model.encode(["one text", "another text"])
```

Fewer dimensions. Say `normalize_embeddings`: sentence-transformers cuts vectors after they were given length 1.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{PLACE}"{code}, truncate_dim={least})
vectors = model.encode(["one text", "another text"], normalize_embeddings=True)
```

Less depth{rank}:

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{PLACE}"{code}, config_kwargs={{{smaller}}})
vectors = model.encode(["one text", "another text"])
```"""


def _data(data: TrainingData) -> str:
    licence = escape(data.licence) if data.licence else "each source has its own, see the release"
    rows = [
        ("release", escape(data.name)),
        ("version", escape(data.version)),
        ("SHA-256 of its manifest", f"`{data.digest}`"),
        ("licence of the data", licence),
        (f"languages ({len(data.languages)})", escape(", ".join(data.languages))),
    ]
    prompts = [(escape(name), escape(prompt)) for name, prompt in sorted(data.prompts.items())]
    told = "Prompts are stored under the names of sources; none is used unless it is asked for with `prompt_name`."
    return "\n\n".join([table(("", ""), rows), *([told, table(("prompt", "text"), prompts)] if prompts else [])])
