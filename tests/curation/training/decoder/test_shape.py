"""Shapes are parsed strictly, and count the parameters that are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen3Config, Qwen3Model

from curation.training.decoder.shape import (
    PRESETS,
    DecoderShape,
    ShapeError,
    count_parameters,
    parse_shape,
    preset,
    read_shape,
)

# The public config of Qwen/Qwen3-4B, but for what concerns generation only.
QWEN3_4B: dict[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 2560,
    "initializer_range": 0.02,
    "intermediate_size": 9728,
    "max_position_embeddings": 40960,
    "max_window_layers": 36,
    "model_type": "qwen3",
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}


# Numbers of parameters in the MTEB registry (F2LLM-v2-160M, -330M, -0.6B, -1.7B, -4B, -8B), none with a head.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("140M", 159_185_024),
        ("330M", 334_349_184),
        ("0.6B", 596_049_920),
        ("1.7B", 1_720_574_976),
        ("4B", 4_022_468_096),
        ("8B", 7_568_405_504),
    ],
)
def test_presets_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    assert count_parameters(preset(name)) == parameters


def test_the_smallest_preset_has_its_name_s_size_in_factored_form() -> None:
    assert round(count_parameters(preset("140M"), rank=512) / 1e6) == 140


def test_parameters_are_those_of_transformers() -> None:
    shape = DecoderShape(77, width=24, mlp_width=36, layers=3, query_heads=4, key_heads=2, head_dim=8)
    with torch.device("meta"):
        model = Qwen3Model(Qwen3Config(**{k: v for k, v in shape.to_config().items() if k != "architectures"}))
    assert count_parameters(shape) == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    ("layers", "depths"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (3, (1, 2, 3)),
        (8, (1, 2, 4, 8)),
        (9, (1, 2, 4, 8, 9)),
        (16, (1, 2, 4, 8, 16)),
        (28, (1, 2, 4, 8, 16, 24, 28)),
        (36, (1, 2, 4, 8, 16, 24, 32, 36)),
    ],
)
def test_exits_are_those_of_the_paper(layers: int, depths: tuple[int, ...]) -> None:
    assert DecoderShape(10, width=8, mlp_width=8, layers=layers).depths == depths


@given(st.integers(1, 100))
def test_exits_rise_to_the_last_layer(layers: int) -> None:
    depths = DecoderShape(10, width=8, mlp_width=8, layers=layers).depths
    assert depths[-1] == layers
    assert list(depths) == sorted(set(depths))


def test_a_public_config_is_its_preset() -> None:
    assert parse_shape(QWEN3_4B, where="config.json") == PRESETS["4B"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_written_config_is_read_back(name: str) -> None:
    config = json.loads(json.dumps(preset(name).to_config()))
    assert parse_shape(config, where="config.json") == preset(name)


def test_rotary_settings_of_newer_versions_are_read() -> None:
    newer = {key: value for key, value in QWEN3_4B.items() if key not in ("rope_theta", "rope_scaling")}
    newer["rope_parameters"] = {"rope_type": "default", "rope_theta": 5e5}
    assert parse_shape(newer, where="config.json").rope_theta == 5e5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_type": "llama"}, "'llama'"),
        ({"model_type": "qwen3_moe"}, "'qwen3_moe'"),
        ({"model_type": ["qwen3"]}, "\\['qwen3'\\]"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"attention_bias": True}, "attention_bias"),
        ({"attention_bias": 0}, "attention_bias"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
        ({"layer_types": "full_attention"}, "layer_types"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"rope_parameters": "default"}, "default"),
        ({"hidden_size": "2560"}, "hidden_size is '2560'"),
        ({"hidden_size": True}, "hidden_size is True"),
        ({"hidden_size": 2560.0}, "hidden_size is 2560.0"),
        ({"hidden_size": 0}, "width"),
        ({"hidden_size": 10**30}, "width"),
        ({"vocab_size": -1}, "vocabulary"),
        ({"num_hidden_layers": 10**6}, "layers"),
        ({"num_key_value_heads": 5}, "cannot share"),
        ({"head_dim": 127}, "odd"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps"),
        ({"rms_norm_eps": -1e-6}, "norm_eps"),
        ({"rope_theta": float("inf")}, "rope_theta"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings"),
    ],
)
def test_other_configs_are_refused_with_the_reason(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ShapeError, match=why):
        parse_shape({**QWEN3_4B, **changes}, where="config.json")


@pytest.mark.parametrize("key", ["hidden_size", "head_dim", "rope_theta", "num_key_value_heads"])
def test_a_lacking_key_is_named(key: str) -> None:
    with pytest.raises(ShapeError, match=key):
        parse_shape({name: value for name, value in QWEN3_4B.items() if name != key}, where="config.json")


@given(st.dictionaries(st.sampled_from(sorted(QWEN3_4B)), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_config_gives_a_shape_or_a_readable_error(changes: dict[str, Any]) -> None:
    try:
        shape = parse_shape({**QWEN3_4B, **changes}, where="config.json")
    except ShapeError as error:
        shown = str(error)
    else:
        shown = json.dumps(shape.to_config())
    assert "config.json" in shown or '"model_type": "qwen3"' in shown


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '"qwen3"', "[" * 100_000])
def test_what_is_no_config_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ShapeError, match=r"config\.json"):
        read_shape(tmp_path)


def test_a_missing_or_huge_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="save_pretrained"):
        read_shape(tmp_path)
    (tmp_path / "config.json").write_text(" " * (1 << 20) + "{}")
    with pytest.raises(ShapeError, match="bytes"):
        read_shape(tmp_path)


def test_an_unknown_preset_names_those_that_exist() -> None:
    with pytest.raises(ShapeError, match=r"140M, 330M, 0\.6B"):
        preset("14B")
