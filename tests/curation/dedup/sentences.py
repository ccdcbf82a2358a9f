"""Real sentences in thirteen scripts, and ways to change them."""

from __future__ import annotations

import numpy as np

SENTENCES = {
    "Latn": "The harbour master counted the boats again, because nobody believed his first report.",
    "Cyrl": "Начальник порта ещё раз пересчитал лодки, потому что никто не поверил первому докладу.",
    "Grek": "Ο λιμενάρχης μέτρησε ξανά τις βάρκες, γιατί κανείς δεν πίστεψε την πρώτη αναφορά.",
    "Arab": "عدّ مدير الميناء القوارب مرة أخرى لأن أحدًا لم يصدق تقريره الأول عنها.",
    "Hebr": "מנהל הנמל ספר שוב את הסירות כי אף אחד לא האמין לדיווח הראשון שלו.",
    "Deva": "बंदरगाह के अधिकारी ने नावों को फिर से गिना क्योंकि किसी ने पहली रिपोर्ट पर विश्वास नहीं किया।",
    "Thai": "นายท่าเรือนับเรืออีกครั้งเพราะไม่มีใครเชื่อรายงานฉบับแรกของเขาเลยสักคน",
    "Mymr": "ဆိပ်ကမ်းအရာရှိသည် လှေများကို ထပ်မံရေတွက်ခဲ့သည် အဘယ်ကြောင့်ဆိုသော် မည်သူမျှ မယုံကြည်ခဲ့ပါ။",
    "Hani": "港务长又把船数了一遍,因为没有人相信他第一次的报告,大家都说他数错了几条船。",
    "Jpan": "港長はもう一度ボートを数えた。最初の報告を誰も信じてくれなかったからである。",
    "Hang": "항만장은 아무도 자신의 첫 보고를 믿지 않았기 때문에 배를 다시 한번 세어 보았다.",
    "Ethi": "የወደቡ ኃላፊ ጀልባዎቹን እንደገና ቆጠረ ምክንያቱም የመጀመሪያውን ዘገባ ማንም አላመነም።",
    "Geor": "ნავსადგურის უფროსმა ნავები კიდევ ერთხელ დათვალა, რადგან პირველი ანგარიშის არავის სჯეროდა.",
}


def grams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 5] for i in range(max(len(text) - 4, 1))) if text else frozenset()


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left | right else 1.0


def edited(text: str, edits: int, generator: np.random.Generator) -> str:
    chars = list(text)
    for _ in range(edits):
        place = int(generator.integers(len(chars)))
        kind = int(generator.integers(3))
        if kind == 0:
            chars[place] = text[int(generator.integers(len(text)))]
        elif kind == 1:
            chars.insert(place, text[int(generator.integers(len(text)))])
        elif len(chars) > 1:
            del chars[place]
    return "".join(chars)
