"""Shows labels with escapes in place of characters that are invisible or look like others."""

from __future__ import annotations

import re
import unicodedata

UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters that are not white space
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef]"
)
"""Invisible characters: Unicode's Default_Ignorable_Code_Point, except the tags that tell flags apart."""
BRAILLE_BLANK = "\u2800"
"""The only blank that Unicode does not count as white space."""
LONG = 80
"""Most characters of a label that a note shows."""


def visible(label: str) -> str:
    """The label with escapes, as YAML and Python write them, for characters that are invisible or look like others."""
    composed = unicodedata.is_normalized("NFC", label)
    return "".join(_escaped(c) if _hidden(c) or not (composed or c.isascii()) else c for c in label)


def quoted(label: str) -> str:
    """The visible label in quotes, cut after LONG characters."""
    shown = visible(label)
    return f"'{shown}'" if len(shown) <= LONG else f"'{shown[:LONG]}...'"


def _hidden(character: str) -> bool:
    lookalike = unicodedata.decomposition(character).startswith(("<compat>", "<noBreak>"))
    return (
        lookalike
        or not character.isprintable()
        or bool(UNSEEN.match(character))
        or character == BRAILLE_BLANK
    )


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"
