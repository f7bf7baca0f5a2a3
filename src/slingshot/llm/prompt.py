"""The few-shot completion prompt: an instruction, labelled examples, then the text to label.

A text is data: its line breaks are folded, so that it can't forge an example or a label line.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

NULL_TEXT = "N/A"
"""The content-free text of contextual calibration (Zhao et al. 2021, arXiv 2102.09690, section 5)."""


def fold(text: str) -> str:
    """The text on one line, runs of white space as one blank."""
    return " ".join(text.split())


def instruction(description: str, names: Sequence[str]) -> str:
    """The prompt's opening: what a text is and which labels there are."""
    return f"Each {description} below is labelled as one of: {', '.join(names)}.\n\n"


def before_text(description: str) -> str:
    """What stands before a text."""
    return f"{description[:1].upper()}{description[1:]}:"


BEFORE_LABEL = "\nLabel:"
AFTER_SHOT = "\n\n"


def select_shots(pool: pd.DataFrame, a_class: int) -> pd.DataFrame:
    """The first `a_class` rows of each class in nested order; a class with fewer gives what it has.

    `pool` is data/shots/D.parquet. The rows keep its order, which mixes the classes: a block of one
    label at the end would draw every answer to it.
    """
    return pool.groupby("label", sort=False).head(a_class).sort_values("order")
