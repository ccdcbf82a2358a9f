from __future__ import annotations

import pickle

import pytest

from curation.errors import ConfigError, CurationError, GateFailedError, ReleaseError, SourceError


@pytest.mark.parametrize(
    ("kind", "code"), [(CurationError, 1), (SourceError, 1), (ReleaseError, 1), (ConfigError, 2), (GateFailedError, 3)]
)
def test_exit_codes_and_crossing_processes(kind: type[CurationError], code: int) -> None:
    error = kind("It broke", where="a.tsv:3", why="no tab", hint="use csv")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error) == "It broke\n  where: a.tsv:3\n  why: no tab\n  next: use csv"
    assert copy.exit_code == code


def test_what_is_unknown_is_left_out() -> None:
    assert str(CurationError("It broke", why="no tab")) == "It broke\n  why: no tab"
