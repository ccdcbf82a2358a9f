"""Whole runs over sources of several licences: clashes, commercial-safe runs, and rows without texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from toys import Silent

from curation.config import RunConfig, parse_config
from curation.errors import ConfigError, LicenceClashError
from curation.licences.expression import conjunction
from curation.release import layout, open_release
from curation.release.recipe import text_digest
from curation.release.verify import verify_release
from pipelines.explain import explain
from pipelines.rebuild import rebuild
from pipelines.run import RunOptions, gate_and_report, plan_run, run

# Each language with a sentence for what people did there; the numbers make records of them that are no duplicates.
PLACES = ("harbour", "market", "library", "orchard", "station", "bakery", "museum", "stadium", "bridge", "garden")
DEEDS = ("counted boats", "sold apples", "read letters", "picked plums", "missed trains", "baked bread")
VERSES = {
    "deu": "Am Anfang stand die Zahl {} allein im {} und wartete",
    "rus": "В начале число {} стояло одно у места {} и ждало",
    "ell": "Στην αρχή ο αριθμός {} στεκόταν μόνος στο {} και περίμενε",
    "hin": "आरंभ में संख्या {} अकेली {} के पास खड़ी थी और प्रतीक्षा करती थी",
    "arb": "في البدء كان العدد {} واقفا وحده عند {} وينتظر",
    "heb": "בראשית עמד המספר {} לבדו ליד {} וחיכה",
    "jpn": "初めに数字の{}は{}のそばに一人で立って待っていました",
    "kor": "처음에 숫자 {} 은 {} 옆에 혼자 서서 기다렸습니다",
    "tha": "ในตอนแรกเลข {} ยืนอยู่คนเดียวที่ {} และรอคอย",
    "amh": "በመጀመሪያ ቁጥር {} ብቻውን በ {} ቆሞ ይጠብቅ ነበር",
    "kat": "დასაწყისში რიცხვი {} მარტო იდგა {} და ელოდა",
}
# Words of the source whose texts must not go out, in each script: none of them stands anywhere else.
SECRETS = ("Anfang", "начале", "αρχή", "आरंभ", "البدء", "בראשית", "初めに", "처음에", "ตอนแรก", "በመጀመሪያ", "დასაწყისში")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
SOURCES = {"open": "CC0-1.0", "named": "CC-BY-4.0", "verses": "CC-BY-NC-ND-4.0"}


def rows(name: str) -> list[tuple[str, str, str, str]]:
    """Return query, positive and their languages."""
    if name == "verses":
        return [
            (
                f"verse {number} at the {PLACES[index]} of {language}",
                text.format(number, PLACES[index]),
                "eng",
                language,
            )
            for language, text in VERSES.items()
            for index, number in enumerate(NUMBERS[:10])
        ]
    where, when = ("in town", "on Monday") if name == "open" else ("by the sea", "last summer")
    return [
        (
            f"What did number {number} do at the {place} {where}?",
            f"Number {number} {deed} at the {place} {when}",
            "eng",
            "eng",
        )
        for index, number in enumerate(NUMBERS)
        for place in PLACES[:6]
        for deed in [DEEDS[(index + len(place)) % 6]]
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        lines = ["query\tpositive\tq\tp", *("\t".join(row) for row in rows(name))]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def config(licences: dict[str, str], extra: str = "", **more: str) -> RunConfig:
    sources = "\n".join(
        f"  - {{name: {name}, format: tsv, path: {name}.tsv, licence: {licence}, task: retrieval, "
        f"query_language: {{column: q}}, positive_language: {{column: p}}{more.get(name, '')}}}"
        for name, licence in licences.items()
    )
    return parse_config(
        f"name: mixed\nseed: 5\nsources:\n{sources}\nidentify: {{enabled: false}}\n"
        "dedup: {near: false}\nsplit: {test: 0.2}\nmining: {num_negatives: 3, skip_rank: 0}\n"
        "training: {enabled: false}\n"
        "filters: {profile: lenient, boilerplate: {max_queries: null}}\nalarms: {on_alarm: ignore}\n" + extra
    )


# The header is row 1.
FIRST_ROW = 2
RECIPE = {"verses": ", redistribution: recipe"}


@pytest.fixture(scope="module")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run in which the verses are a recipe, with its report."""
    out = tmp_path_factory.mktemp("run") / "out"
    settings = config(SOURCES, **RECIPE)
    run(settings, base, out, RunOptions(), Silent())
    gate_and_report(
        settings.model_copy(update={"gate": settings.gate.model_copy(update={"enabled": False})}), base, out, Silent()
    )
    return out


def test_no_text_of_a_recipe_is_anywhere_in_the_release(finished: Path) -> None:
    release, findings = verify_release(finished / "release")
    assert findings == []
    files = [path for path in (finished / "release").rglob("*") if path.is_file()]
    assert any("recipe" in path.parts for path in files)
    for path in [*files, finished / "report.html", finished / "report.json"]:
        # Parquet is compressed: its columns are looked at one by one.
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content = json.dumps(table.to_pylist(), ensure_ascii=False, default=str).encode()
        for secret in (*SECRETS, "verse one"):
            assert secret.encode() not in content, (path, secret)
            assert json.dumps(secret).strip('"').encode() not in content, (path, secret)
    # The ledger stays with the run, and shows that the texts were looked at.
    assert release.stats["totals"]["recipe"] > 50


def test_a_recipe_holds_what_it_takes_to_find_the_texts(finished: Path) -> None:
    release = open_release(finished / "release")
    found = [row for file in release.recipes() for row in pq.read_table(release.path / file.path).to_pylist()]
    assert len(found) == release.stats["totals"]["recipe"] == sum(file.rows or 0 for file in release.recipes())
    given = rows("verses")
    positives = {text_digest(row[1]) for row in given}
    ids = {row["id"]: row for row in found}
    for row in found:
        query, positive, *_ = given[row["row"] - FIRST_ROW]
        assert (row["source"], row["licence"], row["file"]) == ("verses", SOURCES["verses"], "verses.tsv")
        assert (row["query_sha256"], row["positive_sha256"]) == (text_digest(query), text_digest(positive))
        assert len(row["negative_ids"]) == len(row["negative_sha256"]) == 3
        assert set(row["negative_sha256"]) <= positives
        assert not {"query", "positive", "negatives", "anchor", "label"} & set(row)
        for negative, digest in zip(row["negative_ids"], row["negative_sha256"], strict=True):
            assert negative not in ids or ids[negative]["positive_sha256"] == digest
    assert {layout.parse_recipe(file.path)[0] for file in release.recipes()} == {row["language"] for row in found}  # type: ignore[index]


def test_each_row_is_under_the_licences_of_its_texts(finished: Path) -> None:
    release = open_release(finished / "release")
    licence_of = dict(SOURCES)
    mixed = 0
    for split in release.splits:
        full = release.read("full", split=split).to_pylist()
        source_of = {row["id"]: row["source"] for row in full}
        for row in full:
            others = {licence_of[source_of[number]] for number in row["negative_ids"] if number in source_of}
            own = licence_of[row["source"]]
            if all(number in source_of for number in row["negative_ids"]):
                assert row["licence"] == conjunction(own, others)
            mixed += " AND " in row["licence"]
            assert "NC" not in row["licence"]
    assert mixed > 10


def test_what_manifest_statistics_card_and_notes_say(finished: Path) -> None:
    release = open_release(finished / "release")
    said = release.manifest["licence"]
    assert (said["release"], said["how"], said["recipes"]) == ("CC-BY-4.0", "computed", ["verses"])
    facts = {source["source"]: source for source in release.stats["licence"]["sources"]}
    assert facts["verses"]["rows"] == 0 < facts["verses"]["recipe"]
    assert facts["open"]["recipe"] == 0 < facts["open"]["rows"]
    assert (facts["verses"]["commercial"], facts["open"]["attribution"]) == (False, False)
    assert {row["licence"] for row in release.stats["licence"]["rows"]} >= {"CC0-1.0", "CC-BY-4.0 AND CC0-1.0"}
    card = (release.path / layout.CARD).read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["license"] == "cc-by-4.0"
    assert "CC-BY-NC-ND-4.0" in card
    notes = (release.path / layout.LICENCES).read_text(encoding="utf-8")
    assert "As a whole it is under CC-BY-4.0" in notes
    assert "verses: CC-BY-NC-ND-4.0 (its rows are here as hashes, without texts)" in notes
    totals = release.stats["totals"]
    assert totals["read"] == sum(totals[name] for name in ("released", "recipe", "dropped", "merged", "quarantined"))
    read = sum(row["read"] for row in release.stats["languages"].values())
    assert read == totals["read"]
    parts = [row for row in release.stats["source_languages"] if row["source"] == "verses"]
    assert sum(row["recipe"] for row in parts) == totals["recipe"]
    assert not any(row["released"] for row in parts)


def test_a_recipe_is_the_same_however_the_work_is_cut(base: Path, finished: Path, tmp_path: Path) -> None:
    run(config(SOURCES, "engine: {partitions: 2}\n", **RECIPE), base, tmp_path, RunOptions(), Silent())
    manifests = [open_release(folder / "release").manifest for folder in (finished, tmp_path)]
    assert manifests[0] == manifests[1]


def test_a_record_without_texts_can_be_explained(finished: Path) -> None:
    release = open_release(finished / "release")
    record = pq.read_table(release.path / release.recipes()[0].path, columns=["id"])["id"][0].as_py()
    explained = explain(record, finished)
    assert explained.record["source"] == "verses"
    assert "recipe/" in explained.steps[-1].details[0]["name"]
    # Without the work folder there are no texts left to show.
    (finished / "work").rename(finished / "elsewhere")
    try:
        without = explain(record, finished)
    finally:
        (finished / "elsewhere").rename(finished / "work")
    assert "query" not in without.record
    assert without.record["source"] == "verses"


def test_a_clash_is_found_before_anything_is_read(tmp_path: Path) -> None:
    clash = config({"open": "CC-BY-SA-4.0", "named": "CC-BY-NC-4.0"})
    for attempt in (
        lambda: run(clash, tmp_path / "no sources here", tmp_path / "out", RunOptions(), Silent()),
        lambda: plan_run(clash, tmp_path / "no sources here", None, RunOptions()),
    ):
        with pytest.raises(LicenceClashError, match=r"open \(CC-BY-SA-4.0\) and named \(CC-BY-NC-4.0\)"):
            attempt()
    assert not (tmp_path / "out").exists()


def test_a_commercial_safe_run_does_without_what_forbids_it(base: Path, tmp_path: Path) -> None:
    licences = {"open": "CC-BY-SA-4.0", "named": "CC-BY-NC-4.0"}
    settings = config(licences, "release: {commercial_safe: true}\n")
    (tmp_path / "open.tsv").write_bytes((base / "open.tsv").read_bytes())
    # The other source's file is not there: it is not even looked for.
    run(settings, tmp_path, tmp_path / "out", RunOptions(), Silent())
    release = open_release(tmp_path / "out" / "release")
    left_out = [{"source": "named", "licence": "CC-BY-NC-4.0", "why": "it forbids commercial use"}]
    assert release.manifest["licence"]["left_out"] == left_out
    assert json.loads((tmp_path / "out" / "plan.json").read_bytes())["licence"]["left_out"] == left_out
    assert list(release.manifest["sources"]) == ["open"]
    assert release.manifest["licence"]["release"] == "CC-BY-SA-4.0"
    card = (release.path / layout.CARD).read_text(encoding="utf-8")
    assert "Left out for that: named (CC-BY-NC-4.0: it forbids commercial use)" in card
    assert pc.unique(release.read("full", split="train")["licence"]).to_pylist() == ["CC-BY-SA-4.0"]
    # The resolved config is whole: run again it gives the same.
    again = parse_config((tmp_path / "out" / "config.yml").read_text(encoding="utf-8"))
    assert [source.name for source in again.sources] == ["open", "named"]


def test_a_collection_in_which_each_row_keeps_its_own(base: Path, tmp_path: Path) -> None:
    licences = {"open": "CC-BY-SA-4.0", "named": "CC-BY-NC-4.0"}
    run(config(licences, "release: {licence: per-source}\n"), base, tmp_path, RunOptions(), Silent())
    release = open_release(tmp_path / "release")
    card = (release.path / layout.CARD).read_text(encoding="utf-8")
    matter = yaml.safe_load(card.split("---")[1])
    assert (matter["license"], matter["license_name"], matter["license_link"]) == ("other", "per-source", "LICENSE")
    assert "each row keeps its own" in card
    assert {"CC-BY-SA-4.0", "CC-BY-NC-4.0 AND CC-BY-SA-4.0"} <= {r["licence"] for r in release.stats["licence"]["rows"]}


def test_who_has_the_source_makes_the_rows_again(base: Path, finished: Path, tmp_path: Path) -> None:
    release = open_release(finished / "release")
    made = rebuild(release, config(SOURCES, **RECIPE), base, tmp_path)
    assert made.rows == made.written == release.stats["totals"]["recipe"]
    assert made.failed == {}
    pairs = {(query, positive) for query, positive, *_ in rows("verses")}
    positives = {positive for _, positive in pairs}
    found = 0
    for path in made.files:
        table = pq.read_table(tmp_path / path)
        assert table.schema == layout.data_schema(3)
        place = layout.parse_shard(path)
        assert place is not None
        for row in table.to_pylist():
            assert (row["anchor"], row["positive"]) in pairs
            assert {row[f"negative_{number}"] for number in (1, 2, 3)} <= positives - {row["positive"]}
            found += 1
    assert found == made.written


def test_rows_without_mined_negatives_are_made_again(base: Path, tmp_path: Path) -> None:
    settings = config(SOURCES, **RECIPE)
    settings = settings.model_copy(update={"mining": settings.mining.model_copy(update={"enabled": False})})
    run(settings, base, tmp_path / "run", RunOptions(), Silent())
    made = rebuild(open_release(tmp_path / "run" / "release"), settings, base, tmp_path / "made")
    assert made.written == made.rows > 100
    assert pq.read_table(tmp_path / "made" / made.files[0]).schema == layout.data_schema(0)


def test_what_has_changed_in_the_source_is_not_made_again(base: Path, finished: Path, tmp_path: Path) -> None:
    release = open_release(finished / "release")
    lines = (base / "verses.tsv").read_text(encoding="utf-8").splitlines()
    number = pq.read_table(release.path / release.recipes()[0].path, columns=["row"])["row"][0].as_py()
    del lines[number - 1]
    (tmp_path / "verses.tsv").write_text("\n".join(lines), encoding="utf-8")
    made = rebuild(release, config(SOURCES, **RECIPE), tmp_path, tmp_path / "out")
    assert made.written + sum(made.failed.values()) == made.rows
    assert made.failed["missing"] == 1
    assert set(made.failed) <= {"missing", "negatives"}


def test_personal_data_is_masked_again(base: Path, tmp_path: Path) -> None:
    lines = [f"Whom does {n} write to?\tNumber {n} writes to {n}@mail.com now\teng\teng" for n in NUMBERS]
    (tmp_path / "verses.tsv").write_text("\n".join(["query\tpositive\tq\tp", *lines]) + "\n", encoding="utf-8")
    (tmp_path / "open.tsv").write_bytes((base / "open.tsv").read_bytes())
    settings = config({"open": "CC0-1.0", "verses": "CC-BY-4.0"}, **RECIPE)
    run(settings, tmp_path, tmp_path / "run", RunOptions(), Silent())
    made = rebuild(open_release(tmp_path / "run" / "release"), settings, tmp_path, tmp_path / "made")
    assert made.written == made.rows > 3
    texts = [row["positive"] for path in made.files for row in pq.read_table(tmp_path / "made" / path).to_pylist()]
    assert all("email@example.com" in text for text in texts)


def test_what_cannot_be_rebuilt(base: Path, finished: Path, tmp_path: Path) -> None:
    release = open_release(finished / "release")
    with pytest.raises(ConfigError, match="not that of the release") as raised:
        rebuild(release, config({"open": "CC0-1.0"}), base, tmp_path)
    assert "verses" in raised.value.why


@pytest.mark.parametrize("place", ["release", "release/more", "full"])
def test_rows_are_made_in_a_folder_of_their_own(place: str, base: Path, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "release", tmp_path / "release")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine", encoding="utf-8")
    release = open_release(tmp_path / "release")
    with pytest.raises(ConfigError, match="cannot take the rows"):
        rebuild(release, config(SOURCES, **RECIPE), base, tmp_path / place)
    assert verify_release(release.path)[1] == []
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["notes"]
