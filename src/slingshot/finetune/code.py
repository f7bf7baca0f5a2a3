"""Finds our own modules that a family's training runs, from their imports.

The source of these modules is part of the key of a resume folder. So a change in one family retrains only that family.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import slingshot

ROOT = Path(slingshot.__file__).parent.parent
LEFT_OUT = ("slingshot.settings", "slingshot.machine.console")
"""Modules that no figure depends on. The values of the settings are in the key anyway."""


def sources(*modules: str) -> dict[str, Path]:
    """Module -> its file: `modules`, and all of our own that they import, at the top or inside a function."""
    reached: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        file = _file(module)
        if file is not None and module not in reached and not module.startswith(LEFT_OUT):
            reached[module] = file
            waiting += _imported(file)
    return reached


def _file(module: str) -> Path | None:
    """The file of one of our own modules; None for any other name."""
    file = ROOT / f"{module.replace('.', '/')}.py"
    return file if module.startswith("slingshot.") and file.is_file() else None


def _imported(file: Path) -> Iterator[str]:
    """The names that a file imports. `from a import b` gives both a and a.b, because b may be a module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
