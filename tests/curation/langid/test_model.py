from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.langid.answers import spread
from curation.langid.model import COUNT, EMBEDDED, FLOOR, load, meaning

LINES = [
    "Wo ist der Bahnhof, bitte?",
    "Где находится вокзал?",
    "أين المحطة من فضلك؟",
    "स्टेशन कहाँ है?",
    "สถานีอยู่ที่ไหน",
    "駅はどこですか",
    "",
    "12",
]


def test_the_embedded_model_is_loaded_once() -> None:
    assert load() is load()
    assert load(EMBEDDED).labels == load().labels
    assert len(load().labels) == len(load().meanings) == 176
    assert list(load().labels) == sorted(load().labels)


def test_every_label_of_the_embedded_model_means_one_language() -> None:
    assert [label for label, meant in zip(load().labels, load().meanings, strict=True) if not meant] == []
    assert all(len({language.base for language in meant}) == 1 for meant in load().meanings)
    assert {"eng_Latn", "srp_Cyrl", "srp_Latn", "cmn_Hans", "gsw_Latn", "als_Latn"} <= load().codes()
    assert not {"kaz_Latn", "xho_Latn", "ber_Tfng"} & load().codes()


@pytest.mark.parametrize("name", ["lid.999", "nowhere/lid.bin"])
def test_a_model_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(name)
    assert repr(name) in caught.value.what
    assert caught.value.where == "identify.model"


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no language identification model"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("label", "codes"),
    [
        ("en", ["eng_Latn"]),
        ("als", ["gsw_Latn"]),
        ("sq", ["als_Latn"]),
        ("no", ["nob_Latn"]),
        ("sr", ["srp_Cyrl", "srp_Latn"]),
        ("zh", ["cmn_Hans", "cmn_Hant"]),
        ("bh", ["bho_Deva"]),
        ("als_Latn", ["als_Latn"]),
        ("ekk_Latn", ["est_Latn"]),
        ("cmn_Hani", ["cmn_Hans", "cmn_Hant"]),
        ("srp_Cyrl", ["srp_Cyrl"]),
        ("hin_Latn", ["hin_Latn"]),
        ("vro_Latn", ["vro_Latn"]),
        ("und_Latn", []),
        ("zxx_Zzzz", []),
        ("mul", []),
        ("spam", []),
        ("xqz", []),
    ],
)
def test_labels_are_read_as_languages(label: str, codes: list[str]) -> None:
    assert [language.code for language in meaning(label)] == codes


def test_the_likeliest_labels_are_those_of_all_labels() -> None:
    answers, all_of_them = load().likeliest(LINES), load().probabilities(LINES)
    few = spread(answers.scores, answers.labels, len(load().labels))
    assert few.shape == (8, 176)
    assert few.dtype == np.float32
    assert ((few > 0).sum(axis=1) <= COUNT).all()
    assert ((few == 0) | (few >= FLOOR)).all()
    assert (few[few > 0] == all_of_them[few > 0]).all()
    assert (
        np.where(few > 0, 0, all_of_them).max(axis=1) <= np.maximum(FLOOR, few.min(axis=1, where=few > 0, initial=1))
    ).all()
    languages = [load().meanings[label][0].code for label in few.argmax(axis=1)[:6]]
    assert languages == ["deu_Latn", "rus_Cyrl", "arb_Arab", "hin_Deva", "tha_Thai", "jpn_Jpan"]


def test_all_probabilities_are_one_together() -> None:
    rows = load().probabilities(LINES)
    assert (rows <= 1).all()
    assert rows.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-3)


def test_no_texts_have_no_answers() -> None:
    assert load().likeliest([]).scores.shape == (0, COUNT)
    assert load().probabilities([]).shape == (0, 176)


def test_a_text_is_asked_about_once() -> None:
    asked: list[str] = []

    def predict(line: str, count: int, floor: float, errors: str) -> list[tuple[float, str]]:
        asked.append(line)
        return load().predict(line, count, floor, errors)

    model = replace(load(), predict=predict)
    first, again = model.likeliest(LINES[:3]), model.likeliest(LINES[:4][::-1])
    assert asked == [line + "\n" for line in LINES[:4]]
    assert (again.take(np.array([3, 2, 1])).scores == first.scores).all()
    assert (again.labels[[3, 2, 1]] == first.labels).all()
    assert (again.scores == load().likeliest(LINES[:4][::-1]).scores).all()


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_each_text_is_judged_by_itself(lines: list[str]) -> None:
    whole = dict(zip(LINES, load().probabilities(LINES), strict=True))
    rows = load().probabilities(lines)
    assert all((row == whole[line]).all() for line, row in zip(lines, rows, strict=True))
