"""Notes of report/verdict.json: why a contestant is chosen, or takes no part.

A note has contestants' names as in params.yaml; `said` puts their titles in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note, plural
from slingshot.files.notes.figures import NeedsScores, NoValidationRows, OneClass
from slingshot.files.notes.pairs import RareClasses

Kind = Literal["model", "llm", "cascade"]
KINDS: dict[Kind, tuple[str, str]] = {
    "model": ("model", "models"),
    "llm": ("LLM", "LLMs"),
    "cascade": ("cascade", "cascades"),
}
"""Kind -> its name in the singular and in the plural."""
_STANDS = {
    "better": "is better than {other}",
    "as_good": "is as good as {other}",
    "within_margin": "is behind {other} by less than the margin",
    "cheaper": "is cheaper",
    "as_good_but_dearer": "is as good as {other}, but costs more",
}
_PLAIN = {
    "no_figures": "the two have no figures that can be compared",
    "unresolved": "neither is shown to be better, or as good",
    "only_cascade_meets": "only the cascade meets what `decision` requires",
    "cost_unknown": "which of the two costs less is not known",
    "timing_unknown": "which of the two costs less is not known, because the spread of their timing is not",
    "costs_alike": "their costs can't be told apart",
}


class Stands(Note):
    """How a contestant compares with another."""

    code: Literal["better", "as_good", "within_margin", "cheaper", "as_good_but_dearer"]
    contestant: str
    other: str

    @property
    def words(self) -> str:
        return self.said({})

    def said(self, titles: Mapping[str, str]) -> str:
        """With the contestants' titles."""
        return f"{titles.get(self.contestant, self.contestant)} {self.clause(titles)}"

    def clause(self, titles: Mapping[str, str]) -> str:
        """Without the contestant's own name: `is better than Gemma`."""
        return _STANDS[self.code].format(other=titles.get(self.other, self.other))


class Plain(Note):
    """A reason that needs no values."""

    code: Literal[
        "no_figures",
        "unresolved",
        "only_cascade_meets",
        "cost_unknown",
        "timing_unknown",
        "costs_alike",
    ]

    @property
    def words(self) -> str:
        return _PLAIN[self.code]


class Empty(Note):
    """The study has no contestant of a kind."""

    code: Literal["empty"] = "empty"
    kind: Kind

    @property
    def words(self) -> str:
        return f"study.{KINDS[self.kind][1].lower()} is empty"


class NoChoice(Note):
    """No contestant of a kind has a figure on validation rows."""

    code: Literal["no_choice"] = "no_choice"
    kind: Kind

    @property
    def words(self) -> str:
        return f"no {KINDS[self.kind][0]} can be chosen"


class NoneMeets(Note):
    """No contestant of some kinds meets what `decision` requires."""

    code: Literal["none_meets"] = "none_meets"
    kinds: tuple[Kind, ...]

    @property
    def words(self) -> str:
        kinds = " and ".join(f"no {KINDS[kind][0]}" for kind in self.kinds)
        return f"{kinds} meets what `decision` requires"


class NotMeasured(Note):
    """A requirement that a contestant was not measured on."""

    code: Literal["latency_unknown", "price_unknown"]

    @property
    def words(self) -> str:
        if self.code == "latency_unknown":
            return "its latency was not measured"
        return "its cost of prediction is not known"


class TooSlow(Note):
    code: Literal["too_slow"] = "too_slow"
    seconds: float
    """Within which 95 of 100 single texts are answered."""
    allowed: float

    @property
    def words(self) -> str:
        return (
            f"it needs up to {self.seconds:.3g} s for 95 of 100 texts, more than {self.allowed:g} s"
        )


class ThinLatency(Note):
    """A latency over the limit that was timed on too few texts to exclude the contestant."""

    code: Literal["thin_latency"] = "thin_latency"
    seconds: float
    texts: int
    needed: int

    @property
    def words(self) -> str:
        return (
            f"it needs up to {self.seconds:.3g} s for 95 of 100 texts, but that was timed on "
            f"{plural(self.texts, 'single text')}, and {self.needed} are needed"
        )


class OverBudget(Note):
    code: Literal["over_budget"] = "over_budget"
    texts: int
    cost: float
    budget: float
    currency: str

    @property
    def words(self) -> str:
        return (
            f"{self.texts:,} texts a month cost {self.currency} {self.cost:,.2f}, "
            f"more than {self.budget:,.2f}"
        )


Reason = Annotated[
    Stands | Plain | Empty | NoChoice | NoneMeets | RareClasses, Field(discriminator="code")
]
Miss = Annotated[NotMeasured | TooSlow | OverBudget, Field(discriminator="code")]
"""A requirement of `decision` that a contestant does not meet."""
Unranked = Annotated[NeedsScores | OneClass | NoValidationRows, Field(discriminator="code")]
"""Why a contestant could not be chosen among others."""
