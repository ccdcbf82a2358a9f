from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError
from curation.export.options import Options
from curation.export.plan import Plan, survey
from curation.release import open_release


def plan_of(release: Path, **options: Any) -> Plan:
    return survey(open_release(release), Options(**options), splits=("train",), read=("train", "test"), scores=True)


def test_a_dataset_is_a_source_in_a_language(mixed: Path) -> None:
    plan = plan_of(mixed)
    assert len(plan.exported) == 4 * 11
    assert plan.num_negatives == 7
    facts = {d.name: (d.task, d.instruction, d.rows) for d in plan.exported if d.language == "deu_Latn"}
    assert facts == {
        "faq_v1_deu_Latn": ("retrieval", "Find the answer to this question.", 5),
        "topics_deu_Latn": ("classification", "Name the topic.", 5),
        "groups_deu_Latn": ("clustering", "", 5),
        "talks_deu_Latn": ("bitext", "Find the translation.", 6),
    }
    assert {d.name for d in plan.exported if not d.is_scored} == {"talks_tha_Thai"}


def test_filters_choose_languages_and_sources(mixed: Path) -> None:
    plan = plan_of(mixed, languages=("kor_Hang", "amh_Ethi"), sources=("talks",))
    assert [d.name for d in plan.exported] == ["talks_amh_Ethi", "talks_kor_Hang"]
    assert {d.split for d in plan.datasets} == {"train", "test"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"languages": ("swh_Latn",)}, "no rows in swh_Latn"),
        ({"sources": ("wiki",)}, "no rows of the source 'wiki'"),
    ],
)
def test_what_the_release_lacks_is_named(options: dict[str, Any], words: str, mixed: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        plan_of(mixed, **options)
