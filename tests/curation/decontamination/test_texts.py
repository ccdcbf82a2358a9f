from __future__ import annotations

import pyarrow as pa

from curation.decontamination.texts import distinct_texts
from tests.curation.decontamination.helpers import evaluation

TEXTS = ["Привет, мир", "สวัสดีชาวโลก", "ПРИВЕТ, МИР", "Ｈｅｌｌｏ", "hello", "नमस्ते"]


def test_equal_texts_are_kept_once_and_each_occurrence_is_known() -> None:
    table = pa.concat_tables([evaluation(TEXTS), evaluation(["Hello"], task="Other", file="b.tsv", column="0")])
    texts = distinct_texts(table)
    assert len(texts) == 4
    assert texts.texts.to_pylist() == ["привет, мир", "สวัสดีชาวโลก", "hello", "नमस्ते"]
    assert texts.text.tolist() == [0, 1, 0, 2, 2, 3, 2]
    assert texts.references().to_pylist() == [f"T:test:f.txt:{row}:text" for row in (1, 2, 4, 6)]
    assert texts.origins["task"].to_pylist()[-1] == "Other"
