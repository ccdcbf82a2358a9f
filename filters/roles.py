"""What each text of a record is, and the bounds that hold for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from curation.config.base import TaskType
from curation.config.model import Filters, Source
from filters.languages import find_language
from language_configs import variants
from language_configs.bounds import Bounds, Role, profile

Roles = Mapping[str, tuple[Role, Role]]
"""Role of the queries and of the positives of each source, by its name."""

DEFAULT_PROFILE = "standard"

_BY_TASK: Mapping[TaskType, tuple[Role, Role]] = MappingProxyType(
    {
        "retrieval": ("query", "passage"),
        "bitext": ("sentence", "sentence"),
        "sts": ("sentence", "sentence"),
        "clustering": ("passage", "title"),
        "classification": ("passage", "title"),
        "code": ("query", "code"),
    }
)


def declared_roles(sources: Iterable[Source]) -> dict[str, tuple[Role, Role]]:
    """Return the roles of each source's texts, as declared or else by its task type."""
    return {
        source.name: (
            source.query_role or _BY_TASK[source.task][0],
            source.positive_role or _BY_TASK[source.task][1],
        )
        for source in sources
    }


def role_of(declared: Role, language: str) -> Role:
    """Return the role of a text in a language: in a programming language it is code, whatever is declared."""
    found = find_language(language)
    return "code" if found is not None and found.kind == "programming" else declared


def bounds_of(options: Filters, language: str, role: Role) -> Bounds:
    """Return the bounds that hold for texts in a language and role.

    What a run sets goes before the language table, and what it sets for a language before what it sets for a role,
    and that before what it sets for all. A language that is in no table (`und_Thai`) has the bounds of the profile.
    """
    found = find_language(language)
    bounds = profile(options.profile or DEFAULT_PROFILE)[role] if found is None else found.bounds(role, options.profile)
    for layer in _layers(options, found.code if found else language, role):
        bounds = layer.over(bounds)
    return bounds


def _layers(options: Filters, code: str, role: Role) -> Iterator[Bounds]:
    yield options
    if role in options.roles:
        yield options.roles[role]
    for given, by_role in options.languages.items():
        if code in {language.code for language in variants(given)}:
            yield from (by_role[key] for key in ("all", role) if key in by_role)
