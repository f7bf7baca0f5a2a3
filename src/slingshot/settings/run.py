"""The `run:` block of params.yaml: on what machine and at what pace things are run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.settings.base import Block, Count, Name, Positive


class RunSettings(Block):
    """How, not what: no stage lists it in its params."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Count | None = None
    """Of torch; null leaves it to torch, which takes every core."""
    mode: Literal["sync", "batch"] = "sync"
    """Whether an API is asked text by text, or by Message Batches, which cost half and may take a day."""
    concurrency: Count = 8
    """Requests to an API at a time."""
    attempts: Count = 6
    """Of a request, each paid where it was answered; then its row is an error."""
    timeout: Positive = 120.0
    """Seconds in which an API must have answered whole."""
    backoff: Positive = 1.0
    """Seconds before a failed request's second attempt, doubled for each further one up to a minute; an API's
    retry-after comes first."""
    poll: Positive = 30.0
    """Seconds between looks at a batch."""
    budget: dict[Name, Annotated[float, Field(ge=0)]] = {}
    """LLM -> the most that may ever be spent on it, in `cost.currency`, counted in the state folder."""
