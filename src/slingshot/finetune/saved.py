"""slingshot.json in a trained model's folder: what loading it takes, so that it needs no repository."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, classifier
from slingshot.settings import FAMILIES, Family, UserError, nearest

FILE = "slingshot.json"


@dataclass(frozen=True)
class Saved:
    """slingshot.json: the model's family, and its class names in label order."""

    family: str
    labels: tuple[str, ...]

    def write(self, folder: Path) -> None:
        write_json(folder / FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Saved:
        """Raises UserError when the folder holds no model."""
        path = folder / FILE
        if not path.is_file():
            raise UserError(
                f"{folder}: not a trained model, as it holds no {FILE}; name a folder that `slingshot export` made, "
                "or data/models/DATASET/MODEL"
            )
        value = read_json(path)
        try:
            saved = cls(str(value["family"]), tuple(map(str, value["labels"])))
        except (KeyError, TypeError):
            raise UserError(f"{path}: expected family and labels; export the model again") from None
        if saved.family not in FAMILIES:
            raise UserError(
                f"{path}: unknown family '{saved.family}'{nearest(saved.family, FAMILIES)}"
            )
        return saved

    def load(self, folder: Path, device: str) -> Classifier[Family]:
        """The model on `device`, its weights from safetensors. Raises UserError when a file is missing or broken."""
        from safetensors import SafetensorError

        # The libraries read these at their import. Their bars and notes would stand among our own.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        # Where the right to read a file is lacking, the error names it; the libraries would say that it is missing.
        for file in folder.iterdir():
            file.open("rb").close()
        try:
            return classifier(FAMILIES[self.family]).load(folder, device)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{folder}: can't be loaded ({error}); export the model again"
            ) from None
