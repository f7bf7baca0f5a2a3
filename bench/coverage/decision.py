"""How often the decision is right: its power, its false claims, what it makes of a trifle, and whether the test rows
that it advises are enough.

All is judged by metrics.rule and report.verdict. Two contestants of 80% differ on 23 of 100 rows. The rule promises
that false claims of each of the two pairs that decide are as rare as of any 95% interval, that those of all other pairs
together are, and so are decisions that rest on a false claim. What these add up to stands beside them, without a bound.
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
"""Of false claims, and two standard errors of such a share of 2,000: a test at its full level has just that share."""
TRIFLE = {840: np.inf, 2000: np.inf, 20_000: 0.1, 50_000: 0.01}
"""Test rows, and the most that prompt though the LLM is but a point ahead. Few rows can't tell that from a loss beyond
the margin, and then a significant lead decides."""
ENOUGH = (0.75, 0.85)
"""Share of second studies that decide with the rows advised, which are meant for 0.8."""
ROWS = 840
LEADS = {0.03: 0.43, 0.04: 0.65, 0.05: 0.85}
"""Of the small model, and the least share of studies that find it better."""
GAIN = 0.2
"""By which that share is higher at least than with the claims of all pairs corrected."""
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
    # what is false: the most that it may be
    "deciding pair": LEVEL + NOISE,
    "cascade's pair": LEVEL + NOISE,
    "either of these pairs": np.inf,
    "what the decision rests on": LEVEL + NOISE,
    "all other pairs": LEVEL,
    "all pairs": np.inf,
    '"as good", all pairs': LEVEL,
}


def judge(contest: Contest, generator: np.random.Generator) -> tuple[Pairs, Verdict, Pairs]:
    """What metrics/pairs holds, the decision, and the pairs as it read them."""
    names = list(contest.true)
    found = contests.pairs(names, contests.only(contests.draw(generator, contest)), contest.rows)
    return found, *contests.decided(found, names, contest.cheaper, contest.asked)


def power(contest: Contest, number: int) -> tuple[bool, bool]:
    """Whether the small model is said to be better: by the rule, and with the claims of all pairs corrected."""
    found, _, told = judge(contest, stream(f"power, {contest}", number))
    return _pair(told, SMALL, LARGE).verdict == "better", _pair(
        rule.judged(found), SMALL, LARGE
    ).verdict == "better"


def _pair(pairs: Pairs, a: str, b: str) -> Difference:
    pair = pairs.find(a, b)
    assert pair is not None
    return pair


def errors(contest: Contest, number: int) -> tuple[bool, ...]:
    """Whether there is a false claim, by FLAGS."""
    _, decision, told = judge(contest, stream(f"errors, {contest}", number))
    alike = {} if contest.asked else {CASCADE: SMALL}
    first, *second = (frozenset(pair) for pair in decision.deciding)
    false: dict[str, set[str]] = {"first": set(), "second": set(), "others": set()}
    for pair in told.pairs:
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
    """Which words about the pair are false."""
    lead = round(true[pair.a] - true[pair.b], 9)
    told = ((pair.verdict, lead), (pair.reverse_verdict, -lead))
    least = {"better": 0.0, "as good": -MARGIN}
    return {word for word, ahead in told if word and word in least and ahead <= least[word]}


def _steps(decision: Verdict) -> list[tuple[str, str]]:
    """Who was taken over whom."""
    taken = decision.deciding[1][1] if decision.deciding[1:] else decision.choice
    steps = [(taken, LARGE if taken == SMALL else SMALL)] if taken else []
    return [*steps, (CASCADE, taken)] if taken and decision.choice == CASCADE else steps


def _unfounded(taken: str, other: str, contest: Contest) -> bool:
    """Whether it is no better, and not cheaper, or behind by the margin."""
    by_price = {
        SMALL: [SMALL, CASCADE, LARGE],
        LARGE: [LARGE, SMALL, CASCADE],
        None: [other, taken],
    }[contest.cheaper]
    lead = round(contest.true[taken] - contest.true[other], 9)
    return lead <= (-MARGIN if by_price.index(taken) < by_price.index(other) else 0.0)


@dataclass(frozen=True)
class First:
    """A study of kinds of rows: who has each right, shape (contestants, kinds), and how many rows are of each. A second
    study draws its rows from these, so that what was measured is true."""

    names: tuple[str, ...]
    right: np.ndarray
    counts: np.ndarray
    cheaper: str | None

    def again(self, rows: int, number: int) -> tuple[Verdict, Pairs]:
        drawn = stream(f"{self.counts}, {rows}", number).multinomial(
            rows, self.counts / self.counts.sum()
        )
        found = contests.pairs(self.names, contests.only(self.right, drawn), rows)
        return contests.decided(found, self.names, self.cheaper, contests.ASKED)


def two(only_small: int, only_large: int, cheaper: str | None, rows: int = ROWS) -> First:
    """Of the small model and the LLM."""
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
    """The first study itself, judged by the library from its rows on."""
    held = contests.scored(first.names, np.repeat(first.right, first.counts, axis=1))
    found = pairs.compare(held, "simulated", contests.settings().metrics)
    return contests.decided(found, first.names, first.cheaper, contests.ASKED)


def trifle(first: First, rows: int, number: int) -> tuple[bool, ...]:
    """Whether it is decided to fine-tune, or to prompt, and whether the LLM's lead is significant: once that came
    first."""
    decision, told = first.again(rows, number)
    return (
        decision.decision == "fine-tune",
        decision.decision == "prompt",
        _pair(told, LARGE, SMALL).verdict == "better",
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
"""By the small model's lead in a first study that decides nothing."""
DECIDED = two(93, 76, SMALL)
"""It gives one to take, but does not say who is better."""
FIVE = Contest(ROWS, 0.83, 0.75, (0.8, 0.81), 0.84)


def figures(run: Simulations) -> Iterator[Figure]:
    for lead in (0.05,) if run.quick else LEADS:
        contest = Contest(ROWS, 0.8 + lead, 0.8, (0.74 + lead, 0.77 + lead), 0.81 + lead)
        found, plain = run.each(power, contest).mean(axis=0)
        case = f"small ahead by {100 * lead:.0f} points"
        yield Figure(case, "better: its pair first", found, LEADS[lead])
        yield Figure(case, "better: all pairs corrected", plain)
        yield Figure(case, "gained", found - plain, GAIN)
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
