"""Keeps training runs, so that a stopped one continues and a finished one is not repeated.

A cell's folder is in the state folder. Its name is a hash of everything that decides the outcome: settings, input
files, the source of the family's modules and the versions of the libraries. So changed training code starts again, and
a run that was killed continues from its checkpoint. One process at a time works in a cell's folder. The files of a seed
are compared with their digests before they are used again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slingshot.files.storage.atomic import atomic, remove
from slingshot.files.storage.digests import sha256_file
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.files.usage import TimedRun
from slingshot.finetune.families import Details
from slingshot.machine import sealed, state

PREDICTIONS, RECORD = "predictions.parquet", "record.json"
LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "numpy")


class RunRecord(TypedDict):
    """A TimedRun as plain JSON."""

    seed: int
    tokens: int
    texts: int
    seconds: float
    error: float | None


class SeedRecord(TypedDict):
    """record.json: what one seed used and chose."""

    train: RunRecord
    predict: RunRecord
    details: Details
    latency: dict[str, float]
    model_bytes: int
    hardware: dict[str, str | int | None]
    peak_memory_bytes: int


def cell_folder(
    code: Mapping[str, Path], settings: Mapping[str, object], inputs: Iterable[Path]
) -> Path:
    """The cell's folder in the state folder, which is made if missing.

    `code`: module that decides the outcome -> its file. `settings`: plain JSON. `inputs`: the files with the rows.
    """
    parts = {
        "settings": settings,
        "inputs": [sha256_file(path) for path in inputs],
        "modules": {name: sha256_file(file) for name, file in sorted(code.items())},
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    folder = state.resume() / key
    folder.mkdir(exist_ok=True)
    return folder


def sole(cell: Path, name: str) -> AbstractContextManager[None]:
    """Lock the cell's folder for the block, or wait while another process works in it."""
    return sealed.sole(cell / "lock", f"{name}: another process trains it in {cell}")


@dataclass(frozen=True)
class SeedOutcome:
    """The outcome of a seed: its predictions, and what it used and chose."""

    predictions: pd.DataFrame
    record: SeedRecord


class SeedFolder:
    """One seed's folder in a cell's folder. A seal marks that the seed is finished."""

    def __init__(self, cell: Path, seed: int) -> None:
        self.seed = seed
        self.folder = cell / f"seed{seed}"
        self.scratch = self.folder / "scratch"
        self.model = self.folder / "model"

    def finished(self, with_model: bool) -> SeedOutcome | None:
        """The outcome of an earlier run; None if it did not finish, is damaged, or lacks a model that is needed."""
        if not sealed.is_sealed(self.folder):
            return None
        why = sealed.damage(self.folder)
        if why:
            sealed.set_aside(self.folder, why, "it is trained again")
            return None
        if with_model and not any(self.model.glob("*")):
            sealed.unseal(self.folder)  # a half-saved model must not count as a finished one
            return None
        predictions = pq.read_table(self.folder / PREDICTIONS).to_pandas()
        return SeedOutcome(predictions, read_json(self.folder / RECORD))

    def finish(self, outcome: SeedOutcome, with_model: bool) -> None:
        """Keep the outcome. Delete the scratch folder, and the model unless it is needed."""
        with atomic(self.folder / PREDICTIONS) as temporary:
            table = pa.Table.from_pandas(outcome.predictions, preserve_index=False)
            pq.write_table(table, temporary)
        write_json(self.folder / RECORD, outcome.record)
        dropped = [self.scratch] if with_model else [self.scratch, self.model]
        starts = tuple(f"{folder.name}/" for folder in dropped)
        # The seal comes before the deletion, and leaves these folders out: a kill in between leaves a whole outcome.
        parts = [name for name in sealed.files(self.folder) if not name.startswith(starts)]
        sealed.seal(self.folder, parts)
        for folder in dropped:
            remove(folder)


def plain(run: TimedRun) -> RunRecord:
    """The run as plain JSON."""
    record: RunRecord = json.loads(json.dumps(asdict(run)))
    return record
