"""A thin click script for each stage, run as `python3 -m stages.NAME` in the root of the repository.

This module runs before every stage. It puts the src of the working directory first on the path, so that a queued
experiment runs its own code and not the workspace's. A Python outside the project's environment stops with the remedy.
"""

import importlib.metadata
import os
import sys

sys.path.insert(0, "src")
# Threads that spin while they wait are slow on a busy machine: training beside another process was measured to be 7
# times as fast when they sleep. The variable is read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    importlib.metadata.distribution("slingshot")
except importlib.metadata.PackageNotFoundError:
    sys.exit(
        f"Error: {sys.executable} is not the project's environment, so this stage can't run.\n"
        "Run `make repro`; or `. .venv/bin/activate` first, then `dvc repro`."
    )
