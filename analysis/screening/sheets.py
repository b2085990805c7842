"""The answers as screening sees them: scale values, cells left empty, and the groups that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.design import BoolArray, IntArray
from analysis.errors import ColumnMissing, LengthMismatch, OptionInvalid, Undefined

NOT_ANSWERED = "."
LEAST_ITEMS = 5  # with fewer items a pattern is no evidence
LEAST_ROWS = 60  # with fewer answers the wave is no measure of itself
LEAST_CONTEXT = 50  # a mode with fewer answers is compared together with the other small ones
STANDARD = {"unit": ("unit",), "collector": ("unit", "mode"), "batch": ("unit", "phase")}

Values = NDArray[np.int8]


class Coded(Protocol):
    """A text column as codes into its distinct values."""

    @property
    def codes(self) -> NDArray[Any]: ...
    @property
    def levels(self) -> tuple[str, ...]: ...


class Table(Protocol):
    """The answers of an extract: text columns by name and the items' columns."""

    @property
    def rows(self) -> int: ...
    @property
    def items(self) -> Mapping[str, Any]: ...
    def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, eq=False)
class Sheets:
    """n answers to k items in the order of the questionnaire: scale values int8[n, k] (0: none), cells left without an
    answer bool[n, k], the context int64[n] (mode of the answer) inside which groups are compared, and the answers
    bool[n] that no null is made of (`screen` doubts those of the groups that it flagged before)."""

    values: Values
    unanswered: BoolArray
    context: IntArray
    doubted: BoolArray

    @property
    def trusted(self) -> IntArray:
        """Row numbers of the answers that the others are measured by, ascending."""
        return np.flatnonzero(~self.doubted)

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def steps(self) -> int:
        return int(self.values.max(initial=0))


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way to cut the answers into groups: codes int64[n] (-1: in none) and the groups' names."""

    kind: str
    codes: IntArray
    names: tuple[str, ...]

    @property
    def sizes(self) -> IntArray:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def make_sheets(values: Values, unanswered: BoolArray, context: IntArray) -> Sheets:
    """Check the shapes and join small contexts. Raises LengthMismatch, OptionInvalid, Undefined (too little to
    screen: fewer than LEAST_ITEMS items or LEAST_ROWS answers)."""
    n, k = values.shape
    for name, array in (("unanswered", unanswered), ("context", context)):
        if len(array) != n:
            raise LengthMismatch(name, n, len(array))
    if n < LEAST_ROWS or k < LEAST_ITEMS:
        raise Undefined("screening", f"it needs {LEAST_ROWS} answers to {LEAST_ITEMS} items, found {n} to {k}")
    if not values.any():
        raise Undefined("screening", "no item has an answer")
    if values.min(initial=0) < 0:
        raise OptionInvalid("values", int(values.min()), "0 (none) or a scale value from 1")
    sizes = np.bincount(context)
    small = sizes[context] < LEAST_CONTEXT
    joined = np.unique(np.where(small, -1, context), return_inverse=True)[1].astype(np.int64)
    never = np.zeros(n, dtype=np.bool_)
    return Sheets(values.astype(np.int8), unanswered.astype(np.bool_), joined.reshape(-1), never)


def read_sheets(table: Table, items: Sequence[str], *, context: str) -> Sheets:
    """The sheets of an extract's answers: `items` are the scored items' codes in the order they are asked, `context`
    the column (`mode`) whose values are not mixed in a comparison. A cell that is no number is none.
    Raises ColumnMissing and the leaves of `make_sheets`."""
    for code in items:
        if code not in table.items:
            raise ColumnMissing(code, "the answers")
    columns: list[Coded] = [table.items[code] for code in items]
    values = [np.array([_value(level) for level in one.levels], dtype=np.int8)[one.codes] for one in columns]
    empty = [np.array([level == NOT_ANSWERED for level in one.levels], dtype=np.bool_)[one.codes] for one in columns]
    shape = (table.rows, len(columns))
    return make_sheets(
        np.array(values, dtype=np.int8).reshape(shape[::-1]).T,
        np.array(empty, dtype=np.bool_).reshape(shape[::-1]).T,
        np.asarray(table[context].codes, dtype=np.int64),
    )


def members(codes: IntArray, groups: int) -> list[IntArray]:
    """Row numbers of each group 0..groups-1, ascending; rows with a negative code are in none."""
    order = np.argsort(codes, kind="stable").astype(np.int64)
    cuts = np.searchsorted(codes[order], np.arange(groups + 1))
    return [order[start:end] for start, end in pairwise(cuts.tolist())]


def groupings(table: Table, wanted: Mapping[str, Sequence[str]]) -> tuple[Grouping, ...]:
    """One grouping for each wanted kind -> columns (`STANDARD` for an extract: unit, collector, batch).

    A collector is what brings answers in: an interviewer or counter where a column tells, else unit and mode.
    """
    return tuple(_grouping(table, kind, columns) for kind, columns in wanted.items())


def _grouping(table: Table, kind: str, columns: Sequence[str]) -> Grouping:
    coded: list[Coded] = [table[name] for name in columns]
    keys = np.column_stack([one.codes for one in coded])
    found, codes = np.unique(keys, axis=0, return_inverse=True)
    names = tuple("|".join(one.levels[code] for one, code in zip(coded, key, strict=True)) for key in found.tolist())
    return Grouping(kind, codes.astype(np.int64).reshape(-1), names)


def _value(level: str) -> int:
    return int(level) if level.isascii() and level.isdigit() and int(level) < 100 else 0
