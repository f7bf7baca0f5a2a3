"""The counts of a run, for its progress bar and its last message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """The counts of a run so far."""

    tell: Callable[[], None] = lambda: None
    """A function that is called at each change."""
    answered: int = 0
    replayed: int = 0
    tokens: int = 0
    cost: float = 0.0
    """In the price's currency."""
    failed: dict[str, str] = field(default_factory=dict)
    """Request -> why it has no answer."""
    stopped: str | None = None
    """Why the run ended early."""
    all_failed: bool = False
    """Whether the run ended because all requests failed."""
    budget_reached: bool = False
    interrupted: bool = False

    def replay(self, answers: int) -> None:
        """Count answers that were stored already."""
        self.replayed += answers
        self.tell()

    def count(self, tokens: dict[str, int], cost: float) -> None:
        """Count an answer from the API."""
        self.answered += 1
        self.tokens += sum(tokens.values())
        self.cost += cost
        self.tell()
