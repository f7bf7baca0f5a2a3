"""The counts of a run: they grow while it goes on, the progress bar shows them, and the last message reports them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """The counts of a run so far. `tell` is called at each change."""

    tell: Callable[[], None] = lambda: None
    answered: int = 0
    replayed: int = 0
    tokens: int = 0
    cost: float = 0.0
    """In the price's currency."""
    failed: dict[str, str] = field(default_factory=dict)
    """Request -> why it has no answer."""
    stopped: str | None = None
    """Why the run ended before everything was asked."""
    all_failed: bool = False
    """Whether it ended because every request had failed."""
    budget_reached: bool = False
    interrupted: bool = False

    def replay(self, answers: int) -> None:
        self.replayed += answers
        self.tell()

    def count(self, tokens: dict[str, int], cost: float) -> None:
        self.answered += 1
        self.tokens += sum(tokens.values())
        self.cost += cost
        self.tell()
