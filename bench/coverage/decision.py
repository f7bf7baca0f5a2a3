"""How often the decision is right: its power, its false claims, its answer to a tiny difference, and whether the test
rows that it advises are enough.

metrics.rule and report.verdict judge all pairs. Two contestants of 80% differ on 23 of 100 rows. The rule promises that
at most 5 of 100 studies have a false claim about the first deciding pair, about the second, about any of all other
pairs, and a decision based on a false claim. Shares of several of these together are shown without a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.coverage import Figure, Simulations, stream
from bench.coverage import contest as contests
from bench.coverage.contest import CASCADE, LARGE, SMALL, Contest
from slingshot.files.pairs import UNRESOLVED, Difference, Pairs
from slingshot.files.verdict import Verdict
from slingshot.metrics import pairs, rule

MARGIN = 0.02
"""metrics.margin in params.yaml."""
LEVEL, NOISE = 0.05, 0.01
"""The share of false claims of a test at its full level, and two standard errors of it in 2,000 studies."""
TRIFLE = {840: np.inf, 2000: np.inf, 20_000: 0.1, 50_000: 0.01}
"""Test rows -> the highest share of studies that prompt although the LLM is only a point ahead. With few rows, such a
lead may look larger than the margin, and then a significant lead decides."""
ENOUGH = (0.75, 0.85)
"""Bounds of the share of second studies that decide with the advised rows, which are meant for 0.8."""
ROWS = 840
LEADS = {0.03: 0.43, 0.04: 0.65, 0.05: 0.85}
"""Lead of the small model -> the lowest share of studies that find it better."""
GAIN = 0.2
"""That share must be higher by at least this than with the claims of all pairs corrected."""
EQUAL = Contest(ROWS, 0.8, 0.8, (0.8, 0.8), 0.8)
BEHIND = Contest(ROWS, 0.78, 0.8, (0.75, 0.78), 0.78)
LAST = Contest(ROWS, 0.8, 0.8, (0.78, 0.8), 0.78)
FOUR = Contest(ROWS, 0.78, 0.8, (0.78,) * 3)
AHEAD = Contest(ROWS, 0.82, 0.8, (0.79, 0.82), 0.82)
MANY = 20_000
TRUTHS = {
    "all equal": EQUAL,
    f"all equal, {MANY:,} rows": replace(EQUAL, rows=MANY),
    "all equal, no price known": replace(EQUAL, cheaper=None),
    "small as large, others differ": Contest(ROWS, 0.8, 0.8, (0.74, 0.77), 0.81),
    "small, cascade behind by the margin": BEHIND,
    f"the same, {MANY:,} rows": replace(BEHIND, rows=MANY),
    "large behind by the margin": AHEAD,
    "the same, large cheaper": replace(AHEAD, cheaper=LARGE),
    "cascade behind by the margin": LAST,
    f"the same cascade, {MANY:,} rows": replace(LAST, rows=MANY),
    "small far ahead, cascade as small": Contest(ROWS, 0.84, 0.74, (0.8, 0.84), 0.84),
    "all equal, cascade identical to small": replace(EQUAL, asked=0.0),
    "four models behind by the margin": FOUR,
    f"the same four, {MANY:,} rows": replace(FOUR, rows=MANY),
}
FLAGS = {
    # where a claim is false: the highest share of studies
    "deciding pair": LEVEL + NOISE,
    "cascade's pair": LEVEL + NOISE,
    "either of these pairs": np.inf,
    "what the decision rests on": LEVEL + NOISE,
    "all other pairs": LEVEL,
    "all pairs": np.inf,
    '"as good", all pairs': LEVEL,
}


def judge(contest: Contest, generator: np.random.Generator) -> tuple[Pairs, Verdict, Pairs]:
    """The contents of metrics/pairs, the decision, and the pairs as judged for it."""
    names = list(contest.true)
    drawn = contests.pairs(names, contests.only(contests.draw(generator, contest)), contest.rows)
    return drawn, *contests.decided(drawn, names, contest.cheaper, contest.asked)


def power(contest: Contest, number: int) -> tuple[bool, bool]:
    """Whether the small model is called better: by the rule, and with the claims of all pairs corrected."""
    drawn, _, judged = judge(contest, stream(f"power, {contest}", number))
    return _pair(judged, SMALL, LARGE).verdict == "better", _pair(
        rule.judged(drawn), SMALL, LARGE
    ).verdict == "better"


def _pair(pairs: Pairs, a: str, b: str) -> Difference:
    pair = pairs.find(a, b)
    assert pair is not None
    return pair


def errors(contest: Contest, number: int) -> tuple[bool, ...]:
    """Whether there is a false claim, for each of FLAGS."""
    _, decision, judged = judge(contest, stream(f"errors, {contest}", number))
    alike = {} if contest.asked else {CASCADE: SMALL}
    first, *second = (frozenset(pair) for pair in decision.deciding)
    false: dict[str, set[str]] = {"first": set(), "second": set(), "others": set()}
    for pair in judged.pairs:
        key = frozenset(alike.get(name, name) for name in (pair.a, pair.b))
        where = "first" if key == first else "second" if key in second else "others"
        false[where] |= _false(pair, contest.true)
    one, two, others = map(bool, false.values())
    rests = any(_unfounded(*step, contest) for step in _steps(decision))
    return (
        one,
        two,
        one or two,
        rests,
        others,
        one or two or others,
        "as good" in set().union(*false.values()),
    )


def _false(pair: Difference, true: dict[str, float]) -> set[str]:
    """The false verdicts about the pair."""
    lead = round(true[pair.a] - true[pair.b], 9)
    verdicts = ((pair.verdict, lead), (pair.reverse_verdict, -lead))
    least = {"better": 0.0, "as good": -MARGIN}
    return {word for word, ahead in verdicts if word and word in least and ahead <= least[word]}


def _steps(decision: Verdict) -> list[tuple[str, str]]:
    """The steps of the decision, as pairs (chosen contestant, rejected contestant)."""
    taken = decision.deciding[1][1] if decision.deciding[1:] else decision.choice
    steps = [(taken, LARGE if taken == SMALL else SMALL)] if taken else []
    return [*steps, (CASCADE, taken)] if taken and decision.choice == CASCADE else steps


def _unfounded(taken: str, other: str, contest: Contest) -> bool:
    """Whether `taken` is truly not better than `other`, and is also not cheaper, or is behind by the margin."""
    by_price = {
        SMALL: [SMALL, CASCADE, LARGE],
        LARGE: [LARGE, SMALL, CASCADE],
        None: [other, taken],
    }[contest.cheaper]
    lead = round(contest.true[taken] - contest.true[other], 9)
    return lead <= (-MARGIN if by_price.index(taken) < by_price.index(other) else 0.0)


@dataclass(frozen=True)
class First:
    """A first study, by kinds of rows: which contestants have each kind right, shape (contestants, kinds), and the
    number of rows of each kind. A second study draws its rows from these, so the first study's figures are true."""

    names: tuple[str, ...]
    right: np.ndarray
    counts: np.ndarray
    cheaper: str | None

    def again(self, rows: int, number: int) -> tuple[Verdict, Pairs]:
        drawn = stream(f"{self.counts}, {rows}", number).multinomial(
            rows, self.counts / self.counts.sum()
        )
        pairs = contests.pairs(self.names, contests.only(self.right, drawn), rows)
        return contests.decided(pairs, self.names, self.cheaper, contests.ASKED)


def two(only_small: int, only_large: int, cheaper: str | None, rows: int = ROWS) -> First:
    """A first study of the small model and the LLM."""
    right = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool)
    both = round(0.7 * rows)
    counts = np.array([both, only_small, only_large, rows - both - only_small - only_large])
    return First((SMALL, LARGE), right, counts, cheaper)


def of_contest(contest: Contest, number: int) -> First:
    right, counts = np.unique(
        contests.draw(np.random.default_rng(number), contest), axis=1, return_counts=True
    )
    return First(tuple(contest.true), right, counts, contest.cheaper)


def advised(first: First) -> tuple[Verdict, Pairs]:
    """The decision of the first study, computed by the library from its rows."""
    scored = contests.scored(first.names, np.repeat(first.right, first.counts, axis=1))
    compared = pairs.compare(scored, "simulated", contests.settings().metrics)
    return contests.decided(compared, first.names, first.cheaper, contests.ASKED)


def trifle(first: First, rows: int, number: int) -> tuple[bool, ...]:
    """Whether the decision is to fine-tune, whether it is to prompt, and whether the LLM's lead is significant, which
    decided in an earlier rule."""
    decision, judged = first.again(rows, number)
    return (
        decision.decision == "fine-tune",
        decision.decision == "prompt",
        _pair(judged, LARGE, SMALL).verdict == "better",
    )


def decides(first: First, rows: int, number: int) -> bool:
    return first.again(rows, number)[0].choice is not None


def resolves(first: First, rows: int, a: str, b: str, number: int) -> bool:
    pair = _pair(first.again(rows, number)[1], a, b)
    return UNRESOLVED not in (pair.verdict, pair.reverse_verdict)


FIRSTS = {
    "2.0 points, no price known": two(93, 76, None),
    "2.0 points, large cheaper": two(93, 76, LARGE),
    "1.1 points, large cheaper": two(89, 80, LARGE),
    "0 points, small cheaper": two(84, 84, SMALL),
    "-1.1 points, small cheaper": two(80, 89, SMALL),
    "-3.0 points, small cheaper": two(72, 97, SMALL),
    "0 points of 65 rows, small cheaper": two(1, 1, SMALL, 65),
    "3.0 points of 100 rows, no price known": two(5, 2, None, 100),
    "0 points of 300 rows, small cheaper": two(6, 6, SMALL, 300),
}
"""First studies that decide nothing, named by the small model's lead."""
DECIDED = two(93, 76, SMALL)
"""A first study that chooses a contestant, but does not say which is better."""
FIVE = Contest(ROWS, 0.83, 0.75, (0.8, 0.81), 0.84)


def figures(run: Simulations) -> Iterator[Figure]:
    for lead in (0.05,) if run.quick else LEADS:
        contest = Contest(ROWS, 0.8 + lead, 0.8, (0.74 + lead, 0.77 + lead), 0.81 + lead)
        first, corrected = run.each(power, contest).mean(axis=0)
        case = f"small ahead by {100 * lead:.0f} points"
        yield Figure(case, "better: its pair first", first, LEADS[lead])
        yield Figure(case, "better: all pairs corrected", corrected)
        yield Figure(case, "gained", first - corrected, GAIN)
    for case in ("all equal",) if run.quick else TRUTHS:
        for (what, most), share in zip(
            FLAGS.items(), run.each(errors, TRUTHS[case]).mean(axis=0), strict=True
        ):
            bounded = what != '"as good", all pairs' or TRUTHS[case].cascade is None
            yield Figure(case, f"false: {what}", share, most=most if bounded else np.inf)
    for rows in (20_000,) if run.quick else TRIFLE:
        tuned, prompted, before = run.each(trifle, two(835, 935, SMALL, 10_000), rows).mean(axis=0)
        case = f"small behind by 1 point, {rows:,} rows"
        yield Figure(case, "fine-tune", tuned)
        yield Figure(case, "prompt", prompted, most=TRIFLE[rows])
        yield Figure(case, "prompt, a significant lead first", before)
    yield from _advice(run)


def _advice(run: Simulations) -> Iterator[Figure]:
    for case, first in list(FIRSTS.items())[: 1 if run.quick else None]:
        rows = advised(first)[0].rows_to_decide
        assert rows is not None
        yield Figure(case, "rows advised to decide", rows)
        yield Figure(case, "decided with these", run.each(decides, first, rows).mean(), *ENOUGH)
    for study in (DECIDED,) if run.quick else (DECIDED, of_contest(FIVE, 0)):
        for pair in advised(study)[1].pairs:
            a, b, rows = pair.a, pair.b, pair.rows_to_resolve
            if rows is not None and pair.difference is not None:
                case = f"{a}, {b}, of {len(study.names)}: {100 * pair.difference:.1f} points"
                yield Figure(case, "rows advised to resolve", rows)
                yield Figure(
                    case,
                    "resolved with these",
                    run.each(resolves, study, rows, a, b).mean(),
                    *ENOUGH,
                )
