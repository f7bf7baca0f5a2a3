"""How all commands print and fail.

Labels, texts, licences, titles and file names are data and may contain control characters that a terminal would obey.
So all output goes through `echo`, `terminal` or `progress`, which show these characters as escapes. An error of the
machine (a full disk, a missing permission, no memory) ends a command with one message that names the file and the
remedy. A bug in the program keeps its traceback. No figure depends on this module, so it is in no stage's deps in
dvc.yaml. It imports only click at the top, so that `slingshot --help` answers at once.
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
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from slingshot.settings import UserError

WIDTH = 100
"""Columns of tables where the output is not a terminal."""
DEBUG = "SLINGSHOT_DEBUG"
REMEDIES = {
    errno.EACCES: (
        "permission denied",
        "give yourself permission (`ls -ld` shows who has it)",
    ),
    errno.EDQUOT: ("your quota of its disk is used up", "make room and run this again"),
    errno.EEXIST: ("exists already, and is not a folder", "move it away"),
    errno.EISDIR: (
        "is a folder, but should be a file",
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
        "a part of its path is a file, but should be a folder",
        "move that file away",
    ),
    errno.EPERM: ("not permitted", "give yourself permission (`ls -ld` shows who has it)"),
    errno.EROFS: (
        "its disk is read-only",
        "make it writable (or move it, if it is the state folder: SLINGSHOT_STATE)",
    ),
}
"""Error number of the operating system -> the problem and the remedy."""
ALLOCATOR = "DefaultCPUAllocator"
"""The word that marks torch's RuntimeError for a tensor that memory has no room for."""


def _visible(text: str) -> str:
    # Loading slingshot.settings takes a tenth of a second, which `slingshot --help` avoids.
    from slingshot.settings.errors import visible

    return visible(text)


def echo(text: str, *, err: bool = False, fg: str | None = None) -> None:
    """Print a line on standard output, or with `err` on standard error. `fg` is click's name of a colour."""
    with printing(err=err):
        shown = _visible(text)
        click.echo(click.style(shown, fg=fg) if fg else shown, err=err)


def echo_json(value: object) -> None:
    """Print JSON, in ASCII."""
    text = json.dumps(value, indent=2, default=str, allow_nan=False)
    echo(text.replace("\x7f", "\\u007f"))  # the only control character that JSON does not escape


def terminal(file: TextIO | None = None) -> Console:
    """The console for tables. It shows strings as they are, without markup.

    Output that does not go to a terminal has no colours and a fixed width. NO_COLOR is respected.
    """
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(_visible(text), **options)

        def print(self, *objects: object, **options: Any) -> None:
            with printing():
                super().print(*objects, **options)

    console = PlainConsole(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    return console


@contextmanager
def printing(*, err: bool = False) -> Iterator[None]:
    """Put the stream's name into an error of writing to it, because the operating system leaves the name out."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = f"standard {'error' if err else 'output'}"
        # At its exit Python would flush the stream again, and fail again.
        setattr(sys, "stderr" if err else "stdout", io.StringIO())
        raise


def print_traceback() -> None:
    """Print the traceback of the current exception on standard error."""
    _print_traceback(*sys.exc_info())


def _print_traceback(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    lines = traceback.format_exception(kind, error, trace)
    click.echo(_visible("".join(lines)), err=True, nl=False)


class Command(click.Command):
    """A command that prints and fails as this module's docstring says."""

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A character that the encoding lacks is shown as an escape, instead of raising an error.
                stream.reconfigure(errors="backslashreplace")
        sys.excepthook = _print_traceback
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with explained():
            return super().invoke(ctx)


class Group(Command, click.Group):
    """A group of such commands."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of the machine into a UserError.

    With $SLINGSHOT_DEBUG the traceback of every error that becomes a message is printed first.
    """
    try:
        yield
    except (BrokenPipeError, click.exceptions.Exit, click.Abort):  # click ends quietly on these
        raise
    except Exception as error:
        has_message = isinstance(error, click.ClickException)
        machine_error = None if has_message else _machine_error(error)
        if (has_message or machine_error) and os.environ.get(DEBUG):
            print_traceback()
        if machine_error:
            raise machine_error from None
        raise


def _machine_error(error: Exception) -> UserError | None:
    """The message for an error of the machine; None for a bug in the program."""
    from slingshot.settings.errors import UserError, errno_of

    # A library that the command has not loaded can't have raised the error, so it need not be loaded here either.
    # Arrow's errors are not handled here: the module that reads a parquet file turns them into errors that name it.
    torch, sqlite3 = (sys.modules.get(name) for name in ("torch", "sqlite3"))
    text = " ".join(str(error).split())
    number = errno_of(error)
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


def _refused(number: int | None, file: object, text: str) -> UserError:
    from slingshot.settings.errors import UserError

    problem, remedy = REMEDIES.get(number or 0, (text, f"set {DEBUG}=1 to see where"))
    prefix = f"{os.fsdecode(file)}: " if isinstance(file, str | bytes | os.PathLike) else ""
    return UserError(f"{prefix}{problem}; {remedy}")
