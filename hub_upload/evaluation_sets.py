"""What the installed mteb evaluates on: which texts, in which splits and languages, and the texts themselves.

A task's own code says it, not a list of ours: tasks that evaluate on `train`, that take a part of a split, or that are
made of others come out as they are run. Needs the extra `eval`; exporting texts needs a network.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from curation.errors import ConfigError, CurationError
from curation.files import atomic_path

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("task", "split", "subset", "language", "kind")] + [("text", pa.large_string())]
)

_RETRIEVAL_PARTS = {"queries": "query", "corpus": "document"}
_SUMMARY_COLUMNS = ("human_summaries_column_name", "machine_summaries_column_name")
# What a message of a conversation, which may be a query, calls its text.
_MESSAGE_TEXT = ("content", "text")


@dataclass(frozen=True, slots=True)
class TaskListing:
    """What one task evaluates on.

    Attributes:
        task: its name.
        type: its type, as mteb calls it.
        dataset: path of its dataset on the Hub.
        revision: commit of the dataset.
        splits: splits that are evaluated on.
        subsets: languages (`eng-Latn`) of each subset.
        kinds: what is compared: the names of text columns, or `query` and `document` of retrieval and reranking.
        adapted_from: tasks with the same data under other names.
        superseded_by: the task that replaces it, or empty.
    """

    task: str
    type: str
    dataset: str
    revision: str
    splits: tuple[str, ...]
    subsets: Mapping[str, tuple[str, ...]]
    kinds: tuple[str, ...]
    adapted_from: tuple[str, ...]
    superseded_by: str


def find_tasks(names: Sequence[str], languages: Sequence[str] = ()) -> list[Any]:
    """Return mteb's tasks that are meant, in the order named, each once and aggregates as their parts.

    Args:
        names: names of tasks and of benchmarks (`STS17`, `MTEB(Multilingual, v2)`).
        languages: ISO 639-3 codes, with or without `-Latn`: only subsets in any of these; all if empty.

    Raises:
        ConfigError: if mteb is not installed, knows no such task, benchmark or language, or nothing is left.
    """
    mteb = _mteb()
    found: dict[str, Any] = {}
    for name in names:
        for task in _named(mteb, name):
            for part in _parts(task):
                if "text" in part.metadata.modalities and _in_languages(part, languages):
                    found.setdefault(part.metadata.name, part)
    if not found:
        raise ConfigError("No task with text is left", why=f"{', '.join(names)} in {', '.join(languages) or 'any'}")
    return list(found.values())


def describe(task: Any) -> TaskListing:
    """Return what a task evaluates on."""
    meta = task.metadata
    languages = meta.hf_subsets_to_langscripts
    return TaskListing(
        task=meta.name,
        type=meta.type,
        dataset=meta.dataset["path"],
        revision=meta.dataset["revision"],
        splits=tuple(task.eval_splits),
        subsets={subset: tuple(languages.get(subset, ())) for subset in task.hf_subsets},
        kinds=_kinds(task),
        adapted_from=tuple(meta.adapted_from or ()),
        superseded_by=meta.superseded_by or "",
    )


def to_yaml(listings: Sequence[TaskListing], folder: str) -> str:
    """Return the section `decontaminate` of a config, for texts that `export` has put into `folder`."""
    lines = ["decontaminate:", "  sets:"]
    for listing in listings:
        codes = sorted({code for languages in listing.subsets.values() for code in languages})
        lines.append(f"    # {listing.dataset} at {listing.revision}; {listing.type}: {_some(listing.kinds)}")
        lines.append(f"    # {len(listing.subsets):,} subset(s), {len(codes):,} language(s): {_some(codes)}")
        for split in listing.splits:
            entry: dict[str, object] = {"task": listing.task, "split": split, "format": "parquet", "columns": ["text"]}
            entry |= {"path": f"{folder}/{_file(listing.task, split)}", "language": {"column": "language"}}
            shown = yaml.safe_dump(entry, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
            lines.append(f"    - {shown.strip()}")
    return "\n".join(lines)


def export(task: Any, folder: Path) -> list[Path]:
    """Load a task and write the texts of each split that it evaluates on to `folder`/TASK/SPLIT.parquet.

    The files have the columns of `SCHEMA`; of equal texts of one kind and language the first is written. Columns of
    several languages have that of each text where mteb says which column is in which, else an empty one.

    Raises:
        CurationError: if the task cannot be loaded, or holds no text.
    """
    name = task.metadata.name
    try:
        task.load_data()
        if hasattr(task, "convert_v1_dataset_format_to_v2"):
            task.convert_v1_dataset_format_to_v2(num_proc=None)
    except Exception as error:  # each dataset's loader raises what it likes
        why = f"{type(error).__name__}: {error}"
        hint = "exporting needs a network, and for gated data `hf auth login`"
        raise CurationError(f"The task {name} cannot be loaded", why=why[:500], hint=hint) from error
    return [_write(task, split, folder / _file(name, split)) for split in task.eval_splits]


def _mteb() -> Any:
    try:
        import mteb
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[eval]'"
        raise ConfigError("mteb is not installed", why=str(error), hint=hint) from error
    return mteb


def _named(mteb: Any, name: str) -> Sequence[Any]:
    with contextlib.suppress(KeyError):
        tasks: Sequence[Any] = mteb.get_benchmark(name).tasks
        return tasks
    try:
        return [mteb.get_task(name)]
    except KeyError as error:
        hint = "mteb.get_tasks() and mteb.get_benchmarks() list what there is"
        raise ConfigError(f"mteb knows no task or benchmark {name!r}", why=str(error.args[0]), hint=hint) from None


def _parts(task: Any) -> Iterator[Any]:
    parts = getattr(task.metadata, "tasks", None)
    if not parts:
        yield task
    for part in parts or ():
        yield from _parts(part)


def _in_languages(task: Any, languages: Sequence[str]) -> bool:
    """Narrow a task down to some languages; say whether anything is left of it."""
    if not languages:
        return True
    try:
        task.filter_languages(list(languages))
    except ValueError as error:
        if "No subsets were found" in str(error):
            return False
        hint = "mteb wants ISO 639-3 codes, such as deu or deu-Latn"
        raise ConfigError("mteb knows no such language", why=str(error), hint=hint) from error
    return True


def _is_retrieval(task: Any) -> bool:
    from mteb.abstasks import AbsTaskRetrieval

    return isinstance(task, AbsTaskRetrieval)


def _kinds(task: Any) -> tuple[str, ...]:
    if _is_retrieval(task):
        return tuple(_RETRIEVAL_PARTS.values())
    columns = [column for column, modality in task._get_content_columns().items() if modality == "text"]
    return tuple(columns + [getattr(task, name) for name in _SUMMARY_COLUMNS if hasattr(task, name)])


def _file(task: str, split: str) -> str:
    return "/".join(re.sub(r"[^A-Za-z0-9._-]", "-", part) for part in (task, f"{split}.parquet"))


def _some(codes: Sequence[str], count: int = 8) -> str:
    return ", ".join(codes[:count]) + (", ..." if len(codes) > count else "")


def _write(task: Any, split: str, path: Path) -> Path:
    seen: set[tuple[str, str, str]] = set()
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for subset in _subsets(task):
            rows = []
            for language, kind, text in _texts(task, subset, split):
                if text.strip() and (language, kind, text) not in seen:
                    seen.add((language, kind, text))
                    rows.append((task.metadata.name, split, subset, language, kind, text))
            if rows:
                columns = zip(*rows, strict=True)
                writer.write_table(pa.table([pa.array(values) for values in columns], SCHEMA.names).cast(SCHEMA))
    if not seen:
        raise CurationError(f"The task {task.metadata.name} has no text in {split}", where=str(path))
    return path


def _subsets(task: Any) -> list[str]:
    # Parallel subsets share one table, with a column a language.
    return ["parallel"] if getattr(task, "parallel_subsets", False) else list(task.hf_subsets)


def _texts(task: Any, subset: str, split: str) -> Iterator[tuple[str, str, str]]:
    """Yield language, kind and text of every cell that is evaluated on."""
    data = task.dataset[subset][split] if subset in task.dataset else task.dataset[split]
    languages = tuple(task.metadata.hf_subsets_to_langscripts.get(subset, ()))
    if _is_retrieval(task):
        for part, kind in _RETRIEVAL_PARTS.items():
            yield from ((_language(languages, 0, 1), kind, text) for text in _flat(data[part]["text"]))
        return
    columns = _kinds(task)
    for place, column in enumerate(columns):
        language = column.replace("_", "-") if subset == "parallel" else _language(languages, place, len(columns))
        yield from ((language, column, text) for text in _flat(data[column]))


def _language(languages: Sequence[str], place: int, columns: int) -> str:
    """Return the language of a column; empty where it cannot be told which of several it is in."""
    if len(languages) == 1:
        return languages[0]
    return languages[place] if len(languages) == columns else ""


def _flat(cells: Any) -> Iterator[str]:
    for cell in cells:
        if isinstance(cell, str):
            yield cell
        elif isinstance(cell, Mapping):
            yield from _flat(cell[name] for name in _MESSAGE_TEXT if cell.get(name) is not None)
        elif isinstance(cell, Sequence):
            yield from _flat(cell)
