"""What a run has come to: counted while it goes on, shown by its bar, and told at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What a run has come to. `tell` is called at each change."""

    tell: Callable[[], None] = lambda: None
    answered: int = 0
    replayed: int = 0
    tokens: int = 0
    cost: float = 0.0
    """In the price's currency."""
    failed: dict[str, str] = field(default_factory=dict)
    """Request -> why it has no answer."""
    stopped: str | None = None
    """Why the run ended before all was asked."""
    all_failed: bool = False
    """Whether that is why."""
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
