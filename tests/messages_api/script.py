"""What a test tells the loopback Messages API to say, and what to let go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SPENT = "You have reached your monthly spend limit. You will regain access when it is raised or the month ends."


@dataclass(frozen=True)
class Reply:
    """What the model says. output_tokens None: counted from the content."""

    content: list[dict[str, Any]]
    stop_reason: str = "end_turn"
    output_tokens: int | None = None


def text(words: str) -> Reply:
    return Reply([{"type": "text", "text": words}])


def thinking_then(words: str) -> Reply:
    thought = {
        "type": "thinking",
        "thinking": "Both readings are possible.",
        "signature": "c2lnbmF0dXJl",
    }
    return Reply([thought, {"type": "text", "text": words}])


def refusal() -> Reply:
    return Reply([], "refusal")


def truncated(words: str) -> Reply:
    return Reply([{"type": "text", "text": words}], "max_tokens")


def empty() -> Reply:
    return Reply([])


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. billed: the server did the work before its answer was lost."""

    kind: str
    code: int = 0
    seconds: float = 0.0
    retry_after: float | None = None
    message: str | None = None
    billed: bool = False
    after: bool = False

    @classmethod
    def status(
        cls, code: int, retry_after: float | None = None, message: str | None = None
    ) -> Fault:
        return cls("status", code=code, retry_after=retry_after, message=message)

    @classmethod
    def spend_limit(cls) -> Fault:
        """429 without retry-after: waiting does not help."""
        return cls("status", code=429, message=SPENT)

    @classmethod
    def hang(cls, seconds: float, billed: bool = False) -> Fault:
        """No byte for that long, then the connection closes."""
        return cls("hang", seconds=seconds, billed=billed)

    @classmethod
    def slow(cls, seconds: float) -> Fault:
        """The usual answer, after that long; billed whether or not the client waited."""
        return cls("slow", seconds=seconds)

    @classmethod
    def drop(cls, after: bool = False, billed: bool = False) -> Fault:
        """Closed before any byte; `after`: for a batch, once it was made."""
        return cls("drop", after=after, billed=billed)

    @classmethod
    def cut(cls, billed: bool = False) -> Fault:
        return cls("cut", billed=billed)

    @classmethod
    def malformed(cls, billed: bool = False) -> Fault:
        return cls("malformed", billed=billed)

    @classmethod
    def wrong_shape(cls, billed: bool = False) -> Fault:
        return cls("wrong_shape", billed=billed)

    @classmethod
    def endless(cls, billed: bool = False) -> Fault:
        """White space, a byte each 50 ms: no read ever times out."""
        return cls("endless", billed=billed)

    @classmethod
    def echo_key(cls) -> Fault:
        """401 with the key in its message."""
        return cls("echo_key")
