"""Small sealed releases with a verdict, in many scripts, and the Hub's double to publish them to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest
from http_double import Route
from hub_accounts import Account
from hub_double import HubDouble
from whole_release import write_whole

from curation.config.model import RunConfig
from curation.dedup.known import Known
from curation.files import write_json
from curation.funnel import count_outcome
from curation.gate.verdict import Check, Verdict
from curation.ledger import empty_ledger
from curation.outcome import Outcome
from curation.quota.plan import PLAN_SCHEMA
from curation.records import RECORD_SCHEMA
from curation.release import Release, layout, open_release
from curation.release.assemble import assemble_release
from curation.release.stats import StageCount, compute_stats

TOKEN = "hf_" + "Zq7" * 12
REPO = "weather/sentences"

TEXTS = {
    "amh_Ethi": "ነገ አየሩ ጥሩ ይሆናል",
    "arb_Arab": "سيكون الطقس جميلاً غداً",
    "ben_Beng": "আগামীকাল আবহাওয়া ভালো থাকবে",
    "deu_Latn": "Morgen wird das Wetter schön",
    "ell_Grek": "Αύριο ο καιρός θα είναι καλός",
    "heb_Hebr": "מחר מזג האוויר יהיה נאה",
    "hin_Deva": "कल मौसम अच्छा रहेगा",
    "hye_Armn": "Վաղը եղանակը լավ կլինի",
    "jpn_Jpan": "明日は天気がよいでしょう",
    "kat_Geor": "ხვალ კარგი ამინდი იქნება",
    "kor_Hang": "내일은 날씨가 좋겠습니다",
    "rus_Cyrl": "Завтра будет хорошая погода",
    "tha_Thai": "พรุ่งนี้อากาศจะดี",
}


def make_release(
    folder: Path,
    version: str = "1.0.0",
    *,
    rows: int = 4,
    texts: Mapping[str, str] = TEXTS,
    verdict: Literal["pass", "fail", "error"] | None = "pass",
) -> Release:
    """Seal a release with some rows of each language, and let the gate have said something about it."""
    table = _records(rows, texts)
    source = {"name": "s", "format": "tsv", "path": "x", "licence": "CC0-1.0", "task": "bitext"}
    config = RunConfig.model_validate({"name": "weather", "sources": [source], "release": {"version": version}})
    files = folder / "files"
    shards = write_whole(table, files, rows_per_file=1_000, index=config.dedup).sort_by("path")
    counts = [StageCount("read", table.num_rows, table.num_rows)]
    stats = compute_stats(counts, empty_ledger(), shards, PLAN_SCHEMA.empty_table(), count_outcome(Outcome.keep(table)))
    inputs = {"s": [{"file": "x", "bytes": 1, "sha256": "0" * 64}]}
    target = folder / "release"
    assemble_release(target, config=config, fingerprints=inputs, known=Known(), shards=shards, files=files, stats=stats)
    release = open_release(target)
    if verdict is not None:
        judge(release, verdict)
    return release


def judge(release: Release, status: Literal["pass", "fail", "error"], *, digest: str | None = None) -> None:
    """Write a verdict, by default on exactly this release."""
    about = {"name": "weather", "version": release.manifest["version"], "manifest_sha256": digest or release.digest}
    verdict = Verdict(about, "0" * 64, {}, 1, (Check("data.files", "data", status),), {}, ())
    write_json(release.path / layout.VERDICT, verdict.to_json())


@contextlib.contextmanager
def hub(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    xet: bool = False,
    public: bool = False,
    more_routes: Iterable[Route] = (),
) -> Iterator[HubDouble]:
    """Serve a Hub on which TOKEN may write to the organisation of REPO; the environment leads there."""
    account = Account("ada", orgs=(REPO.partition("/")[0],))
    with HubDouble(folder, {TOKEN: account}, xet=xet, more_routes=more_routes) as double:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        # Read by the client whenever it uploads; its own default was set when it was imported.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", not xet)
        yield double


def _records(rows: int, texts: Mapping[str, str]) -> pa.Table:
    lines = []
    for language, text in texts.items():
        for number in range(rows):
            line: dict[str, object] = dict.fromkeys(RECORD_SCHEMA.names, "")
            line |= {"id": f"{language}-{number:05}", "query": f"weather {number}", "positive": f"{text} {number}"}
            line |= {"negatives": [f"{text} {number} {k}" for k in "ab"], "language": language, "source": "s"}
            line |= {"query_language": "eng_Latn", "positive_language": language}
            line |= {"licence": "CC0-1.0", "row": number, "split": "test" if number == 0 else "train"}
            lines.append(line)
    return pa.Table.from_pylist(lines, schema=RECORD_SCHEMA.append(pa.field("split", pa.string())))
