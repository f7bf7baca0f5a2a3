"""Small data sets and their settings, for the tests of this folder."""

from collections.abc import Callable
from typing import Any, TypeVar

from slingshot.data.prepare import PreparedDataset
from slingshot.files.audit import Audit
from slingshot.files.notes.base import Note
from slingshot.settings import DatasetSettings

Make = Callable[..., PreparedDataset]
N = TypeVar("N", bound=Note)


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


def notes(audit: Audit, kind: type[N]) -> list[N]:
    """The audit's notes of one kind."""
    return [note for note in audit.warnings if isinstance(note, kind)]
