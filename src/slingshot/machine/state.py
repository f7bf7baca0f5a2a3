"""Where durable state is kept: downloads, the hub's revisions, resume folders, converted checkpoints. (The ledger is
kept elsewhere: see llm.asked.ledger_place.)

The folder is $SLINGSHOT_STATE, else `slingshot/` beside DVC's cache folder, so that worktrees and
`dvc exp run --temp` or `--queue` runs, whose configuration names the original's cache, share it.
DVC's configuration files say where its cache is; starting `dvc` to ask would take a second.
"""

from __future__ import annotations

import os
from pathlib import Path

from slingshot.settings import UserError


def root() -> Path:
    """The state folder, made if missing. Raises UserError outside a DVC repository or for a relative path."""
    chosen = os.environ.get("SLINGSHOT_STATE")
    folder = Path(chosen).expanduser() if chosen else beside_cache()
    if not folder.is_absolute():
        raise UserError(
            f"SLINGSHOT_STATE is '{chosen}': make it absolute, so that every worktree shares it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def beside_cache() -> Path:
    """The folder beside DVC's cache, chosen or not. Raises UserError outside a DVC repository."""
    return cache_dir().parent.absolute() / "slingshot"


def cache_dir() -> Path:
    """DVC's cache folder, of the repository around the working directory. Raises UserError outside one."""
    from dvc.config import Config

    dvc_dir = next(
        (p / ".dvc" for p in (Path.cwd(), *Path.cwd().parents) if (p / ".dvc").is_dir()), None
    )
    if dvc_dir is None:
        raise UserError(
            "no .dvc folder here or above: run this in the repository, or set SLINGSHOT_STATE"
        )
    cache = Config(str(dvc_dir), validate=False).get("cache", {}).get("dir")
    return Path(cache) if cache else dvc_dir / "cache"


def downloads() -> Path:
    """Archives under their sha256, shared by data sets, queued runs and worktrees."""
    return _subfolder("downloads")


def revisions() -> Path:
    """The commit that each data set from the hub was last read at (see data.revision)."""
    return _subfolder("revisions")


def checkpoints() -> Path:
    """Checkpoints converted once, under the sha256 of what they were made from."""
    return _subfolder("checkpoints")


def resume() -> Path:
    """Unfinished and finished training runs, one folder a key (see finetune.resume)."""
    return _subfolder("resume")


def _subfolder(name: str) -> Path:
    folder = root() / name
    folder.mkdir(exist_ok=True)
    return folder
