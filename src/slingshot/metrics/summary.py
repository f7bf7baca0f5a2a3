"""What the stage evaluate prints about the pairs: a table, and one line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from slingshot.files.notes.base import plural
from slingshot.files.pairs import Difference, Pairs
from slingshot.settings.catalogue import METRICS

if TYPE_CHECKING:
    from rich.table import Table

UNCORRECTED = "p is not corrected for the number of pairs; `slingshot show` says who is better"


def table(pairs: Pairs) -> Table:
    """The pairs, for the terminal."""
    from rich.box import SIMPLE
    from rich.table import Table

    shown = Table("a", "b", "a - b", "interval", "p", box=SIMPLE)
    shown.title = METRICS[pairs.primary].title
    notes = [note.words for note in pairs.notes]
    if pairs.undecidable:
        notes.append(pairs.undecidable.words)
    shown.caption = "; ".join([*notes, UNCORRECTED])
    for pair in pairs.pairs:
        shown.add_row(pair.a, pair.b, *_cells(pair))
    return shown


def _cells(pair: Difference) -> tuple[str, str, str]:
    """The difference, its interval and p."""
    if pair.difference is None:
        return "undefined", "", ""
    if pair.low is None:
        return f"{pair.difference:+.3f}", "none", ""
    p = "" if pair.p is None else f"{pair.p:.4f}"
    return f"{pair.difference:+.3f}", f"[{pair.low:+.3f}, {pair.high:+.3f}]", p


def headline(pairs: Pairs) -> str:
    """E.g. `6 pairs compared on accuracy; `slingshot show` says who is better`, and why pairs have no difference."""
    defined = sum(pair.difference is not None for pair in pairs.pairs)
    parts = [f"{plural(defined, 'pair')} compared on {METRICS[pairs.primary].title}"]
    reasons = Counter(
        "; ".join(note.words for note in pair.notes)
        for pair in pairs.pairs
        if pair.difference is None
    )
    parts += [f"{number} undefined: {reason}" for reason, number in reasons.items()]
    if pairs.undecidable:
        parts.append(pairs.undecidable.words)
    elif defined:
        parts.append("`slingshot show` says who is better")
    return "; ".join(parts)
