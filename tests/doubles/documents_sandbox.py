"""The folder that the documents take for granted: files of sources, a config, and a small real release under each name.

The text is Django's, in ten scripts. The runs are the program's own; what would take minutes is switched off in the
config, so that a document's commands are run as they stand.
"""

from __future__ import annotations

import gettext
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

_LOCALES = ("ar", "de", "el", "hi", "ja", "ko", "ru", "sw", "ta", "th")
# These bounds of the gate are meant for releases ten times as large.
_SMALL = """\
split: {test: 0.1}
mining: {num_negatives: 3}
training: {enabled: false, steps: 20, vocabulary: 500, dims: [16, 32], ranks: [16, 32], depth: 1}
gate: {max_near_leak_share: 0.2, max_quarantine_share: 0.1}
"""
# Without the stages that take longest to start, for runs that find none of theirs finished.
_NOT_NEAR = "test: 0.1, near_duplicates: false}\ndedup: {near: false"
_LIGHT = f"""\
split: {{{_NOT_NEAR}}}
mining: {{enabled: false}}
gate: {{enabled: false}}
"""
_SUBTITLES = """\
  - name: subtitles
    format: tsv
    path: data/news-1.tsv
    licence: CC-BY-4.0
    task: bitext
    query_language: en
    positive_language: {column: lang}
    columns: {query: english, positive: text}
"""
_HEAD = f"name: my-pairs\nsources:\n{_SUBTITLES}"
CONFIG = _HEAD + _SMALL
# For pages of which no command needs a verdict, and for one that runs everything anew.
UNGATED, LIGHT_CONFIG = CONFIG.replace("gate: {", "gate: {enabled: false, "), _HEAD + _LIGHT
# As docs/licences.md has it: a source whose texts may not be passed on.
_WITH_RECIPE = f"""\
name: my-pairs
sources:
  - {{name: verses, format: tsv, path: data/verses.tsv, licence: CC-BY-ND-4.0, task: bitext, redistribution: recipe,
     query_language: en, positive_language: {{column: lang}}, columns: {{query: english, positive: text}}}}
{_SUBTITLES.replace("news-1", "talks")}{_LIGHT}"""
# A cluster of this machine, and a script that finds the verdict made already (docs/triggers.md).
_PROGRAMS = {
    "bin/sbatch": '#!/bin/sh\n[ "$1" = --parsable ] && python "$2" >&2 && echo 17\n',
    "bin/sacct": '#!/bin/sh\n[ "$6" = 17 ] && echo COMPLETED\n',
    "submit.sh": """\
#!/bin/sh
exec python -c 'import json, shutil, sys
payload = json.load(sys.stdin)
shutil.copy(payload["release"]["reference"] + "/gate/verdict.json", payload["verdict"])'
""",
}
# The names that the documents give to a finished run.
_RUNS = ("run", "runs/1", "runs/first", "runs/second", "runs/earlier", "run-1", "run-2", "old", "new")


def make_sandbox(folder: Path, readme_config: str) -> None:
    """Fill a folder with all of it; takes a run of 2,000 records, with processes of its own.

    Args:
        folder: new.
        readme_config: the config that the README shows, whose sources are made, too.

    Raises:
        AssertionError: the run did not end with a passing verdict.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    translations = {locale: _messages(locale) for locale in _LOCALES}
    _write_table(data / "news-1.tsv", translations)
    _write_table(data / "verses.tsv", {"de": translations["de"]})
    _write_table(data / "talks.tsv", {locale: translations[locale] for locale in ("hi", "sw", "th")})
    _write_readme_sources(data, translations)
    lines = [text for text in (*translations["sw"].values(), *_messages("sw", "conf/locale").values()) if text.strip()]
    (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "budget: 200000" in readme_config
    small = readme_config.replace("budget: 200000", "budget: 150") + _SMALL.replace("test: 0.1", _NOT_NEAR)
    (folder / "pairs.yml").write_text(small, encoding="utf-8")
    (folder / "c.yml").write_text(CONFIG, encoding="utf-8")
    (folder / "config.yml").write_text(_WITH_RECIPE, encoding="utf-8")
    for name, text in _PROGRAMS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    command = [sys.executable, "-m", "curation.cli", "run", "c.yml", "--out", _RUNS[0], "--workers", "1"]
    done = subprocess.run(command, cwd=folder, env=environment(folder, {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in _RUNS[1:]:
        shutil.copytree(folder / _RUNS[0], folder / name, ignore=shutil.ignore_patterns("work"))


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a shell that finds this project's programs, and those of the folder `work` at home."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "OMP_NUM_THREADS", "TMPDIR") if name in os.environ}
    paths = [str(home / "work" / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    return {**kept, "PATH": os.pathsep.join(paths), "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


def _messages(locale: str, place: str = "contrib/a*/locale") -> dict[str, str]:
    """Return translations by message, without those that a table of lines cannot hold."""
    import django

    found: dict[str, str] = {}
    for file in sorted(Path(django.__file__).parent.glob(f"{place}/{locale}/LC_MESSAGES/django.mo")):
        with file.open("rb") as stream:
            found |= {key: text for key, text in vars(gettext.GNUTranslations(stream))["_catalog"].items() if key}
    return {
        key: text
        for key, text in sorted(found.items(), key=str)
        if isinstance(key, str) and not set("\t\r\n") & set(key + text)
    }


def _write_table(path: Path, translations: Mapping[str, Mapping[str, str]]) -> None:
    lines = ["english\ttext\tlang"]
    lines += [f"{key}\t{text}\t{locale}" for locale, table in translations.items() for key, text in table.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_readme_sources(data: Path, translations: Mapping[str, Mapping[str, str]]) -> None:
    swahili = translations["sw"]
    (data / "subtitles.en").write_text("".join(f"{key}\n" for key in swahili), encoding="utf-8")
    (data / "subtitles.sw").write_text("".join(f"{text}\n" for text in swahili.values()), encoding="utf-8")
    tamil, hindi = translations["ta"], translations["hi"]
    rows = [{"question": hindi[key], "answer": text} for key, text in tamil.items() if key in hindi]
    with gzip.open(data / "questions-1.jsonl.gz", "wb") as stream:
        stream.writelines(orjson.dumps(row) + b"\n" for row in rows)
