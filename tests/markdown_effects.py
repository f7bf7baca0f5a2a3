"""What a Markdown text does where GitHub shows it: markdown-it parses it, and patterns stand for GitHub's own links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

GITHUB = {
    "mention": r"(?<!\w)@\w",
    "issue": r"#\d|(?<![^\W_])gh-\d",
    "commit": r"(?<![0-9a-z])(?<!\d\.)[0-9a-f]{7,40}(?![0-9a-z])",
    "address": r"\w://|(?<![^\W_])www\.|\w@\w",
    "emoji": r":[\w+-]+:",
    "formula": r"(?<!\x00)\$",
}
"""In the text that is shown, outside code."""
INVISIBLE = "\u200b"


def parsed(markdown: str) -> list[Token]:
    """Flat, the contents of inline tokens in their place."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return list(_flat(parser.parse(markdown)))


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type != "inline":
            yield token
        yield from _flat(token.children or [])


def shown(markdown: str) -> str:
    """Its text, as one reads it."""
    words = {"softbreak": " ", "hardbreak": " ", "td_close": " ", "th_close": " "}
    parts = [
        token.content if token.type in ("text", "code_inline") else words.get(token.type, "")
        for token in parsed(markdown)
    ]
    return "".join(parts).replace(INVISIBLE, "")


def effects(markdown: str) -> list[str]:
    """What else it does than to show text: links, pictures, HTML, and what GitHub makes of words."""
    tokens, found, text = parsed(markdown), [], ""
    for token in tokens:
        ours = token.type == "html_inline" and token.content in ("<span>", "</span>")
        if (
            token.type
            in ("link_open", "image", "html_inline", "html_block", "s_open", "fence", "code_block")
            and not ours
        ):
            found.append(f"{token.type}: {token.content or token.attrs}")
        text += token.content if token.type == "text" else "\n" if not ours else "\x00"
    return found + [
        f"{kind}: {hit[0]}"
        for kind, pattern in GITHUB.items()
        for hit in re.finditer(pattern, text, re.I)
    ]
