from __future__ import annotations

import pytest

from language_configs.labels import labels_by_rule, ranks, system
from language_configs.schema import SYSTEMS, System


@pytest.mark.parametrize(("name", "least"), [("flores", 204), ("glotlid", 1_900), ("lid176", 176), ("mteb", 1_000)])
def test_a_system_has_all_of_its_labels_once(name: System, least: int) -> None:
    found = system(name)
    labels = [*found.labels, *found.optional]
    assert len(labels) == len(set(labels)) == len(ranks(name)) >= least
    assert found.source


def test_every_code_of_flores_is_there_to_be_mapped() -> None:
    labels = system("flores").labels
    assert len(labels) == 204
    assert {"ace_Arab", "arb_Latn", "kas_Deva", "sat_Olck", "zho_Hant"} <= set(labels)


@pytest.mark.parametrize(
    ("names", "scripts", "expected"),
    [
        (["swh", "sw", "swa"], ["Latn"], ("swh_Latn", "swh_Latn", "swa", "sw", "swa-Latn")),
        (["est", "et", "ekk"], ["Latn"], ("est_Latn", "ekk_Latn", "est", "et", "est-Latn")),
        (["cmn", "zh", "chi", "zho"], ["Hans", "Hani"], ("zho_Hans", "cmn_Hani", "zho chi", "zh", "cmn-Hans zho-Hans")),
        (["kjh"], ["Cyrl"], ("", "kjh_Cyrl", "", "", "")),
        (["kjh"], ["Latn"], ("", "", "", "", "")),
        (["cpp", "c++"], ["Zzzz"], ("", "", "", "", "c++-Code")),
        (["go", "golang"], ["Zzzz"], ("", "", "", "", "go-Code")),
    ],
)
def test_labels_are_those_of_the_codes_that_a_system_has(
    names: list[str], scripts: list[str], expected: tuple[str, ...]
) -> None:
    found = labels_by_rule(names, scripts)
    for name, labels in zip(SYSTEMS, expected, strict=True):
        assert set(labels.split()) <= set(found.get(name, ())), name
        assert bool(labels) == (name in found)
        assert all(label in ranks(name) for label in found.get(name, ()))


def test_the_own_code_comes_first() -> None:
    found = labels_by_rule(["cmn", "zh", "chi", "zho"], ["Hans", "Hani"])
    assert found["mteb"] == ("cmn-Hans", "zho-Hans")
    assert found["iso639_2"] == ("zho", "chi")
