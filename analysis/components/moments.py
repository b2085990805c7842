"""Weighted item totals of each unit and their covariance: all that the index, its parts and its points are made of.

One respondent gives one vector x = (valid, satisfied, value) over the items. A unit is its total T = sum w x and the
design covariance of T; every index is a smooth function of T, so its variance is the delta method on one covariance,
which is the same as one influence value per respondent (STATISTICS.md, composite index). Everything comes from the sums
of the groups of answers (`grouping`), and units add up to the province.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.components.grouping import Groups
from analysis.components.strata import Strata
from analysis.components.weighting import Weighted, kish
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.fold.moments import ClassWeights, weighted_totals


@dataclass(frozen=True, eq=False)
class Sampling:
    """How the answers were drawn and weighted."""

    weighted: Weighted
    strata: Strata


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of U units (or one province) over k items; p = 3k as valid, satisfied, value."""

    totals: FloatArray  # [U, p] weighted
    omega: FloatArray  # [U, p, p] design covariance of the totals
    counts: FloatArray  # [U, p] unweighted
    inapplicable: FloatArray  # [U, k] answers "not applicable"
    touched: FloatArray  # [U, C] respondents with at least one valid item of a code
    respondents: IntArray  # [U]
    population: FloatArray  # [U] dossiers
    kish: FloatArray  # [U] Kish's design effect of the final weights
    remaining: FloatArray  # [U] 1 - f, averaged over the respondents by squared weight
    df: FloatArray  # [U] units sampled less strata

    @property
    def items(self) -> int:
        return int(self.inapplicable.shape[1])

    @property
    def valid(self) -> FloatArray:
        """Valid answers by unit and item, [U, k]."""
        return self.counts[:, : self.items]

    def take(self, units: Sequence[int]) -> Moments:
        """The moments of some units (these, when it is all of them in order: the covariances are large)."""
        rows = np.array(units, dtype=np.intp)
        if np.array_equal(rows, np.arange(len(self.respondents))):
            return self
        return Moments(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def complete(self) -> BoolArray:
        """Units where every dossier of the frame was answered, bool[U]."""
        everybody = (self.respondents >= self.population) | (self.remaining <= 0)
        return np.asarray((self.respondents > 0) & everybody)


def make_moments(groups: Groups, units: IntArray, populations: FloatArray, sampling: Sampling) -> Moments:
    """The moments of units 0..U-1; `units` int64[g] says whose answers each group holds.

    The covariance is that of `analysis.variance.covariance` on each unit's weighted answers (strata, clusters, finite
    population, calibration residual), from the sums alone (`analysis.fold.moments.weighted_totals`).
    """
    size, weights = len(populations), sampling.weighted.weights
    codes, sizes = _variance_strata(groups, units, sampling)
    x, counts = groups.whole("x"), groups.counts
    drawn_from = sizes.copy()
    drawn_from[codes[groups.clustered]] = np.inf  # the extract counts dossiers, not clusters: no fpc for these
    totals = weighted_totals(groups.sums, _placed(groups, units, codes, sampling), populations=drawn_from, groups=size)
    respondents = np.bincount(units, counts, size).astype(np.int64)
    return Moments(
        totals.totals, totals.covariance, _sums(units, x, size), _sums(units, groups.whole("apart"), size),
        _sums(units, groups.touched(), size), respondents, populations, kish(weights, counts, units, size),
        remaining_share(groups, weights, (codes, sizes), (units, size)), totals.df.astype(np.float64),
    )  # fmt: skip


def province(moments: Moments, kish: FloatArray, remaining: FloatArray) -> Moments:
    """The units added up: strata and cells lie inside units, so covariances add. `kish` and `remaining` float64[1]."""

    def total(part: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(part.sum(axis=0, keepdims=True))

    answered = np.where(moments.respondents > 0, moments.population, 0.0)
    return Moments(
        total(moments.totals), total(moments.omega), total(moments.counts), total(moments.inapplicable),
        total(moments.touched), total(moments.respondents), total(answered),
        kish, remaining, total(moments.df),
    )  # fmt: skip


def remaining_share(
    groups: Groups, weights: FloatArray, strata: tuple[IntArray, FloatArray], units: tuple[IntArray, int]
) -> FloatArray:
    """`sum w^2 (1 - f) / sum w^2` by unit (codes and their number), f = answers / population of the stratum (codes and
    populations); 1.0 without answers."""
    (codes, population), (unit, size) = strata, units
    fraction = np.bincount(codes, groups.counts, len(population)) / population
    squared = groups.counts * weights**2
    total = np.bincount(unit, squared, size)
    left = np.bincount(unit, squared * (1.0 - fraction[codes]), size)
    return np.divide(left, total, out=np.ones(size), where=total > 0)


def _variance_strata(groups: Groups, units: IntArray, sampling: Sampling) -> tuple[IntArray, FloatArray]:
    """Stratum of each group and the strata's dossiers: the sampling strata, or the cells of a calibration in units
    without clusters. No stratum is lonely (`strata`, `weighting`) unless its unit has one answer."""
    calibration, strata = sampling.weighted.calibration, sampling.strata
    if calibration is None:
        return strata.codes, strata.population
    cells = calibration.margins[0]  # given who answered, the cells are strata (Holt and Smith 1979)
    dossiers, answers = np.bincount(cells, calibration.after * groups.counts), np.bincount(cells, groups.counts)
    in_clusters = np.isin(units, units[groups.clustered])
    codes = np.where(in_clusters, strata.codes, len(strata.population) + cells)
    return codes, np.concatenate([strata.population, np.maximum(dossiers, answers)])


def _placed(groups: Groups, units: IntArray, strata: IntArray, sampling: Sampling) -> ClassWeights:
    """The chosen groups among all that were counted; the others belong to no unit."""
    weighted, size = sampling.weighted, len(groups.sums.alone.counts) + len(groups.sums.clusters.counts)

    def put(values: NDArray[Any], absent: float) -> NDArray[Any]:
        out = np.full(size, absent, dtype=values.dtype)
        out[groups.place] = values
        return out

    record = weighted.calibration
    cells, *crossing = (np.full(len(units), -1, dtype=np.int64),) if record is None else record.margins
    before = weighted.weights if record is None else record.before
    return ClassWeights(
        put(units, -1), put(strata, 0), put(before, 0.0), put(weighted.weights, 0.0), put(cells, -1),
        tuple(put(levels, -1) for levels in crossing),
    )  # fmt: skip


def _sums(codes: IntArray, values: FloatArray, size: int) -> FloatArray:
    out = np.zeros((size, values.shape[1]))
    np.add.at(out, codes, values)
    return out
