from typing import Any

from curation.report.negatives import LANGUAGES, RECORDS, negative_samples


def test_two_records_of_the_largest_languages(run: Any) -> None:
    released = dict.fromkeys(run.release.languages, 6) | {"tha_Thai": 9, "heb_Hebr": 8}
    samples = negative_samples(run.release, released)
    assert len(samples) == LANGUAGES * RECORDS
    order = list(dict.fromkeys(sample["language"] for sample in samples))
    assert order[:3] == ["tha_Thai", "heb_Hebr", "amh_Ethi"]


def test_a_sample_has_the_texts_and_scores_of_the_release(run: Any) -> None:
    sample = negative_samples(run.release, {"jpn_Jpan": 6})[0]
    rows = run.release.read("full", split="train", language="jpn_Jpan").sort_by("id").to_pylist()
    row = rows[0]
    assert [sample[name] for name in ("id", "anchor", "positive")] == [
        row[name] for name in ("id", "anchor", "positive")
    ]
    assert [item["text"] for item in sample["negatives"]] == [row[f"negative_{n}"] for n in (1, 2, 3)]
    assert [item["score"] for item in sample["negatives"]] == [
        *(round(score, 4) for score in row["negative_scores"][:2]),
        None,
    ]


def test_a_language_without_training_rows_has_no_samples(run: Any) -> None:
    assert negative_samples(run.release, {}) == []
    assert negative_samples(run.release, {"zul_Latn": 3}) == []
