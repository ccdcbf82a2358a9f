"""What a config's licences mean for its run: which sources stay, which go out as recipes, what the release is under.

All of it follows from the config alone, so that a clash is found before anything is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from curation.config.licences import DescribedLicence, Redistribution
from curation.config.model import BaseSource, RunConfig
from curation.errors import ConfigError
from curation.licences.expression import Expression, Licence, parse
from curation.licences.release import ReleaseLicence, release_licence
from curation.licences.terms import Alike, terms_of


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source that a commercial-safe run does without.

    Attributes:
        source: its name.
        licence: its licence.
        why: the reason, as a clause.
    """

    source: str
    licence: str
    why: str


@dataclass(frozen=True, slots=True)
class Licensing:
    """What follows from the licences of a config.

    Attributes:
        config: the config, without the sources that are left out.
        left_out: those sources.
        recipes: names of the sources whose texts must not be in the release, in the config's order.
        licence: what the release is under, if every other source has rows in it.
    """

    config: RunConfig
    left_out: tuple[LeftOut, ...]
    recipes: tuple[str, ...]
    licence: ReleaseLicence

    def to_json(self) -> dict[str, Any]:
        """Return what plan, manifest and statistics say about licences, as JSON values."""
        return {
            "release": self.licence.expression,
            "how": self.licence.how,
            "undescribed": list(self.licence.undescribed),
            "commercial_safe": self.config.release.commercial_safe,
            "left_out": [asdict(each) for each in self.left_out],
            "recipes": list(self.recipes),
        }


def apply_licences(config: RunConfig) -> Licensing:
    """Find out what the licences of a config mean for its run.

    Raises:
        ConfigError: if no source is left, if all of them are recipes, or if a licence that forbids changes leaves open
            what is to be done.
        LicenceClashError: if the release cannot be shared under any licence.
    """
    alike = alike_of(config.licences)
    left_out = _left_out(config, alike) if config.release.commercial_safe else ()
    gone = {each.source for each in left_out}
    kept = [source for source in config.sources if source.name not in gone]
    if not kept:
        raise _nothing_left(left_out)
    config = config.model_copy(update={"sources": kept}) if gone else config
    recipes = tuple(source.name for source in kept if redistribution(source, config.licences) == "recipe")
    licences = {source.name: source.licence for source in kept if source.name not in recipes}
    if not licences:
        what, why = "No text would be left in the release", "the texts of every source must not be passed on"
        raise ConfigError(what, where="sources", why=why, hint="add a source that may be redistributed")
    return Licensing(config, left_out, recipes, licence_of(config, licences))


def licence_of(config: RunConfig, licences: Mapping[str, str]) -> ReleaseLicence:
    """Return the licence of a release that holds texts of these sources; see `release_licence`."""
    return release_licence(licences, requested=config.release.licence, alike=alike_of(config.licences))


def alike_of(described: Mapping[str, DescribedLicence]) -> Alike:
    """Return what the described licences are like, of those that are like another."""
    return {name: each.like for name, each in described.items() if each.like is not None}


def redistribution(source: BaseSource, described: Mapping[str, DescribedLicence]) -> Redistribution:
    """Return whether a source's texts may be in the release: as the source says, or else as its licence does.

    What nobody has described may be: whoever names a licence of their own knows what it allows.

    Raises:
        ConfigError: if the licence forbids to share changes, and the source does not say what is to be done.
    """
    if source.redistribution is not None:
        return source.redistribution
    if _must_stay(parse(source.licence), described):
        return "recipe"
    if terms_of(source.licence, alike_of(described)).adaptations is False:
        raise _ask(source)
    return "allowed"


def _must_stay(expression: Expression, described: Mapping[str, DescribedLicence]) -> bool:
    if isinstance(expression, Licence):
        return expression.name in described and described[expression.name].redistribution == "recipe"
    answers = [_must_stay(part, described) for part in expression.parts]
    return all(answers) if expression.operator == "OR" else any(answers)


def _ask(source: BaseSource) -> ConfigError:
    why = (
        f"{source.licence} allows to share the texts as they are, but no adaptation; whether pairs cut from them, with "
        "negatives beside, are one is for you to decide"
    )
    hint = (
        "set `redistribution: recipe`, and its rows go out as hashes without texts; or `redistribution: allowed`, if "
        "you have permission or share the texts unchanged"
    )
    what = f"The source {source.name} must say whether its texts may be redistributed"
    return ConfigError(what, where=f"sources.{source.name}.licence", why=why, hint=hint)


def _left_out(config: RunConfig, alike: Alike) -> tuple[LeftOut, ...]:
    reasons = {False: "it forbids commercial use", None: "nobody has said whether it allows commercial use"}
    answers = [(source, terms_of(source.licence, alike).commercial) for source in config.sources]
    return tuple(
        LeftOut(source.name, source.licence, reasons[answer]) for source, answer in answers if answer is not True
    )


def _nothing_left(left_out: tuple[LeftOut, ...]) -> ConfigError:
    named = "; ".join(f"{each.source} ({each.licence}): {each.why}" for each in left_out)
    hint = "add a source that allows it, or describe a licence: `licences: {LicenseRef-x: {like: CC-BY-4.0}}`"
    what, where = "No source allows commercial use", "--commercial-safe (release.commercial_safe)"
    return ConfigError(what, where=where, why=named, hint=hint)
