"""What an expression asks for and allows as a whole, and under which licences a work with it in it may be shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation.licences.expression import Expression, Licence, parse
from curation.licences.table import licence_table

Alike = Mapping[str, str]
"""What licences outside the table are like: name to an expression of licences in the table."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of an expression. None stands for what nobody has said, of a licence outside the table.

    Attributes:
        attribution: whether authors and licence must be named.
        commercial: whether commercial use is allowed.
        adaptations: whether adaptations may be shared.
        share_alike: whether adaptations must stay under the same or a few named licences.
        outbound: licences under which a work may be shared that contains what is under this one.
    """

    attribution: bool | None = None
    commercial: bool | None = None
    adaptations: bool | None = None
    share_alike: bool | None = None
    outbound: frozenset[str] | None = None

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return None not in (self.attribution, self.commercial, self.adaptations, self.share_alike, self.outbound)


def terms_of(expression: Expression | str, alike: Alike | None = None) -> Terms:
    """Return the terms of an expression.

    Of alternatives (`OR`) whoever makes the work chooses: it may be shared under what any of them goes into, and a duty
    holds only if all have it. Conditions that add up (`AND`) all hold. An exception (`WITH`) is passed over, since it
    speaks about programs.

    Args:
        expression: an SPDX expression.
        alike: what licences outside the table are like.

    Raises:
        ValueError: if it is no SPDX expression.
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    if isinstance(tree, Licence):
        return _of_licence(tree.name, alike or {})
    parts = [terms_of(part, alike) for part in tree.parts]
    return _either(parts) if tree.operator == "OR" else _both(parts)


def allows(licence: str, wanted: Expression | str, alike: Alike | None = None) -> bool | None:
    """Tell whether a work with something under `licence` in it may be shared under the expression `wanted`.

    Of alternatives in `wanted` its readers choose, so each of them must be allowed; of conditions that add up one that
    is allowed is enough, since readers must keep all of them.

    Returns:
        True or False, or None where nobody has said what `licence` is like.
    """
    tree = parse(wanted) if isinstance(wanted, str) else wanted
    if tree == parse(licence):
        return True
    if isinstance(tree, Licence):
        described = (alike or {}).get(tree.name)
        if described is not None and tree.name not in licence_table():
            return allows(licence, described)
        outbound = terms_of(licence, alike).outbound
        return None if outbound is None else tree.name in outbound
    answers = [allows(licence, part, alike) for part in tree.parts]
    return _all(answers) if tree.operator == "OR" else _any(answers)


def _of_licence(name: str, alike: Alike) -> Terms:
    facts = licence_table().get(name)
    if facts is None:
        # A description is written in licences of the table, so this ends here.
        return terms_of(alike[name]) if name in alike else Terms()
    return Terms(facts.attribution, facts.commercial, facts.adaptations, facts.share_alike, facts.outbound)


def _either(parts: Sequence[Terms]) -> Terms:
    known = [part.outbound for part in parts if part.outbound is not None]
    return Terms(
        attribution=_all([part.attribution for part in parts]),
        commercial=_any([part.commercial for part in parts]),
        adaptations=_any([part.adaptations for part in parts]),
        share_alike=_all([part.share_alike for part in parts]),
        outbound=frozenset().union(*known) if known else None,
    )


def _both(parts: Sequence[Terms]) -> Terms:
    outbound = [part.outbound for part in parts]
    return Terms(
        attribution=_any([part.attribution for part in parts]),
        commercial=_all([part.commercial for part in parts]),
        adaptations=_all([part.adaptations for part in parts]),
        share_alike=_any([part.share_alike for part in parts]),
        outbound=common([each for each in outbound if each is not None]) if None not in outbound else None,
    )


def common(outbound: Sequence[frozenset[str]]) -> frozenset[str]:
    """Return the licences that are in all of at least one set."""
    return frozenset.intersection(*outbound)


def _all(values: Sequence[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _any(values: Sequence[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False
