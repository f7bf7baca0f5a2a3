"""Where the ledger lies, and whether it is the one that this repository's money was spent from.

By default it lies in a folder of the user's own, outside the work tree, under the repository's root commit: clones,
worktrees and the copies that `dvc exp run --temp` and `--queue` make share it, and `git clean` does not reach it.
$SLINGSHOT_STATE wins, and a ledger that lies beside a cache outside the work tree stays there.

A lost ledger does not make the money unspent. So before the first payment the ledger's id is written beside DVC's
cache, and dvc.lock knows which LLMs have answered.
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
    "`dvc pull` brings data/answers and `slingshot ledger --rebuild` takes them with their bills; "
    "`slingshot ledger --confirm-loss` accepts that the rest is gone and that its budget starts anew"
)


@dataclass(frozen=True)
class Place:
    """The ledger's file, and whether it may be paid from."""

    file: Path
    refusal: str | None = None
    """Why nothing may be paid from this ledger, with the remedy."""


def find() -> Place:
    """The ledger's place.

    A ledger in the work tree's state folder is moved out of it, and the move is said. A ledger beside a cache
    elsewhere, which others may share, stays there.

    Raises UserError where another process has a ledger open that is to be moved.
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
            f"{folder}: the ledger belongs there ({why}): set SLINGSHOT_STATE to a lasting folder",
        )
    if inside.is_file():
        _move(inside, folder / NAME)
    return Place(folder / NAME)


def check(ledger: Ledger, place: Place, llm: str) -> None:
    """Allow payment for an LLM from this ledger, and mark that money is spent from it.

    Raises UserError where the ledger that knows what was spent is another one or is gone.
    """
    if place.refusal:
        raise UserError(f"Nothing is paid from here: {place.refusal}")
    signs = lost(ledger, [llm])
    if signs:
        raise UserError(
            f"{ledger.path}: money was spent that this ledger knows nothing of: {'; '.join(signs)}. So nothing is "
            f"sent: {REMEDY}"
        )
    ledger.know("llm", [llm])
    mark(ledger)


def lost(ledger: Ledger, llms: Iterable[str]) -> list[str]:
    """Signs of money that was spent on these LLMs, or from another ledger, and that this ledger knows nothing of."""
    own = ledger.known("self") | ledger.known("ledger")
    remedy = ""
    if os.environ.get("SLINGSHOT_STATE"):
        remedy = f" (if it still lies there, copy it to {ledger.path}, or unset SLINGSHOT_STATE)"
    signs = []
    for marker in _markers():
        if marker.name not in own:
            place = marker.read_text(encoding="utf-8", errors="replace")
            signs.append(f"{marker} names a ledger that lay at {place}{remedy}")
    paid, known = locked.paid(), ledger.known("llm")
    for llm in llms:
        if llm in paid and llm not in known:
            signs.append(f"{locked.LOCK} holds answers of '{llm}' ({', '.join(paid[llm])})")
    return signs


def settle(ledger: Ledger) -> None:
    """Accept this ledger as the one that knows all that was spent."""
    ledger.know("ledger", [marker.name for marker in _markers()])
    ledger.know("llm", locked.paid())
    mark(ledger)


def mark(ledger: Ledger) -> None:
    """Write beside DVC's cache that money is spent from this ledger."""
    marker = _payers() / ledger.id
    if not marker.is_file():
        with atomic(marker) as temporary:
            temporary.write_text(str(ledger.path), encoding="utf-8")


def _markers() -> list[Path]:
    """The files that mark payment, one for each ledger, each named by the ledger's id."""
    return sorted(_payers().glob("[0-9a-f]" * 32))


def _payers() -> Path:
    """The folder of this repository's marks, beside DVC's cache if there is one, which other projects may share."""
    try:
        folder = state.beside_cache()
    except UserError:
        folder = state.root()
    return folder / "payers" / (_root_commit()[0] or "")


def _root_commit() -> tuple[str | None, str | None]:
    """The first commit of the repository around the working directory, or why nothing may be paid without it.

    Both are None outside a repository, and before its first commit.
    """
    shallow = _git("rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        if not any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
            return None, None
        return (
            None,
            f"git can't read this repository, whose first commit names its ledger: {shallow.stderr.strip()}",
        )
    if shallow.stdout.strip() == "true":
        return None, (
            "this clone is shallow and does not know its repository's first commit, which names its ledger: run "
            "`git fetch --unshallow`, or set SLINGSHOT_STATE to a lasting folder"
        )
    roots = _git("rev-list", "--max-parents=0", "--first-parent", "HEAD")
    if roots.returncode == 0:
        return roots.stdout.split()[-1], None
    if _git("rev-parse", "--verify", "--quiet", "HEAD").returncode:
        return None, None
    return (
        None,
        f"git can't find this repository's first commit, which names its ledger: {roots.stderr.strip()}",
    )


def _in_work_tree(file: Path) -> bool:
    """Whether the file lies in the work tree around the working directory."""
    top = Path(_git("rev-parse", "--show-toplevel").stdout.strip())
    return file.resolve().is_relative_to(top.resolve())


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    call = ["git", *words]
    try:
        return subprocess.run(call, capture_output=True, text=True)
    except OSError as error:
        return subprocess.CompletedProcess(call, 127, "", f"git: {error}")


def _move(inside: Path, outside: Path) -> None:
    """Merge a ledger in the state folder into the one at the new place, which may exist already."""
    lock = inside.with_name(f"{NAME}-move.lock")
    with ExitStack() as turn:
        with suppress(
            OSError
        ):  # a file system without locks: there only one process has the ledger open
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
        f"The ledger of paid answers has moved out of the work tree: {inside} -> {outside}"
    )
