from __future__ import annotations

from curation.mining.assemble import ORIGINS
from curation.mining.origins import Origin


def test_what_two_searches_found_is_the_sum_of_both() -> None:
    assert Origin.LEXICAL + Origin.DENSE == Origin.BOTH


def test_every_origin_has_the_name_that_the_release_shows() -> None:
    assert [ORIGINS[origin].as_py() for origin in Origin] == ["given", "lexical", "dense", "both", "random"]
