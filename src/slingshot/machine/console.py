"""What all commands share: how they print, and how they fail.

Labels, texts, licences, titles and file names are data and may hold characters that a terminal would obey. So all
output goes through `echo`, `terminal` or `progress`, which write these characters out. An error of the machine (a full
disk, a lost right, memory) ends a command in one message with the file and the remedy; a fault of the program keeps its
traceback. No figure depends on this module, so dvc.yaml names it under no stage. It imports nothing but click at the
top, so that `slingshot --help` answers at once.
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
"""Number of an error of the operating system -> what it refuses, and the remedy."""
ALLOCATOR = "DefaultCPUAllocator"
"""Stands in torch's RuntimeError where memory for a tensor is lacking."""


def _visible(text: str) -> str:
    # The package of settings takes a tenth of a second to load, which `slingshot --help` does without.
    from slingshot.settings.errors import visible

    return visible(text)


def echo(text: str, *, err: bool = False, fg: str | None = None) -> None:
    """Print a line, on standard error with `err`."""
    with printing(err=err):
        shown = _visible(text)
        click.echo(click.style(shown, fg=fg) if fg else shown, err=err)


def echo_json(value: object) -> None:
    """Print JSON, in ASCII."""
    text = json.dumps(value, indent=2, default=str, allow_nan=False)
    echo(text.replace("\x7f", "\\u007f"))  # the only control character that JSON leaves as it is


def terminal(file: TextIO | None = None) -> Console:
    """The console that tables are printed on. It shows strings as they are, without markup.

    Where the output is no terminal it is plain and of a fixed width. NO_COLOR is respected.
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
    """Put the name of standard output, or error, into an error of writing to it: the operating system leaves it out."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = f"standard {'error' if err else 'output'}"
        # Python would flush the stream again at its end, and fail again.
        setattr(sys, "stderr" if err else "stdout", io.StringIO())
        raise


def print_traceback() -> None:
    """Print the traceback of the exception that is being handled, on standard error."""
    _print_traceback(*sys.exc_info())


def _print_traceback(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    lines = traceback.format_exception(kind, error, trace)
    click.echo(_visible("".join(lines)), err=True, nl=False)


class Command(click.Command):
    """A command that fails as the docstring of this module describes."""

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A character that the encoding lacks is shown as an escape and is no error.
                stream.reconfigure(errors="backslashreplace")
        sys.excepthook = _print_traceback
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with explained():
            return super().invoke(ctx)


class Group(Command, click.Group):
    """A group whose commands fail in that way."""


@contextmanager
def explained() -> Iterator[None]:
    """Raises UserError for an error of the machine. With $SLINGSHOT_DEBUG every error that ends in a message prints its
    traceback first."""
    try:
        yield
    except (BrokenPipeError, click.exceptions.Exit, click.Abort):  # no errors: click ends quietly
        raise
    except Exception as error:
        has_message = isinstance(error, click.ClickException)
        machine_error = None if has_message else _of_machine(error)
        if (has_message or machine_error) and os.environ.get(DEBUG):
            print_traceback()
        if machine_error:
            raise machine_error from None
        raise


def _of_machine(error: Exception) -> UserError | None:
    """The message of an error of the machine; None for one of the program."""
    from slingshot.settings.errors import UserError, refusal

    # Only libraries that a command has loaded can have raised an error of theirs. Arrow's errors are left out: what
    # reads a file turns them into errors that name it.
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


def _refused(number: int | None, file: object, text: str) -> UserError:
    from slingshot.settings.errors import UserError

    what, remedy = REMEDIES.get(number or 0, (text, f"set {DEBUG}=1 to see where"))
    prefix = f"{os.fsdecode(file)}: " if isinstance(file, str | bytes | os.PathLike) else ""
    return UserError(f"{prefix}{what}; {remedy}")
