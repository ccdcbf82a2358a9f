"""Rows of a release, and sentences in many scripts with their translations."""

from __future__ import annotations

from dataclasses import dataclass

# Of each language two English sentences with their translations.
SENTENCES = {
    "deu_Latn": [
        ("The weather is very good today.", "Das Wetter ist heute sehr gut."),
        ("My brother reads many long books.", "Mein Bruder liest viele lange Bücher."),
    ],
    "rus_Cyrl": [
        ("The weather was very bad yesterday.", "Погода вчера была очень плохой."),
        ("My sister writes short letters.", "Моя сестра пишет короткие письма."),
    ],
    "ell_Grek": [
        ("The sea is calm this morning.", "Η θάλασσα είναι ήρεμη σήμερα το πρωί."),
        ("The children play in the garden.", "Τα παιδιά παίζουν στον κήπο."),
    ],
    "arb_Arab": [
        ("The book is on the old table.", "الكتاب على الطاولة القديمة."),
        ("We travelled to the city by train.", "سافرنا إلى المدينة بالقطار."),
    ],
    "heb_Hebr": [
        ("The coffee here is too expensive.", "הקפה כאן יקר מדי."),
        ("They sang until the night was over.", "הם שרו עד סוף הלילה."),
    ],
    "hin_Deva": [
        ("This river is deep and wide.", "यह नदी गहरी और चौड़ी है।"),
        ("He drinks tea every evening.", "वह हर शाम चाय पीता है।"),
    ],
    "tam_Taml": [
        ("The mountain is covered with snow.", "மலை பனியால் மூடப்பட்டுள்ளது."),
        ("Her teacher speaks three languages.", "அவளுடைய ஆசிரியர் மூன்று மொழிகள் பேசுகிறார்."),
    ],
    "kat_Geor": [
        ("The window of the house is open.", "სახლის ფანჯარა ღიაა."),
        ("I forgot the name of that man.", "იმ კაცის სახელი დამავიწყდა."),
    ],
    "hye_Armn": [
        ("The bread is still warm.", "Հացը դեռ տաք է։"),
        ("They build a bridge over the valley.", "Նրանք կամուրջ են կառուցում ձորի վրայով։"),
    ],
    "tha_Thai": [
        ("The market closes at six.", "ตลาดปิดตอนหกโมงเย็น"),
        ("My grandmother cooks delicious soup.", "คุณยายของฉันทำซุปอร่อยมาก"),
    ],
    "jpn_Jpan": [
        ("The station is near the library.", "駅は図書館の近くにあります。"),
        ("He plays the piano at weekends.", "彼は週末にピアノを弾きます。"),
    ],
}


@dataclass(frozen=True)
class Pair:
    """A row of a release."""

    anchor: str
    positive: str
    query_language: str = "eng_Latn"
    positive_language: str = "deu_Latn"
    negatives: tuple[str, ...] = ()
    source: str = "tatoeba"
    task: str = "bitext"
