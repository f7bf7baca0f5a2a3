"""The `run:` block of params.yaml: the device, the pace of requests to an API, and their budget."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.settings.base import Block, Count, Name, Positive


class RunSettings(Block):
    """How stages run, not what they compute. So no stage lists these settings in its params."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Count | None = None
    """Threads of torch; null lets torch use every core."""
    mode: Literal["sync", "batch"] = "sync"
    """Whether an API is asked text by text (sync), or by Message Batches, which cost half and may take a day."""
    concurrency: Count = 8
    """Most requests to an API at the same time."""
    attempts: Count = 6
    """Most attempts of a request. Each answered attempt is paid. A row is an error if all its attempts fail."""
    timeout: Positive = 120.0
    """Seconds within which an API must have sent its whole answer."""
    backoff: Positive = 1.0
    """Seconds before the second attempt of a request. The wait doubles before each further attempt, up to a minute. An
    API's retry-after takes precedence."""
    poll: Positive = 30.0
    """Seconds between two requests for the state of a batch."""
    budget: dict[Name, Annotated[float, Field(ge=0)]] = {}
    """LLM -> the most that may ever be spent on it, in `cost.currency`. The ledger counts what was spent."""
