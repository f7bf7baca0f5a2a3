"""params.yaml as frozen, validated classes: the only reader of that file.

`load()` returns a `Settings`, or raises one `UserError` that names the file, every wrong key and, for a misspelt one,
the nearest known name. Nothing here loads torch, pandas or a data set, so `slingshot check` answers at once.

`params` has the class of the whole file. Each block has a module: `study` (with `metrics:` and `decision:`), `datasets`
with `sources`, `contestants` (`models:`), `llms`, `cost` and `run`. `catalogue` lists the metrics.
"""

from __future__ import annotations

from slingshot.settings.base import PARAMS, Primary, UserError, closest, nearest
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
from slingshot.settings.datasets import DatasetSettings, MaxRows, PromptWords, SplitSettings
from slingshot.settings.llms import (
    AnthropicSettings,
    AskedSettings,
    CausalLmSettings,
    LlmSettings,
    PromptedSettings,
    Selection,
)
from slingshot.settings.params import Settings
from slingshot.settings.reading import load, read_yaml, validated
from slingshot.settings.run import RunSettings
from slingshot.settings.sources import FileSource, HubSource, LinesSource, VaderSource
from slingshot.settings.study import (
    CascadeSettings,
    DecisionSettings,
    MetricsSettings,
    StudySettings,
)

__all__ = [
    "FAMILIES",
    "PARAMS",
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
