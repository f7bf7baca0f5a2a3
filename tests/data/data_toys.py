"""Small data sets and their settings, for the tests of this folder."""

from collections.abc import Callable
from typing import Any

from slingshot.data.prepare import PreparedDataset
from slingshot.settings import DatasetSettings

Make = Callable[..., PreparedDataset]


def settings(source: dict[str, Any], **changes: Any) -> DatasetSettings:
    return DatasetSettings.model_validate(
        {"source": source, "label_source": "human", "licence": "MIT"} | changes
    )


def sentences(count: int, tag: str = "row") -> list[str]:
    """Texts that are no duplicates of each other."""
    return [
        f"{tag} {number * 7919 % 1000003} is {number * 104729 % 1299709} and nothing else"
        for number in range(count)
    ]
