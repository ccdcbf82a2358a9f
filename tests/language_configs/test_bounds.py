from __future__ import annotations

from importlib.resources import files

import pytest
from pydantic import ValidationError

from curation.config.model import Filters
from language_configs.bounds import ROLES, Bounds, profile, profile_names
from language_configs.files import read_yaml


def test_what_is_set_replaces_what_is_below_it_and_null_switches_off():
    base = Bounds(min_chars=2, max_chars=100, max_repetition=0.6)
    over = Bounds(max_chars=50, max_repetition=None).over(base)
    assert over.set_here() == {"min_chars": 2, "max_chars": 50, "max_repetition": None}


@pytest.mark.parametrize(
    "bounds", [Bounds(), Bounds(min_chars=3), Bounds(max_repetition=None, max_chars=9), Filters(min_chars=None)]
)
def test_what_is_written_down_reads_back_with_the_same_meaning(bounds):
    again = type(bounds).model_validate(bounds.model_dump(mode="json"))
    assert again == bounds
    assert again.set_here() == bounds.set_here()


def test_null_of_a_data_file_is_none():
    assert Bounds.model_validate({"min_letter_share": "null", "max_chars": "9"}).set_here() == {
        "max_chars": 9,
        "min_letter_share": None,
    }


@pytest.mark.parametrize(
    "wrong", [{"min_chars": 0}, {"max_repetition": 1.2}, {"max_length_ratio": 1.0}, {"min_char": 1}]
)
def test_bounds_out_of_range_and_unknown_ones_are_refused(wrong):
    with pytest.raises(ValidationError):
        Bounds.model_validate(wrong)


def test_there_are_three_profiles():
    assert profile_names() == ("lenient", "standard", "strict")
    with pytest.raises(ValueError, match="there are lenient, standard, strict"):
        profile("hard")


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("role", ROLES)
def test_a_profile_says_something_about_every_bound(name, role):
    assert set(profile(name)[role].set_here()) == set(Bounds.model_fields)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bound", Bounds.model_fields)
def test_profiles_rise_from_lenient_to_strict(role, bound):
    values = [getattr(profile(name)[role], bound) for name in ("lenient", "standard", "strict")]
    assert len({value is None for value in values}) == 1
    if values[0] is not None:
        assert values == sorted(values, reverse=not bound.startswith("min_"))


def test_profiles_name_roles_and_nothing_else():
    for name in profile_names():
        assert set(read_yaml(files("language_configs") / "profiles" / f"{name}.yml")) <= {"all", *ROLES}
