"""The format of figures, the same in every table, chart and sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "–"


def score(value: float | None) -> str:
    """A metric to three decimals."""
    return MISSING if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference to three decimals, with its sign; 0 has no sign."""
    return (
        MISSING if value is None else f"{value:+z.3f}".replace("-", "−").replace("+0.000", "0.000")
    )


def significant(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, never in exponents: 0.0000278, 12.3, 1,235."""
    if value is None:
        return MISSING
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{decimals}f}"


def count(value: float | None) -> str:
    """A whole number with separated thousands: 1,235."""
    return MISSING if value is None else f"{value:,.0f}"


def rounded(value: float | None) -> str:
    """A positive number to two significant digits, for estimates; empty for 0 and None."""
    return count(round(value, 1 - math.floor(math.log10(value)))) if value else ""


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def percent(share: float) -> str:
    """A share as a percentage with the fewest digits: 95%, 99.5%."""
    return f"{100 * share:.10g}%"


def amount(value: float | None) -> str:
    """An amount of money: 0.07, 36.40, 1,235; `< 0.01` for less than 0.005."""
    if value is None:
        return MISSING
    if 0 < value < 0.005:
        return "< 0.01"
    return f"{value:,.2f}" if 0 < value < 99.995 else f"{value:,.0f}"


def money(value: float | None, currency: str) -> str:
    """An amount in a sentence: `EUR 0.07`, `less than EUR 0.01`, `an unknown sum`."""
    if value is None:
        return "an unknown sum"
    less = "less than " if 0 < value < 0.005 else ""
    return f"{less}{currency} {amount(value).removeprefix('< ')}"


def per_million(value: float | None) -> float | None:
    """The cost of a million texts, from the cost of 1,000."""
    return None if value is None else 1000 * value
