"""Escapes text from data and settings for Markdown, so that it shows as it is and GitHub does not link it.

Labels, titles, licences and notes that quote them appear in report/summary.md, in pull requests and on model cards.
There they must not begin a table, tag, image, list or formula. GitHub also links @names, #2, GH-2, hashes of commits
and addresses, after it has rendered the Markdown. So a backslash does not prevent a link, but an invisible space inside
the text does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from slingshot.settings.errors import visible

SPACE = "\u200b"
"""A space of zero width."""
ESCAPED = re.compile(r"[\\`*|~#]|(?<![^\W_])_|_(?![^\W_])|\[(?![-+−]?\d[-+−–\d.,% ]*\](?![(\[:]))")
"""Characters that begin markup. An underscore inside a word does not, nor the bracket of an interval as [0.1, 0.2]."""
BLOCK = re.compile(r"^(?:(?=[-+=](?:[\s=-]|$))|(\d{1,9})(?=[.)](?:\s|$)))")
"""The place before the beginning of a text that would become a list, a line or a heading."""
LINKED = re.compile(
    r"(?<=[@#])(?=\\?\w)|(?<=\w)(?=@)|(?<=(?<![^\W_])gh-)(?=\d)|(?<=:)(?=//)"
    r"|(?<=(?<![^\W_])ww)(?=w\b)|(?<=:)(?=[\w+\\-]+:)",
    re.IGNORECASE,
)
"""Places inside @name, #2, GH-2, http://, www. and :smile: (which would become a picture). A `_` in them may be escaped
already."""
HASH = re.compile(r"(?<![^\W_])(?<!\d\.)[0-9a-f]{7,40}(?![^\W_])", re.IGNORECASE)
"""The hash of a commit. The decimals of a figure are not one, and GitHub does not link hashes under 7 digits."""


def plain(text: str) -> str:
    """The text, on one line, as Markdown that only shows it."""
    shown = visible(" ".join(text.split()))
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(character, name)
    shown = HASH.sub(
        lambda match: SPACE.join(re.findall(".{1,6}", match[0])), ESCAPED.sub(r"\\\g<0>", shown)
    )
    shown = LINKED.sub(SPACE, BLOCK.sub(r"\g<1>\\", shown))
    return shown.replace("$", "<span>$</span>")  # GitHub's own escape for a formula


def code(text: str) -> str:
    """The text, on one line, as code, where GitHub links nothing."""
    shown = visible(" ".join(text.split()))
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}{shown}{fence}" if len(fence) == 1 else f"{fence} {shown} {fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], side: str = "---") -> str:
    """A table of plain text. `side` is the alignment of all columns except the first."""
    rule = "| " + " | ".join(["---"] + [side] * (len(head) - 1)) + " |"
    return "\n".join([_line(head), rule, *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(plain, cells)) + " |"


def bullets(lines: Iterable[str]) -> str:
    """A list of plain text."""
    return "\n".join(f"- {plain(line)}" for line in lines)
