"""Raking on the table of joint margin cells: rows are read once, every round works on the table alone."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analysis.design import FloatArray, IntArray
from analysis.errors import (
    CodeUnknown,
    MarginLevelAbsent,
    MarginLevelUnknown,
    MarginsContradict,
    MarginTotalInvalid,
    NotConverged,
    OptionInvalid,
)
from analysis.fold.coding import Decoded, Label
from analysis.fold.sources import Source, Task
from analysis.fold.table import Cells, Part, Table
from analysis.fold.tally import AHEAD, Plan, chunk_part, fold, gather

AGREE = 1e-6  # relative difference up to which two margins' sums count as the same total

Totals = Mapping[str, Mapping[Label, float]]


@dataclass(frozen=True, eq=False)
class Targets:
    """Margins by level code: names, level labels in the cells' order, totals float64[L] of each."""

    names: tuple[str, ...]
    levels: tuple[tuple[Label, ...], ...]
    totals: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Raked:
    """The raked table: sums of weights before float64[c] and the factor of each joint cell float64[c] (1 where a cell
    has no weight), rounds taken and the worst relative misfit of a level's total before the last one."""

    cells: Cells
    factors: FloatArray
    iterations: int
    misfit: float

    def weights(self, source: Source, weight: str) -> Iterator[FloatArray]:
        """Final weights of the rows, chunk by chunk in the order of the source. Raises CodeUnknown for a joint cell
        that the table does not have."""
        keys = self.cells.keys
        lookup = _Lookup(self.cells)
        for task in source.tasks((*keys, weight)):
            for chunk in task.chunks():
                decoded = Decoded(chunk)
                placed = decoded.place(keys)
                at = lookup.cells(placed.labels, placed.codes)
                yield decoded.weights(weight) * self.factors[at][placed.cell]


def rake(
    source: Source,
    weight: str,
    margins: Totals,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 2000,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> Raked:
    """Raking ratio (iterative proportional fitting) to margins: column -> level -> population total.

    Sufficient sums: weights by joint cell of the margins. A round scales every margin in turn; it ends when no level's
    total was off by more than `tolerance` of itself. Raises MarginTotalInvalid, MarginLevelUnknown, MarginLevelAbsent,
    MarginsContradict, NotConverged. Reference: Deming and Stephan (1940); Deville, Särndal, Sautory (1993).
    """
    (cells,) = fold(source, [Plan(tuple(margins), weight)], executor=executor, ahead=ahead)
    return _fitted(cells, margins, tolerance, max_iterations)


def _fitted(cells: Cells, margins: Totals, tolerance: float, max_iterations: int) -> Raked:
    targets = make_targets(cells, margins)
    mass = cells.sums[0][:, None].copy()
    iterations, misfit = fit(mass, [cells.code(name) for name in margins], targets, tolerance, max_iterations)
    before = cells.sums[0]
    factors = np.divide(mass[:, 0], before, out=np.ones_like(before), where=before > 0)
    return Raked(cells, factors, iterations, misfit)


def raked_weights(
    source: Source,
    weight: str,
    margins: Totals,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 2000,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> tuple[Raked, FloatArray]:
    """`rake`, and the final weights float64[n] of all rows in the order of the source, read once: the weight and the
    cell of every row are held meanwhile (12 bytes a row). The same bits as `Raked.weights`."""
    plan = Plan(tuple(margins), weight)
    table = Table(plan.keys, plan.quantities)
    rows: list[_Rows] = []
    work = partial(_placed_rows, plan=plan)
    for found in gather(source.tasks(plan.columns), work, executor=executor, ahead=ahead):
        for part, one in found:
            table.add(part)
            rows.append(one)
    raked = _fitted(table.frozen(), margins, tolerance, max_iterations)
    lookup = _Lookup(raked.cells)
    final = np.empty(sum(len(one.weights) for one in rows))
    end = 0
    for one in rows:
        start, end = end, end + len(one.weights)
        factors = raked.factors[lookup.cells(one.labels, one.codes)]
        np.multiply(one.weights, factors[one.cell], out=final[start:end])
    return raked, final


def make_targets(cells: Cells, margins: Totals) -> Targets:
    """The margins' totals in the order of the cells' labels, checked against them and against each other."""
    if not margins:
        raise OptionInvalid("margins", (), "at least one margin")
    totals: list[FloatArray] = []
    reference: tuple[str, float] | None = None
    for name, wanted in margins.items():
        for level, total in wanted.items():
            if not isinstance(total, numbers.Real) or not np.isfinite(total) or total < 0:
                raise MarginTotalInvalid(name, str(level), total)
        labels = cells.names(name)
        for label in labels:
            if label not in wanted:
                raise MarginLevelUnknown(name, str(label))
        for level in wanted.keys() - set(labels):
            if wanted[level] > 0:
                raise MarginLevelAbsent(name, str(level), float(wanted[level]))
        totals.append(np.array([float(wanted[label]) for label in labels]))
        whole = float(totals[-1].sum())
        reference = reference or (name, whole)
        if abs(whole - reference[1]) > AGREE * max(abs(whole), abs(reference[1])):
            raise MarginsContradict(name, whole, *reference)
    if reference is not None and not reference[1] > 0:
        raise OptionInvalid("totals of the margins", 0.0, "above 0 in all")
    return Targets(tuple(margins), tuple(cells.names(name) for name in margins), tuple(totals))


def fit(
    mass: FloatArray, levels: Sequence[IntArray], targets: Targets, tolerance: float, max_iterations: int
) -> tuple[int, float]:
    """Fit the masses float64[c, R] of c joint cells in place, every column (a replicate) on its own; returns rounds
    and misfit. `levels` int64[c] of each margin. Raises MarginLevelAbsent and NotConverged with the worst margin."""
    orders = [np.argsort(level, kind="stable") for level in levels]
    starts = [np.searchsorted(level[order], np.arange(len(wanted)))
              for level, order, wanted in zip(levels, orders, targets.totals, strict=True)]  # fmt: skip
    for name, labels, wanted, order, start in zip(
        targets.names, targets.levels, targets.totals, orders, starts, strict=True
    ):
        empty = (np.add.reduceat(mass[order], start, axis=0) <= 0).any(axis=1) & (wanted > 0)
        if empty.any():
            lost = int(np.argmax(empty))
            raise MarginLevelAbsent(name, str(labels[lost]), float(wanted[lost]))
    whole = [float(wanted.sum()) for wanted in targets.totals]
    tolerance += (max(whole) - min(whole)) / max(whole)  # margins that differ by rounding are met as far as they agree
    worst = (targets.names[0], np.inf)
    for iteration in range(1, max_iterations + 1):
        worst = (targets.names[0], 0.0)
        for name, level, wanted, order, start in zip(
            targets.names, levels, targets.totals, orders, starts, strict=True
        ):
            sums = np.add.reduceat(mass[order], start, axis=0)
            ratio = np.divide(wanted[:, None], sums, out=np.zeros_like(sums), where=sums > 0)
            off = float(np.abs(ratio[wanted > 0] - 1.0).max(initial=0.0))
            worst = (name, off) if off > worst[1] else worst
            mass *= ratio[level]
        if worst[1] < tolerance:
            return iteration, worst[1]
    raise NotConverged("raking", worst[0], worst[1], max_iterations)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The weights of a chunk's rows and the cell of each, with the labels of these cells."""

    weights: FloatArray
    cell: NDArray[np.int32]
    labels: tuple[tuple[Label, ...], ...]
    codes: IntArray


def _placed_rows(task: Task, plan: Plan) -> list[tuple[Part, _Rows]]:
    found = []
    for chunk in task.chunks():
        decoded = Decoded(chunk)
        placed = decoded.place(plan.keys)
        weights = decoded.weights(plan.weight or "")
        one = _Rows(weights, placed.cell.astype(np.int32), placed.labels, placed.codes)
        found.append((chunk_part(decoded, plan, placed), one))
    return found


class _Lookup:
    """Cells by their labels."""

    def __init__(self, cells: Cells) -> None:
        self.keys = cells.keys
        self.places = [{label: code for code, label in enumerate(labels)} for labels in cells.labels]
        self.sizes = [max(len(labels), 1) for labels in cells.labels]
        self.packed = self._pack(cells.codes)

    def cells(self, labels: Sequence[Sequence[Label]], codes: IntArray) -> IntArray:
        own = np.empty_like(codes)
        for number, (key, found) in enumerate(zip(self.keys, labels, strict=True)):
            for label in found:
                if label not in self.places[number]:
                    raise CodeUnknown("the rows", key, str(label), "the raked table")
            own[number] = np.array([self.places[number][label] for label in found], dtype=np.int64)[codes[number]]
        packed = self._pack(own)
        at = np.minimum(np.searchsorted(self.packed, packed), len(self.packed) - 1)
        if (self.packed[at] != packed).any():
            raise CodeUnknown("the rows", " x ".join(self.keys), "a joint cell", "the raked table")
        return at

    def _pack(self, codes: IntArray) -> IntArray:
        packed = np.zeros(codes.shape[1], dtype=np.int64)
        for one, size in zip(codes, self.sizes, strict=True):
            packed = packed * size + one
        return packed
