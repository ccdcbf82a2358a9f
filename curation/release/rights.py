"""What a release says about the licences of what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.licences import DescribedLicence
from curation.config.model import RunConfig
from curation.licences.expression import Expression, Joined, licences_of, parse
from curation.licences.licensing import Licensing, alike_of, licence_of
from curation.licences.terms import Alike, terms_of
from curation.release import layout

_BATCH_ROWS = 65_536
# What the Hub's front matter may say under `license` (hf.co/docs/hub/repositories-licenses), of what is in the table.
_HUB = (
    "0bsd apache-2.0 mit bsd-2-clause bsd-3-clause bsl-1.0 cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 "
    "cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 "
    "cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl "
    "epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 isc mpl-2.0 odbl "
    "odc-by pddl postgresql ncsa unlicense zlib"
)
_HUB_NAMES = {
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
    **{f"gfdl-{version}-{form}": "gfdl" for version in ("1.1", "1.2", "1.3") for form in ("only", "or-later")},
}
_SUMMARY = ("release", "how", "undescribed", "commercial_safe", "left_out", "recipes")


def licence_facts(licensing: Licensing, folder: Path, shards: pa.Table) -> dict[str, Any]:
    """Return what there is to say about the licences of a release, as JSON values.

    The licence of the release is found once more from what is in it: a source that nothing is left of has no say.

    Args:
        licensing: what followed from the config.
        folder: folder in which the files lie under their paths.
        shards: the files of the release.

    Returns:
        What `Licensing.to_json` says; `sources`, with the licence, its terms and the rows of each; `rows`, how many
        rows of the full view are under which expression.

    Raises:
        LicenceClashError: if what is in the release may be shared under no licence.
    """
    counts = _count(folder, shards)
    config, alike = licensing.config, alike_of(licensing.config.licences)
    rows: Counter[str] = Counter()
    of_source: Counter[tuple[str, bool]] = Counter()
    for (source, licence, is_recipe), number in counts.items():
        of_source[source, is_recipe] += number
        rows[licence] += 0 if is_recipe else number
    licences = {expression for expression, number in rows.items() if number}
    sources = [
        {"source": source.name, "licence": source.licence, **_terms(source.licence, alike)}
        | {"rows": of_source[source.name, False], "recipe": of_source[source.name, True]}
        for source in config.sources
    ]
    found = licence_of(config, _in_release(config, licensing.recipes, of_source, licences))
    stated = {"release": found.expression, "how": found.how, "undescribed": list(found.undescribed)}
    in_order = [{"licence": expression, "rows": rows[expression]} for expression in sorted(licences)]
    return licensing.to_json() | stated | {"sources": sources, "rows": in_order}


def summary(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of it."""
    return {name: facts[name] for name in _SUMMARY}


def front_matter(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what the Hub is told: `license`, and where it has no name for that one, the name and where it stands."""
    if not facts["release"]:
        return {"license": "other", "license_name": "per-source", "license_link": layout.LICENCES}
    name = str(facts["release"]).lower()
    short = _HUB_NAMES.get(name, name.removesuffix("-only").removesuffix("-or-later"))
    if short in _HUB.split():
        return {"license": short}
    plain = "-".join("".join(char if char.isalnum() or char in ".-" else " " for char in name).split())
    return {"license": "other", "license_name": plain, "license_link": layout.LICENCES}


def release_note(facts: Mapping[str, Any]) -> str:
    """Return what the release as a whole is under, as sentences of plain text."""
    if facts["release"]:
        reasons = {
            "same": "the licence of everything in it",
            "computed": "the freest licence that the licences of all its sources allow",
            "stated": "as its makers decided; the licences of all its sources allow it",
        }
        return f"As a whole it is under {facts['release']}: {reasons[facts['how']]}."
    whole = "It is a collection: there is no licence for the whole, and each row keeps its own."
    if not facts["undescribed"]:
        return whole
    return f"{whole} Nobody has said what these are like: {', '.join(facts['undescribed'])}."


def source_note(source: Mapping[str, Any], described: Mapping[str, DescribedLicence]) -> str:
    """Return the line of a source in the licence notes, as plain text on one line.

    Args:
        source: one of `sources` in the facts.
        described: the config's section `licences`.
    """
    named = [described[part.name] for part in licences_of(parse(source["licence"])) if part.name in described]
    notes = [", ".join(filter(None, (each.name, each.url, each.like and f"like {each.like}"))) for each in named]
    notes += ["its rows are here as hashes, without texts"] if source["recipe"] else []
    words = " ".join("; ".join(filter(None, notes)).split())
    said = "".join(char for char in words if char.isprintable())
    return f"{source['source']}: {source['licence']}" + (f" ({said})" if said else "")


def terms_row(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of a source in the table of the card: rows, rows without texts, and the terms in words."""
    asked = {True: "required", False: "no", None: "not known"}
    allowed = {True: "allowed", False: "forbidden", None: "not known"}
    counts = (f"{source['rows']:,}", f"{source['recipe']:,}")
    return (*counts, asked[source["attribution"]], asked[source["share_alike"]], allowed[source["commercial"]])


def left_out_notes(facts: Mapping[str, Any]) -> list[str]:
    """Return a sentence about the sources that were left out for their licence, or nothing."""
    if not facts["commercial_safe"]:
        return []
    named = [f"{each['source']} ({each['licence']}: {each['why']})" for each in facts["left_out"]]
    allowed = "Every source allows commercial use."
    return [f"{allowed} Left out for that: {'; '.join(named)}." if named else allowed]


def _count(folder: Path, shards: pa.Table) -> Counter[tuple[str, str, bool]]:
    """Count the rows of each source under each licence, with texts and without."""
    counts: Counter[tuple[str, str, bool]] = Counter()
    for path in shards["path"].to_pylist():
        shard, is_recipe = layout.parse_shard(path), layout.parse_recipe(path) is not None
        if is_recipe or (shard is not None and shard[0] == "full"):
            for batch in pq.ParquetFile(folder / path).iter_batches(_BATCH_ROWS, columns=["source", "licence"]):
                for source, licence, number in _pairs(pa.table(batch)):
                    counts[source, licence, is_recipe] += number
    return counts


def _pairs(rows: pa.Table) -> Iterator[tuple[str, str, int]]:
    grouped = rows.group_by(["source", "licence"], use_threads=False).aggregate([([], "count_all")])
    for row in grouped.to_pylist():
        yield row["source"], row["licence"], row["count_all"]


def _in_release(
    config: RunConfig, recipes: Sequence[str], rows: Mapping[tuple[str, bool], int], licences: set[str]
) -> dict[str, str]:
    """Return the licence of each source with texts in the release: its own rows, or negatives of other sources'."""
    parts = {part for licence in licences for part in _parts(licence)}
    return {
        source.name: source.licence
        for source in config.sources
        if rows[source.name, False] or (source.name not in recipes and set(_parts(source.licence)) <= parts)
    }


def _parts(licence: str) -> tuple[Expression, ...]:
    tree = parse(licence)
    return tree.parts if isinstance(tree, Joined) and tree.operator == "AND" else (tree,)


def _terms(licence: str, alike: Alike) -> dict[str, bool | None]:
    terms = terms_of(licence, alike)
    return {name: getattr(terms, name) for name in ("attribution", "commercial", "adaptations", "share_alike")}
