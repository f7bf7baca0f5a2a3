"""Claims about pairs of contestants: who is better, and who is as good.

Three claims are tested for a pair: that the two differ (`p`), and that each is not worse than the other by the margin
(`p_as_good`, `p_reverse_as_good`: one-sided and doubled, so that one interval shows all three). The pairs that decide
are tested one after the other, each at the full level, because they were fixed before the test rows were seen. All
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
"""The p of each claim; None if it was not tested."""
_TURNED: dict[Claim, Claim] = {
    "p": "p",
    "p_as_good": "p_reverse_as_good",
    "p_reverse_as_good": "p_as_good",
}
"""Each claim of a - b -> the claim of b - a that it equals."""


class _Judgement(TypedDict):
    """The fields of a difference that judging fills in."""

    p_corrected: float | None
    verdict: Standing
    reverse_verdict: Standing
    rows_to_resolve: int | None


def judged(pairs: Pairs, deciding: Sequence[tuple[str, str]] = ()) -> Pairs:
    """The pairs with their verdicts, and with the verdicts of their recipes if they have `recipe`.

    `deciding` names the contestants of the pairs that are not corrected. Contestants with the same predictions count
    once and get the same verdicts. That they are as good is a claim too, because on few rows two may be alike by
    chance. Claims about trained models and claims about recipes are two families; each is corrected on its own.
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
    """Pairs that are judged together. All but those that decide share one correction."""

    pairs: Sequence[Difference]
    twins: Mapping[str, str]
    """The result of `_twins`."""
    places: Mapping[frozenset[str], int]
    """Two contestants -> the place of their pair."""
    deciding: frozenset[int]
    """Places of the pairs that decide."""
    adjusted: Mapping[int, Ps]
    """Place -> the corrected p-values, for the pairs that share the level."""

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
        """Judge the pair at `place`. Its claims are those of the first contestants with these predictions."""
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
    """Contestant -> the first contestant with the same predictions; without contestants that are first themselves."""
    twins: dict[str, str] = {}
    for pair in pairs:
        if pair.same:
            twins.setdefault(pair.b, twins.get(pair.a, pair.a))
    return twins


def p_values(claims: Claims) -> dict[Claim, float | None]:
    """The p of each claim, before any correction."""
    return {
        "p": claims.p,
        "p_as_good": claims.p_as_good,
        "p_reverse_as_good": claims.p_reverse_as_good,
    }


def corrected(claims: Sequence[Claims]) -> list[dict[Claim, float]]:
    """The corrected p-values of all claims of the pairs, in their order.

    This is Holm's step-down procedure (1979) with the multiplier of Shaffer (1986, section 2): the most hypotheses that
    may still be true. At most one hypothesis of a pair is true, because contestants that do not differ are not apart by
    the margin. So the multiplier is the number of pairs that still have an open claim.
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
    """The verdict of a against b, and of b against a. `difference` is a - b.

    A contestant is as good if its loss is certainly smaller than the margin.
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
    """The verdict of one side. `lead` is 0 if the two may be equal. `as_good`: the side is certainly not behind by the
    margin."""
    if lead > 0:
        return "better"
    if as_good:
        return "as good"
    return "worse" if lead < 0 else UNRESOLVED


def _p(ps: Ps, claim: Claim) -> float:
    """The p of a claim; 1 if it was not tested, because an untested claim is not shown."""
    p = ps[claim]
    return 1.0 if p is None else p


def rows_to_resolve(
    pair: Difference, rows: int, margin: float, level: float, tested: int = 1
) -> int | None:
    """Test rows with which both sides would be resolved in POWER of the studies, if the true difference is as measured
    on `rows`. None if the judged `pair` is resolved, has no interval, or no number of rows is enough.

    `tested` pairs share the level.
    """
    if UNRESOLVED not in (pair.verdict, pair.reverse_verdict):
        return None
    difference, variances = pair.difference, pair.variances
    if difference is None or variances is None or variances.rows.value <= 0:
        return None

    def power(number: int) -> float:
        se, reach = error_and_reach(variances, number / rows, level / tested)
        # Beyond `reach` one side is better; within margin - reach both are as good.
        better = outside(difference, se, -reach, reach)
        return better + inside(difference, se, margin - reach, reach)

    return fewest_rows(power, rows)


def rows_to_decide(
    pair: Difference, rows: int, margin: float, level: float, first_is_cheaper: bool | None
) -> int | None:
    """Test rows with which the pair would decide in POWER of the studies: one side is better, or the cheaper side is as
    good. `first_is_cheaper` is None if neither is cheaper.

    None if there is no interval, or no number of rows is enough.
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
