"""The few-shot completion prompt: an instruction, labelled examples, then the text to label.

A text is data: its line breaks are folded, so that it can't forge an example or a label line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from slingshot.settings import UserError
from slingshot.tables import read_json

AFTER_SHOT = "\n\n"
NULL_TEXT = "N/A"
"""The content-free text of contextual calibration (Zhao et al. 2021, arXiv 2102.09690, section 5)."""


def fold(text: str) -> str:
    """The text on one line, runs of white space as one blank."""
    return " ".join(text.split())


def words(path: Path) -> dict[str, str]:
    """data/prepared/D/prompt.json: what stands before a text and before its label.

    Raises UserError when the file holds anything else.
    """
    value = read_json(path)
    if not isinstance(value, dict) or set(value) != {"text", "label"}:
        raise UserError(f"{path}: expected text and label; run `dvc repro`")
    return value


def instruction(words: Mapping[str, str], names: Sequence[str]) -> str:
    """The prompt's opening, e.g. "Classify the sentiment of each tweet as negative, neutral or positive."."""
    listed = ", ".join(names[:-1]) + f" or {names[-1]}"
    return f"Classify the {words['label'].lower()} of each {words['text'].lower()} as {listed}.{AFTER_SHOT}"


def select_shots(pool: pd.DataFrame, a_class: int) -> pd.DataFrame:
    """The first `a_class` rows of each class in nested order; a class with fewer gives what it has.

    `pool` is data/shots/D.parquet. The rows keep its order, which mixes the classes: a block of one
    label at the end would draw every answer to it.
    """
    return pool.groupby("label", sort=False).head(a_class).sort_values("order")
