"""Bounds fitted to sound texts: never tighter, and loose enough."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.calibrate import bounds_of, fit_bounds
from language_configs import resolve
from language_configs.bounds import Bounds

SENTENCES = {
    "eng": "The children have been playing in the garden.",
    "rus": "Дети с самого утра играют в саду.",
    "hin": "बच्चे आज सुबह से बगीचे में खेल रहे हैं।",
    "tha": "เด็ก ๆ เล่นอยู่ในสวนตั้งแต่เช้านี้",
    "jpn": "子どもたちは今朝からずっと庭で遊んでいます。",
    "arb": "يلعب الأطفال في الحديقة منذ هذا الصباح.",
    "kor": "아이들은 오늘 아침부터 정원에서 놀고 있어요.",
    "amh": "ልጆቹ ከዛሬ ጠዋት ጀምሮ በአትክልቱ ውስጥ እየተጫወቱ ነው።",
    "kat": "ბავშვები დილიდან ბაღში თამაშობენ.",
    "tam": "குழந்தைகள் காலை முதல் தோட்டத்தில் விளையாடுகிறார்கள்.",
    "khm": "ក្មេងៗកំពុងលេងនៅក្នុងសួនតាំងពីព្រឹកមិញ។",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_sound_texts_change_no_bound(code: str, text: str) -> None:
    fits = fit_bounds(pa.array([text] * 50), resolve(code), "sentence", max_dropped=0.005)
    assert {fit.name for fit in fits} >= {"min_chars", "max_chars", "min_letter_share", "max_repetition"}
    assert all(fit.dropped == 0 and fit.fitted == fit.bound and not fit.samples for fit in fits)
    assert bounds_of(fits) == Bounds()


def test_a_bound_that_drops_sound_texts_is_made_looser() -> None:
    # Every tenth line is a list of figures: 16 letters of 96 visible characters.
    texts = ["Die Tabelle zeigt die Zahlen des Jahres."] * 90
    texts += [" ".join(["1234", "5678"] * 10) + " Summe aller Werte"] * 10
    fits = {fit.name: fit for fit in fit_bounds(pa.array(texts), resolve("deu"), "sentence", max_dropped=0.01)}
    letters, digits = fits["min_letter_share"], fits["max_digit_share"]
    assert (letters.dropped, digits.dropped) == (0.1, 0.1)
    assert letters.fitted == 0.15
    assert digits.fitted == 0.85
    assert letters.samples == (texts[-1],) * 3
    assert bounds_of(list(fits.values())).model_dump() == {
        fit.name: fit.fitted for fit in fits.values() if fit.fitted != fit.bound
    }
    assert {"min_letter_share", "max_digit_share"} <= bounds_of(list(fits.values())).set_here().keys()


def test_lines_that_are_mostly_dropped_are_not_believed() -> None:
    fits = fit_bounds(pa.array([SENTENCES["tha"]] * 9 + ["isiXhosa"]), resolve("xho"), "sentence", max_dropped=0.005)
    (foreign,) = (fit for fit in fits if fit.name == "max_foreign_share")
    assert (foreign.dropped, foreign.fitted) == (0.9, None)
    assert bounds_of(fits) == Bounds()


@given(st.lists(st.sampled_from([*SENTENCES.values(), "12 345", "a", "<b>x</b>", "…"]), min_size=1, max_size=40))
@settings(max_examples=40)
def test_a_fitted_bound_drops_no_more_than_allowed(texts: list[str]) -> None:
    english = resolve("eng")
    for fit in fit_bounds(pa.array(texts), english, "sentence", max_dropped=0.1):
        if fit.fitted is not None:
            assert fit.fitted <= fit.bound if fit.direction == "at_least" else fit.fitted >= fit.bound
            loose = english.model_copy(update={"filters": {"sentence": Bounds.model_validate({fit.name: fit.fitted})}})
            again = fit_bounds(pa.array(texts), loose, "sentence", max_dropped=0.1)
            assert next(other for other in again if other.name == fit.name).dropped <= 0.1
