"""Escapes text from data and settings for Markdown, so that it shows as it is and GitHub makes nothing of it.

Labels, titles, licences and notes that quote them stand in report/summary.md, in pull requests and on model cards.
There they must not begin a table, tag, image, list or formula, and GitHub must not link them. GitHub makes links of
@names, #2, GH-2, hashes of commits and addresses in the text that it has rendered: a backslash does not prevent that,
and an invisible space inside them does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from slingshot.settings.errors import visible

SPACE = "\u200b"
"""Zero width."""
ESCAPED = re.compile(r"[\\`*|~#]|(?<![^\W_])_|_(?![^\W_])|\[(?![-+−]?\d[-+−–\d.,% ]*\](?![(\[:]))")
"""What begins markup. An underscore within a word does not, nor does the bracket of an interval such as [0.1, 0.2]."""
BLOCK = re.compile(r"^(?:(?=[-+=](?:[\s=-]|$))|(\d{1,9})(?=[.)](?:\s|$)))")
"""The place before a beginning of a text that would make it a list, a line or a heading."""
LINKED = re.compile(
    r"(?<=[@#])(?=\\?\w)|(?<=\w)(?=@)|(?<=(?<![^\W_])gh-)(?=\d)|(?<=:)(?=//)|(?<=(?<![^\W_])ww)(?=w\b)|(?<=:)(?=[\w+\\-]+:)",
    re.IGNORECASE,
)
"""Places inside @name, #2, GH-2, http://, www. and :smile: (which becomes a picture), also where a `_` in them is
escaped already."""
HASH = re.compile(r"(?<![^\W_])(?<!\d\.)[0-9a-f]{7,40}(?![^\W_])", re.IGNORECASE)
"""The hash of a commit. Decimals of a figure are none, and GitHub links none under 7 digits."""


def plain(text: str) -> str:
    """The text, in one line, as Markdown that shows it and does nothing else."""
    shown = visible(" ".join(text.split()))
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(character, name)
    shown = HASH.sub(
        lambda match: SPACE.join(re.findall(".{1,6}", match[0])), ESCAPED.sub(r"\\\g<0>", shown)
    )
    shown = LINKED.sub(SPACE, BLOCK.sub(r"\g<1>\\", shown))
    return shown.replace("$", "<span>$</span>")  # GitHub's own way to say that no formula begins


def code(text: str) -> str:
    """The text, in one line, as code, in which GitHub links nothing."""
    shown = visible(" ".join(text.split()))
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}{shown}{fence}" if len(fence) == 1 else f"{fence} {shown} {fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], side: str = "---") -> str:
    """A table of plain text; `side` aligns all columns but the first."""
    first, *others = ([plain(cell) for cell in row] for row in (head, *rows))
    lines = [first, ["---", *(side for _ in first[1:])], *others]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    """A list of plain text."""
    return "\n".join(f"- {plain(line)}" for line in lines)
