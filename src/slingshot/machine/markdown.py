"""Text from data and settings inside Markdown: it reads as what it is, and GitHub does nothing of its own with it.

Labels, titles, licences and notes that quote them stand in report/summary.md, in pull requests and on model cards.
There no table, tag, image, list or formula may begin inside them, and GitHub may link nothing: it makes links of
@names, #2, GH-2, hashes of commits and addresses in the text that it has rendered, where no backslash helps. An
invisible space inside them does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from slingshot.settings.errors import visible

SPACE = "\u200b"
"""Zero width."""
ESCAPED = re.compile(r"[\\`*|~#]|(?<![^\W_])_|_(?![^\W_])|\[(?![-+−]?\d[-+−–\d.,% ]*\](?![(\[:]))")
"""What begins markup: an underscore within a word does not, nor the bracket of an interval."""
BLOCK = re.compile(r"^(?:(?=[-+=](?:[\s=-]|$))|(\d{1,9})(?=[.)](?:\s|$)))")
"""Before what makes a list, a line or a heading of a text that begins with it."""
LINKED = re.compile(
    r"(?<=[@#])(?=\\?\w)|(?<=\w)(?=@)|(?<=(?<![^\W_])gh-)(?=\d)|(?<=:)(?=//)|(?<=(?<![^\W_])ww)(?=w\b)|(?<=:)(?=[\w+\\-]+:)",
    re.IGNORECASE,
)
"""Inside @name, #2, GH-2, http://, www. and :smile:, the last of which becomes a picture; also where a `_` in them is
escaped already."""
HASH = re.compile(r"(?<![^\W_])(?<!\d\.)[0-9a-f]{7,40}(?![^\W_])", re.IGNORECASE)
"""A commit's; decimals of a figure are none. Under 7 digits GitHub takes it for none."""


def plain(text: str) -> str:
    """The text, in one line, as Markdown that shows it and does nothing else."""
    told = visible(" ".join(text.split()))
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        told = told.replace(character, name)
    told = HASH.sub(
        lambda found: SPACE.join(re.findall(".{1,6}", found[0])), ESCAPED.sub(r"\\\g<0>", told)
    )
    told = LINKED.sub(SPACE, BLOCK.sub(r"\g<1>\\", told))
    return told.replace("$", "<span>$</span>")  # GitHub's own way to say that no formula begins


def code(text: str) -> str:
    """The text, in one line, in the type of code, in which GitHub links nothing."""
    told = visible(" ".join(text.split()))
    fence = "`" * (1 + max(map(len, re.findall("`+", told)), default=0))
    return f"{fence}{told}{fence}" if len(fence) == 1 else f"{fence} {told} {fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], side: str = "---") -> str:
    """A table of plain text; `side` aligns all columns but the first."""
    first, *others = ([plain(cell) for cell in row] for row in (head, *rows))
    lines = [first, ["---", *(side for _ in first[1:])], *others]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    """A list of plain text."""
    return "\n".join(f"- {plain(line)}" for line in lines)
