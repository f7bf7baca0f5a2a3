"""What `decision` in params.yaml requires of a contestant beside its score, and whether it meets that."""

from __future__ import annotations

from slingshot.report import total
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, significant
from slingshot.settings import Settings

ENOUGH_TEXTS = 100
"""Single texts on which a latency must rest to put a contestant out: as many as hardware.LATENCY_TEXTS."""


def misses(contestant: Contestant, settings: Settings) -> str | None:
    """What it misses of what `decision` requires; None where it meets all."""
    required, currency = settings.decision, settings.cost.currency
    if required.latency_p95 is not None:
        latency = contestant.cost.latency_p95
        if latency is None:
            return "its latency was not measured"
        if latency > required.latency_p95 and thin_latency(contestant, settings) is None:
            return f"95 of 100 texts take it up to {significant(latency)} s, more than {required.latency_p95:g}"
    if required.monthly_budget is not None and required.monthly_texts is not None:
        if contestant.total is None:
            return "its cost per 1,000 texts is unknown"
        month = contestant.total.prediction / total.terms(settings).months
        if month > required.monthly_budget:
            texts, budget = f"{required.monthly_texts:,}", f"{required.monthly_budget:g}"
            return f"{texts} texts a month cost {currency} {significant(month)}, more than {budget}"
    return None


def thin_latency(contestant: Contestant, settings: Settings) -> str | None:
    """Why a required latency does not put it out; None where nothing of the kind stands in the way."""
    required, cost = settings.decision.latency_p95, contestant.cost
    texts = cost.latency_texts or 0
    if required is None or cost.latency_p95 is None or texts >= ENOUGH_TEXTS:
        return None
    return (
        f"95 of 100 texts take it up to {significant(cost.latency_p95)} s, by {count(texts)} single texts, "
        f"but {ENOUGH_TEXTS} are needed"
    )
