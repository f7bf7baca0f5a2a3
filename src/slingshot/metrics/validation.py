"""What contestants of one kind are chosen by: the primary metric on the validation rows that all of them answered.

An LLM answers the first `max_validation` rows, and a cascade those of its LLM. So some of a kind may have answered more
rows than others, and the first rows may be easy. Only the report knows who of them is left to choose from. So each
contestant has a figure for every number of first rows that one of its kind answered, up to its own number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored


def figures(
    kinds: Iterable[Mapping[str, Scored | None]], primary: str
) -> dict[str, dict[str, float]]:
    """Contestant -> number of rows, as JSON's keys are strings -> its figure on the first so many.

    `kinds` are the validation rows of the contestants of each kind, None where one predicts none. A figure that is
    undefined is left out.
    """
    values: dict[str, dict[str, float]] = {}
    for kind in kinds:
        answered = {name: scored for name, scored in kind.items() if scored is not None}
        firsts = {len(scored.ids): scored.ids for scored in answered.values()}
        for name, scored in answered.items():
            values[name] = {}
            for rows, ids in firsts.items():
                first = pd.Series(scored.ids).isin(ids).to_numpy()
                value = value_of(primary, scored.only(first)) if first.sum() == rows else None
                if value is not None:
                    values[name][str(rows)] = value
    return values
