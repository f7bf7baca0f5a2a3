"""What would decide an undecided verdict, in words."""

from __future__ import annotations

from slingshot.files.pairs import Difference
from slingshot.files.verdict import Verdict
from slingshot.report.inputs import Results
from slingshot.report.numbers import rounded
from slingshot.report.verdict import cheaper
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


def what_would_decide(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    """One sentence, or none if no contestant is left to compare."""
    title = METRICS[settings.metrics.primary].title
    if decided.pair is None:
        words = f"Validation rows on which {title} is defined may decide it, or another metrics.primary."
        return [words] if decided.unranked else []
    pair = decided.pair
    if pair.difference is None:
        return [f"Test rows on which {title} is defined may decide it, or another metrics.primary."]
    if pair.low is None:
        return ["Test rows from more groups would decide it; so few groups resolve nothing."]
    if pair.p is None:
        return ["More test rows of the rare classes may decide it, or another metrics.primary."]
    small, large = (results.named(name) for name in (decided.small, decided.large))
    if "as good" in (pair.verdict, pair.reverse_verdict) and cheaper(small, large) is None:
        return ["Better figures on which of the two costs less would decide it."]
    return [_more(results, decided, pair)]


def _more(results: Results, decided: Verdict, pair: Difference) -> str:
    """A sentence about the rows, labels or seeds that would decide."""
    labels = ""
    if decided.labels_to_decide:
        labels = (
            f"about {rounded(decided.labels_to_decide)} training labels, by the fitted curve, might"
        )
    seeds = pair.variances is not None and bool(pair.variances.training)
    measured = " and the variation between training seeds" if seeds else ""
    if decided.rows_to_decide:
        grouped = 2 * results.pairs.groups < results.pairs.test_rows
        where = ", in as many more groups," if grouped else ""
        besides = f"; {labels} too" if labels else ""
        return (
            f"About {rounded(decided.rows_to_decide)} test rows{where} would decide it in 80 of 100 studies if the "
            f"difference{measured} held{besides}."
        )
    if labels:
        return f"{labels[0].upper()}{labels[1:]} decide it."
    more = "; more training seeds may" if decided.seeds_may_decide else ""
    return (
        f"No number of test rows would decide it in 80 of 100 studies if the difference{measured} "
        f"held{more}."
    )
