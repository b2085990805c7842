"""How many answers tell two units apart, and which difference a plan can see."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import optimize, stats

from analysis.errors import OptionInvalid
from analysis.planning.given import inside, positive
from analysis.planning.precision import Aim

HALVINGS = 200
TINY = 1e-9  # a fall from 100 %: with none at all neither unit varies, and every number of answers would do


@dataclass(frozen=True)
class Pair:
    """Two units to compare: what is expected of each, their dossiers, and the design effect of both."""

    first: Aim
    second: Aim
    populations: tuple[float, float]
    deff: float

    @property
    def difference(self) -> float:
        return abs(self.first.share - self.second.share)

    def variance(self, sizes: tuple[float, float]) -> float:
        """Variance of the difference: `sum p (1 - p) deff / ratio (1/n - 1/N)`, n at most N."""
        parts = zip((self.first, self.second), sizes, self.populations, strict=True)
        return sum(_spread(aim) * self.deff * (1 / min(n, size) - 1 / size) for aim, n, size in parts)


def size_to_tell_apart(pair: Pair, *, level: float, power: float) -> tuple[int, int]:
    """Answers of the two units (equal, or all dossiers of the smaller unit and more of the other) so that a test of
    their difference at the two-sided level finds it with the chance `power`.

    `n` solves `difference = (z_level + z_power) sqrt(V(n))` with independent samples, normal and unpooled variances.
    Raises OptionInvalid, also when the two values are the same.
    Reference: Fleiss, Levin, Paik (2003), Statistical Methods for Rates and Proportions, ch. 4; Cochran (1977) 2.5.
    """
    _check(pair)
    if pair.difference == 0:
        raise OptionInvalid("difference", 0.0, "two different values")
    allowed = (pair.difference / _both(level, power)) ** 2
    few, many = 0, int(np.ceil(max(pair.populations)))
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if pair.variance((middle, middle)) <= allowed else (middle, many)
    first, second = (int(min(many, np.ceil(size))) for size in pair.populations)
    return first, second


def chance_to_tell_apart(pair: Pair, sizes: tuple[float, float], *, level: float) -> float:
    """Power of the two-sided test of the difference with these answers (both tails); 1 for two complete units that
    differ. Raises OptionInvalid."""
    _check(pair)
    _sized(sizes)
    cut = float(stats.norm.ppf(0.5 + inside("level", level) / 2))
    variance = pair.variance(sizes)
    if variance <= 0:
        return float(pair.difference > 0)
    shift = pair.difference / sqrt(variance)
    return float(stats.norm.cdf(shift - cut) + stats.norm.cdf(-shift - cut))


def visible_difference(pair: Pair, sizes: tuple[float, float], *, level: float, power: float) -> float:
    """Smallest fall (0..share) of the second unit below the first one's value that the answers show with the chance
    `power`; the first value itself when not even 0 would be seen. The second's expected value is not used.
    Raises OptionInvalid."""
    _check(pair)
    _sized(sizes)
    both, top = _both(level, power), pair.first.share

    def missing(fall: float) -> float:
        lower = Aim(pair.second.figure, top - fall, pair.second.ratio)
        return fall - both * sqrt(Pair(pair.first, lower, pair.populations, pair.deff).variance(sizes))

    if missing(top) <= 0:
        return float(top)
    return 0.0 if missing(TINY) >= 0 else float(optimize.brentq(missing, TINY, top, maxiter=HALVINGS))


def _both(level: float, power: float) -> float:
    return float(stats.norm.ppf(0.5 + inside("level", level) / 2) + stats.norm.ppf(inside("power", power)))


def _spread(aim: Aim) -> float:
    return aim.share * (1 - aim.share) / aim.ratio


def _sized(sizes: tuple[float, float]) -> None:
    positive("sizes", sizes)


def _check(pair: Pair) -> None:
    positive("populations", pair.populations)
    positive("deff", pair.deff)
    if not np.isfinite(pair.populations).all():
        raise OptionInvalid("populations", pair.populations, "finite")
    for aim in (pair.first, pair.second):
        positive("ratio", aim.ratio)
        if not 0 <= aim.share <= 1:
            raise OptionInvalid("share", aim.share, "0 to 1")
