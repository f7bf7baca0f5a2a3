"""What a user's file holds, as its suffix says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from slingshot.settings import UserError


def file_format(path: Path, formats: Collection[str], compressions: Collection[str]) -> str:
    """The suffix that says the format, without that of a compression. Raises UserError for an unknown one."""
    lower = Path(path.name.lower())
    suffix = lower.with_suffix("").suffix if lower.suffix in compressions else lower.suffix
    if suffix not in formats:
        known = f"{', '.join(formats)}, each also with {', '.join(compressions)}"
        raise UserError(f"{path}: unknown format '{suffix}'; expected {known}")
    return suffix
