"""Many items by many domains in one pass: ratios with linearised standard errors from sums by unit and domain."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from analysis.design import BoolArray, FloatArray, IntArray, LonelyPsu
from analysis.errors import EmptyDomain, OptionInvalid
from analysis.fold.coding import Label, Measure, Scale
from analysis.fold.sources import Source
from analysis.fold.stage import FirstStage, Units, find_units, multipliers
from analysis.fold.table import Cells
from analysis.fold.tally import AHEAD, Plan, fold


@dataclass(frozen=True, eq=False)
class DomainRatios:
    """Ratios float64[D, J] of J items in D domains, standard errors of the same shape, valid answers int64[D, J] and
    design degrees of freedom int64[D] (units less strata in the domain). NaN where `n` is 0 (if that was allowed)."""

    domains: tuple[Label, ...]
    items: tuple[str, ...]
    values: FloatArray
    se: FloatArray
    n: IntArray
    df: IntArray


@dataclass(frozen=True, eq=False)
class _Grouped:
    """Cells by domain and stratum: domain of each cell, group (domain x stratum) of each cell, domain and stratum of
    each group, and the multiplier of each stratum."""

    domain: IntArray
    group: IntArray
    domain_of: IntArray
    stratum_of: IntArray
    factor: FloatArray
    domains: int
    units: Units
    adjust: bool


def domain_ratios(
    source: Source,
    design: FirstStage,
    *,
    domain: str,
    items: Sequence[str],
    scale: Scale,
    numerator: Measure,
    allow_empty: bool = False,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> DomainRatios:
    """Ratios `R = sum w y / sum w v` of each item in each domain, v = 1 for a valid answer, y = `numerator` (satisfied
    or value), with standard errors by Taylor linearisation.

    With z = (sum w y - R sum w v) / sum w v by unit, the variance is
    `sum_h (1 - f_h) n_h/(n_h - 1) sum (z - mean z)^2` over all units of the stratum, those without the domain as zeros.
    Sufficient sums: w, w y, w v by unit x domain; when every row is its own unit, w y, w v, w^2 y^2, w^2 y, w^2 v by
    stratum x domain. A missing answer leaves its item only. Raises EmptyDomain (an item without a valid answer in a
    domain, unless `allow_empty`), LonelyStratum, NotNested and the refusals of `fold`.
    Reference: Särndal, Swensson, Wretman (1992) 5.6 and 4.3; Lumley (2010) ch. 2.
    """
    if numerator not in (Measure.SATISFIED, Measure.VALUE):
        raise OptionInvalid("numerator", numerator, "satisfied or value")
    names, keys = tuple(items), (*design.keys, domain)
    plans = [
        Plan(keys, design.weight, names, scale, (numerator, Measure.VALID)),
        Plan((domain,), None, names, scale, (Measure.VALID,)),
    ]
    if design.psu is None:
        squares = (Measure.SATISFIED,) if numerator is Measure.SATISFIED else (Measure.SQUARE, Measure.VALUE)
        plans.append(Plan(keys, design.weight, names, scale, (*squares, Measure.VALID), power=2))
    cells, counts, *second = fold(source, plans, executor=executor, ahead=ahead)
    n = counts.sums[1:].T.astype(np.int64)
    found = _found(counts, domain, n > 0, names, allow_empty)
    grouped = _grouped(cells, design, domain)
    values, variances = _linearised(cells, second, grouped, found, counts.names(domain))
    df = _degrees(grouped, cells, elements=design.psu is None)
    return DomainRatios(counts.names(domain), names, values, np.sqrt(variances), n, df)


def _linearised(
    cells: Cells, second: Sequence[Cells], grouped: _Grouped, found: BoolArray, domains: tuple[Label, ...]
) -> tuple[FloatArray, FloatArray]:
    """Ratios and variances float64[D, J], item by item; NaN where nothing was found."""
    ratios, variances = np.empty(found.shape), np.empty(found.shape)
    items = found.shape[1]
    for item in range(items):
        top, bottom = cells.sums[1 + 2 * item], cells.sums[2 + 2 * item]
        whole = np.bincount(grouped.domain, bottom, grouped.domains)
        weightless = found[:, item] & (whole <= 0)
        if weightless.any():
            raise EmptyDomain(f"{domains[int(np.argmax(weightless))]} (answers of weight zero)")
        base = np.where(found[:, item], whole, np.nan)
        ratio = np.bincount(grouped.domain, top, grouped.domains) / base
        z = (top - ratio[grouped.domain] * bottom) / base[grouped.domain]
        square = None
        if second:
            square = _squares(second[0], (item, items), ratio[grouped.domain], base[grouped.domain])
        ratios[:, item], variances[:, item] = ratio, _variance(grouped, z, square)
    return ratios, variances


def _found(cells: Cells, domain: str, answered: BoolArray, items: tuple[str, ...], allow_empty: bool) -> BoolArray:
    if not answered.all() and not allow_empty:
        row, item = np.argwhere(~answered)[0].tolist()
        raise EmptyDomain(f"{cells.names(domain)[row]} ({items[item]})")
    return answered


def _grouped(cells: Cells, design: FirstStage, domain: str) -> _Grouped:
    units = find_units(cells, design)
    code = cells.code(domain)
    joint, group = np.unique(code * units.strata + units.stratum, return_inverse=True)
    domain_of, stratum_of = np.divmod(joint, units.strata)
    factor = multipliers(units, design)
    adjust = design.lonely_psu is LonelyPsu.ADJUST
    return _Grouped(code, group.reshape(-1), domain_of, stratum_of, factor, len(cells.names(domain)), units, adjust)


def _variance(grouped: _Grouped, z: FloatArray, squares: FloatArray | None) -> FloatArray:
    """Variances float64[D] from z by unit (or, with its squares, from sums over rows) and domain."""
    size = len(grouped.domain_of)
    drawn = grouped.units.drawn[grouped.stratum_of]
    mean = np.bincount(grouped.group, z, size) / drawn
    if grouped.adjust:
        mean[drawn == 1] = 0.0
    if squares is None:
        absent = drawn - np.bincount(grouped.group, minlength=size)
        spread = np.bincount(grouped.group, (z - mean[grouped.group]) ** 2, size) + absent * mean**2
    else:
        spread = np.maximum(np.bincount(grouped.group, squares, size) - drawn * mean**2, 0.0)
        if not grouped.adjust:
            spread[drawn == 1] = 0.0
    weighted = grouped.factor[grouped.stratum_of] * spread
    return np.asarray(np.bincount(grouped.domain_of, weighted, grouped.domains))


def _squares(cells: Cells, item: tuple[int, int], ratio: FloatArray, base: FloatArray) -> FloatArray:
    """Sums of squared z over the rows of each cell: `sum w^2 (y - R v)^2 / base^2`, as v^2 = v and y v = y; the cells'
    rows of an item (its number, of how many) are y^2, y (left out where y^2 = y) and v, times w^2."""
    number, items = item
    rows = cells.sums[1:].reshape(items, -1, len(cells.counts))[number]
    return np.asarray((rows[0] - 2 * ratio * rows[-2] + ratio**2 * rows[-1]) / base**2)


def _degrees(grouped: _Grouped, cells: Cells, *, elements: bool) -> IntArray:
    """Units less strata, both counted where the domain has weight, int64[D]."""
    weighty = cells.sums[0] > 0
    per_cell = np.where(weighty, cells.counts if elements else 1, 0)
    units = np.bincount(grouped.domain, per_cell, grouped.domains)
    present = np.bincount(grouped.group, weighty, len(grouped.domain_of)) > 0
    strata = np.bincount(grouped.domain_of, present, grouped.domains)
    return np.asarray(units - strata, dtype=np.int64)
