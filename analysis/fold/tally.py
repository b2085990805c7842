"""One pass: chunks of rows into exact sums by cell, through any standard executor.

A plan says which sums are wanted; several plans share one reading of the rows. A worker folds a task (a row group, a
slice, a block) into small tables, and these are added up here in the order of the tasks. Sums are exact
(`analysis.fold.exact`), so neither chunks nor order nor workers change a digit; the errors' row is the first one's.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.design import FloatArray, IntArray
from analysis.errors import OptionInvalid
from analysis.fold.coding import Decoded, Measure, Placed, Scale
from analysis.fold.exact import CAPACITY, ExactSums, digits
from analysis.fold.sources import Source, Task
from analysis.fold.table import Cells, Part, Table, part_of

KEPT = 30 << 20  # glibc keeps freed blocks up to the largest that it saw freed: chunks then reuse their memory
AHEAD = 8  # tasks sent out before the first answer is waited for: bounds the memory

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Plan:
    """Sums by the cells of `keys`: row 0 the weights, then for each item (or, with `pools`, for each group of items
    added up within the row) one row a measure. Weight is a column's name or None (1 a row), to the power 1 or 2."""

    keys: tuple[str, ...]
    weight: str | None
    items: tuple[str, ...] = ()
    scale: Scale | None = None
    measures: tuple[Measure, ...] = ()
    pools: tuple[tuple[int, ...], ...] | None = None
    power: int = 1

    def __post_init__(self) -> None:
        if self.items and (self.scale is None or not self.measures):
            raise OptionInvalid("items", self.items, "with a scale and measures")
        if self.power not in (1, 2):
            raise OptionInvalid("power", self.power, "1 or 2")

    @property
    def quantities(self) -> int:
        groups = len(self.items) if self.pools is None else len(self.pools)
        return 1 + groups * len(self.measures)

    @property
    def columns(self) -> tuple[str, ...]:
        own = () if self.weight is None else (self.weight,)
        return (*self.keys, *own, *self.items)


def fold(
    source: Source, plans: Sequence[Plan], *, executor: Executor | None = None, ahead: int = AHEAD
) -> tuple[Cells, ...]:
    """The cells of each plan after one pass over the source.

    `executor` is any `concurrent.futures.Executor`: threads when None, processes, or `Client.get_executor()` of Dask;
    at most `ahead` tasks are under way. Memory: the cells and `ahead` tasks, whatever the number of rows.
    Raises ColumnMissing, FileUnreadable, NotFinite, NegativeWeight, CellInvalid, OptionInvalid.
    """
    columns = tuple(dict.fromkeys(name for plan in plans for name in plan.columns))
    tables = [Table(plan.keys, plan.quantities) for plan in plans]
    work = partial(tally, plans=tuple(plans))
    for parts in gather(source.tasks(columns), work, executor=executor, ahead=ahead):
        _add(tables, parts)
    return tuple(table.frozen() for table in tables)


def gather(
    tasks: Iterable[Given], work: Callable[[Given], Made], *, executor: Executor | None, ahead: int
) -> Iterator[Made]:
    """The results of `work` in the order of the tasks, with at most `ahead` of them under way."""
    if ahead < 1:
        raise OptionInvalid("ahead", ahead, "at least 1")
    np.empty(KEPT, dtype=np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) if executor is None else nullcontext(executor) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            pa.default_memory_pool().release_unused()  # what the columns took is free for the figures


def tally(task: Task, plans: tuple[Plan, ...]) -> list[Part]:
    """The worker's share: one part of every plan from one task."""
    tables: list[Table] | None = None
    before: list[Part] | None = None
    for chunk in task.chunks():
        decoded = Decoded(chunk)
        parts = [_part(decoded, plan) for plan in plans]
        if before is None:
            before = parts  # one chunk alone goes as it is
            continue
        if tables is None:
            tables = [Table(plan.keys, plan.quantities) for plan in plans]
            _add(tables, before)
        _add(tables, parts)
    if tables is None:
        return before or [Table(plan.keys, plan.quantities).part() for plan in plans]
    return [table.part() for table in tables]


def _add(tables: Sequence[Table], parts: Sequence[Part]) -> None:
    for table, part in zip(tables, parts, strict=True):
        table.add(part)


def _part(decoded: Decoded, plan: Plan) -> Part:
    return chunk_part(decoded, plan, decoded.place(plan.keys))


def chunk_part(decoded: Decoded, plan: Plan, placed: Placed) -> Part:
    """The sums of one chunk whose rows are placed in cells already."""
    cut = _digits(decoded, plan)
    reach = _largest(plan)
    shape = (plan.quantities, len(placed.counts))
    busiest = int(placed.counts.max(initial=0)) * reach
    step = decoded.rows if busiest <= CAPACITY else max(CAPACITY // reach, 1)
    sums = ExactSums(shape)
    for start in range(0, decoded.rows, max(step, 1)):
        rows = slice(start, start + step)
        arrays = {digit: np.empty(shape) for digit in cut}
        weights = [(arrays[digit], values[rows]) for digit, values in cut.items()]
        for out, digit_weights in weights:
            out[0] = np.bincount(placed.cell[rows], digit_weights, shape[1])
        (_add_items if plan.pools is None else _add_pools)(decoded, plan, placed.cell[rows], rows, weights)
        more = ExactSums(shape, arrays, min(busiest, CAPACITY))
        if start:
            sums.add(more, slice(None))
        else:
            sums = more
    return part_of(placed, sums, {})


def _digits(decoded: Decoded, plan: Plan) -> dict[int, FloatArray]:
    if plan.weight is None:
        return digits(np.ones(decoded.rows))
    weights = decoded.weights(plan.weight)
    cut = digits(weights, first_row=decoded.chunk.first_row)  # refuses what is no weight
    return cut if plan.power == 1 else digits(weights * weights, first_row=decoded.chunk.first_row)


def _largest(plan: Plan) -> int:
    """Largest whole number that one row adds."""
    if plan.scale is None:
        return 1
    most = int(plan.scale.table(plan.measures).max(initial=1))
    return max(most * max((len(pool) for pool in plan.pools), default=1), 1) if plan.pools is not None else most


def _add_items(
    decoded: Decoded, plan: Plan, cell: IntArray, rows: slice, weights: list[tuple[FloatArray, FloatArray]]
) -> None:
    """Digit sums of the items by cell: for each item a histogram of what its answers add, then its measures. `weights`
    pairs the sums float64[m, c] of a digit with the digit's weights by row."""
    if plan.scale is None or not weights:
        return
    cells = weights[0][0].shape[1]
    kinds, kind_of_class = np.unique(plan.scale.table(plan.measures), axis=0, return_inverse=True)
    kind, joint = np.empty(len(cell), dtype=np.uint8), np.empty(len(cell), dtype=np.int64)
    steps = _steps(kind_of_class.reshape(-1))
    for place, name in enumerate(plan.items):
        kind[:] = kind_of_class.flat[0]
        _climb(kind, decoded.item(name, plan.scale)[rows], steps)
        np.multiply(kind, cells, out=joint, dtype=np.int64)
        joint += cell
        start = 1 + place * len(plan.measures)
        for out, digit_weights in weights:
            histogram = np.bincount(joint, digit_weights, cells * len(kinds)).reshape(len(kinds), cells)
            np.matmul(kinds.T.astype(np.float64), histogram, out=out[start : start + len(plan.measures)])


def _add_pools(
    decoded: Decoded, plan: Plan, cell: IntArray, rows: slice, weights: list[tuple[FloatArray, FloatArray]]
) -> None:
    """Digit sums by cell of what the items of each pool add up to within a row."""
    for number, amounts in enumerate(_amounts(decoded, plan), start=1):
        for out, digit_weights in weights:
            out[number] = np.bincount(cell, digit_weights * amounts[rows], out.shape[1])


def _amounts(decoded: Decoded, plan: Plan) -> Iterator[IntArray]:
    """What the items of each pool add up to in each row, int64[n], measure by measure. A measure of the classes 0, 1,
    ... is a sum of steps, each a comparison of whole bytes; sums wrap round on the way but not in the end."""
    if plan.scale is None or plan.pools is None:
        return
    kind = np.min_scalar_type(_largest(plan))
    for pool in plan.pools:
        for column in plan.scale.table(plan.measures).T:
            total = np.full(decoded.rows, int(column[0]) * len(pool), dtype=kind)
            for place in pool:
                _climb(total, decoded.item(plan.items[place], plan.scale), _steps(column))
            yield total.astype(np.int64)


def _steps(column: IntArray) -> list[tuple[int, int]]:
    """Where a number by class 0, 1, ... changes, and by how much."""
    return [(at, int(step)) for at, step in enumerate(np.diff(column)) if step]


def _climb(total: NDArray[np.unsignedinteger[Any]], classes: NDArray[np.int8], steps: list[tuple[int, int]]) -> None:
    """Add to each row's total what its class adds above class 0."""
    for start, step in steps:
        above = (classes > start).view(np.uint8)
        if abs(step) != 1:
            above = above * total.dtype.type(abs(step))
        (np.add if step > 0 else np.subtract)(total, above, out=total)
