"""The card, the changelog and the licence notes: generated from data, escaped, never from string templates of YAML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from curation.config.model import RunConfig
from curation.release import layout
from curation.release.rights import front_matter, left_out_notes, release_note, source_note, terms_row

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")
# Upper bounds of the Hub's size categories.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE_SIZES = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def escape(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line, without control or direction characters."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text)
    return _MARKDOWN.sub(r"\\\1", plain)


def render_card(config: RunConfig, stats: Mapping[str, Any], shards: pa.Table) -> str:
    """Return the dataset card: front matter for the Hub, then what a reader needs to know."""
    parts = [
        f"---\n{_yaml(_front_matter(config, stats, shards))}---",
        f"# {escape(config.release.title or config.name)} {config.release.version}",
        escape(config.release.description) or "Pairs with hard negatives for training multilingual text embeddings.",
        _loading(shards),
        _table(("split", "rows"), [(split, f"{stats['totals'][split]:,}") for split in layout.SPLITS]),
        "## Sources and licences\n\n" + _sources(config),
        "### Licence\n\n" + _licences_table(stats["licence"]),
        "## How it was made\n\n" + _funnel(stats),
        "## Languages\n\n" + _languages(stats),
        _limits(config),
    ]
    return "\n\n".join(parts) + "\n"


def render_changelog(config: RunConfig, stats: Mapping[str, Any]) -> str:
    """Return the changelog of a first release."""
    totals = stats["totals"]
    made = f"First release: {totals['released']:,} pairs in {len(_released(stats))} languages."
    return f"# Changelog\n\n## {config.release.version}\n\n{made}\n"


def render_licences(config: RunConfig, stats: Mapping[str, Any]) -> str:
    """Return the licence notes: what the release is under, and each source."""
    facts = stats["licence"]
    notes = [release_note(facts), "Each row is under the licence of its texts (column `licence` of the full view)."]
    lines = [source_note(source, config.licences) for source in facts["sources"]]
    return "\n\n".join([*notes, "\n".join(lines)]) + "\n"


def _licences_table(facts: Mapping[str, Any]) -> str:
    header = ("source", "licence", "rows", "without texts", "attribution", "share-alike", "commercial use")
    rows = [(escape(source["source"]), escape(source["licence"]), *terms_row(source)) for source in facts["sources"]]
    return "\n\n".join([escape(release_note(facts)), _table(header, rows), *map(escape, left_out_notes(facts))])


def _front_matter(config: RunConfig, stats: Mapping[str, Any], shards: pa.Table) -> dict[str, Any]:
    languages = sorted(_released(stats))
    return {
        "pretty_name": " ".join((config.release.title or config.name).split()),
        "language": sorted({code.split("_")[0] for code in languages if not code.endswith("_Zzzz")}),
        **front_matter(stats["licence"]),
        "multilinguality": ["multilingual" if len(languages) > 1 else "monolingual"],
        "size_categories": [_size(stats["totals"]["released"])],
        "task_categories": ["sentence-similarity", "feature-extraction"],
        "tags": ["sentence-transformers", "hard-negatives"],
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


def _loading(shards: pa.Table) -> str:
    language = next(
        (found[1] for path in shards["path"].to_pylist() if (found := layout.parse_shard(path))), "eng_Latn"
    )
    return f"""```python
from datasets import load_dataset

rows = load_dataset("PATH/OR/REPO", "{language}", split="train")  # anchor, positive, negative_1, ...
```

The configuration `all` holds every language; `{language}-full` the same rows as `{language}` with their
provenance: id, source, licence, languages, scores."""


def _sources(config: RunConfig) -> str:
    rows = [(escape(s.name), escape(s.licence), s.task, escape(s.instruction)) for s in config.sources]
    return _table(("source", "licence", "task", "instruction"), rows)


def _funnel(stats: Mapping[str, Any]) -> str:
    columns = ("stage", "in", "dropped", "merged", "quarantined", "out")
    return _table(columns, [tuple(_number(row[name]) for name in columns) for row in stats["funnel"]])


def _languages(stats: Mapping[str, Any]) -> str:
    rows = [
        (code, _number(row["read"]), _number(row["released"]), f"{1 - row['released'] / row['read']:.1%}")
        for code, row in _released(stats).items()
    ]
    return _table(("language", "read", "released", "lost"), rows)


def _limits(config: RunConfig) -> str:
    teacher = escape(config.mining.teacher.model) if config.mining.enabled else "none"
    return f"""## Limits

Languages are as declared by the sources, checked against the text; short texts can be mislabelled. Hard negatives
were chosen by the teacher {teacher}; some may still be right answers. The texts were written by others and may hold
personal data, errors and opinions. The gate's verdict, if there is one, is in `gate/verdict.json`."""


def _released(stats: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {code: row for code, row in stats["languages"].items() if row["released"]}


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
