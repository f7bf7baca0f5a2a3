"""Score intervals of figures that depend on the shares of outcomes in several strata: shares, their means, macro-F1.

A percentile bootstrap knows only observed outcomes: if a hundred rows are all right, it says that all rows are right.
Here the shares of the outcomes are moved so that the figure changes while the observed rows stay as likely as possible.
A value is inside the interval if the figure is within z standard errors of it, with the standard error at the moved
shares. This is the score interval: for one share Wilson's (1927), for a paired difference of two shares Tango's
(Statistics in Medicine 17, 1998). Possible outcomes that no row shows are included, because few rows may hide them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np

Gradient = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""The share of each outcome in its stratum, shape (outcomes,) -> the figure, and its derivatives by these shares."""

STEPS, ROUNDS = 60, 20
"""The most steps of Newton's method for a stratum, and the most rounds that update the derivatives."""
LITTLE = 1e-3
"""Rounds stop if the log-likelihood improves by less; one standard error costs 0.5."""
FARTHEST = 25.0
"""Logarithm of the largest tilt; the figure then no longer changes."""
ROUNDING = 1e-12
"""Figures that differ by less are equal."""


@dataclass(frozen=True)
class Outcomes:
    """How often each outcome was observed in its stratum. A possible outcome that was not observed has the count 0."""

    strata: np.ndarray
    """Number of each outcome's stratum, from 0; shape (outcomes,)."""
    counts: np.ndarray
    """Rows with the outcome, shape (outcomes,); effective rows need not be whole numbers."""
    gradient: Gradient

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of each stratum, shape (strata,)."""
        return np.bincount(self.strata, self.counts)

    @cached_property
    def _seen(self) -> np.ndarray:
        """The measured share of each outcome in its stratum."""
        return np.asarray(self.counts / self.rows[self.strata])

    @cached_property
    def _measured(self) -> tuple[float, np.ndarray]:
        return self.gradient(self._seen)

    def value(self) -> float:
        """The figure as measured."""
        return self._measured[0]

    def interval(self, z: float) -> tuple[float, float]:
        """The lowest and the highest value at most `z` standard errors away from the figure."""
        return self.bound(z, -1), self.bound(z, 1)

    def statistic(self, value: float) -> float:
        """The distance of the figure from `value` in standard errors; infinite if no shares give `value`."""
        wanted = abs(value - self.value())
        if wanted <= ROUNDING:
            return 0.0
        sign = 1 if value > self.value() else -1
        if sign * (self._moved(sign, FARTHEST)[1] - value) < 0:
            return np.inf
        moved = cache(partial(self._moved, sign))
        return moved(self._tilt(lambda at: abs(moved(at)[1] - self.value()) / wanted, wanted))[0]

    def bound(self, z: float, sign: int) -> float:
        """The lower bound of the interval if `sign` is -1, the upper bound if it is 1."""
        moved = cache(partial(self._moved, sign))
        return moved(self._tilt(lambda at: moved(at)[0] / z, z * self.error))[1]

    def _tilt(self, reach: Callable[[float], float], apart: float) -> float:
        """Logarithm of the tilt at which `reach` is 1, or the farthest tilt if it is less there. `reach` grows with it.

        The search begins where a linear figure would be `apart` from the measured figure.
        """
        from scipy.optimize import brentq

        def beyond(at: float) -> float:
            # The logarithm is nearly linear in the log tilt, so a few steps are enough.
            return float(np.log(min(max(reach(at), 1e-12), 1e12)))

        low = high = 0.0
        if self.error:
            low = high = float(np.clip(np.log(apart / self.error**2), -FARTHEST, FARTHEST))
        step = 0.25
        while beyond(low) >= 0 and low > -FARTHEST:
            low, high, step = low - step, low, 2 * step
        while beyond(high) < 0:
            if high > FARTHEST:
                return high
            low, high, step = high, high + step, 2 * step
        return float(brentq(beyond, low, high, xtol=1e-7)) if low < high else low

    @cached_property
    def error(self) -> float:
        """The standard error at the observed shares."""
        return float(np.sqrt(self._variance(self._seen, self._measured[1])))

    def _moved(self, sign: int, tilt: float) -> tuple[float, float]:
        """The figure's distance from the measured figure in standard errors, and the figure, at a tilt of exp(tilt)."""
        measured, at_seen = self._measured
        shares, (value, slopes) = self._likeliest(float(sign * np.exp(tilt)))
        # The slopes of a figure that is not linear change on the way. The slopes with the larger error are used.
        error = np.sqrt(max(self._variance(shares, slopes), self._variance(shares, at_seen)))
        apart = abs(value - measured)
        if apart <= ROUNDING:  # where seeds cancel out, the error too is only rounding
            return 0.0, value
        return float(apart / error) if error else np.inf, value

    def _likeliest(self, pull: float) -> tuple[np.ndarray, tuple[float, np.ndarray]]:
        """The shares that maximise the log-likelihood plus `pull` times the figure, and the figure and its derivatives
        there.

        This is the generalised conditional gradient method (Bredies, Lorenz and Maass, Computational Optimization and
        Applications 42, 2009): each round treats the figure as linear. That step may be too long, for example if a few
        hidden rows change the F1 of a rare class a lot. Then the best shares along the step are taken.
        """
        from scipy.optimize import minimize_scalar

        seen = self.counts > 0

        def worth(shares: np.ndarray, value: float) -> float:
            return float(self.counts[seen] @ np.log(shares[seen]) + pull * value)

        def loss(part: float, start: np.ndarray, step: np.ndarray) -> float:
            shares = start + part * step
            return -worth(shares, self.gradient(shares)[0])

        shares, at_shares = self._seen, self._measured
        for _ in range(ROUNDS):
            aim = self._tilted(pull * at_shares[1])
            at_aim = self.gradient(aim)
            if np.abs(at_aim[1] - at_shares[1]).max() < 1e-12:
                return aim, at_aim  # the figure is linear
            before = worth(shares, at_shares[0])
            if worth(aim, at_aim[0]) - before < -LITTLE:
                way = (shares, aim - shares)
                part = minimize_scalar(loss, bounds=(0, 1), args=way, options={"xatol": 1e-4}).x
                aim = shares + part * way[1]
                at_aim = self.gradient(aim)
            gain = worth(aim, at_aim[0]) - before
            if gain > -LITTLE:
                shares, at_shares = aim, at_aim
            if gain < LITTLE:
                break
        return shares, at_shares

    def _variance(self, shares: np.ndarray, slopes: np.ndarray) -> float:
        """Variance of the figure, by the delta method. Each stratum's part is unbiased: divided by its rows minus 1."""
        means = np.bincount(self.strata, shares * slopes)
        squares = np.bincount(self.strata, shares * (slopes - means[self.strata]) ** 2)
        return float((squares / np.maximum(self.rows - 1, 0.5)).sum())

    def _tilted(self, pull: np.ndarray) -> np.ndarray:
        """The shares that maximise sum(counts log shares) + sum(pull shares).

        They are counts / (multiplier - pull), where each stratum's multiplier makes them sum to 1. If the outcome with
        the most pull was not observed, the multiplier may be the smallest possible. That outcome then takes the rest.
        """
        strata, counts = self.strata, self.counts
        number = len(self.rows)
        top = np.full(number, -np.inf)
        np.maximum.at(top, strata, pull)
        # `extra` is the multiplier minus the most pull of its stratum; it may not be negative.
        gaps, seen = top[strata] - pull, counts > 0
        in_, weights, below = strata[seen], counts[seen], gaps[seen]
        least = np.bincount(
            in_,
            np.divide(weights, below, out=np.full(len(weights), np.inf), where=below > 0),
            number,
        )
        free = least > 1
        extra = np.zeros(number)
        np.maximum.at(extra, in_, weights - below)
        extra = np.where(free, np.maximum(extra, 1e-12), 0.0)
        for _ in range(STEPS):
            distance = np.where(extra[in_] + below > 0, extra[in_] + below, 1.0)
            total = np.bincount(in_, weights / distance, number)
            slope = np.bincount(in_, weights / distance**2, number)
            # Newton's method on 1 / total, which is concave in the multiplier, so no step goes too far.
            step = np.where(free, (total - 1) * total / np.maximum(slope, 1e-300), 0.0)
            extra += step
            if np.abs(step).max() < 1e-10 * max(1.0, float(extra.max())):
                break
        shares = np.zeros(len(counts))
        distance = extra[in_] + below
        shares[seen] = np.divide(weights, distance, out=np.zeros(len(weights)), where=distance > 0)
        left = np.maximum(1 - np.bincount(strata, shares, number), 0)
        best = ~seen & (gaps <= 1e-12)
        sharing = np.maximum(np.bincount(strata, best, number), 1)
        shares += np.where(best, (left / sharing)[strata], 0.0)
        return np.asarray(shares / np.bincount(strata, shares, number)[strata])


def linear(weights: np.ndarray) -> Gradient:
    """The gradient of the sum of shares times `weights`, shape (outcomes,)."""
    return lambda shares: (float(shares @ weights), weights)
