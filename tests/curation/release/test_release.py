"""Writing, opening and verifying a release: the whole of `curation.release` on a small one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from small_release import TEXTS
from whole_release import write_whole

from curation.config import RunConfig
from curation.dedup.known import Known
from curation.errors import ReleaseError
from curation.files import sha256_file
from curation.funnel import count_outcome
from curation.ledger import empty_ledger
from curation.outcome import Outcome
from curation.quota.plan import PLAN_SCHEMA
from curation.records import RECORD_SCHEMA
from curation.release import layout, open_release
from curation.release.assemble import assemble_release
from curation.release.markdown import escape
from curation.release.reader import Release
from curation.release.stats import StageCount, compute_stats
from curation.release.verify import verify_release


def records(per_language: int = 5, negatives: int = 2) -> pa.Table:
    rows = []
    for language, text in TEXTS.items():
        for number in range(per_language):
            row: dict[str, object] = dict.fromkeys(RECORD_SCHEMA.names, "")
            row |= {
                "id": f"{language}-{(number * 7) % 10}",
                "query": f"weather {number}",
                "positive": f"{text} {number}",
            }
            row |= {"negatives": [f"{text} no {number} {k}" for k in range(negatives)], "language": language}
            row |= {"source": "s", "licence": "CC0-1.0", "row": number, "split": "test" if number == 0 else "train"}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA.append(pa.field("split", pa.string())))


def config(**release: object) -> RunConfig:
    source = {"name": "s", "format": "tsv", "path": "x", "licence": "CC0-1.0", "task": "bitext"}
    return RunConfig.model_validate({"name": "weather", "sources": [source], "release": release})


def make_release(folder: Path, table: pa.Table | None = None, settings: RunConfig | None = None) -> Release:
    table, settings = records() if table is None else table, settings or config()
    files = folder / "files"
    shards = write_whole(table, files, rows_per_file=settings.release.rows_per_shard, index=settings.dedup).sort_by(
        "path"
    )
    counts = [StageCount("read", table.num_rows, table.num_rows)]
    stats = compute_stats(counts, empty_ledger(), shards, PLAN_SCHEMA.empty_table(), count_outcome(Outcome.keep(table)))
    inputs = {"s": [{"file": "x", "bytes": 1, "sha256": "0" * 64}]}
    target = folder / "release"
    whole = {"shards": shards, "files": files, "stats": stats}
    assemble_release(target, config=settings, fingerprints=inputs, known=Known(), **whole)
    return open_release(target)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path)


def test_both_views_hold_the_same_rows_in_the_same_order(release: Release) -> None:
    for split in release.splits:
        data, full = release.read("data", split=split), release.read("full", split=split)
        assert data.column_names == ["anchor", "positive", "negative_1", "negative_2", "language"]
        assert data.select(range(4)).to_pylist() == full.select(range(4)).to_pylist()
        assert data["language"].to_pylist() == full["language"].to_pylist()
        order = list(zip(*(full[name].to_pylist() for name in ("language", "source", "file", "row")), strict=True))
        assert order == sorted(order)


def test_training_files_hold_texts_that_cannot_be_null(release: Release) -> None:
    for shard in release.shards("data", split="train"):
        schema = pq.read_schema(release.path / shard.path)
        assert all(field.type == pa.string() and not field.nullable for field in schema)


def test_languages_and_splits(release: Release) -> None:
    assert release.languages == sorted(TEXTS)
    assert release.splits == ["train", "test"]
    assert release.read("data", split="train", language="tha_Thai").num_rows == 4
    assert release.read("full", split="train", columns=["id", "language"]).column_names == ["id", "language"]
    assert release.read("data", split="validation").num_rows == 0
    assert release.verdict is None


def test_large_languages_are_cut_into_shards(tmp_path: Path) -> None:
    release = make_release(tmp_path, records(per_language=8), config(rows_per_shard=3))
    names = [Path(shard.path).name for shard in release.shards("data", split="train", language="deu_Latn")]
    assert names == [f"train-{n:05d}-of-00003.parquet" for n in range(3)]
    assert release.read("data", split="train", language="deu_Latn").num_rows == 7


def test_records_with_different_numbers_of_negatives_share_the_least(tmp_path: Path) -> None:
    table = pa.concat_tables([records(negatives=3), records(negatives=1).slice(0, 1)])
    assert make_release(tmp_path, table).read("data", split="train").column_names[:3] == [
        "anchor",
        "positive",
        "negative_1",
    ]


def test_order_of_the_records_does_not_matter(tmp_path: Path) -> None:
    table = records()
    one = make_release(tmp_path / "a", table)
    other = make_release(tmp_path / "b", table.take(list(range(table.num_rows))[::-1]))
    assert one.digest == other.digest


def test_making_the_same_release_again_leaves_it_alone(tmp_path: Path) -> None:
    before = make_release(tmp_path)
    (before.path / "gate").mkdir()
    (before.path / "gate" / "verdict.json").write_text("{}")
    make_release(tmp_path)
    assert (before.path / "gate" / "verdict.json").exists()
    changed = make_release(tmp_path, settings=config(version="0.2.0"))
    assert changed.digest != before.digest
    assert not (before.path / "gate").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "release"]


def test_a_sound_release_has_no_findings(release: Release) -> None:
    assert verify_release(release.path)[1] == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def link(path: Path) -> None:
    real = path.with_name("elsewhere")
    path.rename(real)
    path.symlink_to(real)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (flip, "changed"),
        (Path.unlink, "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-10]), "changed"),
        (lambda path: (path.parent / "extra.parquet").write_bytes(b""), "added"),
        (link, "link"),
    ],
)
def test_damage_is_named(release: Release, damage: Callable[[Path], object], problem: str) -> None:
    shard = release.shards("data", split="train")[3].path
    damage(release.path / shard)
    findings = verify_release(release.path)[1]
    assert (shard if problem != "added" else "data/ell_Grek/extra.parquet", problem) in [
        (finding.path, finding.problem) for finding in findings
    ] or problem == "added"
    assert problem in {finding.problem for finding in findings}


def test_a_damaged_release_is_made_whole(tmp_path: Path) -> None:
    before = make_release(tmp_path)
    shard = before.path / before.shards("data", split="train")[3].path
    for damage in (flip, Path.unlink, lambda path: (path.parent / "extra.parquet").write_bytes(b"")):
        damage(shard)
        assert verify_release(before.path)[1]
        assert make_release(tmp_path).digest == before.digest
        assert verify_release(before.path)[1] == []


def test_a_release_that_was_being_replaced_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make_release(tmp_path)
    before.path.rename(tmp_path / ".release.replaced")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("curation.release.assemble.render_card", fail)
    with pytest.raises(OSError, match="no space"):
        make_release(tmp_path, settings=config(version="0.2.0"))
    assert open_release(before.path).digest == before.digest
    assert verify_release(before.path)[1] == []


@pytest.mark.parametrize("name", ["data", "data/hin_Deva", layout.MANIFEST, layout.STATS, layout.VERDICT, "gate"])
def test_no_link_is_followed(release: Release, tmp_path: Path, name: str) -> None:
    (release.path / "gate").mkdir()
    (release.path / layout.VERDICT).write_text(json.dumps({"release": {"manifest_sha256": release.digest}}))
    assert verify_release(release.path)[1] == []
    (release.path / name).rename(tmp_path / "elsewhere")
    (release.path / name).symlink_to(tmp_path / "elsewhere")
    assert {(finding.path, finding.problem) for finding in verify_release(release.path)[1]} == {(name, "link")}


def test_a_verdict_about_another_release_is_named(release: Release) -> None:
    (release.path / "gate").mkdir()
    (release.path / layout.VERDICT).write_text(json.dumps({"release": {"manifest_sha256": "0" * 64}}))
    assert [finding.problem for finding in verify_release(release.path)[1]] == ["verdict"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/../b", ".hidden", "a\\b", "a\nb", "", "C:x"])
def test_a_manifest_cannot_point_outside(release: Release, path: str) -> None:
    manifest = release.manifest | {"files": [{"path": path, "bytes": 1, "sha256": "0" * 64}]}
    (release.path / layout.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match="outside"):
        open_release(release.path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": [{"path": 3}]}', "\ufffd"])
def test_a_manifest_that_is_not_one(tmp_path: Path, text: str) -> None:
    (tmp_path / layout.MANIFEST).write_text(text)
    with pytest.raises(ReleaseError, match=r"cannot be understood|outside"):
        open_release(tmp_path)


SHARD = {"path": "data/tha_Thai/train-00000-of-00001.parquet", "bytes": 1, "sha256": "0" * 64, "rows": 1, "schema": ""}


@pytest.mark.parametrize(
    "broken",
    [
        {"files": [SHARD | {"bytes": "1"}]},
        {"files": [SHARD | {"bytes": True}]},
        {"files": [SHARD | {"sha256": None}]},
        {"files": [SHARD | {"rows": [1]}]},
        {"files": [SHARD | {"schema": {}}]},
        {"files": [SHARD | {"path": ["x"]}]},
        {"files": [SHARD, SHARD]},
        {"files": 3},
        {"config": []},
        {"sources": []},
        {"sources": {"новости": 3}},
        {"licence": "CC0-1.0"},
        {"licence": {"recipes": 3}},
        {"licence": {"recipes": [["x"]]}},
    ],
    ids=str,
)
def test_a_strangers_manifest_is_checked_once(release: Release, broken: dict[str, object]) -> None:
    (release.path / layout.MANIFEST).write_text(json.dumps(release.manifest | broken))
    with pytest.raises(ReleaseError, match="cannot be understood"):
        open_release(release.path)


def test_a_manifest_without_licences_is_one(release: Release) -> None:
    old = {key: value for key, value in release.manifest.items() if key != "licence"}
    (release.path / layout.MANIFEST).write_text(json.dumps(old))
    assert verify_release(release.path)[1] == []


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"release": 3}', '{"release": {}}', "[" * 100_000, "\ufffd"])
def test_a_strangers_verdict_is_a_finding(release: Release, text: str) -> None:
    (release.path / "gate").mkdir()
    (release.path / layout.VERDICT).write_text(text)
    assert [(each.path, each.problem) for each in verify_release(release.path)[1]] == [(layout.VERDICT, "verdict")]


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="not a release"):
        open_release(tmp_path)


def test_manifest_lists_every_file_with_its_digest(release: Release) -> None:
    on_disk = {path.relative_to(release.path).as_posix() for path in release.path.rglob("*") if path.is_file()}
    assert {file.path for file in release.files} == on_disk - {layout.MANIFEST}
    assert all(sha256_file(release.path / file.path) == file.sha256 for file in release.files)
    assert "engine" not in release.manifest["config"]


def test_front_matter_is_data(tmp_path: Path) -> None:
    hostile = "evil: [x]\n---\n# <script>"
    release = make_release(tmp_path, settings=config(title=hostile, description="| <b> \u202e ``` |"))
    _, front, body = (release.path / layout.CARD).read_text().split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["pretty_name"] == "evil: [x] --- # <script>"
    assert matter["license"] == "cc0-1.0"
    assert matter["configs"][0]["default"] is True
    assert {entry["config_name"] for entry in matter["configs"]} >= {"all", "deu_Latn", "deu_Latn-full"}
    assert "<script>" not in body
    assert "\u202e" not in body


@pytest.mark.parametrize(
    ("text", "expected"), [("a|b", r"a\|b"), ("<i>\n", r"\<i\> "), ("`x`\u2066", r"\`x\` "), ("हिन्दी", "हिन्दी")]
)
def test_escaping(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_a_record_that_is_repeated_was_read_once(tmp_path: Path) -> None:
    table = records()
    times = pa.array([3 if row == 2 else 1 for row in table["row"].to_pylist()], pa.int32())
    release = make_release(tmp_path, table.append_column("copies", times))
    counted = release.stats["languages"]["hin_Deva"]
    assert (counted["read"], counted["released"], counted["train"]) == (5, 7, 6)
    assert verify_release(release.path)[1] == []
