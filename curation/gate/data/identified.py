"""Is each language the one that its label says, by a model that has never seen the release?

The release's own labels (`curation.gate.data.labels`) say nothing of a label whose texts are all wrong alike; the
language identifier does. The pipeline drops what it contradicts, so that a sound release has next to none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from curation.config.gate import Gate
from curation.gate.data.voices import Side, Voices
from curation.gate.shares import at_least
from curation.gate.verdict import Check, compare, skipped

# Fewer texts than this say nothing of a source's language.
MIN_TEXTS = 20

_NAME = "data.identified"


@dataclass(frozen=True, slots=True)
class _Finding:
    share: float
    language: str
    detail: str
    is_known: bool


def check_identified(voices: Sequence[Voices], options: Gate) -> list[Check]:
    """In no source's language are many texts in another script, or near-certainly in another language.

    The model sees other languages in one that it does not know, and there must not be too many texts in one of them.
    """
    findings = sorted(_findings(voices), key=lambda found: (-found.share, found.language, found.detail))
    if not findings:
        return [skipped(_NAME, "data", "no language has enough text")]
    checks = []
    for is_known, metric, bound in (
        (True, "share of texts that are in another script or language", options.max_identified_share),
        (False, "share of texts, unknown to the model, that are in one other language", options.max_one_language_share),
    ):
        here = [found for found in findings if found.is_known == is_known]
        checks += [
            compare(
                _NAME if is_known else f"{_NAME}.unknown",
                "data",
                metric,
                found.share,
                "<=",
                bound,
                language=found.language,
                detail=found.detail,
            )
            for found in _one_each([item for item in here if item.share > bound] or here[:1])
        ]
    return checks


def _one_each(findings: Sequence[_Finding]) -> list[_Finding]:
    """Return the first finding of each language."""
    return list({found.language: found for found in reversed(findings)}.values())[::-1]


def _findings(voices: Sequence[Voices]) -> Iterator[_Finding]:
    for voice in voices:
        for name, side in (("anchors", voice.anchors), ("positives", voice.positives)):
            count = len(side.seen)
            if count >= MIN_TEXTS:
                where = f"{name} of {voice.source} in {voice.language}, {count} asked about"
                yield _Finding(at_least(int(side.contradicted.sum()), count), side.language, where, True)
                if not side.is_known:
                    language, hits = _most_seen(side)
                    yield _Finding(at_least(hits, count), side.language, f"{where}, {language or 'none'}", False)


def _most_seen(side: Side) -> tuple[str, int]:
    names, counts = np.unique(side.seen[side.seen != ""].astype(str), return_counts=True)
    clear = [(int(count), str(name)) for name, count in zip(names, counts, strict=True) if not name.startswith("und_")]
    hits, language = max(clear, default=(0, ""))
    return language, hits
