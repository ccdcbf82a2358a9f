"""`curate calibrate`: thresholds and bounds for one language from lines that are known to be in it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.output import columns, plain, result, say
from curation.errors import ConfigError

if TYPE_CHECKING:
    from curation.langid.calibrate import Calibration, Lines
    from filters.calibrate import BoundFit
    from language_configs import Language
    from language_configs.bounds import Role

_ROLES = ("query", "title", "sentence", "passage")
_MIN_LINES = 20
_MAX_FOREIGN = 0.2
_USE = 'export CURATION_LANGUAGES="{}"'
_TEXT_CHARS = 100
_SHOWN = 5


@click.command("calibrate")
@click.argument("code")
@click.option("--trusted", type=click.Path(path_type=Path), required=True, help="Lines in CODE: .txt, or a table.")
@click.option("--others", type=click.Path(path_type=Path), help="Table of lines in other languages; else Django's.")
@click.option("--column", default="text", show_default=True, help="Column of the lines in tables.")
@click.option("--language-column", default="language", show_default=True, help="Column of the languages in --others.")
@click.option("--role", type=click.Choice(_ROLES), default="sentence", show_default=True, help="What the lines are.")
@click.option("--model", default="lid.176", show_default=True, help="Identification model, as in identify.model.")
@click.option("--precision", type=click.FloatRange(0.5, 0.999), default=0.98, show_default=True)
@click.option("--max-dropped", type=click.FloatRange(0, 0.5), default=0.005, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    envvar="CURATION_LANGUAGES",
    help="Folder of language files to write to; by default the one that CURATION_LANGUAGES names.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def calibrate_command(
    code: str,
    trusted: Path,
    others: Path | None,
    column: str,
    language_column: str,
    role: Role,
    model: str,
    precision: float,
    max_dropped: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Fit the thresholds of language identification and the bounds of the filters for the language CODE.

    Half of the lines is fitted on, what is shown was measured on the other. The language's file is written into
    the folder of --out; without one it is shown.
    """
    from curation.sources.texts import read_texts
    from curation.text import normalise
    from filters.calibrate import fit_bounds

    language = _language(code)
    # A line that stands there twice is one proof.
    texts = normalise(read_texts(trusted, column=column)[0]).unique()
    if len(texts) < _MIN_LINES:
        raise ConfigError(
            f"{len(texts)} different lines are too few to calibrate {language.code}",
            where=str(trusted),
            why=f"at least {_MIN_LINES} are needed, and some 500 for a threshold of each length",
            hint="add lines that you trust to be in the language",
        )
    _check_script(texts, language, trusted)
    background, origin = _background(others, column, language_column)
    calibration = _calibration(language, texts, background, model, precision)
    if calibration is None:
        say(f"{model} has no label for {language.code}: what a source declares decides; only the bounds are fitted")
    fits = fit_bounds(texts, language, role, max_dropped=max_dropped)
    entry = _entry(calibration, fits, role, model, (trusted.name, origin), len(texts), precision)
    file = _write(out, language.code, entry) if out and len(entry) > 1 else None
    value = {
        "language": language.code,
        "lines": len(texts),
        "others": origin,
        "identification": asdict(calibration) if calibration else None,
        "bounds": [asdict(fit) for fit in fits],
        "file": str(file) if file else None,
        "entry": entry,
    }
    text = "\n".join(_shown(language, calibration, fits, len(texts), origin, role, model, precision))
    result(value, f"{text}\n\n{_outcome(language.code, entry, out, file)}", as_json=as_json)


def _language(code: str) -> Language:
    from language_configs import UnknownLanguageError, resolve

    try:
        language = resolve(code)
    except UnknownLanguageError as error:
        raise ConfigError(str(error), hint="docs/languages.md says how to add a language in five minutes") from None
    if language.kind == "programming":
        raise ConfigError(f"{language.code} is a programming language", hint="calibration is for natural languages")
    return language


def _check_script(texts: Any, language: Language, trusted: Path) -> None:
    """Refuse lines most of which are not even in the language's script."""
    from curation.langid.scripts import NO_SCRIPT, fits, script_of

    systems = script_of(texts)
    foreign = [system for system in systems if system != NO_SCRIPT and not fits(language.script, system)]
    if len(foreign) > _MAX_FOREIGN * len(systems):
        found = ", ".join(sorted(set(foreign)))
        raise ConfigError(
            f"the lines are not in {language.code}",
            where=str(trusted),
            why=f"{len(foreign):,} of {len(systems):,} are not written in {language.script} but {found}",
            hint="give the code of the language that they are in, with its script where it has several",
        )


def _background(others: Path | None, column: str, language_column: str) -> tuple[Lines, str]:
    """Return lines in other languages and what they are."""
    from curation.langid.background import django_messages
    from curation.langid.calibrate import Lines, base_of
    from curation.sources.texts import read_texts

    if others is None:
        texts, codes = django_messages()
        origin = "Django's catalogues"
    else:
        texts, codes = read_texts(others, column=column, language_column=language_column)
        origin = others.name

    bases = {code: base_of(code) for code in set(codes)}
    return Lines.of(texts, [bases[code] for code in codes])[0], origin


def _calibration(language: Language, texts: Any, background: Lines, model: str, precision: float) -> Calibration | None:
    """Return the calibration of the model, nothing if it has no label for the language."""
    from curation.langid.calibrate import Lines, calibrate
    from curation.langid.model import load

    loaded = load(model)
    if language.code not in loaded.codes():
        return None
    trusted, _ = Lines.of(texts, [language.base] * len(texts))
    if not len(trusted.bases):
        raise ConfigError(f"none of the lines holds a letter, so that nothing says that they are in {language.code}")
    others = background.take(background.bases != language.base)
    return calibrate(trusted, others, loaded, precision=precision)


def _entry(
    calibration: Calibration | None,
    fits: list[BoundFit],
    role: Role,
    model: str,
    sources: tuple[str, str],
    lines: int,
    precision: float,
) -> dict[str, Any]:
    """Return the keys of the language's file."""
    from datetime import UTC, datetime

    from curation.langid.calibrate import FORMULA, steps
    from filters.calibrate import bounds_of

    entry: dict[str, Any] = {"version": 1}
    bounds = bounds_of(fits).model_dump()
    if bounds:
        entry["filters"] = {role: bounds}
    if calibration is not None and _believes(calibration):
        provenance = {
            "lines": lines,
            "sources": [sources[0], f"against {sources[1]}"],
            "date": datetime.now(UTC).date().isoformat(),
            "formula": f"{FORMULA} {precision}",
        }
        fitted = {"log_weight": round(calibration.log_weight, 3), "min_score": steps(calibration.thresholds)}
        entry["identification"] = {model: fitted | {"calibration": provenance}}
    return entry


def _write(folder: Path, code: str, entry: dict[str, Any]) -> Path:
    from language_configs import LanguageFileError
    from language_configs.write import update_language_file

    path = folder / "languages" / f"{code}.yml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        update_language_file(path, entry)
    except (LanguageFileError, OSError) as error:
        raise ConfigError(
            "The language file cannot be written",
            where=str(path),
            why=str(error),
            hint="correct it, or use another --out",
        ) from None
    return path


def _outcome(code: str, entry: dict[str, Any], out: Path | None, file: Path | None) -> str:
    """Say what was written, or what the file would be."""
    import yaml

    if len(entry) == 1:
        return "nothing is written, for nothing was found that differs from what holds"
    if file is not None:
        return f"written to {file}" + ("" if os.environ.get("CURATION_LANGUAGES") else f"; use it: {_USE.format(out)}")
    content = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=110)
    return f"languages/{code}.yml (nothing is written: add --out FOLDER)\n\n{content.rstrip()}"


def _believes(calibration: Calibration) -> bool:
    """Tell whether any score of any length was found to be enough."""
    return any(each.score < 1 for each in calibration.thresholds)


def _shown(
    language: Language,
    calibration: Calibration | None,
    fits: list[BoundFit],
    lines: int,
    origin: str,
    role: Role,
    model: str,
    precision: float,
) -> list[str]:
    shown = [f"{language.code} ({language.name}): {lines:,} trusted lines, compared with {origin}"]
    if calibration is not None:
        shown += _identification(calibration, language, model, precision)
    rows = [(fit.name, f"{fit.bound:g}", f"{fit.dropped:.2%}", _fitted(fit)) for fit in fits]
    shown += ["", f"filters, role {role}", columns(("bound", "now", "drops", "fitted"), rows)]
    for fit in fits:
        shown += [f"  {fit.name} drops: {_cut(text)}" for text in fit.samples]
    return shown


def _fitted(fit: BoundFit) -> str:
    if fit.fitted is None:
        return "stays: look at the lines"
    return f"{fit.fitted:g}" if fit.fitted != fit.bound else "stays"


def _identification(calibration: Calibration, language: Language, model: str, precision: float) -> list[str]:
    import numpy as np

    from curation.langid.thresholds import least_scores

    if not calibration.thresholds:
        return ["", "identification: too few lines of any length for a threshold"]
    starts = np.array([each.start for each in calibration.measured])
    now = least_scores(np.array([language.code] * len(starts), dtype=object), starts, model)
    header = ("letters from", "held-out lines", "least score", "now", "precision", "coverage")
    rows = [
        (
            str(each.start),
            each.lines,
            _score(each.score),
            _score(least),
            f"{each.precision:.3f}",
            f"{each.coverage:.3f}",
        )
        for each, least in zip(calibration.measured, now.tolist(), strict=True)
    ]
    shown = ["", f"identification (weight {calibration.log_weight:+.2f}, natural logarithm)", columns(header, rows)]
    if not _believes(calibration):
        shown.append("no score is enough at any length: too few lines, or others that look the same; what holds stays")
    if short := [str(each.start) for each in calibration.measured if each.coverage and each.precision < precision]:
        shown.append(f"less than the wanted precision on the other half, from {', '.join(short)} letters")
    for start, points in calibration.curves.items():
        curve = "  ".join(f"{score:.3f}: {precision:.3f}/{coverage:.2f}" for score, precision, coverage in points)
        shown += [f"curve from {start} letters (score: precision/coverage)", f"  {curve or 'no line has the label'}"]
    if calibration.confused:
        names = ", ".join(f"{name} {count:,}" for name, count in calibration.confused[:_SHOWN])
        shown.append(f"taken for it, at any score: {names}")
    share = sum(each.lines for each in calibration.measured)
    shown.append(f"not believed: {len(calibration.doubted):,} of {share:,} held-out trusted lines, for example")
    return shown + [f"  {_cut(text)}" for text in calibration.doubted[:_SHOWN]]


def _score(score: float) -> str:
    return "never" if score >= 1 else f"{score:.4f}"


def _cut(text: str) -> str:
    return plain(text)[:_TEXT_CHARS]
