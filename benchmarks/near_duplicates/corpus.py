"""A corpus of real text with planted near duplicates, at any size, as one uncompressed Arrow IPC file.

A document is a run of 1 to 14 consecutive rows (verses, sentences, paragraphs) of one file and language, so that most
are short and a few are long. One original in ten gets one to three planted copies. For each of `SCRIPTS`, most of
which are written without spaces, up to one document in sixty is an original that gets copies more often.

A size above the first is reached with further copies of the same originals, each under a letter-for-letter cipher of
its own (`make_cipher`) and with copies planted anew, so that the statistics stay and next to nothing matches across.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from near_duplicates.edits import edited

# Languages that are reported by themselves, with the tags that mean them.
SCRIPTS: Mapping[str, frozenset[str]] = {
    "Chinese": frozenset({"zh", "zho", "chi", "cmn", "yue", "wuu", "lzh"}),
    "Japanese": frozenset({"ja", "jpn"}),
    "Thai": frozenset({"th", "tha"}),
    "Burmese": frozenset({"my", "mya", "bur"}),
    "Khmer": frozenset({"km", "khm"}),
    "Lao": frozenset({"lo", "lao"}),
}
OTHERS = "all others"

LONGEST = 5_000  # characters
LONGEST_RUN, LONGEST_RUN_AGAIN = 14, 5  # rows, at first and where a scarce language is gone over again
TIMES = 8  # times at most that it is: documents that share many rows are alike by nature, and cost all a comparison
ONE_ROW = 0.62  # share of documents that are one row; chosen for a mean of about 385 characters
SCRIPT_SHARE = 60  # one document in so many is an original of each of SCRIPTS that gets copies more often
PLANTED, PLANTED_IN_SCRIPTS = 0.1, 0.5  # share of the originals that get copies

SCHEMA = pa.schema([("text", pa.large_string()), ("language", pa.string()), ("original", pa.int32())])


class Document(NamedTuple):
    """An original: its language, its text, and how likely it is to get copies."""

    language: str
    text: str
    planted: float = PLANTED


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus in memory.

    Attributes:
        texts: Arrow large strings, shape (n,).
        languages: tag of each text, n.
        original: int32 (n,), of a planted copy the index of its original, of all others -1. Where the last ciphered
            copy is cut off, it may lie beyond the end.
    """

    texts: pa.Array
    languages: list[str]
    original: np.ndarray

    @property
    def megabytes(self) -> float:
        """Return the size of the texts in UTF-8, in units of 10^6 bytes."""
        offsets = np.frombuffer(self.texts.buffers()[1], dtype=np.int64)
        start = self.texts.offset
        return float(offsets[start + len(self.texts)] - offsets[start]) / 1e6


def script_of(language: str) -> str:
    """Return the row of the report that a language belongs to."""
    tag = language.replace("_", "-").split("-")[0].lower()
    return next((name for name, tags in SCRIPTS.items() if tag in tags), OTHERS)


def build_corpus(folders: Sequence[Path], path: Path, *, base: int, count: int) -> None:
    """Write a corpus: ciphered copies of `base` documents each, `count` documents in all.

    Args:
        folders: hold, at any depth, Parquet files with the columns `language` and `text`.
        path: the file to write; one record batch, because an Arrow array in one piece can be mapped without a copy.
        base: documents in a copy, planted ones included.
        count: documents in all.

    Raises:
        ValueError: if the folders give fewer than `base` documents.
    """
    originals = draw_originals(folders, base, np.random.default_rng(0))
    parts = path.with_suffix(".parts")
    with pa.ipc.new_file(parts, SCHEMA) as writer:
        for copy in range(-(-count // base)):
            batch = _ciphered_copy(originals, base, copy)
            writer.write_batch(batch.slice(0, count - copy * base))
    with pa.memory_map(str(parts)) as source, pa.ipc.new_file(path, SCHEMA) as writer:
        writer.write_table(pa.ipc.open_file(source).read_all().combine_chunks())
    parts.unlink()


def read_corpus(path: Path) -> Corpus:
    """Map a corpus."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    languages, original = (table.column(name).combine_chunks() for name in SCHEMA.names[1:])
    return Corpus(read_texts(path), languages.to_pylist(), original.to_numpy())


def read_texts(path: Path) -> pa.Array:
    """Map the texts of a corpus: Arrow large strings, shape (n,)."""
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column(0)


def write_texts(path: Path, texts: Sequence[str]) -> None:
    """Write texts alone, as a corpus without planted copies."""
    columns = {"text": texts, "language": [""] * len(texts), "original": [-1] * len(texts)}
    with pa.ipc.new_file(path, SCHEMA) as writer:
        writer.write_batch(pa.RecordBatch.from_pydict(columns, schema=SCHEMA))


def parquet_files(folders: Sequence[Path]) -> list[Path]:
    """Return the files with rows, in a fixed order."""
    return [path for folder in folders for path in sorted(folder.rglob("*.parquet"))]


def draw_originals(folders: Sequence[Path], count: int, generator: np.random.Generator) -> list[Document]:
    """Draw `count` documents: first the share of each of `SCRIPTS`, then any others at random.

    Raises:
        ValueError: if there are fewer.
    """
    groups = _read_groups(folders)
    chosen: list[Document] = []
    rest: list[Document] = []
    for script in (*SCRIPTS, OTHERS):
        own = [group for group in groups if script_of(group[0]) == script]
        documents = [document for group in own for document in _runs(*group, generator)]
        wanted = 0 if script == OTHERS else count // SCRIPT_SHARE
        for _ in range(1, TIMES):
            if len(documents) >= wanted:
                break
            # A scarce language is gone over again, its rows in a new order; single rows would be the same again.
            again = [(tag, _shuffled(rows, generator)) for tag, rows in own]
            documents += [
                d for group in again for d in _runs(*group, generator, one_row=0.0, longest=LONGEST_RUN_AGAIN)
            ]
        documents = _shuffled(documents, generator)
        chosen += [document._replace(planted=PLANTED_IN_SCRIPTS) for document in documents[:wanted]]
        rest += documents[wanted:]
    if len(chosen) + len(rest) < count:
        raise ValueError(f"the data give {len(chosen) + len(rest):,} documents, not {count:,}")
    return chosen + _shuffled(rest, generator)[: count - len(chosen)]


def _read_groups(folders: Sequence[Path]) -> list[tuple[str, list[str]]]:
    """Return the rows of each language of each file, in the order of the file."""
    groups: dict[tuple[Path, str], list[str]] = defaultdict(list)
    for path in parquet_files(folders):
        languages, texts = pq.read_table(path, columns=["language", "text"])
        for language, text in zip(languages.to_pylist(), texts.to_pylist(), strict=True):
            if text:
                groups[path, language].append(text)
    return [(language, rows) for (_, language), rows in groups.items()]


def _runs(
    language: str,
    rows: Sequence[str],
    generator: np.random.Generator,
    *,
    one_row: float = ONE_ROW,
    longest: int = LONGEST_RUN,
) -> Iterator[Document]:
    """Cut rows into runs, each a document; a share of them is of one row, all other lengths are as frequent."""
    sizes = np.where(generator.random(len(rows)) < one_row, 1, generator.integers(2, longest + 1, len(rows)))
    start = 0
    for end in accumulate(sizes.tolist()):
        if start >= len(rows):
            return
        yield Document(language, " ".join(rows[start:end])[:LONGEST])
        start = end


def _shuffled(items: Sequence, generator: np.random.Generator) -> list:
    return [items[i] for i in generator.permutation(len(items)).tolist()]


def _ciphered_copy(originals: Sequence[Document], count: int, copy: int) -> pa.RecordBatch:
    """Return one copy of the corpus; the first is in clear."""
    generator = np.random.default_rng([1, copy])
    if copy:
        table = make_cipher({char for document in originals for char in document.text}, generator)
        originals = [document._replace(text=document.text.translate(table)) for document in originals]
    documents, original = _plant(originals, count, generator)
    order = generator.permutation(count)
    place = np.argsort(order)
    original = np.where(original < 0, -1, copy * count + place[original])[order].astype(np.int32)
    languages, texts = zip(*(documents[i][:2] for i in order.tolist()), strict=True)
    return pa.record_batch([pa.array(texts, pa.large_string()), pa.array(languages), pa.array(original)], schema=SCHEMA)


def _plant(
    originals: Sequence[Document], count: int, generator: np.random.Generator
) -> tuple[list[Document], np.ndarray]:
    """Return `count` documents, originals and copies, and of each copy the index of its original."""
    documents: list[Document] = []
    original: list[int] = []
    for source in originals:
        place = len(documents)
        documents.append(source)
        original.append(-1)
        copies = int(generator.integers(1, 4)) if generator.random() < source.planted else 0
        for _ in range(copies):
            donor = originals[int(generator.integers(len(originals)))].text
            documents.append(source._replace(text=edited(source.text, donor, generator)))
            original.append(place)
        if len(documents) >= count:
            break
    return documents[:count], np.array(original[:count])


def make_cipher(alphabet: set[str], generator: np.random.Generator) -> dict[int, str]:
    """Return a table for `str.translate` that permutes the letters of each script.

    A letter is replaced by one of the same script, category, UTF-8 length and length in NFD, so that bytes, case and
    the work of normalisation stay nearly as they were; the capital goes with its small letter. Marks, digits and
    punctuation stay, and so do letters that NFKC changes. Letters with marks are permuted among themselves, so a few
    sequences of letter and mark begin or cease to have a composed form.
    """
    classes: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for letter in sorted({_small(char) for char in alphabet if char.isalpha()}):
        if unicodedata.normalize("NFKC", letter) == letter:
            classes[_form(letter), _form(_capital(letter))].append(letter)
    table = {}
    for letters in classes.values():
        for here, there in zip(letters, _shuffled(letters, generator), strict=True):
            table[ord(_capital(here))] = _capital(there)
            table[ord(here)] = there
    return table


def _small(char: str) -> str:
    return char.lower() if len(char.lower()) == 1 and _capital(char.lower()) == char else char


def _capital(letter: str) -> str:
    """Return the capital of a small letter, or the letter itself unless each is the other's only partner."""
    capital = letter.upper()
    return capital if len(capital) == 1 and capital.lower() == letter else letter


def _form(letter: str) -> tuple[object, ...]:
    script = unicodedata.name(letter, "").split(" ")[0]
    decomposed = unicodedata.normalize("NFD", letter)
    return script, unicodedata.category(letter), len(letter.encode()), len(decomposed)
