"""Where pretrained weights come from: a pip package, a local folder, a GGUF file, or a hub id.

A weight file is compared with its pinned sha256 before anything loads it. Weights in another format than safetensors
are converted first: a GGUF file at its first use, a pickle only by `slingshot convert`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from slingshot.files.storage.atomic import scratch
from slingshot.files.storage.digests import sha256_file
from slingshot.machine import state
from slingshot.pretrained import conversion, hub, packages
from slingshot.pretrained.packages import GGUF, PACKAGE, REMEDY
from slingshot.settings import Checkpoint, UserError

FILES = ("*.json", "*.txt", "*.jinja", "*.model", "*.safetensors")
LOCAL = "name a local folder with its files as `checkpoint` in params.yaml"
PICKLE = "pytorch_model.bin"


class LoadingLog(Protocol):
    """The functions of transformers.utils.logging that are used here."""

    def disable_progress_bar(self) -> object: ...

    def set_verbosity_error(self) -> object: ...


def locate(checkpoint: Checkpoint) -> str:
    """A local folder with the weights as safetensors, checked against `sha256` and ready for `from_pretrained`.

    Raises UserError when a package or file is missing, a digest differs or the hub can't be reached.
    """
    _silence_loading()
    folder = _folder(checkpoint)
    for file, digest in checkpoint.sha256.items():
        if not file.endswith(GGUF):  # _converted compares these
            _compare(folder / file, digest)
    if any(folder.glob("*.safetensors")):
        return str(folder)
    pickle = _pickle(checkpoint, folder)
    converted = state.checkpoints() / sha256_file(pickle)
    with conversion.sole(converted):
        whole = conversion.is_whole(converted, "convert it again")
    if not whole:
        raise UserError(
            f"checkpoint '{checkpoint.checkpoint}' has its weights only in {PICKLE}, a pickle, and pickles are not "
            f"loaded: run `slingshot convert {checkpoint.checkpoint}` once, which converts it to safetensors"
        )
    return str(converted)


def convert(checkpoint: Checkpoint) -> Path:
    """Convert a checkpoint's pickle to safetensors, unless that is done already. Returns the folder.

    Raises UserError where the checkpoint has safetensors already, or the pickle contains more than tensors.
    """
    folder = _folder(checkpoint)
    if any(folder.glob("*.safetensors")):
        raise UserError(
            f"checkpoint '{checkpoint.checkpoint}' has safetensors already: nothing to convert"
        )
    pickle = _pickle(checkpoint, folder)
    target = state.checkpoints() / sha256_file(pickle)
    with conversion.once(target) as converted:
        if converted:
            others = shutil.ignore_patterns("*.bin", "*.safetensors", ".*")
            shutil.copytree(folder, converted, ignore=others)
            conversion.convert_pickle(pickle, converted / "model.safetensors")
    return target


def _folder(checkpoint: Checkpoint) -> Path:
    """The local folder of the checkpoint. Files from the hub are fetched, and GGUF files are converted."""
    name = checkpoint.checkpoint
    # Only the settings of a causal LM have the key `gguf`, the name of a GGUF file in a folder or a repository.
    gguf: str | None = getattr(checkpoint, "gguf", None)
    if name.startswith(PACKAGE):
        package = name.removeprefix(PACKAGE)
        parts = packages.gguf_parts(package)
        if parts:
            return _joined(checkpoint, parts)
        file = packages.gguf_file(package, gguf)
        return _converted(checkpoint, file, file.name) if file else packages.folder(package)
    if name.endswith(GGUF):
        return _converted(checkpoint, Path(name), Path(name).name)
    if Path(name).is_dir():
        return _converted(checkpoint, Path(name) / gguf, gguf) if gguf else Path(name)
    if Path(name).is_absolute() or name.startswith("."):
        raise UserError(f"params.yaml: checkpoint '{name}' is not a folder")
    if name.count("/") != 1:
        hint = "write package:NAME for a pip package, or OWNER/NAME for the hub"
        raise UserError(
            f"params.yaml: checkpoint '{name}' is neither a folder nor an id of the hub: {hint}"
        )
    fetched = hub.fetch(name, "model", checkpoint.revision, (gguf,) if gguf else FILES, LOCAL)[0]
    return _converted(checkpoint, fetched / gguf, gguf) if gguf else fetched


def _pickle(checkpoint: Checkpoint, folder: Path) -> Path:
    """The pickle with the weights, fetched from the hub if need be. Raises UserError where there is none."""
    name = checkpoint.checkpoint
    if not name.startswith(PACKAGE) and not Path(name).is_dir():
        folder = hub.fetch(name, "model", checkpoint.revision, (*FILES, PICKLE), LOCAL)[0]
    if not (folder / PICKLE).is_file():
        raise UserError(f"checkpoint '{name}' has neither safetensors nor {PICKLE}")
    return folder / PICKLE


def _silence_loading() -> None:
    """Hide transformers' loading bars and its notes on newly initialised weights, which would bury our own progress."""
    import transformers

    log: LoadingLog = transformers.utils.logging
    log.disable_progress_bar()
    log.set_verbosity_error()


def _compare(file: Path, digest: str) -> None:
    if not file.is_file():
        raise UserError(f"{file}: not found, though params.yaml pins its sha256; {REMEDY}")
    actual = sha256_file(file)
    if actual != digest:
        raise UserError(
            f"{file}: its sha256 is {actual}, but params.yaml pins {digest}, so it is not loaded; {REMEDY}"
        )


def _converted(checkpoint: Checkpoint, file: Path, name: str) -> Path:
    """The folder of the converted GGUF file, which is converted at its first use. `name` is its key in `sha256`."""
    if not file.is_file():
        raise UserError(f"{file}: GGUF file not found; see checkpoint and gguf in params.yaml")
    others = [pinned for pinned in checkpoint.sha256 if pinned.endswith(GGUF) and pinned != name]
    if others:
        raise UserError(
            f"params.yaml: sha256 pins {others[0]}, but the file of '{checkpoint.checkpoint}' is {name}"
        )
    if name in checkpoint.sha256:
        _compare(file, checkpoint.sha256[name])
    target = state.checkpoints() / sha256_file(file)
    with conversion.once(target) as converted:
        if converted:
            conversion.convert_gguf(file, converted)
    return target


def _joined(checkpoint: Checkpoint, parts: list[Path]) -> Path:
    """The folder of a converted GGUF file that comes in parts. The parts are joined only at the first use."""
    file = parts[0].name.rpartition(".part")[0]
    digest = checkpoint.sha256.get(file)
    if digest is None:
        raise UserError(
            f"params.yaml: the sha256 of '{file}' ({checkpoint.checkpoint}) is missing; add it"
        )
    target = state.checkpoints() / digest
    with conversion.sole(target):
        if conversion.is_whole(target):
            return target
    with scratch(target) as temporary:
        temporary.mkdir()
        joined = temporary / file
        with joined.open("wb") as out:
            for part in parts:
                with part.open("rb") as chunk:
                    shutil.copyfileobj(chunk, out)
        return _converted(checkpoint, joined, file)
