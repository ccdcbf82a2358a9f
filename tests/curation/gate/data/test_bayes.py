"""Wrong labels are found, in languages that share a script too; clean ones and relatives are left in peace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from curation.gate.data import bayes
from curation.gate.data.bayes import MIN_FEATURES, label_margins
from curation.mining.lexical.features import count_features

# Sentences are put together from these parts: enough different ones for a small classifier.
PARTS = {
    "deu_Latn": (
        ["Der Benutzer", "Das Passwort", "Die Änderung", "Der Eintrag", "Die Nachricht", "Das Formular"],
        ["konnte nicht", "wurde gestern", "muss leider", "soll später", "wird bald", "darf niemals"],
        ["gespeichert werden", "gelöscht werden", "bestätigt werden", "zurückgesetzt werden"],
    ),
    "fra_Latn": (
        ["L'utilisateur", "Le mot de passe", "La modification", "L'enregistrement", "Le message", "Le formulaire"],
        ["ne peut pas", "devait hier", "doit malheureusement", "pourra ensuite", "va bientôt", "ne doit jamais"],
        ["être enregistré", "être supprimé", "être confirmé", "être réinitialisé"],
    ),
    "ell_Grek": (
        ["Ο χρήστης", "Ο κωδικός πρόσβασης", "Η αλλαγή", "Η εγγραφή", "Το μήνυμα", "Η φόρμα"],
        ["δεν μπορεί", "έπρεπε χθες", "πρέπει δυστυχώς", "θα μπορούσε", "πρόκειται σύντομα", "δεν πρέπει ποτέ"],
        ["να αποθηκευτεί", "να διαγραφεί", "να επιβεβαιωθεί", "να επαναφερθεί"],
    ),
    "rus_Cyrl": (
        ["Пользователь", "Пароль", "Изменение", "Запись", "Сообщение", "Форма"],
        ["не может", "вчера должен", "к сожалению обязан", "сможет потом", "скоро начнёт", "никогда не будет"],
        ["быть сохранено", "быть удалено", "быть подтверждено", "быть сброшено"],
    ),
    "kat_Geor": (
        ["მომხმარებელი", "პაროლი", "ცვლილება", "ჩანაწერი", "შეტყობინება", "ფორმა"],
        ["ვერ იქნება", "გუშინ უნდა", "სამწუხაროდ უნდა", "მოგვიანებით შეიძლება", "მალე იქნება", "არასოდეს იქნება"],
        ["შენახული", "წაშლილი", "დადასტურებული", "აღდგენილი"],
    ),
    "ind_Latn": (
        ["Pengguna", "Kata sandi", "Perubahan", "Catatan itu", "Pesan tersebut", "Formulir"],
        ["tidak dapat", "kemarin harus", "sayangnya harus", "nanti dapat", "segera akan", "tidak boleh"],
        ["disimpan kembali", "dihapus kembali", "dikonfirmasi kembali", "diatur ulang"],
    ),
}


def texts_of(code: str, count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    starts, middles, ends = PARTS[code]
    pick = random.choice
    return [f"{pick(starts)} {pick(middles)} {pick(ends)} ({n})" for n in range(count)]


def noise(*groups: tuple[str, Sequence[str]]) -> dict[str, float]:
    """Return of each label the share of its judged texts that speak for another one."""
    texts = [text for _, group in groups for text in group]
    codes = np.array([label for label, group in groups for _ in group])
    margins = label_margins(count_features(pa.array(texts)), codes)
    return {
        str(code): float((margins.values[margins.judged & (codes == code)] > 1.0).mean()) for code in np.unique(codes)
    }


@pytest.fixture(scope="module")
def clean() -> list[tuple[str, list[str]]]:
    return [(code, texts_of(code, 120)) for code in PARTS]


def test_clean_labels_have_no_noise(clean: list[tuple[str, list[str]]]) -> None:
    shares = noise(*clean)
    assert sorted(shares) == sorted(PARTS)
    assert all(share < 0.01 for share in shares.values())


@pytest.mark.parametrize(
    ("label", "other"), [("deu_Latn", "fra_Latn"), ("rus_Cyrl", "kat_Geor"), ("fra_Latn", "deu_Latn")]
)
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_texts_of_another_language_are_found(
    clean: list[tuple[str, list[str]]], label: str, other: str, share: float
) -> None:
    foreign = texts_of(other, int(share * 120), seed=9)
    groups = [(code, [*foreign, *texts[len(foreign) :]] if code == label else texts) for code, texts in clean]
    shares = noise(*groups)
    assert 0.9 * share <= shares[label] <= share
    assert all(found < 0.02 for code, found in shares.items() if code != label)


def test_the_order_of_the_texts_does_not_matter(clean: list[tuple[str, list[str]]]) -> None:
    texts = [text for _, group in clean for text in group]
    codes = [code for code, group in clean for _ in group]
    order = np.random.default_rng(1).permutation(len(texts))
    first, again = (
        label_margins(count_features(pa.array([texts[n] for n in some])), np.array([codes[n] for n in some])).values
        for some in (range(len(texts)), order)
    )
    np.testing.assert_allclose(again, first[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("label", "relative"), [("zsm_Latn", "ind_Latn"), ("srp_Latn", "srp_Cyrl"), ("spa_Latn", "ind_Latn")]
)
def test_relatives_and_other_scripts_are_no_other_language(label: str, relative: str) -> None:
    """A third of a label's texts are like those of another, which counts unless nobody could blame them for it."""
    mixed = [*texts_of("fra_Latn", 80), *texts_of("ind_Latn", 40, seed=9)]
    share = noise((relative, texts_of("ind_Latn", 120)), (label, mixed), ("rus_Cyrl", texts_of("rus_Cyrl", 120)))[label]
    assert (share > 0.1) == (label == "spa_Latn")


def test_margins_are_those_of_a_classifier_that_has_not_seen_the_text() -> None:
    """Naive Bayes, fitted anew for each text without it."""
    random = np.random.default_rng(0)
    counts = random.integers(1, 4, (9, 7)) * (random.random((9, 7)) < 0.7)
    numbers = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])

    def score(row: int, label: int) -> float:
        fitted = [other for other in range(9) if numbers[other] == label and other != row]
        totals = counts[fitted].sum(axis=0) + bayes._SMOOTHING
        return float(counts[row] @ np.log(totals / totals.sum()))

    expected = [
        (max(score(row, label) for label in range(3) if label != own) - score(row, own)) / counts[row].sum()
        for row, own in enumerate(numbers)
    ]
    margins = bayes._margins(sp.csr_array(counts), numbers, np.eye(3, dtype=bool))
    # The scores of other labels are added up in single precision.
    np.testing.assert_allclose(margins, expected, rtol=1e-5, atol=1e-5)


def test_short_texts_are_not_judged() -> None:
    texts = ["Sí", "Пароль", "შეტყობინება არასოდეს იქნება წაშლილი"]
    features = count_features(pa.array(texts))
    judged = label_margins(features, np.array(["spa_Latn", "rus_Cyrl", "kat_Geor"])).judged
    assert judged.tolist() == [features[[row]].nnz >= MIN_FEATURES for row in range(3)] == [False, False, True]


def test_one_label_alone_has_no_noise() -> None:
    assert noise(("ell_Grek", texts_of("ell_Grek", 80))) == {"ell_Grek": 0.0}
