from __future__ import annotations

import pytest

from curation.licences import UNKNOWN, restriction


@pytest.mark.parametrize(
    ("licence", "level"),
    [
        ("CC0-1.0", 0),
        ("Unlicense", 0),
        ("CC-BY-4.0", 1),
        ("cc-by-2.0-fr", UNKNOWN),
        ("Apache-2.0", 1),
        ("MIT", 1),
        ("BSD-3-Clause", 1),
        ("PSF-2.0", 1),
        ("CC-BY-SA-3.0", 2),
        ("ODbL-1.0", 2),
        ("LGPL-2.1-only", 2),
        ("GPL-3.0-or-later", 3),
        ("CC-BY-NC-4.0", 4),
        ("CC-BY-NC-SA-4.0", 4),
        ("CC-BY-ND-4.0", 4),
        ("LicenseRef-mine", UNKNOWN),
        ("", UNKNOWN),
        ("MIT OR GPL-3.0-only", 1),
        ("MIT AND GPL-3.0-only", 3),
        ("GPL-2.0-only WITH Classpath-exception-2.0", 3),
        ("(MIT AND CC-BY-SA-4.0) OR CC0-1.0", 0),
        ("MIT AND (CC-BY-NC-4.0 OR CC-BY-SA-4.0)", 2),
        ("(MIT", UNKNOWN),
        ("MIT Apache-2.0", UNKNOWN),
        ("MIT OR", UNKNOWN),
        ("MIT WITH", UNKNOWN),
        ("(MIT OR", UNKNOWN),
        ("MITRE", UNKNOWN),
        ("MIT/Apache-2.0", UNKNOWN),
        ("MIT-0", 0),
        ("GPL-2.0+", 3),
        ("CDLA-Permissive-2.0", 1),
        ("Unicode-3.0", 1),
        ("AND MIT", UNKNOWN),
    ],
)
def test_restriction(licence: str, level: int) -> None:
    assert restriction(licence) == level
