"""Are anchor and positive exchanged? In a pair of two languages, each side then speaks the other's.

In pairs of one language nothing tells the sides apart without knowing what a question is: that is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.config.gate import Gate
from curation.gate.data.voices import Voices
from curation.gate.shares import at_least
from curation.gate.verdict import Check, compare, skipped

# Both sides together must speak for the exchange by so much more probability.
MIN_EVIDENCE = 0.5
MIN_PAIRS = 20

_METRIC = "share of pairs whose sides speak each other's language"


def check_sides(voices: Sequence[Voices], options: Gate) -> list[Check]:
    """Few pairs have their sides exchanged: of all of them, and of each language."""
    counts: dict[str, tuple[int, int]] = {}
    for voice in voices:
        if voice.anchors.language != voice.positives.language:
            swapped, total = counts.get(voice.language, (0, 0))
            counts[voice.language] = swapped + _count_swapped(voice), total + len(voice.anchors.own)
    if not counts:
        return [skipped("data.sides", "data", "no pairs are in two languages")]
    all_swapped, all_pairs = (sum(part) for part in zip(*counts.values(), strict=True))
    bound = options.max_swapped_share
    detail = f"{all_pairs:,} pairs asked about"
    checks = [compare("data.sides", "data", _METRIC, all_swapped / all_pairs, "<=", bound, detail=detail)]
    shares = {code: at_least(*pair) for code, pair in sorted(counts.items()) if pair[1] >= MIN_PAIRS}
    return checks + [
        compare("data.sides", "data", _METRIC, share, "<=", options.max_language_swapped_share, language=code)
        for code, share in shares.items()
        if share > options.max_language_swapped_share
    ]


def _count_swapped(voice: Voices) -> int:
    evidence = (voice.anchors.partner - voice.anchors.own) + (voice.positives.partner - voice.positives.own)
    return int((evidence > MIN_EVIDENCE).sum())
