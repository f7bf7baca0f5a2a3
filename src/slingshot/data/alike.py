"""Finds labels that read as one, because they differ only in what a person does not see or takes for the same.

Capitals, Unicode form, blanks, marks of no width and the way a number is written are folded. Punctuation, signs and
accents carry meaning and stay. Nothing is renamed here: the result is what to ask the user about.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters that are no white space
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef]"
)
"""Characters without ink: Unicode's Default_Ignorable_Code_Point, but for the tags that tell flags apart."""
BRAILLE_BLANK = "\u2800"
"""The only blank that Unicode does not count as white space."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
MINUS = "\u2212"


def key(label: str) -> str:
    """What the label reads as: two labels read as one where their keys are equal."""
    text = unicodedata.normalize("NFD", UNSEEN.sub("", label))
    for _ in range(2):  # toNFKC_Casefold of the Unicode Standard, section 3.13
        text = unicodedata.normalize("NFKC", text.casefold())
    text = " ".join(text.replace(BRAILLE_BLANK, " ").split())
    number = text.replace(MINUS, "-")
    return _value(number) if NUMBER.fullmatch(number) else text


def _value(number: str) -> str:
    """One spelling of a decimal number, without rounding it."""
    whole, _, fraction = f"{Decimal(number):f}".partition(".")
    value = f"{whole}.{fraction.rstrip('0')}".rstrip(".")
    return "0" if value == "-0" else value


def twins(labels: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Label -> the first known label that it reads as, for the labels that have one."""
    first: dict[str, str] = {}
    for name in known:
        first.setdefault(key(name), name)
    return {label: first[key(label)] for label in labels if key(label) in first}


def visible(label: str) -> str:
    """The label with escapes, as YAML and Python write them, for characters that are invisible or look like others."""
    composed = unicodedata.is_normalized("NFC", label)
    return "".join(_escaped(c) if _hidden(c) or not (composed or c.isascii()) else c for c in label)


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
