"""metrics/pairs/D.json: every two contestants of a data set and their difference on the same test rows.

`Difference` is what a paired difference is everywhere: in this file, in report/verdict.json and in `slingshot diff`.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from slingshot.files.notes.pairs import OfPair, OfPairs, RareClasses
from slingshot.files.storage.record import Record

Standing = Literal["better", "as good", "worse", "not resolved"]
UNRESOLVED: Standing = "not resolved"
JUDGED = ("p_corrected", "verdict", "reverse_verdict", "rows_to_resolve")
"""What metrics.rule makes of all pairs together. metrics/pairs does not hold these."""


class VarianceFigures(Record):
    value: float
    df: float | None
    """Degrees of freedom; None where the variance is known."""


class RowsVariance(VarianceFigures):
    scatter: float | None
    """The part that falls as 1 / rows; the rest, what few rows may hide, falls as 1 / rows^2. None where it is all."""


class Variances(Record):
    """What the interval is made of."""

    rows: RowsVariance
    """What test rows add."""
    training: tuple[VarianceFigures, ...]
    """What each side's training adds."""
    noise: float
    """How much of `training` is chance of the rows, and falls with them."""


class McNemar(Record):
    """McNemar's test of two fitted models."""

    seed_a: int
    seed_b: int
    only_a: int
    only_b: int
    p: float
    exact: bool


class Claims(Record):
    """What test rows say of a difference, a minus b. None where there is no interval, or too few rows for a claim.

    JUDGED, the last four, are None until metrics.rule has read all pairs.
    """

    low: float | None
    high: float | None
    variances: Variances | None
    p: float | None
    """That the two do not differ."""
    p_as_good: float | None
    """That a is worse by the margin."""
    p_reverse_as_good: float | None
    """That b is."""
    same: bool
    """Whether both say the same of every row."""
    p_corrected: float | None = None
    verdict: Standing | None = None
    """What a is against b."""
    reverse_verdict: Standing | None = None
    rows_to_resolve: int | None = None
    """Test rows that would resolve it. None where it is resolved, or no number would do."""

    def turned(self) -> Self:
        """Of b minus a."""
        return self.model_copy(update=self._turned())

    def _turned(self) -> dict[str, Any]:
        return {
            "low": _minus(self.high),
            "high": _minus(self.low),
            "p_as_good": self.p_reverse_as_good,
            "p_reverse_as_good": self.p_as_good,
            "verdict": self.reverse_verdict,
            "reverse_verdict": self.verdict,
        }


class Difference(Claims):
    """Contestant `a` minus contestant `b` on the primary metric; None where a side is undefined."""

    a: str
    b: str
    a_value: float | None
    b_value: float | None
    difference: float | None
    recipe: Claims | None
    """Claims of any training by the two recipes. None where the claims above are of the recipes already."""
    mcnemar: tuple[McNemar, ...]
    notes: tuple[OfPair, ...]

    @property
    def of_recipe(self) -> Difference | None:
        """The same difference with the claims of the recipes."""
        if self.recipe is None:
            return None
        return self.model_copy(update={**dict(self.recipe), "recipe": None, "notes": ()})

    def _turned(self) -> dict[str, Any]:
        return super()._turned() | {
            "a": self.b,
            "b": self.a,
            "a_value": self.b_value,
            "b_value": self.a_value,
            "difference": _minus(self.difference),
            "recipe": self.recipe.turned() if self.recipe else None,
            "mcnemar": tuple(_turned_test(test) for test in self.mcnemar),
        }


class Pairs(Record):
    primary: str
    margin: float
    confidence: float
    seed_sd: float
    groups: int
    """Of test rows."""
    test_rows: int
    undecidable: RareClasses | None
    """Why nothing is claimed of any pair."""
    notes: tuple[OfPairs, ...]
    pairs: tuple[Difference, ...]
    """Every two contestants, in the order of the study."""
    validation: dict[str, dict[str, float]]
    """Contestant -> number of validation rows -> its primary metric on the first so many."""

    def as_json(self) -> dict[str, Any]:
        """As the file holds them: without JUDGED."""
        judged = dict.fromkeys(JUDGED, True)
        pair: dict[str, bool | dict[str, bool]] = {**judged, "recipe": judged}
        return self.model_dump(mode="json", exclude={"pairs": {"__all__": pair}})

    def find(self, a: str, b: str) -> Difference | None:
        """`a` minus `b`, turned round where the file has b minus a; None where it has neither."""
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return pair
            if (pair.a, pair.b) == (b, a):
                return pair.turned()
        return None


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _turned_test(test: McNemar) -> McNemar:
    return test.model_copy(
        update={
            "seed_a": test.seed_b,
            "seed_b": test.seed_a,
            "only_a": test.only_b,
            "only_b": test.only_a,
        }
    )
