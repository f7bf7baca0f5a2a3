"""Progress bars with rates and time left. A terminal redraws them; elsewhere they print a line every 20 seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Never

from slingshot.settings.errors import visible

if TYPE_CHECKING:
    from tqdm import tqdm

_hidden = False


def bar(total: int, name: str, unit: str, done: int = 0) -> tqdm[Never]:
    """A bar over `total` units, which starts at `done`. Use it as a context manager and call update(n)."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        initial=done,
        desc=visible(name),
        unit=unit,
        unit_scale=unit == "B",  # shows bytes in kilo and mega
        mininterval=0.2 if sys.stderr.isatty() else 20,
        delay=1 if sys.stderr.isatty() else 5,  # short work shows no bar
        dynamic_ncols=True,
        disable=_hidden,
    )


def say(line: str) -> None:
    """Print a line on standard error, above the bar if there is one."""
    from tqdm import tqdm

    tqdm.write(visible(line), file=sys.stderr)


@contextmanager
def sole_bar(total: int, name: str, unit: str) -> Iterator[tqdm[Never]]:
    """A bar over work in chunks. Bars that the chunks open stay hidden meanwhile."""
    global _hidden
    with bar(total, name, unit) as progress:
        _hidden = True
        try:
            yield progress
        finally:
            _hidden = False
