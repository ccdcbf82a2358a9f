"""The mutations of the gate's suite change what they say and nothing else, and the gate names them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from toys import Silent

from benchmarks.gate_mutations.edits import as_noise, change_word, light_edit, shuffle_words
from benchmarks.gate_mutations.lines import LINES, Line
from benchmarks.gate_mutations.report import failed, needs_baseline, table, wilson_upper
from benchmarks.gate_mutations.resampled import resample
from benchmarks.gate_mutations.tables import Key, negative_columns, read_tables, write_change
from curation.config import parse_config
from curation.config.training import Training
from curation.files import sha256_file
from curation.gate import run_gate
from curation.release import Release, layout, open_release
from curation.release.verify import verify_release
from pipelines.run import RunOptions, run

SENTENCES = [
    "Das Passwort darf nicht leer sein.",
    "Введите правильный адрес электронной почты.",
    "Εισάγετε μια έγκυρη διεύθυνση.",
    "أدخل عنوان بريد إلكتروني صالحًا.",
    "הזן כתובת תקינה בבקשה.",
    "मान्य ईमेल पता दर्ज करें।",
    "请输入有效的电子邮件地址。",
    "有効なメールアドレスを入力してください。",
    "올바른 이메일 주소를 입력하세요.",
    "ป้อนที่อยู่อีเมลที่ถูกต้อง",
    "მიუთითეთ სწორი მისამართი.",
    "Մուտքագրեք ճիշտ հասցե։",
]
TABLES = [line for line in LINES if "bytes cut" not in line.name]
NAMED = {line.key: line for line in LINES}


@pytest.fixture(scope="session")
def tables(sound: Release) -> dict[Key, pa.Table]:
    return read_tables(sound)


def _line(start: str) -> Line:
    return next(line for key, line in NAMED.items() if key.startswith(start))


def _differing(before: pa.Table, after: pa.Table, *columns: str) -> int:
    """Return the rows that are not in the other table, by id and some columns."""
    rows = [Counter(zip(*(t[name].to_pylist() for name in ("id", *columns)), strict=True)) for t in (before, after)]
    return sum((rows[1] - rows[0]).values())


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.key)
def test_a_mutation_is_sealed_again_and_leaves_the_rest_as_it_was(
    line: Line, sound: Release, tables: dict[Key, pa.Table], tmp_path: Path
) -> None:
    before = {file.path: file.sha256 for file in sound.files}
    change = line.mutate(tables, 1)
    release = write_change(sound, tables, change, tmp_path / "release", seed=1)
    _, findings = verify_release(release.path)
    assert [finding.path for finding in findings] == ([change.cut] if change.cut else [])
    for path, digest in before.items():
        shard = layout.parse_shard(path)
        assert sha256_file(sound.path / path) == digest, "the sound release is only read"
        if path != change.cut and path != layout.STATS and (shard is None or shard[1:] not in change.tables):
            assert sha256_file(release.path / path) == digest
            assert (release.path / path).samefile(sound.path / path)
    for split in release.splits if not change.cut else []:
        texts = release.read("data", split=split).drop_columns(["language"])
        full = release.read("full", split=split, columns=texts.column_names)
        assert texts.equals(full), "both views are changed alike"


@pytest.mark.parametrize("line", TABLES, ids=lambda line: line.key)
def test_a_mutation_is_the_same_for_a_seed_and_another_for_another(line: Line, tables: dict[Key, pa.Table]) -> None:
    first, again, other = (line.mutate(tables, seed).tables for seed in (1, 1, 2))
    assert first.keys() == again.keys()
    assert all(first[key].equals(again[key]) for key in first)
    # What takes all, or the end of a file, leaves nothing to a seed but the language; here one alone is large enough.
    if line.share in ("all rows", "a third of one language"):
        assert all(first[key].equals(other[key]) for key in first)
    else:
        assert first.keys() != other.keys() or not all(first[key].equals(other[key]) for key in first)


@pytest.mark.parametrize(
    ("start", "share", "column"),
    [
        ("shuffled-pairs-3", 0.03, "positive"),
        ("shuffled-pairs-10", 0.1, "positive"),
        ("shuffled-pairs-30", 0.3, "positive"),
        ("swapped-sides-all", 1.0, "positive"),
        ("swapped-sides-30", 0.3, "positive"),
    ],
)
def test_the_stated_share_of_pairs_is_changed(
    start: str, share: float, column: str, tables: dict[Key, pa.Table]
) -> None:
    changed = _line(start).mutate(tables, 3).tables
    for key, after in changed.items():
        rows = tables[key].num_rows
        # Whole rows; and two of the drawn rows may hold the same text.
        assert abs(_differing(tables[key], after, column) - share * rows) <= 1 + 0.05 * share * rows
        if start.startswith("shuffled"):
            assert Counter(after[column].to_pylist()) == Counter(tables[key][column].to_pylist())
            assert after["anchor"].equals(tables[key]["anchor"])


@pytest.mark.parametrize("share", [10, 30])
def test_the_stated_share_of_rows_says_another_language(share: int, tables: dict[Key, pa.Table]) -> None:
    changed = _line(f"wrong-language-labels-{share}").mutate(tables, 3).tables
    old = {i: code for (code, split), t in tables.items() if split == "train" for i in t["id"].to_pylist()}
    new = {i: code for (code, _), t in changed.items() for i in t["id"].to_pylist()}
    assert new.keys() == old.keys()
    moved = sum(old[name] != new[name] for name in old)
    assert moved == sum(round(share / 100 * t.num_rows) for (_, split), t in tables.items() if split == "train")
    assert all(set(t["language"].to_pylist()) == {code} for (code, _), t in changed.items())


@pytest.mark.parametrize(("start", "share"), [("leaked-test-rows-verbatim", 5), ("leaked-test-rows-edited", 20)])
def test_the_stated_share_of_test_rows_is_added_to_training(
    start: str, share: int, tables: dict[Key, pa.Table]
) -> None:
    for (code, _), after in _line(f"{start}-{share}").mutate(tables, 3).tables.items():
        train, test = tables[code, "train"], tables[code, "test"]
        added = Counter(zip(after["anchor"].to_pylist(), after["positive"].to_pylist(), strict=True))
        added -= Counter(zip(train["anchor"].to_pylist(), train["positive"].to_pylist(), strict=True))
        held = Counter(zip(test["anchor"].to_pylist(), test["positive"].to_pylist(), strict=True))
        assert sum(added.values()) == round(share / 100 * test.num_rows)
        assert (added <= held) == ("verbatim" in start)
        assert len(set(after["id"].to_pylist())) == after.num_rows
        assert not set(test["id"].to_pylist()) & set(after["id"].to_pylist())


@pytest.mark.parametrize("how", ["verbatim", "one-word-changed"])
@pytest.mark.parametrize("share", [10, 30])
def test_the_stated_share_of_negatives_is_right(how: str, share: int, tables: dict[Key, pa.Table]) -> None:
    changed = _line(f"negatives-that-are-positives-{how}-{share}").mutate(tables, 3).tables
    assert changed
    for key, after in changed.items():
        names, positives = negative_columns(after), after["positive"].to_pylist()
        pairs = [
            (new, old, right)
            for name in names
            for new, old, right in zip(after[name].to_pylist(), tables[key][name].to_pylist(), positives, strict=True)
        ]
        assert abs(sum(new != old for new, old, _ in pairs) - share / 100 * len(pairs)) <= 1 + 0.01 * len(pairs)
        assert all((new == right) == (how == "verbatim") for new, old, right in pairs if new != old)


@pytest.mark.parametrize("start", ["duplicates-verbatim", "duplicates-one-word-changed"])
def test_rows_are_added_once_more(start: str, tables: dict[Key, pa.Table]) -> None:
    for key, after in _line(start).mutate(tables, 3).tables.items():
        assert after.num_rows == tables[key].num_rows + round(0.3 * tables[key].num_rows)
        assert len(set(after["id"].to_pylist())) == after.num_rows


@pytest.mark.parametrize(("start", "nothing"), [("null-negatives", None), ("empty-negatives", "")])
def test_negatives_are_no_texts(start: str, nothing: str | None, tables: dict[Key, pa.Table]) -> None:
    for after in _line(start).mutate(tables, 3).tables.values():
        cells = [text for name in negative_columns(after) for text in after[name].to_pylist()]
        assert cells.count(nothing) == round(0.1 * len(cells))
        assert after.schema.field("negative_1").nullable == (nothing is None)


def test_clean_releases_keep_groups_whole(tables: dict[Key, pa.Table]) -> None:
    kept = {**tables, **resample(tables, 3).tables}
    groups = {group for t in tables.values() for group in t["group"].to_pylist()}
    left = {group for t in kept.values() for group in t["group"].to_pylist()}
    assert len(left) == round(0.9 * len(groups))
    assert sum(t.num_rows for t in kept.values()) == sum(
        group in left for t in tables.values() for group in t["group"].to_pylist()
    )


@pytest.mark.parametrize("text", SENTENCES)
def test_edits_change_a_text_a_little(text: str) -> None:
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    assert light_edit(text, 1) != text
    assert change_word(text, words, 1) != text
    assert len(as_noise(text, "абв", 1)) == len(text)
    assert sorted("".join(shuffle_words(text, 1).split())) == sorted("".join(text.split()))
    assert shuffle_words(text, 1) != text


@given(st.text(min_size=1).filter(str.strip), st.integers(0, 3))
@example("\x1f㩥\r", 0)
def test_edits_of_any_text_are_texts(text: str, seed: int) -> None:
    for edited in (light_edit(text, seed), change_word(text, ["ja", "nein"], seed, drop=True)):
        assert edited.strip()
        assert edited != text


def test_checks_that_need_a_baseline_count_with_it_only() -> None:
    names = ("signal.baseline_loss", "signal.alignment.rise", "signal.alignment.language_rise", "signal.alignment")
    assert [needs_baseline(name) for name in names] == [True, True, True, False]
    line = _line("shuffled-pairs-3")
    check = {"status": "fail", "severity": "block", "language": "", "value": 1.0, "threshold": 0.0, "detail": ""}
    result = {
        "line": line.key,
        "seed": 0,
        "status": "fail",
        "cpu_s": 2.0,
        "versions": {"torch": "2"},
        "date": "2026-01-02",
    }
    result["checks"] = [check | {"id": "signal.alignment.rise"}, check | {"id": "data.x", "severity": "warn"}]
    assert failed(result, baseline=False) == []
    assert failed(result, baseline=True) == ["signal.alignment.rise"]
    assert "| 1 | 0 / 1 | 0 / 1 | `signal.alignment.rise` 1 |" in table([result])


def test_the_values_of_clean_releases_stand_beside_the_bounds() -> None:
    def check(**values: object) -> dict[str, object]:
        return {"id": "a.b", "status": "pass", "severity": "block", "language": "", "detail": "", **values}

    checks = [
        [check(value=value, op="<=", threshold=0.3, status=status), check(id="a.c", value=0.0, op="==", threshold=0.0)]
        for value, status in ((0.1, "pass"), (0.42, "fail"))
    ]
    skipped = check(value=None, op="", threshold=None, status="skipped")
    results = [
        {"line": "clean", "seed": seed, "status": "pass", "cpu_s": 2.0, "versions": {}, "date": "2026-01-02"}
        | {"checks": [*found, skipped]}
        for seed, found in enumerate(checks)
    ]
    printed = table(results)
    assert "| `a.b` | <= 0.3 | 0.1 to 0.42 | 1 of 2 |" in printed
    assert "`a.c`" not in printed
    assert "1 of 2 failed without a baseline" in printed


# Newcombe (1998), Statistics in Medicine 17, table I: method 3.
@pytest.mark.parametrize(("failures", "runs", "upper"), [(0, 20, 0.1611), (1, 29, 0.1718), (81, 263, 0.3662)])
def test_wilson(failures: int, runs: int, upper: float) -> None:
    assert wilson_upper(failures, runs) == pytest.approx(upper, abs=1e-4)


# The quickstart's source in a tenth of its languages: a language has 700 pairs, as there.
AMPLE = """\
name: ample
sources:
  - name: django
    format: gettext
    path: package:django/**/LC_MESSAGES/*.po
    locales: [ar, de, el, fi, he, ja, ka, ko, ru, zh_Hans]
    licence: BSD-3-Clause
    task: bitext
"""


@pytest.fixture(scope="session")
def ample(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of which a language has enough rows to speak for itself, and a model enough to learn from."""
    out = tmp_path_factory.mktemp("ample")
    run(parse_config(AMPLE), out, out / "run", RunOptions(), Silent())
    return open_release(out / "run" / "release")


@pytest.fixture(scope="session")
def ample_tables(ample: Release) -> dict[Key, pa.Table]:
    return read_tables(ample)


# The suite of `benchmarks/gate.py` has all lines: of those that a model is trained for, one is enough here.
_SEEN = [line for line in LINES if not line.trained or line.key == "shuffled-pairs-30-of-train"]


@pytest.mark.soak
@pytest.mark.parametrize("line", _SEEN, ids=lambda line: line.key)
def test_the_right_check_names_it(
    line: Line, ample: Release, ample_tables: dict[Key, pa.Table], tmp_path: Path
) -> None:
    release = write_change(ample, ample_tables, line.mutate(ample_tables, 1), tmp_path / "release", seed=1)
    verdict = run_gate(release, training=Training(enabled=line.trained), cache=tmp_path)
    names = [check.id for check in verdict.checks if check.status == "fail" and check.severity == "block"]
    assert any(line.is_right(name) for name in names), names


@pytest.mark.soak
def test_the_release_that_is_mutated_passes(ample: Release, tmp_path: Path) -> None:
    assert run_gate(ample, cache=tmp_path).status == "pass"
