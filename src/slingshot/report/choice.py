"""Who of one kind is chosen: by the primary metric on the validation rows that all of that kind answered."""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.files.notes.verdicts import Kind, Unranked
from slingshot.report.inputs import Contestant

KINDS: tuple[Kind, ...] = ("model", "llm", "cascade")


def best(contestants: Sequence[Contestant]) -> Contestant | None:
    """The highest figure on the rows that all with a figure answered, the first at a tie; what stands alone is the best
    whatever its figure. None where there is none, or of several none has a figure."""
    if len(contestants) == 1:
        return contestants[0]
    rows = _rows(contestants)
    ranked = [contestant for contestant in contestants if contestant.validation]
    return max(ranked, key=lambda contestant: contestant.validation[rows], default=None)


def shared(left: Sequence[Sequence[Contestant]]) -> dict[Kind, int]:
    """How many rows all answered, of each of KINDS of which some answered more."""
    rows_of: dict[Kind, int] = {}
    for kind, contestants in zip(KINDS, left, strict=True):
        rows = _rows(contestants)
        if any(max(contestant.validation, default=0) > rows for contestant in contestants):
            rows_of[kind] = rows
    return rows_of


def unranked(left: Sequence[Sequence[Contestant]]) -> dict[str, Unranked]:
    """Of each kind of which several are left, those without a figure to be chosen by, and why."""
    several = [
        contestant for contestants in left if len(contestants) > 1 for contestant in contestants
    ]
    return {contestant.name: why for contestant in several if (why := unmeasured(contestant))}


def unmeasured(contestant: Contestant) -> Unranked | None:
    """Why it has no figure on validation rows; None where it has."""
    return None if contestant.validation else contestant.intervals.validation_reason


def _rows(contestants: Sequence[Contestant]) -> int:
    """What all with a figure answered: of each, the most rows on which it has one. The least of these is among the
    numbers of rows of every other (metrics.validation)."""
    return min(
        (max(contestant.validation) for contestant in contestants if contestant.validation),
        default=0,
    )
