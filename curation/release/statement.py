"""What a user of a release has to know about its texts, in plain words; the card and Croissant say the same.

The points are those of data statements (Bender and Friedman, TACL 2018); what can be counted is taken from the run,
what only people know from the config's `release.data_statement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.config.model import RunConfig
from curation.release import layout


def released_languages(stats: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the rows of the languages that have any in the release, by code."""
    return {code: row for code, row in stats["languages"].items() if row["released"]}


def description(config: RunConfig, *, negatives: int) -> str:
    """Return what the dataset, whose rows have so many negatives, is: in a sentence, or as the config says it."""
    pairs = "Pairs with hard negatives" if negatives else "Pairs"
    return config.release.description or f"{pairs} for training multilingual text embeddings."


def collection(config: RunConfig, stats: Mapping[str, Any]) -> str:
    """Return where the texts come from and what was taken away."""
    totals = stats["totals"]
    sources = ", ".join(f"{source.name} ({source.task})" for source in config.sources)
    lost = f"{totals['dropped']:,} were dropped, {totals['merged']:,} merged with duplicates"
    lost += f" and {totals['quarantined']:,} put aside as unreadable"
    released = f"{totals['released']:,} were released"
    if totals.get("repeated"):
        released += f" ({totals['repeated']:,} of these rows repeat others)"
    if totals.get("recipe"):
        released += f", and {totals['recipe']:,} as hashes without their texts"
    return (
        f"{totals['read']:,} pairs were read from {_sources(len(config.sources))}: {sources}. "
        f"{lost}; {released}. "
        f"{layout.STATS} counts all of them by source, language and rule."
    )


def _sources(count: int) -> str:
    return "1 source" if count == 1 else f"{count} sources"


def use_cases(config: RunConfig) -> str:
    """Return what the dataset is meant for."""
    tasks = ", ".join(sorted({source.task for source in config.sources}))
    return f"Contrastive training and smoke tests of multilingual text embeddings (tasks: {tasks})."


def personal_information(config: RunConfig) -> str:
    """Return what was done about personal data."""
    verbs = {"keep": "kept", "mask": "masked", "drop": "dropped with their records"}
    pii = config.filters.pii
    handled = ", ".join(f"{what} {verbs[how]}" for what, how in _handled(pii.email, pii.ip, pii.phone))
    said = config.release.data_statement.personal_information
    found = f"In {', '.join(pii.roles)} texts: {handled}. Nothing else was searched for, and names were not."
    return f"{said} {found}".strip()


def _handled(email: str, ip: str, phone: str) -> tuple[tuple[str, str], ...]:
    return (("e-mail addresses", email), ("IP addresses", ip), ("telephone numbers in the international form", phone))


def biases(config: RunConfig, stats: Mapping[str, Any]) -> str:
    """Return whose language there is most of."""
    languages = sorted(released_languages(stats).items(), key=lambda item: (-item[1]["released"], item[0]))
    total = sum(row["released"] for _, row in languages)
    most = ", ".join(f"{code} {row['released'] / total:.1%}" for code, row in languages[:3]) if total else "none"
    counted = (
        f"The languages with the most pairs: {most}, of {len(languages)}. Sources differ from language to language."
    )
    return f"{config.release.data_statement.known_biases} {counted}".strip()


def limits(config: RunConfig) -> list[str]:
    """Return what the dataset cannot promise, a sentence or two each."""
    teacher = config.mining.teacher.model if config.mining.enabled else ""
    found = ["Languages are as the sources declare them, checked against the text; short texts can be mislabelled."]
    if teacher:
        found.append(f"Hard negatives were chosen by the teacher {teacher}; some may still be right answers.")
    found.append("The texts were written by others and may hold personal data, errors and opinions.")
    if not config.decontaminate.sets:
        found.append("No evaluation set was kept out: scores on public benchmarks may be too good.")
    return found


def points(config: RunConfig, stats: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the points of the data statement that something is known about, each with its text."""
    said = config.release.data_statement
    codes = sorted(released_languages(stats))
    listed = ", ".join(codes[:20]) + (f" and {len(codes) - 20} more, see the table" if len(codes) > 20 else "")
    known = [
        ("Curation rationale", f"{said.curation_rationale} {use_cases(config)}"),
        ("Language variety", f"{said.language_variety} {len(codes)} languages and scripts: {listed}."),
        ("Speaker demographic", said.speaker_demographic),
        ("Annotator demographic", said.annotator_demographic),
        ("Speech situation", said.speech_situation),
        ("Text characteristics", said.text_characteristics),
        ("Collection", collection(config, stats)),
        ("Personal information", personal_information(config)),
        ("Biases", biases(config, stats)),
        ("Other", said.other),
    ]
    return [(title, text.strip()) for title, text in known if text.strip()]
