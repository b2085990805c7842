"""What the index and its variance need from one pass: whole-number sums of the answers and of their products by cell.

The index is a smooth function of the weighted totals T = sum w x of x = (valid, satisfied, value) over the items; its
variance is the delta method on the covariance of T, which needs `sum w^2 x x'` and `sum w x` by stratum. Weights are
known only after the pass (non-response, calibration), but they are one number in each class of answers. So counts,
`sum x` and `sum x x'` by class are enough, whatever the weights become; they are whole numbers, so they are exact.
Where rows lie in clusters, `sum x` by cluster and class takes the place of the products.
Reference: Särndal, Swensson, Wretman (1992) 4.3, 5.5 and 6.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import LengthMismatch, LonelyStratum, OptionInvalid, PopulationTooSmall
from analysis.fold.coding import Decoded, Measure, Placed, Read, Scale
from analysis.fold.exact import ExactSums
from analysis.fold.sources import Source, Task
from analysis.fold.table import Cells, Part, Table
from analysis.fold.tally import AHEAD, gather

Sums = dict[str, NDArray[Any]]

ALONE = ""  # cluster label of a row that is its own unit
EXACT_SINGLE = 2**24  # whole numbers below it are exact in single precision
ONE_THREAD = 250_000  # multiplications up to which OpenBLAS does not wake up its threads
INT32 = 2**31
CERTAIN = 1e-7  # a stratum sampled up to this remaining share adds nothing


@dataclass(frozen=True)
class Wanted:
    """What is counted of the answers: items with their scales, measures (x is ordered by measure, then item), groups
    of items as places (`touched`: rows with a valid answer to at least one of the group), and measures that are
    counted `apart`, without products."""

    items: tuple[str, ...]
    scales: tuple[Scale, ...]
    measures: tuple[Measure, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    apart: tuple[Measure, ...] = ()

    def __post_init__(self) -> None:
        if len(self.items) != len(self.scales):
            raise LengthMismatch("the scales", len(self.items), len(self.scales))
        if Measure.SQUARE in self.measures:
            raise OptionInvalid("measures", str(Measure.SQUARE), "any but the square: products hold it")

    @property
    def width(self) -> int:
        return len(self.items) * len(self.measures)

    @property
    def apart_width(self) -> int:
        return len(self.items) * len(self.apart)

    @property
    def largest(self) -> int:
        """Largest x of one answer."""
        return max((int(scale.table(self.measures).max()) for scale in self.scales), default=1)


@dataclass(frozen=True, eq=False)
class Moments:
    """Whole-number sums by class. `alone`: rows that are their own unit, `whole` holds `x` int64[c, p], `xx` int32[c,
    p (p + 1) / 2] (upper triangle by rows), `touched` int64[c, G], `apart` int64[c, a k]; `clusters`: by class and
    cluster, without `xx`."""

    alone: Cells
    clusters: Cells
    wanted: Wanted

    @property
    def width(self) -> int:
        return self.wanted.width

    def whole(self, name: str) -> IntArray:
        """`x`, `touched` or `apart` of the cells of `alone` followed by those of `clusters`, int64[c, ...]."""
        width = {"x": self.width, "touched": len(self.wanted.groups), "apart": self.wanted.apart_width}[name]
        parts = [one.whole[name] for one in (self.alone, self.clusters) if len(one.counts)]
        return np.concatenate(parts) if parts else np.zeros((0, width), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """What a caller decides for the cells of `alone` followed by those of `clusters`, each [c]: group (a rated unit;
    -1: left out) and stratum codes (strata lie in groups), weight before and after calibration, calibration cell (-1:
    none), and levels (-1: none) of margins that cross the cells."""

    group: IntArray
    stratum: IntArray
    before: FloatArray
    after: FloatArray
    calibration: IntArray
    crossing: tuple[IntArray, ...] = ()


@dataclass(frozen=True, eq=False)
class Totals:
    """By group: weighted totals float64[U, p], their design covariance float64[U, p, p], units less strata int64[U]."""

    totals: FloatArray
    covariance: FloatArray
    df: IntArray


def fold_moments(
    source: Source,
    wanted: Wanted,
    *,
    keys: Sequence[str],
    psu: str | None,
    readers: Mapping[str, Read] | None = None,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> Moments:
    """Counts, sums and sums of products by the classes of `keys` after one pass.

    The keys must tell apart all rows that may get different weights or strata (unit, stratum, class, base weight, mode,
    flag ...); `readers` say how a key's labels are understood. `psu` names the clusters; rows with an empty label are
    units of their own. Raises the refusals of `fold` and OptionInvalid for a class of more rows than int32 holds.
    """
    columns = (*keys, *(() if psu is None else (psu,)), *wanted.items)
    tables = Table(keys, 0), Table((*keys, *(() if psu is None else (psu,))), 0)
    work = partial(moment_parts, wanted=wanted, keys=tuple(keys), psu=psu, readers=readers)
    for alone, clusters in gather(source.tasks(columns), work, executor=executor, ahead=ahead):
        tables[0].add(_recast(alone, np.int32))
        tables[1].add(clusters)
    cells = tables[0].frozen()
    if int(cells.counts.max(initial=0)) * wanted.largest**2 >= INT32:
        raise OptionInvalid("rows in a class", int(cells.counts.max()), f"fewer than {INT32 // wanted.largest**2}")
    return Moments(cells, tables[1].frozen(), wanted)


def moment_parts(
    task: Task, wanted: Wanted, keys: tuple[str, ...], psu: str | None, readers: Mapping[str, Read] | None
) -> tuple[Part, Part]:
    """The worker's share: one part of each table from one task, products in as few bits as they need."""
    tables = Table(keys, 0), Table((*keys, *(() if psu is None else (psu,))), 0)
    for chunk in task.chunks():
        for table, part in zip(tables, _parts(Decoded(chunk, readers), wanted, keys, psu), strict=True):
            table.add(part)
    alone = tables[0].part()
    largest = alone.counts.max(initial=0) * wanted.largest**2
    return _recast(alone, np.min_scalar_type(int(largest))), tables[1].part()


def weighted_totals(moments: Moments, weights: ClassWeights, *, populations: FloatArray, groups: int) -> Totals:
    """Totals of each group and their covariance `sum_h (1 - f_h) n_h/(n_h - 1) sum (t - mean t)(t - mean t)'`.

    t = w (x - b) summed over a unit, b the mean of x in the calibration cell (GREG residual of post-stratification,
    weights before calibration), fitted with the levels of crossing margins where there are any, 0 without a cell.
    `populations` float64[H]: units in each stratum's population, infinite where drawn with replacement. A group of one
    unit has covariance 0 and df 0. Raises LonelyStratum (another stratum of one unit that is not the whole population),
    PopulationTooSmall, LengthMismatch.
    Reference: Särndal, Swensson, Wretman (1992) 4.3 and 6.6.
    """
    p = moments.width
    counts = np.concatenate([moments.alone.counts, moments.clusters.counts])
    if len(weights.after) != len(counts):
        raise LengthMismatch("the classes' weights", len(counts), len(weights.after))
    x = moments.whole("x").astype(np.float64)
    inside = np.flatnonzero(weights.group >= 0)
    t = weights.after[:, None] * (x - counts[:, None] * _middles(weights, x, counts))
    units = _units(moments, weights, inside, t)
    drawn = np.asarray(np.bincount(units.stratum, units.rows, len(populations)), dtype=np.float64)
    group_of = np.zeros(len(populations), dtype=np.int64)
    group_of[weights.stratum[inside]] = weights.group[inside]
    df = np.bincount(group_of, drawn - (drawn > 0), groups)
    alone = np.bincount(group_of, drawn, groups)[group_of] <= 1
    first = np.concatenate([moments.alone.first, moments.clusters.first])
    factor = _factors(drawn, populations, alone, (weights.stratum[inside], first[inside]))
    totals = _sums(weights.group[inside], (weights.after[:, None] * x)[inside], groups)
    covariance = np.zeros((groups, p, p))
    _add_within(covariance, moments.alone, weights, factor)
    _add_between(covariance, units, factor, (drawn, group_of))
    return Totals(totals, covariance, df.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Units:
    """Sampled units with their mean total: clusters one by one, the rows of a class all at once, [m] each."""

    stratum: IntArray
    rows: FloatArray
    mean: FloatArray  # [m, p]


def _units(moments: Moments, weights: ClassWeights, inside: IntArray, t: FloatArray) -> Units:
    """A cluster's label counts anew in every stratum."""
    cut = len(moments.alone.counts)
    alone, classes = inside[inside < cut], inside[inside >= cut]
    rows = moments.alone.counts[alone].astype(np.float64)
    label = moments.clusters.codes[-1][classes - cut]
    width = int(label.max(initial=0)) + 1
    joint, unit = np.unique(weights.stratum[classes] * width + label, return_inverse=True)
    return Units(
        np.concatenate([weights.stratum[alone], joint // width]),
        np.concatenate([rows, np.ones(len(joint))]),
        np.concatenate([t[alone] / rows[:, None], _sums(unit.reshape(-1), t[classes], len(joint))]),
    )


def _add_within(covariance: FloatArray, alone: Cells, weights: ClassWeights, factor: FloatArray) -> None:
    """Add what the rows of a class differ among themselves: `factor w^2 (sum x x' - sum x sum x' / n)`, the bracket
    from whole numbers, so that a class in which everybody says the same adds exactly nothing."""
    p = covariance.shape[1]
    first, second = np.triu_indices(p)
    back = _triangle(p)
    group = weights.group[: len(alone.counts)]
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    for cells in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        n, x = alone.counts[cells, None], alone.whole["x"][cells]
        spread = n * alone.whole["xx"][cells].astype(np.int64) - x[:, first] * x[:, second]
        share = factor[weights.stratum[cells]] * weights.after[cells] ** 2 / n[:, 0]
        covariance[group[cells[0]]] += (share @ spread.astype(np.float64))[back]


def _add_between(covariance: FloatArray, units: Units, factor: FloatArray, strata: tuple[FloatArray, IntArray]) -> None:
    """Add what the units differ from the mean of their stratum; `strata`: units drawn and the group of each."""
    drawn, group_of = strata
    weighted = units.rows[:, None] * units.mean
    means = _sums(units.stratum, weighted, len(drawn)) / np.maximum(drawn, 1)[:, None]
    scale = np.sqrt(factor[units.stratum] * units.rows)
    deviations = (units.mean - means[units.stratum]) * scale[:, None]
    group = group_of[units.stratum]
    order = np.argsort(group, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        covariance[group[some[0]]] += deviations[some].T @ deviations[some]


def _parts(decoded: Decoded, wanted: Wanted, keys: tuple[str, ...], psu: str | None) -> tuple[Part, Part]:
    placed = decoded.place(keys if psu is None else (*keys, psu))
    alone = np.ones(len(placed.counts), dtype=np.bool_)
    if psu is not None:
        alone = np.array([label == ALONE for label in placed.labels[-1]], dtype=np.bool_)[placed.codes[-1]]
    order = np.argsort(placed.cell, kind="stable")
    rows = _answers_by_row(decoded, wanted, order)
    starts = np.concatenate([[0], np.cumsum(placed.counts)]).tolist()
    p, largest = wanted.width, wanted.largest
    sums = np.zeros((len(alone), len(rows)), dtype=np.int64)
    packed = np.zeros((int(alone.sum()), p * (p + 1) // 2), dtype=np.int32)
    upper = np.ravel_multi_index(np.triu_indices(p), (p, p))
    number = 0
    for cell, single in enumerate(alone.tolist()):
        some = rows[:, starts[cell] : starts[cell + 1]]
        sums[cell] = some.sum(axis=1, dtype=np.int64)
        if single:
            packed[number] = _cross_products(some[:p], largest).ravel().take(upper)
            number += 1
    cut = p + len(wanted.groups)
    whole: Sums = {"x": sums[:, :p], "touched": sums[:, p:cut], "apart": sums[:, cut:]}
    one = _some(placed, alone, {**{name: values[alone] for name, values in whole.items()}, "xx": packed}, len(keys))
    other = _some(placed, ~alone, {name: values[~alone] for name, values in whole.items()}, len(placed.labels))
    return one, other


def _recast(part: Part, kind: Any) -> Part:
    """The part with its products in another kind of whole numbers."""
    return replace(part, whole={**part.whole, "xx": part.whole["xx"].astype(kind)}) if part.cells else part


def _cross_products(x: NDArray[np.uint8], largest: int) -> FloatArray:
    """`sum x x'` over the rows of x [p, n], float [p, p] of whole numbers: in single precision while it is exact, a few
    rows at a time, so that the linear algebra library stays on one thread (it is the fold that is parallel)."""
    single = x.shape[1] * largest**2 < EXACT_SINGLE
    left: NDArray[Any] = x.astype(np.float32 if single else np.float64)
    right = np.ascontiguousarray(left.T)
    step = max(ONE_THREAD // max(len(x), 1) ** 2, 1)
    total = left[:, :step] @ right[:step]
    for start in range(step, x.shape[1], step):
        np.add(total, left[:, start : start + step] @ right[start : start + step], out=total)
    return np.asarray(total)


def _some(placed: Placed, cells: BoolArray, whole: Sums, keys: int) -> Part:
    labels, codes = [], []
    for place in range(keys):
        used, own = np.unique(placed.codes[place][cells], return_inverse=True)
        labels.append(tuple(placed.labels[place][code] for code in used.tolist()))
        codes.append(own.reshape(-1).astype(np.int64))
    sums = ExactSums((0, int(cells.sum())))
    return Part(tuple(labels), np.stack(codes), placed.counts[cells], placed.first[cells], sums, whole)


def _answers_by_row(decoded: Decoded, wanted: Wanted, order: IntArray) -> NDArray[np.uint8]:
    """x, `touched` and what is counted apart of the rows in this order, uint8[p + G + a k, n]."""
    k, cut = len(wanted.items), wanted.width + len(wanted.groups)
    out = np.empty((cut + wanted.apart_width, decoded.rows), dtype=np.uint8)
    valid = np.empty((k, decoded.rows), dtype=np.bool_)
    straight = bool((order[1:] > order[:-1]).all())
    for item, (name, scale) in enumerate(zip(wanted.items, wanted.scales, strict=True)):
        classes = decoded.item(name, scale)
        classes = classes if straight else classes[order]
        valid[item] = (classes > 0) & (classes <= scale.steps)
        places = [measure * k + item for measure in range(len(wanted.measures))]
        places += [cut + measure * k + item for measure in range(len(wanted.apart))]
        for place, column in zip(places, scale.table((*wanted.measures, *wanted.apart)).T, strict=True):
            np.take(column.astype(np.uint8), classes, out=out[place], mode="clip")
    for number, group in enumerate(wanted.groups):
        out[wanted.width + number] = valid[list(group)].any(axis=0)
    return out


def _sums(codes: IntArray, values: FloatArray, size: int) -> FloatArray:
    out = np.zeros((size, values.shape[1]))
    np.add.at(out, codes, values)
    return out


def _middles(weights: ClassWeights, x: FloatArray, counts: IntArray) -> FloatArray:
    """Mean of x in each cell's calibration cell by the weights before it, float64[c, p]; zero without one."""
    inside = weights.calibration >= 0
    place = np.where(inside, weights.calibration, 0)
    size = int(place.max(initial=0)) + 1
    kept = np.where(inside, weights.before, 0.0)
    mass = np.bincount(place, kept * counts, size)[:, None]
    sums = _sums(place, kept[:, None] * x, size)
    means = np.divide(sums, mass, out=np.zeros_like(sums), where=mass > 0)
    middles = np.where(inside[:, None], means[place], 0.0)
    return middles + _crossed(weights, x, counts, (place, size)) if weights.crossing else middles


def _crossed(weights: ClassWeights, x: FloatArray, counts: IntArray, cells: tuple[IntArray, int]) -> FloatArray:
    """What the levels of crossing margins add to the cells' means in the least-squares fit of x on cells and levels,
    float64[c, p]: levels and x are swept of their cells' means (Frisch, Waugh 1933), which leaves a few equations."""
    place, size = cells
    inside = weights.calibration >= 0
    kept = np.where(inside, weights.before, 0.0)
    mass = kept * counts
    levels = np.concatenate([np.eye(int(one.max(initial=0)) + 2)[one][:, :-1] for one in weights.crossing], axis=1)
    held = np.bincount(place, mass, size)[:, None]
    means = np.divide(_sums(place, mass[:, None] * levels, size), held, out=np.zeros((size, levels.shape[1])),
                      where=held > 0)  # fmt: skip
    apart = np.where(inside[:, None], levels - means[place], 0.0)
    gram = (apart * mass[:, None]).T @ apart
    return np.asarray(apart @ (np.linalg.pinv(gram, rcond=1e-12, hermitian=True) @ ((apart * kept[:, None]).T @ x)))


def _factors(
    drawn: FloatArray, populations: FloatArray, alone: BoolArray, place: tuple[IntArray, IntArray]
) -> FloatArray:
    """`(1 - f) n/(n - 1)` of every stratum; `alone`: strata of a group of one unit; `place`: stratum, first row."""
    remaining = 1.0 - drawn / populations
    lonely = (drawn == 1) & (remaining >= CERTAIN) & ~alone
    for wrong in (drawn > populations, lonely):
        if wrong.any():
            h = int(np.argmax(wrong))
            row = int(place[1][place[0] == h].min())
            if lonely[h]:
                raise LonelyStratum(1, row)
            raise PopulationTooSmall(1, row, float(populations[h]), int(drawn[h]))
    factor = remaining * drawn / np.maximum(drawn - 1, 1)
    return np.where((remaining < CERTAIN) | (drawn <= 1), 0.0, factor)


def _triangle(width: int) -> IntArray:
    """Place of each pair in the packed upper triangle, int64[p, p]."""
    at = np.zeros((width, width), dtype=np.int64)
    upper = np.triu_indices(width)
    at[upper] = np.arange(len(upper[0]))
    return np.maximum(at, at.T)
