"""What a provider gets and returns: one data set's rows, and the answers of an LLM to them."""

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
    """One cell: a data set for an LLM. Rows are in nested order; labels are 0..len(prompt.names)-1."""

    dataset: str
    llm: str
    """Its name in params.yaml."""
    prompt: Prompt
    pool: pd.DataFrame
    """data/shots/D.parquet: the rows of train that examples come from."""
    validation: pd.DataFrame
    """The first `max_validation` rows."""
    test: pd.DataFrame
    params: Settings

    @classmethod
    def read(cls, dataset: str, llm: str, params: Settings) -> Self:
        """The task of one cell, from the files that prepare and shots wrote.

        Raises UserError where one is missing, or breaks its contract.
        """
        settings = params.llms[llm]
        words, names = Words.read(paths.prompt(dataset)), Labels.read(paths.labels(dataset)).names
        validation, test = (read_rows(paths.split(dataset, name)) for name in PREDICTED)
        return cls(
            dataset,
            llm,
            Prompt(words, names, settings.prompt),
            read_rows(paths.shots(dataset)),
            validation.iloc[: settings.max_validation],
            test,
            params,
        )

    @property
    def name(self) -> str:
        """The cell's name, as progress bars show it."""
        return f"{self.dataset}-{self.llm}"

    @property
    def rows(self) -> pd.DataFrame:
        """The rows to predict, validation first."""
        return pd.concat([self.validation, self.test], ignore_index=True)

    @property
    def splits(self) -> list[str]:
        """The split of each of `rows`."""
        return ["validation"] * len(self.validation) + ["test"] * len(self.test)


@dataclass(frozen=True)
class PromptResult:
    """The contents of data/predictions, data/answers and data/usage, and a sentence on how they came about."""

    predictions: pd.DataFrame
    answers: pd.DataFrame
    usage: Usage
    said: str


class Provider(Protocol):
    """The functions of a provider's module. Only a provider that is asked text by text has `connect`, for quotes.

    Each module takes the settings class that names it.
    """

    @staticmethod
    def run_cell(settings: PromptedSettings, task: PromptTask) -> PromptResult: ...

    @staticmethod
    def connect(settings: PromptedSettings, params: Settings) -> Any:
        """An `Api` of slingshot.llm.asked.api, which this module can't import: `asked` builds on it."""


def provider(settings: PromptedSettings) -> Provider:
    """The module that prompts such an LLM, imported only now."""
    return importlib.import_module(settings.module)  # type: ignore[return-value]
