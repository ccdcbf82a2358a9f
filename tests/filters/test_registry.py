from __future__ import annotations

from collections import Counter
from pathlib import Path

from filters.registry import FILTERS, PAIR_SCORES, SIDE_SCORES, score_versions
from language_configs.bounds import Bounds, profile, profile_names


def test_every_bound_has_its_filter_and_every_filter_its_bound():
    assert {each.name for each in FILTERS} == set(Bounds.model_fields)


def test_filters_judge_in_the_order_of_the_bounds():
    assert [each.name for each in FILTERS] == list(Bounds.model_fields)


def test_directions_follow_the_names():
    for each in FILTERS:
        assert each.direction == ("at_least" if each.name.startswith("min_") else "at_most")


CHANGED = {"markup_share": 2, "markup_difference": 2}


def test_scores_have_a_name_of_their_own_and_a_version():
    names = Counter(score.name for score in (*SIDE_SCORES, *PAIR_SCORES))
    assert set(names.values()) == {1}
    assert score_versions() == dict.fromkeys(names, 1) | CHANGED


def test_every_filter_is_on_in_some_role_of_every_profile():
    for name in profile_names():
        on = {key for bounds in profile(name).values() for key, value in bounds.set_here().items() if value is not None}
        assert on == set(Bounds.model_fields), name


def test_every_bound_is_in_the_documents_table_with_its_default():
    lines = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8").splitlines()
    table = {cells[1].strip(" `"): cells for line in lines if len(cells := line.split("|")) == 7}
    for name, value in profile("standard")["sentence"].set_here().items():
        assert float(table[name][4].replace(",", "")) == value, name
