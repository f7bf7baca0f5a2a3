"""Whether Slingshot's claims are true as often as it says, on many simulated test sets.

    python -m bench.coverage                                # every study: 40 minutes on two cores
    python -m bench.coverage middle edges                   # some of them
    python -m bench.coverage --simulations 200 --quick      # a first look at the most important cases

A study is a module of this folder with `figures(run)`. It yields a `Figure` for each share that it counts, with the
bounds of that share. The command exits with 1 if a share is outside its bounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One line of the table: a share of the simulations, or another figure."""

    case: str
    what: str
    value: float
    least: float = -np.inf
    most: float = np.inf
    """The bounds of `value`; infinite if it is only shown, for example for a method that Slingshot no longer uses."""

    def outside(self, simulations: int, errors: float = 0.0) -> bool:
        """Whether the value is outside a bound by more than `errors` standard errors of a share of the simulations."""
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
    """The options of a run of a study."""

    simulations: int
    quick: bool
    """Whether to run only the cases that a test needs."""
    processes: int = 1

    def each(self, one: Callable[..., object], *arguments: object) -> np.ndarray:
        """The results of `one(*arguments, number)` for each simulation's number, stacked; shape (simulations, ...).

        `one` must be a module-level function. It must draw from `stream`, so that figures do not depend on the number
        of processes.
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
    """The random numbers of one simulation of one case, the same in every process. Each case has its own stream:
    otherwise chance would move all cases together."""
    return np.random.default_rng([zlib.crc32(case.encode()), number])


def percentiles(samples: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """Percentile interval (Efron and Tibshirani, 1993, section 13.3) over the resamples with a defined figure; (None,
    None) without such resamples. The library's intervals are compared with it."""
    defined = samples[np.isfinite(samples)]
    if not len(defined):
        return None, None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
