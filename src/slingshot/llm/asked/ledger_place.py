"""Finds the ledger's file, and checks that it is the ledger that paid for this repository's answers.

By default the file is in the user's own data folder, in a folder named by the repository's root commit. So clones,
worktrees and the copies that `dvc exp run --temp` and `--queue` make share it, and `git clean` does not reach it.
$SLINGSHOT_STATE takes precedence, and a ledger beside a DVC cache outside the work tree stays there.

Money is still spent when its ledger is lost. So before the first payment the ledger's id is written beside DVC's cache,
and dvc.lock shows which LLMs have answered.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_data_path

from slingshot.files.storage.atomic import atomic
from slingshot.llm.asked import locked
from slingshot.llm.asked.ledger import Ledger
from slingshot.machine import progress, state
from slingshot.settings import UserError

NAME = "ledger.sqlite"
REMEDY = (
    "`dvc pull` fetches data/answers, and `slingshot ledger --rebuild` takes in these answers with their bills; "
    "`slingshot ledger --confirm-loss` accepts that the rest is lost and that its budget starts again"
)


@dataclass(frozen=True)
class Place:
    """The ledger's file, and whether it may pay."""

    file: Path
    refusal: str | None = None
    """Why this ledger may not pay, with the remedy; None where it may."""


def find() -> Place:
    """The ledger's place.

    A ledger in a state folder inside the work tree is moved out of it, and a line reports the move. A ledger beside a
    cache elsewhere, which others may share, stays there. Raises UserError where another process has a ledger open that
    must be moved.
    """
    inside = state.root() / NAME
    if os.environ.get("SLINGSHOT_STATE"):
        return Place(inside)
    root, refusal = _root_commit()
    if root is None:
        return Place(inside, refusal)
    if inside.is_file() and not _in_work_tree(inside):
        return Place(inside)
    folder = user_data_path("slingshot") / root
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
        why = "not writable"
    except OSError as error:
        writable, why = False, str(error)
    if not writable:
        return Place(
            inside,
            f"{folder}: the ledger can't be in this folder ({why}): set SLINGSHOT_STATE to a durable folder",
        )
    if inside.is_file():
        _move(inside, folder / NAME)
    return Place(folder / NAME)


def check(ledger: Ledger, place: Place, llm: str) -> None:
    """Check that this ledger may pay for an LLM, and mark that it pays.

    Raises UserError where another ledger, or a lost one, has paid before.
    """
    if place.refusal:
        raise UserError(f"This ledger may not pay: {place.refusal}")
    signs = lost(ledger, [llm])
    if signs:
        raise UserError(
            f"{ledger.path}: money was spent that is not in this ledger: {'; '.join(signs)}. So nothing is sent: "
            f"{REMEDY}"
        )
    ledger.know("llm", [llm])
    mark(ledger)


def lost(ledger: Ledger, llms: Iterable[str]) -> list[str]:
    """Signs that another ledger, or a lost one, has paid, for these LLMs or at all; in words, with the place."""
    own = ledger.known("self") | ledger.known("ledger")
    remedy = ""
    if os.environ.get("SLINGSHOT_STATE"):
        remedy = f" (if it is still there, copy it to {ledger.path}, or unset SLINGSHOT_STATE)"
    signs = []
    for marker in _markers():
        if marker.name not in own:
            place = marker.read_text(encoding="utf-8", errors="replace")
            signs.append(f"{marker} names a ledger that was at {place}{remedy}")
    paid, covered = locked.paid(), ledger.known("llm")
    for llm in llms:
        if llm in paid and llm not in covered:
            signs.append(f"{locked.LOCK} has answers of '{llm}' ({', '.join(paid[llm])})")
    return signs


def settle(ledger: Ledger) -> None:
    """Accept this ledger as complete, i.e. as the one with all money that was spent."""
    ledger.know("ledger", [marker.name for marker in _markers()])
    ledger.know("llm", locked.paid())
    mark(ledger)


def mark(ledger: Ledger) -> None:
    """Write beside DVC's cache that this ledger pays."""
    marker = _payers() / ledger.id
    if not marker.is_file():
        with atomic(marker) as temporary:
            temporary.write_text(str(ledger.path), encoding="utf-8")


def _markers() -> list[Path]:
    """The marks of ledgers that pay. Each is a file named by the ledger's id."""
    return sorted(_payers().glob("[0-9a-f]" * 32))


def _payers() -> Path:
    """The folder of this repository's marks, beside DVC's cache if there is one. Other projects may share the cache."""
    try:
        folder = state.beside_cache()
    except UserError:
        folder = state.root()
    return folder / "payers" / (_root_commit()[0] or "")


def _root_commit() -> tuple[str | None, str | None]:
    """The first commit of the repository around the working directory, or else the reason why nothing may be paid.

    Both are None outside a repository, and before its first commit.
    """
    shallow = _git("rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        if not any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
            return None, None
        return (
            None,
            f"git can't read this repository, whose first commit names the ledger: {shallow.stderr.strip()}",
        )
    if shallow.stdout.strip() == "true":
        return None, (
            "this clone is shallow and lacks its repository's first commit, which names the ledger: run "
            "`git fetch --unshallow`, or set SLINGSHOT_STATE to a durable folder"
        )
    roots = _git("rev-list", "--max-parents=0", "--first-parent", "HEAD")
    if roots.returncode == 0:
        return roots.stdout.split()[-1], None
    if _git("rev-parse", "--verify", "--quiet", "HEAD").returncode:
        return None, None
    return (
        None,
        f"git can't find this repository's first commit, which names the ledger: {roots.stderr.strip()}",
    )


def _in_work_tree(file: Path) -> bool:
    """Whether the file is in the work tree around the working directory."""
    top = Path(_git("rev-parse", "--show-toplevel").stdout.strip())
    return file.resolve().is_relative_to(top.resolve())


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    call = ["git", *words]
    try:
        return subprocess.run(call, capture_output=True, text=True)
    except OSError as error:
        return subprocess.CompletedProcess(call, 127, "", f"git: {error}")


def _move(inside: Path, outside: Path) -> None:
    """Merge a ledger in the state folder into the one at its new place, which may exist already."""
    lock = inside.with_name(f"{NAME}-move.lock")
    with ExitStack() as turn:
        # A file system without locks raises OSError, but there only one process has the ledger open anyway.
        with suppress(OSError):
            turn.enter_context(FileLock(lock, fallback_to_soft=False))
        if not inside.is_file():
            return  # another process has just moved it
        with Ledger(inside) as old:
            old.be_alone()
            with Ledger(outside) as new:
                new.take_in(old)
                if old.known("llm"):
                    mark(new)
            inside.unlink()
        shutil.rmtree(inside.with_name(f"{NAME}-owners"), ignore_errors=True)
        lock.unlink(missing_ok=True)
    progress.say(
        f"The ledger of paid answers was moved out of the work tree: {inside} -> {outside}"
    )
