"""data/prepared/D/labels.json: the data set's classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.settings import UserError


@dataclass(frozen=True)
class Labels:
    """Class names in label order, and the number of training rows of each class."""

    names: tuple[str, ...]
    train_counts: tuple[int, ...]

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Labels:
        """Read the file. Raises UserError when it is missing or malformed."""
        value = read_json(path)
        try:
            labels = cls(tuple(map(str, value["names"])), tuple(map(int, value["train_counts"])))
            if len(labels.names) != len(labels.train_counts):
                raise ValueError
            return labels
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{path}: expected names and train_counts; run `dvc repro`") from None
