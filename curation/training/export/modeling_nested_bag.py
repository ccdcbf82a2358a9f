"""A bag-of-subwords embedding model, nested in depth, dimension and rank, for transformers and sentence-transformers.

This file goes into the folder of each exported model and is all the code that the model needs: it imports nothing of
the package that trained it. `AutoModel` gives `NestedBagModel`, which maps token ids to vectors; `SentenceTransformer`
gives `NestedBag`, which maps texts to vectors. Both need `trust_remote_code=True`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils.hub import cached_file

_TOKENIZER = "tokenizer.json"


class NestedBagConfig(PretrainedConfig):
    """What is in the weights, and which part of it is used.

    Args:
        vocab_size: number of tokens.
        width: dimensions inside the model.
        depths: numbers of blocks that were trained as exits, rising; the last is the number of blocks in the weights.
        dims: numbers of leading dimensions that were trained as outputs, rising.
        ranks: ranks of the token table that were trained, rising; the last is the number of columns in the weights.
        depth: blocks to go through, all by default.
        dim: dimensions to give out, all by default.
        rank: rank to use, all by default.
        max_tokens: tokens of a text that are read.
        unknown_token_id: the token that a text without any token becomes.
        **kwargs: what transformers keeps in each config.
    """

    model_type = "nested_bag"

    def __init__(
        self,
        vocab_size: int = 1,
        width: int = 1,
        depths: Sequence[int] = (0,),
        dims: Sequence[int] = (1,),
        ranks: Sequence[int] = (1,),
        depth: int | None = None,
        dim: int | None = None,
        rank: int | None = None,
        max_tokens: int = 96,
        unknown_token_id: int = 0,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.width = width
        self.depths, self.dims, self.ranks = list(depths), list(dims), list(ranks)
        self.depth = self.depths[-1] if depth is None else depth
        self.dim = self.dims[-1] if dim is None else dim
        self.rank = self.ranks[-1] if rank is None else rank
        self.max_tokens = max_tokens
        self.unknown_token_id = unknown_token_id
        super().__init__(**kwargs)


class FactorisedTable(nn.Module):
    """A token table U V and the logarithm of each token's weight."""

    def __init__(self, size: int, rank: int, width: int) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.empty(size, rank))
        self.v = nn.Parameter(torch.empty(rank, width))
        self.log_weight = nn.Parameter(torch.empty(size))

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor, rank: int) -> torch.Tensor:
        """Return the weighted mean embedding of each of n sequences, shape (n, width).

        Args:
            tokens: int64 (total,), the sequences one after the other.
            lengths: int64 (n,), none of them zero.
            rank: columns of U to use.
        """
        weight = self.log_weight[tokens].exp()
        owner = torch.repeat_interleave(torch.arange(len(lengths), device=tokens.device), lengths)
        total = weight.new_zeros(len(lengths)).index_add(0, owner, weight)
        starts = lengths.cumsum(0) - lengths
        mean = functional.embedding_bag(tokens, self.u, starts, mode="sum", per_sample_weights=weight / total[owner])
        return mean[:, :rank] @ self.v[:rank]


class ResidualBlock(nn.Module):
    """x + SwiGLU(RMSNorm(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.empty(width))
        self.gate_up = nn.Parameter(torch.empty(2 * width, width))
        self.down = nn.Parameter(torch.empty(width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map vectors (n, width) to the same shape."""
        normed = functional.rms_norm(x, (x.shape[-1],), self.gain)
        gate, up = functional.linear(normed, self.gate_up).chunk(2, dim=-1)
        return x + functional.linear(functional.silu(gate) * up, self.down)


class NestedBagModel(PreTrainedModel):
    """Token ids in, one vector a sequence out, not normalised."""

    config_class = NestedBagConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"

    def __init__(self, config: NestedBagConfig) -> None:
        super().__init__(config)
        for name in ("depth", "dim", "rank"):
            value, nested = getattr(config, name), getattr(config, f"{name}s")
            if value not in nested:
                raise ValueError(f"{name} must be one of {nested}, which the model was trained at, not {value!r}")
        self.table = FactorisedTable(config.vocab_size, config.ranks[-1], config.width)
        self.blocks = nn.ModuleList(ResidualBlock(config.width) for _ in range(config.depths[-1]))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Leave everything as it is: all weights come from the file."""

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any
    ) -> BaseModelOutputWithPooling:
        """Return the vectors as `pooler_output`, shape (n, dim).

        Args:
            input_ids: int64 (n, length), padded with anything on either side.
            attention_mask: int64 (n, length), 1 where a token counts; all by default.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_empty = (mask.sum(dim=1, keepdim=True) == 0).to(mask.dtype)
        # One more column, which counts in empty rows only.
        ids = functional.pad(input_ids, (0, 1), value=self.config.unknown_token_id)
        mask = torch.cat([mask, is_empty], dim=1)
        x = self.table(ids[mask.bool()], mask.sum(dim=1), self.config.rank)
        for block in self.blocks[: self.config.depth]:
            x = block(x)
        return BaseModelOutputWithPooling(pooler_output=x[:, : self.config.dim])


class NestedBag(nn.Module):
    """The first module of a sentence-transformers model: folds and cuts texts, and runs the model on the pieces.

    Args:
        model: maps token ids to vectors.
        tokenizer: cuts folded texts.
    """

    modalities = ("text",)
    save_in_root = True

    def __init__(self, model: NestedBagModel, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.max_seq_length = model.config.max_tokens

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_: Any) -> dict[str, torch.Tensor]:
        """Return `input_ids` and `attention_mask` of n texts, each int64 (n, longest)."""
        folded = [unicodedata.normalize("NFKC", (prompt or "") + text).lower() for text in inputs]
        encoded = self.tokenizer.encode_batch(folded, add_special_tokens=False)
        sequences = [encoding.ids[: self.max_seq_length] for encoding in encoded]
        longest = max(map(len, sequences), default=0)
        ids = torch.full((len(sequences), longest), self.model.config.unknown_token_id)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.int64)
            mask[row, : len(sequence)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def tokenize(self, texts: Sequence[str], **_: Any) -> dict[str, torch.Tensor]:
        """Do as `preprocess`: the name that sentence-transformers before 6.0 calls."""
        return self.preprocess(texts)

    def forward(self, features: dict[str, torch.Tensor], **_: Any) -> dict[str, torch.Tensor]:
        """Add `sentence_embedding`, shape (n, dim)."""
        output = self.model(features["input_ids"], features["attention_mask"])
        features["sentence_embedding"] = output.pooler_output
        return features

    def get_embedding_dimension(self) -> int:
        """Return the number of dimensions that are given out."""
        return int(self.model.config.dim)

    # The name before sentence-transformers 6.0.
    get_sentence_embedding_dimension = get_embedding_dimension

    def save(self, output_path: str, *_: Any, safe_serialization: bool = True, **__: Any) -> None:
        """Write the folder that `load` reads."""
        self.model.config.max_tokens = self.max_seq_length
        self.model.save_pretrained(output_path)
        self.tokenizer.save(str(Path(output_path) / _TOKENIZER))

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        *,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        config_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> NestedBag:
        """Read an exported folder, or a repository of the Hub.

        Args:
            model_name_or_path: the folder or repository.
            subfolder: where in it.
            token: of the Hub.
            cache_folder: for what is downloaded.
            revision: of the repository.
            local_files_only: download nothing.
            model_kwargs: further arguments of `NestedBagModel.from_pretrained`, for example `dtype`.
            config_kwargs: values of the config to use instead of the stored ones: `depth`, `dim`, `rank`.
            **_: what other modules are told.
        """
        place: dict[str, Any] = {
            "subfolder": subfolder,
            "token": token,
            "cache_dir": cache_folder,
            "revision": revision,
            "local_files_only": local_files_only,
        }
        config = NestedBagConfig.from_pretrained(model_name_or_path, **place, **(config_kwargs or {}))
        model = NestedBagModel.from_pretrained(model_name_or_path, config=config, **place, **(model_kwargs or {}))
        tokenizer = Tokenizer.from_file(str(cached_file(model_name_or_path, _TOKENIZER, **place)))
        return cls(model, tokenizer)
