from __future__ import annotations

import pytest

from curation.config.model import Filters
from filters.registry import configured_filters, describe, filter_names

ALL_OFF = Filters(
    min_chars=None,
    max_chars=None,
    min_letter_share=None,
    max_length_ratio=None,
    max_copy_similarity=None,
    max_repetition=None,
    max_mojibake_share=None,
    max_markup_share=None,
    check_placeholders=False,
    check_numbers=False,
)


def test_every_knob_of_the_config_is_a_filter():
    assert set(filter_names(Filters())) == set(Filters.model_fields)


def test_nothing_is_configured_when_every_knob_is_off():
    assert configured_filters(ALL_OFF) == ()


@pytest.mark.parametrize("knob", Filters.model_fields)
def test_each_knob_switches_its_own_filter(knob):
    switched_on = ALL_OFF.model_copy(update={knob: getattr(Filters(), knob)})
    assert filter_names(switched_on) == [knob]


def test_the_order_does_not_depend_on_which_are_configured():
    everything = filter_names(Filters())
    fewer = filter_names(Filters(max_chars=None, check_numbers=False))
    assert fewer == [name for name in everything if name not in ("max_chars", "check_numbers")]


def test_directions_follow_the_names():
    for name, direction, _ in describe(Filters()):
        assert direction == ("at_most" if name.startswith("max_") else "at_least")


def test_thresholds_are_those_of_the_config():
    thresholds = {name: threshold for name, _, threshold in describe(Filters(max_length_ratio=4.5))}
    assert thresholds["max_length_ratio"] == 4.5
    assert thresholds["max_mojibake_share"] == 0.0
    assert thresholds["check_placeholders"] == 1.0
    assert thresholds["check_numbers"] == 0.5
