"""Each thing that can be wrong with the data fails its own check and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate import Verdict, run_gate
from curation.gate.data import INDEPENDENT
from curation.gate.data.corpus import read_corpus
from curation.gate.data.leaks import check_leaks
from curation.gate.data.provenance import check_licences, check_quarantine
from curation.release import Release, layout, open_release

Change = Callable[[pa.Table], pa.Table]
OFF = Training(enabled=False)


def judge(release: Release) -> Verdict:
    return run_gate(release, options=Gate(), training=OFF)


def failed(verdict: Verdict) -> set[str]:
    assert {check.status for check in verdict.checks if check.kind == "data"} <= {"pass", "fail", "skipped"}
    assert verdict.status == ("fail" if any(check.status == "fail" for check in verdict.checks) else "pass")
    return {check.id for check in verdict.checks if check.status == "fail"}


def put(column: str, texts: Callable[[pa.Table], Sequence[str]]) -> Change:
    """Return a change that replaces the first texts of a column."""

    def change(table: pa.Table) -> pa.Table:
        values = list(texts(table))
        values += table[column].to_pylist()[len(values) :]
        return table.set_column(
            table.column_names.index(column), table.schema.field(column), pa.array(values, pa.string())
        )

    return change


def column(name: str, count: int) -> Callable[[pa.Table], Sequence[str]]:
    return lambda table: table[name].to_pylist()[:count]


def repeat_rows(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 2)])


def as_copies(table: pa.Table) -> pa.Table:
    if "copy" not in table.column_names:
        return repeat_rows(table)
    repeated = table.slice(0, 2)
    place = table.schema.get_field_index("copy")
    repeated = repeated.set_column(place, table.schema.field("copy"), pa.array([1, 1], pa.int32()))
    return pa.concat_tables([table, repeated])


def test_copies_that_the_quota_asked_for_are_no_fault(alter: Callable[..., Release]) -> None:
    assert failed(judge(alter(as_copies))) == set()


def all_as_copies(table: pa.Table) -> pa.Table:
    if "copy" not in table.column_names:
        return table
    ones = pa.repeat(pa.scalar(1, pa.int32()), table.num_rows)
    return table.set_column(table.schema.get_field_index("copy"), table.schema.field("copy"), ones)


def test_a_row_that_calls_itself_a_copy_of_none_is_a_fault(alter: Callable[..., Release]) -> None:
    assert failed(judge(alter(all_as_copies))) == {"data.repeated_pairs"}


def test_a_sound_release_passes(sound: Release) -> None:
    verdict = judge(sound)
    assert failed(verdict) == set()
    skipped = {check.id for check in verdict.checks if check.kind == "data" and check.status != "pass"}
    # One source.
    assert skipped == {"data.labels.source"}
    assert all(check.false_alarms for check in verdict.checks if check.kind == "data")
    assert len({(check.id, check.language) for check in verdict.checks}) == len(verdict.checks)


def near_copies(table: pa.Table) -> Sequence[str]:
    return [f"{text}·" for text in table["positive"].to_pylist()]


MUTATIONS = [
    pytest.param(put("anchor", lambda _: [""]), "data.empty_texts", id="empty anchor"),
    pytest.param(put("negative_2", lambda _: [""]), "data.empty_texts", id="empty negative"),
    pytest.param(repeat_rows, "data.repeated_pairs", id="repeated rows"),
    pytest.param(put("positive", column("anchor", 1)), "data.copied_anchors", id="copied anchor"),
    pytest.param(
        put("positive", lambda table: [table["anchor"][0].as_py().upper()]), "data.copied_anchors", id="in capitals"
    ),
    pytest.param(put("negative_3", column("positive", 1)), "data.negatives_are_right", id="negative is the positive"),
    pytest.param(put("negative_1", column("anchor", 1)), "data.negatives_are_right", id="negative is the anchor"),
    pytest.param(put("negative_1", near_copies), "data.false_negatives", id="near copies"),
]


@pytest.mark.parametrize(("change", "check"), MUTATIONS)
def test_texts(alter: Callable[..., Release], change: Change, check: str) -> None:
    assert failed(judge(alter(change))) == {check}


def test_held_out_files_are_looked_at_too(alter: Callable[..., Release]) -> None:
    release = alter(put("anchor", lambda _: [""]), split="test", language="kat_Geor")
    assert failed(judge(release)) == {"data.empty_texts"}


@pytest.mark.parametrize("side", ["anchor", "positive"])
def test_held_out_texts_in_train(sound: Release, alter: Callable[..., Release], side: str) -> None:
    held_out = sound.read("data", split="test", language="deu_Latn", columns=[side])[side].to_pylist()[:20]
    # Folding sees through capitals; ß is spelt SS then, which is another text.
    leaked = [text if "ß" in text else text.upper() for text in held_out]
    release = alter(put(side, lambda _: leaked))
    checks = {check.id: check for check in check_leaks(read_corpus(release), Gate())}
    assert failed(judge(release)) >= {f"data.leaks.test.{side}"}
    assert {name for name, check in checks.items() if check.status == "fail"} == {f"data.leaks.test.{side}"}


def test_words_are_shared_between_languages(sound: Release, alter: Callable[..., Release]) -> None:
    """A positive that is held out in Russian may be trained on in German: "OK" is a word of both."""
    russian = sound.read("data", split="test", language="rus_Cyrl", columns=["positive"])["positive"].to_pylist()
    release = alter(put("positive", lambda _: russian[:20]))
    assert {check.status for check in check_leaks(read_corpus(release), Gate())} == {"pass"}


@pytest.mark.parametrize(("task", "status"), [("classification", "pass"), ("clustering", "pass"), ("sts", "fail")])
def test_classes_stand_in_all_splits(sound: Release, alter: Callable[..., Release], task: str, status: str) -> None:
    held_out = sound.read("data", split="test", language="deu_Latn", columns=["positive"])["positive"].to_pylist()
    alter(put("positive", lambda _: held_out[:20]))
    release = alter(lambda table: put("task", lambda _: [task] * table.num_rows)(table), views=("full",), split="test")
    checks = {check.id: check.status for check in check_leaks(read_corpus(release), Gate())}
    assert checks["data.leaks.test.positive"] == status


def test_nothing_held_out(sound: Release) -> None:
    files = [entry for entry in sound.manifest["files"] if "/test-" not in entry["path"]]
    release = Release(sound.path, sound.manifest | {"files": files}, sound.digest)
    (check,) = check_leaks(read_corpus(release), Gate())
    assert (check.status, check.detail) == ("skipped", "nothing is held out")


@pytest.mark.parametrize(("label", "other"), [("deu_Latn", "rus_Cyrl"), ("ell_Grek", "kat_Geor")])
def test_a_third_of_a_language_is_another(
    sound: Release, alter: Callable[..., Release], label: str, other: str
) -> None:
    # Long texts, else the row counts for nothing: labels are judged by texts of thirty features and more.
    foreign = sound.read("data", split="train", language=other)["positive"].to_pylist()
    foreign = sorted(foreign, key=len, reverse=True)[: round(0.3 * len(foreign))]
    verdict = judge(alter(put("positive", lambda _: foreign), language=label))
    assert {"data.labels", "data.labels.pooled", "data.identified"} == failed(verdict)
    # Worst first. The other language may fail too: some of its texts now speak for both labels.
    checks = [check for check in verdict.checks if check.id == "data.labels"]
    assert [check.language for check in checks] in ([label], [label, other])
    assert checks[0].value is not None
    assert checks[0].value > 0.1


def flip(folder: Path) -> None:
    path = next(folder.glob("data/*/train-*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(folder: Path) -> None:
    path = next(folder.glob("full/*/train-*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        truncate,
        lambda folder: next(folder.glob("data/*/test-*.parquet")).unlink(),
        lambda folder: (folder / "data" / "notes.txt").write_text("mine"),
        lambda folder: (folder / "README.md").write_text("changed"),
    ],
)
def test_files_that_are_not_as_in_the_manifest(copied: Path, damage: Callable[[Path], object]) -> None:
    damage(copied)
    verdict = run_gate(open_release(copied), training=Training())
    assert "data.integrity" in failed(verdict) <= {"data.integrity", "data.loads", "data.counts"}
    rest = [check for check in verdict.checks if check.id not in INDEPENDENT]
    assert {check.status for check in rest} == {"skipped"}
    assert {check.detail for check in rest} == {"the files of the release are not sound"}


def nullable(table: pa.Table) -> pa.Table:
    return table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))


@pytest.mark.parametrize("views", [("data",), ("full",)])
@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.select(["positive", "anchor", *table.column_names[2:]]),
        lambda table: table.drop_columns(["negative_3"]),
        lambda table: table.rename_columns(["query", *table.column_names[1:]]),
        nullable,
    ],
)
def test_other_columns(alter: Callable[..., Release], change: Change, views: tuple[layout.View, ...]) -> None:
    verdict = judge(alter(change, views=views))
    assert failed(verdict) == {"data.schema"}


def test_a_column_of_provenance_among_the_inputs(alter: Callable[..., Release]) -> None:
    field = pa.field("id", pa.string(), nullable=False)
    release = alter(lambda table: table.append_column(field, table["anchor"]), views=("data",))
    assert failed(judge(release)) == {"data.schema"}


def test_nulls_are_not_read(alter: Callable[..., Release]) -> None:
    def change(table: pa.Table) -> pa.Table:
        return nullable(table).set_column(0, "anchor", pa.nulls(table.num_rows, pa.string()))

    assert failed(judge(alter(change))) == {"data.schema", "data.nulls"}


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.take(list(range(table.num_rows))[::-1]),
        lambda table: table.slice(1),
        put("negative_1", column("negative_2", 1)),
    ],
)
@pytest.mark.parametrize("views", [("data",), ("full",)])
def test_views_that_differ(alter: Callable[..., Release], change: Change, views: tuple[layout.View, ...]) -> None:
    # Of a view that has lost a row, the statistics say so too.
    assert failed(judge(alter(change, views=views))) - {"data.counts"} == {"data.views"}


@pytest.mark.parametrize(("quarantined", "status"), [(0, "pass"), (20, "pass"), (21, "fail"), (1_000, "fail")])
def test_quarantine(alter_json: Callable[..., Release], quarantined: int, status: str) -> None:
    release = alter_json(layout.STATS, lambda stats: stats["totals"].update(read=1_000, quarantined=quarantined))
    check = check_quarantine(release, Gate())
    assert (check.id, check.status, check.value) == ("data.quarantine", status, quarantined / 1_000)


def test_nothing_was_read(alter_json: Callable[..., Release]) -> None:
    release = alter_json(layout.STATS, lambda stats: stats["totals"].update(read=0, quarantined=0))
    assert check_quarantine(release, Gate()).status == "pass"


@pytest.mark.parametrize("licence", ["", None])
def test_a_source_without_a_licence(alter_json: Callable[..., Release], licence: str | None) -> None:
    release = alter_json(layout.MANIFEST, lambda manifest: manifest["sources"]["django"].update(licence=licence))
    check = check_licences(release)
    assert (check.status, check.value, check.detail) == ("fail", 1, "django")
    assert failed(judge(release)) == {"data.licences"}
