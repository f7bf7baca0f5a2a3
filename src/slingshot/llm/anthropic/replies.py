"""What Anthropic's API sends back, read and checked: messages, batches, and how long it wants to be left alone.

Nothing in it is believed because it is there: a server may send what the API never would.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard

from slingshot.llm.asked.api import BatchState, RetryError

LONGEST_WAIT = 3600.0
"""Seconds that a retry-after is believed for."""
GREATEST = 2**63 - 1
"""The greatest whole number that a column of a file holds."""
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


def read_json(text: bytes) -> Any:
    """A reply's JSON, in characters that a file can hold, with no whole number beyond GREATEST: Python refuses those of
    thousands of digits, and with one an answer that was paid for. Raises ValueError or RecursionError."""
    value = json.loads(text, parse_int=_whole)
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _whole(digits: str) -> int:
    return max(-GREATEST, min(int(digits[:21]), GREATEST))  # a sign and 20 digits are beyond it


def is_count(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number from 0 on."""
    return type(value) is int and value >= 0


def tokens(response: Mapping[str, Any]) -> dict[str, int]:
    """What a message is billed by, by kind (money.TOKEN_KINDS)."""
    usage = response["usage"]
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    return {
        "input": usage["input_tokens"],
        "output": usage["output_tokens"],
        "cache_write": max((usage.get("cache_creation_input_tokens") or 0) - hour, 0),
        "cache_write_1h": hour,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
    }


def checked(response: Any) -> dict[str, Any]:
    """The reply. Raises RetryError where it is no message: nobody knows then what was billed."""
    wrong: str | None = "content or usage"
    try:
        usage, creation = response["usage"], response["usage"].get("cache_creation") or {}
        counts = {key: usage[key] for key in ("input_tokens", "output_tokens")}
        cached = {
            key: usage.get(key)
            for key in ("cache_creation_input_tokens", "cache_read_input_tokens")
        }
        cached["cache_creation.ephemeral_1h_input_tokens"] = creation.get(
            "ephemeral_1h_input_tokens"
        )
        counts |= {key: count for key, count in cached.items() if count is not None}
        if all(isinstance(block, dict) for block in response["content"]):
            wrong = next(
                (f"usage.{key}" for key, count in counts.items() if not is_count(count)), None
            )
    except (AttributeError, LookupError, TypeError):
        pass
    if wrong:
        raise RetryError(
            f"the reply is no message of the Messages API: see its {wrong}", known=False
        )
    message: dict[str, Any] = response
    return message


def batch_state(batch: Any) -> BatchState:
    """What a batch says of itself. Raises RetryError where it is none."""
    try:
        name, counts = batch["id"], [batch["request_counts"][kind] for kind in COUNTS]
        created = datetime.fromisoformat(batch["created_at"]).timestamp()
        if not (isinstance(name, str) and name and all(map(is_count, counts))):
            raise ValueError
        return BatchState(
            name, batch["processing_status"] == "ended", sum(counts), sum(counts[1:]), created
        )
    except (LookupError, OverflowError, TypeError, ValueError):
        raise RetryError("the reply is no batch of the Messages API", known=False) from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the API asks to be left alone, from either header, in seconds or as a date."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        said = headers.get(name, "")
        try:
            seconds = float(said) / unit
        except ValueError:
            seconds = _until(said)
        if not math.isnan(seconds):
            return min(max(seconds, 0.0), LONGEST_WAIT)
    return None


def _until(date: str) -> float:
    """Seconds until a date; NaN where there is none."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (OverflowError, TypeError, ValueError):
        return math.nan


def per_minute(headers: Mapping[str, str]) -> float | None:
    """Requests a minute that the API says it takes."""
    said = headers.get("anthropic-ratelimit-requests-limit", "")
    limit = float(said) if said.isdecimal() else 0.0
    return limit if 0 < limit < math.inf else None
