"""What scoring and rendering need of transformers' models and tokenizers, as types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import torch


class Config(Protocol):
    """A decoder's configuration. Other attributes are looked up where a model may lack them."""

    vocab_size: int


class WholeConfig(Protocol):
    """A model's configuration, which may hold one for each of its parts."""

    def get_text_config(self, *, decoder: bool) -> Config: ...


class Cache(Protocol):
    """The key/value cache of a prefix, a layer at a time."""

    layers: list[object]


class Output(Protocol):
    """The result of a forward pass."""

    logits: torch.Tensor
    """Shape (rows, kept places, vocabulary)."""


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
