"""Language identification: rate beside bare fastText, accuracy, precision at the calibrated thresholds.

    python benchmarks/langid.py --data FOLDER [--runs 5] [--all]

FOLDER holds `tatoeba/pairs.parquet` with the columns `language`, `text` and `english`. What the thresholds were fitted
on is left out (`curation.langid.calibrate.held_out`), unless `--all` says that no line was. Accuracies are macro
averages: every language counts alike. "Known" are the languages that the model has a label for.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.model import Identify
from curation.langid import identify, identify_pairs
from curation.langid.calibrate import BUCKETS, base_of, held_out
from curation.langid.declared import check
from curation.langid.model import load
from curation.langid.prepare import prepare
from curation.langid.scripts import letter_counts
from curation.langid.stage import SourcePolicy, identify_records
from curation.langid.thresholds import AMONG_CANDIDATES, min_scores
from curation.records import RECORD_SCHEMA
from language_configs import UnknownLanguageError, confusable, resolve

RATE_GOAL, CANDIDATES_GOAL, PRECISION_GOAL = 0.8, 0.97, 0.98
# What "a clear margin" over fastText's first label is taken to be.
MARGIN_GOAL = 0.05
BATCH_ROWS = 16_384
# Draws of the two other candidates for each language.
DRAWS = 10
# Fewer texts than this of one length are no measurement of a language.
MIN_TEXTS = 10

Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Texts:
    """The texts, their English partners, and their languages (ISO 639-3)."""

    texts: pa.Array
    english: pa.Array
    bases: Names
    known: frozenset[str]

    def languages(self, *, known: bool = True) -> list[str]:
        """Return the languages of the texts, of those alone that the model knows by default."""
        return [str(base) for base in np.unique(self.bases) if not known or base in self.known]


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="the thresholds were not fitted on these lines")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    table = pq.read_table(options.data / "tatoeba/pairs.parquet")
    print_rate(table, options.runs)
    texts = read(table, everything=options.all)
    print(f"\n{len(texts.texts):,} texts in {len(texts.languages(known=False))} languages, ", end="")
    print(f"{len(texts.languages())} of them known to the model")
    print_accuracy(texts)
    print_candidates(texts)
    print_precision(texts)
    print_contradictions(texts)


def read(table: pa.Table, *, everything: bool) -> Texts:
    """Return the lines that are measured on."""
    if not everything:
        table = table.filter(pa.array(held_out(table["text"].to_pylist())))
    known = frozenset(code.partition("_")[0] for code in load().codes())
    bases = np.array([base_of(code) for code in table["language"].to_pylist()])
    return Texts(table["text"].combine_chunks(), table["english"].combine_chunks(), bases, known)


def print_rate(table: pa.Table, runs: int) -> None:
    """Compare rates, in turn, on one thread: of texts as Python strings, and of the stage on both sides of records."""
    predict = load().predict
    texts, english = table["text"].to_pylist(), table["english"].to_pylist()

    def bare(lines: list[str]) -> object:
        return [predict(line + "\n", 1, 0.0, "strict") for line in lines]

    def stage(records: pa.Table) -> None:
        policies = {"benchmark": SourcePolicy((), "drop", "keep")}
        for start in range(0, records.num_rows, BATCH_ROWS):
            part = records.slice(start, BATCH_ROWS)
            identify_records(part, Identify(), policies=policies, pivot="eng_Latn")

    declared = [resolve(code).code if known_code(code) else "" for code in table["language"].to_pylist()]
    nothing = [""] * len(texts)
    cases = {"declared": records_of(table, declared), "undeclared": records_of(table, nothing)}
    contenders: dict[str, tuple[int, Callable[[], object]]] = {
        "fastText, first label": (1, lambda: bare(texts)),
        "identify": (1, lambda: identify(texts)),
        "identify, 3 candidates": (1, lambda: identify(texts, candidates=["deu", "eng", "fra"])),
        "fastText, both sides": (2, lambda: bare(english + texts)),
        "stage, declared": (2, lambda: stage(cases["declared"])),
        "stage, undeclared": (2, lambda: stage(cases["undeclared"])),
    }
    identify(texts[:1000])
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, (_, run) in contenders.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    print(f"{len(texts):,} pairs, median of {runs} runs in turn, one core; texts a second")
    for name, (sides, _) in contenders.items():
        base = seconds["fastText, first label" if sides == 1 else "fastText, both sides"]
        ratio = statistics.median(b / t for b, t in zip(base, seconds[name], strict=True))
        goal = verdict(ratio, RATE_GOAL) if name == "identify" or name.startswith("stage") else ""
        print(f"  {name:<24} {sides * len(texts) / statistics.median(seconds[name]):>9,.0f}  {ratio:.2f}x {goal}")


def records_of(table: pa.Table, languages: list[str]) -> pa.Table:
    """Return the pairs as records, English queries declared where the positives are."""
    count = table.num_rows
    same = {name: pa.repeat(pa.scalar("benchmark"), count) for name in RECORD_SCHEMA.names}
    query = ["eng_Latn" if code else "" for code in languages]
    columns = same | {
        "query": table["english"],
        "positive": table["text"],
        "task": pa.repeat(pa.scalar("bitext"), count),
    }
    columns |= {"query_language": pa.array(query), "positive_language": pa.array(languages)}
    columns |= {"negatives": pa.array([[]] * count, pa.list_(pa.string())), "row": pa.array(range(count))}
    return pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA)


def known_code(code: str) -> bool:
    """Tell whether a code is in the table of languages."""
    try:
        return bool(resolve(code))
    except UnknownLanguageError:
        return False


def print_accuracy(texts: Texts) -> None:
    """Print the accuracy without candidates."""
    model = load()
    index = {
        label: meaning[0].base if meaning else "" for label, meaning in zip(model.labels, model.meanings, strict=True)
    }
    lines = prepare(texts.texts).to_pylist()
    first = np.array([index[model.predict(line + "\n", 1, 0.0, "strict")[0][1]] for line in lines])
    alone = bases(identify(texts.texts)[0])
    paired = bases(identify_pairs(texts.english, texts.texts, relation="different")[1][0])
    print("\naccuracy, any language a candidate (macro over the known)")
    reference = macro(first, texts)
    partners = neighbours(texts)
    same = bases(identify_pairs(texts.texts, partners, relation="same")[0][0])
    for name, answers in (
        ("fastText, first label", first),
        ("text alone", alone),
        ("with its English partner", paired),
        ("with a text of its kind", same),
    ):
        gain = macro(answers, texts) - reference
        goal = "" if answers is first else f"{gain:+.4f} {verdict(gain, MARGIN_GOAL)}"
        print(f"  {name:<26} {macro(answers, texts):.4f} {goal}")
    worst(by_language(alone, texts), "text alone")


def neighbours(texts: Texts) -> pa.Array:
    """Return for each text another one in its language, as the positives of a monolingual source are."""
    rows = np.argsort(texts.bases, kind="stable")
    partner = np.empty(len(rows), dtype=np.int64)
    for base in texts.languages(known=False):
        mine = rows[texts.bases[rows] == base]
        partner[mine] = np.roll(mine, 1)
    return texts.texts.take(pa.array(partner))


def print_candidates(texts: Texts) -> None:
    """Print the accuracy with the true language and two others as candidates, and what believing the surest does."""
    print("\naccuracy with the true language among 3 candidates (macro over the known)")
    known, everything = texts.languages(), texts.languages(known=False)
    is_known = np.isin(texts.bases, known)
    for name, pool in (("others known to the model", known), ("others of all languages", everything)):
        answers, scores = with_candidates(texts, lambda base, rng, pool=pool: [base, *drawn(pool, base, 2, rng)])
        rate, wrong = macro(answers, texts), (answers != "und") & (answers != texts.bases)
        print(f"  {name:<26} {rate:.4f} {verdict(rate, CANDIDATES_GOAL)}; wrong {wrong[is_known].mean():.4f}")
        worst(by_language(answers, texts), name)
        believed = is_known & (scores >= AMONG_CANDIDATES)
        right = (answers == texts.bases) & believed
        print(f"    from {AMONG_CANDIDATES}: precision {right.sum() / believed.sum():.4f}, ", end="")
        print(f"coverage {right.sum() / is_known.sum():.4f}")
    answers, _ = with_candidates(texts, lambda base, rng: [base, *relatives(base, rng, texts)])
    print(f"  {'the closest relatives':<26} {macro(answers, texts):.4f}")
    worst(by_language(answers, texts), "the closest relatives")
    _, scores = with_candidates(texts, lambda base, rng: drawn(known, base, 3, rng))
    share = (scores >= AMONG_CANDIDATES)[is_known].mean()
    print(f"  none of 3 candidates is true: {share:.4f} reach {AMONG_CANDIDATES} all the same")


def drawn(pool: Sequence[str], base: str, count: int, rng: np.random.Generator) -> list[str]:
    """Draw languages other than `base`."""
    return [str(other) for other in rng.choice([each for each in pool if each != base], count, replace=False)]


def with_candidates(
    texts: Texts, candidates: Callable[[str, np.random.Generator], list[str]]
) -> tuple[Names, npt.NDArray[np.float32]]:
    """Identify each known language's texts in `DRAWS` parts, each with other candidates."""
    rng = np.random.default_rng(0)
    answers, scores = np.full(len(texts.bases), "und", dtype="<U8"), np.zeros(len(texts.bases), np.float32)
    for base in texts.languages():
        for rows in np.array_split(np.flatnonzero(texts.bases == base), DRAWS):
            if len(rows):
                part = texts.texts.take(pa.array(rows))
                labels, scores[rows] = identify(part, candidates=candidates(base, rng))
                answers[rows] = bases(labels)
    return answers, scores


def relatives(base: str, rng: np.random.Generator, texts: Texts) -> list[str]:
    """Return two languages that are often taken for `base`, or others where there are fewer."""
    close = sorted((confusable(base) & set(texts.languages())) - {base})
    rest = [other for other in texts.languages() if other not in close and other != base]
    return [*rng.permutation(close)[:2], *rng.permutation(rest)[:2]][:2]


def print_precision(texts: Texts) -> None:
    """Print precision and coverage at the calibrated thresholds, by length."""
    letters = letter_counts(prepare(texts.texts)).total()
    alone = identify(texts.texts)
    paired = identify_pairs(texts.english, texts.texts, relation="different")[1]
    print("\nat the calibrated thresholds (macro: over labels with 10 answers, and over known languages with 10 texts)")
    for name, (labels, scores) in (("text alone", alone), ("with its English partner", paired)):
        believed = scores >= min_scores(labels, texts.texts)
        answers = bases(labels)
        print(f"  {name}")
        for start, stop in [*buckets(), (0, None)]:
            here = (letters >= start) & (letters < (stop or np.inf))
            precision, coverage = shares(answers, believed & here, here, texts)
            right = (answers == texts.bases)[believed & here].mean()
            span = "all lengths" if (start, stop) == (0, None) else f"{start}-{stop - 1}" if stop else f"{start}-"
            print(f"    {span:>12} letters: precision {right:.4f} {verdict(right, PRECISION_GOAL)}, ", end="")
            print(f"macro {precision:.4f}, coverage (macro) {coverage:.4f}, {here.sum():,} texts")
        everywhere = np.ones(len(letters), dtype=np.bool_)
        labelled = {base: precision_of(answers, believed, everywhere, texts, base) for base in texts.languages()}
        worst({base: rate for base, rate in labelled.items() if rate is not None}, f"precision, {name}")
        covered = {
            base: float((believed & (answers == base))[texts.bases == base].mean()) for base in texts.languages()
        }
        worst(covered, f"coverage, {name}")


def buckets() -> Iterator[tuple[int, int | None]]:
    """Yield the lengths of the calibration as (first, end)."""
    yield from zip(BUCKETS, [*BUCKETS[1:], None], strict=True)


def shares(
    answers: Names, believed: npt.NDArray[np.bool_], here: npt.NDArray[np.bool_], texts: Texts
) -> tuple[float, float]:
    """Return macro precision and macro coverage."""
    precisions = [precision_of(answers, believed, here, texts, base) for base in texts.languages()]
    coverages = [
        (believed & (answers == base))[here & (texts.bases == base)].mean()
        for base in texts.languages()
        if (here & (texts.bases == base)).sum() >= MIN_TEXTS
    ]
    return float(np.mean([rate for rate in precisions if rate is not None])), float(np.mean(coverages))


def precision_of(
    answers: Names, believed: npt.NDArray[np.bool_], here: npt.NDArray[np.bool_], texts: Texts, base: str
) -> float | None:
    """Return the precision of a label, each language counting alike; None where it is rare.

    A language with fewer than `MIN_TEXTS` texts of the length counts less, for those tell little about it.
    """
    labelled = believed & (answers == base)
    if labelled.sum() < MIN_TEXTS:
        return None
    _, numbers = np.unique(texts.bases, return_inverse=True)
    sizes = np.bincount(numbers, weights=here)
    weights = 1.0 / np.maximum(sizes, MIN_TEXTS)[numbers][labelled]
    return float(weights[texts.bases[labelled] == base].sum() / weights.sum())


def print_contradictions(texts: Texts) -> None:
    """Print how many true declarations the stage would take for false ones."""
    refused = {}
    for base in texts.languages(known=False):
        mine = texts.texts.take(pa.array(np.flatnonzero(texts.bases == base)))
        refused[base] = float((check(prepare(mine), resolve(base), Identify()).reasons != "").mean())
    print(f"\ntrue declarations contradicted: {np.mean(list(refused.values())):.4f} (macro over all languages)")
    worst({base: 1 - share for base, share in refused.items()}, "declarations that stand")


def bases(labels: Sequence[str]) -> Names:
    """Return the languages of labels."""
    return np.array([label.partition("_")[0] for label in labels])


def by_language(answers: Names, texts: Texts) -> dict[str, float]:
    """Return the accuracy of each known language."""
    return {base: float((answers[texts.bases == base] == base).mean()) for base in texts.languages()}


def macro(answers: Names, texts: Texts) -> float:
    """Return the mean of the languages' accuracies."""
    return float(np.mean(list(by_language(answers, texts).values())))


def worst(rates: dict[str, float], what: str) -> None:
    """Print the worst ten."""
    lowest = sorted(rates.items(), key=lambda item: item[1])[:10]
    print(f"    worst ten ({what}): " + ", ".join(f"{base} {rate:.3f}" for base, rate in lowest))


def verdict(value: float, goal: float) -> str:
    """Return the goal and whether it was reached."""
    return f"(goal {goal}: {'reached' if value >= goal else 'MISSED'})"


if __name__ == "__main__":
    main()
