"""Pretrained weights that installed pip packages carry: a checkpoint's folder, or a GGUF file whole or in parts."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from slingshot.settings import UserError

PACKAGE = "package:"
"""What a checkpoint in a package begins with in params.yaml."""
GGUF = ".gguf"
REMEDY = "run `make install`, which installs the packages of weights.txt"


def folder(package: str) -> Path:
    """The folder of the package's checkpoint. Raises UserError where it is not installed or holds none."""
    folders = [file.parent for file in _files(package) if file.name == "config.json"]
    if not folders:
        raise UserError(f"the package '{package}' holds no config.json, so no checkpoint")
    return min(folders, key=lambda folder: len(folder.parts))


def gguf_parts(package: str) -> list[Path]:
    """The chunks of a GGUF file that PACKAGE-part1, PACKAGE-part2, ... carry, in order."""
    prefix = f"{_normal(package)}-part"
    installed = {
        distribution.metadata["Name"] for distribution in importlib.metadata.distributions()
    }
    packages = {name for name in installed if name and _normal(name).startswith(prefix)}
    chunks = [file for name in packages for file in _files(name) if ".gguf.part" in file.name]
    return sorted(chunks, key=lambda file: file.name)


def gguf_file(package: str, name: str | None) -> Path | None:
    """The GGUF file of a package, the one called `name` where it has several; null where it has none."""
    files = [file for file in _files(package) if file.suffix == GGUF]
    candidates = [file for file in files if name in (None, file.name)]
    if name and not candidates:
        raise UserError(f"the package '{package}' holds no {name}")
    if len(candidates) > 1:
        listed = ", ".join(sorted(file.name for file in candidates))
        raise UserError(
            f"the package '{package}' holds several GGUF files: name one as gguf, {listed}"
        )
    return candidates[0] if candidates else None


def _files(package: str) -> list[Path]:
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"the weight package '{package}' is not installed: {REMEDY}") from None
    return [Path(str(file.locate())) for file in files]


def _normal(name: str) -> str:
    """A package's name with "-" for "_" and in small letters, as pip compares names."""
    return name.lower().replace("_", "-")
