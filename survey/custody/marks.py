"""Marks: a short hash of each row and a hash of each column, so that a changed file is told to the row and the column.

They only point: that a file was changed is said by its SHA-256.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from survey.custody.broken import Fault

ROW, COLUMN = 8, 16  # hexadecimal digits
CHUNK = 2000
SEPARATOR = "\x1f"
TABLES = frozenset({".csv"})
TEXTS = frozenset({".json", ".toml", ".txt", ".xml", ".md"})
CELL_LIMIT = 1 << 24


@dataclass(frozen=True)
class Difference:
    """The first place in which a file is not what its marks say; rows count from 1, the header among them."""

    fault: Fault
    row: int | None = None
    field: str = ""


@dataclass
class _Read:
    """A file as marks see it: a mark for each row, and a running hash for each column of a table."""

    rows: list[str]
    columns: dict[str, str]


def of(file: Path) -> dict[str, Any] | None:
    """The marks of a file; None where it has no rows (a workbook, a picture)."""
    read = _read(file)
    return None if read is None else {"rows": "".join(read.rows), "columns": read.columns}


def difference(file: Path, marks: Mapping[str, Any]) -> Difference:
    """Where a file that was changed is not what was marked."""
    read = _read(file)
    if read is None:
        return Difference(Fault.CHANGED)
    stated = [marks["rows"][place : place + ROW] for place in range(0, len(marks["rows"]), ROW)]
    return _compare(stated, read.rows, marks["columns"], read.columns)


def _read(file: Path) -> _Read | None:
    if file.suffix not in TABLES | TEXTS:
        return None
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        return _table(text) if file.suffix in TABLES else _Read([_mark(line) for line in text], {})


def _table(text: TextIO) -> _Read:
    rows = _rows(text)
    header = next(rows, [])
    names = [name.removeprefix("\ufeff") for name in header]
    sums = [hashlib.sha256() for _ in names]
    marked = [_mark(SEPARATOR.join(header))]
    while some := list(islice(rows, CHUNK)):
        marked += [_mark(SEPARATOR.join(row)) for row in some]
        for column, sum_ in enumerate(sums):
            cells = (row[column] if column < len(row) else "" for row in some)
            sum_.update((SEPARATOR.join(cells) + SEPARATOR).encode(errors="surrogateescape"))
    return _Read(marked, {name: sum_.hexdigest()[:COLUMN] for name, sum_ in zip(names, sums, strict=True)})


def _rows(text: TextIO) -> Iterator[list[str]]:
    """The rows of a table; what cannot be read ends it."""
    csv.field_size_limit(CELL_LIMIT)
    try:
        yield from csv.reader(text)
    except csv.Error:
        return


def _mark(row: str) -> str:
    return hashlib.sha256(row.encode(errors="surrogateescape")).hexdigest()[:ROW]


def _compare(stated: list[str], found: list[str], columns: Mapping[str, str], now: Mapping[str, str]) -> Difference:
    place = next((one for one, (a, b) in enumerate(zip(stated, found, strict=False)) if a != b), None)
    if place is None:
        place = min(len(stated), len(found))
        if len(stated) == len(found):
            return Difference(Fault.REWRITTEN)
        return Difference(Fault.CUT_OFF if len(found) < len(stated) else Fault.ROW_ADDED, place + 1)
    fault = _fault(stated, found, place)
    if fault is not Fault.ROW_CHANGED:
        return Difference(fault, place + 1)
    return Difference(fault, place + 1, ", ".join(_changed(columns, now)))


def _fault(stated: list[str], found: list[str], place: int) -> Fault:
    if len(found) == len(stated):
        return Fault.ROWS_MOVED if Counter(found) == Counter(stated) else Fault.ROW_CHANGED
    if len(found) < len(stated):
        if place == len(found) - 1:
            return Fault.CUT_OFF
        return Fault.ROW_MISSING if found[place] in stated[place + 1 :] else Fault.ROW_CHANGED
    return Fault.ROW_ADDED if stated[place] in found[place + 1 :] else Fault.ROW_CHANGED


def _changed(columns: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The columns that are not what they were; where the header was changed, the names that are new, or gone."""
    strange = [name for name in now if name not in columns] or [name for name in columns if name not in now]
    return strange or [name for name, mark in now.items() if columns[name] != mark]
