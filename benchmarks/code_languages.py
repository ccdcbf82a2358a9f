"""Identification of programming languages: precision and coverage by length, beside Pygments; prose; speed.

    python benchmarks/code_languages.py --samples FOLDER [--data FOLDER] [--count 200] [--peer-count 20]

The folder of samples has one sub-folder a language, `python`, with source files anywhere below it; a sub-folder that
is no language of the table holds what should not be answered for. None of it may have been seen in training, see
`tools/train_code_model.py`. Snippets of 1, 3, 10 and 40 lines are drawn by hash, as many of each language, and every
language counts alike: precision is the share of right answers among all answers for samples in languages of the
table, coverage the share of samples answered. Files of `CONTAINERS` are left out of both, since they hold stretches
of other languages. An answer that names the narrower language for a file of the broader (plain JavaScript in a
TypeScript file) counts as right; "strict" counts it as wrong. "Best guess" never abstains.

The folder of data, optional, holds `tatoeba/pairs.parquet` (columns `text` and `english`) and
`python-docs/paragraphs.parquet` (column `english`): prose, all of which should be `und_Zzzz`, but for the examples in
Python among the latter.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pygments.lexers import guess_lexer
from pygments.util import ClassNotFound

from curation.hashing import hash64
from curation.langid.code import BROADER, UNDETERMINED, identify_code
from curation.langid.code_model import embedded
from language_configs import languages

LINES = (1, 3, 10, 40)
PRECISION_GOAL, RATE_GOAL, PROSE_GOAL = 0.98, 5000, 0.001
# A shorter snippet says nothing in any language.
MIN_CHARS, MIN_LETTERS = 20, 6
WORST = 10
MIN_FILES = 5
# Their files hold stretches of other languages: scripts in pages, commands in workflows.
CONTAINERS = ("html_Zzzz", "ini_Zzzz", "json_Zzzz", "xml_Zzzz", "yaml_Zzzz")
# What a well-known collection of functions declares.
SIX = ("go_Zzzz", "java_Zzzz", "javascript_Zzzz", "php_Zzzz", "python_Zzzz", "ruby_Zzzz")

Identify = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True)
class Samples:
    """Snippets of one length, and their codes; `und_Zzzz` for what is in no language of the table."""

    texts: list[str]
    codes: np.ndarray


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, required=True, help="one sub-folder a language")
    parser.add_argument("--data", type=Path, help="folder of the prose")
    parser.add_argument("--count", type=int, default=200, help="snippets of each language and length")
    parser.add_argument("--peer-count", type=int, default=20, help="the same for Pygments, which is slow")
    options = parser.parse_args()
    files = read(options.samples)
    groups = {lines: draw(files, lines, options.count) for lines in LINES}
    few = {lines: draw(files, lines, options.peer_count) for lines in LINES}
    print("             lines  texts  precision  strict  coverage  macro right  other answered")
    for lines in LINES:
        show("ours", lines, groups[lines], ours, goal=True)
    for lines in LINES:
        show("best guess", lines, groups[lines], best_guess, goal=False)
    for lines in LINES:
        show("pygments", lines, few[lines], by_pygments, goal=False)
    show_candidates(groups)
    for lines in LINES:
        show_worst(lines, groups[lines])
    if options.data:
        show_prose(options.data)
    for lines in LINES:
        show_rate(f"{lines} lines", groups[lines].texts)


def read(folder: Path) -> dict[str, list[str]]:
    """Return the distinct files of each language; fewer than `MIN_FILES` are no measurement of a language."""
    found = {
        language.name: sorted(
            {path.read_text(encoding="utf-8", errors="replace") for path in language.rglob("*") if path.is_file()}
        )
        for language in sorted(folder.iterdir())
    }
    few = [name for name, texts in found.items() if len(texts) < MIN_FILES]
    print(f"{len(found) - len(few)} sub-folders; too few files: {', '.join(few) or 'none'}")
    return {name: texts for name, texts in found.items() if name not in few}


def draw(files: dict[str, list[str]], lines: int, count: int) -> Samples:
    """Return up to `count` snippets of each language."""
    texts, codes = [], []
    for language, sources in files.items():
        code = f"{language}_Zzzz" if f"{language}_Zzzz" in languages() else UNDETERMINED
        places = list(starts(sources, lines))
        order = np.argsort(hash64([f"{language} {i} {at}" for i, at in places]), kind="stable")[: 3 * count]
        chosen = ["\n".join(sources[i].splitlines()[at : at + lines]) for i, at in (places[row] for row in order)]
        kept = list(dict.fromkeys(text for text in chosen if is_telling(text)))[:count]
        texts += kept
        codes += [code] * len(kept)
    return Samples(texts, np.array(codes))


def starts(sources: Sequence[str], lines: int) -> Iterator[tuple[int, int]]:
    """Yield the file and line at which snippets can start, thirty a file."""
    for i, source in enumerate(sources):
        last = max(1, len(source.splitlines()) - lines + 1)
        hashes = hash64([f"{i} {n}" for n in range(30)])
        yield from ((i, int(at)) for at in np.unique(hashes % np.uint64(last)))


def is_telling(text: str) -> bool:
    """Whether there is enough to go by."""
    return len(text.strip()) >= MIN_CHARS and sum(map(str.isalpha, text)) >= MIN_LETTERS


def ours(texts: Sequence[str]) -> Sequence[str]:
    """Return what is shipped."""
    return identify_code(texts)[0]


def best_guess(texts: Sequence[str]) -> Sequence[str]:
    """Return the likeliest language of the table by the tokens, however unlikely it is."""
    model = embedded()
    codes = np.array([f"{label}_Zzzz" for label in model.labels])
    is_known = np.array([code in languages() for code in codes])
    found: Sequence[str] = codes[(model.probabilities(texts) * is_known).argmax(axis=1)].tolist()
    return found


def by_pygments(texts: Sequence[str]) -> Sequence[str]:
    """Return the guess of Pygments, `und_Zzzz` for a lexer that is of no language of the table."""
    by_lexer = {language.pygments: language.code for language in languages().values() if language.pygments}
    return [
        next((by_lexer[alias] for alias in lexer_aliases(text) if alias in by_lexer), UNDETERMINED) for text in texts
    ]


def lexer_aliases(text: str) -> Sequence[str]:
    """Return the names of the lexer that Pygments guesses."""
    try:
        return tuple(guess_lexer(text).aliases)
    except ClassNotFound:
        return ()


def show(name: str, lines: int, samples: Samples, identify: Identify, *, goal: bool) -> None:
    """Print one line of the table; every language counts alike."""
    found = np.array(identify(samples.texts))
    weights = weights_of(samples)
    asked = (samples.codes != UNDETERMINED) & (found != UNDETERMINED)
    strict = asked & (found == samples.codes)
    right = asked & is_right(found, samples.codes)
    answered, stranger = max(weights[asked].sum(), 1e-9), samples.codes == UNDETERMINED
    precision = weights[right].sum() / answered
    verdict = f"  goal {PRECISION_GOAL}: {'met' if precision >= PRECISION_GOAL else 'MISSED'}" if goal else ""
    print(
        f"{name:<12}{lines:>6}{len(found):>7}{precision:>11.3f}{weights[strict].sum() / answered:>8.3f}"
        f"{weights[asked].sum():>10.3f}{weights[right].sum():>13.3f}"
        f"{(found != UNDETERMINED)[stranger].mean():>16.3f}{verdict}"
    )


def is_right(found: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Whether each answer is the file's language, or the narrower one of it, shape (n,)."""
    right: np.ndarray = found == codes
    for narrow, broader in BROADER.items():
        right |= (found == f"{narrow}_Zzzz") & np.isin(codes, [f"{name}_Zzzz" for name in broader])
    return right


def weights_of(samples: Samples) -> np.ndarray:
    """Return what each snippet counts, shape (n,): 1 in all for the languages measured."""
    codes, index, counts = np.unique(samples.codes, return_inverse=True, return_counts=True)
    is_measured = ~np.isin(codes, (*CONTAINERS, UNDETERMINED))
    weights: np.ndarray = (is_measured / counts)[index] / is_measured.sum()
    return weights


def show_candidates(groups: dict[int, Samples]) -> None:
    """Print how it goes where the source says that it is one of six."""
    for lines, samples in groups.items():
        rows = np.flatnonzero(np.isin(samples.codes, SIX))
        found = np.array(identify_code([samples.texts[row] for row in rows], candidates=SIX)[0])
        is_answer, right = found != UNDETERMINED, found == samples.codes[rows]
        print(
            f"{'of six':<12}{lines:>6}{len(rows):>7}{right.sum() / is_answer.sum():>11.3f}"
            f"{is_answer.mean():>18.3f}{right.mean():>13.3f}"
        )


def show_worst(lines: int, samples: Samples) -> None:
    """Print the languages with the fewest right answers, and those with the least precision."""
    found = np.array(ours(samples.texts))
    right = is_right(found, samples.codes)
    asked = ~np.isin(samples.codes, (*CONTAINERS, UNDETERMINED))
    codes = sorted(set(samples.codes[asked]))
    recall = {code: right[samples.codes == code].mean() for code in codes}
    precision = {code: right[asked & (found == code)].mean() for code in sorted(set(found[asked]) - {UNDETERMINED})}
    for name, by_code in (("fewest right", recall), ("least precise", precision)):
        worst = sorted(by_code.items(), key=lambda item: item[1])[:WORST]
        print(f"{lines} lines, {name}: " + ", ".join(f"{code.removesuffix('_Zzzz')} {v:.2f}" for code, v in worst))


def show_prose(folder: Path) -> None:
    """Print how much prose is taken for code."""
    pairs = pq.read_table(folder / "tatoeba" / "pairs.parquet", columns=["text", "english"])
    docs = pq.read_table(folder / "python-docs" / "paragraphs.parquet", columns=["english"])
    columns = {"tatoeba": pairs["text"], "tatoeba, English": pairs["english"], "python-docs": docs["english"]}
    for name, column in columns.items():
        texts = column.combine_chunks().unique()
        found = np.array(identify_code(texts)[0])
        # The documentation has examples among its paragraphs.
        is_wrong = ~np.isin(found, (UNDETERMINED, "python_Zzzz") if name == "python-docs" else (UNDETERMINED,))
        verdict = "met" if is_wrong.mean() <= PROSE_GOAL else "MISSED"
        print(
            f"prose taken for code, {name} ({len(texts):,}): {is_wrong.mean():.5f}  goal {PROSE_GOAL}: {verdict}"
            f"  (examples in Python: {(found == 'python_Zzzz').sum()})"
        )


def show_rate(name: str, texts: Sequence[str]) -> None:
    """Print texts a second, the best of three runs, of one thread."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        identify_code(texts)
        seconds.append(time.perf_counter() - begin)
    rate = len(texts) / min(seconds)
    verdict = "met" if rate >= RATE_GOAL else "MISSED"
    size = np.mean([len(text) for text in texts])
    print(f"{name}: {rate:,.0f} snippets/s, mean {size:.0f} characters  goal {RATE_GOAL:,}: {verdict}")


if __name__ == "__main__":
    main()
