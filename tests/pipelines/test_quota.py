"""Quotas of whole runs: what is mined, what is released, and what changes when the data grow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toys import Silent

from curation.config import parse_config
from curation.hashing import priority
from curation.quota import QuotaError
from curation.release import Release, open_release
from curation.release.verify import verify_release
from pipelines.explain import explain
from pipelines.run import RunOptions, run

# Sentences that differ in one number are near duplicates; three words from long lists are not.
PLACES = {
    "deu_Latn": ["Im Hafen", "Auf dem Markt", "Hinter der Kirche", "Am Fluss", "Unter der Brücke", "Vor dem Theater"],
    "ell_Grek": ["Στο λιμάνι", "Στην αγορά", "Πίσω από την εκκλησία", "Στο ποτάμι", "Κάτω από τη γέφυρα", "Στο θέατρο"],
    "hin_Deva": ["बंदरगाह पर", "बाज़ार में", "मंदिर के पीछे", "नदी के किनारे", "पुल के नीचे", "रंगमंच के सामने"],
    "tha_Thai": ["ที่ท่าเรือ", "ที่ตลาด", "หลังวัด", "ริมแม่น้ำ", "ใต้สะพาน", "หน้าโรงละคร"],
}
SOURCES = ("news", "wiki")


def rows(language: str, source: str, count: int, start: int = 0) -> list[str]:
    places = PLACES[language]
    made = []
    for number in range(start, start + count):
        words = " ".join(f"{place} {priority([f'{source}{number}{place}'], language, 0)[0]}" for place in places[:3])
        made.append(f"{source} {language} {priority([source], language, number)[0]}\t{words}")
    return made


def write(folder: Path, sizes: dict[tuple[str, str], int]) -> str:
    """Write a source of tab-separated values for each (language, source), and return the config of them all."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["name: places", "seed: 5", "sources:"]
    for (language, source), count in sizes.items():
        (folder / f"{source}-{language}.tsv").write_text("\n".join(rows(language, source, count)) + "\n", "utf-8")
    lines += [
        f"  - {{name: {source}-{language}, format: tsv, path: {source}-{language}.tsv, header: false, "
        f"columns: {{query: '0', positive: '1'}}, licence: CC0-1.0, task: retrieval, "
        f"query_language: {language}, positive_language: {language}}}"
        for language, source in sorted(sizes)
    ]
    return "\n".join(
        [
            *lines,
            "identify: {enabled: false}",
            "filters: {max_digit_share: null}",
            "dedup: {near: false}",
            "split: {test: 0.1}",
            "alarms: {on_alarm: ignore}",
            "mining: {num_negatives: 2, skip_rank: 0, max_score: null, max_positive_ratio: null}",
            "training: {enabled: false}",
            "gate: {enabled: false}",
        ]
    )


def release_of(folder: Path, text: str, options: RunOptions = RunOptions()) -> Release:  # noqa: B008 - frozen
    run(parse_config(text), folder, folder / "run", options, Silent())
    return open_release(folder / "run" / "release")


def train_ids(release: Release) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for row in release.read("full", split="train", columns=["language", "id"]).to_pylist():
        ids.setdefault(row["language"], set()).add(row["id"])
    return ids


SIZES = {("deu_Latn", "news"): 200, ("deu_Latn", "wiki"): 100, ("tha_Thai", "news"): 60, ("hin_Deva", "wiki"): 40}


@pytest.mark.parametrize("options", [RunOptions(), RunOptions(engine="beam")], ids=["datatrove", "beam"])
def test_the_teacher_sees_the_quota_and_no_more(tmp_path: Path, options: RunOptions) -> None:
    release = release_of(tmp_path, write(tmp_path, SIZES) + "\nbalance: {budget: 150, temperature: 0.5}", options)
    funnel = {row["stage"]: row for row in release.stats["funnel"]}
    held_out = release.stats["totals"]["test"]
    assert release.stats["totals"]["train"] == 150
    assert funnel["preselect"]["in"] == funnel["preselect"]["out"] > 300
    # One record more of each language and source, in case that one is lost.
    assert funnel["mine"]["out"] == 150 + held_out + len(SIZES)
    assert funnel["balance"]["dropped"] == len(SIZES)
    assert verify_release(release.path)[1] == []
    ledger = pq.read_table(tmp_path / "run" / "ledger" / "mine.parquet").to_pylist()
    assert {row["reason"] for row in ledger} == {"over_quota"}
    assert all(row["score"] >= row["threshold"] for row in ledger)
    last = explain(ledger[0]["id"], tmp_path / "run").steps[-1]
    assert (last.stage, last.reason) == ("mine", "over_quota")
    assert not {"quota_limit", "quota_available"} & set(release.read("full", split="train").column_names)


@pytest.mark.slow
def test_what_mining_drops_is_made_up_for_from_the_reserve(tmp_path: Path) -> None:
    text = write(tmp_path, SIZES).replace("num_negatives: 2,", "num_negatives: 2, max_positive_rank: 1, anchor: query,")
    release = release_of(tmp_path, text + "\nbalance: {budget: 150, temperature: 0.5, reserve: 1.0}")
    funnel = {row["stage"]: row for row in release.stats["funnel"]}
    lost = [r for r in release.stats["reasons"] if r["stage"] == "mine" and r["reason"] == "inconsistent_pair"]
    assert lost
    assert lost[0]["rows"] > 0
    assert funnel["mine"]["out"] >= release.stats["totals"]["released"]
    given = sum(row["given"] for row in release.stats["quota"])
    assert release.stats["totals"]["train"] == given
    assert given + sum(row["short"] for row in release.stats["quota"]) >= 150


def test_rows_are_repeated_where_the_quota_is_more_than_there_is(tmp_path: Path) -> None:
    balance = "balance: {budget: 300, method: unimax, max_epochs: 2}"
    release = release_of(tmp_path, write(tmp_path, SIZES) + "\n" + balance)
    assert release.stats["totals"]["train"] == 300
    table = {row["language"]: row for row in release.stats["quota"] if row["repeated"]}
    assert set(table) == {"hin_Deva", "tha_Thai"}
    for language, row in table.items():
        full = release.read("full", split="train", language=language).to_pylist()
        assert len(full) == row["given"] == row["available"] + row["repeated"]
        assert Counter(Counter(each["id"] for each in full).values())[2] == row["repeated"]
        assert {each["copy"] for each in full} == {0, 1}
    totals: dict[str, Any] = release.stats["totals"]
    assert (
        totals["read"] + totals["repeated"]
        == totals["released"] + totals["dropped"] + totals["merged"] + totals["quarantined"]
    )
    assert verify_release(release.path)[1] == []


def test_a_source_above_its_cap_ends_the_run_before_anything_is_mined(tmp_path: Path) -> None:
    text = write(tmp_path, SIZES) + "\nbalance: {max_source_share: 0.6}"
    with pytest.raises(QuotaError) as caught:
        release_of(tmp_path, text)
    assert "tha_Thai has" in caught.value.why
    assert "on_monoculture" in caught.value.hint
    assert not list((tmp_path / "run" / "work").glob("mine-*"))


def test_a_source_stays_below_its_share_of_a_language(tmp_path: Path) -> None:
    text = write(tmp_path, SIZES) + "\nbalance: {max_source_share: 0.6, on_monoculture: keep}"
    release = release_of(tmp_path, text)
    rows = release.read("full", split="train", columns=["language", "source"]).to_pylist()
    german = Counter(row["source"] for row in rows if row["language"] == "deu_Latn")
    assert german["news-deu_Latn"] <= 0.6 * sum(german.values()) + 1
    assert german["wiki-deu_Latn"] > 70
    assert {row["language"] for row in rows} == {"deu_Latn", "tha_Thai", "hin_Deva"}


@pytest.mark.slow
def test_more_data_or_a_new_language_changes_only_what_it_must(tmp_path: Path) -> None:
    balance = "\nbalance: {budget: 200, temperature: 0.5}"
    before = train_ids(release_of(tmp_path / "before", write(tmp_path / "before", SIZES) + balance))
    grown = SIZES | {("deu_Latn", "news"): 210}
    after = train_ids(release_of(tmp_path / "grown", write(tmp_path / "grown", grown) + balance))
    whole = set().union(*before.values())
    changed = whole - set().union(*after.values())
    assert 0 < len(changed) <= 0.06 * 200
    more = SIZES | {("ell_Grek", "wiki"): 50}
    wider = train_ids(release_of(tmp_path / "wider", write(tmp_path / "wider", more) + balance))
    assert len(wider["ell_Grek"]) > 0
    for language, ids in before.items():
        # Every language gives some of its rows, and takes none.
        assert wider[language] <= ids
    assert len(whole) == 200 == sum(map(len, wider.values()))
