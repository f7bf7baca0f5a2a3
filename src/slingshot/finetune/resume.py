"""Training runs that go on where they stopped, and are never repeated when nothing changed.

A cell's work lies in the state folder under a hash of everything that decides its outcome: settings,
input files, the source of its family's modules and the versions of the libraries. So changed training code
starts afresh, and a run that was killed goes on from its checkpoint. One process at a time works in a cell's folder.
The files of a seed are compared with their digests before they are used again.
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
    """What one seed used and chose: record.json."""

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
    """The cell's folder in the state folder, made if missing.

    code: each module that decides the outcome, with its file. settings: plain JSON.
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
    """Hold the cell's folder alone, or wait while another process works in it."""
    return sealed.sole(cell / "lock", f"{name}: another process trains it in {cell}")


@dataclass(frozen=True)
class SeedOutcome:
    """What a seed leaves for a later run: predictions, usage figures and what was chosen."""

    predictions: pd.DataFrame
    record: SeedRecord


class SeedFolder:
    """One seed's part of a cell's folder. It is sealed when it is complete."""

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
            sealed.set_aside(self.folder, why, "it is trained anew")
            return None
        if with_model and not any(self.model.glob("*")):
            sealed.unseal(self.folder)  # so that a model half saved is not taken for a finished one
            return None
        predictions = pq.read_table(self.folder / PREDICTIONS).to_pandas()
        return SeedOutcome(predictions, read_json(self.folder / RECORD))

    def finish(self, outcome: SeedOutcome, with_model: bool) -> None:
        """Keep the outcome; drop the scratch folder, and the model unless it is needed."""
        with atomic(self.folder / PREDICTIONS) as temporary:
            table = pa.Table.from_pandas(outcome.predictions, preserve_index=False)
            pq.write_table(table, temporary)
        write_json(self.folder / RECORD, outcome.record)
        dropped = (self.scratch, *(() if with_model else (self.model,)))
        starts = tuple(f"{folder.name}/" for folder in dropped)
        # Sealed without them before they are deleted: a kill in between leaves a whole outcome.
        parts = [name for name in sealed.files(self.folder) if not name.startswith(starts)]
        sealed.seal(self.folder, parts)
        for folder in dropped:
            remove(folder)


def plain(run: TimedRun) -> RunRecord:
    """The run as plain JSON."""
    record: RunRecord = json.loads(json.dumps(asdict(run)))
    return record
