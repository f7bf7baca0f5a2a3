"""How a source spells its labels, and the warnings about it. It renames nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from slingshot.data import alike
from slingshot.data.several import several
from slingshot.settings import closest

SHOWN = 5
"""Labels, or sets of them, that a sentence names."""
LONG = 80
"""Characters of a label that a sentence shows."""
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
"""What exports write for a value that is not there, in small letters."""
MERGE = (
    "To make one class of labels that read as one, write this under the data set in params.yaml, "
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
    """Class -> its rows in the test part of the source; none where it has no such part."""
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

        test: whether each value is of the test part. listed: `labels` of params.yaml. classes: their names, which count
        where none are listed.
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
        """Sets of classes that read as one, each with its commonest first."""
        sets: dict[str, list[str]] = {}
        for name in sorted(self.rows, key=lambda name: -self.rows[name]):
            sets.setdefault(alike.key(name), []).append(name)
        return [names for names in sets.values() if len(names) > 1]

    @property
    def merged(self) -> str | None:
        """`labels:` of params.yaml that merge the classes that read as one; null where there are none, or where one
        class alone would be left."""
        commonest = {name: names[0] for names in self.alike for name in names}
        merged = {value: commonest.get(name, name) for value, name in self.names.items()}
        if not commonest or len(set(merged.values())) < 2:
            return None
        return as_yaml(merged, list(self.rows))

    def warnings(self) -> list[str]:
        """What to tell of labels that read as one, and of labels that are several in one."""
        sentences = []
        if self.alike:
            sets = "; ".join(self._counted(names) for names in self.alike[:SHOWN])
            alone = "" if self.merged else " They leave one class, and a comparison needs two."
            sentences.append(
                f"Labels that read as one are separate classes: {sets}{_more(self.alike)}. Map them to one name with "
                "`labels` in params.yaml, or, where they differ on purpose, to names that no one takes for each other."
                f"{alone}"
            )
        missing = (
            [] if self.listed else [name for name in self.rows if name.strip().lower() in MISSING]
        )
        if missing:
            sentences.append(
                f"Labels that read as missing are classes: {self._counted(missing[:SHOWN])}{_more(missing)}. Leave "
                "them empty in the file, which excludes their rows, or, where they are classes, list every value as "
                "`labels` in params.yaml."
            )
        compound = [] if self.listed else several(self.rows)
        if compound:
            rows = sum(self.rows[name] for name in compound)
            sentences.append(
                f"Several labels in one, in {rows} of {sum(self.rows.values())} rows: "
                f"{self._counted(compound[:SHOWN])}{_more(compound)}. A comparison takes one label a text: keep one in "
                "each row, or, to make a class of each combination on purpose, list every value as `labels` in "
                "params.yaml."
            )
        return sentences

    def only_in_test(self, train: Collection[str]) -> str:
        """The classes of the test part that train lacks, each with its rows and what it may stand for in train."""
        lacking = [name for name in self.test_rows if name not in train]
        twins = alike.twins(lacking, train)
        shown = []
        for name in lacking[:SHOWN]:
            close = closest(name, train)
            hint = f", did you mean {_named(close)}?" if close else ""
            hint = f", reads as {_named(twins[name])}" if name in twins else hint
            shown.append(f"{_named(name)} ({_rows(self.test_rows[name])}{hint})")
        return ", ".join(shown) + _more(lacking)

    def _counted(self, names: list[str]) -> str:
        return ", ".join(f"{_named(name)} ({self._rows_of(name)})" for name in names)

    def _rows_of(self, name: str) -> str:
        # A class of one row is left out before rows are split.
        return "1 row, left out" if self.rows[name] == 1 else _rows(self.rows[name])


def as_yaml(labels: Mapping[str, str], order: Sequence[str]) -> str:
    """`labels:` as they are pasted under a data set of params.yaml, the values of one name together.

    order: of the names, which is that of the classes, as a prompt lists them. A name that is not in it comes last.
    """
    names = dict.fromkeys(labels.values())
    known = [name for name in order if name in names]
    new = [name for name in names if name not in order]
    place = {name: number for number, name in enumerate([*known, *new])}
    together = sorted(labels.items(), key=lambda item: place[item[1]])
    lines = [f"      {_quoted(value)}: {_quoted(name)}" for value, name in together]
    return "\n".join(["    labels:", *lines])


def _quoted(label: str) -> str:
    escaped = label.replace("\\", r"\\").replace('"', r"\"")
    return f'"{alike.visible(escaped)}"'


def _named(label: str) -> str:
    visible = alike.visible(label)
    return f"'{visible}'" if len(visible) <= LONG else f"'{visible[:LONG]}...'"


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _more(things: Sequence[object]) -> str:
    return f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
