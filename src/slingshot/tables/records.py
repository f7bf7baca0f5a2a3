"""What the readers of all formats share: the format by its suffix, the check of columns, and rows in blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from slingshot.settings import UserError
from slingshot.tables import headers
from slingshot.tables.decoding import ReadOptions

T = TypeVar("T")
CHUNK = 2**22
"""Characters after which a block of rows ends: these rows are Python objects at once."""


def file_format(path: Path, formats: Collection[str], compressions: Collection[str]) -> str:
    """The suffix that names the format, before that of a compression. Raises UserError for an unknown one."""
    lower = Path(path.name.lower())
    suffix = lower.with_suffix("").suffix if lower.suffix in compressions else lower.suffix
    if suffix not in formats:
        if not suffix and lower.suffix in compressions:
            raise UserError(
                f"{path}: its name does not say what it holds; name it e.g. {path.stem}.csv{path.suffix}"
            )
        known = f"{', '.join(formats)}, each also with {', '.join(compressions)}"
        raise UserError(f"{path}: unknown format '{suffix}'; expected {known}")
    return suffix


def check_columns(
    path: Path, names: Iterable[str], header: Sequence[str], options: ReadOptions
) -> None:
    """Raises UserError if the header lacks a used column, with the most similar one, or has it twice."""
    for name in names:
        if name not in header:
            raise headers.missing(path, name, header, [], options)
        if header.count(name) > 1:
            raise UserError(f"{path}: column '{name}' appears twice; rename one")


def blocks(rows: Iterator[T], most: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """Blocks of up to `most` rows, each ended early once it has CHUNK characters. size: characters of a row."""
    block: list[T] = []
    characters = 0
    for row in rows:
        block.append(row)
        characters += size(row)
        if len(block) == most or characters >= CHUNK:
            yield block
            block, characters = [], 0
    if block:
        yield block
