"""What a run reads and writes that only this machine has, for runners whose workers are on others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from curation.config.mining import LEXICAL
from curation.config.model import HubSource, MosesSource, RunConfig, Source
from curation.errors import ConfigError
from curation.langid.fetch import PUBLISHED
from curation.langid.model import EMBEDDED
from curation.mining.teachers.precomputed import SCHEME
from language_configs.table import ENVIRONMENT

_PACKAGE = "package:"
# fsspec's names of file systems that end with the machine, or with the process.
_LOCAL_SCHEMES = ("file", "local", "memory")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Something that workers on other machines cannot see.

    Attributes:
        key: the config key, or the option of the command line, that names it.
        value: what stands there.
        hint: where it belongs instead.
    """

    key: str
    value: str
    hint: str


def is_local(place: str) -> bool:
    """Tell whether a path or URL is on this machine."""
    scheme, separator, _ = place.partition("://")
    return not separator or scheme in _LOCAL_SCHEMES


def local_places(config: RunConfig, work: str) -> list[LocalPlace]:
    """Return what the steps of a run would look for on this machine.

    What only the launching program reads (`release.parent`, `dedup.withdrawn`) is not among it.

    Args:
        config: the resolved config.
        work: folder or URL of the stages' results.
    """
    found = [LocalPlace("--work", work, "--work gs://BUCKET/FOLDER")] if is_local(work) else []
    for source in config.sources:
        found += _of_source(source)
    bucket = "copy it to a bucket"
    for number, entry in enumerate(config.decontaminate.sets):
        key = f"decontaminate.sets.{number}.path"
        found += [LocalPlace(key, path, bucket) for path in _listed(entry.path) if is_local(path)]
    found += [LocalPlace("dedup.against", path, bucket) for path in config.dedup.against if is_local(path)]
    return found + list(_of_models(config))


def check_places(where: Literal["here", "elsewhere", "sharing"], config: RunConfig, work: str) -> None:
    """Refuse a run whose workers would look in vain for its files.

    Args:
        where: where the workers are, see `pipelines.runners.options.where_workers_are`.
        config: the resolved config.
        work: folder or URL of the stages' results.

    Raises:
        ConfigError: with the first places, and what to do about the first.
    """
    found = local_places(config, work) if where == "elsewhere" else []
    if found:
        named = "; ".join(f"{place.key} {place.value}" for place in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConfigError(
            "The workers run on other machines and cannot see files of this one",
            where=found[0].key,
            why=f"local: {named}{more}",
            hint=found[0].hint,
        )


def check_languages(where: Literal["here", "elsewhere", "sharing"], folder: str | None, *, in_image: bool) -> None:
    """Refuse language files of the user's own that the workers would not have.

    Args:
        where: where the workers are.
        folder: what CURATION_LANGUAGES names here, if anything.
        in_image: whether the user says that the workers' container has these files.

    Raises:
        ConfigError: with how the files get into a container.
    """
    if where == "here" or in_image or not folder:
        return
    raise ConfigError(
        "The workers run elsewhere and would not know your language files",
        where=ENVIRONMENT,
        why=f"it names {folder} in this environment, which is not that of the workers",
        hint="put the files into the workers' container, see docs/running.md, and add --languages_in_image",
    )


def _of_source(source: Source) -> list[LocalPlace]:
    if isinstance(source, HubSource):
        hint = "give ORG/NAME and a revision, or copy the files to a bucket and read them as parquet"
        return [] if source.revision else [LocalPlace(f"sources.{source.name}.path", str(source.path), hint)]
    keyed = [("path", path) for path in _listed(source.path)]
    if isinstance(source, MosesSource):
        keyed += [("positive_path", path) for path in _listed(source.positive_path)]
    return [LocalPlace(f"sources.{source.name}.{key}", path, _hint_for(path)) for key, path in keyed if is_local(path)]


def _hint_for(path: str) -> str:
    if path.startswith(_PACKAGE):
        return "an installed package may be another one on the workers: copy its files to a bucket"
    return "copy it to a bucket: gcloud storage cp, aws s3 cp"


def _of_models(config: RunConfig) -> Iterator[LocalPlace]:
    image = "give ORG/MODEL@REVISION and put the model into the workers' container, see deploy/dataflow/Dockerfile"
    identify, mining = config.identify, config.mining
    if identify.enabled and identify.model != EMBEDDED and identify.model not in PUBLISHED:
        yield LocalPlace("identify.model", identify.model, "use lid.176 or glotlid")
    if not mining.enabled:
        return
    if mining.cache is not None and is_local(mining.cache):
        yield LocalPlace("mining.cache", mining.cache, "leave it out, or give gs://BUCKET/FOLDER")
    teacher = mining.teacher.model
    if teacher.startswith(SCHEME):
        yield LocalPlace("mining.teacher.model", teacher, "vectors are read from local files only: name the model")
    elif teacher != LEXICAL and "@" not in teacher:
        yield LocalPlace("mining.teacher.model", teacher, image)
    if mining.cross_encoder is not None and "@" not in mining.cross_encoder.model:
        yield LocalPlace("mining.cross_encoder.model", mining.cross_encoder.model, image)


def _listed(paths: str | Sequence[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)
