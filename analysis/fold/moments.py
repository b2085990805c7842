"""What the index and its variance need from one pass: whole-number sums of the answers and of their products by cell.

The index is a smooth function of the weighted totals T = sum w x of x = (valid, satisfied, value) over the items; its
variance is the delta method on the covariance of T, which needs `sum w^2 x x'` and `sum w x` by stratum. Weights are
known only after the pass (non-response, calibration), but they are one number in each class of answers. So counts,
`sum x` and `sum x x'` by class are enough, whatever the weights become; they are whole numbers, so they are exact.
Where rows lie in clusters, `sum x` by cluster and class takes the place of the products.
Reference: Särndal, Swensson, Wretman (1992) 4.3, 5.5 and 6.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import LengthMismatch, LonelyStratum, OptionInvalid, PopulationTooSmall
from analysis.fold.coding import Decoded, Measure, Placed, Scale
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
    """What is counted of the answers: items with their scales, measures (x is ordered by measure, then item), and
    groups of items as places (`touched`: rows with a valid answer to at least one of the group)."""

    items: tuple[str, ...]
    scales: tuple[Scale, ...]
    measures: tuple[Measure, ...]
    groups: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if len(self.items) != len(self.scales):
            raise LengthMismatch("the scales", len(self.items), len(self.scales))
        if Measure.SQUARE in self.measures:
            raise OptionInvalid("measures", str(Measure.SQUARE), "any but the square: products hold it")

    @property
    def width(self) -> int:
        return len(self.items) * len(self.measures)

    @property
    def largest(self) -> int:
        """Largest x of one answer."""
        return max((int(scale.table(self.measures).max()) for scale in self.scales), default=1)


@dataclass(frozen=True, eq=False)
class Moments:
    """Whole-number sums by class. `alone`: rows that are their own unit, `whole` holds `x` int64[c, p], `xx` int32[c,
    p (p + 1) / 2] (upper triangle by rows), `touched` int64[c, G]; `clusters`: by class and cluster, without `xx`."""

    alone: Cells
    clusters: Cells
    width: int


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """What a caller decides for the cells of `alone` followed by those of `clusters`, each [c]: group (a rated unit)
    and stratum codes (strata lie in groups), weight before and after calibration, calibration cell (-1: none)."""

    group: IntArray
    stratum: IntArray
    before: FloatArray
    after: FloatArray
    calibration: IntArray


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
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> Moments:
    """Counts, sums and sums of products by the classes of `keys` after one pass.

    The keys must tell apart all rows that may get different weights or strata (unit, stratum, class, base weight, mode,
    flag ...). `psu` names the clusters; rows with an empty label are units of their own. Raises the refusals of `fold`
    and OptionInvalid for a class of more rows than int32 holds.
    """
    columns = (*keys, *(() if psu is None else (psu,)), *wanted.items)
    tables = Table(keys, 0), Table((*keys, *(() if psu is None else (psu,))), 0)
    work = partial(moment_parts, wanted=wanted, keys=tuple(keys), psu=psu)
    for parts in gather(source.tasks(columns), work, executor=executor, ahead=ahead):
        for alone, clusters in parts:
            tables[0].add(alone)
            tables[1].add(clusters)
    cells = tables[0].frozen()
    if int(cells.counts.max(initial=0)) * wanted.largest**2 >= INT32:
        raise OptionInvalid("rows in a class", int(cells.counts.max()), f"fewer than {INT32 // wanted.largest**2}")
    return Moments(cells, tables[1].frozen(), wanted.width)


def moment_parts(task: Task, wanted: Wanted, keys: tuple[str, ...], psu: str | None) -> list[tuple[Part, Part]]:
    """The worker's share: the parts of each chunk of a task."""
    return [_parts(Decoded(chunk), wanted, keys, psu) for chunk in task.chunks()]


def weighted_totals(moments: Moments, weights: ClassWeights, *, populations: FloatArray, groups: int) -> Totals:
    """Totals of each group and their covariance `sum_h (1 - f_h) n_h/(n_h - 1) sum (t - mean t)(t - mean t)'`.

    t = w (x - b) summed over a unit, b the mean of x in the calibration cell (GREG residual of post-stratification,
    weights before calibration), 0 without one. `populations` float64[H]: units in each stratum's population, infinite
    where drawn with replacement. Raises LonelyStratum (a stratum of one unit that is not the whole population),
    PopulationTooSmall, LengthMismatch. Reference: Särndal, Swensson, Wretman (1992) 4.3 and 6.6.
    """
    alone, clusters, p = moments.alone, moments.clusters, moments.width
    counts = np.concatenate([alone.counts, clusters.counts])
    if len(weights.after) != len(counts):
        raise LengthMismatch("the classes' weights", len(counts), len(weights.after))
    x = np.concatenate([_x(alone, p), _x(clusters, p)]).astype(np.float64)
    middle = _middles(weights, x, counts)
    t = weights.after[:, None] * (x - counts[:, None] * middle)
    cut, size = len(alone.counts), len(populations)
    unit_stratum, unit_t = _cluster_totals(clusters, weights.stratum[cut:], t[cut:])
    drawn = np.bincount(weights.stratum[:cut], alone.counts, size) + np.bincount(unit_stratum, minlength=size)
    factor = _factors(
        np.asarray(drawn, dtype=np.float64), populations, weights.stratum, np.concatenate([alone.first, clusters.first])
    )
    group_of = np.zeros(size, dtype=np.int64)
    group_of[weights.stratum] = weights.group
    covariance = np.zeros((groups, p, p))
    for cell, product in _products(alone, x, middle):
        h = weights.stratum[cell]
        covariance[group_of[h]] += factor[h] * weights.after[cell] ** 2 * product
    for h in np.unique(unit_stratum).tolist():
        rows = unit_t[unit_stratum == h]
        covariance[group_of[h]] += factor[h] * (rows.T @ rows)
    sums = _sums(weights.stratum, t, size)
    for h in np.flatnonzero(drawn > 1).tolist():
        covariance[group_of[h]] -= factor[h] / drawn[h] * np.outer(sums[h], sums[h])
    totals = _sums(weights.group, weights.after[:, None] * x, groups)
    df = np.bincount(group_of, drawn - (drawn > 0), groups)
    return Totals(totals, covariance, df.astype(np.int64))


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
    whole: Sums = {"x": sums[:, :p], "touched": sums[:, p:]}
    one = _some(placed, alone, {**{name: values[alone] for name, values in whole.items()}, "xx": packed}, len(keys))
    other = _some(placed, ~alone, {name: values[~alone] for name, values in whole.items()}, len(placed.labels))
    return one, other


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


def _products(alone: Cells, x: FloatArray, middle: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """`sum (x - b)(x - b)'` over the rows of each cell, float64[p, p], b the cell's calibration mean."""
    at = _triangle(x.shape[1])
    for cell, count in enumerate(alone.counts.tolist()):
        b = middle[cell]
        cross = np.outer(x[cell] - count * b / 2, b)
        yield cell, alone.whole["xx"][cell][at] - cross - cross.T


def _some(placed: Placed, cells: BoolArray, whole: Sums, keys: int) -> Part:
    labels, codes = [], []
    for place in range(keys):
        used, own = np.unique(placed.codes[place][cells], return_inverse=True)
        labels.append(tuple(placed.labels[place][code] for code in used.tolist()))
        codes.append(own.reshape(-1).astype(np.int64))
    sums = ExactSums((0, int(cells.sum())))
    return Part(tuple(labels), np.stack(codes), placed.counts[cells], placed.first[cells], sums, whole)


def _answers_by_row(decoded: Decoded, wanted: Wanted, order: IntArray) -> NDArray[np.uint8]:
    """x and `touched` of the rows in this order, uint8[p + G, n]."""
    k = len(wanted.items)
    out = np.empty((wanted.width + len(wanted.groups), decoded.rows), dtype=np.uint8)
    valid = np.empty((k, decoded.rows), dtype=np.bool_)
    straight = bool((order[1:] > order[:-1]).all())
    for item, (name, scale) in enumerate(zip(wanted.items, wanted.scales, strict=True)):
        classes = decoded.item(name, scale)
        classes = classes if straight else classes[order]
        valid[item] = (classes > 0) & (classes <= scale.steps)
        for measure, column in enumerate(scale.table(wanted.measures).astype(np.uint8).T):
            np.take(column, classes, out=out[measure * k + item], mode="clip")
    for number, group in enumerate(wanted.groups):
        out[wanted.width + number] = valid[list(group)].any(axis=0)
    return out


def _x(cells: Cells, width: int) -> NDArray[np.int64]:
    return cells.whole.get("x", np.zeros((len(cells.counts), width), dtype=np.int64))


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
    return np.where(inside[:, None], means[place], 0.0)


def _cluster_totals(clusters: Cells, stratum: IntArray, t: FloatArray) -> tuple[IntArray, FloatArray]:
    """Stratum of each cluster and its total; a label counts anew in every stratum."""
    if not len(clusters.counts):
        return np.zeros(0, dtype=np.int64), t
    label = clusters.codes[-1]
    joint, unit = np.unique(stratum * (int(label.max()) + 1) + label, return_inverse=True)
    return joint // (int(label.max()) + 1), _sums(unit.reshape(-1), t, len(joint))


def _factors(drawn: FloatArray, populations: FloatArray, stratum: IntArray, first: IntArray) -> FloatArray:
    remaining = 1.0 - drawn / populations
    lonely = (drawn == 1) & (remaining >= CERTAIN)
    for wrong in (drawn > populations, lonely):
        if wrong.any():
            h = int(np.argmax(wrong))
            row = int(first[stratum == h].min())
            if lonely[h]:
                raise LonelyStratum(1, row)
            raise PopulationTooSmall(1, row, float(populations[h]), int(drawn[h]))
    factor = remaining * drawn / np.maximum(drawn - 1, 1)
    return np.where(remaining < CERTAIN, 0.0, factor)


def _triangle(width: int) -> IntArray:
    """Place of each pair in the packed upper triangle, int64[p, p]."""
    at = np.zeros((width, width), dtype=np.int64)
    upper = np.triu_indices(width)
    at[upper] = np.arange(len(upper[0]))
    return np.maximum(at, at.T)
