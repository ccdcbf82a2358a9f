"""What tests of triggers share: a small release, verdicts on it, requests, and time that nobody waits for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from small_releases import make_release

from curation.files import to_json, write_json
from curation.gate.verdict import Check, Verdict
from curation.release import Release, layout, open_release
from hub_upload.calls import Patience
from hub_upload.triggers import Request, Spec, Target
from hub_upload.triggers.waiting import Clock

DIGEST = "ab" * 32
COMMIT = "0123456789" * 4
PUSHED, NO_COMMIT = "a1" * 20, "0" * 40
REPO = "weather/sentences"
SECRETS = ("hf_" + "Zq7" * 12, "ghp_" + "Ab3" * 12, "github_pat_" + "Ab3_" * 12)

# What a verdict quotes may be in any script.
DETAILS = (
    "ነገ አየሩ ጥሩ ይሆናል",
    "سيكون الطقس جميلاً غداً",
    "আগামীকাল আবহাওয়া ভালো থাকবে",
    "Morgen wird das Wetter schön",
    "Αύριο ο καιρός θα είναι καλός",
    "מחר מזג האוויר יהיה נאה",
    "कल मौसम अच्छा रहेगा",
    "Վաղը եղանակը լավ կլինի",
    "明日は天気がよいでしょう",
    "ხვალ კარგი ამინდი იქნება",
    "내일은 날씨가 좋겠습니다",
    "Завтра будет хорошая погода",
    "พรุ่งนี้อากาศจะดี",
)


def verdict(status: Literal["pass", "fail", "error"] = "pass", digest: str = DIGEST) -> dict[str, Any]:
    """Return a verdict as the gate writes it."""
    checks = [Check("data.files", "data", status, detail=DETAILS[0])]
    checks += [Check(f"data.note{n}", "data", "pass", language="swh_Latn", detail=d) for n, d in enumerate(DETAILS)]
    about = {"name": "weather", "version": "1.0.0", "manifest_sha256": digest}
    return Verdict(about, "0" * 64, {"python": "3.11"}, 1, tuple(checks), {"losses": [0.5]}, ()).to_json()


def verdict_bytes(status: Literal["pass", "fail", "error"] = "pass", digest: str = DIGEST) -> bytes:
    return (to_json(verdict(status, digest)) + "\n").encode()


def on_hub(digest: str = DIGEST) -> Target:
    return Target(f"hf://datasets/{REPO}@{COMMIT}", digest, REPO, COMMIT)


def request(backend: str, target: Target | None = None, *, attempt: int = 1, **settings: Any) -> Request:
    return Request(target or on_hub(), Spec(backend, attempt=attempt, settings=settings))


@dataclass
class Times:
    """A clock that sleeping moves on, which takes no time."""

    at: float = 1_000.0
    slept: float = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.at += seconds
        self.slept += seconds

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)

    def patience(self, tries: int = 4) -> Patience:
        return Patience(tries=tries, sleep=self.sleep)


def texts_below(folder: Path) -> Iterator[str]:
    """Yield what stands in all files below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")


def event(*refs: Any, name: str = REPO, kind: str = "dataset") -> str:
    """Return an event in the third form of the Hub's."""
    value = {
        "event": {"action": "update", "scope": "repo.content"},
        "repo": {"type": kind, "name": name, "id": "6", "private": False, "headSha": PUSHED},
        "updatedRefs": list(refs),
        "webhook": {"id": "7", "version": 3},
    }
    return json.dumps(value)


def ref(name: str, new: str | None = PUSHED, old: str | None = None) -> dict[str, str | None]:
    return {"ref": name, "oldSha": old, "newSha": new}


def gateable_release(folder: Path) -> Release:
    """Make a small release whose gate takes seconds: it trains nothing."""
    release = make_release(folder, verdict=None)
    config = release.manifest["config"]
    config["training"]["enabled"] = False
    write_json(release.path / layout.MANIFEST, release.manifest | {"config": config})
    return open_release(release.path)
