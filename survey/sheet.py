"""Reads somebody's list, CSV or XLSX, row by row as text under the canonical header.

A file that is not what it says is refused whole, before a row of it is used; the name that the sender gave the file is
never looked at. Another office's layout is read by its mapping.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from survey import csv_text, workbook
from survey.cells import CellRefused, Flaw, RowFault, plain
from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.mapping import PLAIN, Mapping
from survey.workbook import Records

MAX_BYTES = 256 << 20
MAX_CELL = 1000  # letters; nothing in a list is longer
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
ZIP_START = b"PK\x03\x04"
OLD_EXCEL_START = b"\xd0\xcf\x11\xe0"
Header = tuple[str, ...]  # our name of each of their columns, "" for one that is not ours


@dataclass(frozen=True)
class Columns:
    """The canonical header of one kind of list."""

    known: tuple[str, ...]
    required: frozenset[str]


class Row(NamedTuple):
    """One row of the file, the header being row 1; every known column is there, empty when the file has none."""

    number: int
    values: dict[str, str]
    fault: RowFault | None


def digest(file: Path) -> str:
    """Return the SHA-256 of the file in hexadecimal."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileRefused(Refusal.UNREADABLE) from error


def read(file: Path, columns: Columns, mapping: Mapping = PLAIN) -> Iterator[Row]:
    """Yield the rows under the header; FileRefused when the file as a whole cannot be one."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise FileRefused(Refusal.TOO_LARGE)
        with file.open("rb") as stream:
            start = stream.read(len(ZIP_START))
            stream.seek(0)
            if start == OLD_EXCEL_START:
                raise FileRefused(Refusal.OLD_EXCEL)
            if start == ZIP_START:
                records = workbook.records(stream, fills_merged=not mapping.is_plain, page=mapping.page)
            else:
                records = csv_text.records(stream, mapping.encoding, header_row=mapping.header_row)
            with closing(records):
                yield from _rows(records, columns) if mapping.is_plain else _mapped_rows(records, columns, mapping)
    except OSError as error:
        raise FileRefused(Refusal.UNREADABLE) from error


def named(file: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows; a refusal of the whole file says which file it is."""
    try:
        yield from rows
    except FileRefused as refused:
        raise FileRefused(refused.reason, refused.detail, file.name) from refused


def row_of(values: dict[str, str]) -> Row:
    """One row that somebody typed in, under its columns, with the fault that it would have in a file."""
    cells = list(values.values())
    return Row(1, values, _fault(1, cells, tuple(values), "".join(cells)))


def _rows(records: Records, columns: Columns) -> Iterator[Row]:
    """Put each record under the header, the first record that is not blank."""
    header: tuple[str, ...] = ()
    absent = dict.fromkeys(columns.known, "")
    found = False
    for number, cells in records:
        text = "".join(cells)
        if not text or text.isspace():
            continue
        if not header:
            header = _header(cells, columns)
            continue
        found = True
        values = absent | dict(zip(header, cells, strict=False))
        yield Row(number, values, _fault(number, cells, header, text))
    if not found:
        raise FileRefused(Refusal.EMPTY)


def _header(cells: list[str], columns: Columns) -> tuple[str, ...]:
    names = [plain(cell).casefold() for cell in cells]
    while names and not names[-1]:
        names.pop()
    for position, name in enumerate(names, start=1):
        if name not in columns.known:
            raise FileRefused(Refusal.COLUMN_UNKNOWN, _harmless(position, name))
        if name in names[: position - 1]:
            raise FileRefused(Refusal.COLUMN_TWICE, name)
    missing = [name for name in columns.known if name in columns.required and name not in names]
    if missing:
        raise FileRefused(Refusal.COLUMN_MISSING, ", ".join(missing))
    return tuple(names)


def _harmless(position: int, name: str) -> str:
    """A column that is not ours: its place, and as much of its name as can be nothing but a name."""
    shown = "".join(letter for letter in name if letter.isalnum() or letter in " _-")[:40].strip()
    return f"{position}: {shown}" if shown else str(position)


def _fault(number: int, cells: list[str], header: tuple[str, ...], text: str) -> RowFault | None:
    """What is wrong with a row before anything is read from it."""
    if len(cells) < len(header):
        return RowFault(number, header[len(cells)], Flaw.CELLS_MISSING)
    if len(cells) > len(header) and any(cells[len(header) :]):
        return RowFault(number, "", Flaw.CELLS_EXTRA)
    if not text.isprintable() and CONTROL.search(text):  # all of them are unprintable: asked first, as it is quick
        column = next(name for name, cell in zip(header, cells, strict=False) if CONTROL.search(cell))
        return RowFault(number, column, Flaw.CONTROL_CHARACTER)
    if len(text) > MAX_CELL:
        for name, cell in zip(header, cells, strict=False):
            if len(cell) > MAX_CELL:
                return RowFault(number, name, Flaw.TOO_LONG)
    return None


# --- another office's layout


def _mapped_rows(records: Records, columns: Columns, mapping: Mapping) -> Iterator[Row]:
    """Put each record under the headings that the mapping names; rows above them and notes below are left out."""
    header = _their_header(records, columns, mapping)
    absent = dict.fromkeys(columns.known, "")
    places = [(place, name) for place, name in enumerate(header) if name]
    held: deque[tuple[int, list[str]]] = deque()
    found = False
    for number, cells in records:
        if not "".join(cells).strip():
            continue
        held.append((number, cells))
        if len(held) > mapping.skip_last:
            found = True
            yield _mapped_row(*held.popleft(), places, absent, mapping)
    if not found:
        raise FileRefused(Refusal.EMPTY)


def _mapped_row(
    number: int, cells: list[str], places: list[tuple[int, str]], absent: dict[str, str], mapping: Mapping
) -> Row:
    names = tuple(name for _place, name in places)
    taken = [cells[place] for place, _name in places if place < len(cells)]
    values = absent | dict(zip(names, taken, strict=False))
    fault = _fault(number, taken, names, "".join(taken))
    if fault is None:
        try:
            values = mapping.translated(values)
        except CellRefused as refused:
            fault = RowFault(number, refused.column, refused.flaw)
    return Row(number, values, fault)


def _their_header(records: Records, columns: Columns, mapping: Mapping) -> Header:
    """Our name for each of their columns; FileRefused names by their heading what is missing or there twice."""
    above: list[str] = []
    for number, cells in records:
        if number >= mapping.header_row:
            return _named(cells, above, columns, mapping)
        above = cells
    raise FileRefused(Refusal.EMPTY)


def _named(cells: list[str], above: list[str], columns: Columns, mapping: Mapping) -> Header:
    upper, last = [], ""
    for place in range(len(cells)):
        text = plain(above[place]).casefold() if place < len(above) else ""
        last = text or last  # a heading over several columns stands over the first of them
        upper.append((text, last))
    own = [plain(cell).casefold() or text for cell, (text, _last) in zip(cells, upper, strict=True)]
    names = [""] * len(cells)
    for name, heading in mapping.columns.items():
        at = [
            place for place, text in enumerate(own)
            if text == heading[-1] and (len(heading) == 1 or upper[place][1] == heading[0])
        ]  # fmt: skip
        if len(at) != 1:
            reason = Refusal.COLUMN_TWICE if at else Refusal.COLUMN_MISSING
            raise FileRefused(reason, f"{name} = {_shown(heading)}")
        names[at[0]] = name
    missing = sorted(columns.required - mapping.columns.keys() - mapping.fixed.keys())
    if missing:
        raise FileRefused(Refusal.COLUMN_MISSING, ", ".join(missing))
    return tuple(names)


def _shown(heading: tuple[str, ...]) -> str:
    return " / ".join(_harmless(0, part).removeprefix("0: ") for part in heading)
