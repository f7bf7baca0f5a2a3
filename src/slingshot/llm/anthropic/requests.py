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
"""Fewer bytes than a token has. So every beginning that may be long enough for the cache is marked. A mark on a shorter
beginning costs nothing."""


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
    """The form and the effort of the answer."""

    format: dict[str, object]
    effort: str


class Requests:
    """Builds and reads the requests to one model."""

    def __init__(self, llm: AnthropicSettings) -> None:
        self._llm = llm
        self._shots: Shots = ()
        self._shot_turns: list[Turn] = []
        """The messages of `_shots`."""

    def body(self, system: str, shots: Shots, question: str, schema: Mapping[str, object]) -> Body:
        """A request. The text to label comes last, so that everything before it can be cached."""
        # Thousands of texts have the same examples. To save memory, their bodies share the messages of these examples.
        if shots is not self._shots:
            self._shots, self._shot_turns = shots, list(_turns(shots))
        body: Body = {
            "model": self._llm.model,
            "max_tokens": self._llm.max_tokens,
            "system": [_block(system)],
            "messages": [*self._shot_turns, _turn("user", question)],
        }
        config: OutputConfig = {}
        if self._llm.structured:
            config["format"] = {"type": "json_schema", "schema": dict(schema)}
        if self._llm.effort:
            config["effort"] = self._llm.effort
        if config:
            body["output_config"] = config
        if self._llm.thinking:
            body["thinking"] = self._llm.thinking
        return body

    def digest(self, body: Body, sample: int) -> str:
        """The hash of the request, the server and the number of the sample. The ledger keeps answers under it."""
        key = {
            "api": "messages",
            "base_url": self._llm.server,
            "sample": sample,
            "request": body,
        }
        text = json.dumps(key, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def marked(self, body: Body, *, hour: bool) -> Body:
        """The body with a mark after the last example, or after the instructions where each text has its own examples.

        With `hour` the API keeps the cache for an hour. A beginning that is too short for the cache gets no mark.
        """
        least, turns = self._llm.cache_from, _messages(body)
        static = turns[:-1] if self._llm.selection != "nearest" else []
        texts = list(_system(body))
        for turn in static:
            texts += turn["content"]
        size = sum(len(block["text"].encode()) for block in texts)
        if least is None or size < least * BYTES_PER_TOKEN:
            return body
        mark: CacheControl = {"type": "ephemeral"}
        if hour:
            mark["ttl"] = "1h"
        last: TextBlock = {**texts[-1], "cache_control": mark}
        # Bodies share messages and blocks, so the marked ones are copies.
        if not static:
            return {**body, "system": [*_system(body)[:-1], last]}
        end: Turn = {**static[-1], "content": [last]}
        return {**body, "messages": [*static[:-1], end, *turns[len(static) :]]}


def lengths(body: Body) -> tuple[int, int]:
    """The bytes of a request up to its last mark (0 without one), and all its bytes."""
    # The model reads the schema of the answer before everything else.
    schema = len(json.dumps(body["output_config"]).encode()) if "output_config" in body else 0
    blocks = list(_blocks(body))
    sizes = [len(block["text"].encode()) for block in blocks]
    ends = list(itertools.accumulate(sizes, initial=schema))
    marked = [ends[n] for n, block in enumerate(blocks, start=1) if "cache_control" in block]
    return marked[-1] if marked else 0, ends[-1]


def caches(body: Body) -> bool:
    """Whether a body has marks."""
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
