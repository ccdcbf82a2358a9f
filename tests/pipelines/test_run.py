from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from toys import Silent

from curation.config import RunConfig, load_config
from curation.config.model import Boilerplate, DatatroveFilter
from curation.dedup.known import Known
from curation.errors import ConfigError, CurationError
from curation.mining.inputs import TeacherInputs
from curation.release import open_release
from curation.release.verify import verify_release
from filters.registry import score_versions
from language_configs.bounds import Bounds
from pipelines.explain import explain
from pipelines.graph import Inputs
from pipelines.run import RunOptions, partitions_of, plan_run, run


def digests(out: Path) -> dict[str, str]:
    """Return a digest of every file of the release and the ledgers, less what the gate adds."""
    files = sorted([*(out / "release").rglob("*"), *(out / "ledger").rglob("*")])
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and path.parent.name != "gate"
    }


def cut(config: RunConfig, partitions: int) -> RunConfig:
    return config.model_copy(update={"engine": config.engine.model_copy(update={"partitions": partitions})})


BEAM_PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    ("partitions", "options"),
    [
        (1, RunOptions()),
        (3, RunOptions(workers=2)),
        pytest.param(7, RunOptions(workers=2), marks=pytest.mark.slow),
        (3, RunOptions(engine="beam")),
        pytest.param(7, RunOptions(engine="beam"), marks=pytest.mark.slow),
        pytest.param(3, RunOptions(engine="beam", engine_options=BEAM_PROCESSES), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_engine_and_cut_gives_the_same_bytes(
    base: Path, config: RunConfig, finished: Path, tmp_path: Path, partitions: int, options: RunOptions
) -> None:
    run(cut(config, partitions), base, tmp_path, options, Silent())
    assert digests(tmp_path) == digests(finished)


def test_the_release_is_sound_and_every_row_is_accounted_for(finished: Path) -> None:
    release, findings = verify_release(finished / "release")
    assert findings == []
    totals = release.stats["totals"]
    assert totals["read"] == sum(totals[name] for name in ("released", "dropped", "merged", "quarantined"))
    assert totals["train"] == 1500
    assert totals["test"] > 100
    ledger = sum(pq.read_metadata(path).num_rows for path in (finished / "ledger").iterdir())
    assert ledger == totals["read"] - totals["released"]
    for above, below in zip(release.stats["funnel"], release.stats["funnel"][1:], strict=False):
        assert above["out"] == below["in"]


def test_no_query_or_positive_stands_in_two_splits(finished: Path) -> None:
    release = open_release(finished / "release")
    train, test = (release.read("data", split=split).to_pylist() for split in ("train", "test"))
    assert not {row["anchor"].lower() for row in train} & {row["anchor"].lower() for row in test}
    texts = [{(row["language"], row["positive"].lower()) for row in rows} for rows in (train, test)]
    assert not texts[0] & texts[1]


def test_no_negative_is_a_right_answer(finished: Path) -> None:
    release = open_release(finished / "release")
    rows = release.read("full", split="train").to_pylist()
    answers: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        answers.setdefault((row["language"], row["anchor"].lower()), set()).add(row["positive"].lower())
    for row in rows:
        negatives = {row[f"negative_{n}"].lower() for n in (1, 2, 3)}
        assert len(negatives) == 3
        assert not negatives & answers[row["language"], row["anchor"].lower()]


@pytest.mark.slow
def test_a_finished_stage_is_used_again_and_a_changed_threshold_redoes_what_depends_on_it(
    base: Path, config: RunConfig, tmp_path: Path
) -> None:
    run(config, base, tmp_path, RunOptions(), Silent())
    before, again = digests(tmp_path), Silent()
    run(config, base, tmp_path, RunOptions(), again)
    assert all(again.reused.values())
    assert digests(tmp_path) == before
    changed, observer = (
        config.model_copy(update={"dedup": config.dedup.model_copy(update={"threshold": 0.7})}),
        Silent(),
    )
    plan = plan_run(changed, base, tmp_path, RunOptions())
    run(changed, base, tmp_path, RunOptions(), observer)
    above = ("read", "distinct", "identify", "score", "filter", "boilerplate", "exact_dedup")
    expected = [name in above for name in observer.reused]
    assert list(observer.reused.values()) == expected == [stage["cached"] for stage in plan["stages"]]


def with_filters(config: RunConfig, **changed: object) -> RunConfig:
    return config.model_copy(update={"filters": config.filters.model_copy(update=changed)})


@pytest.mark.parametrize(
    ("changed", "above"),
    [
        ({"max_repetition": 0.3}, ("read", "distinct", "identify", "score")),
        ({"profile": "strict"}, ("read", "distinct", "identify", "score")),
        ({"boilerplate": Boilerplate(max_queries=3)}, ("read", "distinct", "identify", "score", "filter")),
        ({"datatrove": [DatatroveFilter(filter="C4ParagraphFilter")]}, ("read", "distinct", "identify")),
    ],
)
def test_other_bounds_decide_again_by_the_same_scores(
    base: Path, config: RunConfig, finished: Path, changed: dict[str, object], above: tuple[str, ...]
) -> None:
    plan = plan_run(with_filters(config, **changed), base, finished, RunOptions())
    assert [stage["stage"] for stage in plan["stages"] if stage["cached"]] == list(above)


def test_another_version_of_a_score_measures_again(
    base: Path, config: RunConfig, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.graph.score_versions", lambda: score_versions() | {"repetition": 99})
    plan = plan_run(config, base, finished, RunOptions())
    assert [stage["stage"] for stage in plan["stages"] if stage["cached"]] == ["read", "distinct", "identify"]


def test_another_policy_of_a_source_mines_again_and_reads_nothing_again(
    base: Path, config: RunConfig, finished: Path
) -> None:
    first, *others = config.sources
    sources = [first.model_copy(update={"on_shortage": "drop"}), *others]
    plan = plan_run(config.model_copy(update={"sources": sources}), base, finished, RunOptions())
    again = [stage["stage"] for stage in plan["stages"] if not stage["cached"]]
    # Where records may be dropped for it, a larger reserve is mined.
    assert again == ["preselect", "mine", "balance", "shard"]


def test_what_changes_speed_alone_redoes_nothing(base: Path, config: RunConfig, finished: Path) -> None:
    teacher = config.mining.teacher.model_copy(update={"batch_size": 7, "device": "cpu"})
    faster = config.mining.model_copy(update={"teacher": teacher, "cache": "elsewhere"})
    plan = plan_run(config.model_copy(update={"mining": faster}), base, finished, RunOptions())
    assert all(stage["cached"] for stage in plan["stages"])


def test_a_role_that_is_declared_decides_again_too(base: Path, config: RunConfig, finished: Path) -> None:
    first, *others = config.sources
    sources = [first.model_copy(update={"positive_role": "title"}), *others]
    plan = plan_run(config.model_copy(update={"sources": sources}), base, finished, RunOptions())
    assert [stage["stage"] for stage in plan["stages"] if stage["cached"]] == ["read", "distinct", "identify", "score"]


@pytest.mark.soak
def test_decisions_by_stored_scores_are_those_of_a_run_from_the_start(
    base: Path, config: RunConfig, tmp_path: Path
) -> None:
    run(config, base, tmp_path / "again", RunOptions(), Silent())
    changed = with_filters(config, max_symbol_share=0.2, min_letter_share=0.6)
    run(changed, base, tmp_path / "again", RunOptions(), Silent())
    run(changed, base, tmp_path / "new", RunOptions(), Silent())
    assert digests(tmp_path / "again") == digests(tmp_path / "new")


@pytest.mark.slow
def test_a_filter_of_datatrove_runs_by_role_and_tells_its_reason(base: Path, config: RunConfig, tmp_path: Path) -> None:
    named = DatatroveFilter(filter="RegexFilter", roles=["sentence"], options={"regex_exp": "(?i)passwor[dt]"})
    run(with_filters(config, datatrove=[named]), base, tmp_path, RunOptions(), Silent())
    row = ledger_row(tmp_path, "filter", lambda row: row["reason"] == "datatrove.RegexFilter")
    assert "password" in f"{row['query']}{row['positive']}".lower()
    assert str(row["detail"]).endswith("sentence): datatrove.RegexFilter: rejected")


def test_a_filter_of_datatrove_that_cannot_be_used_is_refused_before_anything_runs(
    base: Path, config: RunConfig, tmp_path: Path
) -> None:
    wrong = with_filters(config, datatrove=[DatatroveFilter(filter="RegexFilter")])
    with pytest.raises(ConfigError, match="needs an option"):
        run(wrong, base, tmp_path, RunOptions(), Silent())


def test_the_config_of_a_run_reads_back_with_the_same_meaning(base: Path, config: RunConfig, tmp_path: Path) -> None:
    changed = with_filters(config, max_repetition=None, roles={"query": Bounds(min_chars=1, max_chars=None)})
    run(changed, base, tmp_path, RunOptions(), Silent())
    again = load_config(tmp_path / "config.yml")
    assert again == changed
    assert again.filters.set_here() == {"max_repetition": None}
    assert again.filters.roles["query"].set_here() == {"min_chars": 1, "max_chars": None}


@pytest.mark.slow
def test_changed_input_is_noticed(base: Path, config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "extra.tsv").write_bytes((base / "extra.tsv").read_bytes())
    run(config, tmp_path, tmp_path / "out", RunOptions(), Silent())
    with (tmp_path / "extra.tsv").open("a") as file:
        file.write("One more line\tNoch eine Zeile\n")
    observer = Silent()
    run(config, tmp_path, tmp_path / "out", RunOptions(), observer)
    assert not any(observer.reused.values())


def command(base: Path, out: Path, *more: str) -> list[str]:
    arguments = ["run", str(base / "messages.yml"), "--out", str(out), "--set", "gate.enabled=false", *more]
    return [sys.executable, "-m", "curation.cli", *arguments]


def kill_at(moment: float, arguments: list[str]) -> int:
    """Run a command in its own process group and kill the whole group after so many seconds."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_killed_at_random_moments_and_run_again_gives_the_same_bytes(base: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    calm = subprocess.run(command(base, tmp_path / "calm", "--workers", "2"), check=False, capture_output=True)
    assert calm.returncode == 0, calm.stderr
    expected, duration = digests(tmp_path / "calm"), time.monotonic() - begin
    moments, killed, number = random.Random(20), 0, 0
    while killed < 20:
        out = tmp_path / f"killed-{number}"
        # Each start goes on where the last one was killed, so that the moments together cover the whole run.
        if kill_at(moments.uniform(0.3, duration / 3), command(base, out, "--workers", "2")) == -signal.SIGKILL:
            killed += 1
        else:
            assert digests(out) == expected
            number += 1
    last = tmp_path / f"killed-{number}"
    assert subprocess.run(command(base, last), check=False, capture_output=True).returncode == 0
    assert digests(last) == expected


def test_two_runs_cannot_share_a_folder(base: Path, config: RunConfig, tmp_path: Path) -> None:
    class Rival(Silent):
        def started(self, stage: str, parts_total: int) -> None:
            with pytest.raises(CurationError, match="Another run"):
                run(config, base, tmp_path, RunOptions(), Silent())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, base, tmp_path, RunOptions(), Rival())


def test_a_run_that_loses_every_record_says_where(base: Path, config: RunConfig, tmp_path: Path) -> None:
    filters, alarms = config.filters, config.alarms
    changes = {"filters": filters.model_copy(update={"min_chars": 19_000})}
    strict = config.model_copy(update=changes | {"alarms": alarms.model_copy(update={"on_alarm": "ignore"})})
    with pytest.raises(CurationError, match="No record is left") as caught:
        run(strict, base, tmp_path, RunOptions(), Silent())
    assert "filter" in caught.value.why


def test_options_of_a_beam_runner_need_beam(base: Path, config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no option '--runner'"):
        run(config, base, tmp_path, RunOptions(engine_options=("--runner=FlinkRunner",)), Silent())


def ledger_row(out: Path, stage: str, choose: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    return next(row for row in pq.read_table(out / "ledger" / f"{stage}.parquet").to_pylist() if choose(row))


@pytest.mark.parametrize(
    ("stage", "decision", "reason"),
    [
        ("read", "quarantined", None),
        ("identify", "dropped", "script_mismatch"),
        ("filter", "dropped", None),
        ("distinct", "merged", "repeated_record"),
        ("near_dedup", "merged", "near_duplicate"),
        ("balance", "dropped", "over_quota"),
    ],
)
def test_explaining_records_that_did_not_make_it(finished: Path, stage: str, decision: str, reason: str | None) -> None:
    row = ledger_row(finished, stage, lambda row: row["decision"] == decision and reason in (None, row["reason"]))
    explanation = explain(str(row["id"]), finished)
    if reason == "repeated_record":
        details = [detail["name"] for step in explanation.steps for detail in step.details]
        assert f"also at {row['file']}:{row['row']}" in details
        return
    assert explanation.outcome == decision
    last = explanation.steps[-1]
    assert (last.stage, last.decision, last.reason) == (stage, decision, row["reason"])
    assert last.details[0]["score"] == row["score"]
    assert last.details[0]["threshold"] == row["threshold"]
    assert all(step.decision == "kept" for step in explanation.steps[:-1])


def test_explaining_a_released_record(finished: Path) -> None:
    row = open_release(finished / "release").read("full", split="train").to_pylist()[0]
    explanation = explain(row["id"], finished)
    assert explanation.outcome == "released"
    plan = json.loads((finished / "plan.json").read_text())
    assert [step.stage for step in explanation.steps] == [stage["stage"] for stage in plan["stages"]]
    scored = {step.stage for step in explanation.steps if any(d["score"] is not None for d in step.details)}
    assert scored >= {"filter", "mine", "balance"}
    filtered = next(step for step in explanation.steps if step.stage == "filter")
    names = {detail["name"]: detail for detail in filtered.details}
    least = names["query (eng_Latn sentence): min_chars at least"]
    assert least["score"] == len(row["anchor"])
    assert least["threshold"] == 2.0
    assert f"pair ({row['language']} sentence): max_length_ratio at most" in names


@pytest.mark.parametrize("unknown", ["f" * 32, "zz", ""])
def test_unknown_ids_are_refused(finished: Path, unknown: str) -> None:
    with pytest.raises(CurationError, match="No record has the id"):
        explain(unknown, finished)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="no run"):
        explain("0" * 32, tmp_path)


@pytest.mark.parametrize(
    ("size", "asked", "partitions"),
    [(0, None, 4), (1_000_000, None, 4), (1 << 30, None, 29), (1 << 50, None, 65_536), (1 << 30, 7, 7)],
)
def test_partitions_grow_with_the_text_unless_the_config_says_how_many(
    config: RunConfig, size: int, asked: int | None, partitions: int
) -> None:
    fingerprints = {"a": [{"file": "a.jsonl", "bytes": size, "sha256": ""}]}
    inputs = Inputs({}, fingerprints, Known(), TeacherInputs(config.mining, {}))
    engine = config.engine.model_copy(update={"partitions": asked})
    assert partitions_of(config.model_copy(update={"engine": engine}), inputs) == partitions
