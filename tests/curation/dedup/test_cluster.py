from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentences import SENTENCES, edited, grams, similarity

from curation.dedup import candidates, find_near_duplicates, near_duplicate_clusters
from curation.dedup.columns import folded


def reference(texts: list[str], threshold: float) -> tuple[list[int], int]:
    """Compare all pairs: the kept member of each text, and the number of links between distinct texts."""
    sets = [grams(text) for text in folded(texts).to_pylist()]
    kept, links = list(range(len(texts))), 0
    for i, j in combinations(range(len(texts)), 2):
        if similarity(sets[i], sets[j]) >= threshold:
            links += 1
            old, new = max(kept[i], kept[j]), min(kept[i], kept[j])
            kept = [new if root == old else root for root in kept]
    return kept, links


def corpus(generator: np.random.Generator, size: int) -> list[str]:
    sentences = list(SENTENCES.values())
    texts = []
    for _ in range(size):
        base = (
            sentences[int(generator.integers(len(sentences)))] if not texts or generator.random() < 0.4 else texts[-1]
        )
        start = int(generator.integers(0, len(base) // 2 + 1)) if generator.random() < 0.1 else 0
        texts.append(edited(base[start:] or "x", int(generator.integers(0, 4)), generator))
    return [texts[i] for i in generator.permutation(size)]


def as_sets(kept: np.ndarray | list[int], texts: list[str]) -> set[tuple[str, ...]]:
    clusters: dict[int, list[str]] = {}
    for text, root in zip(texts, kept, strict=True):
        clusters.setdefault(int(root), []).append(text)
    return {tuple(sorted(members)) for members in clusters.values()}


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_clusters_of_small_collections_are_exactly_those_of_all_pairs(
    threshold: float, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURATION_DEDUP_KERNELS", kernels)
    generator = np.random.default_rng(int(threshold * 10))
    for _ in range(400 if kernels == "numba" else 60):
        texts = corpus(generator, int(generator.integers(2, 20)))
        expected, _ = reference(texts, threshold)
        assert find_near_duplicates(texts, threshold=threshold).tolist() == expected


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9])
def test_clusters_by_bands_are_those_of_all_pairs(threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "EXHAUSTIVE", 0)
    generator = np.random.default_rng(int(threshold * 10))
    right = 0
    for _ in range(350):
        texts = corpus(generator, int(generator.integers(2, 16)))
        expected, _ = reference(texts, threshold)
        found = find_near_duplicates(texts, threshold=threshold).tolist()
        assert all(expected[i] == expected[root] for i, root in enumerate(found)), "linked what is not linked"
        right += found == expected
    # A pair at the threshold is found with probability 0.998, most lie above it.
    assert right >= 347


def test_compiled_and_numpy_kernels_give_the_same_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus(np.random.default_rng(9), 2_000) + [f"{SENTENCES['Deva']} {n}" for n in range(500)]
    found = []
    for kernels in ("numba", "numpy"):
        monkeypatch.setenv("CURATION_DEDUP_KERNELS", kernels)
        found.append(near_duplicate_clusters(texts))
    for name in ("kept", "similarity", "via", "via_similarity"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))


def test_threads_change_nothing() -> None:
    texts = corpus(np.random.default_rng(10), 9_000)
    np.testing.assert_array_equal(find_near_duplicates(texts), find_near_duplicates(texts, threads=3))


@pytest.mark.parametrize("script", SENTENCES)
def test_recall_of_edited_copies_in_every_script(script: str) -> None:
    generator = np.random.default_rng(11)
    sentence = SENTENCES[script] * 3
    missed = pairs = 0
    sources = [edited(sentence, len(sentence) // 2, generator) for _ in range(150)]
    copies = [edited(text, int(generator.integers(1, 3)), generator) for text in sources]
    kept = find_near_duplicates(sources + copies)
    for i, (source, copy) in enumerate(zip(sources, copies, strict=True)):
        similar = similarity(*(grams(text) for text in folded([source, copy]).to_pylist())) >= 0.8
        pairs += similar
        missed += similar and kept[i] != kept[150 + i]
    assert pairs >= 50
    assert missed <= pairs * 0.005


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False), st.sampled_from([0.3, 0.6, 0.8]))
def test_clusters_do_not_depend_on_order(seed: int, random: object, threshold: float) -> None:
    texts = corpus(np.random.default_rng(seed), 30)
    shuffled = list(texts)
    random.shuffle(shuffled)
    plain, turned = (as_sets(find_near_duplicates(t, threshold=threshold), t) for t in (texts, shuffled))
    assert plain == turned


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(alphabet="aAbéあก ", max_size=9), max_size=20), st.sampled_from([0.1, 0.25, 0.5, 0.8, 1.0]))
def test_every_removal_is_backed_by_a_link(texts: list[str], threshold: float) -> None:
    clusters = near_duplicate_clusters(texts, threshold=threshold)
    sets = [grams(text) for text in folded(texts).to_pylist()]
    assert clusters.kept.tolist() == find_near_duplicates(texts, threshold=threshold).tolist()
    for i, (kept, via) in enumerate(zip(clusters.kept, clusters.via, strict=True)):
        assert kept <= i
        assert clusters.kept[kept] == clusters.kept[via] == kept
        assert clusters.similarity[i] == similarity(sets[i], sets[kept])
        assert clusters.via_similarity[i] == similarity(sets[i], sets[via]) >= threshold
        assert (via == i) == (kept == i)
        assert via == kept or clusters.similarity[i] < threshold


def test_a_chain_names_the_link_of_each_member() -> None:
    line = SENTENCES["Latn"] + " " + SENTENCES["Latn"][::-1]
    chain = [line[start : start + 100] for start in range(0, 48, 6)]
    clusters = near_duplicate_clusters(chain + chain[-1:])
    assert (clusters.kept == 0).all()
    assert clusters.via.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert clusters.similarity[7] < 0.5
    assert clusters.similarity[8] == clusters.similarity[7]
    assert clusters.via_similarity[8] == 1.0


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ([], []),
        ([""], [0]),
        (["", "a", "", "a", "b", "ab"], [0, 1, 0, 1, 4, 5]),
        (["abcd", "ABCD", "abcde"], [0, 0, 2]),
        (["Straße", "STRASSE", "straße"], [0, 1, 0]),
        (["École", "E\u0301COLE", "ＥＣＯＬＥ"], [0, 0, 2]),
        (["ﾃﾞｰﾀﾍﾞｰｽの設定", "データベースの設定"], [0, 0]),
        (["क्या आप ठीक हैं?", "क्या आप ठीक हैं!"], [0, 0]),
        (["\0", "\0\0", ""], [0, 1, 2]),
    ],
)
def test_cases(texts: list[str], kept: list[int]) -> None:
    assert find_near_duplicates(texts, threshold=0.75).tolist() == kept


def test_arrow_arrays_and_lists_give_the_same() -> None:
    texts = corpus(np.random.default_rng(5), 50)
    expected = find_near_duplicates(texts).tolist()
    for column in (pa.array(texts), pa.array(["x", *texts])[1:], pa.chunked_array([texts[:20], texts[20:]])):
        assert find_near_duplicates(column).tolist() == expected


def test_pairs_must_be_similar_on_both_sides() -> None:
    passage = SENTENCES["Latn"] * 3
    questions = ["Who counted the boats?", "Why did he do it again?", "who counted the boats"]
    apart = near_duplicate_clusters(questions, other_side=[passage, passage, passage + "!"], threshold=0.8)
    assert apart.kept.tolist() == [0, 1, 0]
    assert apart.similarity[2] == near_duplicate_clusters([questions[0], questions[2]]).similarity[1]
    swapped = near_duplicate_clusters(["", passage], other_side=[passage, ""])
    assert swapped.kept.tolist() == [0, 1]


def test_pairs_with_one_empty_side_are_compared_by_the_other() -> None:
    clusters = near_duplicate_clusters(["", "", ""], other_side=["hello world", "hello world!", "else"], threshold=0.8)
    assert clusters.kept.tolist() == [0, 0, 2]


def test_sides_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="2 texts have 1 other sides"):
        near_duplicate_clusters(["a", "b"], other_side=["c"])


@pytest.mark.parametrize("threshold", [0.0, 0.05, 1.01, -1.0, float("nan")])
def test_the_threshold_has_a_range(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"between 0\.1 and 1"):
        find_near_duplicates(["a"], threshold=threshold)


def test_a_lone_surrogate_is_named() -> None:
    with pytest.raises(ValueError, match="text 1 holds a lone surrogate"):
        find_near_duplicates(["a", "\udc80"])


def one_boilerplate() -> list[str]:
    """Return texts with a mutual similarity of about 0.7, which is too little."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    ends = np.random.default_rng(8).choice(letters, (22_000, 60))
    return [SENTENCES["Latn"] + SENTENCES["Cyrl"] + SENTENCES["Grek"] + "".join(end) for end in ends]


def fifty_megabytes() -> list[str]:
    text = "".join(map(chr, np.random.default_rng(2).integers(0x4E00, 0x9FFF, 17_000_000)))
    return [text, text[:-1000], "short", text[:9_000_000]]


HOSTILE: dict[str, tuple[Callable[[], list[str]], int]] = {
    "identical": (lambda: ["same text here"] * 100_000, 1),
    "empty": (lambda: [""] * 1_000_000, 1),
    "one character": (lambda: ["a" * (1 + i % 400) for i in range(100_000)], 5),
    "one template": (lambda: [f"{SENTENCES['Latn']} {SENTENCES['Cyrl']} No. {i}" for i in range(20_000)], 1),
    "one boilerplate": (one_boilerplate, 22_000),
    "one text of 50 MB": (fifty_megabytes, 3),
    "marks only": (lambda: ["\u0301\u0323" * 100_000, "\u0323\u0301" * 100_000, "\u0301" * 9], 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_takes_bounded_time(name: str) -> None:
    make, clusters = HOSTILE[name]
    texts = make()
    begin = time.monotonic()
    kept = find_near_duplicates(texts)
    assert len(np.unique(kept)) == clusters
    assert time.monotonic() - begin < 60


def test_shared_boilerplate_merges_only_near_duplicates() -> None:
    generator = np.random.default_rng(4)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    texts = [SENTENCES["Latn"] * 2 + "".join(generator.choice(letters, 60)) for _ in range(1_000)]
    copies = [text[:-3] + "..." for text in texts[:200]]
    kept = find_near_duplicates(texts + copies)
    assert kept.tolist() == [*range(1_000), *range(200)]
