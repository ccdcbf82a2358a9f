from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_release import write_ledger

from curation.errors import ReleaseError
from curation.hashing import content_id
from curation.release.diff.columns import id_bytes, numbered
from curation.release.diff.reasons import ledger_rules

NAMES = ["солнце", "太陽", "الشمس", "שמש", "सूर्य", "ดวงอาทิตย์", "ήλιος", "მზე", "태양", "ፀሐይ"]
IDS = [content_id(name) for name in NAMES]


def rules(ids: list[str], ledger: Path, stages: list[str]) -> list[str | None]:
    import pyarrow as pa

    keys = numbered(id_bytes(pa.array(ids, pa.string())), np.arange(len(ids), dtype=np.int32))
    numbers, names = ledger_rules(keys, ledger, stages)
    return [names[number] if number >= 0 else None for number in numbers.tolist()]


def test_each_record_has_the_rule_of_the_latest_stage(tmp_path: Path) -> None:
    filtered = [(IDS[0], "min_chars"), (IDS[1], "max_repetition")]
    ledger = write_ledger(tmp_path, {"filter": filtered, "distinct": [(IDS[1], "repeated"), (IDS[2], "repeated")]})
    stages = ["read", "distinct", "filter"]
    found = rules([*IDS[:4], IDS[0]], ledger, stages)
    assert found == ["filter/min_chars", "filter/max_repetition", "distinct/repeated", None, "filter/min_chars"]
    assert rules(IDS[1:2], ledger, stages[::-1]) == ["distinct/repeated"]


def test_nothing_is_known_without_rows(tmp_path: Path) -> None:
    assert rules(IDS, tmp_path, []) == [None] * len(IDS)
    assert rules([], write_ledger(tmp_path, {"filter": [(IDS[0], "x")]}), []) == []


def test_a_broken_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "filter.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReleaseError, match="ledger cannot be read"):
        rules(IDS, tmp_path, [])
