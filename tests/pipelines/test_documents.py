from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from curation.config.model import DatatroveFilter, DatatroveName, Filters
from curation.errors import ConfigError
from curation.records import RECORD_SCHEMA
from pipelines.documents import document_scores
from pipelines.graph import Filter, Score
from pipelines.stages import apply_or_quarantine

PROSE = (
    "The river rises in the hills behind the old town. It is not long, but its water has driven mills for centuries. "
    "Today the mills are closed, and people walk along the banks on Sundays. Some of them fish. Others read."
)


def only(name, **options):
    [score] = document_scores([DatatroveFilter(filter=name, options=options)])
    return score


@pytest.mark.parametrize(
    ("name", "options", "text", "reason"),
    [
        ("GopherRepetitionFilter", {}, PROSE, None),
        ("GopherRepetitionFilter", {}, "buy cheap shoes now " * 20, "top_2_gram"),
        ("GopherRepetitionFilter", {}, "सस्ते जूते अभी खरीदें " * 20, "top_2_gram"),
        ("GopherRepetitionFilter", {}, "立即购买便宜的鞋子" * 20, "top_2_gram"),
        ("GopherQualityFilter", {"min_doc_words": 10}, PROSE, None),
        ("GopherQualityFilter", {"min_doc_words": 100}, PROSE, "gopher_short_doc"),
        ("GopherQualityFilter", {"min_doc_words": 3, "min_stop_words": 0, "max_avg_word_length": 20},
         "नदी पहाड़ियों से निकलती है। यह लंबी नहीं है।", None),
        ("FineWebQualityFilter", {}, PROSE, None),
        ("FineWebQualityFilter", {}, "home", "line_punct_ratio"),
        ("C4QualityFilter", {"min_num_sentences": 3}, PROSE, None),
        ("C4QualityFilter", {}, "Lorem ipsum dolor sit amet.", "lorem_ipsum"),
        ("C4ParagraphFilter", {}, PROSE, "< 3 paragraphs"),
        ("RegexFilter", {"regex_exp": "viagra"}, PROSE, None),
        ("RegexFilter", {"regex_exp": "mills"}, PROSE, "rejected"),
    ],
)  # fmt: skip
def test_a_filter_keeps_or_rejects_with_its_reason(name, options, text, reason):
    assert only(name, **options).judge(text) == reason


def test_a_filter_knows_its_roles_and_languages():
    [score] = document_scores(
        [DatatroveFilter(filter="C4ParagraphFilter", roles=["passage", "title"], languages=["de"])]
    )
    assert (score.roles, score.languages) == ({"passage", "title"}, {"deu_Latn"})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("GopherRepetitionFilter", {"dup_line_fraction": 0.3}, "no option 'dup_line_fraction'"),
        ("GopherRepetitionFilter", {"language": "en"}, "'language' is set by the program"),
        ("C4ParagraphFilter", {"exclusion_writer": "x"}, "'exclusion_writer' is set by the program"),
        ("RegexFilter", {}, "'regex_exp' is not given"),
        ("RegexFilter", {"regex_exp": "("}, "cannot be used"),
        ("GopherQualityFilter", {"min_doc_words": "many"}, "cannot be used"),
    ],
)
def test_options_that_its_constructor_does_not_take_are_refused(name, options, message):
    with pytest.raises(ConfigError) as refused:
        document_scores([DatatroveFilter(filter=name, options=options)])
    assert message in str(refused.value)


def test_a_filter_that_would_download_is_refused_while_its_file_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="needs a file that is not here"):
        document_scores([DatatroveFilter(filter="UnigramLogProbFilter")])


def record(row, positive):
    texts = dict.fromkeys(RECORD_SCHEMA.names, "") | {"query": "Where does it rise?", "positive": positive}
    languages = dict.fromkeys(("query_language", "positive_language", "language"), "eng_Latn")
    return texts | languages | {"id": f"{row:032x}", "negatives": [], "task": "retrieval", "source": "web", "row": row}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of a mean of no words
@pytest.mark.parametrize("wordless", [(0,), (19,), (3, 4, 11)])
@pytest.mark.parametrize("least", [0, None])
def test_a_record_on_which_a_filter_fails_is_quarantined_and_the_others_go_on(least, wordless):
    options = {"min_doc_words": least, "min_stop_words": 0}
    options = Filters(datatrove=[DatatroveFilter(filter="GopherQualityFilter", roles=["passage"], options=options)])
    roles = {"web": ("query", "passage")}
    with pytest.raises(ZeroDivisionError):
        only("GopherQualityFilter", min_doc_words=least).judge(" ")
    rows = [record(row, " " if row in wordless else f"{PROSE} {row}") for row in range(20)]
    scored = apply_or_quarantine(Score(options.datatrove, roles), pa.Table.from_pylist(rows, schema=RECORD_SCHEMA))
    assert [(row["row"], row["decision"], row["reason"], row["detail"]) for row in scored.ledger.to_pylist()] == [
        (row, "quarantined", "error", "ZeroDivisionError: division by zero") for row in wordless
    ]
    passed = apply_or_quarantine(Filter(options, roles), scored.records)
    assert passed.records["row"].to_pylist() == [row for row in range(20) if row not in wordless]


@pytest.mark.parametrize("name", get_args(DatatroveName))
def test_every_name_on_the_list_is_a_filter_of_datatrove(name):
    from datatrove.pipeline import filters
    from datatrove.pipeline.filters.base_filter import BaseFilter

    assert issubclass(getattr(filters, name), BaseFilter)
