"""What Anthropic's API sends back, read and checked: messages, batches, and how long it wants to be left alone.

Nothing is believed unchecked: a server may send what the API never would.
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
"""The greatest whole number that a column of a file holds."""
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


class Block(TypedDict):
    """A piece of a message: a text, or what the model thought."""

    type: str
    text: NotRequired[str | None]


class CacheCreation(TypedDict):
    """Tokens written to the cache, by how long they are kept."""

    ephemeral_1h_input_tokens: NotRequired[int | None]


class MessageUsage(TypedDict):
    """What a message is billed by."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    cache_creation: NotRequired[CacheCreation | None]


class Message(TypedDict):
    """An answer: those of its keys that are read here."""

    content: list[Block]
    usage: MessageUsage
    stop_reason: NotRequired[str | None]


def read_json(text: bytes) -> Any:
    """A reply's JSON, with only characters that a file can hold and no whole number beyond GREATEST.

    Python refuses to read numbers of thousands of digits, and would refuse an answer that was paid for with them.
    Raises ValueError or RecursionError.
    """
    value = json.loads(text, parse_int=_whole)
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _whole(digits: str) -> int:
    return max(-GREATEST, min(int(digits[:21]), GREATEST))  # a sign and 20 digits are beyond it


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a whole number from 0 on."""
    return type(value) is int and value >= 0


def as_message(response: Response) -> Message:
    """A response that is to be read as a message. One that `checked` did not see may turn out to be none: then reading
    it raises AttributeError, LookupError or TypeError."""
    return cast(Message, response)


def tokens(message: Message) -> dict[str, int]:
    """What a message is billed by, by kind (money.prices.TOKEN_KINDS)."""
    usage = message["usage"]
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    return {
        "input": usage["input_tokens"],
        "output": usage["output_tokens"],
        "cache_write": max((usage.get("cache_creation_input_tokens") or 0) - hour, 0),
        "cache_write_1h": hour,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
    }


def checked(response: Any) -> Response:
    """The reply. Raises RetryError where it is no message: then nobody knows what was billed."""
    wrong: str | None = "content or usage"
    try:
        usage, creation = response["usage"], response["usage"].get("cache_creation") or {}
        counts = {key: usage[key] for key in ("input_tokens", "output_tokens")}
        cached = {
            "cache_creation_input_tokens": usage.get("cache_creation_input_tokens"),
            "cache_read_input_tokens": usage.get("cache_read_input_tokens"),
            "cache_creation.ephemeral_1h_input_tokens": creation.get("ephemeral_1h_input_tokens"),
        }
        counts |= {key: count for key, count in cached.items() if count is not None}
        if all(isinstance(block, dict) for block in response["content"]):
            uncounted = (f"usage.{key}" for key, count in counts.items() if not is_count(count))
            wrong = next(uncounted, None)
    except (AttributeError, LookupError, TypeError):
        pass
    if wrong:
        raise RetryError(
            f"the reply is no message of the Messages API: see its {wrong}", known=False
        )
    message: Response = response
    return message


def batch_state(batch: Any) -> BatchState:
    """How far a batch is. Raises RetryError where the reply is no batch."""
    try:
        name, counts = batch["id"], [batch["request_counts"][kind] for kind in COUNTS]
        created = datetime.fromisoformat(batch["created_at"]).timestamp()
        if not (isinstance(name, str) and name and all(map(is_count, counts))):
            raise ValueError
        ended = batch["processing_status"] == "ended"
        return BatchState(name, ended, sum(counts), sum(counts[1:]), created)
    except (LookupError, OverflowError, TypeError, ValueError):
        raise RetryError("the reply is no batch of the Messages API", known=False) from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the API asks to be left alone, from either header, in seconds or as a date."""
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
    """Seconds until a date; NaN where the text is no date."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (OverflowError, TypeError, ValueError):
        return math.nan


def per_minute(headers: Mapping[str, str]) -> float | None:
    """The most requests a minute that the API says it takes."""
    value = headers.get("anthropic-ratelimit-requests-limit", "")
    limit = float(value) if value.isdecimal() else 0.0
    return limit if 0 < limit < math.inf else None
