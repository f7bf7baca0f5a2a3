"""Calls dvc in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def run(arguments: Sequence[str]) -> int:
    """Run this environment's dvc, and return its exit code. Its stages find this environment's `python3`."""
    binaries = str(Path(sys.executable).parent)
    path = os.pathsep.join((binaries, os.environ.get("PATH", os.defpath)))
    call = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(call, env={**os.environ, "PATH": path}).returncode
