"""Types for those parts of transformers' models and tokenizers that scoring and rendering use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import torch


class Config(Protocol):
    """A decoder's configuration. Attributes that a model may lack are read with getattr instead."""

    vocab_size: int


class WholeConfig(Protocol):
    """A model's configuration, which may contain one for each part of the model."""

    def get_text_config(self, *, decoder: bool) -> Config: ...


class Cache(Protocol):
    """The key/value cache of a prefix, with an entry for each layer."""

    layers: list[object]


class Output(Protocol):
    """The result of a forward pass."""

    logits: torch.Tensor
    """Shape (rows, places whose logits are kept, vocabulary)."""


class Model(Protocol):
    """A causal language model."""

    config: WholeConfig
    device: torch.device

    def __call__(
        self,
        input_ids: torch.Tensor,
        *,
        attention_mask: torch.Tensor | Mapping[str, torch.Tensor] | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool,
        logits_to_keep: int | torch.Tensor,
    ) -> Output: ...

    def eval(self) -> Model: ...

    def float(self) -> Model: ...

    def double(self) -> Model: ...

    def parameters(self) -> Iterable[torch.Tensor]: ...


class Encoded(Protocol):
    """The result of tokenising a text."""

    input_ids: Sequence[int]


class Tokenizer(Protocol):
    """A checkpoint's tokenizer."""

    bos_token_id: int | None
    chat_template: object

    def __call__(
        self, text: str, *, add_special_tokens: bool, split_special_tokens: bool
    ) -> Encoded: ...

    def get_chat_template(self) -> str: ...

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, str]],
        *,
        chat_template: str,
        tokenize: bool,
        add_generation_prompt: bool,
        enable_thinking: bool,
        date_string: str,
    ) -> object: ...
