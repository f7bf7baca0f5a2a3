"""metrics/pairs/D.json: every two contestants of a data set and their difference on the same test rows.

`Difference` is the form of a paired difference in this file, in report/verdict.json and in `slingshot diff`.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from slingshot.files.notes.pairs import OfPair, OfPairs, RareClasses
from slingshot.files.storage.record import Record

Standing = Literal["better", "as good", "worse", "not resolved"]
UNRESOLVED: Standing = "not resolved"
JUDGED = ("p_corrected", "verdict", "reverse_verdict", "rows_to_resolve")
"""The keys that metrics.rule computes from all pairs together. metrics/pairs does not hold them."""


class VarianceFigures(Record):
    """A variance."""

    value: float
    df: float | None
    """Degrees of freedom; None where the variance is known."""


class RowsVariance(VarianceFigures):
    """A variance that comes from the choice of test rows."""

    scatter: float | None
    """The part that falls as 1 / rows. The rest, for what few rows may hide, falls as 1 / rows^2. None where there is
    no rest."""


class Variances(Record):
    """The variances that an interval is computed from."""

    rows: RowsVariance
    training: tuple[VarianceFigures, ...]
    """The variance between training runs, for each side."""
    noise: float
    """The part of `training` that comes from the choice of test rows, and falls with their number."""


class McNemar(Record):
    """McNemar's test of two trained models."""

    seed_a: int
    seed_b: int
    only_a: int
    """Test rows that only a predicts right."""
    only_b: int
    p: float
    exact: bool
    """Whether p comes from the exact test."""


class Claims(Record):
    """What test rows show about a difference, a minus b.

    Values are None where there is no interval, or too few rows for a claim. JUDGED, the last four, are None until
    metrics.rule has read all pairs.
    """

    low: float | None
    high: float | None
    variances: Variances | None
    p: float | None
    """The p-value of the hypothesis that the two do not differ."""
    p_as_good: float | None
    """The p-value of the hypothesis that a is worse by the margin."""
    p_reverse_as_good: float | None
    """The p-value of the hypothesis that b is worse by the margin."""
    same: bool
    """Whether both predict the same for every row."""
    p_corrected: float | None = None
    verdict: Standing | None = None
    """How a compares with b."""
    reverse_verdict: Standing | None = None
    """How b compares with a."""
    rows_to_resolve: int | None = None
    """Test rows that would resolve the pair. None where it is resolved, or no number of rows would resolve it."""

    def turned(self) -> Self:
        """The claims for b minus a."""
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
    """The claims about a and b averaged over trainings with their settings (their recipes). None where the claims
    above hold for these already."""
    mcnemar: tuple[McNemar, ...]
    notes: tuple[OfPair, ...]

    @property
    def of_recipe(self) -> Difference | None:
        """The same difference with the claims for the recipes."""
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
    """The whole file."""

    primary: str
    margin: float
    confidence: float
    seed_sd: float
    groups: int
    """Groups of test rows."""
    test_rows: int
    undecidable: RareClasses | None
    """Why there are no claims for any pair."""
    notes: tuple[OfPairs, ...]
    pairs: tuple[Difference, ...]
    """Every two contestants, in the order of the study."""
    validation: dict[str, dict[str, float]]
    """Contestant -> number of validation rows -> its primary metric on that many of the first validation rows."""

    def as_json(self) -> dict[str, Any]:
        """As in the file: without JUDGED."""
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
