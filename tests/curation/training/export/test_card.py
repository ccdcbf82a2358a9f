"""The card says what is in the data, and nothing in the data can say more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml

from curation.training.export.card import Card, CellAccuracy, Loading, render_model_card
from curation.training.export.cells import Nesting
from curation.training.export.training_data import TrainingData

NESTING = Nesting((0, 2), (8, 32), (16, 64))
SIZES = {(0, 16): 1_000, (0, 64): 4_000, (2, 16): 2_000, (2, 64): 5_000}
HOSTILE = "x\n\n# Heading <script>alert(1)</script> | [a](javascript:b) `c` \u202e\x00"


@pytest.fixture
def card(data: TrainingData) -> Card:
    return Card("a bag", NESTING, SIZES, Loading("depth", "rank", needs_code=True), data, ())


def front_matter(text: str) -> dict[str, object]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_front_matter(card: Card) -> None:
    matter = front_matter(render_model_card(card))
    assert matter["language"] == ["deu", "hin"]
    assert matter["license"] == "bsd-3-clause" or matter["license_name"] == "bsd-3-clause"
    assert matter["library_name"] == "sentence-transformers"


def test_the_release_is_named(card: Card, data: TrainingData) -> None:
    text = render_model_card(card)
    for said in ("# messages 1.2.0", data.digest, "BSD-3-Clause", "deu\\_Latn, hin\\_Deva, python\\_Zzzz"):
        assert said in text
    assert "| django | Instruct: Find the translation. Query:  |" in text


def test_sizes_and_accuracies(card: Card) -> None:
    assert "| 2 | 64 | 5,000 |" in render_model_card(card)
    cells = (CellAccuracy(2, 32, 64, 0.5), CellAccuracy(2, 8, 64, 0.25))
    text = render_model_card(replace(card, accuracies=cells))
    assert "| depth | rank | bytes of weights | 8 dimensions | 32 dimensions |" in text
    assert "| 2 | 64 | 5,000 | 25.0% | 50.0% |" in text
    assert "| 0 | 16 | 1,000 |  |  |" in text


def test_what_is_shown_of_loading_fits_the_model(card: Card) -> None:
    assert 'trust_remote_code=True, config_kwargs={"depth": 0, "rank": 16}' in render_model_card(card)
    plain = render_model_card(replace(card, loading=Loading("num_hidden_layers", "", needs_code=False)))
    assert 'config_kwargs={"num_hidden_layers": 0})' in plain
    assert "trust_remote_code" not in plain


def test_a_hostile_release_is_shown_as_text(card: Card) -> None:
    hostile = TrainingData(HOSTILE, HOSTILE, "a" * 64, HOSTILE, ("eng_Latn",), {HOSTILE: HOSTILE})
    text = render_model_card(replace(card, data=hostile))
    body = text.split("---\n", 2)[2]
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(javascript|(?<!\\)`c", body)
    assert not {"\u202e", "\x00"} & set(text)
    assert [line for line in body.splitlines() if line.startswith("#")][1:] == ["## Sizes", "## Loading", "## Data"]
    matter = front_matter(text)
    assert set(matter) == {"library_name", "pipeline_tag", "tags", "language", "license", "license_name"}


def test_a_model_without_a_release(card: Card) -> None:
    text = render_model_card(replace(card, data=None))
    assert "# An embedding model" in text
    assert "## Data" not in text
    assert "language" not in front_matter(text)
