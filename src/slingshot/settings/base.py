"""What every block of params.yaml uses: errors, types, and a base class that refuses unknown keys."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from slingshot.settings.catalogue import PRIMARY
from slingshot.settings.errors import UserError as UserError

PARAMS = Path("params.yaml")
NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _quoted_date(value: Any) -> Any:
    if isinstance(value, datetime.date):
        raise PydanticCustomError(
            "bare_date",
            'put the date in quotes: "{date}" (DVC refuses a date without quotes)',
            {"date": str(value)},
        )
    if not isinstance(value, str) or not DAY.fullmatch(value):
        # If the value is a year, or a year and a month, the example completes it to a day.
        parts = re.match(r"\d{4}(-\d\d)?", str(value))
        day = f"{parts[0]}-01-01"[:10] if parts else "2024-01-31"
        raise ValueError(f'found {value!r}; write a day in quotes, such as "{day}"')
    return value


def shaped(value: object, form: tuple[type, str]) -> object:
    """The value, if it has the form's type. form: a type, and an example for the ValueError of any other value."""
    kind, example = form
    if not isinstance(value, kind | Block):
        raise ValueError(f"found {value!r}; write {example}")
    return value


def _one_line(text: str) -> str:
    if not text or text.strip() != text or len(text.splitlines()) > 1:
        raise ValueError(f"expected one line without white space around it, found {text!r}")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Date = Annotated[datetime.date, Field(strict=False), BeforeValidator(_quoted_date)]


def _known_primary(metric: str) -> str:
    if metric not in PRIMARY:
        raise ValueError(f"no metric '{metric}'{nearest(metric, PRIMARY)}")
    return metric


Primary = Annotated[str, AfterValidator(_known_primary)]


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name with the most similar spelling; None if no name is similar."""
    return next(iter(difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.5)), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'X'?` for the closest known name, else the list of known names."""
    names = sorted(known)
    close = closest(name, names)
    if close is None:
        return f" (known: {', '.join(names) or 'none'})"
    return f", did you mean '{close}'?"


class Block(BaseModel):
    """Frozen settings. Types are strict: no value is converted to another type, but strings to dates.

    An unknown key is reported with the nearest known key, together with all other errors. Pydantic alone would not
    suggest a key.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, allow_inf_nan=False, extra="forbid", protected_namespaces=()
    )

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(values, dict):
            return validate(values)
        known = {key: value for key, value in values.items() if key in cls.model_fields}
        problems = [
            _problem("unknown_key", f"unknown key '{key}'{nearest(key, cls.model_fields)}", values)
            for key in values
            if key not in known
        ]
        try:
            settings = validate(known)
        except ValidationError as error:
            problems += [
                _problem(e["type"], e["msg"], e["input"], e["loc"], e.get("ctx"))
                for e in error.errors()
            ]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return settings


def _problem(
    kind: str,
    text: str,
    value: object,
    loc: tuple[int | str, ...] = (),
    context: dict[str, Any] | None = None,
) -> InitErrorDetails:
    """An error for pydantic to raise again, with its kind, its text, and the values in that text (`context`)."""
    error = PydanticCustomError(kind, "{text}", {**(context or {}), "text": text})
    return InitErrorDetails(type=error, loc=loc, input=value)
