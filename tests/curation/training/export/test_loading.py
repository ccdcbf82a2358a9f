"""What sentence-transformers and transformers make of exported folders. The imports alone take ten seconds."""

from __future__ import annotations

import itertools
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curation.training import TrainedModel
from curation.training.decoder.model import Decoder
from curation.training.decoder.tokenizer import DecoderTokenizer
from curation.training.export.card import PLACE
from curation.training.export.decoder import export_decoder
from curation.training.export.smoke import export_smoke
from curation.training.export.training_data import TrainingData
from curation.training.smoke import unit

pytestmark = pytest.mark.slow
TOLERANCE = 1e-5
MAX_TOKENS = 40


def load(folder: Path, **options: Any) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)


def difference(left: Any, right: Any) -> float:
    assert left.shape == right.shape
    return float(np.abs(left - right).max())


def ours(
    decoder: Decoder, tokenizer: DecoderTokenizer, texts: list[str], *, depth: int, dim: int, rank: int
) -> np.ndarray:
    tokens = tokenizer.encode(texts, max_tokens=MAX_TOKENS)
    exits = decoder.depths.index(depth) + 1
    with torch.no_grad():
        return unit(decoder(*tokens.tensors(), rank=rank, exits=exits)[-1, :, :dim].numpy())


@pytest.fixture(scope="module")
def whole(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A name that is no name of a Python module.
    out = tmp_path_factory.mktemp("smoke") / "my model-v1.0"
    export_smoke(trained, out)
    return out


@pytest.fixture(scope="module")
def dense(decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("decoder") / "dense"
    export_decoder(decoder, decoder_tokenizer, out, max_tokens=MAX_TOKENS)
    return out


@pytest.fixture(scope="module")
def factored(decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("decoder") / "factored"
    export_decoder(decoder, decoder_tokenizer, out, max_tokens=MAX_TOKENS, factored=True)
    return out


@pytest.mark.parametrize(("depth", "dim", "rank"), itertools.product([0, 1, 2], [8, 32], [8, 16]))
def test_a_part_is_the_same_exported_and_chosen_at_load(
    trained: TrainedModel, whole: Path, texts: list[str], tmp_path: Path, depth: int, dim: int, rank: int
) -> None:
    expected = trained.encode(texts, depth=depth, dim=dim, rank=rank)
    cell = {"depth": depth, "dim": dim, "rank": rank}
    export_smoke(trained, tmp_path / "part", **cell)
    part = load(tmp_path / "part", trust_remote_code=True)
    chosen = load(whole, trust_remote_code=True, config_kwargs=cell)
    assert difference(part.encode(texts), expected) < TOLERANCE
    assert difference(chosen.encode(texts), expected) < TOLERANCE
    assert part.get_embedding_dimension() == dim


def test_truncated_vectors_are_the_nested_ones(trained: TrainedModel, whole: Path, texts: list[str]) -> None:
    expected = trained.encode(texts, depth=2, dim=8, rank=16)
    model = load(whole, trust_remote_code=True, truncate_dim=8)
    assert difference(model.encode(texts, normalize_embeddings=True), expected) < TOLERANCE
    # Without it the direction is right and the length is not: cosine is the same.
    assert difference(unit(model.encode(texts)), expected) < TOLERANCE
    assert model.similarity_fn_name == "cosine"
    assert float(model.similarity(model.encode(texts[:1]), model.encode(texts[:1]))) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_a_vector_does_not_depend_on_its_batch(whole: Path, texts: list[str], batch_size: int) -> None:
    model = load(whole, trust_remote_code=True)
    alone = np.concatenate([model.encode([text]) for text in texts])
    assert difference(model.encode(texts, batch_size=batch_size), alone) < 1e-6


def test_a_saved_model_is_the_same_model(whole: Path, texts: list[str], tmp_path: Path) -> None:
    model = load(whole, trust_remote_code=True, config_kwargs={"depth": 1})
    model.max_seq_length = 5
    model.save_pretrained(str(tmp_path / "again"))
    again = load(tmp_path / "again", trust_remote_code=True)
    assert difference(again.encode(texts), model.encode(texts)) == 0
    assert again.max_seq_length == 5


def test_prompts_are_stored_and_not_used_unasked(trained: TrainedModel, tmp_path: Path, data: TrainingData) -> None:
    export_smoke(trained, tmp_path / "model", data=data)
    model = load(tmp_path / "model", trust_remote_code=True)
    prompt = data.prompts["django"]
    assert model.default_prompt_name is None
    assert difference(model.encode(["Ein Satz"], prompt_name="django"), model.encode([prompt + "Ein Satz"])) == 0
    assert difference(model.encode_query(["Ein Satz"]), model.encode(["Ein Satz"])) == 0


def test_sizes_that_were_not_trained_are_refused(whole: Path) -> None:
    with pytest.raises(ValueError, match="rank must be one of"):
        load(whole, trust_remote_code=True, config_kwargs={"rank": 9})


def test_code_is_not_run_unasked(whole: Path) -> None:
    with pytest.raises(ValueError, match="trust_remote_code"):
        load(whole)


def test_transformers_loads_the_smoke_model(trained: TrainedModel, whole: Path, texts: list[str]) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(whole, trust_remote_code=True)
    model = AutoModel.from_pretrained(whole, trust_remote_code=True)
    folded = [unicodedata.normalize("NFKC", text).lower() for text in texts]
    batch = tokenizer(folded, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        vectors = model(**batch).pooler_output.numpy()
    assert difference(unit(vectors), trained.encode(texts, depth=2, dim=32, rank=16)) < TOLERANCE


@pytest.mark.parametrize("factors", [False, True])
@pytest.mark.parametrize(("depth", "dim", "rank"), [(5, 96, 80), (5, 16, 64), (1, 96, 64), (2, 8, 80), (4, 64, 64)])
def test_a_part_of_the_decoder_is_ours(
    decoder: Decoder,
    decoder_tokenizer: DecoderTokenizer,
    texts: list[str],
    tmp_path: Path,
    depth: int,
    dim: int,
    rank: int,
    factors: bool,
) -> None:
    cell = {"depth": depth, "dim": dim, "rank": rank}
    export_decoder(decoder, decoder_tokenizer, tmp_path / "model", max_tokens=MAX_TOKENS, factored=factors, **cell)
    model = load(tmp_path / "model", trust_remote_code=factors)
    expected = ours(decoder, decoder_tokenizer, texts, **cell)
    assert difference(model.encode(texts, batch_size=7), expected) < TOLERANCE
    assert model.get_embedding_dimension() == dim


@pytest.mark.parametrize("depth", [1, 4])
def test_depth_and_rank_of_the_decoder_can_be_chosen_at_load(
    decoder: Decoder, decoder_tokenizer: DecoderTokenizer, dense: Path, factored: Path, texts: list[str], depth: int
) -> None:
    whole_rank = ours(decoder, decoder_tokenizer, texts, depth=depth, dim=96, rank=80)
    low_rank = ours(decoder, decoder_tokenizer, texts, depth=depth, dim=96, rank=64)
    layers = {"num_hidden_layers": depth}
    plain = load(dense, config_kwargs=layers)
    cut = load(factored, trust_remote_code=True, config_kwargs={**layers, "table_rank": 64})
    assert difference(plain.encode(texts), whole_rank) < TOLERANCE
    assert difference(cut.encode(texts), low_rank) < TOLERANCE
    with pytest.raises(ValueError, match="table_rank must be one of"):
        load(factored, trust_remote_code=True, config_kwargs={"table_rank": 63})


def test_a_saved_decoder_is_the_same_model(factored: Path, texts: list[str], tmp_path: Path) -> None:
    model = load(factored, trust_remote_code=True)
    model.save_pretrained(str(tmp_path / "again"))
    again = load(tmp_path / "again", trust_remote_code=True)
    assert difference(again.encode(texts), model.encode(texts)) < 1e-6


@pytest.mark.parametrize("kind", ["dense", "factored"])
def test_transformers_loads_the_decoder(
    decoder: Decoder,
    decoder_tokenizer: DecoderTokenizer,
    texts: list[str],
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = request.getfixturevalue(kind)
    trusted = {"trust_remote_code": True} if kind == "factored" else {}
    tokenizer = AutoTokenizer.from_pretrained(folder, **trusted)
    model = AutoModel.from_pretrained(folder, **trusted)
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    last = batch["attention_mask"].sum(dim=1) - 1
    vectors = states[torch.arange(len(texts)), last].numpy()
    assert difference(unit(vectors), ours(decoder, decoder_tokenizer, texts, depth=5, dim=96, rank=80)) < TOLERANCE


@pytest.mark.parametrize("kind", ["whole", "dense", "factored"])
def test_the_snippets_of_the_card_run(request: pytest.FixtureRequest, kind: str) -> None:
    folder = request.getfixturevalue(kind)
    snippets = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 3
    for snippet in snippets:
        names: dict[str, Any] = {}
        exec(snippet.replace(PLACE, str(folder)), names)
        assert np.linalg.norm(names["vectors"], axis=1) == pytest.approx(1, abs=1e-5)
