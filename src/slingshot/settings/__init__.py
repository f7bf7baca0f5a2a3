"""params.yaml as frozen, validated classes: the only reader of that file.

`load()` returns a `Settings` or raises one `UserError` that names the file, every wrong key and,
for a misspelt one, the nearest known name. Nothing here loads torch, pandas or a data set, so
`slingshot check` answers at once. The blocks' classes stand in study.py, datasets.py,
contestants.py, llms.py and cost.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from slingshot.settings.base import (
    NAME,
    Block,
    Count,
    Name,
    Positive,
    Primary,
    UserError,
    closest,
    nearest,
)
from slingshot.settings.contestants import (
    FAMILIES,
    Checkpoint,
    Family,
    FrozenSettings,
    ModelSettings,
    TfidfSettings,
    TransformerSettings,
    Truncation,
)
from slingshot.settings.cost import CostSettings, LlmPrice, Rate
from slingshot.settings.datasets import (
    DatasetSettings,
    FileSource,
    HubSource,
    LinesSource,
    MaxRows,
    PromptWords,
    SplitSettings,
    VaderSource,
)
from slingshot.settings.llms import (
    AnthropicSettings,
    AskedSettings,
    CausalLmSettings,
    LlmSettings,
    PromptedSettings,
    Selection,
)
from slingshot.settings.study import (
    CascadeSettings,
    DecisionSettings,
    MetricsSettings,
    StudySettings,
)

__all__ = [
    "FAMILIES",
    "AnthropicSettings",
    "AskedSettings",
    "CascadeSettings",
    "CausalLmSettings",
    "Checkpoint",
    "CostSettings",
    "DatasetSettings",
    "DecisionSettings",
    "Family",
    "FileSource",
    "FrozenSettings",
    "HubSource",
    "LinesSource",
    "LlmPrice",
    "LlmSettings",
    "MaxRows",
    "MetricsSettings",
    "ModelSettings",
    "Primary",
    "PromptWords",
    "PromptedSettings",
    "Rate",
    "RunSettings",
    "Selection",
    "Settings",
    "SplitSettings",
    "StudySettings",
    "TfidfSettings",
    "TransformerSettings",
    "Truncation",
    "UserError",
    "VaderSource",
    "closest",
    "load",
    "nearest",
    "read_yaml",
    "validated",
]

PARAMS = Path("params.yaml")


class RunSettings(Block):
    """How, not what: no stage lists it in its params."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Count | None = None
    """Of torch; null leaves it to torch, which takes every core."""
    mode: Literal["sync", "batch"] = "sync"
    """Whether an API is asked text by text, or by Message Batches, which cost half and may take a day."""
    concurrency: Count = 8
    """Requests to an API at a time."""
    attempts: Count = 6
    """Of a request, each paid where it was answered; then its row is an error."""
    timeout: Positive = 120.0
    """Seconds in which an API must have answered whole."""
    backoff: Positive = 1.0
    """Seconds before a failed request's second attempt, doubled for each further one up to a minute; an API's
    retry-after comes first."""
    poll: Positive = 30.0
    """Seconds between looks at a batch."""
    budget: dict[Name, Annotated[float, Field(ge=0)]] = {}
    """LLM -> the most that may ever be spent on it, in `cost.currency`, counted in the state folder."""


class Settings(Block):
    fraction: float = Field(gt=0, le=1)
    seed: int = Field(ge=0, lt=2**31)
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1)
    shots_pool: Count
    study: StudySettings
    datasets: dict[Name, DatasetSettings]
    models: dict[Name, ModelSettings]
    llms: dict[Name, LlmSettings]
    metrics: MetricsSettings
    decision: DecisionSettings
    cost: CostSettings
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _study_names_are_defined(self) -> Self:
        wrong = []
        for key in ("datasets", "models", "llms"):
            chosen, known = getattr(self.study, key), getattr(self, key)
            wrong += [
                f"study.{key}: '{name}' has no definition under {key}{nearest(name, known)}"
                for name in chosen
                if name not in known
            ]
            wrong += [
                f"study.{key}: '{n}' stands twice" for n in set(chosen) if chosen.count(n) > 1
            ]
        for cascade in self.study.cascades:
            wrong += [
                f"study.cascades: '{cascade.name}' names '{side}', which is not in study{nearest(side, names)}; name "
                "one that is, or leave the cascade out, e.g. study.cascades: []"
                for side, names in (
                    (cascade.small, self.study.models),
                    (cascade.large, self.study.llms),
                )
                if side not in names
            ]
        names = [*self.models, *self.llms, *(cascade.name for cascade in self.study.cascades)]
        wrong += [
            f"'{n}' names two contestants; rename one" for n in set(names) if names.count(n) > 1
        ]
        for name, llm in self.llms.items():
            if llm.price is not None and llm.price not in self.cost.llm_prices:
                known = nearest(llm.price, self.cost.llm_prices)
                wrong.append(f"llms.{name}.price: '{llm.price}' is not in cost.llm_prices{known}")
            if name in self.study.llms and llm.paid and name not in self.run.budget:
                wrong.append(
                    f"run.budget.{name}: is missing; say how many {self.cost.currency} '{name}' may ever cost"
                )
        for name in self.run.budget:
            if name not in self.llms:
                wrong.append(
                    f"run.budget: '{name}' has no definition under llms{nearest(name, self.llms)}"
                )
        if len(set(self.seeds)) != len(self.seeds):
            wrong.append("seeds: a seed stands twice")
        if wrong:
            raise PydanticCustomError("study", "{text}", {"text": "\n  ".join(sorted(wrong))})
        return self

    def contestant(self, name: str) -> ModelSettings | LlmSettings | CascadeSettings:
        """Its settings. Raises UserError for an unknown name."""
        cascades = {cascade.name: cascade for cascade in self.study.cascades}
        known: dict[str, ModelSettings | LlmSettings | CascadeSettings] = {
            **self.models,
            **self.llms,
            **cascades,
        }
        if name not in known:
            raise UserError(f"{PARAMS}: no contestant '{name}'{nearest(name, known)}")
        return known[name]

    def cascade(self, name: str) -> CascadeSettings:
        """The cascade's settings. Raises UserError for an unknown name."""
        known = {cascade.name: cascade for cascade in self.study.cascades}
        if name not in known:
            raise UserError(f"{PARAMS}: study.cascades: no cascade '{name}'{nearest(name, known)}")
        return known[name]

    def price(self, name: str) -> LlmPrice | None:
        """The list price of an LLM, or of a cascade's LLM; None for what is priced by its seconds."""
        contestant = self.contestant(name)
        llm = self.llms.get(contestant.large if isinstance(contestant, CascadeSettings) else name)
        return self.cost.llm_prices[llm.price] if llm and llm.price else None

    def model(self, name: str) -> ModelSettings:
        """The model's settings. Raises UserError for an unknown name."""
        if name not in self.models:
            raise UserError(f"{PARAMS}: no model '{name}'{nearest(name, self.models)}")
        return self.models[name]

    def llm(self, name: str) -> LlmSettings:
        """The LLM's settings. Raises UserError for an unknown name."""
        if name not in self.llms:
            raise UserError(f"{PARAMS}: no LLM '{name}'{nearest(name, self.llms)}")
        return self.llms[name]

    def dataset(self, name: str) -> DatasetSettings:
        """The data set's settings. Raises UserError for an unknown name."""
        if name not in self.datasets:
            raise UserError(f"{PARAMS}: no data set '{name}'{nearest(name, self.datasets)}")
        return self.datasets[name]


def read_yaml(path: Path) -> Any:
    """Parse YAML 1.2, as DVC does. Raises UserError with the line where it is malformed."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run this in the root of the repository") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        tabs = (
            "; indent with spaces, not with tabs" if mark and "\t" in text[mark.index :][:1] else ""
        )
        raise UserError(f"{path}{where}: not valid YAML: {problem or error}{tabs}") from None


def load(path: Path = PARAMS) -> Settings:
    """Read and validate params.yaml. Raises one UserError that lists everything wrong in it."""
    return validated(read_yaml(path), path)


def validated(values: Any, path: Path) -> Settings:
    """Settings from the parsed contents of `path`. Raises one UserError that lists everything wrong."""
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: expected keys such as `study:` and `datasets:`, found {type(values).__name__}"
        )
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}:\n  " + "\n  ".join(_line(e) for e in error.errors())) from None


def _line(error: Any) -> str:
    key = ".".join(str(part) for part in _without_tag(error["loc"]))
    if error["type"] == "union_tag_not_found":
        tag = error["ctx"]["discriminator"].strip("'")
        return f"{key}.{tag}: Field required"
    if error["type"] == "union_tag_invalid":
        context = error["ctx"]
        known = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
        key += "." + context["discriminator"].strip("'")
        return f"{key}: unknown '{context['tag']}'{nearest(context['tag'], known)}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == NAME:
        message = "a name begins with a small letter and holds small letters, digits and _"
    if error["type"] not in ("unknown_key", "study", "value_error", "missing", "bare_date"):
        message += f" (found {error['input']!r})"
    return f"{key}: {message}" if key else message


def _without_tag(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place of an error as params.yaml has it: pydantic also names the class of a union, by its tag."""
    tag = {"models": 2, "llms": 2, "datasets": 3}.get(str(loc[0]) if loc else "")
    if tag is None or (tag == 3 and loc[2:3] != ("source",)):
        return loc
    return loc[:tag] + loc[tag + 1 :]
