"""Measure `length_factor` on translated text, and write it into `language_configs` where it says something new.

    pip install -e .
    python tools/measure_length_factors.py ../shared/data

The folder holds `tatoeba/pairs.parquet` (language, text, english) and `bible/verses.parquet` (language, verse, text):
aligned text, which is read and never copied. A factor is a ratio of corpora: all characters of the texts by all
characters of their English translations. The Bible has no English side; there the ratio to each language that both
collections have is taken, times that language's factor, and the geometric mean of these. Languages that both
collections have come out within 15 % of their own factor that way, so such an estimate has to differ more to be
written.

A script or family gets the median of its languages where that spares more lines than it costs, and a language its own
value where it differs from what it inherits.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import regex

from language_configs import in_all_scripts, resolve
from language_configs.read import SHIPPED
from language_configs.schema import Language
from language_configs.scripts import members
from language_configs.table import levels
from language_configs.write import update_language_file

# Of a hundred sentence pairs the ratio has a standard error of about three per cent.
MIN_LINES = 100
TOLERANCE = 0.10
TOLERANCE_OF_ESTIMATES = 0.20
# Fewer members do not speak for a script or family.
MIN_MEMBERS = 2


@dataclass(frozen=True, slots=True)
class Factor:
    """Characters for each English character, and how far it may be off before that matters."""

    value: float
    tolerance: float

    def differs(self, inherited: float) -> bool:
        """Return whether the factor is another one than that which is inherited."""
        return abs(self.value / inherited - 1.0) > self.tolerance


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder with tatoeba/pairs.parquet and bible/verses.parquet.")
    data = parser.parse_args().data
    pairs = from_pairs(data / "tatoeba" / "pairs.parquet")
    verses = from_verses(data / "bible" / "verses.parquet", pairs)
    measured = {code: Factor(value, TOLERANCE_OF_ESTIMATES) for code, value in verses.items()}
    measured |= {code: Factor(value, TOLERANCE) for code, value in pairs.items()}
    by_script = scripts(measured)
    by_family = families(measured, by_script)
    for code, factor in measured.items():
        differs = factor.differs(inherited(code, by_script, by_family))
        write("languages", code, factor.value if differs else None)
    for script in levels().scripts:
        write("scripts", script, by_script.get(script))
    for family in levels().families:
        write("families", family, by_family.get(family))


def write(folder: str, key: str, value: float | None) -> None:
    """Write a factor into a file, or take it away."""
    update_language_file(SHIPPED / folder / f"{key}.yml", {"length_factor": value and round(value, 2)})


def from_pairs(path: Path) -> dict[str, float]:
    """Return the factor of each language in each script that there are enough pairs of."""
    texts, english, lines = defaultdict(int), defaultdict(int), defaultdict(int)
    for row in pq.read_table(path).to_pylist():
        code = in_its_script(resolve(row["language"]), row["text"]).code
        texts[code] += len(row["text"])
        english[code] += len(row["english"])
        lines[code] += 1
    return {code: texts[code] / english[code] for code in sorted(lines) if lines[code] >= MIN_LINES}


def from_verses(path: Path, known: Mapping[str, float]) -> dict[str, float]:
    """Return an estimate for each language of the Bible corpus that has no factor yet."""
    lengths: dict[str, dict[str, int]] = defaultdict(dict)
    for row in pq.read_table(path).to_pylist():
        code = in_its_script(resolve(row["language"]), row["text"]).code
        lengths[code][row["verse"]] = len(row["text"])
    bridges = sorted(known.keys() & lengths.keys())
    found = {}
    for code in sorted(lengths.keys() - known.keys()):
        ratios = {bridge: corpus_ratio(lengths[code], lengths[bridge]) for bridge in bridges}
        logs = [math.log(ratio * known[bridge]) for bridge, ratio in ratios.items() if ratio is not None]
        if logs:
            found[code] = math.exp(statistics.fmean(logs))
    return found


def corpus_ratio(one: Mapping[str, int], other: Mapping[str, int]) -> float | None:
    """Return the ratio of the lengths of the verses that both have, or nothing if those are too few."""
    shared = one.keys() & other.keys()
    if len(shared) < MIN_LINES:
        return None
    return sum(one[verse] for verse in shared) / sum(other[verse] for verse in shared)


def in_its_script(language: Language, text: str) -> Language:
    """Return the variant of a language in the script of most letters of a text."""
    variants = in_all_scripts(language)
    if len(variants) == 1:
        return language
    return max(variants, key=lambda variant: letters(text, variant.script))


def letters(text: str, script: str) -> int:
    """Return the number of characters of a text in a script."""
    used = "".join(rf"\p{{Script={member}}}" for member in sorted(members(script)))
    return len(regex.findall(f"[{used}]", text))


def scripts(measured: Mapping[str, Factor]) -> dict[str, float]:
    """Return the median of each script for which it spares lines."""
    by_script: dict[str, float] = {}
    for script in levels().scripts:
        # Simplified and traditional Han are the same letters, of which one may have been measured and one not.
        codes = [code for code in measured if members(code[-4:]) == members(script)]
        if len(codes) < MIN_MEMBERS:
            continue
        median = statistics.median(measured[code].value for code in codes)
        alike = {code[-4:]: median for code in codes} | {script: median}
        if 1 + own_lines(codes, measured, alike, {}) < own_lines(codes, measured, {}, {}):
            by_script[script] = median
    return by_script


def families(measured: Mapping[str, Factor], by_script: Mapping[str, float]) -> dict[str, float]:
    """Return the median of each family for which it spares lines, the larger families first."""
    by_family: dict[str, float] = {}
    depth = {family: len(chain(family)) for family in levels().families}
    for family in sorted(depth, key=lambda key: (depth[key], key)):
        codes = [code for code in measured if family in levels().families_of(code)]
        if len(codes) < MIN_MEMBERS:
            continue
        attempt = {**by_family, family: statistics.median(measured[code].value for code in codes)}
        if 1 + own_lines(codes, measured, by_script, attempt) < own_lines(codes, measured, by_script, by_family):
            by_family = attempt
    return by_family


def chain(family: str) -> list[str]:
    """Return a family and those that it is within."""
    content = levels().families[family][0].content
    parent = getattr(content, "within", None)
    return [family, *(chain(parent) if parent else [])]


def own_lines(
    codes: Iterable[str], measured: Mapping[str, Factor], by_script: Mapping[str, float], by_family: Mapping[str, float]
) -> int:
    """Return how many of the languages need a factor of their own."""
    return sum(measured[code].differs(inherited(code, by_script, by_family)) for code in codes)


def inherited(code: str, by_script: Mapping[str, float], by_family: Mapping[str, float]) -> float:
    """Return the factor that a language has if its own file says nothing."""
    named = [by_family[family] for family in levels().families_of(code) if family in by_family]
    return round(named[-1] if named else by_script.get(code[-4:], 1.0), 2)


if __name__ == "__main__":
    main()
