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

    def needed(self, sizes: tuple[float, float], level: float, power: float) -> float:
        """The difference that these answers show: `z_level sqrt(V_0) + z_power sqrt(V_1)`, V_0 if the units were the
        same (their pooled value), V_1 with both values; `V = sum p (1 - p) deff / ratio (1/n - 1/N)`, n at most N."""
        alike, apart = self.errors(sizes)
        return float(stats.norm.ppf(0.5 + level / 2) * alike + stats.norm.ppf(power) * apart)

    def errors(self, sizes: tuple[float, float]) -> tuple[float, float]:
        """Standard errors of the difference, if the units were the same and with both values."""
        aims, told = (self.first, self.second), tuple(map(min, sizes, self.populations))
        pooled = sum(n * aim.share for n, aim in zip(told, aims, strict=True)) / sum(told)
        left = [self.deff * (1 / n - 1 / size) for n, size in zip(told, self.populations, strict=True)]
        alike = sum(pooled * (1 - pooled) / aim.ratio * one for aim, one in zip(aims, left, strict=True))
        apart = sum(aim.share * (1 - aim.share) / aim.ratio * one for aim, one in zip(aims, left, strict=True))
        return sqrt(max(alike, 0.0)), sqrt(max(apart, 0.0))


def size_to_tell_apart(pair: Pair, *, level: float, power: float) -> tuple[int, int]:
    """Answers of the two units (equal, or all dossiers of the smaller unit and more of the other) so that a test of
    their difference at the two-sided level finds it with the chance `power`.

    `n` solves `difference = z_level sqrt(V_0(n)) + z_power sqrt(V_1(n))`, V_0 pooled, samples independent: for two
    items of endless populations what R's `power.prop.test` says. Raises OptionInvalid, also for equal values.
    Reference: Fleiss, Levin, Paik (2003), Statistical Methods for Rates and Proportions, 4.14; Cochran (1977) 2.5.
    """
    _check(pair)
    told = inside("level", level), inside("power", power)
    if pair.difference == 0:
        raise OptionInvalid("difference", 0.0, "two different values")
    few, many = 0, int(np.ceil(max(pair.populations)))
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if pair.needed((middle, middle), *told) <= pair.difference else (middle, many)
    first, second = (int(min(many, np.ceil(size))) for size in pair.populations)
    return first, second


def chance_to_tell_apart(pair: Pair, sizes: tuple[float, float], *, level: float) -> float:
    """Power of the two-sided test of the difference with these answers (both tails); 1 for two complete units that
    differ. Raises OptionInvalid."""
    _check(pair)
    _sized(sizes)
    alike, apart = pair.errors(sizes)
    cut = float(stats.norm.ppf(0.5 + inside("level", level) / 2)) * alike
    if apart <= 0:
        return float(pair.difference > cut)
    return float(stats.norm.cdf((pair.difference - cut) / apart) + stats.norm.cdf((-pair.difference - cut) / apart))


def visible_difference(pair: Pair, sizes: tuple[float, float], *, level: float, power: float) -> float:
    """Smallest fall (0..share) of the second unit below the first one's value that the answers show with the chance
    `power`; the first value itself when not even 0 would be seen. The second's expected value is not used.
    Raises OptionInvalid."""
    _check(pair)
    _sized(sizes)
    told, top = (inside("level", level), inside("power", power)), pair.first.share

    def missing(fall: float) -> float:
        lower = Aim(pair.second.figure, top - fall, pair.second.ratio)
        return fall - Pair(pair.first, lower, pair.populations, pair.deff).needed(sizes, *told)

    if missing(top) <= 0:
        return float(top)
    return 0.0 if missing(TINY) >= 0 else float(optimize.brentq(missing, TINY, top, maxiter=HALVINGS))


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
