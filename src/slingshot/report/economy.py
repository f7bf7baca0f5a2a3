"""What contestants cost, apart and against each other: the tables of the page, and the figures that its sliders move.

The formulas are those of money.month, over the months that report.total says; `payload` hands the page what it needs
to apply them to other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from typing import Any

from slingshot.money import month as monthly
from slingshot.money.month import Terms, Work
from slingshot.report import total
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, percent, significant
from slingshot.report.section import Section
from slingshot.report.total import BILLINGS, horizon, terms, with_labels
from slingshot.settings import Settings

UNKNOWN, ALIKE = "a price is not known", "both cost the same"
VOLUMES = tuple(10.0**power for power in range(2, 9))
"""Monthly texts of the cost surface."""
MONTHS = (1.0, 2.0, 3.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 60.0)
"""Stops of their slider."""
UTILISATIONS = tuple(round(share / 10, 1) for share in range(10, 0, -1))


def works(results: Results, settings: Settings) -> dict[str, Work | None]:
    """Contestant -> what it takes; None where neither machine seconds nor tokens are known.

    A cascade's seconds beyond those of its small model are its LLM's.
    """
    small = {cascade.name: cascade.small for cascade in settings.study.cascades}
    seconds = {c.name: c.cost.machine_seconds_per_1000_texts for c in results.contestants}
    return {
        c.name: _work(c, (seconds.get(small.get(c.name, "")) or 0.0) * small_reads(c))
        for c in results.contestants
    }


def small_reads(contestant: Contestant) -> float:
    """The share of a cascade's seeds under which its small model reads the texts: not where the LLM always answers."""
    thresholds = [row["threshold"] for row in (contestant.cascade or {}).get("seeds") or []]
    return (
        sum(threshold is not None for threshold in thresholds) / len(thresholds)
        if thresholds
        else 0.0
    )


def _work(contestant: Contestant, of_small: float) -> Work | None:
    whole = total.work(contestant.cost)
    if whole is None:
        return None
    own = {"model": whole.seconds, "llm": 0.0}.get(contestant.kind, min(whole.seconds, of_small))
    return replace(whole, seconds=own, llm_seconds=whole.seconds - own)


def costs(results: Results, settings: Settings) -> Grid:
    """Training, labels and prediction apart, and the totals, at the prices of params.yaml."""
    currency, start = settings.cost.currency, terms(settings)
    taken = works(results, settings)
    use, always = (f"{count(start.texts)} a month, {how}" for how in ("by use", "always on"))
    counted = "with the labels" if settings.decision.count_labels else "without labels"
    return Grid(
        heading="What each costs",
        caption=(
            f"{currency}. Training and labels are paid once; prediction is per 1,000 texts, and per million of the "
            f"contestant's own tokens. By the month: prediction alone. In all: over {horizon(settings.decision)} each."
        ),
        columns=(
            *(
                "Contestant",
                "Training, once",
                "Labels, once",
                "Per 1,000 texts",
                "Per million tokens",
            ),
            *(name for _, name in list(BILLINGS.values())[1:]),
            *("Spread of the timing", use, always, "In all, without labels", "In all, with labels"),
        ),
        rows=tuple(_cost_row(c, taken[c.name], start) for c in results.contestants),
        notes=(
            "Labels are those of training rows, or shots, and of the validation rows by which was chosen. Those of "
            "test rows are not counted: any comparison needs them, whoever wins.",
            f"In all: training and prediction on {total.machine(settings)}. The sum {counted} decides who is cheaper "
            "(decision.count_labels).",
            "The spread is the standard error of the machine's seconds over them, from parts of one run. Seconds may "
            f"be off by {total.ERRORS:g} times that, and by {percent(total.LEAST)} at least, as one run does not see "
            "another load; costs nearer than that can't be told apart.",
            f"{MISSING} under training: prompted, not trained. {MISSING} under a list price: no tokens are billed, or "
            "this API's price is not listed so.",
            f"By use pays the hours worked, at {percent(start.utilisation)} utilisation; always on pays whole machines "
            f"for {monthly.HOURS:.0f} hours a month.",
        ),
    )


def _cost_row(contestant: Contestant, work: Work | None, start: Terms) -> tuple[str, ...]:
    cost, spread = contestant.cost, contestant.cost.machine_seconds_spread
    keys = ("train_cost", "labelling_cost", "cost_per_1000_texts", "cost_per_million_tokens")
    months = [work and monthly.month(work, replace(start, always_on=on)) for on in (False, True)]
    return (
        contestant.title,
        *(significant(getattr(cost, key)) for key in keys),
        *(significant(getattr(cost, key)) for key, _ in list(BILLINGS.values())[1:]),
        MISSING if spread is None else percent(round(spread, 4)),
        *(significant(month.prediction if month else None) for month in months),
        *(significant(value) for value in total.both(contestant.total)),
    )


def break_evens(results: Results, settings: Settings) -> Grid | None:
    """The number of texts, over all time, from which a dearer start has paid for itself; None under two contestants."""
    start = with_labels(settings)
    rows = []
    taken = works(results, settings)
    for a, b in combinations(results.contestants, 2):
        texts, words = in_words(a.name, b.name, taken[a.name], taken[b.name], start)
        if words not in (UNKNOWN, ALIKE) and not total.predictions_apart(a.total, b.total):
            texts, words = MISSING, "the cost of their texts can't be told apart"
        rows.append((a.name, b.name, texts, words))
    if not rows:
        return None
    return Grid(
        heading="Break-even",
        caption=(
            f"Texts, in all, at which two contestants have cost the same, training and labels included; "
            f"{'always on, over the months of the totals' if start.always_on else 'by use'}."
        ),
        columns=("First", "Second", "Texts", "So"),
        rows=tuple(rows),
        notes=("By the sum alone: how good they are stands in the tables of scores and pairs.",),
    )


def in_words(a: str, b: str, first: Work | None, second: Work | None, at: Terms) -> tuple[str, str]:
    """The break-even of `a` and `b`, in texts of all months, and what it means."""
    if first is None or second is None:
        return MISSING, UNKNOWN
    lines = monthly.line(first, at), monthly.line(second, at)
    if lines[0] is None or lines[1] is None:
        return MISSING, UNKNOWN
    fixed, per_text = (monthly.apart(x, y) for x, y in zip(lines[0], lines[1], strict=True))
    if not fixed and not per_text:
        return MISSING, ALIKE
    texts = monthly.break_even(first, second, at)
    if texts is None:
        return MISSING, f"{a if (fixed, per_text) < (0, 0) else b} is cheaper at any number"
    below, above = (a, b) if fixed < 0 else (b, a)
    return count(texts * at.months), f"{below} is cheaper below, {above} above"


def pair(section: Section, known: Mapping[str, Work | None]) -> tuple[str, str] | None:
    """The two that the surface compares at first: those of the verdict, else the first two, if what they take is
    known."""
    verdict, names = section.verdict, [name for name, work in known.items() if work]
    if verdict.small in names and verdict.large in names:
        return str(verdict.small), str(verdict.large)
    return (names[0], names[1]) if len(names) > 1 else None


def surface(small: Work, large: Work, at: Terms) -> list[dict[str, Any]]:
    """By monthly texts and utilisation: the cost of `large` over that of `small`, and the flip price; None unknown."""
    cells = []
    for utilisation in UTILISATIONS:
        for texts in VOLUMES:
            here = replace(at, texts=texts, utilisation=utilisation)
            months = monthly.month(small, here), monthly.month(large, here)
            known = (
                months[0] is not None
                and months[1] is not None
                and months[0].total > 0
                and months[1].total > 0
            )
            cells.append(
                {
                    "texts": texts,
                    "utilisation": utilisation,
                    "ratio": months[1].total / months[0].total
                    if known and months[0] and months[1]
                    else None,
                    "flip": monthly.flip_price(small, large, here),
                }
            )
    return cells


def payload(
    sections: Mapping[str, Section], settings: Settings, claim: Mapping[str, Any]
) -> dict[str, Any]:
    """What page.js needs: every contestant's work, where sliders start, and where they stop."""
    start = terms(settings)
    return {
        "currency": settings.cost.currency,
        "hours": monthly.HOURS,
        "volumes": VOLUMES,
        "utilisations": UTILISATIONS,
        "terms": asdict(start),
        "claim": {
            key: claim[key] for key in ("llm_per_million", "hourly_price", "tokens_per_second")
        },
        "datasets": {
            name: {
                "pair": pair(section, known := works(section.results, settings)),
                "works": {n: work and asdict(work) for n, work in known.items()},
                "titles": {c.name: c.title for c in section.results.contestants},
            }
            for name, section in sections.items()
        },
    }


def stops(low: float, high: float, *own: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from `low` to `high`, and a slider's own start among them."""
    powers = range(-6, 10)
    round_ones = (float(f"{n}e{power}") for power in powers for n in (1, 2, 5))
    return sorted({*(stop for stop in round_ones if low <= stop <= high), *own})


def sliders(start: Terms, claim: Mapping[str, Any], currency: str) -> list[dict[str, Any]]:
    """The page's range inputs: `key` in Terms (or in the claim), label, unit and stops; `at` is the first stop."""
    shares = [round(share / 20, 2) for share in range(1, 21)]
    held: Sequence[tuple[str, str, str, list[float], float]] = (
        ("texts", "Texts a month", "", stops(100, 1e8, start.texts), start.texts),
        (
            "hourly_price",
            "An hour of the machine",
            currency,
            stops(0.01, 100, start.hourly_price),
            start.hourly_price,
        ),
        (
            "utilisation",
            "Utilisation",
            "%",
            sorted({*shares, start.utilisation}),
            start.utilisation,
        ),
        (
            "label_price",
            "A label",
            currency,
            stops(0.01, 10, 0.0, start.label_price),
            start.label_price,
        ),
        ("months", "Months to write off over", "", sorted({*MONTHS, start.months}), start.months),
        ("llm_factor", "LLM's price, times", "×", stops(0.001, 1000), start.llm_factor),
    )
    of_claim: Sequence[tuple[str, str, str, list[float], float]] = (
        (
            "llm_per_million",
            "LLM, a million input tokens",
            "EUR",
            stops(0.05, 100, claim["llm_per_million"]),
            0.0,
        ),
        (
            "hourly_price",
            "An hour of the machine",
            "EUR",
            stops(0.05, 100, claim["hourly_price"]),
            0.0,
        ),
        (
            "tokens_per_second",
            "Tokens that it reads a second",
            "",
            stops(100, 1e6, claim["tokens_per_second"]),
            0.0,
        ),
    )
    made = [(*slider[:4], slider[4], "terms") for slider in held]
    made += [(*slider[:4], float(claim[slider[0]]), "claim") for slider in of_claim]
    return [
        {
            "key": key,
            "label": label,
            "unit": unit,
            "stops": steps,
            "at": steps.index(value),
            "group": group,
        }
        for key, label, unit, steps, value, group in made
    ]
