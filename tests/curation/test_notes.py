from __future__ import annotations

import pytest

from curation import notes


def test_a_listener_hears_what_is_told_while_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LEAST_SECONDS", 0.0)
    heard: list[str] = []
    notes.tell("nobody listens")
    with notes.listening(heard.append):
        notes.tell("half done")
        notes.tell("done")
    notes.tell("too late")
    assert heard == ["half done", "done"]


def test_the_inner_listener_hears_and_the_outer_one_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LEAST_SECONDS", 0.0)
    outer: list[str] = []
    inner: list[str] = []
    with notes.listening(outer.append):
        with notes.listening(inner.append):
            notes.tell("a")
        notes.tell("b")
    assert (outer, inner) == (["b"], ["a"])


def test_quick_work_tells_nothing() -> None:
    heard: list[str] = []
    with notes.listening(heard.append):
        for step in range(1000):
            notes.tell(str(step))
    assert len(heard) <= 1
