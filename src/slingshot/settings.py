"""params.yaml as frozen, validated classes: the only reader of that file.

`load()` returns a `Settings` or raises one `UserError` that names the file, every wrong key and,
for a misspelt one, the nearest known name. Nothing here loads torch, pandas or a data set, so
`slingshot check` answers at once.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import click
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

PARAMS = Path("params.yaml")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _quoted_date(value: Any) -> Any:
    if isinstance(value, datetime.date):
        raise PydanticCustomError(
            "bare_date", 'put the date in quotes: "{date}" (DVC refuses a bare one)', {"date": str(value)}
        )
    return value


Date = Annotated[datetime.date, Field(strict=False), BeforeValidator(_quoted_date)]
Primary = Literal["accuracy", "balanced_accuracy", "macro_f1", "auroc"]


class UserError(click.ClickException):
    """Something that the user can mend: the message names the file, the key and the remedy."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'X'?` for the closest known name, else the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    if close:
        return f", did you mean '{close[0]}'?"
    return f" (known: {', '.join(names) or 'none'})"


class Frozen(BaseModel):
    """Immutable settings, of the very types stated, that report an unknown key, with the nearest
    known one, beside whatever else is wrong."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", protected_namespaces=())

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(values, dict):
            return validate(values)
        wrong = [
            _problem("unknown_key", f"unknown key '{key}'{nearest(key, cls.model_fields)}", values)
            for key in values
            if key not in cls.model_fields
        ]
        try:
            settings = validate({key: value for key, value in values.items() if key in cls.model_fields})
        except ValidationError as error:
            wrong += [_problem(e["type"], e["msg"], e["input"], e["loc"], e.get("ctx")) for e in error.errors()]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return settings


def _problem(
    kind: str, text: str, found: Any, loc: tuple[int | str, ...] = (), context: dict[str, Any] | None = None
) -> InitErrorDetails:
    error = PydanticCustomError(kind, "{text}", {**(context or {}), "text": text})
    return InitErrorDetails(type=error, loc=loc, input=found)


class CascadeSettings(Frozen):
    name: Name
    small: Name
    large: Name


class StudySettings(Frozen):
    """What takes part; every matrix of dvc.yaml comes from here."""

    datasets: list[Name] = Field(min_length=1)
    models: list[Name]
    llms: list[Name]
    cascades: list[CascadeSettings] = []

    @property
    def contestants(self) -> list[str]:
        return [*self.models, *self.llms, *(cascade.name for cascade in self.cascades)]


# --- data sets -----------------------------------------------------------------------------------


class VaderSource(Frozen):
    """Human-rated text inside the vaderSentiment source distribution (MIT)."""

    kind: Literal["vader"]
    file: str
    cuts: list[float] = Field(min_length=1)
    """Ascending; a rating on a cut belongs to the upper class."""
    group_prefix: bool = False
    """Group rows by the part of their id before the first "_"."""


class FileSource(Frozen):
    """The user's own table in data/raw/D: CSV, TSV, JSONL or Parquet, compressed too."""

    kind: Literal["file"]
    file: str
    text: str
    label: str
    group: str | None = None
    test_file: str | None = None
    encoding: str = "utf-8"


class LinesSource(Frozen):
    """The user's own parallel files in data/raw/D, one text and one label a line."""

    kind: Literal["lines"]
    text_file: str
    label_file: str
    test_text_file: str | None = None
    test_label_file: str | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _test_files_come_together(self) -> Self:
        if (self.test_text_file is None) != (self.test_label_file is None):
            raise ValueError("test_text_file and test_label_file go together")
        return self


class SplitSettings(Frozen):
    validation: Share = 0.2
    test: Share = 0.2
    """Share of all rows; unused where the source has a test file of its own."""
    near: float | None = Field(default=0.9, gt=0, le=1)
    """Jaccard similarity from which two texts are near duplicates; null only counts them."""
    drop_shared: bool = True
    """Drop rows of train that share a group with a given test file."""

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave no rows to train on")
        return self


class MaxRows(Frozen):
    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None


class PromptWords(Frozen):
    """What stands before a text and before its label in a prompt, e.g. `Tweet` and `Sentiment`."""

    text: str = "Text"
    label: str = "Label"


class DatasetSettings(Frozen):
    source: Annotated[VaderSource | FileSource | LinesSource, Field(discriminator="kind")]
    labels: list[str] | dict[str, str] | None = None
    """Label names in their order, or {value in the file: name} in that order; null sorts what is found."""
    label_source: str
    """Who labelled the rows: `human`, or the name of a model such as `GPT-3.5`."""
    licence: str
    published: Date | None = None
    may_leave: bool = False
    """Whether texts may be sent to a remote provider."""
    description: str = "text"
    """What a text is, e.g. `tweet`."""
    prompt: PromptWords = PromptWords()
    split: SplitSettings = SplitSettings()
    max_rows: MaxRows = MaxRows()

    @model_validator(mode="after")
    def _cuts_make_the_classes(self) -> Self:
        if isinstance(self.source, VaderSource):
            if sorted(set(self.source.cuts)) != self.source.cuts:
                raise ValueError("source.cuts must ascend")
            if not isinstance(self.labels, list) or len(self.labels) != len(self.source.cuts) + 1:
                raise ValueError(f"{len(self.source.cuts)} cuts need {len(self.source.cuts) + 1} labels")
        if isinstance(self.labels, list) and len(set(self.labels)) != len(self.labels):
            raise ValueError("labels repeat a name")
        return self


# --- models --------------------------------------------------------------------------------------


class TfidfSettings(Frozen):
    """TF-IDF word and character n-grams + logistic regression, chosen by grid on validation."""

    family: Literal["tfidf"]
    word_ngrams: list[Count] = [1, 2]
    """Longest word n-gram: each value is tried."""
    char_ngrams: list[Annotated[int, Field(ge=0)]] = [0, 5]
    """Longest character n-gram (from 2); 0 leaves characters out. Each value is tried."""
    c: list[Positive] = [0.3, 1.0, 3.0, 10.0]
    """Inverse regularisation strengths to try."""
    max_features: Count = 100_000


class Checkpoint(Frozen):
    checkpoint: str
    """`package:NAME` (a pip package that carries weights), a local folder, or a hub id."""
    sha256: dict[str, str] = {}
    """File name -> digest, compared before the file is loaded."""
    max_length: Count = 128
    """Tokens that a text is cut to."""


class FrozenSettings(Checkpoint):
    """An encoder left as it is, mean-pooled, + logistic regression, C chosen on validation."""

    family: Literal["frozen"]
    c: list[Positive] = [0.1, 1.0, 10.0, 100.0]


class TransformerSettings(Checkpoint):
    """A sequence classifier fine-tuned whole."""

    family: Literal["transformer"]
    truncation: Literal["head"] = "head"
    epochs: Count = 4
    learning_rate: Positive = 1e-4
    batch_size: Count = 32
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the optimiser's steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: Positive = 1.0
    save_seconds: float = Field(default=60.0, ge=0)
    """A resume checkpoint is written when this many seconds have gone by since the last."""


ModelSettings = Annotated[TfidfSettings | FrozenSettings | TransformerSettings, Field(discriminator="family")]


# --- LLMs ----------------------------------------------------------------------------------------


class CausalLmSettings(Checkpoint):
    """A local base LLM that completes a few-shot prompt; labels scored by log-likelihood."""

    provider: Literal["causal_lm"]
    title: str
    """What the LLM is called wherever its figures stand."""
    shots: list[Count] = [4, 8]
    """Examples a class; each value is tried on validation."""
    calibration: list[Literal["none", "contextual"]] = ["none", "contextual"]
    choose_rows: Count = 150
    """First validation rows on which shots and calibration are chosen."""
    max_validation: Count = 300
    """First validation rows that are predicted."""
    batch_size: Count = 8
    training_cutoff: Date | None = None
    price: Name | None = None
    """Key of cost.llm_prices; null is priced by its seconds, as a local LLM is."""

    @model_validator(mode="after")
    def _chosen_rows_are_predicted(self) -> Self:
        if self.choose_rows > self.max_validation:
            raise ValueError("choose_rows must not exceed max_validation")
        return self


LlmSettings = CausalLmSettings


# --- metrics, cost, run --------------------------------------------------------------------------


class MetricsSettings(Frozen):
    primary: Primary = "accuracy"
    margin: Share = 0.02
    """Non-inferiority margin on the primary metric, stated before the figures are seen."""
    resamples: Count = 10_000
    confidence: Share = 0.95
    ece_bins: Count = 15
    """Equal-width bins of the expected calibration error."""


class Rate(Frozen):
    rate: Positive
    """Units of `cost.currency` for one unit of the key's currency."""
    date: Date
    source: str


class LlmPrice(Frozen):
    """List price per million tokens, dated and sourced."""

    currency: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_write: float = Field(ge=0)
    cache_read: float = Field(ge=0)
    batch_discount: float = Field(default=0.5, ge=0, le=1)
    date: Date
    source: str


class CostSettings(Frozen):
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: dict[str, Rate] = {}
    hourly_price: Positive
    """Of the machine that trains and predicts, in `currency`."""
    hourly_price_source: str
    utilisation: float = Field(gt=0, le=1)
    """Share of the paid hours in which the machine works."""
    llm_prices: dict[str, LlmPrice] = {}
    label_price: float = Field(ge=0)
    """Of one human label, in `currency`."""

    @model_validator(mode="after")
    def _every_price_can_be_converted(self) -> Self:
        for name, price in self.llm_prices.items():
            if price.currency != self.currency and price.currency not in self.rates:
                raise ValueError(f"llm_prices.{name} is in {price.currency}: add rates.{price.currency}")
        return self


class RunSettings(Frozen):
    """How, not what: no stage lists it in its params."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Count | None = None
    processes: Count = 1
    concurrency: Count = 4
    mode: Literal["sync", "batch"] = "sync"
    budget: dict[Name, float] = {}


class Settings(Frozen):
    fraction: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    shots_pool: Count
    study: StudySettings
    datasets: dict[Name, DatasetSettings]
    models: dict[Name, ModelSettings]
    llms: dict[Name, LlmSettings]
    metrics: MetricsSettings
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
            wrong += [f"study.{key}: '{n}' stands twice" for n in set(chosen) if chosen.count(n) > 1]
        for cascade in self.study.cascades:
            wrong += [
                f"study.cascades: '{cascade.name}' names '{side}', which is not in study{nearest(side, names)}"
                for side, names in ((cascade.small, self.study.models), (cascade.large, self.study.llms))
                if side not in names
            ]
        names = [*self.models, *self.llms, *(cascade.name for cascade in self.study.cascades)]
        wrong += [f"'{n}' names two contestants; rename one" for n in set(names) if names.count(n) > 1]
        for name, llm in self.llms.items():
            if llm.price is not None and llm.price not in self.cost.llm_prices:
                known = nearest(llm.price, self.cost.llm_prices)
                wrong.append(f"llms.{name}.price: '{llm.price}' is not in cost.llm_prices{known}")
        if len(set(self.seeds)) != len(self.seeds):
            wrong.append("seeds: a seed stands twice")
        if wrong:
            raise PydanticCustomError("study", "{text}", {"text": "\n  ".join(sorted(wrong))})
        return self

    def contestant(self, name: str) -> ModelSettings | LlmSettings:
        """The model's or LLM's settings. Raises UserError for an unknown name."""
        known = {**self.models, **self.llms}
        if name not in known:
            raise UserError(f"{PARAMS}: no contestant '{name}'{nearest(name, known)}")
        return known[name]

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
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run this in the root of the repository") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None


def load(path: Path = PARAMS) -> Settings:
    """Read and validate params.yaml. Raises one UserError that lists everything wrong in it."""
    return validated(read_yaml(path), path)


def validated(values: Any, path: Path) -> Settings:
    """Settings from the parsed contents of `path`. Raises one UserError that lists everything wrong."""
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected keys such as `study:` and `datasets:`, found {type(values).__name__}")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}:\n  " + "\n  ".join(_line(e) for e in error.errors())) from None


def _line(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "union_tag_not_found":
        tag = error["ctx"]["discriminator"].strip("'")
        return f"{key}.{tag}: Field required"
    if error["type"] == "union_tag_invalid":
        context = error["ctx"]
        known = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
        key += "." + context["discriminator"].strip("'")
        return f"{key}: unknown '{context['tag']}'{nearest(context['tag'], known)}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in ("unknown_key", "study", "value_error", "missing", "bare_date"):
        message += f" (found {error['input']!r})"
    return f"{key}: {message}" if key else message
