"""Synthetic runs, written by the real writers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from whole_release import write_whole

from curation.config.mining import Mining
from curation.config.model import RunConfig
from curation.dedup.known import Known
from curation.funnel import count_outcome
from curation.hashing import content_id
from curation.ledger import ledger_rows
from curation.mining.stage import mine_records
from curation.outcome import Outcome
from curation.quota.plan import PLAN_SCHEMA
from curation.records import RECORD_SCHEMA
from curation.release import Release, open_release
from curation.release.assemble import assemble_release
from curation.release.stats import StageCount, compute_stats

HOSTILE = "</script><img src=x onerror=alert(1)>\u202egnp.exe\x00\x1b[31m&amp;'\""

SENTENCES = {
    "arb_Arab": ["لا يمكن حذف هذا السجل.", "تم حفظ التغييرات بنجاح.", "أدخل كلمة المرور مرة أخرى."],
    "heb_Hebr": ["לא ניתן למחוק רשומה זו.", "השינויים נשמרו בהצלחה.", "נא להזין את הסיסמה שוב."],
    "pes_Arab": ["نمی‌توان این رکورد را حذف کرد.", "تغییرات ذخیره شد.", "گذرواژه را دوباره وارد کنید."],
    "hin_Deva": ["यह रिकॉर्ड हटाया नहीं जा सकता।", "परिवर्तन सहेजे गए।", "पासवर्ड फिर से दर्ज करें।"],
    "tha_Thai": ["ไม่สามารถลบระเบียนนี้ได้", "บันทึกการเปลี่ยนแปลงแล้ว", "กรุณาใส่รหัสผ่านอีกครั้ง"],
    "jpn_Jpan": ["このレコードは削除できません。", "変更を保存しました。", "パスワードをもう一度入力してください。"],
    "kor_Hang": ["이 레코드는 삭제할 수 없습니다.", "변경 사항이 저장되었습니다.", "비밀번호를 다시 입력하세요."],
    "cmn_Hans": ["无法删除此记录。", "更改已保存。", "请再次输入密码。"],
    "rus_Cyrl": ["Эту запись нельзя удалить.", "Изменения сохранены.", "Введите пароль ещё раз."],
    "ell_Grek": ["Αυτή η εγγραφή δεν μπορεί να διαγραφεί.", "Οι αλλαγές αποθηκεύτηκαν.", "Εισαγάγετε ξανά τον κωδικό."],
    "kat_Geor": ["ამ ჩანაწერის წაშლა შეუძლებელია.", "ცვლილებები შენახულია.", "შეიყვანეთ პაროლი ხელახლა."],
    "hye_Armn": ["Այս գրառումը հնարավոր չէ ջնջել։", "Փոփոխությունները պահպանված են։", "Կրկին մուտքագրեք գաղտնաբառը։"],
    "tam_Taml": ["இந்தப் பதிவை நீக்க முடியாது.", "மாற்றங்கள் சேமிக்கப்பட்டன.", "கடவுச்சொல்லை மீண்டும் உள்ளிடவும்."],
    "amh_Ethi": ["ይህን መዝገብ ማጥፋት አይቻልም።", "ለውጦቹ ተቀምጠዋል።", "የይለፍ ቃሉን እንደገና ያስገቡ።"],
    "fra_Latn": [
        "Cet enregistrement ne peut pas être supprimé.",
        "Modifications enregistrées.",
        "Saisissez à nouveau le mot de passe.",
    ],
}
ENGLISH = ["This record cannot be deleted.", "Changes saved.", "Enter the password again."]


@dataclass(frozen=True)
class Run:
    """A run folder: the release, and the ledger beside it."""

    release: Release
    ledger: Path


def put_verdict(path: Path, verdict: Mapping[str, Any] | None) -> Release:
    """Write a verdict into a release, or remove it."""
    file = path / "gate/verdict.json"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    if verdict is not None:
        file.write_text(json.dumps(verdict), encoding="utf-8")
    return open_release(path)


def mine(records: pa.Table) -> pa.Table:
    """Mine negatives, with queries in the language of their passages."""
    base = records.select([*RECORD_SCHEMA.names, "split"]).to_pylist()
    for row in base:
        row |= {"task": "retrieval", "query_language": row["positive_language"], "query": row["positive"][::2]}
        row |= {"group": row["id"], "negatives": []}
    schema = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))
    return mine_records(pa.Table.from_pylist(base, schema), Mining(num_negatives=3, skip_rank=0), seed=0).records


def make_run(
    folder: Path,
    sentences: Mapping[str, Sequence[str]],
    *,
    each: int = 8,
    change: Callable[[pa.Table], pa.Table] = lambda records: records,
) -> Run:
    """Write a run of `each` records a language."""
    records = change(pa.concat_tables([_records(code, list(texts), each) for code, texts in sentences.items()]))
    files = folder / "files"
    config = RunConfig.model_validate(_CONFIG)
    shards = write_whole(records, files, rows_per_file=1_000, negatives=3, index=config.dedup).sort_by("path")
    ledger = _write_ledger(records, folder / "ledger")
    count = records.num_rows
    counts = [
        StageCount("read", count + ledger.num_rows, count + ledger.num_rows),
        StageCount("filter", count + ledger.num_rows, count + ledger.num_rows // 2),
        StageCount("near_dedup", count + ledger.num_rows // 2, count),
        StageCount("shard", count, count),
    ]
    stats = compute_stats(counts, ledger, shards, _quota(sentences, each), count_outcome(Outcome.keep(records)))
    fingerprints = {"messages": [{"name": "a.parquet", "bytes": 2048, "sha256": "0" * 64}]}
    inputs = {"fingerprints": fingerprints, "known": Known()}
    assemble_release(folder / "release", config=config, shards=shards, files=files, stats=stats, **inputs)
    return Run(open_release(folder / "release"), folder / "ledger")


_CONFIG = {
    "name": "messages",
    "sources": [{"name": "messages", "format": "parquet", "path": "a.parquet", "licence": "CC0-1.0", "task": "bitext"}],
    "release": {"title": "Messages", "description": "Sentences of a user interface."},
}


def _quota(codes: Iterable[str], each: int) -> pa.Table:
    """Plan three times as many rows a language as there are."""
    row = {"task": "bitext", "source": "messages", "asked": each * 3, "available": each, "given": each * 3}
    row |= {"repeated": each * 2, "short": 0, "limit": ""}
    return pa.Table.from_pylist([{"language": code} | row for code in codes], schema=PLAN_SCHEMA)


def _records(code: str, texts: list[str], each: int) -> pa.Table:
    rows = [_record(code, texts, number) for number in range(each)]
    table = pa.Table.from_pylist(
        [{name: row[name] for name in RECORD_SCHEMA.names} for row in rows], schema=RECORD_SCHEMA
    )
    extra = {name: [row[name] for row in rows] for name in rows[0] if name not in RECORD_SCHEMA.names}
    for name, values in extra.items():
        table = table.append_column(name, pa.array(values))
    return table


def _record(code: str, texts: list[str], number: int) -> dict[str, Any]:
    positive = texts[number % len(texts)] + (HOSTILE if number == 1 else "") + f" {number}"
    return {
        "id": content_id("messages", code, str(number)),
        "query": f"{ENGLISH[number % len(ENGLISH)]} {number}",
        "positive": positive,
        "negatives": [f"{text} {number}" for text in (texts * 2)[1:4]],
        "query_language": "eng_Latn",
        "positive_language": code,
        "language": code,
        "source": "messages",
        "licence": "CC0-1.0",
        "task": "bitext",
        "label": "",
        "document": "",
        "group": content_id(ENGLISH[number % len(ENGLISH)])[:16],
        "file": "a.parquet",
        "row": number,
        "split": "test" if number % 4 == 3 else "train",
        "query_lid_score": 0.99,
        "positive_lid_score": 1 - number % 9 / 20,
        "positive_score": 0.9 - number % 11 / 40,
        "negative_scores": [0.5 - number % 7 / 30, 0.4 - number % 5 / 30, None],
    }


def _write_ledger(records: pa.Table, folder: Path) -> pa.Table:
    """Write a ledger of records like those that were kept: dropped, merged and in quarantine."""
    base = records.select(RECORD_SCHEMA.names)
    lost = base.set_column(0, RECORD_SCHEMA.field("id"), [[content_id("lost", i) for i in base["id"].to_pylist()]])
    third = lost.num_rows // 3
    parts = [
        ledger_rows(
            lost.slice(0, third),
            stage="filter",
            decision="dropped",
            reason="min_letter_share",
            score=0.1,
            threshold=0.25,
        ),
        ledger_rows(lost.slice(third, third), stage="filter", decision="quarantined", reason="error", detail=HOSTILE),
        ledger_rows(
            lost.slice(2 * third),
            stage="near_dedup",
            decision="merged",
            reason="near_duplicate",
            score=0.93,
            threshold=0.8,
            other_id=base["id"].slice(2 * third),
        ),
    ]
    folder.mkdir()
    for stage, tables in {"filter": parts[:2], "near_dedup": parts[2:]}.items():
        pq.write_table(pa.concat_tables(tables), folder / f"{stage}.parquet")
    return pa.concat_tables(parts)
