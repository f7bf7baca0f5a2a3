"""The requirements of `decision` in params.yaml, and whether a contestant meets them."""

from __future__ import annotations

from slingshot.files.notes.verdicts import Miss, NotMeasured, OverBudget, ThinLatency, TooSlow
from slingshot.report import total
from slingshot.report.inputs import Contestant
from slingshot.settings import Settings

ENOUGH_TEXTS = 100
"""A latency must come from this many single texts to exclude a contestant: as many as hardware.LATENCY_TEXTS."""


def misses(contestant: Contestant, settings: Settings) -> Miss | None:
    """The first requirement of `decision` that it misses; None if it meets all."""
    required = settings.decision
    if required.latency_p95 is not None:
        latency = contestant.cost.latency_p95
        if latency is None:
            return NotMeasured(code="latency_unknown")
        if latency > required.latency_p95 and thin_latency(contestant, settings) is None:
            return TooSlow(seconds=latency, allowed=required.latency_p95)
    if required.monthly_budget is not None and required.monthly_texts is not None:
        if contestant.total is None:
            return NotMeasured(code="price_unknown")
        month = contestant.total.prediction / total.terms(settings).months
        if month > required.monthly_budget:
            return OverBudget(
                texts=required.monthly_texts,
                cost=month,
                budget=required.monthly_budget,
                currency=settings.cost.currency,
            )
    return None


def thin_latency(contestant: Contestant, settings: Settings) -> ThinLatency | None:
    """Why a required latency can't exclude it; None if it can."""
    limit, latency = settings.decision.latency_p95, contestant.cost.latency_p95
    texts = contestant.cost.latency_texts or 0
    if limit is None or latency is None or texts >= ENOUGH_TEXTS:
        return None
    return ThinLatency(seconds=latency, texts=int(texts), needed=ENOUGH_TEXTS)
