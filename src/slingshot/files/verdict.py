"""report/verdict.json: the decision of each data set, with the figures that it rests on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slingshot.files.notes.verdicts import Kind, Miss, Reason, Unranked
from slingshot.files.pairs import Difference
from slingshot.files.storage.record import Record

Decision = Literal["fine-tune", "prompt", "cascade", "undecided", "no comparison"]


class Horizon(Record):
    """Over which costs are added up; `assumed` where params.yaml names no number."""

    months: float
    months_assumed: bool
    texts: float
    """A month."""
    texts_assumed: bool


class TotalCost(Record):
    """Over all months, in `cost.currency`."""

    prediction: float
    noise: float | None
    """How far prediction and training may be off; None where the spread of their timing is not known."""
    training: float
    labels: float
    """Of training and validation rows, or shots."""
    without_labels: float
    with_labels: float


class PayBack(Record):
    """When the contestant that costs more at first has paid for itself against the other."""

    dearer: str
    other: str
    more: float
    """What it costs more at first."""
    texts: float | None
    """In all, after which that has paid off; None where no such number is known."""


class Verdict(Record):
    """One data set's entry; `small`, `large` and `cascade` are contestants' names."""

    decision: Decision
    choice: str | None
    small: str | None
    large: str | None
    cascade: str | None
    deciding: tuple[tuple[str, str], ...] = ()
    """The pairs that are tested one after the other at the full level; claims of all others are corrected together."""
    pair: Difference | None = None
    """`small` against `large`."""
    cascade_pairs: tuple[Difference, ...] = ()
    """The cascade against `small` and against `large`."""
    small_cost_per_1000_texts: float | None = None
    large_cost_per_1000_texts: float | None = None
    excluded: dict[str, Miss] = Field(default_factory=dict)
    unranked: dict[str, Unranked] = Field(default_factory=dict)
    shared: dict[Kind, int] = Field(default_factory=dict)
    """Kind -> the number of validation rows that all of it answered, where some answered more."""
    rows_to_decide: int | None = None
    """Estimated test rows; None where the pair is decided or no number of rows would do."""
    seeds_may_decide: bool = False
    """Whether more training seeds may decide the pair, where no number of rows would do."""
    labels_to_decide: int | None = None
    """Estimated training rows at which the small model would be chosen; None where that can't be said."""
    horizon: Horizon | None = None
    totals: dict[str, TotalCost] = Field(default_factory=dict)
    """Without those whose price is not known."""
    pay_back: PayBack | None = None
    """Of `small` and `large`."""
    reasons: tuple[Reason, ...] = ()
    words: str = ""
    """At most four sentences for people."""
