"""Training runs that go on where they stopped, and are never repeated when nothing changed.

A cell's work lies in the state folder under a hash of everything that decides its outcome: settings,
input files, the source of its family's modules and the versions of the libraries. A changed
training code therefore starts afresh, and a run that was killed goes on from its checkpoint.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slingshot import state
from slingshot.finetune.families import Family
from slingshot.tables import atomic, read_json, sha256_file, write_json

LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "numpy")


def cell_folder(family: Family, settings: dict[str, Any], inputs: Iterable[Path]) -> Path:
    """The cell's folder in the state folder, made if missing. `settings` must be plain JSON."""
    parts = {
        "settings": settings,
        "inputs": [sha256_file(path) for path in inputs],
        "modules": {name: sha256_file(_source(name)) for name in sorted(family.modules)},
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    folder = state.resume() / key
    folder.mkdir(exist_ok=True)
    return folder


def _source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)


@dataclass(frozen=True)
class Finished:
    """One seed's outcome, as kept for a later run: predictions, usage figures, what was chosen."""

    predictions: pd.DataFrame
    record: dict[str, Any]


class SeedFolder:
    """One seed's part of a cell's folder. Its record is written last and means "complete"."""

    def __init__(self, cell: Path, seed: int) -> None:
        self.seed = seed
        self.folder = cell / f"seed{seed}"
        self.folder.mkdir(exist_ok=True)
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir(exist_ok=True)
        self.model = self.folder / "model"

    def finished(self, with_model: bool) -> Finished | None:
        """What an earlier run left, or None if it did not finish (or kept no model, if one is needed)."""
        record = self.folder / "record.json"
        if with_model and not self.model.is_dir():
            record.unlink(missing_ok=True)  # so that a model half saved is not taken for a finished one
        if not record.exists():
            return None
        return Finished(pq.read_table(self.folder / "predictions.parquet").to_pandas(), read_json(record))

    def finish(self, outcome: Finished, with_model: bool) -> None:
        """Keep the outcome; drop the scratch folder, and the model unless it is needed."""
        with atomic(self.folder / "predictions.parquet") as temporary:
            pq.write_table(pa.Table.from_pandas(outcome.predictions, preserve_index=False), temporary)
        if not with_model:
            shutil.rmtree(self.model, ignore_errors=True)
        write_json(self.folder / "record.json", outcome.record)
        shutil.rmtree(self.scratch, ignore_errors=True)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as plain JSON."""
    return json.loads(json.dumps(asdict(value)))  # type: ignore[no-any-return]
