"""The licence of a release, from those of what is in it; and why there is none, where there is none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from curation.errors import LicenceClashError
from curation.licences.expression import canonical, is_reference, licences_of, parse
from curation.licences.table import licence_table
from curation.licences.terms import Alike, Terms, allows, common, terms_of

AUTO, PER_SOURCE = "auto", "per-source"
# Larger sets that clash are found by leaving out what does not matter.
_TRIED_SIZES = (1, 2, 3)
_NAMED_TARGETS = 4


@dataclass(frozen=True, slots=True)
class ReleaseLicence:
    """Under what a release is shared.

    Attributes:
        expression: an SPDX expression, or empty where each row keeps its own licence.
        how: `same` where all sources have it, `computed` from theirs, `stated` in the config, or `per-source`.
        undescribed: the licences for which nobody has said what they are like, sorted; these keep it from being
            computed.
    """

    expression: str
    how: Literal["same", "computed", "stated", "per-source"]
    undescribed: tuple[str, ...] = ()


def release_licence(
    licences: Mapping[str, str], *, requested: str = AUTO, alike: Alike | None = None
) -> ReleaseLicence:
    """Return the licence of a release.

    What is under one licence stays under it. Otherwise it is the freest, in the order of the table, of those under
    which each of the sources lets a work be shared that has it in it. With a licence that nobody has described nothing
    is computed: each row keeps its own.

    Args:
        licences: SPDX expression of each source whose texts are in the release; at least one.
        requested: `auto`, `per-source`, or the expression that the config asks for.
        alike: what licences outside the table are like.

    Raises:
        LicenceClashError: if there is no such licence, naming the smallest set of sources that clash, or if the
            requested one is not allowed.
        ValueError: if something is no SPDX expression.
    """
    own = {source: canonical(licence) for source, licence in licences.items()}
    if requested == PER_SOURCE:
        return ReleaseLicence("", "per-source")
    if requested != AUTO:
        return _stated(own, canonical(requested), alike)
    if len(set(own.values())) == 1:
        return ReleaseLicence(next(iter(own.values())), "same")
    outbound = {source: terms_of(licence, alike).outbound for source, licence in own.items()}
    known = {source: targets for source, targets in outbound.items() if targets is not None}
    shared = common(list(known.values())) if known else frozenset()
    if known and not shared:
        raise _clash(own, _smallest_clash(known), alike)
    undescribed = sorted({name for source in own if source not in known for name in _undescribed(own[source], alike)})
    if undescribed:
        return ReleaseLicence("", "per-source", tuple(undescribed))
    return ReleaseLicence(next(name for name in licence_table() if name in shared), "computed")


def _stated(own: Mapping[str, str], wanted: str, alike: Alike | None) -> ReleaseLicence:
    for source, licence in own.items():
        allowed = allows(licence, wanted, alike)
        if not allowed:
            raise _not_allowed(source, licence, wanted, alike, is_known=allowed is not None)
    return ReleaseLicence(wanted, "stated")


def _undescribed(licence: str, alike: Alike | None) -> Iterator[str]:
    for each in licences_of(parse(licence)):
        if not terms_of(each, alike).known:
            yield each.name


def _smallest_clash(outbound: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the sources of a smallest set with no licence in common: the first such set in the sources' order."""
    # Sources that go into the same licences stand for each other.
    first: dict[frozenset[str], str] = {}
    for source, targets in outbound.items():
        first.setdefault(targets, source)
    for size in _TRIED_SIZES:
        for group in itertools.combinations(first, size):
            if not common(group):
                return tuple(first[targets] for targets in group)
    left = list(first)
    for targets in first:
        others = [each for each in left if each != targets]
        if not common(others):
            left = others
    return tuple(first[targets] for targets in left)


def _clash(own: Mapping[str, str], sources: Sequence[str], alike: Alike | None) -> LicenceClashError:
    named = [f"{source} ({own[source]})" for source in sources]
    if len(sources) == 1:
        what = f"The licence of the source {named[0]} lets it be part of no release with other sources"
    else:
        what = f"The licences of the sources {', '.join(named[:-1])} and {named[-1]} exclude each other"
    where = ", ".join(f"sources.{source}.licence" for source in sources)
    terms = [terms_of(own[source], alike) for source in sources]
    why = why_they_clash([own[source] for source in sources], terms)
    return LicenceClashError(what, where=where, why=why, hint=_ways_out(own, sources, terms))


def why_they_clash(licences: Sequence[str], terms: Sequence[Terms]) -> str:
    """Say which duty contradicts which.

    Args:
        licences: licences that clash.
        terms: the terms of each.
    """
    for licence, each in zip(licences, terms, strict=True):
        if each.adaptations is False:
            return (
                f"{licence} forbids sharing what was changed or mixed; a release cuts texts into pairs and puts them "
                "beside those of other sources"
            )
    pairs = list(itertools.permutations(zip(licences, terms, strict=True), 2))
    for (licence, each), (other, others) in pairs:
        if each.commercial is False and others.share_alike and others.commercial:
            return (
                f"{other} asks that the whole be shared under {_targets(others)}, which allows commercial use, and "
                f"{licence} forbids that"
            )
    named = zip(licences, terms, strict=True)
    asks = [f"what is under {licence} may be part of works under {_targets(each)}" for licence, each in named]
    return f"{'; '.join(asks)}; there is no licence that all of them allow"


def _targets(terms: Terms) -> str:
    names = [name for name in licence_table() if terms.outbound and name in terms.outbound]
    if not names:
        return "no licence"
    more = f" and {len(names) - _NAMED_TARGETS} others" if len(names) > _NAMED_TARGETS else ""
    *first, last = names[:_NAMED_TARGETS]
    return f"{', '.join(first)}, {last}{more}" if more else f"{', '.join(first)} or {last}" if first else last


def _ways_out(own: Mapping[str, str], sources: Sequence[str], terms: Sequence[Terms]) -> str:
    each = "it" if len(sources) == 1 else "one of them"
    ways = [f"leave {each} out"]
    if any(part.commercial is False for part in terms):
        ways.append("run with --commercial-safe, which leaves out what forbids commercial use")
    ways.append(f"set `redistribution: recipe` on {each}, so that its rows go out as hashes without texts")
    references = [part.name for name in sources for part in licences_of(parse(own[name])) if is_reference(part.name)]
    if references:
        ways.append(f"describe it better under `licences: {{{references[0]}: {{like: CC-BY-4.0}}}}`")
    ways.append("set `release.licence: per-source` for a collection in which each row keeps its own licence")
    return f"{', or '.join(ways)}; docs/licences.md has the rules"


def _not_allowed(source: str, licence: str, wanted: str, alike: Alike | None, *, is_known: bool) -> LicenceClashError:
    what = f"The release cannot be shared under {wanted}"
    where = f"release.licence and sources.{source}.licence"
    if not is_known:
        name = next(iter(_undescribed(licence, alike)), licence)
        why = f"the source {source} is under {licence}, and nobody has said what {name} is like"
        hint = f"describe it: `licences: {{{name}: {{like: CC-BY-4.0}}}}`, or set `release.licence: per-source`"
        return LicenceClashError(what, where=where, why=why, hint=hint)
    targets = _targets(terms_of(licence, alike))
    why = f"the source {source} is under {licence}, which may be part of works under {targets}"
    hint = "set `release.licence: auto` to have it computed, or `redistribution: recipe` on the source"
    return LicenceClashError(what, where=where, why=why, hint=hint)
