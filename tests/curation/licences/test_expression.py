from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.licences.expression import MAX_CHARS, canonical, conjunction, is_reference, licences_of, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", "MIT"),
        (" mit ", "MIT"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("mit and (isc or cc0-1.0)", "MIT AND (ISC OR CC0-1.0)"),
        ("MIT AND ISC AND MIT", "MIT AND ISC"),
        ("(MIT AND (ISC AND CC0-1.0))", "MIT AND ISC AND CC0-1.0"),
        ("MIT OR ISC AND CC0-1.0", "MIT OR (ISC AND CC0-1.0)"),
        ("MIT OR MIT", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("gfdl-1.3", "GFDL-1.3-only"),
        ("Apache-2.0+", "Apache-2.0"),
        ("GPL-2.0+ with classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("LicenseRef-Mine.2", "LicenseRef-Mine.2"),
        ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
        # What the library would read as MIT and as the GPL is a name that a user has given.
        ("LicenseRef-MIT-Bootstrap", "LicenseRef-MIT-Bootstrap"),
        ("LicenseRef-GPL-2.0", "LicenseRef-GPL-2.0"),
        ("MIT\tAND\nISC", "MIT AND ISC"),
        ("(" * 400 + "MIT" + ")" * 400, "MIT"),
    ],
)
def test_an_expression_as_spdx_spells_it(text: str, expected: str) -> None:
    assert canonical(text) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no licence is named"),
        ("   ", "no licence is named"),
        ("()", "nothing stands between parentheses"),
        ("MIT OR ()", "nothing stands between parentheses"),
        ("(MIT", "no SPDX expression"),
        ("MIT)", "no SPDX expression"),
        ("MIT AND", "no SPDX expression"),
        ("AND", "no SPDX expression"),
        ("OR OR", "no SPDX expression"),
        ("MIT WITH", "no SPDX expression"),
        ("MIT OR OR ISC", "no SPDX expression"),
        ("NOT MIT", "no SPDX expression"),
        ("(MIT OR ISC) WITH Classpath-exception-2.0", "no SPDX expression"),
        ("MIT; rm -rf /", "no SPDX expression"),
        ("MIT\x00", "no SPDX expression"),
        ("MIT,ISC", "no SPDX expression"),
        ("MIT WITH MIT", "is no exception"),
        ("GPL-2.0-only WITH Classpath-exception", "did you mean Classpath-exception-2.0?"),
        ("CC BY 4.0", "did you mean CC-BY-4.0?"),
        ("CC-BY-2.0-FR", "did you mean CC-BY-2.0?"),
        ("CC-BY-4", "did you mean CC-BY-4.0?"),
        ("cc_by_sa_4.0", "did you mean CC-BY-SA-4.0?"),
        ("apache2", "did you mean Apache-2.0?"),
        ("MIT AND Apache-2", "did you mean Apache-2.0?"),
        ("ODBL", "did you mean ODbL-1.0?"),
        ("proprietary", "LicenseRef-NAME"),
        ("公有领域", "LicenseRef-NAME"),
        ("ＭＩＴ", "is not in the SPDX list"),
        ("LicenseRef-", "is not in the SPDX list"),
        ("LicenseRef-a/../b", "no SPDX expression"),
        ("LicenseRef-été", "is not in the SPDX list"),
        ("licenseref-x", "is not in the SPDX list"),
        ("MIT " * MAX_CHARS, "characters; at most 1,000"),
    ],
)
def test_what_is_no_expression(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^") as raised:
        canonical(text)
    assert said in str(raised.value)


@given(st.text(alphabet="MITSCOR()AND WH+-.:/\x00é", max_size=60))
def test_any_text_is_an_expression_or_a_value_error(text: str) -> None:
    try:
        tree = parse(text)
    except ValueError:
        return
    assert parse(str(tree)) == tree


def test_the_licences_of_an_expression() -> None:
    names = [licence.name for licence in licences_of(parse("MIT AND (ISC OR LicenseRef-x) AND (ISC OR CC0-1.0)"))]
    assert names == ["MIT", "ISC", "LicenseRef-x", "CC0-1.0"]
    assert [is_reference(name) for name in names] == [False, False, True, False]


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ("MIT", [], "MIT"),
        ("MIT", ["MIT"], "MIT"),
        ("MIT", ["ISC", "CC0-1.0"], "MIT AND CC0-1.0 AND ISC"),
        ("CC0-1.0 AND MIT", ["MIT", "ISC"], "CC0-1.0 AND MIT AND ISC"),
        ("MIT", ["ISC OR CC0-1.0"], "MIT AND (ISC OR CC0-1.0)"),
        ("MIT OR ISC", ["MIT OR ISC"], "MIT OR ISC"),
        ("MIT OR ISC", ["CC0-1.0"], "(MIT OR ISC) AND CC0-1.0"),
        ("ISC", ["MIT AND (ISC OR CC0-1.0)"], "ISC AND (MIT AND (ISC OR CC0-1.0))"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["MIT"], "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT"),
        ("", ["MIT"], " AND MIT"),
    ],
)
def test_the_licence_of_what_has_several_parts(own: str, others: list[str], expected: str) -> None:
    assert conjunction(own, others) == expected
    assert conjunction(own, list(reversed(others))) == expected
    if own and others:
        canonical(expected)
