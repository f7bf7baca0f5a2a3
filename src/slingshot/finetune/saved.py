"""slingshot.json in a trained model's folder. With it the model can be loaded without a repository."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from slingshot.files import paths
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, classifier, device
from slingshot.settings import FAMILIES, Family, RunSettings, UserError, nearest

FILE = "slingshot.json"


@dataclass(frozen=True)
class Saved:
    """The model's family, and its class names in label order."""

    family: str
    labels: tuple[str, ...]

    def write(self, folder: Path) -> None:
        write_json(folder / FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Saved:
        """Read the file in `folder`. Raises UserError where it is missing or malformed."""
        path = folder / FILE
        if not path.is_file():
            raise UserError(
                f"{folder}: not a trained model, because it has no {FILE}; name a folder that `slingshot export` made, "
                f"or {paths.model('DATASET', 'MODEL')}"
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

    def load(self, folder: Path) -> Classifier[Family]:
        """Load the model from safetensors, onto the best device. Raises UserError where a file is missing or broken."""
        from safetensors import SafetensorError

        # The libraries read these variables when they are imported. Their bars and notes would mix with our own.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        # Without permission to read a file this raises an error that names it. The libraries would call it missing.
        for file in folder.iterdir():
            file.open("rb").close()
        family = FAMILIES[self.family]
        try:
            return classifier(family).load(folder, device(family, RunSettings()))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{folder}: the model can't be loaded ({error}); export it again"
            ) from None
