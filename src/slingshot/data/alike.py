"""Finds labels that read the same, because they differ only in what a person does not see or does not tell apart.

Capitals, Unicode form, blanks, marks of no width and the way a number is written are folded. Punctuation, signs and
accents carry meaning and stay. Nothing is renamed here: the user decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from slingshot.files.notes.characters import BRAILLE_BLANK, UNSEEN

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
MINUS = "\u2212"


def key(label: str) -> str:
    """What the label reads as: two labels read the same if their keys are equal."""
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
    """Label -> the first known label that reads the same, for the labels that have one."""
    first: dict[str, str] = {}
    for name in known:
        first.setdefault(key(name), name)
    return {label: first[key(label)] for label in labels if key(label) in first}
