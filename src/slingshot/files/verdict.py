"""report/verdict.json: the decision of each data set, with the figures that it rests on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slingshot.files.notes.verdicts import Kind, Miss, Reason, Unranked
from slingshot.files.pairs import Difference
from slingshot.files.storage.record import Record

Decision = Literal["fine-tune", "prompt", "cascade", "undecided", "no comparison"]


class Horizon(Record):
    """The months and texts for which costs are added up."""

    months: float
    months_assumed: bool
    """Whether params.yaml names no number of months."""
    texts: float
    """Texts in a month."""
    texts_assumed: bool
    """Whether params.yaml names no number of texts."""


class TotalCost(Record):
    """A contestant's cost over all months, in `cost.currency`."""

    prediction: float
    noise: float | None
    """How far prediction and training may be off; None where the spread of their timing is not known."""
    training: float
    labels: float
    """The cost of the labels of training and validation rows, or of shots."""
    without_labels: float
    with_labels: float


class PayBack(Record):
    """When the contestant that costs more at first has paid for itself against the other."""

    dearer: str
    other: str
    more: float
    """How much more it costs at first."""
    texts: float | None
    """The number of texts after which it has paid for itself; None where no such number is known."""


class Verdict(Record):
    """One data set's entry; `small`, `large` and `cascade` are contestants' names."""

    decision: Decision
    choice: str | None
    small: str | None
    large: str | None
    cascade: str | None
    deciding: tuple[tuple[str, str], ...] = ()
    """The pairs that are tested one after the other at the full level. The claims for all other pairs are corrected
    together."""
    pair: Difference | None = None
    """`small` against `large`."""
    cascade_pairs: tuple[Difference, ...] = ()
    """The cascade against `small` and against `large`."""
    small_cost_per_1000_texts: float | None = None
    large_cost_per_1000_texts: float | None = None
    excluded: dict[str, Miss] = Field(default_factory=dict)
    unranked: dict[str, Unranked] = Field(default_factory=dict)
    shared: dict[Kind, int] = Field(default_factory=dict)
    """Kind -> the number of validation rows that all contestants of the kind answered, where some answered more."""
    rows_to_decide: int | None = None
    """Estimated test rows that would decide the pair. None where it is decided, or no number would decide it."""
    seeds_may_decide: bool = False
    """Whether more training seeds may decide the pair, where no number of test rows would."""
    labels_to_decide: int | None = None
    """Estimated training rows from which the small model would be chosen; None where there is no estimate."""
    horizon: Horizon | None = None
    totals: dict[str, TotalCost] = Field(default_factory=dict)
    """Contestant -> its total cost, if its prices are known."""
    pay_back: PayBack | None = None
    """For `small` and `large`."""
    reasons: tuple[Reason, ...] = ()
    words: str = ""
    """At most four sentences for people."""
