from __future__ import annotations

import pytest

from curation.langid.model import load
from curation.langid.scope import codes_in, could_be_stranger, fitting, only_stranger, scope_of
from language_configs import UnknownLanguageError


def test_a_scope_holds_candidates_in_the_scripts_that_the_model_knows() -> None:
    scope = scope_of(load(), frozenset({"sr", "kk", "ber", "uz_Arab"}))
    known = {language.code for meaning in scope.meanings for language in meaning}
    assert known == {"srp_Cyrl", "srp_Latn", "kaz_Cyrl"}
    assert [language.code for language in scope.strangers] == ["ber_Latn", "ber_Tfng", "uzn_Arab"]
    assert scope.candidates().sum() == 2
    assert not scope.is_open
    assert scope_of(load()).is_open


def test_a_candidate_that_is_no_language_is_refused() -> None:
    with pytest.raises(UnknownLanguageError):
        scope_of(load(), frozenset({"xqz"}))


@pytest.mark.parametrize(
    ("system", "codes"), [("Latn", {"srp_Latn"}), ("Cyrl", {"srp_Cyrl", "rus_Cyrl"}), ("Thai", set()), ("Zyyy", set())]
)
def test_labels_are_languages_in_the_script_of_the_text(system: str, codes: set[str]) -> None:
    scope = scope_of(load(), frozenset({"srp", "rus"}))
    assert set(codes_in(scope, system)) - {""} == codes
    assert fitting(scope, system).sum() == len(codes)


def test_what_the_model_does_not_know_may_be_in_its_scripts() -> None:
    scope = scope_of(load(), frozenset({"ber", "fra"}))
    assert could_be_stranger(scope, "Latn")
    assert could_be_stranger(scope, "Tfng")
    assert not could_be_stranger(scope, "Cyrl")
    # The model knows languages in Latin letters, so that those alone are no proof.
    assert only_stranger(scope, "Latn") is None
    only = only_stranger(scope, "Tfng")
    assert only is not None
    assert only.code == "ber_Tfng"
