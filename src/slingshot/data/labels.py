"""Turns the labels in a file into class numbers and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from slingshot.data.alike import twins
from slingshot.data.spelling import MERGE, as_yaml
from slingshot.files.notes.characters import visible
from slingshot.settings import UserError, nearest


def encode(
    values: pd.Series, labels: Sequence[str] | Mapping[str, str] | None
) -> tuple[np.ndarray, list[str]]:
    """Class of each value (shape (rows,), from 0) and the class names in label order.

    `labels` names the values in their order, or maps values to names (several values may share a name);
    None sorts the values that occur, by number where every value is a whole number. Raises UserError
    for values that `labels` does not list, and for measurements where classes are expected.
    """
    if labels is None:
        labels = _sorted(values)
    names_of = dict(labels) if isinstance(labels, Mapping) else {name: name for name in labels}
    counts = values.value_counts()
    unknown = [value for value in counts.index if value not in names_of]
    if unknown:
        raise UserError(_unlisted(unknown, counts, names_of))
    names = list(dict.fromkeys(names_of.values()))
    number = {value: names.index(name) for value, name in names_of.items()}
    return values.map(number).to_numpy(dtype=np.int64), names


def _unlisted(unknown: list[str], counts: pd.Series, names_of: Mapping[str, str]) -> str:
    """The error message for values that `labels` does not list.

    Where each of them reads the same as a listed one, it ends in the `labels` that merge them.
    """
    shown = ", ".join(f"'{visible(value)}' ({counts[value]} rows)" for value in unknown[:5])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    same = twins(unknown, names_of)
    first = next(iter(same.values()), None)
    hint = nearest(unknown[0], names_of) if first is None else f", did you mean '{visible(first)}'?"
    if not hint.endswith("?"):
        hint += "; add it there, or take its rows out of the file"
    if len(same) == len(unknown):
        merged = dict(names_of) | {value: names_of[name] for value, name in same.items()}
        hint += f" {MERGE}:\n{as_yaml(merged, list(names_of.values()))}"
    return f"labels in params.yaml does not list {shown}{more}{hint}"


def _sorted(values: pd.Series) -> list[str]:
    labels = sorted(values.unique())
    numbers = pd.to_numeric(pd.Series(labels), errors="coerce")
    if not np.isfinite(numbers).all():
        return labels
    if (numbers % 1 != 0).any():
        example = labels[int(np.argmax(numbers % 1 != 0))]
        raise UserError(
            f"the label column holds numbers such as {example}, which are measurements, not classes: name another "
            "column, or cut them into classes and save those, or list the values as `labels` if they are classes"
        )
    return sorted(labels, key=lambda value: (float(value), value))
