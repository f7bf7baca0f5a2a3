"""Which of our own modules a family's training runs, read from their imports.

The source of these modules is part of the key of a resume folder, so a change in one family retrains that family alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import slingshot

ROOT = Path(slingshot.__file__).parent.parent
LEFT_OUT = ("slingshot.settings", "slingshot.machine.console")
"""No figure depends on their code: the key holds the settings themselves."""


def sources(*modules: str) -> dict[str, Path]:
    """Module -> its file: these, and all of ours that they import, at the top or inside a function."""
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
    file = ROOT / f"{module.replace('.', '/')}.py"
    return file if module.startswith("slingshot.") and file.is_file() else None


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
