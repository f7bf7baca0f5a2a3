"""The choice within one kind, by the primary metric on the validation rows that all contestants of that kind
answered."""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.files.notes.verdicts import Kind, Unranked
from slingshot.report.inputs import Contestant

KINDS: tuple[Kind, ...] = ("model", "llm", "cascade")


def best(contestants: Sequence[Contestant]) -> Contestant | None:
    """The contestant with the highest figure on the rows that all contestants with a figure answered; the first at a
    tie. A single contestant needs no figure. None if there is no contestant, or if several have no figure."""
    if len(contestants) == 1:
        return contestants[0]
    rows = _rows(contestants)
    ranked = [contestant for contestant in contestants if contestant.validation]
    return max(ranked, key=lambda contestant: contestant.validation[rows], default=None)


def shared(left: Sequence[Sequence[Contestant]]) -> dict[Kind, int]:
    """Kind -> the number of rows that all of it answered, for kinds of which some contestants answered more."""
    rows_of: dict[Kind, int] = {}
    for kind, contestants in zip(KINDS, left, strict=True):
        rows = _rows(contestants)
        if any(max(contestant.validation, default=0) > rows for contestant in contestants):
            rows_of[kind] = rows
    return rows_of


def unranked(left: Sequence[Sequence[Contestant]]) -> dict[str, Unranked]:
    """Contestant -> why it has no figure that could choose it, for kinds of which several contestants are left."""
    several = [
        contestant for contestants in left if len(contestants) > 1 for contestant in contestants
    ]
    return {contestant.name: why for contestant in several if (why := unmeasured(contestant))}


def unmeasured(contestant: Contestant) -> Unranked | None:
    """Why it has no figure on validation rows; None if it has one."""
    return None if contestant.validation else contestant.intervals.validation_reason


def _rows(contestants: Sequence[Contestant]) -> int:
    """The number of rows that all contestants with a figure answered: the least of their highest numbers of rows. Each
    of them has a figure on that number of rows (metrics.validation)."""
    return min(
        (max(contestant.validation) for contestant in contestants if contestant.validation),
        default=0,
    )
