"""Synthetic runs, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import synthetic_runs
from synthetic_runs import HOSTILE, SENTENCES, Run, mine, put_verdict

from curation.release import Release


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of fifteen languages in as many scripts, with hostile strings in the release and in the ledger."""
    return synthetic_runs.make_run(tmp_path_factory.mktemp("run"), SENTENCES)


@pytest.fixture(scope="session")
def mined_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the same languages whose negatives are mined, with queries in the language of their passages."""
    return synthetic_runs.make_run(tmp_path_factory.mktemp("mined"), SENTENCES, each=16, change=mine)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    """The function that writes a run: `make_run(folder, sentences, each=8)`."""
    return synthetic_runs.make_run


@pytest.fixture(scope="session")
def sentences() -> Mapping[str, Sequence[str]]:
    """Sentences by language."""
    return SENTENCES


@pytest.fixture(scope="session")
def hostile() -> str:
    """A text that tries to end a script, load an image, turn the writing direction and colour a terminal."""
    return HOSTILE


@pytest.fixture
def judged(run: Run) -> Iterator[Callable[..., Release]]:
    """A function that leaves a verdict in the release, or takes it away, and opens the release anew."""

    def judge(verdict: Mapping[str, Any] | None) -> Release:
        return put_verdict(run.release.path, verdict)

    yield judge
    put_verdict(run.release.path, None)
