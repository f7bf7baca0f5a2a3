"""The input and the result of a provider: one data set's rows, and an LLM's answers to them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol, Self

import pandas as pd

from slingshot.files import paths
from slingshot.files.codes import PREDICTED
from slingshot.files.labels import Labels
from slingshot.files.prompt import Words
from slingshot.files.rows import read_rows
from slingshot.files.usage import Usage
from slingshot.llm.prompt import Prompt
from slingshot.settings import PromptedSettings, Settings


@dataclass(frozen=True)
class PromptTask:
    """One cell, i.e. an LLM on a data set. Rows are in nested order; labels are 0..len(prompt.names)-1."""

    dataset: str
    llm: str
    """The LLM's name in params.yaml."""
    prompt: Prompt
    pool: pd.DataFrame
    """data/shots/D.parquet: the rows of train that examples come from."""
    validation: pd.DataFrame
    """The first `max_validation` rows."""
    test: pd.DataFrame
    settings: Settings

    @classmethod
    def read(cls, dataset: str, llm: str, settings: Settings) -> Self:
        """Read the task from the files that the stages prepare and shots wrote.

        Raises UserError where a file is missing or malformed.
        """
        chosen = settings.llms[llm]
        words, names = Words.read(paths.prompt(dataset)), Labels.read(paths.labels(dataset)).names
        validation, test = (read_rows(paths.split(dataset, name)) for name in PREDICTED)
        return cls(
            dataset,
            llm,
            Prompt(words, names, chosen.prompt),
            read_rows(paths.shots(dataset)),
            validation.iloc[: chosen.max_validation],
            test,
            settings,
        )

    @property
    def name(self) -> str:
        """The cell's name, as progress bars show it."""
        return f"{self.dataset}-{self.llm}"

    @property
    def rows(self) -> pd.DataFrame:
        """The rows to predict: validation, then test."""
        return pd.concat([self.validation, self.test], ignore_index=True)

    @property
    def splits(self) -> list[str]:
        """The split of each of `rows`."""
        return ["validation"] * len(self.validation) + ["test"] * len(self.test)


@dataclass(frozen=True)
class PromptResult:
    """The contents of data/predictions, data/answers and data/usage."""

    predictions: pd.DataFrame
    answers: pd.DataFrame
    usage: Usage
    summary: str
    """How the answers came about, in words for the terminal."""


class Provider(Protocol):
    """The functions of a provider's module. `llm` is of the settings class that names the module."""

    @staticmethod
    def run_cell(llm: PromptedSettings, task: PromptTask) -> PromptResult:
        """Label all rows of the task."""

    @staticmethod
    def connect(llm: PromptedSettings, settings: Settings) -> Any:
        """The LLM's `Api` (slingshot.llm.asked.api), which quotes and rebuilds need too.

        Only a provider that is asked text by text has it. This module can't import the type, because `asked` imports
        this module.
        """


def provider(llm: PromptedSettings) -> Provider:
    """The module that prompts an LLM with these settings. It is imported only now."""
    return importlib.import_module(llm.module)  # type: ignore[return-value]
