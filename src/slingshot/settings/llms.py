"""The `llms:` block of params.yaml: one class for each provider.

To add a provider, write a module in slingshot.llm with `run_cell(llm, task)`. Write its settings class here, with the
name of that module, and add the class to the union `LlmSettings`.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from slingshot.settings.base import Block, Count, Date, Line, Name, UserError
from slingshot.settings.contestants import Checkpoint

Calibration = Literal["none", "contextual"]
Selection = Literal["fixed", "stratified", "nearest"]
ScoreMethod = Literal["none", "verbalised", "votes"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
ANTHROPIC_API = "https://api.anthropic.com"
BASE_URL = "ANTHROPIC_BASE_URL"
"""The environment variable that gives Anthropic's SDK the address of another server."""


def _http(url: str) -> str:
    if "@" in urlsplit(url if "//" in url else f"//{url}").netloc:
        raise ValueError(
            "an address must have no user or password; name the variable that holds the key as key_env"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"'{url}' is not an address: write http://HOST:PORT or https://HOST")
    return url.rstrip("/")


class PromptedSettings(Block):
    """Settings that every LLM has."""

    module: ClassVar[str]
    """The module of slingshot.llm that prompts the LLM."""
    title: Line
    """The LLM's name in reports."""
    note: Line | None = None
    """A remark on the LLM, which stands once below a table."""
    prompt: Literal["classification"] = "classification"
    """The template, a file in src/slingshot/llm/prompts. Each kind of task has one."""
    selection: Selection = "stratified"
    """Which rows of data/shots/D.parquet are shown as examples: the first `shots` rows (fixed), the first `shots` rows
    of each class (stratified), or the `shots` rows nearest to the text by `encoder` (nearest)."""
    encoder: Checkpoint | None = None
    """The encoder that measures what is near, by its mean-pooled output."""
    max_validation: Count = 300
    """The LLM predicts this many of the first validation rows. The best of several LLMs is chosen on the rows that all
    of them predict."""
    training_cutoff: Date | None = None
    price: Name | None = None
    """A key of cost.llm_prices; null prices the seconds, as for a local LLM."""

    @property
    def remote(self) -> bool:
        """Whether texts leave this machine."""
        return False

    @property
    def paid(self) -> bool:
        """Whether a request costs money, so that a budget is needed."""
        return False

    @model_validator(mode="after")
    def _nearest_has_an_encoder(self) -> Self:
        if (self.selection == "nearest") != (self.encoder is not None):
            raise ValueError(
                "selection: nearest and encoder go together, e.g. encoder: {checkpoint: OWNER/NAME}"
            )
        return self


class CausalLmSettings(PromptedSettings, Checkpoint):
    """A local causal LLM, which scores labels by log-likelihood."""

    module: ClassVar[str] = "slingshot.llm.local.causal_lm"
    provider: Literal["causal_lm"]
    gguf: str | None = None
    """The GGUF file to load, in the folder or hub repository that `checkpoint` names."""
    chat: bool | Literal["auto"] = "auto"
    """Whether the prompt is a conversation in the checkpoint's chat template, or a text to continue; auto is a
    conversation if the checkpoint has a template."""
    shots: list[Annotated[int, Field(ge=0)]] = Field(default=[4, 8], min_length=1)
    """Number of examples (per class if selection is stratified); each value is tried on validation."""
    calibration: list[Calibration] = Field(default=["none", "contextual"], min_length=1)
    choose_rows: Count = 150
    """Shots and calibration are chosen on this many of the first validation rows."""
    batch_size: Count = 8

    @model_validator(mode="after")
    def _choices_make_sense(self) -> Self:
        if self.choose_rows > self.max_validation:
            raise ValueError("choose_rows must not exceed max_validation")
        if len(set(self.shots)) != len(self.shots):
            raise ValueError("shots repeats a number")
        return self


class AskedSettings(PromptedSettings):
    """Settings of an LLM that is asked text by text. The ledger keeps its answers.

    Texts leave this machine and requests cost money, unless a provider's class says otherwise.
    """

    shots: int = Field(default=2, ge=0)
    """Number of examples (per class if selection is stratified)."""
    scores: ScoreMethod = "none"
    """The source of class probabilities: none, the confidence that the LLM states, or the votes of `samples`."""
    samples: Count = 1
    """Answers to each text, all of which are paid. `scores: votes` needs more than one."""
    max_tokens: Count = 512
    """Most output tokens of an answer, including thinking."""
    max_characters: Count = 20_000
    """Most characters of a text; a longer text is cut."""
    max_errors: int = Field(default=0, ge=0)
    """Most rows that may have no answer. They count as wrong. If more rows have none, the stage fails."""

    @property
    def remote(self) -> bool:
        return True

    @property
    def paid(self) -> bool:
        return True

    @model_validator(mode="after")
    def _what_is_paid_has_a_price(self) -> Self:
        if self.paid and self.price is None:
            raise ValueError(
                "price is missing: name the entry of cost.llm_prices that this model is billed by"
            )
        return self

    @model_validator(mode="after")
    def _samples_are_votes(self) -> Self:
        if (self.scores == "votes") != (self.samples > 1):
            raise ValueError("scores: votes and samples above 1 go together")
        return self


class AnthropicSettings(AskedSettings):
    """An LLM behind Anthropic's Messages API, or behind any server with the same API (`base_url`)."""

    module: ClassVar[str] = "slingshot.llm.anthropic.api"
    provider: Literal["anthropic"]
    model: Line
    """The model's id, as the API knows it."""
    base_url: Annotated[str, AfterValidator(_http)] | None = None
    """The address of another server; null is Anthropic's, or the address in ANTHROPIC_BASE_URL (see `server`)."""
    key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The environment variable that holds the key. Null is ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN for Anthropic's
    server, and no key for another `server`, which gets a key only if you name its variable here."""
    structured: bool = True
    """Whether requests hold a JSON schema of the answer; false for a server that refuses schemas."""
    thinking: dict[str, Any] | None = None
    """The API's parameter of that name, e.g. {type: disabled}; null leaves it to the model."""
    effort: Effort | None = None
    cache_from: Count | None = 1024
    """The fewest tokens of a prompt's static beginning that the model caches; null never asks for a cache."""
    retired: Date | None = None
    """When the API stopped serving the model. Messages do not suggest a retired model."""

    @property
    def server(self) -> str | None:
        """The address of the server, from `base_url` or else from ANTHROPIC_BASE_URL; None for Anthropic's own.

        Whether params.yaml is valid, and who is paid, do not depend on the variable. Raises UserError if the variable
        does not hold an address.
        """
        address = os.environ.get(BASE_URL, "").strip()
        if self.base_url or not address:
            return self.base_url
        try:
            url = _http(address)
        except ValueError as error:
            raise UserError(f"the environment variable {BASE_URL}: {error}; or unset it") from None
        return None if url.lower() == ANTHROPIC_API else url

    @property
    def remote(self) -> bool:
        server = self.server
        host = urlsplit(server).hostname if server else None
        if host is None:
            return True
        try:
            return not ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"

    @property
    def paid(self) -> bool:
        return self.price is not None or self.base_url is None


LlmSettings = Annotated[CausalLmSettings | AnthropicSettings, Field(discriminator="provider")]
