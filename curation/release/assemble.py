"""Putting a release together: shards, statistics, card, licences, and the manifest that seals them."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.code import code_digest, versions
from curation.config.model import Dedup, RunConfig
from curation.dedup.index import index_schema, read_withdrawn, write_index
from curation.dedup.known import Known
from curation.files import atomic_path, sha256_file, write_json, write_text
from curation.licences.licensing import apply_licences
from curation.release import Release, layout, open_release
from curation.release.card import render_card, render_licences
from curation.release.changelog import render_changelog
from curation.release.citation import render_citation
from curation.release.croissant import croissant
from curation.release.diff import ReleaseDiff, diff_releases
from curation.release.parent import check_version
from curation.release.rights import licence_facts, summary
from curation.release.shards import released_negatives
from curation.release.verify import check_files
from curation.release.zero_shot import mteb_training_datasets

MANIFEST_SCHEMA = "curation-manifest/1"


def stated_config(config: RunConfig) -> dict[str, Any]:
    """Return the config as a manifest states it: how the work was cut changes no byte, nor where the parent lay."""
    return config.model_dump(mode="json", exclude={"engine": True, "release": {"parent"}})


def assemble_release(
    target: Path,
    *,
    config: RunConfig,
    fingerprints: Mapping[str, Sequence[Mapping[str, Any]]],
    shards: pa.Table,
    files: Path,
    stats: Mapping[str, Any],
    known: Known,
    evaluation: Sequence[Mapping[str, Any]] = (),
    parent: Release | None = None,
    ledger: Path | None = None,
) -> None:
    """Make the release folder `target`, or leave it as it is if it already holds exactly this release, undamaged.

    Args:
        target: folder of the release; appears whole or not at all.
        config: the resolved config, with the sources that a commercial-safe run leaves out.
        fingerprints: the files of each source, with digests.
        shards: path, bytes, sha256, rows and schema of each shard.
        files: folder in which the shards lie under their paths, and the parts of the index.
        stats: the run's statistics.
        known: the earlier releases that its records were compared with.
        evaluation: task, split and files, with digests, of each evaluation set that was kept out.
        parent: the release that this one replaces.
        ledger: ledger folder of the run, for the changelog.

    Raises:
        ConfigError: if the version does not say what has changed since the parent; `target` is as it was.
    """
    licensing = apply_licences(config)
    kept = licensing.config
    stats = {**stats, "licence": licence_facts(licensing, files, shards)}
    with _staging(target) as staged:
        for path in shards["path"].to_pylist():
            _copy(files / path, staged / path)
        write_json(staged / layout.STATS, stats)
        write_text(staged / layout.CARD, render_card(kept, stats, shards, staged))
        write_text(staged / layout.LICENCES, render_licences(kept, stats))
        write_json(staged / layout.CROISSANT, croissant(kept, stats, shards, staged))
        write_text(staged / layout.CITATION, render_citation(kept, negatives=released_negatives(shards, staged)))
        if config.dedup.index:
            _index(staged, files, shards["path"].to_pylist(), config.dedup, known)
        rights = summary(stats["licence"])
        manifest = functools.partial(_manifest, config, fingerprints, evaluation, shards, staged, known, parent, rights)
        diff = _diff(Release(staged, manifest(), ""), parent, ledger)
        write_text(staged / layout.CHANGELOG, render_changelog(kept, stats, diff, parent))
        write_json(staged / layout.MANIFEST, manifest())
        if _same(staged, target):
            return
        _replace(staged, target)


def _diff(release: Release, parent: Release | None, ledger: Path | None) -> ReleaseDiff | None:
    """Compare a release with its parent, whose own ledger may be anywhere: the changelog must not depend on that."""
    if parent is None:
        return None
    diff = diff_releases(parent, release, later_ledger=ledger)
    check_version(release.manifest["version"], diff)
    return diff


def _index(staged: Path, files: Path, shards: Sequence[str], options: Dedup, known: Known) -> None:
    gone = [read_withdrawn(open_release(path), known.withdrawn, options) for path in known.releases]
    withdrawn = pa.concat_tables([index_schema(options).empty_table(), *gone])
    # Every release of a series remembers the same ones.
    _, first = np.unique(withdrawn["id"].to_numpy(), return_index=True)
    withdrawn = withdrawn.take(pa.array(np.sort(first)))
    write_index(staged / layout.INDEX, files, layout.full_shards(shards), options, withdrawn)


def _manifest(
    config: RunConfig,
    fingerprints: Mapping[str, Sequence[Mapping[str, Any]]],
    evaluation: Sequence[Mapping[str, Any]],
    shards: pa.Table,
    staged: Path,
    known: Known,
    parent: Release | None,
    rights: Mapping[str, Any],
) -> dict[str, Any]:
    entries = shards.to_pylist() + [_entry(staged, path) for path in layout.OTHERS if (staged / path).exists()]
    return {
        "schema": MANIFEST_SCHEMA,
        "name": config.name,
        "version": config.release.version,
        "seed": config.seed,
        "config": stated_config(config),
        "code": code_digest(),
        "versions": versions(),
        "sources": {
            source.name: _source(source, fingerprints[source.name])
            for source in config.sources
            if source.name in fingerprints
        },
        "evaluation": list(evaluation),
        "mteb_training_datasets": mteb_training_datasets(
            [source for source in config.sources if source.name in fingerprints]
        ),
        "licence": dict(rights),
        "parent": parent.digest if parent else None,
        "against": list(known.digests),
        "files": sorted(entries, key=lambda entry: entry["path"]),
    }


def _source(source: Any, fingerprints: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    declared = {name: getattr(source, name) for name in ("licence", "task", "instruction")}
    languages = {name: getattr(source, name) for name in ("query_language", "positive_language")}
    codes = {name: value if isinstance(value, str) else None for name, value in languages.items()}
    return declared | {"languages": codes, "inputs": list(fingerprints)}


def _entry(staged: Path, path: str) -> dict[str, Any]:
    file = staged / path
    return {"path": path, "bytes": file.stat().st_size, "sha256": sha256_file(file)}


def _copy(source: Path, target: Path) -> None:
    # Not a link: whoever damages a release must not damage the work that it could be made from again.
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    staged = target.with_name(f".{target.name}.staged")
    if _replaced(target).exists() and not target.exists():
        # Somebody stopped between the two renames of `_replace`: it is the only release that there is.
        _replaced(target).rename(target)
    for leftover in (staged, _replaced(target)):
        shutil.rmtree(leftover, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _same(staged: Path, target: Path) -> bool:
    manifest = target / layout.MANIFEST
    if not manifest.is_file() or manifest.read_bytes() != (staged / layout.MANIFEST).read_bytes():
        return False
    return next(check_files(open_release(target)), None) is None


def _replace(staged: Path, target: Path) -> None:
    if target.exists():
        target.rename(_replaced(target))
    staged.rename(target)
    shutil.rmtree(_replaced(target), ignore_errors=True)


def _replaced(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")
