"""Write `curation/langid/code_model.npz`: the weights by which programming languages are told apart.

The file is checked in; this program says where its numbers come from, and is run when a language is added:

    pip install -e .
    python tools/train_code_model.py --train TRAIN --held-out HELD_OUT --about ABOUT.txt

TRAIN and HELD_OUT are folders of source files, `LANGUAGE/ORIGIN/FILE`. LANGUAGE is the code of a programming language
without `_Zzzz` (`python`), or anything else for text that is none of them: `prose`, `other`, languages that the table
lacks. ORIGIN is where the file was taken from, such as a repository; the two folders should share none. ABOUT names
the origins and their licences; it is stored in the model.

A softmax regression is fitted to snippets of 1 to 40 lines of TRAIN, as many of each language and drawn from its
origins by the square root of their number of files. Half of the features of each snippet are hidden from it on
average, so that it does not lean on names that one project uses. Of the words and pairs of tokens only those are
features that several origins have. HELD_OUT then says two numbers: the temperature that makes scores as high as the
share of right answers, and the least score at which an answer is given. An answer is right, too, that names the
narrower language for a text in the broader (`curation.langid.code.BROADER`).
"""

from __future__ import annotations

import argparse
import random
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from curation.langid.code import BROADER, judge
from curation.langid.code_features import SHAPES, Ids, Vocabulary, features_of, pair_key, tokens_of
from curation.langid.code_model import LARGEST_WEIGHT, MODEL_FILE, CodeModel, save
from language_configs import languages

TARGET = Path(__file__).resolve().parent.parent / "curation" / "langid" / MODEL_FILE

SEED = 1
SNIPPETS = 6000
LINES = (1, 1, 2, 3, 3, 5, 8, 10, 15, 25, 40)
MEASURED_LINES = (1, 3, 10, 40)
# A shorter snippet says nothing in any language.
MIN_CHARS, MIN_LETTERS = 20, 6
WORDS, WORD_ORIGINS, WORD_SNIPPETS = 6000, 3, 25
PAIRS, PAIR_ORIGINS, PAIR_SNIPPETS = 30_000, 2, 20
# Of the pairs those with the largest weights are stored; with more of them the held out text is told apart no better.
STORED_PAIRS = 8000
# The share of weights that the largest number stands for or is clipped to.
CLIPPED = 0.9995
EPOCHS, BATCH, RATE, DECAY, HIDDEN = 3, 2048, 0.01, 0.05, 0.5
# Precision wanted of the answers among languages of the table, with some margin for other text than the held out.
PRECISION = 0.985
# Languages that do not distinguish small letters from capitals; some samples of each are shown in either.
CASELESS = frozenset({"ada", "assembly", "batch", "cobol", "commonlisp", "fortran", "pascal", "powershell", "sas"})
CASELESS |= {"sql", "vbnet", "vhdl"}
# Files of these hold stretches of other languages: what they are said to be in is no measure of precision.
CONTAINERS = frozenset({"html", "ini", "json", "xml", "yaml"})

Samples = Mapping[str, Mapping[str, Sequence[str]]]
Floats = npt.NDArray[np.float64]
Feature = TypeVar("Feature", str, tuple[int, int])


@dataclass(frozen=True, slots=True)
class Snippet:
    """A few lines of a file."""

    text: str
    label: str
    origin: str


def main() -> None:
    """Train, fit the two numbers, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--train", "--held-out", "--about"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    snippets = list(draw(read(options.train), LINES, SNIPPETS, change_case=True))
    model = train(snippets, options.about.read_text(encoding="utf-8"))
    held_out = read(options.held_out)
    groups = [list(draw(held_out, [lines], 300, change_case=False)) for lines in MEASURED_LINES]
    model = calibrated(model, [snippet for group in groups for snippet in group])
    save(model, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes, temperature {model.temperature:.3f}, at {model.min_score:.3f}")  # noqa: T201


def read(folder: Path) -> Samples:
    """Return the distinct files of a folder by language and origin."""
    samples: dict[str, dict[str, list[str]]] = {}
    for language in sorted(folder.iterdir()):
        by_origin: dict[str, list[str]] = defaultdict(list)
        seen: set[str] = set()
        for path in sorted(item for item in language.rglob("*") if item.is_file()):
            text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
            if text not in seen:
                seen.add(text)
                by_origin[path.parent.name].append(text)
        samples[language.name] = by_origin
    return samples


def draw(samples: Samples, lines: Sequence[int], count: int, *, change_case: bool) -> Iterator[Snippet]:
    """Yield up to `count` snippets of each language, of any of the numbers of lines."""
    rng = random.Random(SEED)  # noqa: S311 - nothing secret
    for label, by_origin in samples.items():
        origins = sorted(by_origin)
        weights = [len(by_origin[origin]) ** 0.5 for origin in origins]
        for _ in range(count if origins else 0):
            origin = rng.choices(origins, weights)[0]
            text = cut(rng, rng.choice(by_origin[origin]), rng.choice(lines))
            if change_case and label in CASELESS:
                text = rng.choices([text, text.lower(), text.upper()], [0.65, 0.2, 0.15])[0]
            if len(text.strip()) >= MIN_CHARS and sum(map(str.isalpha, text)) >= MIN_LETTERS:
                yield Snippet(text, label, origin)


def cut(rng: random.Random, text: str, lines: int) -> str:
    """Return that many lines of a text, one in ten times its first, half of the times without their indentation."""
    rows = text.split("\n")
    begin = 0 if rng.random() < 0.1 else rng.randrange(max(1, len(rows) - lines + 1))
    found = "\n".join(rows[begin : begin + lines])
    return (textwrap.dedent(found) if rng.random() < 0.5 else found).strip("\n")


def train(snippets: Sequence[Snippet], about: str) -> CodeModel:
    """Return a model of the snippets."""
    labels = sorted({snippet.label for snippet in snippets})
    tokens = [tokens_of(snippet.text) for snippet in snippets]
    origins = [snippet.origin for snippet in snippets]
    words = common(tokens, origins, WORDS, WORD_ORIGINS, WORD_SNIPPETS, keep=str.isascii)
    vocabulary = Vocabulary([*SHAPES, *words])
    pairs = common(pairs_in(tokens, vocabulary), origins, PAIRS, PAIR_ORIGINS, PAIR_SNIPPETS, keep=bool)
    left, right = np.array(pairs, dtype=np.int64).T
    keys = np.sort(pair_key(left, right))
    features, bounds = features_of([snippet.text for snippet in snippets], vocabulary, keys)
    index = {label: row for row, label in enumerate(labels)}
    weights, bias = fit(
        torch.from_numpy(features),
        torch.from_numpy(bounds),
        torch.tensor([index[snippet.label] for snippet in snippets]),
        (len(vocabulary) + len(keys), len(labels)),
    )
    return stored(labels, vocabulary, keys, weights, bias, about)


def stored(
    labels: Sequence[str], vocabulary: Vocabulary, keys: Ids, weights: Floats, bias: Floats, about: str
) -> CodeModel:
    """Return the model as it is stored: fewer pairs, and weights of a few bits.

    What all labels have in common of a feature's weights changes nothing, so that it is taken away first.
    """
    centred = weights - np.median(weights, axis=1, keepdims=True)
    words, pairs = np.split(centred, [len(vocabulary)])
    kept = np.sort(np.argsort(-np.abs(pairs).max(axis=1), kind="stable")[:STORED_PAIRS])
    chosen = np.concatenate([words, pairs[kept]])
    scale = float(np.quantile(np.abs(chosen), CLIPPED)) / LARGEST_WEIGHT
    rounded = np.rint(chosen / scale).clip(-LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)
    return CodeModel(tuple(labels), tuple(vocabulary), keys[kept], rounded, scale, bias, 1.0, 0.0, about)


def pairs_in(tokens: Iterable[Sequence[str]], vocabulary: Mapping[str, int]) -> Iterator[list[tuple[int, int]]]:
    """Yield the pairs of neighbouring tokens of each snippet."""
    for row in tokens:
        ids = [vocabulary[token] for token in row]
        yield list(pairwise(ids))


def common(
    rows: Iterable[Iterable[Feature]],
    origins: Sequence[str],
    count: int,
    min_origins: int,
    min_snippets: int,
    keep: Callable[[Feature], bool],
) -> list[Feature]:
    """Return the features that most snippets have, at most `count`, sorted."""
    snippets: Counter[Feature] = Counter()
    seen_in: dict[Feature, set[str]] = defaultdict(set)
    for row, origin in zip(rows, origins, strict=True):
        for feature in set(row):
            snippets[feature] += 1
            if len(seen_in[feature]) < min_origins:
                seen_in[feature].add(origin)
    enough = [
        (-number, feature)
        for feature, number in snippets.items()
        if number >= min_snippets and len(seen_in[feature]) >= min_origins and keep(feature)
    ]
    return sorted(feature for _, feature in sorted(enough)[:count])


def fit(
    features: torch.Tensor, bounds: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Return weights, shape (features, labels), and biases, shape (labels,), of a softmax regression."""
    table = torch.nn.EmbeddingBag(*shape, mode="sum")
    torch.nn.init.zeros_(table.weight)
    bias = torch.zeros(shape[1], requires_grad=True)
    optimiser = torch.optim.AdamW([{"params": table.parameters(), "weight_decay": DECAY}, {"params": [bias]}], lr=RATE)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(labels)).split(BATCH):
            part, owner = hide(*gather(features, bounds, rows), len(rows))
            sizes = torch.bincount(owner, minlength=len(rows))
            sums = table(part, sizes.cumsum(0) - sizes)
            loss = cross_entropy(sums * sizes.clamp(min=1).rsqrt()[:, None] + bias, labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch}: loss {total / len(labels):.4f}", flush=True)  # noqa: T201
    return table.weight.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


def gather(features: torch.Tensor, bounds: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the features of some snippets, one after another, and the place of the snippet that each belongs to."""
    sizes = bounds[rows + 1] - bounds[rows]
    owner = torch.repeat_interleave(torch.arange(len(rows)), sizes)
    starts = bounds[rows] - (sizes.cumsum(0) - sizes)
    return features[starts[owner] + torch.arange(len(owner))], owner


def hide(features: torch.Tensor, owner: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Leave out a share of each snippet's features: another share of each, `HIDDEN` on average."""
    is_kept = torch.rand(len(features)) >= 2 * HIDDEN * torch.rand(count)[owner]
    return features[is_kept], owner[is_kept]


def calibrated(model: CodeModel, snippets: Sequence[Snippet]) -> CodeModel:
    """Return the model with the temperature and the least score that fit held out snippets."""
    index = {label: row for row, label in enumerate(model.labels)}
    known = [snippet for snippet in snippets if snippet.label in index]
    truth = np.array([index[snippet.label] for snippet in known])
    logits = model.logits([snippet.text for snippet in known])
    is_code = np.array([f"{label}_Zzzz" in languages() for label in model.labels])
    losses = {t: -log_softmax(logits * t)[np.arange(len(truth)), truth].mean() for t in np.arange(0.5, 3.0, 0.05)}
    temperature = float(min(losses, key=losses.__getitem__))
    best, scores = judge(np.exp(log_softmax(logits * temperature)), model.labels)
    is_asked = is_code[truth] & is_code[best]
    is_asked &= np.array([snippet.label not in CONTAINERS for snippet in known])
    is_right = (best == truth) | np.array(
        [snippet.label in BROADER.get(model.labels[label], ()) for snippet, label in zip(known, best, strict=True)]
    )
    order = np.argsort(-scores[is_asked], kind="stable")
    precision = np.cumsum(is_right[is_asked][order]) / np.arange(1, len(order) + 1)
    last = int(np.flatnonzero(precision >= PRECISION)[-1])
    return model.with_calibration(temperature, float(np.ceil(scores[is_asked][order][last] * 100) / 100))


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of probabilities, shape (n, m)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


if __name__ == "__main__":
    main()
