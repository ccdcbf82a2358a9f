from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from releases import BY_POSITIVE, make_release, record_id
from sentences import SENTENCES, edited, grams, similarity

from curation.config.model import Dedup
from curation.dedup import index, known
from curation.dedup.index import read_withdrawn
from curation.dedup.known import drop_known, find_known
from curation.errors import ConfigError, ReleaseError
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA
from curation.release import Release
from curation.text import fold

LANGUAGES = {f"aa{chr(97 + n)}_{script}": text for n, (script, text) in enumerate(SENTENCES.items())}
TEXTS = {language: [f"{text} {number * 7919}" for number in range(10)] for language, text in LANGUAGES.items()}


def table(*rows: tuple[str, str]) -> pa.Table:
    """Return records with these (language, positive)."""
    values = [
        dict.fromkeys(RECORD_SCHEMA.names, "")
        | {"id": f"{number:032x}", "query": f"new question {number}", "positive": positive, "row": number}
        | {"query_language": "eng_Latn", "positive_language": language, "language": language, "negatives": []}
        for number, (language, positive) in enumerate(rows)
    ]
    return pa.Table.from_pylist(values, schema=RECORD_SCHEMA)


def losses(outcome: Outcome) -> dict[int, tuple[str, str]]:
    rows = outcome.ledger.to_pylist()
    return {row["row"]: (row["reason"], row["other_id"]) for row in rows}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("release"), TEXTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_copies_are_dropped_in_every_script(release: Release, language: str) -> None:
    text = TEXTS[language][4]
    other = next(code for code in LANGUAGES if code != language)
    rows = table((language, text + "!"), (language, text.upper()), (other, text), (language, text[::-1]))
    outcome = drop_known(rows, BY_POSITIVE, [release], {})
    sets = [grams(value) for value in fold(pa.array([text, text + "!"])).to_pylist()]
    assert losses(outcome)[1] == ("known", record_id(language, 4))
    assert set(losses(outcome)) == {0, 1}
    row = next(row for row in outcome.ledger.to_pylist() if row["row"] == 0)
    assert (row["stage"], row["decision"], row["threshold"]) == ("known", "dropped", 0.8)
    assert row["score"] >= similarity(*sets)
    assert row["detail"] == f"in earlier 1.2.3 ({'d' * 12})"
    assert outcome.records["row"].to_pylist() == [2, 3]


def test_of_several_releases_the_first_counts(release: Release, tmp_path: Path) -> None:
    later = make_release(tmp_path, {"aaa_Latn": [*TEXTS["aaa_Latn"][:2], "Only in the later one of the two releases"]})
    rows = table(("aaa_Latn", TEXTS["aaa_Latn"][0]), ("aaa_Latn", "only in the later one of the two releases!"))
    outcome = drop_known(rows, BY_POSITIVE, [release, later], {})
    assert losses(outcome) == {0: ("known", record_id("aaa_Latn", 0)), 1: ("known", record_id("aaa_Latn", 2))}


def test_pairs_must_be_known_on_both_sides(tmp_path: Path) -> None:
    options = Dedup(by="pair")
    release = make_release(tmp_path, TEXTS, options=options)
    text = TEXTS["aaa_Latn"][3]
    rows = table(("aaa_Latn", text), ("aaa_Latn", text))
    rows = rows.set_column(1, "query", pa.array(["question 3", "What did the harbour master count?"]))
    assert losses(drop_known(rows, options, [release], {})) == {0: ("known", record_id("aaa_Latn", 3))}


def test_withdrawn_records_do_not_come_back(release: Release, tmp_path: Path) -> None:
    language = "aae_Hebr"
    gone = {record_id(language, 5): "gone.txt:3"}
    rows = table((language, TEXTS[language][5]), (language, TEXTS[language][6][::-1]))
    outcome = drop_known(rows, BY_POSITIVE, [release], gone)
    assert losses(outcome) == {0: ("withdrawn", record_id(language, 5))}
    assert outcome.ledger["detail"][0].as_py().endswith("withdrawn by gone.txt:3")
    # The next release has no text of it any more, and knows it still.
    other = {"deu_Latn": ["Etwas anderes", "Noch etwas"]}
    later = make_release(tmp_path, other, withdrawn=read_withdrawn(release, gone, BY_POSITIVE))
    outcome = drop_known(rows, BY_POSITIVE, [later], {})
    assert losses(outcome) == {0: ("withdrawn", record_id(language, 5))}
    assert outcome.ledger["score"][0].as_py() == 1.0
    assert outcome.ledger["detail"][0].as_py().endswith("the similarity is an estimate")


def test_a_known_query_with_a_new_positive_is_new(tmp_path: Path) -> None:
    options = Dedup(by="query")
    release = make_release(tmp_path, TEXTS, options=options)
    rows = table(("aaa_Latn", TEXTS["aaa_Latn"][3]), ("aaa_Latn", "An answer that nobody has given before, and long"))
    rows = rows.set_column(1, "query", pa.array(["question 3", "question 3"]))
    assert losses(drop_known(rows, options, [release], {})) == {0: ("known", record_id("aaa_Latn", 3))}


def test_withdrawn_records_are_never_forgotten_silently(release: Release, tmp_path: Path) -> None:
    gone = read_withdrawn(release, {record_id("aaa_Latn", 5): "gone.txt:1"}, BY_POSITIVE)
    later = make_release(tmp_path / "later", {"deu_Latn": ["Etwas anderes", "Noch etwas"]}, withdrawn=gone)
    rows = table(("aaa_Latn", TEXTS["aaa_Latn"][5]))
    with pytest.raises(ConfigError, match="cannot be compared with") as error:
        drop_known(rows, Dedup(by="positive", threshold=0.7), [later], {})
    assert "as they were for that release" in str(error.value)
    (tmp_path / "later" / "manifest.json").write_text(json.dumps(dict(later.manifest) | {"config": {}, "sources": {}}))
    with pytest.raises(ConfigError, match="would be forgotten"):
        find_known(Dedup(by="positive", against=["later"], index=False), tmp_path)
    (tmp_path / "gone.txt").write_text(f"{record_id('aaa_Latn', 5)}\n")
    known_again = find_known(Dedup(by="positive", against=["later"], withdrawn=["gone.txt"]), tmp_path)
    assert list(known_again.withdrawn) == [record_id("aaa_Latn", 5)]
    (tmp_path / "typo.txt").write_text(f"{record_id('aaa_Latn', 5)}\n{record_id('aaa_Latn', 4)}\n")
    with pytest.raises(ConfigError, match="not known") as error:
        find_known(Dedup(by="positive", against=["later"], withdrawn=["typo.txt"]), tmp_path)
    assert "typo.txt:2" in str(error.value)


@pytest.mark.slow
@settings(deadline=None, max_examples=25, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), rows_at_once=st.sampled_from([3, 1000]))
def test_the_cut_and_the_order_of_new_records_change_nothing(
    release: Release, seed: int, rows_at_once: int, monkeypatch_module: pytest.MonkeyPatch
) -> None:
    monkeypatch_module.setattr(index, "ROWS", rows_at_once)
    generator = np.random.default_rng(seed)
    languages = list(TEXTS)
    new = []
    for _ in range(20):
        language = languages[int(generator.integers(len(languages)))]
        text = TEXTS[language][int(generator.integers(10))]
        new.append((language, edited(text, int(generator.integers(0, 12)), generator)))
    records = table(*new)
    whole = drop_known(records, BY_POSITIVE, [release], {})
    assert whole.records.num_rows + whole.ledger.num_rows == 20
    order = pa.array(generator.permutation(20))
    turned = drop_known(records.take(order), BY_POSITIVE, [release], {})
    assert losses(turned) == losses(whole)
    halves = [drop_known(part, BY_POSITIVE, [release], {}) for part in (records[:9], records[9:])]
    assert losses(halves[0]) | losses(halves[1]) == losses(whole)
    for number, (language, text) in enumerate(new):
        mine = grams(fold(pa.array([text]))[0].as_py())
        nearest = max(similarity(mine, grams(other)) for other in fold(pa.array(TEXTS[language])).to_pylist())
        assert (number in losses(whole)) == (nearest >= 0.8)


@pytest.fixture(scope="module")
def monkeypatch_module() -> object:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_a_copy_is_found_in_a_crowd(tmp_path: Path) -> None:
    generator = np.random.default_rng(6)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    boilerplate = SENTENCES["Latn"] * 2
    crowd = [boilerplate + "".join(generator.choice(letters, 60)) for _ in range(3_000)]
    release = make_release(tmp_path, {"aaa_Latn": crowd}, row_group=1000)
    new = [("aaa_Latn", text[:-3] + "...") for text in crowd[:100]]
    new += [("aaa_Latn", boilerplate + "".join(generator.choice(letters, 60))) for _ in range(100)]
    found = losses(drop_known(table(*new), BY_POSITIVE, [release], {}))
    assert set(found) <= set(range(100))
    assert len(found) >= 97
    assert all(other == record_id("aaa_Latn", number) for number, (_, other) in found.items())


def test_no_records_and_empty_texts(release: Release) -> None:
    assert drop_known(table(), BY_POSITIVE, [release], {}).ledger.num_rows == 0
    assert losses(drop_known(table(("aaa_Latn", "")), BY_POSITIVE, [release], {})) == {}
    assert losses(drop_known(table(("aaa_Latn", "")), BY_POSITIVE, [], {})) == {}


def test_a_release_without_its_shard_is_named(tmp_path: Path) -> None:
    release = make_release(tmp_path, {"aaa_Latn": TEXTS["aaa_Latn"]})
    for shard in release.full_shards:
        (tmp_path / shard).unlink()
    with pytest.raises(ReleaseError, match="cannot be compared with") as error:
        drop_known(table(("aaa_Latn", TEXTS["aaa_Latn"][0])), BY_POSITIVE, [release], {})
    assert "curate verify" in str(error.value)


@pytest.mark.parametrize(
    ("lines", "where"),
    [("0" * 32 + "\nnot an id\n", "ids.txt:2"), ("A" * 32, "ids.txt:1"), ("../../etc/passwd", "ids.txt:1")],
)
def test_a_bad_line_of_withdrawn_ids_is_named(tmp_path: Path, lines: str, where: str) -> None:
    (tmp_path / "ids.txt").write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError, match="not an id") as error:
        find_known(Dedup(withdrawn=["ids.txt"]), tmp_path)
    assert where in str(error.value)


def test_withdrawn_ids_need_a_release(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(f"# by request\n\n{'0' * 32}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="Nothing is compared"):
        find_known(Dedup(withdrawn=["ids.txt"]), tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        find_known(Dedup(withdrawn=["missing.txt"]), tmp_path)


def test_candidates_are_bounded(release: Release) -> None:
    rows = table(*(("aaa_Latn", text) for text in TEXTS["aaa_Latn"]))
    found = known._candidates(rows.combine_chunks(), BY_POSITIVE, release)
    assert np.bincount(found.new).max() <= known.CANDIDATES
