"""What the licences that datasets carry allow: facts that can be looked up, in an order from the freest down.

`outbound` of a licence are those under which a work may be shared as a whole that contains or adapts what is under
this licence. Where stewards, courts and lawyers differ the narrower reading stands: what is missing here costs a
question, what is wrong here may cost a lawsuit. None of this is legal advice. Every rule names where it can be read:

- CC0 1.0 s. 2 and 3, PDDL 1.0 s. 3: all rights are waived, so that nothing binds whoever uses the work.
- Software licences that ask for their notice alone may go into works under any licence that asks for as much or more:
  D. Wheeler, "The Free-Libre / Open Source Software (FLOSS) License Slide" (2007), public domain -> MIT -> BSD-new ->
  Apache 2.0 -> the copyleft ones.
- gnu.org/licenses/license-list.html: Apache 2.0 does not go with version 2 of the GPL (its patent clauses); the
  original BSD licence goes with no GPL (its advertising clause); CC BY 4.0 goes with every version of the GPL; CC BY-SA
  4.0 goes into works under version 3, one way.
- gnu.org/licenses/gpl-faq.html#AllCompatibility: the matrix of GPL and LGPL versions; GPL 2.0 s. 2(b) and GPL 3.0 s.
  5(c) each ask for the whole work under their own version, so that "2 only" and "3" exclude each other; GPL 3.0 s. 13
  lets AGPL 3.0 in, LGPL 2.1 s. 3 and LGPL 3.0 (a set of permissions added to GPL 3.0) let the GPL.
- CC BY 4.0 s. 3(a)(4) and FAQ "If I derive or adapt material offered under a Creative Commons license, which CC
  license(s) can I use?": attribution goes into BY, BY-SA, BY-NC and BY-NC-SA of the same or a later version, and
  BY-NC into BY-NC and BY-NC-SA.
- CC BY-SA 1.0 s. 4(b): this licence alone; 2.0 and 2.5 s. 4(b), 3.0 s. 4(b), 4.0 s. 3(b): this or a later version with
  the same elements, or a compatible licence. creativecommons.org/compatiblelicenses: for BY-SA 4.0 the Free Art
  License 1.3 (both ways) and the GPL 3.0 (one way); for BY-NC-SA none.
- CC ND licences (4.0 s. 2(a)(1)(B), 3.0 s. 3): adaptations are not shared at all, under whatever licence.
- ODbL 1.0 s. 4.4: derivative databases under the ODbL. OpenStreetMap Foundation, "Use of CC BY 4.0 licensed data"
  (2017): CC BY goes into an ODbL database with a waiver only, since it forbids technical protection.
- CDLA-Sharing 1.0 s. 3.1: published data under this agreement; CDLA-Permissive 2.0 s. 2: the agreement's text goes
  along; ODC-By 1.0 s. 4.2 and 4.3: its notice goes along.
- Open Government Licence UK 3.0, etalab 2.0: they name CC BY 4.0 and ODC-By as licences that they go with; NLOD 2.0
  and dl-de/by 2.0 ask for attribution alone.
- GFDL 1.1 to 1.3 s. 4: modified versions under precisely this licence; "or later" by s. 10.
- MPL 2.0 s. 3.3 with 1.12: larger works under the GPL 2.0, LGPL 2.1, AGPL 3.0 or later; EUPL 1.2 s. 5 and appendix: the
  licences listed there; EPL s. 3, MPL 1.1 s. 3.1 and 3.6: this licence alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["public domain", "attribution", "share-alike", "copyleft", "restricted"]
KINDS: tuple[Kind, ...] = ("public domain", "attribution", "share-alike", "copyleft", "restricted")


@dataclass(frozen=True, slots=True)
class Facts:
    """What one licence asks for and allows.

    Attributes:
        name: its SPDX identifier.
        kind: `public domain` (no conditions), `attribution`, `share-alike` (of texts, data and files), `copyleft` (of
            whole works), `restricted` (commercial use or changes are forbidden).
        attribution: whether authors and licence must be named.
        commercial: whether commercial use is allowed.
        adaptations: whether adaptations may be shared.
        share_alike: whether adaptations must stay under this licence or a named few.
        outbound: licences under which a work may be shared that contains what is under this one.
    """

    name: str
    kind: Kind
    attribution: bool
    commercial: bool
    adaptations: bool
    share_alike: bool
    outbound: frozenset[str]


_PUBLIC = ("CC0-1.0", "PDDL-1.0", "Unlicense", "DL-DE-ZERO-2.0", "CC-PDDC", "CC-PDM-1.0")
# Licences, not waivers, but without a condition.
_UNCONDITIONAL = ("0BSD", "MIT-0", "WTFPL")
# Their conditions are the same: the notice stays.
_NOTICE = ("MIT", "ISC", "Zlib", "BSL-1.0", "PostgreSQL", "BSD-1-Clause", "CDLA-Permissive-2.0")
_NOTICE_IN_BINARIES = ("BSD-2-Clause",)
# Names are not to be used for endorsement, changes are to be told, or the like: of these none includes another.
_NO_ENDORSEMENT = (
    "BSD-3-Clause",
    "PSF-2.0",
    "Python-2.0",
    "Python-2.0.1",
    "NCSA",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unicode-DFS-2015",
    "CDLA-Permissive-1.0",
)
_PATENTS = ("Apache-2.0",)
_ADVERTISING = ("BSD-4-Clause",)
_OPEN_DATA = (
    "ODC-By-1.0",
    "OGL-UK-3.0",
    "OGL-UK-2.0",
    "OGL-UK-1.0",
    "OGL-Canada-2.0",
    "etalab-2.0",
    "NLOD-2.0",
    "NLOD-1.0",
    "DL-DE-BY-2.0",
)

_CC_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
# Versions that jurisdictions have of their own, as far as the SPDX list has them.
_CC_PORTS: Mapping[str, tuple[str, ...]] = {
    "CC-BY": ("2.5-AU", "3.0-AT", "3.0-AU", "3.0-DE", "3.0-IGO", "3.0-NL", "3.0-US"),
    "CC-BY-SA": ("2.0-UK", "2.1-JP", "3.0-AT", "3.0-DE", "3.0-IGO"),
    "CC-BY-NC": ("3.0-DE",),
    "CC-BY-NC-SA": ("2.0-DE", "2.0-FR", "2.0-UK", "3.0-DE", "3.0-IGO"),
    "CC-BY-ND": ("3.0-DE",),
    "CC-BY-NC-ND": ("3.0-DE", "3.0-IGO"),
}

_GPL2 = ("GPL-2.0-or-later", "GPL-2.0-only")
_GPL3 = ("GPL-3.0-or-later", "GPL-3.0-only")
_AGPL3 = ("AGPL-3.0-or-later", "AGPL-3.0-only")
_LGPL2 = ("LGPL-2.0-or-later", "LGPL-2.0-only", "LGPL-2.1-or-later", "LGPL-2.1-only")
_LGPL3 = ("LGPL-3.0-or-later", "LGPL-3.0-only")
_GNU = (*_LGPL2, *_LGPL3, *_GPL2, *_GPL3, *_AGPL3)
_ONLY_THIRD = frozenset({"GPL-3.0-only", "AGPL-3.0-only"})

# Named one by one: what works under a share-alike or copyleft licence may be shared under.
_NAMED: Mapping[str, tuple[str, ...]] = {
    "LAL-1.3": ("CC-BY-SA-4.0",),
    "LAL-1.2": (),
    "CC-SA-1.0": (),
    "ODbL-1.0": (),
    "CDLA-Sharing-1.0": (),
    "MPL-2.0": (*_LGPL2[2:], *_LGPL3, *_GPL2, *_GPL3, *_AGPL3),
    "MPL-1.1": (),
    "EPL-2.0": (),
    "EPL-1.0": (),
    "EUPL-1.2": (
        "CC-BY-SA-3.0",
        "EPL-1.0",
        "MPL-2.0",
        "LGPL-2.1-only",
        "LGPL-3.0-only",
        "GPL-2.0-only",
        "GPL-3.0-only",
        "AGPL-3.0-only",
    ),
    "EUPL-1.1": ("EUPL-1.2", "GPL-2.0-only", "EPL-1.0"),
    "LGPL-2.0-or-later": _GNU,
    "LGPL-2.0-only": (*_GPL2, *_GPL3, *_AGPL3),
    "LGPL-2.1-or-later": (*_LGPL2[2:], *_LGPL3, *_GPL2, *_GPL3, *_AGPL3),
    "LGPL-2.1-only": (*_GPL2, *_GPL3, *_AGPL3),
    "LGPL-3.0-or-later": (*_LGPL3, *_GPL3, *_AGPL3),
    "LGPL-3.0-only": tuple(sorted(_ONLY_THIRD)),
    "GPL-2.0-or-later": (*_GPL2, *_GPL3, *_AGPL3),
    "GPL-2.0-only": (),
    "GPL-3.0-or-later": (*_GPL3, *_AGPL3),
    "GPL-3.0-only": ("AGPL-3.0-only",),
    "AGPL-3.0-or-later": _AGPL3,
    "AGPL-3.0-only": (),
}
_COPYLEFT = (*_GPL2, *_GPL3, *_AGPL3)
_GFDL_VERSIONS = ("1.1", "1.2", "1.3")
_GFDL_KINDS = ("", "-no-invariants", "-invariants")


@functools.cache
def licence_table() -> Mapping[str, Facts]:
    """Return the facts of each licence by its SPDX identifier, the freest first."""
    entries = [*_without_conditions(), *_attributions(), *_share_alikes(), *_restricted()]
    order: dict[Kind, int] = {kind: place for place, kind in enumerate(KINDS)}
    return {entry.name: entry for entry in sorted(entries, key=lambda entry: order[entry.kind])}


def _targets() -> tuple[str, ...]:
    """Return every licence that a work may be given that has something else in it, the freest first."""
    creative = [name for element in ("CC-BY", "CC-BY-SA") for name in _creative(element)]
    restricted = [name for element in ("CC-BY-NC", "CC-BY-NC-SA") for name in _creative(element)]
    statements = ("CC-PDDC", "CC-PDM-1.0")
    software = (*_NOTICE, *_NOTICE_IN_BINARIES, *_NO_ENDORSEMENT, *_PATENTS, *_ADVERTISING, *_OPEN_DATA)
    own = (*[name for name in _PUBLIC if name not in statements], *_UNCONDITIONAL)
    return (*own, *software, *creative, *_NAMED, *_gfdl(), *restricted)


def _facts(name: str, kind: Kind, outbound: Iterable[str], *, share_alike: bool = False) -> Facts:
    commercial = "-NC-" not in name
    adaptations = "-ND-" not in name
    attribution = kind != "public domain" and name != "CC-SA-1.0"
    return Facts(name, kind, attribution, commercial, adaptations, share_alike, frozenset(outbound))


def _without_conditions() -> Iterable[Facts]:
    targets = _targets()
    for name in _PUBLIC:
        yield _facts(name, "public domain", [*targets, name])
    later = targets[targets.index(_UNCONDITIONAL[0]) :]
    yield from (_facts(name, "public domain", later) for name in _UNCONDITIONAL)


def _attributions() -> Iterable[Facts]:
    targets = _targets()
    levels = (_NOTICE, _NOTICE_IN_BINARIES, _NO_ENDORSEMENT, _PATENTS, _ADVERTISING)
    barred: Mapping[str, frozenset[str]] = {
        "Apache-2.0": frozenset((*_LGPL2, *_GPL2)),
        "BSD-4-Clause": frozenset(_GNU),
    }
    for level in levels:
        later = targets[targets.index(level[-1]) + 1 :]
        for name in level:
            # Where the conditions are the same, each notice can stay under the name of the other licence.
            alike = level if level is _NOTICE else (name,)
            nameless = {"CC-SA-1.0"}
            yield _facts(name, "attribution", {*alike, *later} - barred.get(name, frozenset()) - nameless)
    for name in _OPEN_DATA:
        creative = [f"{element}-4.0" for element in ("CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA")]
        yield _facts(name, "attribution", {name, "ODC-By-1.0", "ODbL-1.0", *creative})
    for name in _creative("CC-BY"):
        elements = ("CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA")
        gnu = (*_GPL2, *_GPL3, *_AGPL3) if name == "CC-BY-4.0" else ()
        yield _facts(name, "attribution", {name, *gnu, *(later for each in elements for later in _later(name, each))})


def _share_alikes() -> Iterable[Facts]:
    for name in _creative("CC-BY-SA"):
        compatible = ("LAL-1.3", "GPL-3.0-only") if name == "CC-BY-SA-4.0" else ()
        yield _facts(name, "share-alike", {name, *compatible, *_same_elements(name, "CC-BY-SA")}, share_alike=True)
    for name, outbound in _NAMED.items():
        kind: Kind = "copyleft" if name in _COPYLEFT else "share-alike"
        yield _facts(name, kind, {name, *outbound}, share_alike=True)
    for name in _gfdl():
        yield _facts(name, "share-alike", {name, *_later_gfdl(name)}, share_alike=True)


def _restricted() -> Iterable[Facts]:
    for name in _creative("CC-BY-NC"):
        elements = ("CC-BY-NC", "CC-BY-NC-SA")
        yield _facts(name, "restricted", {name, *(later for each in elements for later in _later(name, each))})
    for name in _creative("CC-BY-NC-SA"):
        yield _facts(name, "restricted", {name, *_same_elements(name, "CC-BY-NC-SA")}, share_alike=True)
    for element in ("CC-BY-ND", "CC-BY-NC-ND"):
        yield from (_facts(name, "restricted", ()) for name in _creative(element))


def _creative(element: str) -> tuple[str, ...]:
    """Return the versions of a Creative Commons licence, the ones of jurisdictions behind the general one."""
    versions = sorted((*_CC_VERSIONS, *_CC_PORTS[element]))
    return tuple(f"{element}-{version}" for version in versions)


def _version(name: str) -> str:
    return next(part for part in name.split("-") if part[:1].isdigit())


def _later(name: str, element: str) -> Iterable[str]:
    """Return the general licences with these elements of the same or a later version than `name` has."""
    return (f"{element}-{version}" for version in _CC_VERSIONS if version >= _version(name))


def _same_elements(name: str, element: str) -> Iterable[str]:
    return () if _version(name) == "1.0" else _later(name, element)


def _gfdl() -> tuple[str, ...]:
    return tuple(
        f"GFDL-{version}{kind}-{later}"
        for kind in _GFDL_KINDS
        for version in _GFDL_VERSIONS
        for later in ("or-later", "only")
    )


def _later_gfdl(name: str) -> Iterable[str]:
    version = _version(name)
    if not name.endswith("-or-later"):
        return ()
    kind = name.removeprefix(f"GFDL-{version}").removesuffix("-or-later")
    return (
        f"GFDL-{later}{kind}-{form}" for later in _GFDL_VERSIONS if later >= version for form in ("or-later", "only")
    )
