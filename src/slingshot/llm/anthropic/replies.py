"""Reads and checks the replies of Anthropic's API: messages, batches, and the wait that it asks for.

Nothing is believed unchecked, because another server may send what Anthropic's API never would.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict, TypeGuard, cast

from slingshot.llm.asked.api import BatchState, Response, RetryError

LONGEST_WAIT = 3600.0
"""The longest retry-after that is believed, in seconds."""
GREATEST = 2**63 - 1
"""The greatest whole number that fits into a column of a file."""
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


class Block(TypedDict):
    """A piece of a message: a text, or the model's thinking."""

    type: str
    text: NotRequired[str | None]


class CacheCreation(TypedDict):
    """Tokens that were written to the cache for an hour."""

    ephemeral_1h_input_tokens: NotRequired[int | None]


class MessageUsage(TypedDict):
    """The tokens that a message is billed by."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    cache_creation: NotRequired[CacheCreation | None]


class Message(TypedDict):
    """The keys of an answer that are read here."""

    content: list[Block]
    usage: MessageUsage
    stop_reason: NotRequired[str | None]


class Batch(TypedDict):
    """The keys of a batch that are read here."""

    id: str
    request_counts: dict[str, int]
    """How a request ended, or that it has not (COUNTS) -> the number of requests."""
    created_at: str
    processing_status: str


def read_json(text: bytes) -> Any:
    """The JSON of a reply, made safe for files: unpaired surrogates are replaced, and whole numbers cut to GREATEST.

    Python refuses to read numbers of thousands of digits. Without the cut it would refuse an answer that was paid for.
    Raises ValueError or RecursionError.
    """
    value = json.loads(text, parse_int=_whole)
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _whole(digits: str) -> int:
    return max(-GREATEST, min(int(digits[:21]), GREATEST))  # a sign and 20 digits exceed GREATEST


def is_count(value: object) -> TypeGuard[int]:
    """Whether the value is a whole number that is not negative."""
    return type(value) is int and value >= 0


def as_message(response: Response) -> Message:
    """The response, typed as a message.

    A response that has not passed `checked` may be something else: then reading it raises AttributeError, LookupError
    or TypeError.
    """
    return cast(Message, response)


def tokens(message: Message) -> dict[str, int]:
    """The tokens that a message is billed by, by kind (money.prices.TOKEN_KINDS)."""
    usage = message["usage"]
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    return {
        "input": usage["input_tokens"],
        "output": usage["output_tokens"],
        "cache_write": max((usage.get("cache_creation_input_tokens") or 0) - hour, 0),
        "cache_write_1h": hour,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
    }


def checked(response: object) -> Response:
    """The reply. Raises RetryError where it is not a message: then nobody knows what was billed."""
    wrong: str | None = "content or usage"
    try:
        message = cast(Message, response)
        usage = message["usage"]
        creation = usage.get("cache_creation") or CacheCreation()
        counts = {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
        optional = {
            "cache_creation_input_tokens": usage.get("cache_creation_input_tokens"),
            "cache_read_input_tokens": usage.get("cache_read_input_tokens"),
            "cache_creation.ephemeral_1h_input_tokens": creation.get("ephemeral_1h_input_tokens"),
        }
        counts |= {key: count for key, count in optional.items() if count is not None}
        if all(isinstance(block, dict) for block in message["content"]):
            uncounted = (f"usage.{key}" for key, count in counts.items() if not is_count(count))
            wrong = next(uncounted, None)
    except (AttributeError, LookupError, TypeError):
        pass
    if wrong:
        raise RetryError(
            f"the reply is not a message of the Messages API: see its {wrong}", unbilled=False
        )
    return cast(Response, response)


def batch_state(reply: object) -> BatchState:
    """The state of a batch. Raises RetryError where the reply is not a batch."""
    try:
        batch = cast(Batch, reply)
        name, counts = batch["id"], [batch["request_counts"][kind] for kind in COUNTS]
        created = datetime.fromisoformat(batch["created_at"]).timestamp()
        if not (isinstance(name, str) and name and all(map(is_count, counts))):
            raise ValueError
        ended = batch["processing_status"] == "ended"
        return BatchState(name, ended, sum(counts), sum(counts[1:]), created)
    except (LookupError, OverflowError, TypeError, ValueError):
        raise RetryError("the reply is not a batch of the Messages API", unbilled=False) from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the API asks to wait, from either header, which may state seconds or a date."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "")
        try:
            seconds = float(value) / unit
        except ValueError:
            seconds = _until(value)
        if not math.isnan(seconds):
            return min(max(seconds, 0.0), LONGEST_WAIT)
    return None


def _until(date: str) -> float:
    """The seconds until a date; NaN where the text is not a date."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (OverflowError, TypeError, ValueError):
        return math.nan


def per_minute(headers: Mapping[str, str]) -> float | None:
    """The most requests in a minute that the API accepts, if it says so."""
    value = headers.get("anthropic-ratelimit-requests-limit", "")
    limit = float(value) if value.isdecimal() else 0.0
    return limit if 0 < limit < math.inf else None
