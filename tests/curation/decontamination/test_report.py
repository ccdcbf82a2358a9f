from __future__ import annotations

import pyarrow as pa

from curation.decontamination.report import contamination
from curation.decontamination.texts import distinct_texts
from tests.curation.decontamination.helpers import evaluation


def test_a_text_in_two_tasks_counts_in_both_and_a_repeated_one_once() -> None:
    first = evaluation(["Ein Satz", "Noch ein Satz", "ein  satz"], task="A", language="deu_Latn")
    second = evaluation(["EIN SATZ", "別の文", "EIN SATZ"], task="B", split="dev")
    texts = distinct_texts(pa.concat_tables([first, second]))
    names = ["A:test:f.txt:1:text", "A:test:f.txt:2:text", "A:test:f.txt:3:text", "B:dev:f.txt:2:text"]
    assert texts.references().to_pylist() == names
    ledger = pa.table(
        {
            "reason": ["evaluation_exact", "evaluation_near_duplicate", "evaluation_exact"],
            "other_id": ["A:test:f.txt:1:text", "A:test:f.txt:1:text", "B:dev:f.txt:2:text"],
        }
    )
    counts = {"evaluation_exact": 1, "evaluation_near_duplicate": 1}
    assert contamination(texts, ledger) == [
        {"task": "A", "split": "test", "language": "deu_Latn", "texts": 3, "hit": 1, "dropped": 2, "reasons": counts},
        {"task": "B", "split": "dev", "language": "", "texts": 2, "hit": 2, "dropped": 3}
        | {"reasons": counts | {"evaluation_exact": 2}},
    ]


def test_nothing_dropped() -> None:
    nothing = pa.table({"reason": pa.array([], pa.string()), "other_id": pa.array([], pa.string())})
    [entry] = contamination(distinct_texts(evaluation(["x", "y"])), nothing)
    assert (entry["texts"], entry["hit"], entry["dropped"], entry["reasons"]) == (2, 0, 0, {})
