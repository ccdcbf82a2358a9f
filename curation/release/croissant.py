"""croissant.json: the release for programs, in Croissant 1.0 with the fields of its Responsible-AI extension 1.0.

Every shard is a `FileObject` with its digest; a `FileSet` for each view gathers them for the records, which mlcroissant
can read from the release's folder. Structures inside the view `full` are left out: Croissant has no field for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.model import RunConfig
from curation.config.release import Author
from curation.release import layout, statement
from curation.release.citation import line
from curation.release.shards import released_negatives

_PARQUET = "application/x-parquet"
_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int16": "sc:Integer",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float": "sc:Float",
    "double": "sc:Float",
}
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
# As mlcommons.org/croissant/1.0 prescribes it.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_ABOUT = {"data": "Texts for training, and nothing else.", "full": "The same rows with their provenance."}


def croissant(config: RunConfig, stats: Mapping[str, Any], shards: pa.Table, folder: Path) -> dict[str, Any]:
    """Return the metadata as JSON values.

    Args:
        config: the resolved config.
        stats: the run's statistics.
        shards: path, bytes and sha256 of each shard.
        folder: where they lie; one footer a view is read.
    """
    release = config.release
    entries = shards.sort_by("path").to_pylist()
    views = {view: path for view in get_args(layout.View) if (path := _first(entries, view))}
    value: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": config.name,
        "alternateName": line(release.title) or config.name,
        "description": line(statement.description(config, negatives=released_negatives(shards, folder))),
        "version": release.version,
        "license": sorted({_licence(source.licence) for source in config.sources}),
        "creator": [_creator(author) for author in release.authors],
        "citeAs": f"{line(release.title) or config.name} {release.version}",
        "inLanguage": sorted({_tag(code) for code in statement.released_languages(stats) if _tag(code)}),
        "distribution": [_file(entry) for entry in entries] + [_file_set(view) for view in views],
        "recordSet": [_record_set(view, pq.read_schema(folder / path)) for view, path in views.items()],
        **_responsibility(config, stats),
    }
    if release.date:
        value["datePublished"] = release.date
    return {key: item for key, item in value.items() if item}


def _first(entries: list[dict[str, Any]], view: str) -> str:
    paths: list[str] = [entry["path"] for entry in entries]
    return next((path for path in paths if (shard := layout.parse_shard(path)) and shard[0] == view), "")


def _licence(licence: str) -> str:
    """Return the address of a plain SPDX identifier, and of everything else the text."""
    plain = not licence.startswith("LicenseRef") and not set(line(licence)) & set(" ()+:/<>")
    return f"https://spdx.org/licenses/{line(licence)}" if plain else line(licence)


def _creator(author: Author) -> dict[str, Any]:
    if author.name is not None:
        return {"@type": "sc:Organization", "name": line(author.name)}
    parts = (author.given_names, author.family_names)
    return {"@type": "sc:Person", "name": line(" ".join(part for part in parts if part))}


def _tag(code: str) -> str:
    """Return the BCP-47 tag of a language; empty for programming languages."""
    language, _, script = code.partition("_")
    return "" if script == "Zzzz" else f"{language}-{script}"


def _file(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": entry["path"],
        "name": entry["path"],
        "contentUrl": entry["path"],
        "contentSize": f"{entry['bytes']} B",
        "encodingFormat": _PARQUET,
        "sha256": entry["sha256"],
    }


def _file_set(view: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{view}-files",
        "name": f"{view}-files",
        "encodingFormat": _PARQUET,
        "includes": f"{view}/*/*.parquet",
    }


def _record_set(view: str, schema: pa.Schema) -> dict[str, Any]:
    fields = [field for field in schema if _kind(field.type) in _TYPES]
    value = {
        "@type": "cr:RecordSet",
        "@id": view,
        "name": view,
        "description": _ABOUT[view],
        "field": [_field(view, field) for field in fields] + [_split_field(view)],
    }
    return value | ({"key": {"@id": "full/id"}} if view == "full" and "copy" not in schema.names else {})


def _kind(kind: pa.DataType) -> str:
    return str(kind.value_type if pa.types.is_list(kind) else kind)


def _field(view: str, field: pa.Field) -> dict[str, Any]:
    value = {
        "@type": "cr:Field",
        "@id": f"{view}/{field.name}",
        "name": f"{view}/{field.name}",
        "dataType": _TYPES[_kind(field.type)],
        "source": {"fileSet": {"@id": f"{view}-files"}, "extract": {"column": field.name}},
    }
    return value | ({"repeated": True} if pa.types.is_list(field.type) else {})


def _split_field(view: str) -> dict[str, Any]:
    source = {"fileSet": {"@id": f"{view}-files"}, "extract": {"fileProperty": "filename"}}
    return {
        "@type": "cr:Field",
        "@id": f"{view}/split",
        "name": f"{view}/split",
        "description": "From the name of the file: train, validation or test.",
        "dataType": "sc:Text",
        "source": source | {"transform": {"regex": r"^([a-z]+)-[0-9]+-of-[0-9]+\.parquet$"}},
    }


def _responsibility(config: RunConfig, stats: Mapping[str, Any]) -> dict[str, Any]:
    said = config.release.data_statement
    cleaning = "Language identification, filters by language and role, exact and near deduplication, decontamination."
    mined = f"Hard negatives by the teacher {config.mining.teacher.model}." if config.mining.enabled else ""
    found: dict[str, str | list[str]] = {
        "dataCollection": statement.collection(config, stats),
        "dataCollectionType": ["Secondary data analysis"],
        "dataPreprocessingProtocol": [cleaning, *([mined] if mined else [])],
        "dataUseCases": [statement.use_cases(config)],
        "dataBiases": [statement.biases(config, stats)],
        "dataLimitations": statement.limits(config),
        "personalSensitiveInformation": [statement.personal_information(config)],
        "annotatorDemographics": [said.annotator_demographic] if said.annotator_demographic else [],
        "dataReleaseMaintenancePlan": "Versions are never changed. The next one says in its changelog what is new.",
    }
    return {f"rai:{name}": _lines(value) for name, value in found.items() if value}


def _lines(value: str | list[str]) -> str | list[str]:
    return line(value) if isinstance(value, str) else [line(text) for text in value]
