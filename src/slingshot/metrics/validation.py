"""The figures that choose between contestants of one kind: the primary metric on validation rows that all answered.

An LLM answers the first `max_validation` rows, and a cascade answers the rows of its LLM. So some contestants of a kind
may have answered more rows than others, and the first rows may be easy. Only the report knows which contestants are
left to choose from. So each contestant gets several figures: for each contestant of its kind that answered at most as
many rows, a figure on that contestant's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored


def figures(
    kinds: Iterable[Mapping[str, Scored | None]], primary: str
) -> dict[str, dict[str, float]]:
    """Contestant -> number of first rows (a string, as in JSON) -> its figure on them.

    `kinds` has the validation rows of the contestants of each kind, None without such predictions. Undefined figures
    are left out.
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
