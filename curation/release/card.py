"""The card and the licence notes: generated from data, escaped, never from string templates of YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from curation.config.model import RunConfig
from curation.release import layout
from curation.release.dataset_info import dataset_info
from curation.release.markdown import escape, number, table
from curation.release.rights import front_matter, left_out_notes, release_note, source_note, terms_row
from curation.release.shards import released_negatives
from curation.release.snippets import loading, training
from curation.release.statement import description, limits, points, released_languages
from language_configs import UnknownLanguageError, resolve

_CITATION = f"How to cite it stands in `{layout.CITATION}`. Please cite the sources that it is made from, too."
# Of the Hub's list of tasks, those that ours are.
_TASK_IDS = {"sts": "semantic-similarity-scoring", "retrieval": "document-retrieval"}
# Upper bounds of the Hub's size categories.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE_SIZES = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def render_card(config: RunConfig, stats: Mapping[str, Any], shards: pa.Table, folder: Path) -> str:
    """Return the dataset card: front matter for the Hub, then what a reader needs to know.

    Args:
        config: the resolved config.
        stats: the run's statistics.
        shards: path, bytes and rows of each shard.
        folder: where the shards lie; their footers are read.
    """
    language, split = _example(shards)
    negatives = released_negatives(shards, folder)
    matter = _front_matter(config, stats, shards, negatives) | {"dataset_info": dataset_info(folder, shards)}
    parts = [
        f"---\n{_yaml(matter)}---",
        f"# {escape(config.release.title or config.name)} {config.release.version}",
        escape(description(config, negatives=negatives)),
        _what_it_is(stats, negatives),
        table(("split", "rows"), [(split, f"{stats['totals'][split]:,}") for split in layout.SPLITS]),
        loading(language, split, negatives=negatives),
        training(config, split),
        "## Languages\n\n" + _languages(stats),
        "## How it was made\n\n" + "\n\n".join([_funnel(stats), *_quota(config, stats)]),
        "## Sources and licences\n\n" + "\n\n".join([_sources(config), _licences_table(stats["licence"])]),
        "## Limits\n\n" + _limits(config),
        "## Data statement\n\n" + _statement(config, stats),
        "## Citation\n\n" + _CITATION,
    ]
    return "\n\n".join(parts) + "\n"


def render_licences(config: RunConfig, stats: Mapping[str, Any]) -> str:
    """Return the licence notes: what the release is under, and each source."""
    facts = stats["licence"]
    notes = [release_note(facts), "Each row is under the licence of its texts (column `licence` of the full view)."]
    lines = [source_note(source, config.licences) for source in facts["sources"]]
    return "\n\n".join([*notes, "\n".join(lines)]) + "\n"


def _quota(config: RunConfig, stats: Mapping[str, Any]) -> list[str]:
    """Return what quotas did, unless every row was taken once."""
    if not config.balance.is_bound:
        return []
    asked, given, repeated, short = (
        sum(cell[name] for cell in stats["quota"]) for name in ("asked", "given", "repeated", "short")
    )
    how = f"by {config.balance.method}" if config.balance.budget else "without a budget"
    numbers = f"{number(asked)} training rows asked for, {number(given)} given"
    details = f"{number(repeated)} of these repeat others, {number(short)} are missing somewhere"
    return [f"Quotas {how}: {numbers}; {details}. `stats.json` has them by language, task and source."]


def _licences_table(facts: Mapping[str, Any]) -> str:
    header = ("source", "licence", "rows", "without texts", "attribution", "share-alike", "commercial use")
    rows = [(escape(source["source"]), escape(source["licence"]), *terms_row(source)) for source in facts["sources"]]
    return "\n\n".join([escape(release_note(facts)), table(header, rows), *map(escape, left_out_notes(facts))])


def _front_matter(config: RunConfig, stats: Mapping[str, Any], shards: pa.Table, negatives: int) -> dict[str, Any]:
    languages = sorted(released_languages(stats))
    return {
        "pretty_name": " ".join((config.release.title or config.name).split()),
        "language": sorted({code.split("_")[0] for code in languages if not code.endswith("_Zzzz")}),
        **front_matter(stats["licence"]),
        "annotations_creators": ["machine-generated" if config.mining.enabled else "no-annotation"],
        "language_creators": ["found"],
        "multilinguality": [_multilinguality(config, languages)],
        "source_datasets": ["original"],
        "size_categories": [_size(stats["totals"]["released"])],
        "task_categories": ["sentence-similarity", "feature-extraction"],
        "task_ids": sorted({_TASK_IDS[source.task] for source in config.sources if source.task in _TASK_IDS}),
        "tags": ["sentence-transformers", *(["hard-negatives"] if negatives else [])],
        "configs": _configs(shards),
    }


def _size(rows: int) -> str:
    return next((name for bound, name in _SIZES + _MORE_SIZES if rows < bound), "n>1B")


def _configs(shards: pa.Table) -> list[dict[str, Any]]:
    found = sorted({shard for path in shards["path"].to_pylist() if (shard := layout.parse_shard(path))})
    splits = [split for split in layout.SPLITS if any(shard[2] == split for shard in found)]
    everything = [{"split": split, "path": f"data/*/{split}-*.parquet"} for split in splits]
    configs: list[dict[str, Any]] = [{"config_name": "all", "default": True, "data_files": everything}]
    for view, suffix in (("data", ""), ("full", "-full")):
        for language in sorted({code for name, code, _ in found if name == view}):
            files = [
                {"split": split, "path": f"{view}/{language}/{split}-*.parquet"}
                for split in splits
                if (view, language, split) in found
            ]
            configs.append({"config_name": language + suffix, "data_files": files})
    return configs


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)


def _multilinguality(config: RunConfig, languages: Sequence[str]) -> str:
    if any(source.task == "bitext" for source in config.sources):
        return "translation"
    return "multilingual" if len(languages) > 1 else "monolingual"


def _example(shards: pa.Table) -> tuple[str, str]:
    """Return a language and a split that it has: if possible, one to train on."""
    found = [shard for path in shards["path"].to_pylist() if (shard := layout.parse_shard(path))]
    languages = sorted({(layout.SPLITS.index(split), language) for view, language, split in found if view == "data"})
    split, language = languages[0] if languages else (0, "eng_Latn")
    return language, layout.SPLITS[split]


def _what_it_is(stats: Mapping[str, Any], negatives: int) -> str:
    each = ", each with hard negatives" if negatives else ""
    languages = len(released_languages(stats))
    return (
        f"{stats['totals']['released']:,} pairs in {languages} languages{each}. "
        f"`{layout.MANIFEST}` holds the digest of every file (`curate verify`), `{layout.CHANGELOG}` what is new, "
        f"`{layout.CROISSANT}` the same for programs."
    )


def _sources(config: RunConfig) -> str:
    rows = [(escape(s.name), escape(s.licence), s.task, escape(s.instruction)) for s in config.sources]
    return table(("source", "licence", "task", "instruction"), rows)


def _funnel(stats: Mapping[str, Any]) -> str:
    columns = ("stage", "in", "dropped", "merged", "quarantined", "out")
    return table(columns, [tuple(escape(number(row[name])) for name in columns) for row in stats["funnel"]])


def _languages(stats: Mapping[str, Any]) -> str:
    header = ("language", "name", "read", "released", *layout.SPLITS, "lost", "mostly to")
    return table(header, [_language(code, row) for code, row in released_languages(stats).items()])


def _language(code: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    lost = sorted(row["lost"].items(), key=lambda item: (-item[1], item[0]))
    most = f"{escape(lost[0][0])} ({lost[0][1] / row['read']:.1%})" if lost else ""
    counts = (number(row[name]) for name in ("read", "released", *layout.SPLITS))
    return escape(code), escape(_name(code)), *counts, f"{sum(row['lost'].values()) / row['read']:.1%}", most


def _name(code: str) -> str:
    try:
        return resolve(code).name
    except UnknownLanguageError:
        return ""


def _limits(config: RunConfig) -> str:
    verdict = f"The gate's verdict, if there is one, is in `{layout.VERDICT}`."
    return "\n".join(f"- {line}" for line in [*map(escape, limits(config)), verdict])


def _statement(config: RunConfig, stats: Mapping[str, Any]) -> str:
    return "\n\n".join(f"**{title}.** {escape(text)}" for title, text in points(config, stats))
