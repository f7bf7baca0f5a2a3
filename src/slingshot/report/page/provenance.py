"""The origin of the page: its settings, the versions of the main packages, and dates of texts and LLMs."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version

from slingshot.report.grid import Grid
from slingshot.report.notes import SEEN
from slingshot.report.numbers import MISSING
from slingshot.settings import Settings

SETTINGS = ("study", "fraction", "seed", "seeds", "metrics", "decision", "cost")
"""The settings that are shown, in addition to the study's models and LLMs. The stage report has each as a param in
dvc.yaml."""
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "scikit-learn",
    "numpy",
    "scipy",
    "pandas",
    "evaluate",
    "datasets",
    "anthropic",
    "rensa",
    "dvc",
    "altair",
    "vl-convert-python",
)


def settings_grid(settings: Settings) -> Grid:
    """Every setting that the study uses, by its key in params.yaml."""
    values = settings.model_dump(mode="json", include=set(SETTINGS))
    for block, names in (("models", settings.study.models), ("llms", settings.study.llms)):
        contestants = getattr(settings, block)
        values[block] = {name: contestants[name].model_dump(mode="json") for name in names}
    values["cost"]["llm_prices"] = {
        name: price
        for name, price in values["cost"]["llm_prices"].items()
        if name in {settings.llms[llm].price for llm in settings.study.llms}
    }
    return Grid(
        heading="Settings",
        caption="From params.yaml, with defaults, for the models and LLMs that the study names.",
        columns=("Key", "Value"),
        rows=tuple(_flat("", values)),
    )


def _flat(prefix: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(f"{name}.", value)
        else:
            yield name, _written(value)


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_written(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return MISSING if value is None else str(value)


def versions_grid() -> Grid:
    """The installed versions of Python and the main packages."""
    rows = [("python", platform.python_version()), *((name, _version(name)) for name in PACKAGES)]
    caption = "The versions that made this page."
    return Grid(
        heading="Versions", caption=caption, columns=("Package", "Version"), rows=tuple(rows)
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def cutoffs(
    settings: Settings, published: Mapping[str, date | None], seen: set[tuple[str, str]]
) -> Grid | None:
    """Each LLM's training cutoff and each data set's date of publication; None without an LLM. `seen` has the pairs
    (data set, LLM) that may overlap."""
    if not settings.study.llms:
        return None
    llms = {name: settings.llms[name] for name in settings.study.llms}
    rows = []
    for dataset, day in published.items():
        overlaps = [
            _overlap(day, llm.training_cutoff, seen=(dataset, name) in seen)
            for name, llm in llms.items()
        ]
        rows.append((dataset, str(day or MISSING), *overlaps))
    headings = (f"{llm.title}, to {llm.training_cutoff or 'unknown'}" for llm in llms.values())
    return Grid(
        heading="Training cutoffs and publication dates",
        caption="Texts that were public before an LLM's training data ended may be part of them.",
        columns=("Data set", "Published", *headings),
        rows=tuple(rows),
    )


def _overlap(published: date | None, cutoff: date | None, *, seen: bool) -> str:
    """Whether an LLM may have seen a data set's texts, in words."""
    if published is None or cutoff is None:
        return "not known"
    return SEEN if seen else "published later"
