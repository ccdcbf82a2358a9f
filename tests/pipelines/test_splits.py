"""No text, document or pair of similar texts stands in two splits: shown on whole runs, by comparing everything."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import Silent
from worlds_of_groups import THRESHOLD, are_similar, brute_force, components_of, texts_of

from curation.config import RunConfig, parse_config
from curation.gate.data.corpus import read_corpus
from curation.gate.data.leaks import check_leaks
from curation.release import Release, open_release
from pipelines.explain import explain
from pipelines.run import RunOptions, plan_run, run

CONFIG = """\
name: talks
seed: 5
sources:
  - name: talks
    format: jsonl
    path: talks.jsonl
    licence: CC0-1.0
    task: retrieval
    query_language: eng_Latn
    positive_language: {column: language}
    columns: {query: question, positive: passage, document: talk}
  - name: sentences
    format: jsonl
    path: sentences.jsonl
    licence: CC0-1.0
    task: bitext
    query_language: {column: from}
    positive_language: {column: to}
  - name: topics
    format: jsonl
    path: topics.jsonl
    licence: CC0-1.0
    task: classification
    query_language: {column: language}
    positive_language: eng_Latn
    columns: {label: positive}
identify: {enabled: false}
filters: {profile: lenient}
split: {test: 0.25, validation: 0.15}
mining: {enabled: false}
training: {enabled: false}
gate: {enabled: false}
"""
WORDS = {
    "eng_Latn": "harbour morning empty boat water stone bread evening lantern winter garden people river silent market",
    "rus_Cyrl": "гавань утро пустой лодка вода камень хлеб вечер фонарь зима сад люди река тихий рынок",
    "hin_Deva": "बंदरगाह सुबह खाली नाव पानी पत्थर रोटी शाम लालटेन सर्दी बगीचा लोग नदी शांत बाज़ार",
    "arb_Arab": "ميناء صباح فارغ قارب ماء حجر خبز مساء فانوس شتاء حديقة ناس نهر هادئ سوق",
    "ell_Grek": "λιμάνι πρωί άδειο βάρκα νερό πέτρα ψωμί βράδυ φανάρι χειμώνας κήπος άνθρωποι ποτάμι ήσυχο αγορά",
    "kat_Geor": "ნავსადგური დილა ცარიელი ნავი წყალი ქვა პური საღამო ფარანი ზამთარი ბაღი ხალხი მდინარე ჩუმი ბაზარი",
    "hye_Armn": "նավահանգիստ առավոտ դատարկ նավակ ջուր քար հաց երեկո լապտեր ձմեռ այգի մարդիկ գետ լուռ շուկա",
    "heb_Hebr": "נמל בוקר ריק סירה מים אבן לחם ערב פנס חורף גינה אנשים נהר שקט שוק",
    "amh_Ethi": "ወደብ ጠዋት ባዶ ጀልባ ውሃ ድንጋይ ዳቦ ምሽት ፋኖስ ክረምት አትክልት ሰዎች ወንዝ ጸጥተኛ ገበያ",
    "tam_Taml": "துறைமுகம் காலை காலியான படகு தண்ணீர் கல் ரொட்டி மாலை விளக்கு குளிர்காலம் தோட்டம் மக்கள் ஆறு அமைதியான சந்தை",
    "ben_Beng": "বন্দর সকাল খালি নৌকা জল পাথর রুটি সন্ধ্যা লণ্ঠন শীত বাগান মানুষ নদী শান্ত বাজার",
}
LANGUAGES = sorted(WORDS)


def sentence(language: str, key: object) -> str:
    """Return the sentence of a language by a key: of words in an order of its own."""
    return " ".join(random.Random(f"{language} {key}").choices(WORDS[language].split(), k=9)) + f" {key}"


def talks() -> Iterator[dict[str, Any]]:
    """Yield passages of forty talks; some passages are quoted in another talk, with a word more."""
    for talk, part in itertools.product(range(40), range(4)):
        language = LANGUAGES[talk % len(LANGUAGES)]
        quoted = part == 3 and talk % 5 == 0
        passage = sentence(language, f"{talk + 11 * quoted}.0") + (" !" if quoted else "")
        yield {
            "question": sentence("eng_Latn", f"{talk}?{part}"),
            "passage": passage if part in (0, 3) else sentence(language, f"{talk}.{part}"),
            "talk": talk,
            "language": language,
        }


def sentences() -> Iterator[dict[str, Any]]:
    """Yield sentences in both directions, with English and between others; some with a comma more."""
    others = [language for language in LANGUAGES if language != "eng_Latn"]
    for key in range(60):
        first, second = others[key % len(others)], others[(key + 3) % len(others)]
        english = sentence("eng_Latn", key)
        yield {"query": english, "positive": sentence(first, key), "from": "eng_Latn", "to": first}
        yield {"query": sentence(second, key), "positive": english + ",", "from": second, "to": "eng_Latn"}
        yield {"query": sentence(first, key), "positive": sentence(second, f"{key}b"), "from": first, "to": second}


def topics() -> Iterator[dict[str, Any]]:
    """Yield texts of three classes; each class has more texts than may be in one component that is held out."""
    for key in range(330):
        language = LANGUAGES[key % len(LANGUAGES)]
        yield {
            "query": sentence(language, f"{key} topic"),
            "positive": ("Sport", "News", "Music")[key % 3],
            "language": language,
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the three sources."""
    path = tmp_path_factory.mktemp("talks")
    for name, rows in (("talks", talks()), ("sentences", sentences()), ("topics", topics())):
        lines = [json.dumps({key: str(value) for key, value in row.items()}, ensure_ascii=False) for row in rows]
        (path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return path


def config_of(partitions: int = 1, **split: object) -> RunConfig:
    config = parse_config(CONFIG)
    engine = config.engine.model_copy(update={"partitions": partitions})
    return config.model_copy(update={"engine": engine, "split": config.split.model_copy(update=split)})


def rows_of(release: Release) -> list[dict[str, Any]]:
    columns = ["id", "anchor", "positive", "source", "document", "group", "task", "component"]
    rows = [
        row | {"query": row["anchor"], "split": split}
        for split in release.splits
        for row in release.read("full", split=split, columns=columns).to_pylist()
    ]
    return sorted(rows, key=lambda row: str(row["id"]))


def drawn(folder: Path, out: Path, config: RunConfig, options: RunOptions) -> list[dict[str, Any]]:
    return rows_of(open_release(run(config, folder, out, options, Silent())))


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run in one partition."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(config_of(), folder, out, RunOptions(), Silent())
    return out


def leaks(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the texts and documents that stand in two splits, and the similar texts."""
    splits: dict[object, set[str]] = {}
    for row in rows:
        keys: list[object] = [*texts_of(row)]
        for key in keys + ([(row["source"], row["document"])] if row["document"] else []):
            splits.setdefault(key, set()).add(row["split"])
    found = [("twice", str(key)) for key, names in splits.items() if len(names) > 1]
    texts = [(key, names) for key, names in splits.items() if isinstance(key, str)]
    for (one, here), (other, there) in itertools.combinations(texts, 2):
        if here != there and are_similar(one, other, THRESHOLD):
            found.append((one, other))
    return found


def test_nothing_stands_in_two_splits(whole: Path) -> None:
    rows = rows_of(open_release(whole / "release"))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert leaks(rows) == []
    # The test would see a leak: drawn row by row there are many, of each kind.
    torn = [row | {"split": ("train", "test")[number % 2]} for number, row in enumerate(rows[::3])]
    assert {kind == "twice" for kind, _ in leaks(torn)} == {True, False}


def test_components_are_those_of_brute_force(whole: Path) -> None:
    import pyarrow as pa

    rows = rows_of(open_release(whole / "release"))
    found = components_of(pa.table({name: [row[name] for row in rows] for name in ("id", "component")}))
    assert found == brute_force(rows, THRESHOLD)
    assert max(map(len, found)) > 5


@pytest.mark.parametrize(
    ("partitions", "options"),
    [
        (3, RunOptions()),
        pytest.param(7, RunOptions(workers=2), marks=pytest.mark.slow),
        pytest.param(1, RunOptions(engine="beam"), marks=pytest.mark.slow),
        (3, RunOptions(engine="beam")),
        pytest.param(7, RunOptions(engine="beam"), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_engine_and_cut_draws_the_same(
    folder: Path, whole: Path, tmp_path: Path, partitions: int, options: RunOptions
) -> None:
    release = open_release(whole / "release")
    assert drawn(folder, tmp_path, config_of(partitions), options) == rows_of(release)
    assert open_release(tmp_path / "release").stats["splits"] == release.stats["splits"]


def test_no_record_is_lost_to_a_split_and_the_gate_finds_no_leak(whole: Path) -> None:
    release = open_release(whole / "release")
    funnel = {row["stage"]: row for row in release.stats["funnel"]}
    assert all(funnel[stage]["in"] == funnel[stage]["out"] > 600 for stage in ("group", "split"))
    checks = check_leaks(read_corpus(release), parse_config(CONFIG).gate)
    # Classes stand in all splits, and are no leak.
    assert [check.value for check in checks] == [0.0] * 4
    assert release.stats["splits"]["records"] == funnel["split"]["out"]


def test_a_component_above_the_bound_is_in_train_with_all_of_its_records(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for name in ("sentences", "topics"):
        (tmp_path / "base" / f"{name}.jsonl").write_bytes((folder / f"{name}.jsonl").read_bytes())
    one_talk = [row | {"talk": "one"} for row in talks()]
    (tmp_path / "base" / "talks.jsonl").write_text("\n".join(map(json.dumps, one_talk)), encoding="utf-8")
    rows = drawn(tmp_path / "base", tmp_path / "run", config_of(test=0.7, validation=0.29), RunOptions())
    assert {row["split"] for row in rows if row["source"] == "talks"} == {"train"}
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    said = open_release(tmp_path / "run" / "release").stats["splits"]
    assert said["held_in_train"] == {"records": said["largest"], "components": 1}
    assert said["largest"] > said["largest_held_out"] == 100


def test_another_share_draws_again_from_the_same_components(folder: Path, whole: Path) -> None:
    def cached(**split: object) -> set[str]:
        plan = plan_run(config_of(**split), folder, whole, RunOptions())  # type: ignore[arg-type]
        return {stage["stage"] for stage in plan["stages"] if stage["cached"]}

    assert {"group"} == cached(test=0.3) - cached(near_duplicates=False)
    assert "split" not in cached(test=0.3)
    # Where nothing is held out, similar texts are not looked for.
    assert "group" not in cached(test=0.0, validation=0.0)


def test_a_record_is_told_its_component(whole: Path) -> None:
    row = rows_of(open_release(whole / "release"))[0]
    steps = {step.stage: step.details[0]["name"] for step in explain(row["id"], whole).steps if step.details}
    assert row["component"] in steps["group"]
    assert row["split"] in steps["split"]


def test_the_messages_of_the_finished_run_do_not_leak(finished: Path) -> None:
    assert leaks(rows_of(open_release(finished / "release"))) == []
