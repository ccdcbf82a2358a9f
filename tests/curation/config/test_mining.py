from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from curation.config.mining import Mining, PoolQuota, Quantile
from curation.config.presets import PRESETS, Preset
from curation.mining.rules import Rules

RULES = (
    "num_negatives",
    "top_k",
    "skip_rank",
    "skip_survivors",
    "max_score",
    "min_score",
    "max_positive_ratio",
    "positive_margin",
    "sampling",
)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        (None, (7, 100, 5, 0, 0.8, None, 0.95, None, "top")),
        ("f2llm", (24, 100, 5, 0, 0.8, None, 0.95, None, "top")),
        ("nv-percpos95", (4, 100, 0, 0, None, None, 0.95, None, "top")),
        ("bge-10-210", (15, 210, 10, 0, None, None, None, None, "random")),
        ("kalm-50-100", (7, 100, 50, 0, None, None, None, None, "random")),
        ("st-default", (3, 3, 0, 0, None, None, None, None, "top")),
    ],
)
def test_a_preset_fills_in_the_rules_of_its_recipe(preset: str | None, expected: tuple[object, ...]) -> None:
    options = Mining() if preset is None else Mining(preset=preset)  # type: ignore[arg-type]
    assert tuple(getattr(options, name) for name in RULES) == expected
    assert options.negatives_by_task == ({"classification": 1} if preset == "f2llm" else {})


def test_every_name_of_a_preset_has_its_rules_and_no_other() -> None:
    assert set(PRESETS) == set(get_args(Preset))
    assert all(set(rules) <= set(Mining.model_fields) for rules in PRESETS.values())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_negatives", 2),
        ("top_k", 150),
        ("skip_rank", 0),
        ("skip_rank", 1),
        ("max_score", 0.5),
        ("max_score", None),
        ("max_positive_ratio", 0.9),
        ("max_positive_ratio", None),
        ("sampling", "top"),
        ("sampling", "random"),
        ("negatives_by_task", {}),
        ("negatives_by_task", {"clustering": 2}),
    ],
)
def test_what_a_config_says_itself_wins_over_the_preset(preset: str, name: str, value: object) -> None:
    options = Mining.model_validate({"preset": preset, name: value})
    assert getattr(options, name) == value
    others = {other: given for other, given in PRESETS[preset].items() if other != name}
    assert {other: getattr(options, other) for other in others} == others


def test_a_preset_changes_no_defaults_for_the_next_config() -> None:
    before = Mining()
    Mining(preset="bge-10-210")
    assert Mining() == before


@pytest.mark.parametrize("given", ["lexical", {"model": "lexical"}])
def test_a_teacher_may_be_a_name(given: object) -> None:
    assert Mining.model_validate({"teacher": given}).teacher.model == "lexical"


@pytest.mark.parametrize(
    ("pools", "num_negatives"),
    [
        ([{}], 7),
        ([{"scope": "positive_language"}], 24),
        ([{"negatives": 24}], 24),
        ([{"negatives": 16}, {"scope": "other_languages", "negatives": 8}], 24),
        ([{"scope": scope, "negatives": 1} for scope in get_args(PoolQuota.model_fields["scope"].annotation)], 6),
    ],
)
def test_quotas_that_add_up(pools: list[dict[str, Any]], num_negatives: int) -> None:
    options = Mining.model_validate({"teacher": "a/folder", "pools": pools, "num_negatives": num_negatives})
    assert sum(pool.negatives or num_negatives for pool in options.pools) == num_negatives


DENSE = {"teacher": "a/folder"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"preset": "f2lm"}, "preset"),
        ({"preset": ["f2llm"]}, "preset"),
        ({"preset": {"name": "f2llm"}}, "preset"),
        ({"num_negative": 3}, "num_negative"),
        ({"num_negatives": 0}, "greater than or equal to 1"),
        ({"num_negatives": 65}, "less than or equal to 64"),
        ({"top_k": 0}, "greater than or equal to 1"),
        ({"skip_rank": -1}, "greater than or equal to 0"),
        ({"skip_survivors": -1}, "greater than or equal to 0"),
        ({"hub_cap": 0}, "greater than or equal to 1"),
        ({"max_score": float("nan")}, "finite number"),
        ({"max_positive_ratio": float("inf")}, "finite number"),
        ({"max_score": {"of": "positive", "quantile": 1.5}}, "less than or equal to 1"),
        ({"max_score": {"of": "negative", "quantile": 0.5}}, "'positive' or 'random'"),
        ({"min_score": 0.8, "max_score": 0.8}, "min_score 0.8 leaves nothing below max_score 0.8"),
        ({"min_score": 0.9}, "min_score 0.9 leaves nothing below max_score 0.8"),
        ({"top_k": 5}, "skip_rank 5 leaves nothing of top_k 5"),
        ({"preset": "kalm-50-100", "top_k": 50}, "skip_rank 50 leaves nothing of top_k 50"),
        ({"max_positive_rank": 101}, "max_positive_rank 101 is beyond top_k 100"),
        ({"preset": "st-default", "max_positive_rank": 4}, "max_positive_rank 4 is beyond top_k 3"),
        ({"negatives_by_task": {"classification": -1}}, "greater than or equal to 0"),
        ({"negatives_by_task": {"ranking": 1}}, "negatives_by_task"),
        ({"pools": []}, "at least 1 item"),
        ({"pools": [{"negatives": 3}]}, "the pools' negatives are 3 in all, but num_negatives is 7"),
        ({"pools": [{"negatives": 7}, {"scope": "source_language"}]}, "each needs `negatives`"),
        (DENSE | {"preset": "f2llm", "pools": [{"negatives": 16}, {"scope": "all", "negatives": 9}]}, "are 25 in all"),
        ({"pools": [{"scope": "same_language"}]}, "scope"),
        ({"pools": [{"scope": "all"}]}, "texts of one language only"),
        ({"pools": [{"scope": "other_languages"}]}, "texts of one language only"),
        ({"pools": [{"scope": "query_language"}]}, "texts of one language only"),
        ({"pools": [{"scope": "source"}]}, "texts of one language only"),
        ({"fallback": {}}, "`fallback` is for teachers other than `lexical`"),
        ({"candidates": "hybrid"}, "`candidates` is for teachers other than `lexical`"),
        ({"csls": 10}, "`csls` ranks the neighbours"),
        ({**DENSE, "csls": 10, "candidates": "lexical"}, "`csls` ranks the neighbours"),
        ({"anchor": "positive", "max_positive_rank": 3}, "a positive is not ranked beside itself"),
        (
            {**DENSE, "max_positive_rank": 3, "pools": [{"scope": "other_languages"}]},
            "a pool that holds the record's own positive",
        ),
        ({"negatives_by_task": {"clustering": 8}}, "negatives_by_task of clustering is 8, but num_negatives is 7"),
        ({"max_positive_ratio": -0.5}, "greater than or equal to 0"),
        ({"on_shortage": "repeat"}, "'pad', 'drop', 'keep' or 'relax'"),
    ],
)
def test_a_config_that_cannot_be_is_refused_with_the_reason(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Mining.model_validate(values)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"max_positive_rank": 100},
        {"min_score": 0.2, "max_score": {"of": "positive", "quantile": 0.1}},
        {"min_score": {"of": "random", "quantile": 0.99}, "max_score": -1.0},
        {"min_score": 5, "max_score": None},
        {"preset": "f2llm", "pools": [{"scope": "source_language"}]},
        {**DENSE, "fallback": {"min_recall": 0.25}, "candidates": "hybrid", "csls": 10},
    ],
)
def test_a_config_that_can_be_is_accepted(values: dict[str, Any]) -> None:
    options = Mining.model_validate(values)
    assert all(name in options.model_fields_set for name in values)


def test_thresholds_that_are_quantiles_are_no_numbers_of_the_rules() -> None:
    options = Mining.model_validate(
        {
            "max_score": {"of": "positive", "quantile": 0.25},
            "min_score": {"of": "random", "quantile": 0.9},
            "positive_margin": 0.1,
        }
    )
    assert options.max_score == Quantile(of="positive", quantile=0.25)
    rules = Rules.from_options(options)
    assert (rules.max_score, rules.min_score, rules.positive_margin) == (float("inf"), -float("inf"), 0.1)


def test_a_quantile_of_positives_needs_queries_as_anchors() -> None:
    wanted = {"max_score": {"of": "positive", "quantile": 0.5}}
    Mining.model_validate(wanted)
    with pytest.raises(ValidationError, match="its own anchor"):
        Mining.model_validate({**wanted, "anchor": "positive"})
