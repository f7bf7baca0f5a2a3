"""What every command shares: what it shows, and how it fails.

Labels, texts, licences, titles and file names are data: all that is printed goes through `echo`, `terminal` or
`progress`, which show the characters in them that a terminal would obey. What goes wrong with the machine (a full disk,
a lost right, memory) ends a command in one message with the file and the remedy; a fault of the program keeps its
traceback. No figure depends on this module, so it is no stage's dependency in dvc.yaml; and nothing but click
is imported at the top, so that `slingshot --help` answers at once.
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from slingshot.settings.errors import UserError, refusal, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH = 100
"""Columns of tables where the output is no terminal."""
DEBUG = "SLINGSHOT_DEBUG"
REMEDIES = {
    errno.EACCES: (
        "permission denied",
        "give yourself the right to it (`ls -ld` shows who has it)",
    ),
    errno.EDQUOT: ("your quota of its disk is used up", "make room and run this again"),
    errno.EEXIST: ("is there already, and is no folder", "move it away"),
    errno.EISDIR: (
        "is a folder, where a file should be",
        "move it away, then run `dvc repro` or `dvc checkout`",
    ),
    errno.EMFILE: (
        "too many files are open",
        "allow more with `ulimit -n 4096`, and run this again",
    ),
    errno.ENFILE: (
        "too many files are open on this machine",
        "stop other programs, and run this again",
    ),
    errno.ENOENT: (
        "not found",
        "run `dvc repro` or `dvc checkout` if the study makes it, or install it",
    ),
    errno.ENOMEM: (
        "no memory is left",
        "stop other programs, or lower max_rows or batch_size in params.yaml",
    ),
    errno.ENOSPC: ("no space is left on its disk", "make room and run this again"),
    errno.ENOTDIR: (
        "a part of its path is a file, where a folder should be",
        "move that file away",
    ),
    errno.EPERM: ("not permitted", "give yourself the right to it (`ls -ld` shows who has it)"),
    errno.EROFS: (
        "its disk is read-only",
        "make it writable (or move it, if it is the state folder: SLINGSHOT_STATE)",
    ),
}
"""What the operating system refuses, and the remedy."""
ALLOCATOR = "DefaultCPUAllocator"
"""In torch's RuntimeError, where memory for a tensor is lacking."""


def echo(text: str, *, err: bool = False, fg: str | None = None) -> None:
    """Print a line, on standard error with `err`."""
    with printing(err=err):
        click.echo(click.style(visible(text), fg=fg) if fg else visible(text), err=err)


def echo_json(value: Any) -> None:
    """Print JSON, in ASCII."""
    text = json.dumps(value, indent=2, default=str, allow_nan=False)
    echo(text.replace("\x7f", "\\u007f"))  # the only control character that JSON leaves as it is


def terminal(file: TextIO | None = None) -> Console:
    """Where tables are printed: strings as they are, without markup; plain and of a fixed width where the output is no
    terminal. NO_COLOR is respected."""
    from rich.console import Console

    class Plain(Console):
        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(visible(text), **how)

        def print(self, *objects: Any, **how: Any) -> None:
            with printing():
                super().print(*objects, **how)

    made = Plain(file=file, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made


@contextmanager
def printing(*, err: bool = False) -> Iterator[None]:
    """An error of what standard output, or error, is sent to names it, as the operating system does not."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = f"standard {'error' if err else 'output'}"
        setattr(
            sys, "stderr" if err else "stdout", io.StringIO()
        )  # Python would try it again at its end
        raise


def print_traceback() -> None:
    """Of the exception that is being handled, on standard error."""
    _print_traceback(*sys.exc_info())


def _print_traceback(*error: Any) -> None:
    click.echo(visible("".join(traceback.format_exception(*error))), err=True, nl=False)


class Command(click.Command):
    """A command that fails as this module's docstring says."""

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(
                    errors="backslashreplace"
                )  # what its encoding lacks is shown, not an error
        sys.excepthook = _print_traceback
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with explained():
            return super().invoke(ctx)


class Group(Command, click.Group):
    """A group whose commands do."""


@contextmanager
def explained() -> Iterator[None]:
    """Raises UserError for what goes wrong with the machine. With $SLINGSHOT_DEBUG the traceback of any error is
    printed before it ends in its message."""
    try:
        yield
    except (BrokenPipeError, click.exceptions.Exit, click.Abort):  # no errors: click ends quietly
        raise
    except Exception as error:
        known = isinstance(error, click.ClickException)
        told = None if known else _of_machine(error)
        if (known or told) and os.environ.get(DEBUG):
            print_traceback()
        if told:
            raise told from None
        raise


def _of_machine(error: Exception) -> UserError | None:
    """What to say of an error that is the machine's; None for the program's own."""
    # Only what a command has loaded can have raised one of theirs. Arrow's are no machine's: who reads a file names it.
    torch, sqlite3 = (sys.modules.get(name) for name in ("torch", "sqlite3"))
    text = " ".join(str(error).split())
    number = refusal(error)
    if isinstance(error, OSError):
        return _refused(number, error.filename2 or error.filename, error.strerror or text)
    if (
        isinstance(error, MemoryError)
        or (torch and isinstance(error, torch.OutOfMemoryError))
        or ALLOCATOR in text
    ):
        return _refused(errno.ENOMEM, None, text)
    if sqlite3 and isinstance(error, sqlite3.Error):
        return UserError(f"a file can't be read or written: {text}; run `dvc repro`")
    return _refused(number, None, text) if number else None


def _refused(number: int | None, file: Any, text: str) -> UserError:
    what, remedy = REMEDIES.get(number or 0, (text, f"set {DEBUG}=1 to see where"))
    named = f"{os.fsdecode(file)}: " if isinstance(file, str | bytes | os.PathLike) else ""
    return UserError(f"{named}{what}; {remedy}")
