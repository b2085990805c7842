"""Additive tables: cells named by the labels of their keys, each with exact sums, filled in any order, then frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.design import FloatArray, IntArray
from analysis.fold.coding import Label, Placed
from analysis.fold.exact import ExactSums
from analysis.fold.numbering import Numbering

BLOCKS = 64  # blocks that a table may be in before they are united


@dataclass(frozen=True, eq=False)
class Part:
    """A piece of a table on its way to another: labels and codes int64[q, c] of its cells, rows, first row, sums."""

    labels: tuple[tuple[Label, ...], ...]
    codes: IntArray
    counts: IntArray
    first: IntArray
    sums: ExactSums
    whole: Mapping[str, NDArray[Any]]

    @property
    def cells(self) -> int:
        return int(self.codes.shape[1])


@dataclass(frozen=True, eq=False)
class Cells:
    """A finished table, the same bits whatever way its rows came: cells sorted by their labels.

    `labels` sorted distinct labels of each key, `codes` int64[q, c] into them, `counts` int64[c] rows, `first` the
    number of a row in each cell, `sums` float64[m, c] and whole-number sums by name, int[c, ...].
    """

    keys: tuple[str, ...]
    labels: tuple[tuple[Label, ...], ...]
    codes: IntArray
    counts: IntArray
    first: IntArray
    sums: FloatArray
    whole: Mapping[str, NDArray[Any]]

    def code(self, key: str) -> IntArray:
        return np.asarray(self.codes[self.keys.index(key)])

    def column(self, key: str) -> NDArray[Any]:
        """The label of each cell, [c]."""
        return np.array(self.names(key))[self.code(key)] if len(self.counts) else np.zeros(0)

    def names(self, key: str) -> tuple[Label, ...]:
        return self.labels[self.keys.index(key)]


def part_of(placed: Placed, sums: ExactSums, whole: Mapping[str, NDArray[Any]]) -> Part:
    """The sums of one chunk as a part."""
    return Part(placed.labels, placed.codes, placed.counts, placed.first, sums, whole)


@dataclass(frozen=True, eq=False)
class Block:
    """Sums of some cells of a table, in columns."""

    sums: ExactSums
    whole: Mapping[str, NDArray[Any]]


class Table:
    """A growing table; parts may come in any order. A part whose cells are new is kept as it is, as a block."""

    def __init__(self, keys: Sequence[str], quantities: int) -> None:
        self.keys = tuple(keys)
        self.quantities = quantities
        self.labels: list[list[Label]] = [[] for _ in keys]
        self.counts = np.zeros(0, dtype=np.int64)
        self.first = np.zeros(0, dtype=np.int64)
        self.blocks: list[Block] = []
        self._block = np.zeros(0, dtype=np.int64)  # of each cell: its block and its column there
        self._column = np.zeros(0, dtype=np.int64)
        self._places: list[dict[Label, int]] = [{} for _ in keys]
        self._numbering = Numbering(len(self.keys))

    @property
    def cells(self) -> int:
        return self._numbering.size

    def add(self, part: Part) -> None:
        """Add a part's sums to the cells of the same labels."""
        if not part.cells:
            return
        start = self.cells
        at, new = self._numbering.locate(self._recoded(part))
        old = np.flatnonzero(~new)
        if len(old):
            self.counts[at[old]] += part.counts[old]
            self.first[at[old]] = np.minimum(self.first[at[old]], part.first[old])
            self._add_old(part, old, at[old])
        if start < self.cells:
            self._add_new(part, np.flatnonzero(new), start)
        if len(self.blocks) > BLOCKS:
            self._unite()

    def part(self) -> Part:
        """All of this table as one part."""
        self._unite()
        labels, c = tuple(tuple(one) for one in self.labels), self.cells
        block = self.blocks[0] if self.blocks else Block(ExactSums((self.quantities, 0)), {})
        return Part(labels, self._numbering.codes, self.counts[:c], self.first[:c], block.sums, block.whole)

    def frozen(self) -> Cells:
        """Sort labels and cells into their only order and round the exact sums."""
        labels: list[tuple[Label, ...]] = []
        codes = np.empty((len(self.keys), self.cells), dtype=np.int64)
        for place, own in enumerate(self.labels):
            order = sorted(range(len(own)), key=own.__getitem__)
            rank = np.empty(len(own), dtype=np.int64)
            rank[order] = np.arange(len(own))
            labels.append(tuple(own[number] for number in order))
            codes[place] = rank[self._numbering.codes[place]]
        cells = np.lexsort(codes[::-1]) if len(codes) else np.arange(self.cells)
        sums, whole = self._gathered(cells)
        return Cells(
            self.keys, tuple(labels), codes[:, cells], self.counts[cells], self.first[cells], sums, whole
        )  # fmt: skip

    def _add_old(self, part: Part, columns: IntArray, cells: IntArray) -> None:
        blocks = self._block[cells]
        for number in np.unique(blocks).tolist():
            chosen = blocks == number
            block, at = self.blocks[number], _span(self._column[cells[chosen]])
            block.sums.add(part.sums.take(_span(columns[chosen])), at)
            for name, values in part.whole.items():
                block.whole[name][at] += values[columns[chosen]]

    def _add_new(self, part: Part, columns: IntArray, start: int) -> None:
        if 2 * len(columns) < part.cells:  # the rest would be dead weight
            whole = {name: values[columns] for name, values in part.whole.items()}
            block, own = Block(part.sums.take(columns), whole), np.arange(len(columns))
        else:
            block, own = Block(part.sums, part.whole), columns
        cells = slice(start, self.cells)
        self._make_room()
        self.counts[cells], self.first[cells] = part.counts[columns], part.first[columns]
        self._block[cells], self._column[cells] = len(self.blocks), own
        self.blocks.append(block)

    def _make_room(self) -> None:
        added = max(self.cells, 2 * len(self.counts)) - len(self.counts)
        if len(self.counts) < self.cells:
            self.counts, self.first = np.pad(self.counts, (0, added)), np.pad(self.first, (0, added))
            self._block, self._column = np.pad(self._block, (0, added)), np.pad(self._column, (0, added))

    def _unite(self) -> None:
        """Move all cells into one block, in the order in which they were first seen."""
        if len(self.blocks) < 2 and (not self.blocks or self.blocks[0].sums.shape[1] == self.cells):
            return
        sums = ExactSums((self.quantities, self.cells))
        whole: dict[str, NDArray[Any]] = {}
        for number, block in enumerate(self.blocks):
            cells = np.flatnonzero(self._block[: self.cells] == number)
            columns = _span(self._column[cells])
            sums.place(block.sums.take(columns), _span(cells))
            for name, values in block.whole.items():
                own = whole.setdefault(name, np.zeros((self.cells, *values.shape[1:]), dtype=values.dtype))
                own[cells] = values[columns]
        self.blocks = [Block(sums, whole)]
        self._block[: self.cells], self._column[: self.cells] = 0, np.arange(self.cells)

    def _gathered(self, cells: IntArray) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
        """Rounded sums float64[m, c] and whole-number sums of the cells in this order."""
        sums = np.empty((self.quantities, len(cells)))
        whole: dict[str, NDArray[Any]] = {}
        blocks = self._block[cells]
        for number, block in enumerate(self.blocks):
            at = np.flatnonzero(blocks == number)
            if not len(at):
                continue
            columns = _span(self._column[cells[at]])
            block.sums.write(sums, _span(at), columns)
            for name, values in block.whole.items():
                own = whole.setdefault(name, np.empty((len(cells), *values.shape[1:]), dtype=values.dtype))
                own[at] = values[columns]
        return sums, whole

    def _recoded(self, part: Part) -> IntArray:
        """The part's codes in this table's labels, new labels added at the end."""
        codes = np.empty_like(part.codes)
        for place, labels in enumerate(part.labels):
            known, own = self._places[place], self.labels[place]
            for label in labels:
                if label not in known:
                    known[label] = len(own)
                    own.append(label)
            codes[place] = np.array([known[label] for label in labels], dtype=np.int64)[part.codes[place]]
        return codes


def _span(at: IntArray) -> slice | IntArray:
    """The same places as a slice where they follow one another."""
    start, end = int(at[0]), int(at[-1]) + 1
    if end - start == len(at) and bool((np.diff(at) == 1).all()):
        return slice(start, end)
    return at
