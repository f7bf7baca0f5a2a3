"""The state folder: downloads, the hub's revisions, resume folders and converted checkpoints.

It is $SLINGSHOT_STATE, or else `slingshot/` beside DVC's cache. So worktrees share it, and so do the copies of the
repository that `dvc exp run --temp` and `--queue` make, because their configuration names the original's cache. The
cache's path is read from DVC's configuration files, because starting `dvc` would take a second. The ledger is in
another folder: see llm.asked.ledger_place.
"""

from __future__ import annotations

import os
from pathlib import Path

from slingshot.settings import UserError


def root() -> Path:
    """The state folder, which is made if missing. Raises UserError outside a DVC repository, or for a relative path."""
    chosen = os.environ.get("SLINGSHOT_STATE")
    folder = Path(chosen).expanduser() if chosen else beside_cache()
    if not folder.is_absolute():
        raise UserError(
            f"SLINGSHOT_STATE is '{chosen}': make it absolute, so that every worktree shares it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def beside_cache() -> Path:
    """The folder beside DVC's cache, whatever $SLINGSHOT_STATE says. Raises UserError outside a DVC repository."""
    return cache_dir().parent.absolute() / "slingshot"


def cache_dir() -> Path:
    """The cache folder of the DVC repository around the working directory. Raises UserError outside a repository."""
    from dvc.config import Config

    folders = [folder / ".dvc" for folder in (Path.cwd(), *Path.cwd().parents)]
    dvc_dir = next((folder for folder in folders if folder.is_dir()), None)
    if dvc_dir is None:
        raise UserError(
            "no .dvc folder here or above: run this in the repository, or set SLINGSHOT_STATE"
        )
    cache = Config(str(dvc_dir), validate=False).get("cache", {}).get("dir")
    return Path(cache) if cache else dvc_dir / "cache"


def downloads() -> Path:
    """Downloaded archives, named by their sha256. Data sets, queued runs and worktrees share them."""
    return _subfolder("downloads")


def revisions() -> Path:
    """For each data set from the hub, the commit that was last read (see data.revision)."""
    return _subfolder("revisions")


def checkpoints() -> Path:
    """Converted checkpoints, named by the sha256 of the file that they were made from."""
    return _subfolder("checkpoints")


def resume() -> Path:
    """Unfinished and finished training runs, one folder for each key (see finetune.resume)."""
    return _subfolder("resume")


def _subfolder(name: str) -> Path:
    folder = root() / name
    folder.mkdir(exist_ok=True)
    return folder
