"""Requests of the Messages API: their JSON, their digest, and the marks that let the API cache their beginning."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Literal, NotRequired, TypedDict

from slingshot.llm.asked.api import Body, Shots
from slingshot.settings import AnthropicSettings

BYTES_PER_TOKEN = 3
"""Fewer than there are, so that every beginning that may be long enough for the cache is marked. A mark on one that is
too short costs nothing."""


class CacheControl(TypedDict):
    """A mark: the API may cache everything up to here."""

    type: Literal["ephemeral"]
    ttl: NotRequired[Literal["1h"]]


class TextBlock(TypedDict):
    """A text of a message, or of the instructions."""

    type: Literal["text"]
    text: str
    cache_control: NotRequired[CacheControl]


class Turn(TypedDict):
    """A message of a conversation."""

    role: Literal["user", "assistant"]
    content: list[TextBlock]


class OutputConfig(TypedDict, total=False):
    """How the API is to answer."""

    format: dict[str, object]
    effort: str


class Requests:
    """Builds and reads the requests to one model."""

    def __init__(self, settings: AnthropicSettings) -> None:
        self._settings = settings
        self._shots: Shots = ()
        self._shown: list[Turn] = []
        """The messages of `_shots`."""

    def body(self, system: str, shots: Shots, question: str, schema: Mapping[str, object]) -> Body:
        """A request. The text to label comes last, so that everything before it can be cached."""
        # Thousands of texts have the same examples, and their bodies share these messages.
        if shots is not self._shots:
            self._shots, self._shown = shots, list(_turns(shots))
        body: Body = {
            "model": self._settings.model,
            "max_tokens": self._settings.max_tokens,
            "system": [_block(system)],
            "messages": [*self._shown, _turn("user", question)],
        }
        config: OutputConfig = {}
        if self._settings.structured:
            config["format"] = {"type": "json_schema", "schema": dict(schema)}
        if self._settings.effort:
            config["effort"] = self._settings.effort
        if config:
            body["output_config"] = config
        if self._settings.thinking:
            body["thinking"] = self._settings.thinking
        return body

    def digest(self, body: Body, sample: int) -> str:
        """The hash of the request, the server and the sample's number."""
        asked = {
            "api": "messages",
            "base_url": self._settings.server,
            "sample": sample,
            "request": body,
        }
        text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def marked(self, body: Body, *, hour: bool) -> Body:
        """The body with a mark behind the last example, or behind the instructions where examples differ from text to
        text."""
        least, turns = self._settings.cache_from, _messages(body)
        static = turns[:-1] if self._settings.selection != "nearest" else []
        texts = [*_system(body), *(block for turn in static for block in turn["content"])]
        size = sum(len(block["text"].encode()) for block in texts)
        if least is None or size < least * BYTES_PER_TOKEN:
            return body
        mark: CacheControl = {"type": "ephemeral"}
        if hour:
            mark["ttl"] = "1h"
        last: TextBlock = {**texts[-1], "cache_control": mark}
        # The messages and blocks are shared between bodies, so the marked ones are copies.
        if not static:
            return {**body, "system": [*_system(body)[:-1], last]}
        end: Turn = {**static[-1], "content": [last]}
        return {**body, "messages": [*static[:-1], end, *turns[len(static) :]]}


def lengths(body: Body) -> tuple[int, int]:
    """Bytes up to the last mark (0 without one), and in all."""
    # The model reads the schema of the answer before everything else.
    schema = len(json.dumps(body["output_config"]).encode()) if "output_config" in body else 0
    blocks = list(_blocks(body))
    sizes = [len(block["text"].encode()) for block in blocks]
    reach = list(itertools.accumulate(sizes, initial=schema))
    marked = [reach[n] for n, block in enumerate(blocks, start=1) if "cache_control" in block]
    return marked[-1] if marked else 0, reach[-1]


def caches(body: Body) -> bool:
    """Whether a body bears marks."""
    return any("cache_control" in block for block in _blocks(body))


def _blocks(body: Body) -> Iterator[TextBlock]:
    """All texts of a request, in the order in which the model reads them."""
    yield from _system(body)
    for turn in _messages(body):
        yield from turn["content"]


def _system(body: Body) -> list[TextBlock]:
    blocks: list[TextBlock] = body["system"]
    return blocks


def _messages(body: Body) -> list[Turn]:
    turns: list[Turn] = body["messages"]
    return turns


def _turns(shots: Shots) -> Iterator[Turn]:
    for question, answer in shots:
        yield _turn("user", question)
        yield _turn("assistant", answer)


def _turn(role: Literal["user", "assistant"], text: str) -> Turn:
    return {"role": role, "content": [_block(text)]}


def _block(text: str) -> TextBlock:
    return {"type": "text", "text": text}
