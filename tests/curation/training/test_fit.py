"""The loop, with both backbones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from courses import toy_course

from curation.training.fit import Course


def silent(*_: object) -> None:
    return


def weights(course: Course) -> bytes:
    return b"".join(value.numpy().tobytes() for _, value in sorted(course.module.state_dict().items()))


@pytest.mark.parametrize("kind", ["bag", "decoder"])
@pytest.mark.parametrize("nested", [[], ["dimension"], ["depth"], ["rank"], ["dimension", "depth", "rank"]])
def test_the_loss_falls(kind: str, nested: list[str]) -> None:
    course = toy_course(kind, steps=60, nested=nested, nested_from=0.3, warmup=0.1)
    course.run(silent)
    assert len(course.losses) == 60
    assert np.mean(course.losses[-8:]) < 0.9 * np.mean(course.losses[:4])


@pytest.mark.parametrize("kind", ["bag", "decoder"])
def test_the_same_seed_gives_the_same_bits(kind: str) -> None:
    one, other = toy_course(kind), toy_course(kind)
    for course in (one, other):
        torch.manual_seed(id(course) % 1_000)
        course.run(silent)
    assert one.losses == other.losses
    assert weights(one) == weights(other)


def test_a_bag_grows_late_and_a_decoder_is_whole_from_the_start() -> None:
    bag, decoder = (toy_course(kind, steps=10, nested_from=0.5) for kind in ("bag", "decoder"))
    assert [bag._cell(4, nested=False), bag._cell(5, nested=True)[1]] == [(8, 1), 3]
    assert [decoder._cell(4, nested=False), decoder._cell(5, nested=True)[1]] == [(8, 2), 2]


@pytest.mark.parametrize("kind", ["bag", "decoder"])
def test_training_ends_where_the_loss_is_no_number(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    course = toy_course(kind)
    original = course._loss
    monkeypatch.setattr(course, "_loss", lambda step: original(step) * (torch.nan if step == 2 else 1.0))
    course.run(silent)
    assert len(course.losses) == 2
    assert all(torch.isfinite(value).all() for value in course.module.state_dict().values())


def test_progress_is_told_after_each_step() -> None:
    course, told = toy_course("bag", steps=3), []
    course.run(lambda *step: told.append(step))
    assert told == [(step + 1, 3, loss) for step, loss in enumerate(course.losses)]


def test_a_teacher_is_listened_to() -> None:
    deaf, taught = toy_course("bag", distillation=1.0), toy_course("bag", distillation=1.0)
    scores = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    object.__setattr__(taught.pairs, "teacher_scores", scores)
    for course in (deaf, taught):
        course.run(silent)
    assert deaf.losses[0] < taught.losses[0]
    assert weights(deaf) != weights(taught)
