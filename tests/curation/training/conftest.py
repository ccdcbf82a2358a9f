"""A small trained model, and sentences in many scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from curation.config.training import Training
from curation.release import Release, open_release
from curation.training import TrainedModel, train_smoke

SENTENCES = {
    "Latn": "cet enregistrement ne peut pas être supprimé.",
    "Cyrl": "эту запись нельзя удалить.",
    "Grek": "αυτή η εγγραφή δεν μπορεί να διαγραφεί.",
    "Arab": "لا يمكن حذف هذا السجل.",
    "Hebr": "לא ניתן למחוק רשומה זו.",
    "Deva": "यह रिकॉर्ड हटाया नहीं जा सकता।",
    "Taml": "இந்தப் பதிவை நீக்க முடியாது.",
    "Thai": "ไม่สามารถลบระเบียนนี้ได้",
    "Khmr": "មិនអាចលុបកំណត់ត្រានេះបានទេ។",
    "Mymr": "ဤမှတ်တမ်းကို ဖျက်၍မရပါ။",
    "Jpan": "このレコードは削除できません。",
    "Hang": "이 레코드는 삭제할 수 없습니다.",
    "Hans": "无法删除此记录。",
    "Geor": "ამ ჩანაწერის წაშლა შეუძლებელია.",
    "Armn": "այս գրառումը հնարավոր չէ ջնջել։",
    "Ethi": "ይህን መዝገብ ማጥፋት አይቻልም።",
}


@pytest.fixture(scope="session")
def sentences() -> Mapping[str, str]:
    """One folded sentence for each script."""
    return SENTENCES


@pytest.fixture(scope="session")
def release(finished: Path) -> Release:
    return open_release(finished / "release")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for trained tokenizers."""
    return tmp_path_factory.mktemp("tokenizers")


@pytest.fixture(scope="session")
def options() -> Training:
    return Training(steps=120, batch_size=64, vocabulary=1_000, negatives=1, dims=[8, 16, 32], ranks=[8, 16], depth=2)


@pytest.fixture(scope="session")
def model(release: Release, options: Training, cache: Path) -> TrainedModel:
    return train_smoke(release, options, seed=5, cache=cache)
