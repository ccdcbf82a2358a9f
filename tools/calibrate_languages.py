"""Fit the weights and thresholds of the embedded model that `language_configs` ships.

They are written into its files, and into the table `docs/thresholds.md`:

    pip install -e '.[demo]'
    python tools/calibrate_languages.py --data FOLDER

FOLDER holds `tatoeba/pairs.parquet` and `bible/verses.parquet`; Django's catalogues come with the installation. Of
Tatoeba one half is fitted on (`curation.langid.calibrate.held_out`), and `benchmarks/langid.py` measures on the other.
For one language and your own lines there is `curate calibrate`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curation.hashing import priority
from curation.langid.background import django_messages
from curation.langid.calibrate import (
    BUCKETS,
    FORMULA,
    Answers,
    Lines,
    Threshold,
    answer,
    base_of,
    fit_log_weights,
    fit_thresholds,
    held_out,
    reweighted,
    steps,
)
from curation.langid.model import EMBEDDED, load
from curation.langid.thresholds import NEVER
from language_configs import languages, resolve
from language_configs.write import update_language_file

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "language_configs"
TABLE = ROOT / "docs" / "thresholds.md"
# Lines of a language from one collection; the rest would only make it count for more in its language.
MOST_LINES = 500
# What is promised is 0.98; what holds on the lines of the fit holds a little less on others.
PRECISION = 0.985
# Of the calibrated languages, the share whose threshold is below what an uncalibrated one must reach.
CAUTION = 0.75

# Fewer answers than this measure no precision.
MIN_ANSWERS = 10
ABOUT = (
    "# Thresholds of lid.176",
    "",
    "What `language_configs` ships, written by `tools/calibrate_languages.py`; how it comes about is said in",
    "[languages](languages.md#calibration). A text with so many letters is believed to be in a language from this",
    "score on, where the source declares neither language nor candidates. Lines are those fitted on; precision and",
    "coverage were measured on the other half of the Tatoeba sentences, in whatever language they are.",
    "",
)

Collection = dict[str, list[str]]


def main() -> None:
    """Fit everything and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    collections = {
        "Tatoeba (one half)": column_wise(data / "tatoeba/pairs.parquet", out=False),
        "parallel Bible corpus": known(column_wise(data / "bible/verses.parquet")),
        "Django catalogues": django(),
    }
    lines, origins = joined(collections)
    model = load()
    model = reweighted(model, fit_log_weights(lines, model))
    answers = answer(lines, model)
    log_weights = dict(zip((meaning[0].base for meaning in model.meanings), np.log(model.weights), strict=True))
    fitted = {}
    for base in sorted(set(lines.bases) & set(log_weights)):
        thresholds = fit_thresholds(answers, base, precision=PRECISION)
        if thresholds:
            fitted[base] = thresholds
            mine = origins[lines.bases == base]
            write(base, log_weights[base], thresholds, len(mine), sorted(set(mine)))
    write_root(fitted)
    rest = column_wise(data / "tatoeba/pairs.parquet", out=True)
    write_table(fitted, lines, answer(joined({"Tatoeba": rest}, most=None)[0], model))
    sys.stderr.write(f"{len(lines.bases):,} lines, {len(fitted)} languages calibrated\n")


def column_wise(path: Path, *, out: bool | None = None) -> Collection:
    """Return the texts of a table by their language; of the half that is held out or the other where `out` says so."""
    table = pq.read_table(path, columns=["language", "text"])
    if out is not None:
        table = table.filter(pa.array(held_out(table["text"].to_pylist()) == out))
    return by_language(zip(table["language"].to_pylist(), table["text"].to_pylist(), strict=True))


def known(collection: Collection) -> Collection:
    """Return the texts in languages that the model knows.

    The Bible is translated into languages of a few thousand speakers, one of which (Tamajaq, which is taken for
    Azerbaijani) would otherwise see to it that no Azerbaijani is ever believed.
    """
    bases = {code.partition("_")[0] for code in load().codes()}
    return {base: texts for base, texts in collection.items() if base in bases}


def django() -> Collection:
    """Return the translated messages of Django's catalogues, by language."""
    texts, codes = django_messages()
    return by_language(zip(codes, texts.to_pylist(), strict=True))


def by_language(pairs: Iterator[tuple[str, str]]) -> Collection:
    """Return distinct texts by ISO 639-3 code; of languages that are not in the table, by the code as it is."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for code, text in pairs:
        found[base_of(code)][text] = None
    return {base: list(texts) for base, texts in found.items()}


def joined(collections: dict[str, Collection], most: int | None = MOST_LINES) -> tuple[Lines, npt.NDArray[np.str_]]:
    """Return all lines, and for each the collection that it is from."""
    texts: list[str] = []
    bases: list[str] = []
    origins: list[str] = []
    for name, collection in collections.items():
        for base, found in sorted(collection.items()):
            chosen = [found[row] for row in np.argsort(priority(found, "calibration", 1))[:most]]
            texts += chosen
            bases += [base] * len(chosen)
            origins += [name] * len(chosen)
    lines, kept = Lines.of(pa.array(texts, pa.large_string()), bases)
    return lines, np.array(origins)[kept]


def write(base: str, log_weight: float, thresholds: list[Threshold], lines: int, sources: list[str]) -> None:
    """Write the calibration of a language into its file, or its files where the model knows several of its scripts."""
    entry = {
        "log_weight": round(float(log_weight), 3),
        "min_score": steps(thresholds),
        "calibration": {
            "lines": lines,
            "sources": sources,
            "date": datetime.now(UTC).date().isoformat(),
            "formula": f"{FORMULA} {PRECISION}",
        },
    }
    for language in languages().values():
        if language.base == base and language.lid176:
            update_language_file(TARGET / "languages" / f"{language.code}.yml", {"identification": {EMBEDDED: entry}})


def write_root(fitted: dict[str, list[Threshold]]) -> None:
    """Write what languages without a calibration must reach: more than most calibrated ones."""
    table = np.array([[each.score for each in thresholds] for thresholds in fitted.values()])
    cautious = np.quantile(table, CAUTION, axis=0).round(2)
    entry = {"min_score": {start: float(score) for start, score in zip(BUCKETS, cautious, strict=True)}}
    update_language_file(TARGET / "root.yml", {"identification": {EMBEDDED: entry}})


def write_table(fitted: dict[str, list[Threshold]], lines: Lines, rest: Answers) -> None:
    """Write the table of all thresholds with what they do to the half of Tatoeba that was not fitted on."""
    rows = []
    for base, thresholds in fitted.items():
        scores = [each.score for each in thresholds]
        least = np.array([np.inf if score >= NEVER else score for score in scores])
        needed = least[np.searchsorted(BUCKETS, rest.lines.letters, side="right") - 1]
        mine, believed = rest.lines.bases == base, (rest.bases == base) & (rest.scores >= needed)
        precision = f"{mine[believed].mean():.3f}" if believed.sum() >= MIN_ANSWERS else ""
        coverage = f"{believed[mine].mean():.2f}" if mine.any() else ""
        name = resolve(base).name
        shown = ["never" if score >= NEVER else f"{score:.4f}" for score in scores]
        cells = [base, name, f"{(lines.bases == base).sum():,}", *shown, f"{mine.sum():,}", precision, coverage]
        rows.append(f"| {' | '.join(cells)} |")
    head = [
        "code",
        "language",
        "lines",
        *(f"from {start}" for start in BUCKETS),
        "measured on",
        "precision",
        "coverage",
    ]
    TABLE.write_text(
        "\n".join([*ABOUT, f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
