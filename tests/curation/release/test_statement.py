from __future__ import annotations

from test_release import config

from curation.release import statement

STATS = {
    "totals": {"read": 10_000, "dropped": 20, "merged": 30, "quarantined": 1, "released": 9_949},
    "languages": {"amh_Ethi": {"released": 9_000}, "bod_Tibt": {"released": 949}, "dzo_Tibt": {"released": 0}},
}


def test_what_is_counted_and_what_people_say() -> None:
    settings = config(data_statement={"speech_situation": "ጋዜጣ", "known_biases": "Mostly the capital."})
    points = dict(statement.points(settings, STATS))
    assert points["Speech situation"] == "ጋዜጣ"
    assert "Speaker demographic" not in points
    assert points["Biases"].startswith(
        "Mostly the capital. The languages with the most pairs: amh_Ethi 90.5%, bod_Tibt 9"
    )
    assert "10,000 pairs were read from 1 source: s (bitext). 20 were dropped" in points["Collection"]
    assert "e-mail addresses masked" in points["Personal information"]
    assert "2 languages and scripts: amh_Ethi, bod_Tibt." in points["Language variety"]


def test_limits_follow_from_the_config() -> None:
    limits = statement.limits(config())
    assert any("teacher lexical" in text for text in limits)
    assert any("No evaluation set" in text for text in limits)
    assert statement.description(config(description="日本語"), negatives=2) == "日本語"


def test_a_release_without_rows_has_no_biases() -> None:
    assert "none" in statement.biases(config(), {"languages": {}})
