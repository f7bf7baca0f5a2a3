"""What may be claimed of pairs of contestants: who is better, and who is as good.

Three claims are tested of a pair: that the two differ (`p`), and that either is not worse than the other by the margin
(`p_as_good`, `p_reverse_as_good`: one-sided, doubled, so that all three are read from one interval). The pairs that
decide are tested one after the other, each at the full level, as they were fixed before the test rows were seen. All
claims of the other pairs are corrected together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

import numpy as np

from slingshot.files.pairs import UNRESOLVED, Claims, Difference, Pairs, Standing
from slingshot.metrics.power import error_and_reach, fewest_rows, inside, outside

Claim = Literal["p", "p_as_good", "p_reverse_as_good"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)


Ps = Mapping[Claim, float | None]
"""The p of each claim; None where it was not tested."""
_TURNED: dict[Claim, Claim] = {
    "p": "p",
    "p_as_good": "p_reverse_as_good",
    "p_reverse_as_good": "p_as_good",
}


class _Judgement(TypedDict):
    """The fields JUDGED of a difference."""

    p_corrected: float | None
    verdict: Standing
    reverse_verdict: Standing
    rows_to_resolve: int | None


def judged(pairs: Pairs, deciding: Sequence[tuple[str, str]] = ()) -> Pairs:
    """The pairs with their verdicts, and those of their recipes where they have `recipe`.

    `deciding` are the pairs that are not corrected, by their contestants' names. Contestants with the same predictions
    count once: what is said of one is said of the other. That they are as good is a claim too: on few rows two may be
    alike by chance. Claims of trained models and those of recipes are two families, each of which is corrected alone.
    """
    models = _Family.of(pairs.pairs, deciding)
    recipes = _Family.of([pair.of_recipe or pair for pair in pairs.pairs], deciding)
    differences = []
    for place, pair in enumerate(pairs.pairs):
        recipe = pair.recipe
        if recipe:
            recipe = recipe.model_copy(update={**recipes.judgement(place, pairs)})
        judgement = models.judgement(place, pairs)
        differences.append(pair.model_copy(update={**judgement, "recipe": recipe}))
    return pairs.model_copy(update={"pairs": tuple(differences)})


@dataclass(frozen=True)
class _Family:
    """Pairs whose claims are corrected together, but for those that decide."""

    pairs: Sequence[Difference]
    twins: Mapping[str, str]
    """What `_twins` gives."""
    places: Mapping[frozenset[str], int]
    """Two contestants -> the place of their pair."""
    deciding: frozenset[int]
    """Places of the pairs that decide."""
    adjusted: Mapping[int, Ps]
    """Place -> the corrected p-values, of the pairs that share the level."""

    @classmethod
    def of(cls, pairs: Sequence[Difference], deciding: Sequence[tuple[str, str]]) -> _Family:
        twins = _twins(pairs)
        places = {frozenset((pair.a, pair.b)): place for place, pair in enumerate(pairs)}
        firsts = [frozenset(twins.get(name, name) for name in names) for names in deciding]
        alone = frozenset(places[names] for names in firsts if names in places)
        sharing = []
        for place, pair in enumerate(pairs):
            tested = pair.same or not twins.keys() & {pair.a, pair.b}
            if place not in alone and tested and pair.p is not None:
                sharing.append(place)
        adjusted = dict(zip(sharing, corrected([pairs[place] for place in sharing]), strict=True))
        return cls(pairs, twins, places, alone, adjusted)

    def judgement(self, place: int, pairs: Pairs) -> _Judgement:
        """Of the pair at `place`. Its claims are those of the first contestants with these predictions."""
        pair = self.pairs[place]
        a, b = (self.twins.get(name, name) for name in (pair.a, pair.b))
        tested = self.places.get(frozenset((a, b)), place)
        ps = self.adjusted.get(tested, p_values(self.pairs[tested]))
        if self.pairs[tested].a != a:
            ps = {claim: ps[_TURNED[claim]] for claim in CLAIMS}
        judgement: _Judgement = {
            "p_corrected": ps["p"],
            "verdict": UNRESOLVED,
            "reverse_verdict": UNRESOLVED,
            "rows_to_resolve": None,
        }
        if pairs.undecidable:
            return judgement
        level = round(1 - pairs.confidence, 12)
        standings = verdicts(pair.difference, ps, level)
        judgement["verdict"], judgement["reverse_verdict"] = standings
        judgement["rows_to_resolve"] = rows_to_resolve(
            pair.model_copy(update={**judgement}),
            pairs.test_rows,
            pairs.margin,
            level,
            1 if tested in self.deciding else max(1, len(self.adjusted)),
        )
        return judgement


def _twins(pairs: Sequence[Difference]) -> dict[str, str]:
    """Contestant -> the first one with the same predictions, of those that have one before them."""
    twins: dict[str, str] = {}
    for pair in pairs:
        if pair.same:
            twins.setdefault(pair.b, twins.get(pair.a, pair.a))
    return twins


def p_values(claims: Claims) -> dict[Claim, float | None]:
    """Of a difference's claims, before any correction."""
    return {
        "p": claims.p,
        "p_as_good": claims.p_as_good,
        "p_reverse_as_good": claims.p_reverse_as_good,
    }


def corrected(claims: Sequence[Claims]) -> list[dict[Claim, float]]:
    """The adjusted p-values of all claims of the pairs, step-down.

    This is Holm's procedure (1979) with the multiplier of Shaffer (1986, section 2): the most hypotheses that may still
    be true. Of a pair at most one is, as two that do not differ are not apart by the margin. So the multiplier is the
    number of pairs that still have an open claim.
    """
    order = sorted(
        (_p(ps, claim), place, claim)
        for place, ps in enumerate(map(p_values, claims))
        for claim in CLAIMS
    )
    open_claims = [len(CLAIMS)] * len(claims)
    adjusted: list[dict[Claim, float]] = [{} for _ in claims]
    running = 0.0
    for p, place, claim in order:
        running = max(running, min(1.0, sum(number > 0 for number in open_claims) * p))
        adjusted[place][claim] = running
        open_claims[place] -= 1
    return adjusted


def verdicts(difference: float | None, ps: Ps, level: float) -> tuple[Standing, Standing]:
    """What a is against b, and b against a. `difference` is a - b.

    A loss that is sure to be smaller than the margin is as good.
    """
    if difference is None or ps["p"] is None:
        return UNRESOLVED, UNRESOLVED
    differ = ps["p"] < level
    lead = difference if differ else 0.0
    as_good, reverse_as_good = (
        _p(ps, claim) < level for claim in ("p_as_good", "p_reverse_as_good")
    )
    return _standing(lead, as_good), _standing(-lead, reverse_as_good)


def _standing(lead: float, as_good: bool) -> Standing:
    """Of one side, by its lead, 0 where the two may not differ, and whether it is surely not behind by the margin."""
    if lead > 0:
        return "better"
    if as_good:
        return "as good"
    return "worse" if lead < 0 else UNRESOLVED


def _p(ps: Ps, claim: Claim) -> float:
    """Of a claim; 1 where there is none, as what was not tested is not shown."""
    p = ps[claim]
    return 1.0 if p is None else p


def rows_to_resolve(
    pair: Difference, rows: int, margin: float, level: float, tested: int = 1
) -> int | None:
    """Test rows with which neither side would be left unresolved in POWER of the studies, were the difference truly as
    measured on `rows`. None where the judged `pair` is resolved, or has no interval, or no number would do.

    `tested` pairs share the level.
    """
    if UNRESOLVED not in (pair.verdict, pair.reverse_verdict):
        return None
    difference, variances = pair.difference, pair.variances
    if difference is None or variances is None or variances.rows.value <= 0:
        return None

    def power(number: int) -> float:
        se, reach = error_and_reach(variances, number / rows, level / tested)
        # One is better beyond `reach`; both are as good within margin - reach.
        better = outside(difference, se, -reach, reach)
        return better + inside(difference, se, margin - reach, reach)

    return fewest_rows(power, rows)


def rows_to_decide(
    pair: Difference, rows: int, margin: float, level: float, first_is_cheaper: bool | None
) -> int | None:
    """Test rows with which the pair would decide in POWER of the studies: one is better, or the cheaper one as good.

    None where there is no interval, or no number would do.
    """
    difference, variances = pair.difference, pair.variances
    if difference is None or variances is None or variances.rows.value <= 0:
        return None

    def power(number: int) -> float:
        se, reach = error_and_reach(variances, number / rows, level)
        low = -reach if first_is_cheaper is not False else np.maximum(-reach, margin - reach)
        high = reach if not first_is_cheaper else np.minimum(reach, reach - margin)
        return outside(difference, se, low, high)

    return fewest_rows(power, rows)
