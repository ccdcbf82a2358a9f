from __future__ import annotations

import pytest

from curation.config import RunConfig
from curation.errors import ConfigError, LicenceClashError
from curation.licences.licensing import Licensing, apply_licences


def config(licences: dict[str, object], *, described: object = None, **release: object) -> RunConfig:
    """Return a config of sources by name, each with its licence, or with a licence and what is done about it."""
    sources = []
    for name, given in licences.items():
        licence, redistribution = given if isinstance(given, tuple) else (given, None)
        source = {"name": name, "format": "tsv", "path": "x", "licence": licence, "task": "bitext"}
        sources.append(source | ({"redistribution": redistribution} if redistribution else {}))
    values = {"name": "weather", "sources": sources, "licences": described or {}, "release": release}
    return RunConfig.model_validate(values)


def applied(licences: dict[str, object], **settings: object) -> Licensing:
    return apply_licences(config(licences, **settings))  # type: ignore[arg-type]


def test_a_run_that_is_not_for_commerce_keeps_every_source() -> None:
    found = applied({"a": "CC-BY-NC-4.0", "b": "CC-BY-4.0"})
    assert (found.licence.expression, found.left_out, found.recipes) == ("CC-BY-NC-4.0", (), ())
    assert found.config is not None
    assert [source.name for source in found.config.sources] == ["a", "b"]


@pytest.mark.parametrize(
    ("licence", "described", "why"),
    [
        ("CC-BY-NC-4.0", None, "forbids commercial use"),
        ("CC-BY-4.0 AND CC-BY-NC-SA-3.0", None, "forbids commercial use"),
        ("LicenseRef-mine", None, "nobody has said"),
        ("LicenseRef-mine AND MIT", None, "nobody has said"),
        ("GPL-1.0-only", None, "nobody has said"),
        ("LicenseRef-mine AND CC-BY-NC-4.0", None, "forbids commercial use"),
        ("LicenseRef-mine", {"LicenseRef-mine": {"like": "CC-BY-NC-2.0"}}, "forbids commercial use"),
        ("CC-BY-NC-4.0 OR CC-BY-4.0", None, ""),
        ("LicenseRef-mine OR MIT", None, ""),
        ("LicenseRef-mine", {"LicenseRef-mine": {"like": "CC-BY-4.0"}}, ""),
        ("GPL-3.0-only WITH GCC-exception-3.1", None, ""),
    ],
)
def test_what_is_left_out_of_a_commercial_safe_run(licence: str, described: object, why: str) -> None:
    found = applied({"a": licence, "b": "CC0-1.0"}, described=described, commercial_safe=True)
    assert [each.source for each in found.left_out] == (["a"] if why else [])
    assert all(why in each.why and each.licence == licence for each in found.left_out)
    assert [source.name for source in found.config.sources] == (["b"] if why else ["a", "b"])


def test_a_commercial_safe_run_that_has_nothing_left_names_every_source() -> None:
    with pytest.raises(ConfigError, match="No source allows commercial use") as raised:
        applied({"films": "CC-BY-NC-4.0", "mine": "LicenseRef-mine"}, commercial_safe=True)
    assert raised.value.exit_code == 2
    assert "films (CC-BY-NC-4.0): it forbids" in str(raised.value)
    assert "mine (LicenseRef-mine): nobody has said" in str(raised.value)


@pytest.mark.parametrize(
    ("given", "described", "recipes"),
    [
        ("CC-BY-4.0", None, []),
        (("CC-BY-4.0", "recipe"), None, ["a"]),
        (("CC-BY-ND-4.0", "recipe"), None, ["a"]),
        (("CC-BY-NC-ND-3.0-DE", "recipe"), None, ["a"]),
        ("LicenseRef-x", None, []),
        ("LicenseRef-x", {"LicenseRef-x": {"redistribution": "recipe"}}, ["a"]),
        (("LicenseRef-x", "allowed"), {"LicenseRef-x": {"redistribution": "recipe"}}, []),
        ("LicenseRef-x OR MIT", {"LicenseRef-x": {"redistribution": "recipe"}}, []),
        ("LicenseRef-x AND MIT", {"LicenseRef-x": {"redistribution": "recipe"}}, ["a"]),
    ],
)
def test_what_goes_out_as_a_recipe(given: object, described: object, recipes: list[str]) -> None:
    assert list(applied({"a": given, "b": "CC0-1.0"}, described=described).recipes) == recipes


@pytest.mark.parametrize(
    ("licence", "described"),
    [
        ("CC-BY-ND-4.0", None),
        ("CC-BY-NC-ND-2.0 AND MIT", None),
        ("LicenseRef-x", {"LicenseRef-x": {"like": "CC-BY-ND-3.0"}}),
    ],
)
def test_a_licence_that_forbids_changes_asks_what_is_to_be_done(licence: str, described: object) -> None:
    with pytest.raises(ConfigError, match="The source verses must say") as raised:
        applied({"verses": licence, "b": "CC0-1.0"}, described=described)
    assert "`redistribution: recipe`" in raised.value.hint
    assert "`redistribution: allowed`" in raised.value.hint
    assert licence in raised.value.why


def test_texts_that_may_be_shared_unchanged_alone_keep_their_licence() -> None:
    assert applied({"a": ("CC-BY-ND-4.0", "allowed")}).licence.expression == "CC-BY-ND-4.0"


def test_the_licence_of_a_recipe_clashes_with_nothing() -> None:
    clash = {"a": "CC-BY-SA-4.0", "b": "CC-BY-NC-4.0"}
    with pytest.raises(LicenceClashError):
        applied(clash)  # type: ignore[arg-type]
    assert applied({**clash, "b": ("CC-BY-NC-4.0", "recipe")}).licence.expression == "CC-BY-SA-4.0"
    assert applied(clash, commercial_safe=True).licence.expression == "CC-BY-SA-4.0"  # type: ignore[arg-type]
    assert applied(clash, licence="per-source").licence.how == "per-source"  # type: ignore[arg-type]


def test_a_release_of_recipes_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="No text would be left"):
        applied({"a": ("MIT", "recipe"), "b": ("CC-BY-ND-4.0", "recipe")})


def test_what_is_said_of_it() -> None:
    found = applied({"a": "CC-BY-NC-4.0", "b": "MIT", "c": ("MIT", "recipe")}, commercial_safe=True)
    assert found.to_json() == {
        "release": "MIT",
        "how": "same",
        "undescribed": [],
        "commercial_safe": True,
        "left_out": [{"source": "a", "licence": "CC-BY-NC-4.0", "why": "it forbids commercial use"}],
        "recipes": ["c"],
    }
