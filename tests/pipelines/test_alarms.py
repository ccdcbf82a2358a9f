"""Alarms in whole runs, on both engines: a source of Khmer in which most texts are damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from toys import Silent

from curation.alarms import Alarm
from curation.cli.main import run_command
from curation.config import RunConfig, parse_config
from curation.config.rules import STAGE_RULES
from curation.decontamination.sets import EvaluationInput
from curation.dedup.known import Known
from curation.errors import AlarmError, ConfigError
from curation.ledger import LEDGER_SCHEMA
from curation.mining.inputs import find_teachers
from curation.release import open_release
from curation.report import write_report
from pipelines.alarms import AlarmFiles
from pipelines.explain import explain
from pipelines.graph import Inputs, build_graph
from pipelines.run import RunOptions, plan_run, run

LOCAL, BEAM = RunOptions(), RunOptions(engine="beam")
ENGINES = pytest.mark.parametrize("options", [LOCAL, BEAM], ids=["datatrove", "beam"])
WORDS = ("ឯកសារ", "សំបុត្រ", "សៀវភៅ", "ផ្ទះ", "សាលារៀន", "ទីក្រុង", "ភាសាខ្មែរ", "ពាក្យសម្ងាត់", "ទំព័រ", "អ្នកប្រើ", "កាលបរិច្ឆេទ")
HOSTILE = "\x1b[31m\u202e`# <b>"
ROWS, BROKEN = 120, 100


def khmer(number: int) -> str:
    return " ".join(WORDS[(number // len(WORDS) ** place + place) % len(WORDS)] for place in range(6))


def row(number: int) -> str:
    damage = f"\ufffd{HOSTILE} " if number < BROKEN else ""
    query = f"Sentence {number:03d} of the handbook, about {number * 37:05d} things"
    return f"{query}\t{damage}{khmer(number)} {number * 37:05d}\n"


CONFIG = """\
name: handbook
sources:
  - name: handbook
    format: tsv
    path: km.tsv
    licence: CC0-1.0
    task: bitext
    query_language: eng_Latn
    positive_language: khm_Khmr
    header: false
    columns: {query: "0", positive: "1"}
  - name: sound
    format: tsv
    path: de.tsv
    licence: CC0-1.0
    task: bitext
    query_language: eng_Latn
    positive_language: deu_Latn
    header: false
    columns: {query: "0", positive: "1"}
identify: {enabled: false}
dedup: {near: false}
mining: {num_negatives: 1, top_k: 50}
split: {test: 0.1}
gate: {enabled: false}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("khmer")
    (base / "km.tsv").write_text("".join(map(row, range(ROWS))), encoding="utf-8")
    german = [f"The number {n:04d} is in row {n}\tDie Zahl {n:04d} steht in der Zeile {n}\n" for n in range(150)]
    (base / "de.tsv").write_text("".join(german), encoding="utf-8")
    (base / "handbook.yml").write_text(CONFIG, encoding="utf-8")
    return base


def config(*overrides: str) -> RunConfig:
    return parse_config(CONFIG, overrides=overrides)


def alarmed(folder: Path, out: Path, *overrides: str, options: RunOptions = LOCAL) -> tuple[AlarmError, Silent]:
    observer = Silent()
    with pytest.raises(AlarmError) as caught:
        run(config(*overrides), folder, out, options, observer)
    return caught.value, observer


# The stages up to the one that alarms; an engine may do more of the judged ones in one go.
JUDGED = ["read", "distinct", "identify", "score", "filter"]


def found(out: Path) -> list[dict[str, Any]]:
    alarms: list[dict[str, Any]] = json.loads((out / "alarms.json").read_text())["alarms"]
    return alarms


@ENGINES
def test_damage_ends_the_run_before_anything_costly(folder: Path, tmp_path: Path, options: RunOptions) -> None:
    error, observer = alarmed(folder, tmp_path, options=options)
    assert error.exit_code == 1
    message = str(error)
    assert "filter/max_mojibake_share took 100 of 120 rows of khm_Khmr from handbook (83.3%, at most 50.0%" in message
    for word in (
        "curate explain",
        "filters.max_mojibake_share",
        "alarms.on_alarm=warn",
        "language: khm_Khmr, source: handb",
    ):
        assert word in message
    assert list(observer.reused)[: len(JUDGED)] == JUDGED
    assert not (tmp_path / "release").exists()
    (alarm,) = found(tmp_path)
    assert (alarm["language"], alarm["stage"], alarm["reason"]) == ("khm_Khmr", "filter", "max_mojibake_share")
    assert (alarm["sources"], alarm["rows"], alarm["removed"], alarm["share"]) == (["handbook"], 120, 100, 0.833333)
    ids = [sample["id"] for sample in alarm["samples"]]
    assert len(ids) == 20
    assert ids == sorted(ids)
    assert all(sample["score"] > sample["threshold"] == 0 for sample in alarm["samples"])


def test_nothing_hostile_gets_out(folder: Path, tmp_path: Path) -> None:
    error, _ = alarmed(folder, tmp_path)
    assert not {"\x1b", "\u202e"} & set(str(error))
    alarm = Alarm("read", "bad_bytes", ("handbook",), "", 200, 150, 0.5)
    texts = dict.fromkeys(LEDGER_SCHEMA.names, "") | dict.fromkeys(("query", "positive", "file", "detail"), HOSTILE)
    files = AlarmFiles(tmp_path)
    files.write([alarm], [[texts | {"id": "0" * 32, "row": 1, "score": 0.25, "threshold": None}]])
    page = files.page.read_text()
    for text in (page, files.json.read_text()):
        assert not {"\x1b", "\u202e"} & set(text)
        assert "␛[31m⟨U+202E⟩" in text
    lines = [line for line in page.splitlines() if "<b>" in line]
    assert len(lines) == 4
    assert all(line.startswith("    ") for line in lines)


@pytest.mark.parametrize("partitions", [1, 3, 7])
@ENGINES
def test_alarms_are_the_same_bytes_however_the_work_is_cut(
    folder: Path, tmp_path: Path, partitions: int, options: RunOptions
) -> None:
    out = tmp_path / "out"
    alarmed(folder, out, f"engine.partitions={partitions}", "engine.batch_rows=16", options=options)
    digest = hashlib.sha256((out / "alarms.json").read_bytes()).hexdigest()
    alarmed(folder, tmp_path / "other")
    assert digest == hashlib.sha256((tmp_path / "other" / "alarms.json").read_bytes()).hexdigest()


@ENGINES
def test_a_finished_stage_still_alarms_and_a_mended_config_goes_on_from_there(
    folder: Path, tmp_path: Path, options: RunOptions
) -> None:
    alarmed(folder, tmp_path, options=options)
    before = (tmp_path / "alarms.json").read_bytes()
    _, again = alarmed(folder, tmp_path, options=options)
    assert all(again.reused.values())
    assert list(again.reused)[: len(JUDGED)] == JUDGED
    assert (tmp_path / "alarms.json").read_bytes() == before
    mended = Silent()
    allow = "alarms.exceptions=[{language: km, stage: filter, reason: max_mojibake_share}]"
    run(config(allow), folder, tmp_path, options, mended)
    reused = [name for name, value in mended.reused.items() if value]
    assert reused[: len(JUDGED)] == JUDGED
    assert not (tmp_path / "alarms.json").exists()
    assert not (tmp_path / "alarms.md").exists()
    assert open_release(tmp_path / "release").stats["alarms"] == []


@pytest.mark.slow
def test_a_run_that_an_alarm_ended_can_be_explained(folder: Path, tmp_path: Path) -> None:
    run(config("alarms.on_alarm=ignore"), folder, tmp_path, LOCAL, Silent())
    alarmed(folder, tmp_path, "filters.min_chars=3")
    sample = found(tmp_path)[0]["samples"][0]
    explanation = explain(sample["id"], tmp_path)
    assert explanation.outcome == "dropped"
    assert [step.stage for step in explanation.steps] == JUDGED
    assert explanation.steps[-1].reason == "max_mojibake_share"
    released = open_release(tmp_path / "release").read("full", split="train")["id"][0].as_py()
    with pytest.raises(Exception, match="No record that has left"):
        explain(released, tmp_path)


@ENGINES
def test_a_warning_lets_the_run_go_on_and_stands_in_statistics_and_report(
    folder: Path, tmp_path: Path, options: RunOptions
) -> None:
    run(config("alarms.on_alarm=warn"), folder, tmp_path, options, Silent())
    release = open_release(tmp_path / "release")
    (alarm,) = release.stats["alarms"]
    assert (alarm["language"], alarm["removed"], alarm["rows"]) == ("khm_Khmr", 100, 120)
    assert "samples" not in alarm
    html, numbers = tmp_path / "report.html", tmp_path / "report.json"
    write_report(release, ledger=tmp_path / "ledger", html=html, json=numbers)
    (reported,) = json.loads(numbers.read_text())["alarms"]
    ids = [sample["id"] for sample in found(tmp_path)[0]["samples"]]
    assert [sample["id"] for sample in reported["samples"]] == ids
    page = html.read_text()
    assert page.index('id="alarms"') < page.index('id="figures"')
    assert not {"\x1b", "\u202e"} & set(page)


def test_what_is_ignored_is_not_looked_at(folder: Path, tmp_path: Path) -> None:
    run(config("alarms.on_alarm=ignore"), folder, tmp_path, LOCAL, Silent())
    assert open_release(tmp_path / "release").stats["alarms"] == []
    assert not (tmp_path / "alarms.json").exists()


def test_the_sums_over_sources_and_languages_are_the_totals(finished: Path) -> None:
    stats = open_release(finished / "release").stats
    parts, totals = stats["source_languages"], stats["totals"]
    assert sum(part["read"] for part in parts) == totals["read"]
    assert sum(part["released"] for part in parts) == totals["released"]
    assert sum(sum(part["lost"].values()) for part in parts) == totals["read"] - totals["released"]
    for code, language in stats["languages"].items():
        own = [part for part in parts if part["language"] == code]
        assert sum(part["read"] for part in own) == language["read"]
        assert sum(part["released"] for part in own) == language["released"]


def relabelled(folder: Path, out: Path, declared: str) -> dict[tuple[str, str], Any]:
    """Run German that is declared as something else, relabelled by what it is; return the parts of the statistics."""
    german = [
        "Die Kinder spielen heute Nachmittag im Garten hinter dem alten Haus",
        "Wir haben gestern Abend lange über die neue Wohnung gesprochen",
        "Der Zug nach Hamburg fährt heute leider mit großer Verspätung ab",
        "Ich möchte bitte eine Tasse Kaffee und ein Stück Kuchen bestellen",
    ]
    (folder / "mixed.tsv").write_text("".join(f"Sentence {n} in English\t{text}\n" for n, text in enumerate(german)))
    text = CONFIG.replace("de.tsv", "mixed.tsv").replace("deu_Latn", declared)
    text = text.replace("{enabled: false}\ndedup", "{on_mismatch: relabel}\ndedup")
    relabel = parse_config(text, overrides=["alarms.on_alarm=ignore", "split.test=0"])
    run(relabel, folder, out, LOCAL, Silent())
    stats = open_release(out / "release").stats
    return {(part["source"], part["language"]): part for part in stats["source_languages"]}


def test_a_row_counts_for_the_language_that_it_ends_with(folder: Path, tmp_path: Path) -> None:
    parts = relabelled(folder, tmp_path, "fra_Latn")
    assert parts["sound", "deu_Latn"]["read"] == 4
    assert ("sound", "fra_Latn") not in parts


@pytest.mark.parametrize(
    ("overrides", "where"),
    [
        (["alarms.stages=[reed]"], "did you mean 'read'"),
        (["alarms.exceptions=[{source: handbok}]"], "did you mean 'handbook'"),
    ],
)
def test_names_that_nothing_has(overrides: list[str], where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        config(*overrides)


def test_every_stage_of_the_graph_is_known_by_name() -> None:
    evaluation = "decontaminate.sets=[{task: t, format: text, path: x}]"
    full = config(evaluation, "dedup.near=true")
    inputs = Inputs(
        {},
        {},
        Known(releases=(Path("x"),)),
        find_teachers(full.mining, Path()),
        [EvaluationInput(full.decontaminate.sets[0], [], [])],
    )
    stages = {stage.name for stage in build_graph(full, inputs).stages}
    assert stages - {"shard"} == set(STAGE_RULES)


def test_a_plan_does_not_depend_on_alarms(folder: Path, tmp_path: Path) -> None:
    plain, lenient = (
        plan_run(config(*overrides), folder, tmp_path, LOCAL) for overrides in ([], ["alarms.on_alarm=warn"])
    )
    assert plain == lenient


def test_the_command_says_it_in_one_paragraph(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", str(folder / "handbook.yml"), "--out", str(tmp_path), "--workers", "1"]
    assert run_command(arguments) == 1
    complaint = capsys.readouterr().err
    assert "\n\n" not in complaint.partition("Error: ")[2]
    assert complaint.partition("Error: ")[2].count("score ") == 5
    assert run_command([*arguments, "--set", "alarms.on_alarm=warn", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [alarm["language"] for alarm in printed["alarms"]] == ["khm_Khmr"]
    assert run_command([*arguments, "--set", "alarms.on_alarm=warn"]) == 0
    assert "alarm    filter/max_mojibake_share took 100 of 120 rows" in capsys.readouterr().out
