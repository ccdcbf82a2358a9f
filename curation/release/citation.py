"""CITATION.cff: how to cite a release, in the Citation File Format 1.2.0 (citation-file-format.github.io)."""

from __future__ import annotations

from typing import Any

import yaml

from curation.config.model import RunConfig
from curation.config.release import Author
from curation.release.markdown import without_controls
from curation.release.statement import description


def render_citation(config: RunConfig, *, negatives: int) -> str:
    """Return the citation of a release, as YAML. Without authors in the config the dataset itself stands for them.

    Args:
        config: the resolved config.
        negatives: negatives of each row.
    """
    release = config.release
    title = line(release.title) or config.name
    value: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below, and the sources that it is made from.",
        "type": "dataset",
        "title": title,
        "version": release.version,
        "authors": [_author(author) for author in release.authors] or [{"name": f"The makers of {title}"}],
        "abstract": line(description(config, negatives=negatives)),
        "keywords": ["text embeddings", *(["hard negatives"] if negatives else []), "multilingual"],
    }
    if release.date:
        value["date-released"] = release.date
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)


def line(text: str) -> str:
    """Return a text on one line, without control or direction characters."""
    return " ".join(without_controls(text).split())


def _author(author: Author) -> dict[str, str]:
    if author.name is not None:
        # An ORCID is a person's as well as a group's in this format.
        named = {"name": author.name}
    else:
        named = {"family-names": author.family_names or "", "given-names": author.given_names or ""}
    more = {"affiliation": author.affiliation, "orcid": f"https://orcid.org/{author.orcid}" if author.orcid else None}
    cleaned = {key: line(value) for key, value in (named | more).items() if value}
    return {key: value for key, value in cleaned.items() if value}
