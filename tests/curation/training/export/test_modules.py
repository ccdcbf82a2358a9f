"""The files that sentence-transformers puts a model together from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from curation.training.export.modules import module_path, write_cut, write_last_token_pooling, write_modules


def test_modules_are_numbered_and_have_folders(tmp_path: Path) -> None:
    write_modules(tmp_path, "own.First", ["Pooling", "Normalize"], {})
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert [(module["idx"], module["name"], module["path"]) for module in modules] == [
        (0, "0", ""),
        (1, "1", "1_Pooling"),
        (2, "2", "2_Normalize"),
    ]
    assert modules[0]["type"] == "own.First"
    assert (tmp_path / module_path(2, "Normalize")).is_dir()


@pytest.mark.parametrize("name", ["django", "सूत्र", 'quote" \n and line', "../up"])
def test_any_name_of_a_prompt_comes_back(tmp_path: Path, name: str) -> None:
    write_modules(tmp_path, "own.First", [], {name: "Instruct: …\nQuery: "})
    settings = json.loads((tmp_path / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    assert settings["prompts"][name] == "Instruct: …\nQuery: "
    assert settings["default_prompt_name"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config_sentence_transformers.json", "modules.json"]


def test_pooling_takes_the_last_token_only(tmp_path: Path) -> None:
    write_last_token_pooling(tmp_path, 96)
    settings = json.loads((tmp_path / "config.json").read_text())
    assert [key for key, value in settings.items() if value is True and key.startswith("pooling")] == [
        "pooling_mode_lasttoken"
    ]


def test_a_cut_keeps_the_first_dimensions_exactly(tmp_path: Path) -> None:
    write_cut(tmp_path, 12, 5)
    weight = load_file(tmp_path / "model.safetensors")["linear.weight"]
    vectors = torch.randn(7, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(vectors @ weight.T, vectors[:, :5])
