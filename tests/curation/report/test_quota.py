from __future__ import annotations

from typing import Any

from curation.report.quota import quota_numbers


def cell(language: str, short: int, **changes: Any) -> dict[str, Any]:
    values = {"language": language, "task": "bitext", "source": "s", "asked": 9 + short, "available": 9, "given": 9}
    return values | {"repeated": 0, "short": short, "limit": ""} | changes


def test_what_is_most_short_comes_first_and_the_sums_are_of_all() -> None:
    cells = [cell("swh_Latn", 0), cell("amh_Ethi", 5), cell("tha_Thai", 5, repeated=2), cell("deu_Latn", 7)]
    found = quota_numbers(cells, {"method": "unimax", "budget": 50})
    assert [row["language"] for row in found["cells"]] == ["deu_Latn", "amh_Ethi", "tha_Thai", "swh_Latn"]
    sums = {name: found[name] for name in ("method", "budget", "asked", "given", "repeated", "short", "count")}
    assert sums == {"method": "unimax", "budget": 50, "asked": 53, "given": 36, "repeated": 2, "short": 17, "count": 4}


def test_a_page_shows_five_hundred_of_many() -> None:
    found = quota_numbers([cell(f"l{n:03}_Latn", n) for n in range(700)], {})
    assert len(found["cells"]) == 500
    assert found["count"] == 700
    assert found["cells"][0]["short"] == 699


def test_without_training_rows_there_is_nothing_to_show() -> None:
    assert quota_numbers([], {})["cells"] == []
