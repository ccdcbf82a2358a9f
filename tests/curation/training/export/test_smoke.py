"""What an exported smoke model's folder holds."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from curation.errors import ConfigError
from curation.training import TrainedModel
from curation.training.export import modeling_source
from curation.training.export.folder import WEIGHTS
from curation.training.export.smoke import export_smoke
from curation.training.export.training_data import TrainingData

FILES = {
    "README.md",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modeling_nested_bag.py",
    "modules.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


def bytes_of_tensors(folder: Path) -> int:
    return sum(value.numel() * value.element_size() for value in load_file(folder / WEIGHTS).values())


def test_files(trained: TrainedModel, tmp_path: Path) -> None:
    export_smoke(trained, tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir() if path.is_file()} == FILES


def test_the_same_model_gives_the_same_bytes(trained: TrainedModel, tmp_path: Path, data: TrainingData) -> None:
    for name in ("one", "two"):
        export_smoke(trained, tmp_path / name, data=data)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("rank", [8, 16])
def test_a_part_holds_only_what_it_needs(trained: TrainedModel, tmp_path: Path, depth: int, rank: int) -> None:
    export_smoke(trained, tmp_path / "model", depth=depth, rank=rank)
    tensors = load_file(tmp_path / "model" / WEIGHTS)
    size = trained.tokenizer.size
    assert tensors["table.u"].shape == (size, rank)
    assert tensors["table.v"].shape == (rank, 32)
    assert {name.split(".")[1] for name in tensors if name.startswith("blocks.")} == set(map(str, range(depth)))
    assert len(tensors) == 3 + 3 * depth
    stated = bytes_of_tensors(tmp_path / "model")
    assert f"| {depth} | {rank} | {stated:,} |" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    # The file is the tensors and a header.
    assert 0 < (tmp_path / "model" / WEIGHTS).stat().st_size - stated < 2_000


def test_the_code_in_the_folder_imports_nothing_of_ours(trained: TrainedModel, tmp_path: Path) -> None:
    export_smoke(trained, tmp_path / "model")
    code = (tmp_path / "model" / "modeling_nested_bag.py").read_text(encoding="utf-8")
    assert code == modeling_source("modeling_nested_bag")
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    outside = {"tokenizers", "torch", "transformers"}
    assert found - outside <= {"__future__", "collections", "json", "pathlib", "typing", "unicodedata"}


def test_modules_are_named(trained: TrainedModel, tmp_path: Path, data: TrainingData) -> None:
    export_smoke(trained, tmp_path / "model", data=data)
    modules = json.loads((tmp_path / "model" / "modules.json").read_text())
    assert [module["type"].rpartition(".")[2] for module in modules] == ["NestedBag", "Normalize"]
    assert [module["path"] for module in modules] == ["", "1_Normalize"]
    settings = json.loads((tmp_path / "model" / "config_sentence_transformers.json").read_text())
    assert settings["prompts"] == {"query": "", "document": "", **data.prompts}


def test_a_wrong_size_leaves_no_folder(trained: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not trained"):
        export_smoke(trained, tmp_path / "model", rank=12)
    assert list(tmp_path.iterdir()) == []
