"""A verdict through a log: whole, or noticed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trigger_runs import DETAILS, verdict_bytes

from hub_upload.triggers import TriggerError
from hub_upload.triggers.log_lines import from_lines, to_lines
from hub_upload.triggers.protocol import TransientError

KEY, OTHER = "1a" * 32, "2b" * 32
# Does not compress: many lines.
DATA = random.Random(7).randbytes(60_000)


@given(st.binary(max_size=20_000))
def test_it_comes_back_as_it_was(data: bytes) -> None:
    assert from_lines(to_lines(data, KEY), KEY) == data


def test_lines_are_short_and_plain() -> None:
    lines = list(to_lines(DATA + "".join(DETAILS).encode(), KEY))
    assert len(lines) > 20
    assert all(len(line) < 2_200 and line.isascii() and line.isprintable() for line in lines)


def test_others_may_stand_between_twice_over_and_out_of_order() -> None:
    lines = [
        *to_lines(DATA, KEY),
        *to_lines(b"another", OTHER),
        *DETAILS,
        "curation-verdict",
        f"curation-verdict {KEY}",
    ]
    random.Random(3).shuffle(lines)
    assert from_lines([*lines, *lines], KEY) == DATA
    assert from_lines(lines, OTHER) == b"another"


@pytest.mark.parametrize("missing", [0, 1, 5, -1])
def test_a_missing_line_may_yet_come(missing: int) -> None:
    lines = list(to_lines(DATA, KEY))
    del lines[missing]
    with pytest.raises(TransientError, match="whole verdict"):
        from_lines(lines, KEY)


def test_a_log_without_one() -> None:
    with pytest.raises(TransientError, match="whole verdict"):
        from_lines(DETAILS, KEY)


def test_damage_is_noticed() -> None:
    lines = list(to_lines(verdict_bytes(), KEY))
    swapped = [lines[0], lines[1].replace(lines[1][-9:-3], "AAAAAA")]
    with pytest.raises(TriggerError, match="damaged"):
        from_lines(swapped, KEY)
    announced = [lines[0][:-4] + "0000", *lines[1:]]
    with pytest.raises(TriggerError, match="digest"):
        from_lines(announced, KEY)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_upload.triggers.log_lines.MAX_VERDICT_BYTES", 1_000)
    with pytest.raises(TriggerError, match="over"):
        from_lines(to_lines(b"0" * 100_000, KEY), KEY)


def test_a_count_without_end_is_no_line() -> None:
    with pytest.raises(TransientError):
        from_lines([f"curation-verdict {KEY} 0/999999 {'0' * 64}"], KEY)
