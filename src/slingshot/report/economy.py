"""The page's tables of costs: of each contestant, and of each pair.

The formulas are in money.month; report.total gives the months. page/sliders.py gives the page the input for other
numbers.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from slingshot.money import month as monthly
from slingshot.money.month import Terms, Work
from slingshot.report import total
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, amount, count, per_million, percent
from slingshot.report.total import BILLINGS, horizon_words, terms, with_labels
from slingshot.settings import Settings

UNKNOWN, ALIKE = "a price is not known", "both cost the same"
CLOSE = "the costs of their texts can't be told apart"
LISTED = tuple(BILLINGS.items())[1:]
"""The prices of an API other than the billed price."""


def works(results: Results, settings: Settings) -> dict[str, Work | None]:
    """Contestant -> the resources that it needs; None if neither machine seconds nor tokens are known.

    A cascade's seconds are split: those of its small model, and the rest for its LLM.
    """
    small = {cascade.name: cascade.small for cascade in settings.study.cascades}
    seconds = {c.name: c.cost.machine_seconds_per_1000_texts for c in results.contestants}
    return {
        c.name: _work(c, (seconds.get(small.get(c.name, "")) or 0.0) * small_reads(c))
        for c in results.shown
    }


def small_reads(contestant: Contestant) -> float:
    """The share of a cascade's seeds under which its small model reads the texts, so without seeds whose LLM always
    answers."""
    seeds = contestant.cascade.seeds if contestant.cascade else ()
    return sum(seed.threshold is not None for seed in seeds) / len(seeds) if seeds else 0.0


def _work(contestant: Contestant, of_small: float) -> Work | None:
    whole = total.work(contestant.cost)
    if whole is None:
        return None
    own = {"model": whole.seconds, "llm": 0.0}.get(contestant.kind, min(whole.seconds, of_small))
    return replace(whole, seconds=own, llm_seconds=whole.seconds - own)


def costs(results: Results, settings: Settings) -> Grid:
    """A table of training, labels and prediction, and of the totals, at the prices of params.yaml."""
    start, known = terms(settings), works(results, settings)
    texts = count(start.texts)
    return Grid(
        heading="What each costs",
        caption=(
            f"In {settings.cost.currency}. Training and labels are paid once. Prediction is per million texts, and per "
            "million of the contestant's own tokens. By the month: prediction alone. In all: over "
            f"{horizon_words(settings.decision)} each."
        ),
        columns=(
            "Contestant",
            "Training, once",
            "Labels, once",
            "Per million texts",
            "Per million tokens",
            *(name for _, (_, name) in LISTED),
            "Spread of the timing",
            f"{texts} a month, by use",
            f"{texts} a month, always on",
            "In all, without labels",
            "In all, with labels",
        ),
        rows=tuple(_cost_row(c, known[c.name], start) for c in results.shown),
        notes=_cost_notes(settings, start),
    )


def _cost_row(contestant: Contestant, work: Work | None, start: Terms) -> tuple[str, ...]:
    cost, spread = contestant.cost, contestant.cost.machine_seconds_spread
    months = [
        monthly.month(work, replace(start, always_on=on)) if work else None for on in (False, True)
    ]
    return (
        contestant.label,
        amount(cost.train_cost),
        amount(cost.labelling_cost),
        amount(per_million(cost.cost_per_1000_texts)),
        amount(cost.cost_per_million_tokens),
        *(amount(per_million(getattr(cost, key))) for _, (key, _) in LISTED),
        MISSING if spread is None else percent(round(spread, 4)),
        *(amount(month.prediction if month else None) for month in months),
        *(amount(value) for value in total.both(contestant.total)),
    )


def _cost_notes(settings: Settings, start: Terms) -> tuple[str, ...]:
    counted = "with labels" if settings.decision.count_labels else "without labels"
    return (
        "Labels: labels of training rows, or shots, and of the validation rows that choose. Labels of test rows don't "
        "count, because any comparison needs them.",
        f"In all: training and prediction on {total.machine(settings)}. The sum {counted} decides who is cheaper "
        "(decision.count_labels).",
        "Spread: the standard error of the machine's seconds, as a share of them. It comes from parts of one run. "
        f"Seconds may be off by {total.ERRORS:g} times the spread, and by at least {percent(total.LEAST)}, because one "
        "run sees one load. Costs that differ by less can't be told apart.",
        "A dash under training: prompted, not trained. A dash under a list price: no tokens are billed, or this "
        "API has no such price.",
        f"By use: the hours worked are paid, at {percent(start.utilisation)} utilisation. Always on: whole machines "
        f"are paid for {monthly.HOURS:.0f} hours a month.",
    )


def break_evens(results: Results, settings: Settings) -> Grid | None:
    """A table of the number of texts from which a higher one-off cost has paid for itself; None with fewer than two
    contestants."""
    start, known = with_labels(settings), works(results, settings)
    rows = []
    for a, b in combinations(results.shown, 2):
        texts, words = in_words(a.title, b.title, known[a.name], known[b.name], start)
        if words not in (UNKNOWN, ALIKE) and not total.predictions_apart(a.total, b.total):
            texts, words = MISSING, CLOSE
        rows.append((a.label, b.label, texts, words))
    if not rows:
        return None
    paid = "always on, over the months of the totals" if start.always_on else "paid by use"
    return Grid(
        heading="Break-even",
        caption=(
            "The number of texts, in all, at which two contestants have cost the same, training and labels included. "
            f"The machine is {paid}."
        ),
        columns=("First", "Second", "Texts", "Who is cheaper"),
        rows=tuple(rows),
        notes=("This counts money alone. The tables of scores and pairs say who is better.",),
    )


def in_words(a: str, b: str, first: Work | None, second: Work | None, at: Terms) -> tuple[str, str]:
    """The break-even of the contestants titled `a` and `b`, in texts of all months, and what it means."""
    lines = [monthly.line(work, at) if work else None for work in (first, second)]
    if first is None or second is None or lines[0] is None or lines[1] is None:
        return MISSING, UNKNOWN
    fixed, per_text = (monthly.apart(x, y) for x, y in zip(lines[0], lines[1], strict=True))
    if not fixed and not per_text:
        return MISSING, ALIKE
    texts = monthly.break_even(first, second, at)
    if texts is None:
        return MISSING, f"{a if (fixed, per_text) < (0, 0) else b} is cheaper at any number"
    below, above = (a, b) if fixed < 0 else (b, a)
    return count(texts * at.months), f"{below} is cheaper below, {above} above"
