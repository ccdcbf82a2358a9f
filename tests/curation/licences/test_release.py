from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import LicenceClashError
from curation.licences.release import ReleaseLicence, release_licence
from curation.licences.table import licence_table
from curation.licences.terms import common, terms_of

NAMES = sorted(licence_table())
OURS = {"LicenseRef-ours": "CC-BY-4.0", "LicenseRef-theirs": "CC-BY-NC-SA-4.0 OR GPL-3.0-only"}


def of(*licences: str, **settings: object) -> ReleaseLicence:
    named = {f"source{number}": licence for number, licence in enumerate(licences)}
    return release_licence(named, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["CC-BY-4.0"], "CC-BY-4.0"),
        (["cc-by-4.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["CC-BY-ND-4.0", "CC-BY-ND-4.0"], "CC-BY-ND-4.0"),
        (["LicenseRef-x", "LicenseRef-x"], "LicenseRef-x"),
        (["MIT OR GPL-2.0-only", "MIT OR GPL-2.0-only"], "MIT OR GPL-2.0-only"),
        (["CC0-1.0", "PDDL-1.0", "CC-PDDC"], "CC0-1.0"),
        (["CC0-1.0", "MIT-0"], "0BSD"),
        (["BSD-3-Clause", "CC0-1.0"], "BSD-3-Clause"),
        (["ISC", "MIT"], "MIT"),
        (["MIT", "BSD-2-Clause", "BSD-3-Clause"], "BSD-3-Clause"),
        (["PSF-2.0", "BSD-3-Clause"], "Apache-2.0"),
        (["CC-BY-2.0", "CC0-1.0", "PSF-2.0"], "CC-BY-2.0"),
        (["CC-BY-2.0", "CC-BY-4.0", "CC-BY-3.0-DE"], "CC-BY-4.0"),
        (["Apache-2.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["OGL-UK-3.0", "CC-BY-4.0", "etalab-2.0"], "CC-BY-4.0"),
        (["OGL-UK-3.0", "ODbL-1.0"], "ODbL-1.0"),
        (["CC-BY-4.0", "CC-BY-SA-3.0"], "CC-BY-SA-4.0"),
        (["CC-BY-3.0", "CC-BY-SA-3.0"], "CC-BY-SA-3.0"),
        (["CC-BY-SA-2.0", "CC-BY-SA-3.0-IGO", "CC-BY-SA-2.1-JP"], "CC-BY-SA-3.0"),
        (["CC-BY-SA-4.0", "GPL-3.0-only"], "GPL-3.0-only"),
        (["CC-BY-SA-4.0", "GPL-2.0-or-later"], "GPL-3.0-only"),
        (["CC-BY-SA-4.0", "LAL-1.3"], "CC-BY-SA-4.0"),
        (["CC-BY-4.0", "GPL-2.0-only"], "GPL-2.0-only"),
        (["GPL-2.0-or-later", "GPL-3.0-only"], "GPL-3.0-only"),
        (["GPL-3.0-or-later", "AGPL-3.0-only"], "AGPL-3.0-only"),
        (["Apache-2.0", "GPL-2.0-or-later"], "GPL-3.0-or-later"),
        (["LGPL-2.1-only", "GPL-3.0-only"], "GPL-3.0-only"),
        (["MPL-2.0", "LGPL-2.1-or-later"], "LGPL-2.1-or-later"),
        (["CC-BY-4.0", "CC-BY-NC-2.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-3.0", "CC-BY-NC-SA-2.0"], "CC-BY-NC-SA-3.0"),
        (["GFDL-1.2-or-later", "GFDL-1.3-only"], "GFDL-1.3-only"),
        (["CC-BY-SA-3.0 OR GFDL-1.3-only", "GFDL-1.3-or-later"], "GFDL-1.3-only"),
        (["CC-BY-SA-4.0 OR CC-BY-NC-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["CC-BY-4.0 AND MIT", "CC0-1.0"], "CC-BY-4.0"),
        (["GPL-2.0-only WITH Classpath-exception-2.0", "MIT"], "GPL-2.0-only"),
        (["EUPL-1.2", "CC-BY-SA-3.0"], "CC-BY-SA-3.0"),
        (["LicenseRef-ours", "CC0-1.0"], "CC-BY-4.0"),
        (["LicenseRef-theirs", "CC-BY-SA-4.0"], "GPL-3.0-only"),
    ],
)
def test_what_a_release_is_under(licences: list[str], expected: str) -> None:
    assert of(*licences, alike=OURS).expression == expected
    assert of(*reversed(licences), alike=OURS).expression == expected


@pytest.mark.parametrize(
    ("licences", "clashing", "said"),
    [
        (["CC-BY-SA-4.0", "CC0-1.0", "CC-BY-NC-4.0"], [0, 2], "allows commercial use, and CC-BY-NC-4.0 forbids"),
        (["GPL-3.0-only", "MIT", "CC-BY-NC-SA-4.0"], [0, 2], "forbids that"),
        (["GPL-2.0-only", "CC0-1.0", "GPL-3.0-only"], [0, 2], "no licence that all of them allow"),
        (["GPL-2.0-only", "Apache-2.0"], [0, 1], "under GPL-2.0-only"),
        (["BSD-4-Clause", "GPL-3.0-or-later"], [0, 1], "GPL-3.0-or-later"),
        (["ODbL-1.0", "MIT", "CC-BY-4.0"], [0, 2], "under ODbL-1.0"),
        (["CC-BY-SA-4.0", "GFDL-1.3-or-later"], [0, 1], "GFDL-1.3"),
        (["CC-BY-SA-1.0", "CC-BY-SA-4.0"], [0, 1], "under CC-BY-SA-1.0"),
        (["CC-BY-SA-3.0", "GPL-3.0-only"], [0, 1], "GPL-3.0-only"),
        (["CC-BY-SA-4.0", "AGPL-3.0-only"], [0, 1], "AGPL-3.0-only"),
        (["CC-BY-NC-SA-3.0", "CC-BY-NC-SA-1.0"], [0, 1], "CC-BY-NC-SA-1.0"),
        (["CDLA-Sharing-1.0", "CC-BY-4.0"], [0, 1], "CDLA-Sharing-1.0"),
        (["MIT", "CC-BY-ND-4.0"], [1], "forbids sharing what was changed"),
        (["MIT", "CC-BY-SA-4.0 AND CC-BY-NC-4.0"], [1], "no licence"),
        (["LicenseRef-x", "CC-BY-SA-4.0", "CC-BY-NC-4.0"], [1, 2], "forbids that"),
        (["LicenseRef-theirs", "CC-BY-SA-2.0"], [0, 1], "LicenseRef-theirs"),
    ],
)
def test_which_sources_clash(licences: list[str], clashing: list[int], said: str) -> None:
    with pytest.raises(LicenceClashError) as raised:
        of(*licences, alike=OURS)
    error = raised.value
    assert error.exit_code == 2
    assert [int(number) for number in re.findall(r"sources\.source(\d+)\.licence", error.where)] == clashing
    assert said in error.why
    assert all(licences[number] in error.what for number in clashing)
    for way in ("out", "redistribution: recipe", "release.licence: per-source", "docs/licences.md"):
        assert way in error.hint
    is_commercial = any("-NC-" in licences[number] or "theirs" in licences[number] for number in clashing)
    assert ("--commercial-safe" in error.hint) == (is_commercial and "theirs" not in licences[0])
    assert ("licences: {LicenseRef-theirs" in error.hint) == ("theirs" in licences[0])
    assert "\n" not in error.why + error.hint


def test_three_that_clash_only_together() -> None:
    # Each two of them have one in common.
    three = ["CC-BY-SA-4.0 OR MPL-1.1", "MPL-1.1 OR EPL-1.0", "EPL-1.0 OR CC-BY-SA-4.0"]
    for pair in itertools.permutations(three, 2):
        assert of(*pair).how == "computed"
    with pytest.raises(LicenceClashError) as raised:
        of("MIT", *three, "CC0-1.0")
    assert "source1" in raised.value.what
    assert "source2" in raised.value.what
    assert "source3" in raised.value.what
    assert "source0" not in raised.value.what
    # Four of which each three have one in common are found by leaving out what does not matter.
    four = [
        " OR ".join(other for other in ("EPL-1.0", "EPL-2.0", "MPL-1.1", "LAL-1.2") if other != left)
        for left in ("EPL-1.0", "EPL-2.0", "MPL-1.1", "LAL-1.2")
    ]
    with pytest.raises(LicenceClashError) as raised:
        of("MIT", *four, "CC0-1.0")
    assert [f"source{number}" in raised.value.what for number in range(6)] == [False, True, True, True, True, False]


@pytest.mark.parametrize(
    ("licences", "wanted", "expected"),
    [
        (["MIT", "CC0-1.0"], "cc-by-4.0", "CC-BY-4.0"),
        (["MIT", "CC0-1.0"], "CC-BY-NC-4.0", "CC-BY-NC-4.0"),
        (["CC-BY-4.0"], "CC-BY-4.0 AND MIT", "CC-BY-4.0 AND MIT"),
        (["MIT"], "CC-BY-4.0 OR GPL-3.0-only", "CC-BY-4.0 OR GPL-3.0-only"),
        (["CC-BY-4.0", "MIT"], "LicenseRef-ours", "LicenseRef-ours"),
        (["LicenseRef-x", "LicenseRef-x"], "LicenseRef-x", "LicenseRef-x"),
        (["CC-BY-ND-4.0"], "CC-BY-ND-4.0", "CC-BY-ND-4.0"),
    ],
)
def test_a_licence_that_is_asked_for_and_allowed(licences: list[str], wanted: str, expected: str) -> None:
    assert of(*licences, requested=wanted, alike=OURS) == ReleaseLicence(expected, "stated")


@pytest.mark.parametrize(
    ("licences", "wanted", "said"),
    [
        (["CC0-1.0", "CC-BY-4.0"], "CC0-1.0", "source1 is under CC-BY-4.0, which may be part of works under"),
        (["CC-BY-SA-4.0"], "CC-BY-4.0", "source0"),
        (["CC-BY-NC-4.0"], "CC-BY-4.0", "source0"),
        (["CC-BY-4.0"], "CC-BY-4.0 OR MIT", "source0"),
        (["MIT", "LicenseRef-x"], "MIT", "nobody has said what LicenseRef-x is like"),
        (["MIT", "LicenseRef-x AND MIT"], "MIT", "nobody has said what LicenseRef-x is like"),
        (["CC-BY-ND-4.0"], "CC-BY-4.0", "under no licence"),
    ],
)
def test_a_licence_that_is_asked_for_and_not_allowed(licences: list[str], wanted: str, said: str) -> None:
    with pytest.raises(LicenceClashError, match="cannot be shared under") as raised:
        of(*licences, requested=wanted, alike=OURS)
    assert said in raised.value.why


def test_what_nobody_has_described_keeps_each_row_under_its_own() -> None:
    assert of("MIT", "LicenseRef-b", "LicenseRef-a AND MIT", "GPL-1.0-only") == ReleaseLicence(
        "", "per-source", ("GPL-1.0-only", "LicenseRef-a", "LicenseRef-b")
    )
    assert of("LicenseRef-a OR MIT", "CC0-1.0") == ReleaseLicence("MIT", "computed")
    assert of("CC-BY-SA-4.0", "CC-BY-NC-4.0", requested="per-source") == ReleaseLicence("", "per-source")


def outcome(*licences: str) -> str:
    try:
        return of(*licences).expression
    except LicenceClashError:
        return "clash"


def test_every_pair_of_the_table_gives_the_same_in_either_order() -> None:
    for one, other in itertools.combinations(NAMES, 2):
        assert outcome(one, other) == outcome(other, one), (one, other)


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), st.randoms())
def test_neither_order_nor_repetition_matters(licences: list[str], rng: random.Random) -> None:
    shuffled = [*licences, rng.choice(licences)]
    rng.shuffle(shuffled)
    assert outcome(*licences) == outcome(*shuffled)


@given(st.lists(st.sampled_from(NAMES), min_size=3, max_size=3))
def test_joining_is_associative(licences: list[str]) -> None:
    first, second, third = (terms_of(name).outbound or frozenset() for name in licences)
    assert common([common([first, second]), third]) == common([first, common([second, third])])
    left, right = (terms_of(form.format(*licences)) for form in ("({} AND {}) AND {}", "{} AND ({} AND {})"))
    assert left == right


@given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5))
def test_one_source_more_never_makes_a_release_freer(licences: list[str]) -> None:
    """A clash stays one, and the licence of more sources is allowed for fewer of them, too."""
    whole = outcome(*licences)
    if outcome(*licences[1:]) == "clash":
        assert whole == "clash"
    if whole != "clash":
        named = {str(number): licence for number, licence in enumerate(licences)}
        assert release_licence(named, requested=whole).expression == whole
        assert release_licence(dict(list(named.items())[1:]), requested=whole).expression == whole
