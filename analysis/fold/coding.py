"""Rows as small integers: the codes of key columns, the cell of each row, and the answers of rated items."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.design import FloatArray, IntArray
from analysis.errors import CellInvalid, LengthMismatch, NotFinite, OptionInvalid
from analysis.fold.sources import Chunk, numbers

NOT_ANSWERED, NOT_APPLICABLE = ".", ""  # text cells; in a numeric column null or 0, and -1
Label = int | float | str
Read = Callable[[Label], Label]  # how a label is understood; ValueError says what was expected instead
SMALL, NARROW = 1 << 22, 64  # ranges of labels up to which codes are looked up, or taken as they are


class Measure(StrEnum):
    """What is added up of an answer v to a rated item."""

    VALID = "valid"  # 1 for an answer on the scale
    SATISFIED = "satisfied"  # 1 for an answer among the satisfied ones
    VALUE = "value"  # v
    SQUARE = "square"  # v^2
    INAPPLICABLE = "inapplicable"  # 1 for "not applicable"


@dataclass(frozen=True)
class Scale:
    """A rated scale 1..steps and which of its values count as satisfied."""

    steps: int
    satisfied: frozenset[int]

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= 100:
            raise OptionInvalid("steps", self.steps, "2 to 100")
        if not self.satisfied <= set(range(1, self.steps + 1)):
            raise OptionInvalid("satisfied", sorted(self.satisfied), f"values from 1 to {self.steps}")

    def table(self, measures: Sequence[Measure]) -> IntArray:
        """What each class of an answer (0 none, 1..steps, steps + 1 not applicable) adds, int64[steps + 2, m]."""
        return _table(self, tuple(measures))


@cache
def _table(scale: Scale, measures: tuple[Measure, ...]) -> IntArray:
    classes = np.arange(scale.steps + 2)
    value = np.where(classes > scale.steps, 0, classes)
    columns = {
        Measure.VALID: value > 0,
        Measure.SATISFIED: np.isin(value, sorted(scale.satisfied)),
        Measure.VALUE: value,
        Measure.SQUARE: value**2,
        Measure.INAPPLICABLE: classes > scale.steps,
    }
    table = np.stack([columns[one] for one in measures], axis=1).astype(np.int64)
    table.flags.writeable = False
    return table


@dataclass(frozen=True, eq=False)
class Coded:
    """A key column: whole-number codes [n] into sorted labels, not all of which need to occur."""

    codes: NDArray[Any]
    labels: tuple[Label, ...]


@dataclass(frozen=True, eq=False)
class Placed:
    """The cells of a chunk: cell of each row, codes of each cell's labels int64[q, c], rows and first row of each."""

    cell: IntArray
    codes: IntArray
    labels: tuple[tuple[Label, ...], ...]
    counts: IntArray
    first: IntArray


class Decoded:
    """A chunk whose columns are coded when they are first asked for, their labels as `readers` understand them."""

    def __init__(self, chunk: Chunk, readers: Mapping[str, Read] | None = None) -> None:
        self.chunk = chunk
        self._readers = readers or {}
        self._keys: dict[str, Coded] = {}
        self._items: dict[tuple[str, int], NDArray[np.int8]] = {}

    @property
    def rows(self) -> int:
        return self.chunk.rows

    def key(self, name: str) -> Coded:
        if name not in self._keys:
            one = coded(self.chunk, name)
            self._keys[name] = _read(self.chunk, name, one, self._readers[name]) if name in self._readers else one
        return self._keys[name]

    def item(self, name: str, scale: Scale) -> NDArray[np.int8]:
        if (name, scale.steps) not in self._items:
            self._items[name, scale.steps] = item_classes(self.chunk, name, scale)
        return self._items[name, scale.steps]

    def weights(self, name: str) -> FloatArray:
        return np.asarray(numbers(self.chunk.columns[name]), dtype=np.float64)

    @cached_property
    def row_numbers(self) -> IntArray:
        return np.arange(self.rows, dtype=np.int64)

    def place(self, keys: Sequence[str]) -> Placed:
        """Number the combinations of the keys that occur here."""
        columns = [self.key(name) for name in keys]
        cell, counts = _numbered(*_joint(columns, self.rows))
        first = np.empty(len(counts), dtype=np.int64)
        first[cell[::-1]] = self.row_numbers[::-1]
        codes = np.empty((len(keys), len(counts)), dtype=np.int64)
        labels: list[tuple[Label, ...]] = []
        for place, one in enumerate(columns):
            used, codes[place] = np.unique(one.codes[first], return_inverse=True)
            every = len(used) == len(one.labels)
            labels.append(one.labels if every else tuple(one.labels[code] for code in used.tolist()))
        return Placed(cell, codes, tuple(labels), counts, first + self.chunk.first_row)


def coded(chunk: Chunk, name: str) -> Coded:
    """Code a key column (whole numbers, numbers or text); a missing label is refused (NotFinite)."""
    column = chunk.columns[name]
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.Array):
        if column.null_count:
            raise NotFinite(name, chunk.first_row + int(np.argmax(np.asarray(column.is_null()))))
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
            return _coded_text(column if pa.types.is_dictionary(kind) else column.dictionary_encode())
    values = numbers(column)
    if values.dtype.kind == "b":
        values = values.view(np.int8)
    if values.dtype.kind in "iu":
        return _coded_integers(values)
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise NotFinite(name, chunk.first_row + int(np.argmax(np.isnan(values))))
    if values.dtype.kind == "O":
        missing = [value is None or value != value for value in values]
        if any(missing):
            raise NotFinite(name, chunk.first_row + missing.index(True))
        values = values.astype(str)
    found, inverse = np.unique(values, return_inverse=True)
    return Coded(inverse.reshape(-1).astype(np.int64), tuple(found.tolist()))


def _read(chunk: Chunk, name: str, one: Coded, read: Read) -> Coded:
    """The column with every label that occurs as `read` understands it; a refused one is named (CellInvalid)."""
    used = np.flatnonzero(np.bincount(one.codes, minlength=len(one.labels))).tolist()
    understood: list[Label] = []
    for code in used:
        try:
            understood.append(read(one.labels[code]))
        except ValueError as error:
            row = chunk.first_row + int(np.argmax(one.codes == code)) + 1
            raise CellInvalid(chunk.source, row, name, str(one.labels[code]), str(error)) from error
    labels = tuple(sorted(set(understood)))
    place = {label: number for number, label in enumerate(labels)}
    table = np.zeros(max(len(one.labels), 1), dtype=np.int64)
    table[used] = [place[label] for label in understood]
    return Coded(table[one.codes], labels)


def item_classes(chunk: Chunk, name: str, scale: Scale) -> NDArray[np.int8]:
    """Class of each answer int8[n]: 1..steps, 0 for none, steps + 1 for not applicable. Raises CellInvalid."""
    column = chunk.columns[name]
    arrow = isinstance(column, pa.Array | pa.ChunkedArray)
    if not _numeric(column.type) if arrow else np.asarray(column).dtype.kind in "OU":
        return _text_classes(chunk, name, _text(column), scale)
    values = numbers(column)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), 0, values)
    least, most = values.min(initial=0), values.max(initial=0)
    whole = values.dtype.kind in "iu" or bool((values == np.floor(values)).all())
    if least < -1 or most > scale.steps or not whole:
        wrong = (values < -1) | (values > scale.steps) | (values != np.floor(values))
        raise _invalid(chunk, name, int(np.argmax(wrong)), str(values[np.argmax(wrong)]), scale)
    classes = values.astype(np.int8, copy=False)
    return np.where(classes == -1, np.int8(scale.steps + 1), classes) if least < 0 else classes


def _text(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks()
    if isinstance(column, pa.Array):
        return column
    return pa.array([None if value is None else str(value) for value in column.tolist()], pa.string())


def _text_classes(chunk: Chunk, name: str, column: Any, scale: Scale) -> NDArray[np.int8]:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    known = {str(value): value for value in range(1, scale.steps + 1)}
    known.update({NOT_ANSWERED: 0, NOT_APPLICABLE: scale.steps + 1})
    levels = encoded.dictionary.to_pylist()
    table = np.array([known.get(level, -1) for level in levels] + [0], dtype=np.int8)
    indices = encoded.indices.fill_null(len(levels)) if encoded.null_count else encoded.indices
    codes = indices.to_numpy(zero_copy_only=False)
    classes = np.asarray(np.take(table, codes), dtype=np.int8)
    if (classes < 0).any():
        row = int(np.argmax(classes < 0))
        raise _invalid(chunk, name, row, str(levels[codes[row]]), scale)
    return classes


def _invalid(chunk: Chunk, name: str, row: int, value: str, scale: Scale) -> CellInvalid:
    allowed = f"1 to {scale.steps}, not applicable or not answered"
    return CellInvalid(chunk.source, chunk.first_row + row + 1, name, value, allowed)


def _numeric(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _coded_integers(values: NDArray[Any]) -> Coded:
    if not len(values):
        return Coded(np.zeros(0, dtype=np.int64), ())
    least, most = int(values.min()), int(values.max())
    width = most - least + 1
    if width > min(SMALL, 16 * len(values) + 1024):
        found, inverse = np.unique(values, return_inverse=True)
        return Coded(inverse.reshape(-1).astype(np.int64), tuple(int(one) for one in found))
    place = np.subtract(values, least, dtype=np.int32)
    if width <= NARROW:
        return Coded(place, tuple(range(least, most + 1)))
    present = np.zeros(width, dtype=np.bool_)
    present[place] = True
    kept = np.flatnonzero(present)
    if len(kept) == width:
        return Coded(place, tuple(range(least, most + 1)))
    number = np.zeros(width, dtype=np.int32)
    number[kept] = np.arange(len(kept))
    return Coded(number[place], tuple((kept + least).tolist()))


def _coded_text(encoded: Any) -> Coded:
    labels = encoded.dictionary.to_pylist()
    if len(set(labels)) != len(labels) or None in labels:
        raise LengthMismatch("the distinct labels of a dictionary", len(labels), len(set(labels) - {None}))
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    used = np.flatnonzero(np.bincount(codes, minlength=len(labels))) if len(codes) else np.zeros(0, dtype=np.int64)
    order = sorted(used.tolist(), key=lambda place: str(labels[place]))
    number = np.zeros(max(len(labels), 1), dtype=np.int64)
    number[order] = np.arange(len(order))
    return Coded(number[codes], tuple(str(labels[place]) for place in order))


def _joint(columns: Sequence[Coded], rows: int) -> tuple[NDArray[Any], int]:
    """One code for the combination of each row's codes, and the number that all of them are below."""
    size = math.prod(max(len(one.labels), 1) for one in columns)
    joint: NDArray[Any] = np.zeros(rows, dtype=np.int32 if size < 2**31 else np.int64)
    size = 1
    for one in columns:
        width = max(len(one.labels), 1)
        if size * width >= 2**62:  # so many labels that only those that occur together may be numbered
            found, joint = np.unique(joint, return_inverse=True)
            size = len(found)
        if size > 1:
            np.multiply(joint, width, out=joint)
        np.add(joint, one.codes, out=joint)
        size *= width
    return joint, size


def _numbered(joint: NDArray[Any], size: int) -> tuple[IntArray, IntArray]:
    """Number of each row among the distinct joint codes (all below `size`), and the rows of each."""
    if size > max(8 * len(joint), 4096):
        _, inverse, counted = np.unique(joint, return_inverse=True, return_counts=True)
        return inverse.reshape(-1), counted
    cell = joint.astype(np.int64)
    counts = np.bincount(cell, minlength=size)
    kept = np.flatnonzero(counts)
    if len(kept) == size:
        return cell, counts
    number = np.empty(size, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    return number[cell], counts[kept]
