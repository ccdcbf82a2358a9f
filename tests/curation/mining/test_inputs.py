from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_models import build_static

from curation.config.mining import Mining
from curation.errors import ConfigError
from curation.mining.inputs import find_teachers

PINNED = "intfloat/multilingual-e5-small@" + "0123456789" * 4


def test_words_need_nothing() -> None:
    assert find_teachers(Mining(), Path("/nowhere")).digests == {}


def test_what_is_not_used_is_not_looked_for() -> None:
    assert find_teachers(Mining.model_validate({"enabled": False, "teacher": "no/folder"}), Path()).digests == {}


def test_a_model_of_the_hub_is_its_name_and_revision() -> None:
    found = find_teachers(Mining.model_validate({"teacher": PINNED}), Path("/nowhere"))
    assert found.digests == {"teacher": PINNED}
    assert found.options.teacher.model == PINNED


def test_a_folder_is_what_it_holds_wherever_it_lies(tmp_path: Path) -> None:
    build_static(tmp_path / "one" / "model", seed=1)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    build_static(tmp_path / "three" / "model", seed=2)
    options = Mining.model_validate({"teacher": "model"})
    found = [find_teachers(options, tmp_path / base) for base in ("one", "two", "three")]
    assert found[0].digests == found[1].digests != found[2].digests
    assert found[1].options.teacher.model == str(tmp_path / "two" / "model")


def test_vectors_are_their_files(tmp_path: Path) -> None:
    table = pa.table({"text": ["лодка", "नाव"], "embedding": [[1.0, 0.0], [0.0, 1.0]]})
    pq.write_table(table, tmp_path / "v.parquet")
    found = find_teachers(Mining.model_validate({"teacher": "vectors:v.parquet"}), tmp_path)
    assert found.options.teacher.model == f"vectors:{tmp_path / 'v.parquet'}"
    pq.write_table(table.slice(1), tmp_path / "v.parquet")
    assert find_teachers(Mining.model_validate({"teacher": "vectors:v.parquet"}), tmp_path).digests != found.digests


@pytest.mark.parametrize("teacher", ["no/folder", "intfloat/multilingual-e5-small@main", "vectors:none.parquet"])
def test_what_means_nothing_is_refused(teacher: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no teacher|no vectors"):
        find_teachers(Mining.model_validate({"teacher": teacher}), tmp_path)
