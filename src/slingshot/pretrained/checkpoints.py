"""Where pretrained weights come from: a pip package, a local folder, a GGUF file, or a hub id.

A weight file is compared with its pinned sha256 before anything loads it. A GGUF file is converted once into
safetensors, in the state folder under the file's digest, because loading it takes most of a minute and the converted
folder seconds. So is, by `slingshot convert`, a checkpoint that has its weights in a pickle only: nothing else here
reads one. A converted folder is compared with its digests at every use.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from slingshot.files.storage.atomic import atomic, scratch
from slingshot.files.storage.digests import sha256_file
from slingshot.machine import sealed, state
from slingshot.pretrained import hub, loading
from slingshot.settings import Checkpoint, UserError
from slingshot.settings.errors import refusal

PACKAGE = "package:"
FILES = ("*.json", "*.txt", "*.jinja", "*.model", "*.safetensors")
GGUF = ".gguf"
LOCAL = "name a local folder with its files as `checkpoint` in params.yaml"
PICKLE = "pytorch_model.bin"
REMEDY = "run `make install`, which installs the packages of weights.txt"


def locate(checkpoint: Checkpoint) -> str:
    """A local folder with the weights as safetensors, checked against `sha256` and ready for `from_pretrained`.

    Raises UserError when a package or file is missing, a digest differs or the hub can't be reached.
    """
    _silence_loading()
    folder = _folder(checkpoint)
    for file, digest in checkpoint.sha256.items():
        if not file.endswith(GGUF):  # which is compared where it is converted
            _compare(folder / file, digest)
    if any(folder.glob("*.safetensors")):
        return str(folder)
    pickle = _pickle(checkpoint, folder)
    converted = state.checkpoints() / sha256_file(pickle)
    with _sole(converted):
        whole = _whole(converted, "convert it again")
    if not whole:
        raise UserError(
            f"checkpoint '{checkpoint.checkpoint}' has its weights in {PICKLE} only, a pickle, which is not loaded: "
            f"run `slingshot convert {checkpoint.checkpoint}` once, which makes safetensors of it"
        )
    return str(converted)


def convert(checkpoint: Checkpoint) -> Path:
    """Make safetensors of a checkpoint's pickle, once, in a process of its own; returns the folder.

    The pickle is read with torch.load(weights_only=True), which builds tensors and calls nothing else. Raises
    UserError where the checkpoint has safetensors already, or the pickle holds anything else.
    """
    folder = _folder(checkpoint)
    if any(folder.glob("*.safetensors")):
        raise UserError(
            f"checkpoint '{checkpoint.checkpoint}' has safetensors already: nothing to convert"
        )
    pickle = _pickle(checkpoint, folder)
    target = state.checkpoints() / sha256_file(pickle)
    with _once(target) as made:
        if made:
            shutil.copytree(
                folder, made, ignore=shutil.ignore_patterns("*.bin", "*.safetensors", ".*")
            )
            _convert_pickle(pickle, made / "model.safetensors")
    return target


def _convert_pickle(pickle: Path, file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONVERT, str(pickle), str(file)], capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        if refusal(RuntimeError(reason)):
            raise RuntimeError(reason)  # of the disk; `atomic` names the folder
        raise UserError(
            f"{pickle}: not converted, as torch.load(weights_only=True) refuses it: {reason}"
        )


_CONVERT = """
import sys
import torch
from safetensors.torch import save_file
weights = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, sys.argv[2], {"format": "pt"})
"""


def _folder(checkpoint: Checkpoint) -> Path:
    name = checkpoint.checkpoint
    # Only a causal LM can be a GGUF file of a folder or a repository.
    gguf: str | None = getattr(checkpoint, "gguf", None)
    if name.startswith(PACKAGE):
        package = name.removeprefix(PACKAGE)
        parts = _gguf_parts(package)
        if parts:
            return _joined(checkpoint, parts)
        file = _packaged_gguf(package, gguf)
        return _converted(checkpoint, file, file.name) if file else _package_folder(package)
    if name.endswith(GGUF):
        return _converted(checkpoint, Path(name), Path(name).name)
    if Path(name).is_dir():
        return _converted(checkpoint, Path(name) / gguf, gguf) if gguf else Path(name)
    if Path(name).is_absolute() or name.startswith("."):
        raise UserError(f"params.yaml: checkpoint '{name}' is not a folder")
    if name.count("/") != 1:
        hint = "write package:NAME for a pip package, or OWNER/NAME for the hub"
        raise UserError(f"params.yaml: checkpoint '{name}' is no folder and no hub id: {hint}")
    fetched = hub.fetch(name, "model", checkpoint.revision, (gguf,) if gguf else FILES, LOCAL)[0]
    return _converted(checkpoint, fetched / gguf, gguf) if gguf else fetched


def _pickle(checkpoint: Checkpoint, folder: Path) -> Path:
    """The one file that holds the weights where there are no safetensors."""
    name = checkpoint.checkpoint
    if not name.startswith(PACKAGE) and not Path(name).is_dir():
        folder = hub.fetch(name, "model", checkpoint.revision, (*FILES, PICKLE), LOCAL)[0]
    if not (folder / PICKLE).is_file():
        raise UserError(f"checkpoint '{name}' holds neither safetensors nor {PICKLE}")
    return folder / PICKLE


def _silence_loading() -> None:
    """Loading bars and "newly initialised" notes would bury the progress that matters."""
    import transformers

    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _compare(file: Path, digest: str) -> None:
    if not file.is_file():
        raise UserError(f"{file}: not found, though params.yaml pins its sha256; {REMEDY}")
    found = sha256_file(file)
    if found != digest:
        raise UserError(
            f"{file}: sha256 is {found}, params.yaml pins {digest}; it is not loaded. To mend it, {REMEDY}"
        )


def _files(package: str) -> list[Path]:
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"the weight package '{package}' is not installed: {REMEDY}") from None
    return [Path(str(file.locate())) for file in files]


def _package_folder(package: str) -> Path:
    folders = [file.parent for file in _files(package) if file.name == "config.json"]
    if not folders:
        raise UserError(f"the package '{package}' holds no config.json, so no checkpoint")
    return min(folders, key=lambda folder: len(folder.parts))


def _gguf_parts(package: str) -> list[Path]:
    """The chunks of a GGUF file that PACKAGE-part1, PACKAGE-part2, ... carry, in order."""
    names = [d.metadata["Name"] for d in importlib.metadata.distributions()]
    wanted = package.lower().replace("_", "-") + "-part"
    parts = {name for name in names if name and name.lower().replace("_", "-").startswith(wanted)}
    return sorted(
        (f for part in parts for f in _files(part) if ".gguf.part" in f.name), key=lambda f: f.name
    )


def _packaged_gguf(package: str, name: str | None) -> Path | None:
    """The GGUF file of a package, the one called `name` where it has several; null where it has none."""
    files = [file for file in _files(package) if file.suffix == GGUF]
    found = [file for file in files if name in (None, file.name)]
    if name and not found:
        raise UserError(f"the package '{package}' holds no {name}")
    if len(found) > 1:
        listed = ", ".join(sorted(file.name for file in found))
        raise UserError(
            f"the package '{package}' holds several GGUF files: name one as gguf, {listed}"
        )
    return found[0] if found else None


def _converted(checkpoint: Checkpoint, file: Path, name: str) -> Path:
    """The folder that a GGUF file is converted into, once; `name` is what its digest is pinned by."""
    if not file.is_file():
        raise UserError(f"{file}: no such GGUF file; see checkpoint and gguf in params.yaml")
    others = [pinned for pinned in checkpoint.sha256 if pinned.endswith(GGUF) and pinned != name]
    if others:
        raise UserError(
            f"params.yaml: sha256 pins {others[0]}, but '{checkpoint.checkpoint}' is {name}"
        )
    if name in checkpoint.sha256:
        _compare(file, checkpoint.sha256[name])
    target = state.checkpoints() / sha256_file(file)
    with _once(target) as made:
        if made:
            _convert_gguf(file, made)
    return target


def _joined(checkpoint: Checkpoint, parts: list[Path]) -> Path:
    file = parts[0].name.rpartition(".part")[0]
    digest = checkpoint.sha256.get(file)
    if digest is None:
        raise UserError(
            f"params.yaml: sha256 of '{file}' ({checkpoint.checkpoint}) is missing; pin it"
        )
    target = state.checkpoints() / digest
    with _sole(target):
        if _whole(target):
            return target
    with scratch(target) as temporary:
        temporary.mkdir()
        joined = temporary / file
        with joined.open("wb") as out:
            for part in parts:
                with part.open("rb") as chunk:
                    shutil.copyfileobj(chunk, out)
        return _converted(checkpoint, joined, file)


@contextlib.contextmanager
def _once(target: Path) -> Iterator[Path | None]:
    """Yield the folder to convert into, which becomes `target` once it is whole; None where `target` is whole."""
    with _sole(target):
        if _whole(target):
            yield None
            return
        with atomic(target) as made:
            yield made
            sealed.seal(made)


def _sole(target: Path) -> AbstractContextManager[None]:
    """Hold a converted checkpoint alone, or wait while another process checks or converts it."""
    return sealed.sole(
        target.with_name(f"{target.name}.lock"), f"{target}: another process converts or checks it"
    )


def _whole(converted: Path, then: str = "it is converted anew") -> bool:
    """Whether it is there, as it was made; a damaged one is set aside, with what happens `then`."""
    if not converted.is_dir():
        return False
    why = sealed.damage(converted)
    if why:
        sealed.set_aside(converted, why, then)
    return why is None


def _convert_gguf(file: Path, folder: Path) -> None:
    """Raises UserError where the file is malformed, or no causal LM that transformers can load."""
    import torch
    import transformers

    where = {"gguf_file": file.name}
    how: dict[str, Any] = {**where, "dtype": torch.float32, "output_loading_info": True}
    try:
        loaded: Any = loading.pretrained(transformers.AutoModelForCausalLM, file.parent, **how)
        tokenizer = loading.pretrained(transformers.AutoTokenizer, file.parent, **where)
    except UserError:
        raise
    except Exception as error:  # a malformed file may raise anything
        raise UserError(f"{file}: not a GGUF file of a causal language model: {error}") from None
    model, info = loaded
    loading.check_causal(model.eval(), info, file)
    # The loader leaves quantisation marks that make save_pretrained refuse a plain fp32 model.
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
