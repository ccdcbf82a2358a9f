from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.errors import LicenceClashError
from curation.licences.expression import spdx_names
from curation.licences.release import release_licence
from curation.licences.table import KINDS, licence_table

TABLE = licence_table()


def test_every_name_is_in_the_spdx_list_and_every_creative_commons_licence_in_the_table() -> None:
    names = set(spdx_names().values())
    assert set(TABLE) <= names
    families = ("CC", "GFDL-", "GPL-2", "GPL-3", "LGPL-2", "LGPL-3", "AGPL-3", "ODbL", "ODC-By", "PDDL", "CDLA-")
    creative = {name for name in names if name.startswith(families)}
    assert creative <= set(TABLE)


def test_the_order_is_from_the_freest_down() -> None:
    ranks = [KINDS.index(facts.kind) for facts in TABLE.values()]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", TABLE)
def test_each_licence_is_consistent(name: str) -> None:
    facts = TABLE[name]
    assert facts.outbound <= set(TABLE)
    assert facts.adaptations == bool(facts.outbound)
    if facts.adaptations:
        assert name in facts.outbound
    for target in facts.outbound:
        other = TABLE[target]
        # A work under a licence that asks for less than its parts do would break their conditions.
        assert facts.commercial or not other.commercial, target
        assert not facts.attribution or other.attribution, target
        assert not facts.share_alike or other.share_alike, target
        # What the target lets out, the parts would have had to let out too, or else it binds the whole.
        assert other.adaptations
    assert facts.commercial == ("-NC-" not in name)
    assert facts.adaptations == ("-ND-" not in name)
    if re.match(r"CC-BY|GPL|AGPL|LGPL|GFDL", name):
        assert facts.attribution


@pytest.mark.parametrize(
    ("name", "outbound"),
    [
        ("CC-BY-SA-4.0", {"CC-BY-SA-4.0", "LAL-1.3", "GPL-3.0-only"}),
        ("CC-BY-SA-3.0", {"CC-BY-SA-3.0", "CC-BY-SA-4.0"}),
        ("CC-BY-SA-1.0", {"CC-BY-SA-1.0"}),
        ("CC-BY-SA-2.1-JP", {"CC-BY-SA-2.1-JP", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}),
        ("CC-BY-NC-SA-1.0", {"CC-BY-NC-SA-1.0"}),
        ("CC-BY-NC-4.0", {"CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"}),
        ("ODbL-1.0", {"ODbL-1.0"}),
        ("GPL-2.0-only", {"GPL-2.0-only"}),
        ("GPL-3.0-only", {"GPL-3.0-only", "AGPL-3.0-only"}),
        ("AGPL-3.0-only", {"AGPL-3.0-only"}),
        ("GFDL-1.3-only", {"GFDL-1.3-only"}),
        ("GFDL-1.3-no-invariants-or-later", {"GFDL-1.3-no-invariants-or-later", "GFDL-1.3-no-invariants-only"}),
        ("CC-BY-NC-ND-4.0", set()),
    ],
)
def test_what_stands_on_the_stewards_pages(name: str, outbound: set[str]) -> None:
    assert TABLE[name].outbound == outbound


def test_the_document_has_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "licences.md").read_text(encoding="utf-8")
    _, _, table = text.partition("## The table")
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines() if "|" in line]
    for name, kind, *words in rows[2:]:
        facts = TABLE[name]
        terms = (facts.attribution, facts.share_alike, facts.commercial, facts.adaptations)
        assert (kind, words) == (facts.kind, ["yes" if term else "no" for term in terms])
    assert [row[0] for row in rows[2:]] == list(TABLE)


def test_the_errors_in_the_document_are_those_that_are_shown() -> None:
    text = (Path(__file__).parents[3] / "docs" / "licences.md").read_text(encoding="utf-8")
    with pytest.raises(LicenceClashError) as raised:
        release_licence({"wiki": "CC-BY-SA-4.0", "films": "CC-BY-NC-4.0"})
    assert f"Error: {raised.value}\n" in text
