"""A second release that is made in the knowledge of the first, by every engine."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_run import digests
from toys import Silent

from curation.config import RunConfig
from curation.release import layout, open_release
from curation.release.verify import verify_release
from pipelines.explain import explain
from pipelines.run import RunOptions, run


def changed(config: RunConfig, **dedup: object) -> RunConfig:
    return config.model_copy(update={"dedup": config.dedup.model_copy(update=dedup)})


@pytest.fixture(scope="module")
def second(base: Path, config: RunConfig, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("second")
    (out / "withdrawn.txt").write_text(withdrawn_id(finished) + "\n")
    settings = changed(config, against=[str(finished / "release")], withdrawn=[str(out / "withdrawn.txt")])
    run(settings, base, out, RunOptions(), Silent())
    return out


def ids(out: Path) -> set[str]:
    release = open_release(out / "release")
    return {i for split in release.splits for i in release.read("full", split=split, columns=["id"])["id"].to_pylist()}


def withdrawn_id(finished: Path) -> str:
    identity: str = open_release(finished / "release").read("full", split="train", columns=["id"])["id"][7].as_py()
    return identity


@pytest.mark.slow
def test_what_the_first_release_has_is_not_in_the_second(finished: Path, second: Path) -> None:
    old, new = (
        {
            row["id"]
            for split in ("train", "test")
            for row in open_release(out / "release").read("full", split=split).to_pylist()
        }
        for out in (finished, second)
    )
    assert new
    assert not old & new
    ledger = pq.read_table(second / "ledger" / "known.parquet").to_pylist()
    assert {row["id"] for row in ledger if row["reason"] == "known"} >= old - {withdrawn_id(finished)}
    assert [row["other_id"] for row in ledger if row["id"] == withdrawn_id(finished)] == [withdrawn_id(finished)]
    assert {row["reason"] for row in ledger} == {"known", "withdrawn"}
    assert all(row["other_id"] in old and row["score"] >= 0.8 for row in ledger)


def test_the_second_release_is_sound_and_names_the_first(finished: Path, second: Path) -> None:
    release, findings = verify_release(second / "release")
    assert findings == []
    assert release.manifest["against"] == [open_release(finished / "release").digest]


def test_explain_names_release_and_record(finished: Path, second: Path) -> None:
    explanation = explain(withdrawn_id(finished), second)
    assert explanation.steps[-1].stage == "known"
    assert explanation.steps[-1].reason == "withdrawn"
    assert any("in messages 0.1.0" in detail["name"] for detail in explanation.steps[-1].details)


@pytest.mark.slow
def test_the_third_release_knows_what_was_withdrawn_from_the_first(
    base: Path, config: RunConfig, finished: Path, second: Path, tmp_path: Path
) -> None:
    settings = changed(config, against=[str(second / "release")] * 2)
    run(settings, base, tmp_path, RunOptions(), Silent())
    index = pq.read_table(tmp_path / "release" / layout.INDEX)
    assert index.filter(pc.equal(index["shard"], -1))["id"].to_pylist() == [withdrawn_id(finished)]
    ledger = pq.read_table(tmp_path / "ledger" / "known.parquet").to_pylist()
    assert [row["other_id"] for row in ledger if row["reason"] == "withdrawn"] == [withdrawn_id(finished)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("partitions", "options"), [(3, RunOptions(workers=2)), (2, RunOptions(engine="beam"))], ids=str
)
def test_every_engine_and_cut_gives_the_same(
    base: Path, config: RunConfig, finished: Path, second: Path, tmp_path: Path, partitions: int, options: RunOptions
) -> None:
    settings = changed(config, against=[str(finished / "release")], withdrawn=[str(second / "withdrawn.txt")])
    engine = config.engine.model_copy(update={"partitions": partitions})
    run(settings.model_copy(update={"engine": engine}), base, tmp_path, options, Silent())
    assert digests(tmp_path) == digests(second)
