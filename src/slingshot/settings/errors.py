"""The error that the user can mend, and how it is printed without harm to a terminal.

Labels, texts, licences, titles and file names are data: `visible` writes out the characters in them that a terminal
would obey. This module is on the lowest floor, since every room raises `UserError`.
"""

from __future__ import annotations

import re

import click

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that turn the direction of writing."""
HELD = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+)|\[Errno (\d+)\]")
"""How errors of tokenizers and safetensors, and shutil's of many files, hold the operating system's number."""


class UserError(click.ClickException):
    """Something that the user can mend: the message names the file, the key and the remedy."""

    def format_message(self) -> str:
        return visible(self.message)


def visible(text: str) -> str:
    """The text with what a terminal would obey written out: an escape as `\\x1b`."""
    return OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def refusal(error: Exception) -> int | None:
    """The operating system's number (errno) of an error that comes from it; None for any other."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, click.ClickException):
        return None
    match = HELD.search(str(error))
    return int(next(filter(None, match.groups()))) if match else None
