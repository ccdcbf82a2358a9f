"""What every test needs, and one real run on a part of Django's catalogues: small, in many scripts, made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from toys import Silent

from curation.config import RunConfig, parse_config

_HERE = Path(__file__).parent

# Worker processes that an engine starts import the project and the toy stages by name.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(_HERE.parent), str(_HERE / "pipelines"), *filter(None, [os.environ.get("PYTHONPATH")])]
)

# For the double of Google's storage, see tests/doubles/cloud.py; gcsfs looks at it when it is imported.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"

# How long an example takes says more about the machine's other work than about ours.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that at the end no worker waits for the last of them."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("soak")}
    items.sort(key=lambda item: item.path not in long)


LOCALES = (
    "am",
    "ar",
    "bn",
    "de",
    "el",
    "fa",
    "he",
    "hi",
    "hy",
    "ja",
    "ka",
    "km",
    "ko",
    "my",
    "ru",
    "ta",
    "th",
    "zh_Hans",
)
CONFIG = f"""\
name: messages
seed: 3
sources:
  - name: django
    format: gettext
    path: package:django/contrib/a*/locale/*/LC_MESSAGES/django.po
    locales: [{", ".join(LOCALES)}]
    licence: BSD-3-Clause
    task: bitext
    trust: 60
  - name: extra
    format: tsv
    path: extra.tsv
    licence: CC0-1.0
    task: bitext
    query_language: eng_Latn
    positive_language: deu_Latn
    header: false
    columns: {{query: "0", positive: "1"}}
split: {{test: 0.2}}
mining: {{num_negatives: 3}}
balance: {{budget: 1500, temperature: 0.5}}
training: {{steps: 40, vocabulary: 1000}}
gate: {{min_language_pairs: 5}}
"""
# A repeated row, a near duplicate of a message of Django's, text in the wrong language, bad bytes, a missing field.
EXTRA = (
    "Good morning, everybody\tGuten Morgen, alle zusammen\n"
    "Good morning, everybody\tGuten Morgen, alle zusammen\n"
    "Please correct the errors below!\tBitte die unten aufgeführten Fehler korrigieren!\n"
    "The weather will be fine tomorrow\tЗавтра будет хорошая погода во всей стране\n"
    "Number 12345 is %(name)s\tNummer ist\n"
).encode() + b"broken \xff bytes\tkaputte \xff Bytes\nno tab in this line\n"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the config's relative paths are relative to."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "extra.tsv").write_bytes(EXTRA)
    (folder / "messages.yml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def config() -> RunConfig:
    return parse_config(CONFIG)


@pytest.fixture(scope="session")
def finished(base: Path, config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run, without a verdict; nobody may change it."""
    from pipelines.run import RunOptions, run

    out = tmp_path_factory.mktemp("finished") / "run"
    run(config, base, out, RunOptions(), Silent())
    return out
