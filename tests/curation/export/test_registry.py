from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from curation.cli.export import export_command
from curation.errors import ConfigError
from curation.export import Options
from curation.export.options import ViewName
from curation.export.registry import VIEWS, check_options, chosen_splits
from curation.release import layout, open_release


def test_one_list_of_views_and_of_splits() -> None:
    choices = {parameter.name: parameter.type for parameter in export_command.params}
    assert list(VIEWS) == list(get_args(ViewName)) == list(choices["view"].choices)  # type: ignore[attr-defined]
    assert tuple(choices["splits"].choices) == layout.SPLITS  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("view", "asked", "chosen"),
    [
        ("tevatron", (), ("train",)),
        ("tevatron", ("test", "train"), ("train", "test")),
        ("beir", (), ("test",)),
        ("beir", ("train",), ("train",)),
        ("ml-embed", ("test",), ("test",)),
    ],
)
def test_the_splits_are_those_asked_for_or_the_views(
    view: str, asked: tuple[str, ...], chosen: tuple[str, ...], mixed: Path
) -> None:
    assert chosen_splits(VIEWS[view], open_release(mixed), Options(splits=asked)) == chosen


@pytest.mark.parametrize(
    ("view", "options", "words"),
    [
        ("tevatron", Options(instruction_in_text=True), "--instruction-in-text means nothing"),
        ("beir", Options(max_rows=10), "--max-rows means nothing"),
    ],
)
def test_an_option_that_means_nothing_is_refused(view: str, options: Options, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_options(VIEWS[view], options)
