"""What contestants of one kind are chosen by: the primary metric on the validation rows that all of them answered.

An LLM answers the first `max_validation` rows, and a cascade those of its LLM, so two of a kind may have answered more
and fewer, and the first rows may be easy. Only the report knows who of them is left to choose from, so each has its
figure on as many first rows as any of its kind answered, up to its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored


def figures(
    kinds: Iterable[Mapping[str, Scored | None]], primary: str
) -> dict[str, dict[str, float]]:
    """Contestant -> number of rows -> its figure there, of each kind's validation rows (None: none is predicted). A
    figure that is undefined is left out."""
    found: dict[str, dict[str, float]] = {}
    for kind in kinds:
        answered = {name: one for name, one in kind.items() if one is not None}
        firsts = {len(one.ids): one.ids for one in answered.values()}
        for name, one in answered.items():
            found[name] = {}
            for rows, ids in firsts.items():
                held = pd.Series(one.ids).isin(ids).to_numpy()
                value = value_of(primary, one.only(held)) if held.sum() == rows else None
                if value is not None:
                    found[name][str(rows)] = value
    return found
