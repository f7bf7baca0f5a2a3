"""The error that the user can fix, and the escapes that make text from data safe to print in a terminal.

Labels, texts, licences, titles and file names are data and may contain control characters that a terminal would obey.
This module is on the lowest floor, because every room raises `UserError`.
"""

from __future__ import annotations

import re

import click

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters except tab and newline, and characters that change the direction of writing."""
ERRNO = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+)|\[Errno (\d+)\]")
"""The errno in the text of an error. Tokenizers, safetensors, and shutil for many files give it only there."""


class UserError(click.ClickException):
    """An error that the user can fix: the message names the file, the key and the remedy."""

    def format_message(self) -> str:
        return visible(self.message)


def visible(text: str) -> str:
    """The text with escapes, such as `\\x1b`, in place of characters that a terminal would obey."""
    return OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def errno_of(error: Exception) -> int | None:
    """The errno of an error of the operating system; None for any other error."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, click.ClickException):
        return None
    match = ERRNO.search(str(error))
    return int(next(filter(None, match.groups()))) if match else None
