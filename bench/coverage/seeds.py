"""Training seeds: how often claims about recipes are false, how often the gate of `slingshot diff` fails an unchanged
recipe, and whether the advised test rows are enough if training varies too.

Each training of a recipe has its own true accuracy, normal around the recipe's. A row is right if its difficulty is low
enough: a normal variable that all trainings and both contestants partly share. With one seed, false claims from test
rows alone are shown too, as if the trained models were the recipes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from bench.coverage import Figure, Simulations, stream
from slingshot.commands.diff import compare
from slingshot.commands.diff.comparison import Comparison, Dataset, Diff
from slingshot.commands.diff.sides import Predicted
from slingshot.files.pairs import Difference, RowsVariance, VarianceFigures, Variances
from slingshot.metrics import pairs, rule
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored, SeedRun
from slingshot.settings import MetricsSettings

OPTIONS = MetricsSettings(
    primary="accuracy", margin=0.02, confidence=0.95, seed_sd=0.012, ece_bins=15
)
LEVEL = 0.05
MOST = 0.06
SPREAD = 0.01
"""True standard deviation of accuracy between trainings."""
RIGHT = 0.8
SHARED, OWN = 0.6, 0.25
"""Shares of a row's difficulty: common to all contestants, and common to all trainings of one recipe."""
GATED = 10
"""Contestants that the gate checks."""
FEW_ROWS, MOST_ROWS = 840, 100_000
"""Rows of a first study, and the most rows that are drawn for a second study: more would hardly change it."""
ADVISED = ((0.03, 0.005, 3), (0.02, 0.003, 3), (0.02, 0.006, 5))
"""Lead over an LLM, standard deviation between trainings, and seeds, for which test rows are advised."""
ROUGH = ((0.04, 0.01, 3), (0.05, 0.012, 3), (0.03, 0.012, 5))
"""The same if trainings vary as much as minilm's. A study's own seeds measure that only roughly, so fewer second
studies decide than intended, unless the true variation is as measured."""
MEASURED = 300
"""Studies of which the mean variances are used as the true variances."""
ENOUGH = (0.75, 0.85)
"""Bounds of the share of second studies that decide with the advised rows, which are meant for 0.8."""


@dataclass(frozen=True)
class Case:
    rows: int
    seeds: int
    rival: str
    """`LLM`, which is not trained, or `model`."""

    @property
    def name(self) -> str:
        return f"{self.rows:,} rows, {self.seeds} seeds, against {'an LLM' if self.rival == 'LLM' else 'a model'}"


CASES = tuple(
    Case(rows, seeds, rival)
    for rows in (840, 20_000)
    for seeds in (1, 3, 5)
    for rival in ("LLM", "model")
)


def draw(
    generator: np.random.Generator,
    shared: np.ndarray,
    right: float,
    seeds: int,
    spread: float = SPREAD,
) -> Scored:
    """Draw one contestant on rows with the common difficulty `shared`, shape (rows,). Without `spread` it is not
    trained."""
    rows = len(shared)
    own = np.sqrt(SHARED) * shared + np.sqrt(OWN) * generator.normal(size=rows)
    labels = np.zeros(rows, dtype=np.int64)
    runs = []
    for seed in range(seeds):
        hard = own + np.sqrt(1 - SHARED - OWN) * generator.normal(size=rows)
        accuracy = right + spread * generator.normal()
        runs.append(
            SeedRun(seed if spread else -1, np.where(hard < ndtri(accuracy), labels, 1), None)
        )
    return Scored(np.arange(rows), labels, np.arange(rows), "none", tuple(runs), {})


def simulate(case: Case, number: int) -> list[bool]:
    """Whether an equal recipe is called better or worse, and the same from test rows alone; and whether a recipe that
    is worse by the margin is called as good, and the same from test rows alone."""
    generator = stream(case.name, number)
    shared = generator.normal(size=case.rows)
    rival = draw(generator, shared, RIGHT, *((1, 0.0) if case.rival == "LLM" else (case.seeds,)))
    false_claims = []
    for right in (RIGHT, RIGHT - OPTIONS.margin):
        both = {"a": draw(generator, shared, right, case.seeds), "b": rival}
        pair = pairs.difference("a", "b", both, OPTIONS)
        claim: rule.Claim = "p" if right == RIGHT else "p_as_good"
        for claims in (pair.recipe or pair, pair):
            p = rule.p_values(claims)[claim]
            false_claims.append(p is not None and p < LEVEL)
    return false_claims


def gate(rows: int, seeds: int, number: int) -> bool:
    """Whether the gate reports a loss for any of GATED contestants that were only trained again."""
    generator = stream(f"gate, {rows} rows, {seeds} seeds", number)
    shared = generator.normal(size=rows)
    both = [
        [draw(generator, shared, RIGHT, seeds) for _ in ("now", "before")] for _ in range(GATED)
    ]

    def measured(places: Iterable[int]) -> list[Comparison]:
        comparisons = []
        for place in places:
            now, before = (Predicted(side, ["yes", "no"]) for side in both[place])
            comparisons.append(compare.measured(now, before, True, str(place), OPTIONS))
        return comparisons

    now, before = np.array([[_accuracy(one) for one in sides] for sides in both]).T
    if all(_p(one) >= LEVEL for one in measured(np.flatnonzero(before - now > OPTIONS.margin))):
        return False  # corrected p-values of all contestants take long and could not change that
    judged = Dataset("d", "both", tuple(compare.judged(measured(range(GATED)), OPTIONS)))
    return bool(replace(NOTHING, datasets=(judged,)).lost)


def _p(one: Comparison) -> float:
    return (one.difference and one.difference.p) or 0.0


def _accuracy(one: Scored) -> float:
    """Mean accuracy over seeds, faster than `value_of`, because each simulation has 20 sides."""
    return float(np.mean([run.predictions == one.labels for run in one.runs]))


Plan = tuple[float, float, int]
"""An entry of ADVISED or ROUGH."""


def ahead(lead: float, spread: float, seeds: int, rows: int, number: int) -> Difference:
    """The difference that one study measures between a model and an LLM, if the model is truly ahead by `lead`."""
    generator = stream(f"ahead by {lead}, {spread}, {rows} rows, {seeds} seeds", number)
    shared = generator.normal(size=rows)
    sides = {
        "a": draw(generator, shared, RIGHT + lead, seeds, spread),
        "b": draw(generator, shared, RIGHT, 1, 0.0),
    }
    return pairs.difference("a", "b", sides, OPTIONS)


def advised(plan: Plan, study: Difference) -> int | None:
    """The test rows that a first study of FEW_ROWS advises with its variances, if it has measured the true lead."""
    true = study.model_copy(update={"difference": plan[0]})
    return rule.rows_to_decide(true, FEW_ROWS, OPTIONS.margin, LEVEL, first_is_cheaper=None)


def as_measured(plan: Plan) -> int:
    """The test rows that a first study advises if its variances are the means of MEASURED studies."""
    studies = [ahead(*plan, FEW_ROWS, number) for number in range(MEASURED)]
    variances = [study.variances for study in studies if study.variances is not None]
    training = [sum(part.value for part in each.training) for each in variances]
    rows_value = float(np.mean([each.rows.value for each in variances]))
    means = Variances(
        rows=RowsVariance(value=rows_value, df=None, scatter=None),
        training=(VarianceFigures(value=float(np.mean(training)), df=plan[2] - 1),),
        noise=float(np.mean([each.noise for each in variances])),
    )
    rows = advised(plan, studies[0].model_copy(update={"variances": means}))
    assert rows is not None
    return rows


def follow(plan: Plan, number: int) -> tuple[float, bool]:
    """The rows advised by a first study's own variances, and whether a second study with that many rows decides; nan
    and False if no number of rows is enough."""
    rows = advised(plan, ahead(*plan, FEW_ROWS, number))
    return (np.nan, False) if rows is None else (rows, decides(plan, rows, number))


def decides(plan: Plan, rows: int, number: int) -> bool:
    """Whether a second study with `rows` test rows, in which all are trained again, calls the model better."""
    pair = ahead(*plan, min(rows, MOST_ROWS), number)
    return bool(
        pair.p is not None
        and pair.p < LEVEL
        and pair.difference is not None
        and pair.difference > 0
    )


NOTHING = Diff(
    "HEAD", "", "accuracy", "accuracy", OPTIONS.margin, OPTIONS.confidence, OPTIONS.seed_sd, ()
)


def figures(run: Simulations) -> Iterator[Figure]:
    for case in CASES[:2] if run.quick else CASES:
        better, by_rows, as_good, as_good_by_rows = run.each(simulate, case).mean(axis=0)
        yield Figure(case.name, "better or worse, though equal", float(better), most=MOST)
        if case.seeds < ENOUGH_SEEDS:
            yield Figure(case.name, "the same from test rows alone", float(by_rows))
        yield Figure(case.name, "as good, though worse by the margin", float(as_good), most=MOST)
        if case.seeds < ENOUGH_SEEDS:
            yield Figure(case.name, "the same from test rows alone", float(as_good_by_rows))
    gates = tuple((rows, seeds) for rows in (FEW_ROWS, 20_000) for seeds in (1, 3, 5))
    for rows, seeds in gates[: 1 if run.quick else None]:
        alarms = run.each(gate, rows, seeds).mean()
        yield Figure(
            f"{rows:,} rows, {seeds} seeds",
            f"{GATED} contestants trained again: alarm",
            float(alarms),
            most=MOST,
        )
    for plan in ADVISED[:1] if run.quick else (*ADVISED, *ROUGH):
        yield from _advice(run, plan)


def _advice(run: Simulations, plan: Plan) -> Iterator[Figure]:
    lead, spread, seeds = plan
    name = f"{100 * lead:g} points ahead, {100 * spread:g} between {seeds} seeds"
    rows, decided = run.each(follow, plan).T
    some = ~np.isnan(rows)
    bounds = (-np.inf, np.inf) if plan in ROUGH else ENOUGH
    yield Figure(name, "no number of rows advised", float(1 - some.mean()))
    yield Figure(name, "rows advised, the median", float(np.median(rows[some])))
    yield Figure(name, "decided with those advised", float(decided[some].mean()), *bounds)
    if plan in ROUGH:
        rows_then = as_measured(plan)
        share = float(run.each(decides, plan, rows_then).mean())
        yield Figure(name, "rows advised, were seeds as measured", rows_then)
        yield Figure(name, "decided with these", share, *ENOUGH)
