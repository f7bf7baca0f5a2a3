"""Where pretrained weights come from: a pip package, a local folder, or a hub id.

A weight file is compared with its pinned sha256 before anything loads it. A GGUF file is
converted once into safetensors, in the state folder under the file's digest, because loading it
takes most of a minute and the converted folder seconds.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from pathlib import Path
from typing import Any

from slingshot import state
from slingshot.settings import Checkpoint, UserError
from slingshot.tables import sha256_file

PACKAGE = "package:"
REMEDY = "run `make install`, which installs the packages of weights.txt"


def locate(checkpoint: Checkpoint) -> str:
    """A local folder, checked against `sha256` and ready for `from_pretrained`, or the hub id.

    Raises UserError when a package or file is missing or a digest differs.
    """
    _silence_loading()
    name = checkpoint.checkpoint
    if name.startswith(PACKAGE):
        package = name.removeprefix(PACKAGE)
        parts = _gguf_parts(package)
        if parts:
            return str(_converted(checkpoint, parts))
        folder = _package_folder(package)
    elif Path(name).is_dir():
        folder = Path(name)
    elif Path(name).is_absolute() or name.startswith("."):
        raise UserError(f"params.yaml: checkpoint '{name}' is not a folder")
    elif name.count("/") != 1:
        hint = "write package:NAME for a pip package, or OWNER/NAME for the hub"
        raise UserError(f"params.yaml: checkpoint '{name}' is no folder and no hub id: {hint}")
    elif checkpoint.sha256:
        raise UserError(f"params.yaml: the files of hub id '{name}' can't be compared with sha256; name a local folder")
    else:
        return name
    for file, digest in checkpoint.sha256.items():
        _compare(folder / file, digest)
    return str(folder)


def check_length(checkpoint: Checkpoint, config: Any) -> None:
    """Raises UserError when texts would be cut longer than the model can read."""
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and 0 < limit < checkpoint.max_length:
        raise UserError(
            f"params.yaml: max_length is {checkpoint.max_length}, "
            f"but {checkpoint.checkpoint} reads {limit} tokens at most"
        )


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
        raise UserError(f"{file}: sha256 is {found}, params.yaml pins {digest}; it is not loaded. To mend it, {REMEDY}")


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
    return sorted((f for part in parts for f in _files(part) if ".gguf.part" in f.name), key=lambda f: f.name)


def _converted(checkpoint: Checkpoint, parts: list[Path]) -> Path:
    file = parts[0].name.rpartition(".part")[0]
    digest = checkpoint.sha256.get(file)
    if digest is None:
        raise UserError(f"params.yaml: sha256 of '{file}' ({checkpoint.checkpoint}) is missing; pin it")
    target = state.checkpoints() / digest
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=state.checkpoints()) as temporary:
        joined = Path(temporary) / file
        with joined.open("wb") as out:
            for part in parts:
                with part.open("rb") as chunk:
                    shutil.copyfileobj(chunk, out)
        _compare(joined, digest)
        converted = Path(temporary) / "converted"
        _convert_gguf(joined, converted)
        try:
            converted.rename(target)
        except OSError:  # another process was first, with the same content
            if not target.is_dir():
                raise
    return target


def _convert_gguf(file: Path, folder: Path) -> None:
    import torch
    import transformers

    # The loader leaves quantisation marks that make save_pretrained refuse a plain fp32 model.
    where = {"gguf_file": file.name}
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **where)
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(file.parent, **where).save_pretrained(folder)
