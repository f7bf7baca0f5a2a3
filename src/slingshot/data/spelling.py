"""How a source spells its labels, and the notes about it. It renames nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from slingshot.data import alike
from slingshot.data.several import several
from slingshot.files.notes.characters import visible
from slingshot.files.notes.labels import (
    SHOWN,
    LabelRows,
    LabelsAlike,
    MissingLabels,
    SeveralLabels,
    UntrainedLabel,
)
from slingshot.settings import closest

MISSING = {
    "-",
    "--",
    "?",
    "nan",
    "<na>",
    "na",
    "n/a",
    "#n/a",
    "null",
    "nil",
    "none",
    "missing",
    "undefined",
}
"""What exports write in place of a missing value, in small letters."""
MERGE = (
    "To merge the labels that read the same, write this under the data set in params.yaml, "
    "as its only `labels`"
)


@dataclass(frozen=True)
class Spelling:
    """The labels of the rows that have a text and a label."""

    names: Mapping[str, str]
    """Value in the source -> class, in label order."""
    rows: Mapping[str, int]
    """Class -> its rows, in label order."""
    test_rows: Mapping[str, int]
    """Class -> its rows in the test file; empty where the source has none."""
    listed: bool
    """Whether params.yaml lists the labels."""

    @classmethod
    def of(
        cls,
        values: pd.Series,
        test: pd.Series,
        listed: Sequence[str] | Mapping[str, str] | None,
        classes: list[str],
    ) -> Spelling:
        """How `values` of the source spell its classes.

        test: whether each value is of the test file. listed: `labels` of params.yaml. classes: their names, used where
        params.yaml lists none.
        """
        as_they_are = {value: value for value in listed or classes}
        names = dict(listed) if isinstance(listed, Mapping) else as_they_are
        class_of_row = values.map(names)
        order = list(dict.fromkeys(names.values()))
        counts, test_counts = class_of_row.value_counts(), class_of_row[test].value_counts()
        rows = {name: int(counts[name]) for name in order if name in counts}
        test_rows = {name: int(test_counts[name]) for name in order if name in test_counts}
        return cls(names, rows, test_rows, listed is not None)

    @property
    def alike(self) -> list[list[str]]:
        """Sets of classes that read the same, each with its most frequent class first."""
        sets: dict[str, list[str]] = {}
        for name in sorted(self.rows, key=lambda name: -self.rows[name]):
            sets.setdefault(alike.key(name), []).append(name)
        return [names for names in sets.values() if len(names) > 1]

    @property
    def merged(self) -> str | None:
        """`labels:` of params.yaml that merge the classes that read the same.

        None where there are none, or where merging would leave a single class.
        """
        most_frequent = {name: names[0] for names in self.alike for name in names}
        merged = {value: most_frequent.get(name, name) for value, name in self.names.items()}
        if not most_frequent or len(set(merged.values())) < 2:
            return None
        return as_yaml(merged, list(self.rows))

    def notes(self) -> list[LabelsAlike | MissingLabels | SeveralLabels]:
        """Notes about labels that read the same, that read as missing values, or that are several labels in one.

        Labels that params.yaml lists are meant to be classes, so they get only the first note.
        """
        notes: list[LabelsAlike | MissingLabels | SeveralLabels] = []
        if self.alike:
            sets = tuple(self._labels(names) for names in self.alike[:SHOWN])
            mergeable = self.merged is not None
            notes.append(LabelsAlike(sets=sets, more=_more(self.alike), mergeable=mergeable))
        if self.listed:
            return notes
        missing = [name for name in self.rows if name.strip().lower() in MISSING]
        if missing:
            labels = self._labels(missing[:SHOWN])
            notes.append(MissingLabels(labels=labels, more=_more(missing)))
        compound = several(self.rows)
        if compound:
            notes.append(
                SeveralLabels(
                    labels=self._labels(compound[:SHOWN]),
                    more=_more(compound),
                    rows=sum(self.rows[name] for name in compound),
                    all_rows=sum(self.rows.values()),
                )
            )
        return notes

    def untrained(self, train: Collection[str]) -> tuple[tuple[UntrainedLabel, ...], int]:
        """The first SHOWN classes of the test file that are not in `train`, and how many more there are."""
        lacking = [name for name in self.test_rows if name not in train]
        same = alike.twins(lacking, train)
        labels = (
            UntrainedLabel(
                label=name,
                rows=self.test_rows[name],
                same=same.get(name),
                close=None if name in same else closest(name, train),
            )
            for name in lacking[:SHOWN]
        )
        return tuple(labels), _more(lacking)

    def _labels(self, names: Iterable[str]) -> tuple[LabelRows, ...]:
        return tuple(LabelRows(label=name, rows=self.rows[name]) for name in names)


def as_yaml(labels: Mapping[str, str], order: Sequence[str]) -> str:
    """`labels:` to paste under a data set of params.yaml. The values of one name come together.

    order: the names in the order of the classes in a prompt. A name that is not in it comes last.
    """
    names = dict.fromkeys(labels.values())
    known = [name for name in order if name in names]
    new = [name for name in names if name not in order]
    place = {name: number for number, name in enumerate([*known, *new])}
    together = sorted(labels.items(), key=lambda item: place[item[1]])
    lines = [f"      {_yaml(value)}: {_yaml(name)}" for value, name in together]
    return "\n".join(["    labels:", *lines])


def _yaml(label: str) -> str:
    """The label as a double-quoted YAML string."""
    escaped = label.replace("\\", r"\\").replace('"', r"\"")
    return f'"{visible(escaped)}"'


def _more(names: Sequence[object]) -> int:
    return max(len(names) - SHOWN, 0)
