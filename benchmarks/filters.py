"""The filters: how fast on one core, what they reject of clean text by language, what they find of planted damage.

    python benchmarks/filters.py --data FOLDER [--runs 5] [--planted 2000] [--profile standard]

A FOLDER holds, at any depth, Parquet files with the columns `language`, `text` and `english`: clean sentence pairs.
This process is bound to one core and one thread. Rates are records in a second of processor time, medians of the
runs after a first one that warms up, so that other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

# This file has the name of a package that it measures: the checkout goes before the folder of benchmarks.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from filtering.damage import KINDS, Damage, Pair, planted

RATE_GOAL = 300_000
REJECTED_GOAL, LANGUAGE_GOAL = 0.01, 0.05
# Of fewer sentences, one that is rejected says nothing about a language.
LEAST_SENTENCES = 40
BATCH_ROWS = 16_384
ROLES = {"benchmark": ("sentence", "sentence")}


def main() -> None:
    """Read the command line and print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--runs", type=int, default=5, help="timed runs")
    parser.add_argument("--planted", type=int, default=2_000, help="damaged pairs of each kind")
    parser.add_argument("--profile", help="filter profile; each language's own without this")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import pyarrow as pa

    pa.set_cpu_count(1)
    pairs = list(read_pairs(options.data))
    if not pairs:
        parser.error(f"{options.data} holds no Parquet files with the columns language, text and english")
    measure_rate(pairs, options.runs, options.profile)
    count_rejected(pairs, options.profile)
    count_found(pairs, options.planted, options.profile)


def read_pairs(folder: Path) -> Iterator[Pair]:
    """Yield the pairs of all files whose language is known."""
    import pyarrow.parquet as pq

    from language_configs import UnknownLanguageError, resolve

    for path in sorted(folder.rglob("*.parquet")):
        if not {"language", "text", "english"} <= set(pq.read_schema(path).names):
            continue
        for row in pq.read_table(path, columns=["english", "text", "language"]).to_pylist():
            try:
                yield row["english"], row["text"], resolve(row["language"]).code
            except UnknownLanguageError:
                continue


def to_records(pairs: Sequence[Pair]) -> object:
    """Return bitext records of pairs, in their order."""
    import pyarrow as pa

    from curation.records import RECORD_SCHEMA

    count = len(pairs)
    english, texts, languages = zip(*pairs, strict=True)
    same = {"query_language": "eng_Latn", "source": "benchmark", "licence": "CC0-1.0", "task": "bitext"}
    same |= dict.fromkeys(("file", "label", "document"), "")
    columns = {name: pa.repeat(pa.scalar(value), count) for name, value in same.items()}
    columns |= {"query": pa.array(english), "positive": pa.array(texts), "row": pa.array(range(count))}
    columns |= {"id": pa.array([f"{row:032x}" for row in range(count)]), "group": pa.array(map(str, range(count)))}
    columns |= {"positive_language": pa.array(languages), "language": pa.array(languages)}
    columns["negatives"] = pa.array([[]] * count, RECORD_SCHEMA.field("negatives").type)
    return pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA)


def judge(records: object, profile: str | None) -> tuple[float, float, list[dict]]:
    """Score and filter records; return the seconds of each and the ledger rows."""
    from curation.config.model import Filters
    from filters.score import score_records
    from filters.stage import filter_records

    options, ledger, seconds = Filters(profile=profile), [], [0.0, 0.0]
    for start in range(0, records.num_rows, BATCH_ROWS):
        begin = time.process_time()
        scored = score_records(records.slice(start, BATCH_ROWS)).records
        middle = time.process_time()
        outcome = filter_records(scored, options, ROLES)
        end = time.process_time()
        seconds[0] += middle - begin
        seconds[1] += end - middle
        ledger += outcome.ledger.to_pylist()
    return seconds[0], seconds[1], ledger


def measure_rate(pairs: Sequence[Pair], runs: int, profile: str | None) -> None:
    """Print records a second of both stages."""
    records = to_records(pairs)
    judge(records, profile)
    timed = [judge(records, profile)[:2] for _ in range(runs)]
    print(f"Rate: {len(pairs):,} pairs, one core, median of {runs} runs, records a second")
    for name, seconds in (
        ("score", [first for first, _ in timed]),
        ("filter, personal data included", [second for _, second in timed]),
        ("both", [first + second for first, second in timed]),
    ):
        print(f"  {name:32}{len(pairs) / statistics.median(seconds):>12,.0f}")
    rate = len(pairs) / statistics.median([sum(each) for each in timed])
    print(f"  goal: at least {RATE_GOAL:,}: {verdict(rate >= RATE_GOAL)}\n")


def count_rejected(pairs: Sequence[Pair], profile: str | None) -> None:
    """Print what is rejected of clean sentences, by language and by filter."""
    from language_configs import resolve

    clean = [pair for pair in pairs if len(pair[1].split()) >= 2 or not resolve(pair[2]).spaced]
    *_, ledger = judge(to_records(clean), profile)
    dropped, sentences = Counter(row["language"] for row in ledger), Counter(pair[2] for pair in clean)
    share = len(ledger) / len(clean)
    print(f"False rejections: {len(ledger):,} of {len(clean):,} clean pairs in {len(sentences)} languages")
    for reason, count in Counter(row["reason"] for row in ledger).most_common():
        print(f"  {reason:32}{count:>12,}")
    worst = sorted((-dropped[code] / sentences[code], code) for code in dropped)[:10]
    print("  the worst ten languages")
    for negative, code in worst:
        reasons = ", ".join(f"{r} {n}" for r, n in Counter(
            row["reason"] for row in ledger if row["language"] == code).most_common(2))  # fmt: skip
        print(f"    {code:12}{-negative:>8.2%}  of {sentences[code]:>6,}  {reasons}")
    judged = [-negative for negative, code in worst if sentences[code] >= LEAST_SENTENCES]
    highest = max(judged, default=0.0)
    print(f"  all {share:.3%}; goal: at most {REJECTED_GOAL:.0%}: {verdict(share <= REJECTED_GOAL)}")
    print(f"  worst language {highest:.2%}; goal: at most {LANGUAGE_GOAL:.0%}: {verdict(highest <= LANGUAGE_GOAL)}\n")


def count_found(pairs: Sequence[Pair], count: int, profile: str | None) -> None:
    """Print which share of each kind of planted damage is found, by the filters meant for it and by any."""
    print(f"Planted damage: up to {count:,} pairs of each kind")
    print(f"  {'kind':40}{'pairs':>7}{'meant':>8}{'any':>8}{'goal':>7}  verdict")
    for damage in KINDS:
        damaged = list(planted(damage, pairs, count, seed=1))
        *_, ledger = judge(to_records(damaged), profile)
        print_found(damage, len(damaged), ledger)
    print_boilerplate(pairs)
    print_masked(pairs, count)


def print_found(damage: Damage, count: int, ledger: Sequence[dict]) -> None:
    """Print the line of one kind."""
    meant = sum(row["reason"] in damage.filters for row in ledger) / count
    found = len(ledger) / count
    goal, told = ("", "reported") if damage.goal is None else (f"{damage.goal:.0%}", verdict(found >= damage.goal))
    print(f"  {damage.name:40}{count:>7,}{meant:>8.1%}{found:>8.1%}{goal:>7}  {told}")


def print_boilerplate(pairs: Sequence[Pair]) -> None:
    """Print which share of positives with 60 queries each are found, and of others."""
    import numpy as np
    import pyarrow as pa

    from curation.config.model import Boilerplate
    from filters.boilerplate import boilerplate_rows, count_queries, drop_boilerplate

    answers = {text: code for _, text, code in pairs[::5000]}
    planted_rows = [(english, text, code) for text, code in answers.items() for english, _, _ in pairs[:60]]
    others = [pair for pair in pairs if pair[1] not in answers]
    records, options = pa.concat_tables([to_records(planted_rows), to_records(others)]), Boilerplate()
    places = pa.array(np.arange(records.num_rows, dtype=np.uint32))
    counted = count_queries(boilerplate_rows(records).append_column("at", places), options)
    ledger = drop_boilerplate(records, counted, options).ledger
    found = ledger.num_rows / len(planted_rows)
    print(f"  {'a positive of 60 queries':40}{len(planted_rows):>7,}{found:>8.1%}{found:>8.1%}{'99%':>7}  ", end="")
    print(verdict(found >= 0.99))


def print_masked(pairs: Sequence[Pair], count: int) -> None:
    """Print which share of planted personal data is masked, and how often clean text is."""
    from filters.pii import mask

    planted_values = ("anna.k+2@firma.de", "93.184.216.34", "+49 30 1234567", "2607:f8b0:4005:805::200e")
    texts = [f"{text} {planted_values[row % 4]}" for row, (_, text, _) in enumerate(pairs[:: len(pairs) // count])]
    masked = [mask(text) for text in texts]
    found = sum(planted_values[row % 4] not in text for row, (text, _) in enumerate(masked)) / len(texts)
    print(
        f"  {'personal data, masked':40}{len(texts):>7,}{found:>8.1%}{found:>8.1%}{'99%':>7}  {verdict(found >= 0.99)}"
    )
    wrongly = sum(mask(text)[1] > 0 for pair in pairs for text in pair[:2])
    print(f"  clean texts in which something was masked: {wrongly:,} of {2 * len(pairs):,}")


def verdict(reached: bool) -> str:
    """Return how a goal was met."""
    return "reached" if reached else "MISSED"


if __name__ == "__main__":
    main()
