from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from curation.config import parse_config
from curation.config.model import _rules_of
from curation.config.rules import STAGE_RULES
from curation.decontamination.stage import REASONS
from curation.errors import ConfigError
from curation.langid import findings as identify
from filters.boilerplate import STAGE as BOILERPLATE
from filters.registry import FILTERS

CONFIG = """\
name: pairs
sources:
  - name: tatoeba
    format: tsv
    path: pairs.tsv
    licence: CC-BY-2.0
    task: bitext
alarms:
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  max_drop_shares: 0.5\n", ["no such key", "did you mean 'max_drop_share'"]),
        ("  max_drop_share: 50\n", ["alarms.max_drop_share", "less than or equal to 1"]),
        ("  on_alarm: stop\n", ["alarms.on_alarm", "'fail', 'warn' or 'ignore'"]),
        ("  stages: [read, filtr]\n", ["alarms.stages", "no stage is called 'filtr'", "did you mean 'filter'"]),
        ("  exceptions: [{stage: identfy}]\n", ["no stage is called 'identfy'", "did you mean 'identify'"]),
        ("  exceptions: [{reason: max_mojibake}]\n", ["no rule is called", "did you mean 'max_mojibake_share'"]),
        ("  exceptions: [{reason: xxx}]\n", ["no rule is called 'xxx': one of bad_bytes,"]),
        ("  exceptions: [{stage: filter, reason: undetermined}]\n", ["no rule of the stage filter is called"]),
        ("  exceptions: [{language: khmr_Khm}]\n", ["alarms.exceptions.0.language", "khmr_Khm"]),
        ("  exceptions: [{source: tatoba}]\n", ["no source is called 'tatoba'", "did you mean 'tatoeba'"]),
        ("  exceptions: [{max_drop_share: 0.9}]\n", ["it names nothing"]),
        ("  exceptions: [{lang: km}]\n", ["no such key", "did you mean 'language'"]),
        ("  exceptions: [{language: km, max_drop_share: 2}]\n", ["alarms.exceptions.0.max_drop_share"]),
    ],
)
def test_what_is_refused(text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(CONFIG + text, origin="c.yml")
    message = str(caught.value)
    assert "c.yml:" in message
    for word in words:
        assert word in message


def test_an_exception_names_the_language_as_the_ledger_does() -> None:
    config = parse_config(CONFIG + "  exceptions: [{language: km, source: tatoeba, reason: error}]\n")
    assert config.alarms.exceptions[0].language == "khm_Khmr"


def test_every_filter_is_known() -> None:
    assert {each.name for each in FILTERS} <= set(_rules_of("filter"))


def test_the_names_are_those_of_the_stages() -> None:
    assert set(STAGE_RULES["decontaminate"].reasons) == {*REASONS.values(), "error"}
    named = {identify.LANGUAGE_MISMATCH, identify.SCRIPT_MISMATCH, identify.UNDETERMINED}
    assert STAGE_RULES[BOILERPLATE].reasons == (BOILERPLATE,)
    assert set(STAGE_RULES["identify"].reasons) == {*named, "error"}


def test_every_reason_in_a_ledger_is_known(finished: Path) -> None:
    for file in (finished / "ledger").iterdir():
        reasons = pc.unique(pq.read_table(file, columns=["reason"])["reason"]).to_pylist()
        assert not reasons or set(reasons) <= set(_rules_of(file.stem)), file
