"""What Anthropic's API sends back, read and checked: messages, batches, and how long it wants to be left alone."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any

from slingshot.llm.api import BatchState, RetryError

LONGEST_WAIT = 3600.0
"""Seconds that a retry-after is believed for."""


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
    """The reply, in characters that a file can hold. Raises RetryError where it is no message: nobody knows then what
    was billed."""
    try:
        counted = all(isinstance(number, int) and number >= 0 for number in tokens(response).values())
        whole = counted and all(isinstance(block, dict) for block in response["content"])
    except (AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise RetryError("the reply is no message of the Messages API", known=False)
    held: dict[str, Any] = json.loads(json.dumps(response, ensure_ascii=False).encode(errors="replace"))
    return held


def batch_state(batch: Any) -> BatchState:
    """What the SDK's batch says of itself."""
    counts = batch.request_counts
    done = counts.succeeded + counts.errored + counts.canceled + counts.expired
    ended = batch.processing_status == "ended"
    return BatchState(batch.id, ended, done + counts.processing, done, batch.created_at.timestamp())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the API asks to be left alone, from either header, in seconds or as a date."""
    milliseconds, said = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    try:
        seconds = float(milliseconds) / 1000 if milliseconds else float(said) if said else None
    except ValueError:
        date = email.utils.parsedate_tz(said)
        seconds = email.utils.mktime_tz(date) - time.time() if date else None
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)
