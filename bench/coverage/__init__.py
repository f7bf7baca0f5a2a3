"""Whether what Slingshot claims holds as often as it says: simulated test sets, drawn again and again.

    python -m bench.coverage                                # every study: 40 minutes on two cores
    python -m bench.coverage middle edges                   # some of them
    python -m bench.coverage --simulations 200 --quick      # a first look at the cases that matter most

A study is a module of this folder with `figures(run)`. It yields a `Figure` for each share that it counts, with the
bounds that the share must keep. The command exits with 1 where one is outside.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One line of the table: a share of the simulations, or another figure of them."""

    case: str
    what: str
    value: float
    least: float = -np.inf
    most: float = np.inf
    """The bounds that `value` must keep; infinite where it only informs, as of a method that Slingshot left behind."""

    def outside(self, simulations: int, errors: float = 0.0) -> bool:
        """Whether it breaks a bound by more than so many standard errors of a share of the simulations."""
        slack = [
            errors * np.sqrt(max(p * (1 - p), 0.0) / simulations) if 0 < p < 1 else 0.0
            for p in self.bounds
        ]
        return not self.least - slack[0] <= self.value <= self.most + slack[1]

    @property
    def bounds(self) -> tuple[float, float]:
        return self.least, self.most


@dataclass(frozen=True)
class Simulations:
    """How a study is run."""

    simulations: int
    quick: bool
    """Whether only the cases that a test needs are wanted."""
    processes: int = 1

    def each(self, one: Callable[..., object], *arguments: object) -> np.ndarray:
        """What `one(*arguments, number)` gives for each simulation's number, stacked; shape (simulations, ...).

        `one` must be a function of a module. It draws from `stream`, so that figures do not depend on the number of
        processes.
        """
        if self.processes == 1:
            return np.array([one(*arguments, number) for number in range(self.simulations)])
        chunk = -(-self.simulations // (4 * self.processes))
        with ProcessPoolExecutor(self.processes) as pool:
            repeated = [[argument] * self.simulations for argument in arguments]
            return np.array(
                list(pool.map(one, *repeated, range(self.simulations), chunksize=chunk))
            )


def stream(case: str, number: int) -> np.random.Generator:
    """The random numbers of one simulation of one case, the same in every process. Each case has a stream of its own:
    on a common one chance would err alike in all of them."""
    return np.random.default_rng([zlib.crc32(case.encode()), number])


def percentiles(samples: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """Percentile interval (Efron and Tibshirani, 1993, section 13.3) over the resamples where it is defined: what the
    library's intervals are measured against."""
    defined = samples[np.isfinite(samples)]
    if not len(defined):
        return None, None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
