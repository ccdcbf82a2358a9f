"""What the sources of the language files cannot say, or say otherwise than this project does.

Facts for `generate_language_configs.py`; those on families follow Glottolog, as mteb has it.
"""

from __future__ import annotations

TATOEBA = """afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu
dsb dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn kab
kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms pol por ron
rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu xho yid yue zsm"""

BIBLE = """acu agr ake amu bsn cak cha chq chr cjp cni cop dik djk dop est eus ewe gbi gla glv guj hye jac jiv kab
kbh lav mam nhg oji pot ppk quc que rmn shi swh syr ttq ukr usp wal wol zul"""

# A macro-language, a collective or a retired code stands for the individual language that nearly all text under
# it is written in, as in FLORES-200. Those not named here (que, grn, hbs, ber, nah, eml ...) stand for themselves.
STANDS_FOR = {
    "ara": "arb",
    "aze": "azj",
    "bih": "bho",
    "bua": "bxr",
    "chm": "mhr",
    "din": "dik",
    "ekk": "est",
    "fas": "pes",
    "fil": "tgl",
    "kok": "gom",
    "kom": "kpv",
    "kur": "kmr",
    "kzj": "dtp",
    "lah": "pnb",
    "lav": "lvs",
    "mlg": "plt",
    "mol": "ron",
    "mon": "khk",
    "msa": "zsm",
    "nep": "npi",
    "nor": "nob",
    "ori": "ory",
    "orm": "gaz",
    "pus": "pbt",
    "sqi": "als",
    "swa": "swh",
    "uzb": "uzn",
    "yid": "ydd",
    "zho": "cmn",
    "zza": "diq",
    "scc": "srp",
    "scr": "hrv",
    "aym": "ayr",
    "kau": "knc",
    "bik": "bcl",
}

# Labels of lid.176 are names of Wikipedias, which are not always ISO 639 codes.
LID176_MEANS = {"als": "gsw", "bh": "bho", "sh": "hbs"}

# Two-letter codes that the registry retired.
RETIRED = {"iw": "heb", "in": "ind", "ji": "ydd", "jw": "jav", "mo": "ron", "sh": "hbs"}

NAMES = {
    "hbs": "Serbo-Croatian",
    "eml": "Emiliano-Romagnol",
    "que": "Quechua",
    "oji": "Ojibwa",
    "grn": "Guarani",
    "est": "Estonian",
    "arb": "Standard Arabic",
    "azj": "North Azerbaijani",
    "azb": "South Azerbaijani",
    "cmn": "Mandarin Chinese",
    "ydd": "Yiddish",
    "als": "Albanian (Tosk)",
    "khk": "Mongolian (Khalkha)",
    "lvs": "Latvian",
    "npi": "Nepali",
    "ory": "Odia",
    "pbt": "Pashto",
    "pes": "Persian",
    "plt": "Malagasy",
    "swh": "Swahili",
    "uzn": "Uzbek",
    "zsm": "Malay",
    "kmr": "Kurdish (Kurmanji)",
    "kpv": "Komi",
    "mhr": "Meadow Mari",
    "gaz": "Oromo",
    "bho": "Bhojpuri",
    "tgl": "Tagalog",
    "gom": "Konkani",
    "pnb": "Western Punjabi",
    "diq": "Zazaki (Dimli)",
    "gsw": "Alemannic German",
}

# Scripts in use, the default first, where there are several or the registry does not know the one.
SCRIPTS = {
    "ace": "Latn Arab",
    "acm": "Arab",
    "acq": "Arab",
    "ajp": "Arab",
    "anp": "Deva",
    "arb": "Arab Latn",
    "azb": "Arab",
    "azj": "Latn Cyrl",
    "bal": "Arab Latn",
    "bam": "Latn Nkoo",
    "ben": "Beng Latn",
    "ber": "Latn Tfng",
    "bhd": "Deva",
    "bho": "Deva",
    "bjn": "Latn Arab",
    "bns": "Deva",
    "bos": "Latn Cyrl",
    "bss": "Latn",
    "chu": "Cyrl",
    "cmn": "Hans Hant",
    "crh": "Latn Cyrl",
    "ful": "Latn Adlm",
    "gom": "Deva Latn",
    "hau": "Latn Arab",
    "hbs": "Latn Cyrl",
    "hin": "Deva Latn",
    "iku": "Cans Latn",
    "jpn": "Jpan",
    "kaa": "Latn Cyrl",
    "kas": "Arab Deva",
    "kaz": "Cyrl Latn Arab",
    "khk": "Cyrl Mong",
    "kir": "Cyrl Arab",
    "knc": "Latn Arab",
    "kor": "Hang",
    "lfn": "Latn Cyrl",
    "mey": "Arab",
    "min": "Latn Arab",
    "mni": "Beng Mtei",
    "nan": "Hant Latn",
    "nov": "Latn",
    "npi": "Deva Latn",
    "oji": "Cans Latn",
    "orv": "Cyrl",
    "prs": "Arab",
    "sat": "Olck Deva",
    "shi": "Latn Tfng Arab",
    "sin": "Sinh Latn",
    "snd": "Arab Deva",
    "srp": "Cyrl Latn",
    "taq": "Latn Tfng",
    "tat": "Cyrl Latn",
    "ttq": "Latn Tfng",
    "tuk": "Latn Cyrl",
    "tzm": "Latn Tfng",
    "uig": "Arab Cyrl Latn",
    "urd": "Arab Latn",
    "uzn": "Latn Cyrl Arab",
    "vai": "Vaii Latn",
    "wal": "Ethi Latn",
    "wuu": "Hans Hant",
    "xal": "Cyrl",
    "yue": "Hant Hans",
    "zsm": "Latn Arab",
}

# Variants of which the model saw little or nothing: their Wikipedia is written in the other script.
UNKNOWN_TO_LID176 = frozenset(
    [
        "arb_Latn",
        "azj_Cyrl",
        "ben_Latn",
        "bos_Cyrl",
        "hin_Latn",
        "kaz_Arab",
        "kaz_Latn",
        "khk_Mong",
        "kir_Arab",
        "min_Arab",
        "mni_Mtei",
        "npi_Latn",
        "sat_Deva",
        "sin_Latn",
        "snd_Deva",
        "tuk_Cyrl",
        "uig_Cyrl",
        "uig_Latn",
        "urd_Latn",
        "uzn_Arab",
        "zsm_Arab",
    ]
)

# Codes whose region, not their script subtag, says which variant is meant.
REGIONAL = {
    "zh_tw": "cmn_Hant",
    "zh_hk": "cmn_Hant",
    "zh_mo": "cmn_Hant",
    "sr_me": "srp_Latn",
    "pa_pk": "pnb_Arab",
    "pa_arab": "pnb_Arab",
    "uz_af": "uzn_Arab",
    "az_ir": "azb_Arab",
    "az_arab": "azb_Arab",
    "ms_bn": "zsm_Latn",
    "fa_af": "prs_Arab",
    "ku_arab": "ckb_Arab",
}

# Labels of MTEB that name another language or script than the texts are in, and what these are in.
MTEB_MISNOMERS = {
    "boy-Deva": "brx_Deva",
    "cdo-Hans": "cmn_Hans",
    "cmo-Hans": "cmn_Hans",
    "cmo-Hant": "cmn_Hant",
    "dza-Arab": "arq_Arab",
    "ell-Latn": "ell_Grek",
    "heb-Latn": "heb_Hebr",
    "kur-Arab": "ckb_Arab",
    "max-Deva": "max_Latn",
    "orm-Ethi": "gaz_Latn",
    "uig-Hans": "uig_Arab",
}

# Codes of ISO 639-2 for groups of languages, which ISO 639-3 does not have.
COLLECTIVES = frozenset({"ber", "nah"})

# Writing without blanks between words.
UNSPACED = frozenset(
    {"Bali", "Hans", "Hant", "Java", "Jpan", "Khmr", "Lana", "Laoo"}
    | {"Mymr", "Tale", "Talu", "Tavt", "Thai", "Tibt", "Yiii"}
)

# Writing systems of several Unicode scripts, and variants of one.
MEMBERS = {
    "Hang": ["Hang", "Hani"],
    "Hans": ["Hani", "Bopo"],
    "Hant": ["Hani", "Bopo"],
    "Jpan": ["Hira", "Kana", "Hani"],
}

SCRIPT_NAMES = {"Hang": "Korean (Hangul)", "Hans": "Han (simplified)", "Hant": "Han (traditional)"}

# The question mark of Greek looks like a semicolon, and normalises to it; in Unicode both only part clauses. The shads
# of Tibetan part clauses too, but no sentence ends without one.
MORE_TERMINALS = {"Grek": ";\u037e", "Tibt": "།༎"}

# Other codes that text in a script goes by, in ISO 15924 as people use it.
SCRIPT_ALIASES = {
    "Arab": ["Aran"],
    "Hang": ["Kore"],
    "Hans": ["Hani"],
    "Hant": ["Hani"],
    "Jpan": ["Hira", "Hrkt", "Kana"],
    "Latn": ["Latf", "Latg"],
    "Syrc": ["Syre", "Syrj", "Syrn"],
}

# One character is a word in these.
ONE_CHARACTER_WORDS = frozenset({"Hang", "Hans", "Hant", "Jpan", "Yiii"})

# Key, English name, the larger family, and what Glottolog calls it where that differs.
FAMILIES = """
afro-asiatic | Afro-Asiatic
berber | Berber | afro-asiatic
cushitic | Cushitic | afro-asiatic
semitic | Semitic | afro-asiatic
arabic | Arabic | semitic
ethio-semitic | Ethiopian Semitic | semitic | Ethiosemitic
algic | Algic
atlantic-congo | Atlantic-Congo
bantu | Bantu | atlantic-congo | Narrow Bantu
gur | Gur | atlantic-congo
kwa | Kwa | atlantic-congo | Kwa Volta-Congo
austroasiatic | Austroasiatic
austronesian | Austronesian
malayic | Malayic | austronesian
philippine | Central Philippine | austronesian | Greater Central Philippine
oceanic | Oceanic | austronesian
chicham | Chicham
constructed | Constructed languages | | Artificial Language
dravidian | Dravidian
eskimo-aleut | Eskimo-Aleut
hmong-mien | Hmong-Mien
indo-european | Indo-European
baltic | Baltic | indo-european | Eastern Baltic
celtic | Celtic | indo-european
germanic | Germanic | indo-european
north-germanic | North Germanic | germanic
indo-aryan | Indo-Aryan | indo-european
iranian | Iranian | indo-european
romance | Romance | indo-european | Latino-Faliscan
slavic | Slavic | indo-european
east-slavic | East Slavic | slavic
south-slavic | South Slavic | slavic
west-slavic | West Slavic | slavic
kartvelian | Kartvelian
mande | Mande
mayan | Mayan
mongolic | Mongolic | | Mongolic-Khitan
muskogean | Muskogean
nakh-daghestanian | Nakh-Daghestanian
nilotic | Nilotic
quechuan | Quechuan
sino-tibetan | Sino-Tibetan
bodic | Tibetic | sino-tibetan | Bodic
chinese | Chinese | sino-tibetan | Sinitic
songhay | Songhay
tai-kadai | Tai-Kadai
tupian | Tupian
turkic | Turkic
kipchak | Kipchak | turkic
oghuz | Oghuz | turkic
uralic | Uralic
finnic | Finnic | uralic
permian | Permian | uralic | Permic
saami | Saami | uralic
uto-aztecan | Uto-Aztecan
"""

# Macro-languages, collectives and codes younger or older than the tree.
FAMILY_OF = {
    "ajp": "arabic",
    "bal": "iranian",
    "ber": "berber",
    "bos": "south-slavic",
    "doi": "indo-aryan",
    "eml": "romance",
    "ful": "atlantic-congo",
    "grn": "tupian",
    "hmn": "hmong-mien",
    "hrv": "south-slavic",
    "iku": "eskimo-aleut",
    "kln": "nilotic",
    "kon": "bantu",
    "kpe": "mande",
    "ltg": "baltic",
    "luy": "bantu",
    "lvs": "baltic",
    "mwr": "indo-aryan",
    "nah": "uto-aztecan",
    "nbl": "bantu",
    "nno": "north-germanic",
    "nob": "north-germanic",
    "nqo": "mande",
    "oji": "algic",
    "prg": "baltic",
    "que": "quechuan",
    "raj": "indo-aryan",
    "rom": "indo-aryan",
    "srd": "romance",
    "srp": "south-slavic",
    "syr": "semitic",
    "twi": "kwa",
    "zgh": "berber",
    "zha": "tai-kadai",
}
