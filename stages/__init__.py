"""One thin click script a stage, run as `python3 -m stages.NAME` in the root of the repository.

This runs before any stage: it puts the working directory's own src first on the path, so that a
queued experiment runs its own code and not the workspace's, and stops a Python that is not the
project's environment with the remedy.
"""

import importlib.metadata
import os
import sys

sys.path.insert(0, "src")
# Threads that wait for each other by spinning lose most of a busy machine: measured, training beside
# another process is 7 times as fast when they sleep. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    importlib.metadata.distribution("slingshot")
except importlib.metadata.PackageNotFoundError:
    sys.exit(
        f"Error: {sys.executable} is not the project's environment, so this stage can't run.\n"
        "Run `make repro`; or `. .venv/bin/activate` first, then `dvc repro`."
    )
