"""The `llms:` block of params.yaml: one class a provider.

To add a provider: a module in slingshot.llm with `run_cell(settings, task)`, and here its settings class, which
names that module, in the union `LlmSettings`.
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
"""The variable by which all that uses Anthropic's SDK is told of another server."""


def _http(url: str) -> str:
    if "@" in urlsplit(url if "//" in url else f"//{url}").netloc:
        raise ValueError(
            "an address holds no user or password; name the variable that holds the key as key_env"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"'{url}' is no address: write http://HOST:PORT or https://HOST")
    return url.rstrip("/")


class PromptedSettings(Block):
    """What every provider's LLM has."""

    module: ClassVar[str]
    """The module of slingshot.llm that prompts it."""
    title: Line
    """What the LLM is called wherever its figures stand."""
    note: Line | None = None
    """What its title does not say; a table explains it once, below."""
    prompt: Literal["classification"] = "classification"
    """The template, a file of src/slingshot/llm/prompts: one a kind of task."""
    selection: Selection = "stratified"
    """Which rows of data/shots/D.parquet are shown as examples: the first `shots` as they come (fixed), the first
    `shots` of each class (stratified), or the `shots` nearest to the text by `encoder` (nearest)."""
    encoder: Checkpoint | None = None
    """An encoder, mean-pooled, that says what is near."""
    max_validation: Count = 300
    """First validation rows that are predicted. Of several LLMs the best is chosen on those that all predict."""
    training_cutoff: Date | None = None
    price: Name | None = None
    """Key of cost.llm_prices; null is priced by its seconds, as a local LLM is."""

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
    """A local causal LLM; labels scored by log-likelihood."""

    module: ClassVar[str] = "slingshot.llm.local.causal_lm"
    provider: Literal["causal_lm"]
    gguf: str | None = None
    """The GGUF file to load, in the folder or hub repository that `checkpoint` names."""
    chat: bool | Literal["auto"] = "auto"
    """Whether the prompt is a conversation in the checkpoint's chat template, or a text to go on with; auto is a
    conversation where the checkpoint has a template."""
    shots: list[Annotated[int, Field(ge=0)]] = Field(default=[4, 8], min_length=1)
    """Examples (a class, where selection is stratified); each value is tried on validation."""
    calibration: list[Calibration] = Field(default=["none", "contextual"], min_length=1)
    choose_rows: Count = 150
    """First validation rows on which shots and calibration are chosen."""
    batch_size: Count = 8

    @model_validator(mode="after")
    def _choices_make_sense(self) -> Self:
        if self.choose_rows > self.max_validation:
            raise ValueError("choose_rows must not exceed max_validation")
        if len(set(self.shots)) != len(self.shots):
            raise ValueError("shots repeats a number")
        return self


class AskedSettings(PromptedSettings):
    """What every LLM that is asked text by text has, its answers kept in the ledger.

    Texts are taken to leave this machine, and to cost money, unless a provider's class says otherwise.
    """

    shots: int = Field(default=2, ge=0)
    """Examples (a class, where selection is stratified)."""
    scores: ScoreMethod = "none"
    """Where class probabilities come from: nowhere, the confidence that the LLM states, or the votes of `samples`."""
    samples: Count = 1
    """Answers to each text, each paid; more than one for `scores: votes`."""
    max_tokens: Count = 512
    """Most output tokens of an answer, thinking included."""
    max_characters: Count = 20_000
    """Characters that a text is cut to."""
    max_errors: int = Field(default=0, ge=0)
    """Rows that may be left without an answer, which count as wrong; with more the stage fails."""

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
    """An LLM behind Anthropic's Messages API, or behind any server that speaks it (`base_url`)."""

    module: ClassVar[str] = "slingshot.llm.anthropic.api"
    provider: Literal["anthropic"]
    model: Line
    """The model's id, as the API knows it."""
    base_url: Annotated[str, AfterValidator(_http)] | None = None
    """Another server's address; null is Anthropic's, or what ANTHROPIC_BASE_URL says (see `server`)."""
    key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The environment variable that holds the key. Null is ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, and for another
    `server` than Anthropic's no key: yours is sent to no other unless you say so."""
    structured: bool = True
    """Whether the API is given a JSON schema of the answer; off for a server that refuses one."""
    thinking: dict[str, Any] | None = None
    """The API's parameter of that name, e.g. {type: disabled}; null leaves it to the model."""
    effort: Effort | None = None
    cache_from: Count | None = 1024
    """Tokens from which the model caches a prompt's static beginning; null never asks it to."""
    retired: Date | None = None
    """When the API stopped serving the model: it is not offered in another's place."""

    @property
    def server(self) -> str | None:
        """The address of another server than Anthropic's, if one is asked: `base_url`, else what ANTHROPIC_BASE_URL
        says when this is read.

        Whether params.yaml is valid, and who is paid, does not depend on the variable. Raises UserError where it holds
        no address.
        """
        named = os.environ.get(BASE_URL, "").strip()
        if self.base_url or not named:
            return self.base_url
        try:
            url = _http(named)
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
