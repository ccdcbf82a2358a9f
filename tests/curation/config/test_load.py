from __future__ import annotations

from pathlib import Path

import pytest

from curation.config import load_config, parse_config
from curation.config.load import training_settings
from curation.errors import ConfigError

MINIMAL = """\
name: pairs
sources:
  - name: tatoeba
    format: tsv
    path: pairs.tsv
    licence: CC-BY-2.0
    task: bitext
    query_language: no
"""


def problem(text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, origin="c.yml", overrides=overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_fill_what_is_not_said() -> None:
    config = parse_config(MINIMAL)
    assert config.mining.num_negatives == 7
    assert config.sources[0].columns.query == "query"  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "y", "NO", "1:30", "2026-11-23", "0x1F", "1e3x", "012"])
def test_strings_stay_strings(word: str) -> None:
    config = parse_config(MINIMAL + f"    instruction: {word}\n")
    assert config.sources[0].instruction == word


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (MINIMAL + "minning: {}\n", 9, ["minning", "did you mean 'mining'"]),
        (MINIMAL + "mining:\n  num_negative: 3\n", 10, ["did you mean 'num_negatives'"]),
        (MINIMAL.replace("licence", "license"), 6, ["did you mean 'licence'"]),
        (MINIMAL.replace("    licence: CC-BY-2.0\n", ""), 3, ["sources.0.licence", "required"]),
        (MINIMAL.replace("tsv\n", "xls\n", 1), 4, ["format: one of", "parquet"]),
        (MINIMAL.replace("    format: tsv\n", ""), 3, ["format: one of", "parquet"]),
        (MINIMAL + "    columns: {quary: a}\n", 9, ["did you mean 'query'"]),
        (MINIMAL + "dedup:\n  threshold: 1.5\n", 10, ["dedup.threshold", "1.5"]),
        (MINIMAL + "dedup:\n  threshold: high\n", 10, ["dedup.threshold", "'high'"]),
        (MINIMAL + "training: {dims: [64, 32]}\n", 9, ["rising", "[64, 32]"]),
        (MINIMAL + "split: {test: 0.6, validation: 0.4}\n", 9, ["nothing would be left"]),
        (MINIMAL + "seed: 1\nseed: 2\n", 10, ["'seed' stands twice"]),
        (MINIMAL + "release: {version: 1.0}\n", 9, ["release.version"]),
        (MINIMAL + "release: {version: v1.0.0}\n", 9, ["release.version"]),
        (MINIMAL + "  - " + MINIMAL.partition("  - ")[2], 2, ["two sources are called 'tatoeba'"]),
        (MINIMAL.replace("tatoeba", "../etc"), 3, ["sources.0.name"]),
        (MINIMAL.replace("_language: no", "_language: xqz"), 8, ["sources.0.query_language", "xqz"]),
        (MINIMAL + "    candidate_languages: [hin, xqz]\n", 9, ["candidate_languages", "xqz"]),
        (MINIMAL + "release: {pivot_language: english}\n", 9, ["pivot_language", "english"]),
        ("sources: [\n", 2, ["not valid YAML"]),
        ("a: &x [1]\nb: *x\n", 2, ["aliases are not allowed"]),
        ("name: !!python/object/apply:os.system [ls]\n", 1, ["not valid YAML"]),
        ("- a\n", None, ["not a mapping"]),
        ("", None, ["empty"]),
        ("name: x\nsources: []\n", 2, ["sources", "at least 1"]),
    ],
)
def test_errors_name_the_line_and_the_remedy(text: str, line: int | None, words: list[str]) -> None:
    message = problem(text)
    assert (f"c.yml:{line}" if line else "c.yml") in message
    for word in words:
        assert word in message
    assert len(message.splitlines()) <= 12


def test_overrides_replace_settings() -> None:
    config = parse_config(MINIMAL, overrides=["mining.num_negatives=3", "sources.0.path=[a, b]", "balance.budget=null"])
    assert (config.mining.num_negatives, config.sources[0].path, config.balance.budget) == (3, ["a", "b"], None)


@pytest.mark.parametrize("override", ["seed", "=1", "sources.9.path=x", "sources.x.path=y", "seed=["])
def test_bad_overrides_are_named(override: str) -> None:
    assert f"--set {override}" in problem(MINIMAL, override)


def test_an_override_that_is_not_valid_is_told_apart_from_the_file() -> None:
    assert "--set" in problem(MINIMAL, "mining.top_k=0")


@pytest.mark.parametrize("data", [None, b"\xff\xfe\x00"])
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "c.yml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"cannot be read|is not UTF-8"):
        load_config(path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("#" * (5 << 20))
    with pytest.raises(ConfigError, match="too large"):
        load_config(tmp_path / "c.yml")


def test_the_section_of_training_by_itself() -> None:
    options = training_settings({"steps": 7, "dims": [4, 8]}, ["dims=[8, 32]", "instructions=true"])
    assert (options.steps, options.dims, options.instructions) == (7, [8, 32], True)


@pytest.mark.parametrize(
    ("values", "override", "where", "words"),
    [
        ({"steps": 7}, "batchsize=8", "training (or --set)", "did you mean 'batch_size'?"),
        ({"steps": 7}, "steps=no", "training (or --set)", "found 'no'"),
        ({"step": 7}, "seed=1", "training (or --set)", "did you mean 'steps'?"),
        ({}, "depth.x=1", "training (or --set)", "training.depth is not valid"),
    ],
)
def test_a_wrong_setting_of_training(values: dict[str, object], override: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        training_settings(values, [override])
    assert raised.value.where == where
    assert words in str(raised.value)
