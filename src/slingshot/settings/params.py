"""The whole of params.yaml: its blocks, and the checks that they fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self, TypeVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from slingshot.settings.base import PARAMS, Block, Count, Name, UserError, nearest
from slingshot.settings.contestants import ModelSettings
from slingshot.settings.cost import CostSettings, LlmPrice
from slingshot.settings.datasets import DatasetSettings
from slingshot.settings.llms import LlmSettings
from slingshot.settings.run import RunSettings
from slingshot.settings.study import (
    CascadeSettings,
    DecisionSettings,
    MetricsSettings,
    StudySettings,
)

ContestantSettings = ModelSettings | LlmSettings | CascadeSettings
Known = TypeVar("Known")


class Settings(Block):
    """The contents of params.yaml."""

    fraction: float = Field(gt=0, le=1)
    """Share of the training rows that models are trained on. A larger share holds all rows of a smaller one."""
    seed: int = Field(ge=0, lt=2**31)
    """The seed of the split, and of the nested order of the training rows."""
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1)
    """The seeds of training. A model is trained once with each of them, if its training is random."""
    shots_pool: Count
    """The number of training rows that examples in prompts are taken from. Each class has at least one of them."""
    study: StudySettings
    datasets: dict[Name, DatasetSettings]
    models: dict[Name, ModelSettings]
    llms: dict[Name, LlmSettings]
    metrics: MetricsSettings
    decision: DecisionSettings
    cost: CostSettings
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _blocks_fit_together(self) -> Self:
        problems = [
            *self._undefined_names(),
            *self._repeated_names(),
            *self._wrong_cascades(),
            *self._unpriced_llms(),
            *self._wrong_budgets(),
        ]
        if problems:
            raise PydanticCustomError("study", "{text}", {"text": "\n  ".join(sorted(problems))})
        return self

    def _blocks(self) -> dict[str, tuple[list[str], Iterable[str]]]:
        """Block -> the names in `study`, and the names that the block defines."""
        study = self.study
        return {
            "datasets": (study.datasets, self.datasets),
            "models": (study.models, self.models),
            "llms": (study.llms, self.llms),
        }

    def _undefined_names(self) -> Iterator[str]:
        for block, (chosen, known) in self._blocks().items():
            for name in chosen:
                if name not in known:
                    close = nearest(name, known)
                    yield f"study.{block}: '{name}' has no definition under {block}{close}"

    def _repeated_names(self) -> Iterator[str]:
        for block, (chosen, _) in self._blocks().items():
            for name in _repeated(chosen):
                yield f"study.{block}: '{name}' appears twice"
        cascades = [cascade.name for cascade in self.study.cascades]
        for name in _repeated([*self.models, *self.llms, *cascades]):
            yield f"'{name}' names two contestants; rename one"
        if len(set(self.seeds)) != len(self.seeds):
            yield "seeds: a seed appears twice"

    def _wrong_cascades(self) -> Iterator[str]:
        for cascade in self.study.cascades:
            sides = ((cascade.small, self.study.models), (cascade.large, self.study.llms))
            for side, names in sides:
                if side not in names:
                    close = nearest(side, names)
                    yield (
                        f"study.cascades: '{cascade.name}' names '{side}', which is not in study{close}; name "
                        "one that is, or leave the cascade out, e.g. study.cascades: []"
                    )

    def _unpriced_llms(self) -> Iterator[str]:
        prices = self.cost.llm_prices
        for name, llm in self.llms.items():
            if llm.price is not None and llm.price not in prices:
                close = nearest(llm.price, prices)
                yield f"llms.{name}.price: '{llm.price}' is not in cost.llm_prices{close}"

    def _wrong_budgets(self) -> Iterator[str]:
        budgets, currency = self.run.budget, self.cost.currency
        for name, llm in self.llms.items():
            if name in self.study.llms and llm.paid and name not in budgets:
                yield f"run.budget.{name}: is missing; write the most that '{name}' may ever cost, in {currency}"
        for name in budgets:
            if name not in self.llms:
                yield f"run.budget: '{name}' has no definition under llms{nearest(name, self.llms)}"

    def contestant(self, name: str) -> ContestantSettings:
        """The contestant's settings. Raises UserError for an unknown name."""
        cascades = {cascade.name: cascade for cascade in self.study.cascades}
        contestants: dict[str, ContestantSettings] = {**self.models, **self.llms, **cascades}
        return _named(contestants, name, "no contestant")

    def cascade(self, name: str) -> CascadeSettings:
        """The cascade's settings. Raises UserError for an unknown name."""
        cascades = {cascade.name: cascade for cascade in self.study.cascades}
        return _named(cascades, name, "study.cascades: no cascade")

    def price(self, name: str) -> LlmPrice | None:
        """The list price of an LLM, or of a cascade's LLM; None for a contestant that is priced by its seconds."""
        contestant = self.contestant(name)
        llm = self.llms.get(contestant.large if isinstance(contestant, CascadeSettings) else name)
        return self.cost.llm_prices[llm.price] if llm and llm.price else None

    def model(self, name: str) -> ModelSettings:
        """The model's settings. Raises UserError for an unknown name."""
        return _named(self.models, name, "no model")

    def llm(self, name: str) -> LlmSettings:
        """The LLM's settings. Raises UserError for an unknown name."""
        return _named(self.llms, name, "no LLM")

    def dataset(self, name: str) -> DatasetSettings:
        """The data set's settings. Raises UserError for an unknown name."""
        return _named(self.datasets, name, "no data set")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _named(known: Mapping[str, Known], name: str, lacking: str) -> Known:
    if name not in known:
        raise UserError(f"{PARAMS}: {lacking} '{name}'{nearest(name, known)}")
    return known[name]
