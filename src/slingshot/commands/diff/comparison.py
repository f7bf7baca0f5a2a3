"""The result of `slingshot diff`: each contestant of the work tree against the same contestant of a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from slingshot.files.pairs import Difference
from slingshot.settings.catalogue import METRICS

How = Literal["paired", "unpaired", "intervals", "same", "not compared", "new", "gone"]
TESTED = ("difference", "low", "high", "p", "p_as_good", "p_reverse_as_good", "p_corrected")
"""The fields of a difference in the JSON."""


@dataclass(frozen=True)
class Comparison:
    """One contestant. A figure is None if it is undefined or not known."""

    contestant: str
    how: How
    """The kind of comparison. `intervals`: unpaired, from the committed figures. `same`: the same predictions, not
    tested."""
    workspace: float | None = None
    revision: float | None = None
    difference: Difference | None = None
    """The workspace minus the revision; None if nothing was measured."""
    rows: int | None = None
    revision_rows: int | None = None
    shared_rows: int | None = None
    """Rows with the same id and label; None if a side's predictions are missing."""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A flat mapping, in which the fields of the difference are beside the others."""
        difference = dict(self.difference) if self.difference else {}
        return {
            "contestant": self.contestant,
            "how": self.how,
            "workspace": self.workspace,
            "revision": self.revision,
            **{key: difference.get(key) for key in (*TESTED, "verdict")},
            "rows": self.rows,
            "revision_rows": self.revision_rows,
            "shared_rows": self.shared_rows,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Dataset:
    dataset: str
    presence: Literal["both", "new", "gone"]
    comparisons: tuple[Comparison, ...] = ()
    """Empty unless both sides have the data set."""

    def as_json(self) -> dict[str, Any]:
        comparisons = [comparison.as_json() for comparison in self.comparisons]
        return {"dataset": self.dataset, "presence": self.presence, "comparisons": comparisons}


@dataclass(frozen=True)
class Diff:
    """The whole result of `slingshot diff`."""

    revision: str
    commit: str
    metric: str
    primary: str
    margin: float
    """Margin of the primary metric."""
    confidence: float
    seed_sd: float
    """Standard deviation of the primary metric between training seeds, assumed with fewer than three seeds."""
    datasets: tuple[Dataset, ...]

    @property
    def lower_is_better(self) -> bool:
        return METRICS[self.metric].lower_is_better

    @property
    def lost(self) -> list[str]:
        """Resolved, paired losses beyond the margin, as DATASET-CONTESTANT."""
        return self._named(self._is_lost)

    @property
    def gone(self) -> list[str]:
        """Data sets that only the revision has, and contestants that only the revision has in a shared data set."""
        datasets = [dataset.dataset for dataset in self.datasets if dataset.presence == "gone"]
        return [*datasets, *self._named(lambda comparison: comparison.how == "gone")]

    @property
    def not_paired(self) -> list[str]:
        """Contestants of both sides without a paired difference."""
        return self._named(_is_not_paired)

    @property
    def undecidable(self) -> list[str]:
        """Contestants with a paired difference about which nothing can be claimed, because there are too few groups of
        test rows, or classes have too few rows."""
        return self._named(_is_undecidable)

    def as_json(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "commit": self.commit,
            "metric": self.metric,
            "primary": self.primary,
            "margin": self.margin,
            "confidence": self.confidence,
            "seed_sd": self.seed_sd,
            "datasets": [dataset.as_json() for dataset in self.datasets],
            "lower_is_better": self.lower_is_better,
            "lost": self.lost,
            "not_paired": self.not_paired,
            "undecidable": self.undecidable,
            "gone": self.gone,
        }

    def _is_lost(self, comparison: Comparison) -> bool:
        difference = comparison.difference
        if comparison.how != "paired" or difference is None or difference.verdict != "worse":
            return False
        # A difference equal to the margin is not a loss. Without rounding, 0.02000000001 would be one.
        return round(abs(difference.difference or 0), 12) > self.margin

    def _named(self, chosen: Callable[[Comparison], bool]) -> list[str]:
        return [
            f"{dataset.dataset}-{comparison.contestant}"
            for dataset in self.datasets
            for comparison in dataset.comparisons
            if chosen(comparison)
        ]


def _is_not_paired(comparison: Comparison) -> bool:
    if comparison.how == "paired":
        return comparison.difference is None or comparison.difference.difference is None
    return comparison.how in ("unpaired", "intervals", "not compared")


def _is_undecidable(comparison: Comparison) -> bool:
    difference = comparison.difference
    if comparison.how != "paired" or difference is None:
        return False
    return difference.difference is not None and difference.p is None
