"""Reads somebody's list, CSV in UTF-8 or XLSX, row by row as text under the canonical header.

A file that is not what it says is refused whole, before a row of it is used; the name that the sender gave the file is
never looked at. What a workbook holds is measured before it is opened: a few kilobytes can stand for gigabytes.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.parsers import expat

import python_calamine as calamine

from survey.cells import Flaw, RowFault, plain
from survey.errors import FileRefused

MIB = 1 << 20
MAX_BYTES = 256 * MIB
MAX_CELL = 1000  # letters; nothing in a list is longer
CHUNK = MIB
DELIMITERS = ",;\t"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
EXACT_DIGITS = 1e15  # above, a spreadsheet has lost digits

ZIP_START = b"PK\x03\x04"
OLD_EXCEL_START = b"\xd0\xcf\x11\xe0"
MAX_PARTS = 1000
MAX_UNPACKED = 256 * MIB
MAX_RATIO = 200
RATIO_FROM = 10 * MIB  # below this a high ratio harms nobody
MAX_SHEET_ROWS = 200_000
MAX_SHEET_COLUMNS = 52  # up to AZ
COUNTS = frozenset({"count", "uniqueCount"})
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED_BIT = 0x1
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip


Records = Generator[tuple[int, list[str]], None, None]


class Refusal(StrEnum):
    """Why a whole file was refused."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    BINARY = "binary"
    NOT_UTF8 = "not_utf8"
    BROKEN_CSV = "broken_csv"
    OLD_EXCEL = "old_excel"
    BROKEN_WORKBOOK = "broken_workbook"
    UNSAFE_WORKBOOK = "unsafe_workbook"
    MERGED_CELLS = "merged_cells"
    COLUMN_MISSING = "column_missing"
    COLUMN_UNKNOWN = "column_unknown"
    COLUMN_TWICE = "column_twice"


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


def read(file: Path, columns: Columns) -> Iterator[Row]:
    """Yield the rows under the header; FileRefused when the file as a whole cannot be one."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise FileRefused(Refusal.TOO_LARGE)
        with file.open("rb") as stream:
            start = stream.read(len(ZIP_START))
            stream.seek(0)
            if start == OLD_EXCEL_START:
                raise FileRefused(Refusal.OLD_EXCEL)
            records = _workbook_records(stream) if start == ZIP_START else _csv_records(stream)
            with closing(records):
                yield from _rows(records, columns)
    except OSError as error:
        raise FileRefused(Refusal.UNREADABLE) from error


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
    if CONTROL.search(text):
        column = next(name for name, cell in zip(header, cells, strict=False) if CONTROL.search(cell))
        return RowFault(number, column, Flaw.CONTROL_CHARACTER)
    if len(text) > MAX_CELL:
        for name, cell in zip(header, cells, strict=False):
            if len(cell) > MAX_CELL:
                return RowFault(number, name, Flaw.TOO_LONG)
    return None


# --- CSV


def _csv_records(stream: BinaryIO) -> Records:
    delimiter = _check_text(stream)
    stream.seek(0)
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    number = 0
    try:
        for cells in csv.reader(lines, delimiter=delimiter, strict=True):
            number += 1
            yield number, cells
    except csv.Error as error:
        raise FileRefused(Refusal.BROKEN_CSV, str(number + 1)) from error
    finally:
        lines.detach()


def _check_text(stream: BinaryIO) -> str:
    """Refuse what is not UTF-8 text, naming the line; return the header's delimiter."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, first = 1, b""
    while chunk := stream.read(CHUNK):
        first = first or chunk
        if b"\0" in chunk:
            raise FileRefused(Refusal.BINARY)
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].count(b"\n")
            raise FileRefused(Refusal.NOT_UTF8, str(line + before)) from error
        line += chunk.count(b"\n")
    if decoder.getstate()[0]:
        raise FileRefused(Refusal.NOT_UTF8, str(line))
    header = first.lstrip(b"\xef\xbb\xbf\r\n").splitlines()[:1]
    return max(DELIMITERS, key=(header[0] if header else b"").decode("utf-8", "replace").count)


# --- XLSX


def _workbook_records(stream: BinaryIO) -> Records:
    measured = _measured(stream)
    try:
        with calamine.CalamineWorkbook.from_filelike(measured) as book:
            sheet = book.get_sheet_by_index(_first_visible(book))
            if sheet.merged_cell_ranges:
                raise FileRefused(Refusal.MERGED_CELLS, str(min(top for (top, _), _ in sheet.merged_cell_ranges) + 1))
            for number, cells in enumerate(sheet.iter_rows(), start=1):
                yield number, [_text(cell) for cell in cells]
    except calamine.CalamineError as error:
        raise FileRefused(Refusal.BROKEN_WORKBOOK) from error


def _first_visible(book: calamine.CalamineWorkbook) -> int:
    for index, sheet in enumerate(book.sheets_metadata):
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet and sheet.visible == calamine.SheetVisibleEnum.Visible:
            return index
    raise FileRefused(Refusal.EMPTY)


def _measured(stream: BinaryIO) -> io.BytesIO:
    """A copy with only the parts that are read, unpacked within limits: what is opened is what was measured."""
    copy = io.BytesIO()
    try:
        with zipfile.ZipFile(stream) as packed, zipfile.ZipFile(copy, "w") as plain_zip:
            for part in _parts(packed):
                content = packed.read(part)
                _check_xml(content)
                plain_zip.writestr(zipfile.ZipInfo(part.filename), content)
    except BROKEN_ZIP as error:
        raise FileRefused(Refusal.BROKEN_WORKBOOK) from error
    copy.seek(0)
    return copy


def _parts(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The XML parts of a workbook, after the directory's own figures were found harmless."""
    parts = packed.infolist()
    names = {part.filename for part in parts}
    if len(parts) > MAX_PARTS or len(names) < len(parts) or any(".." in name for name in names):
        raise FileRefused(Refusal.UNSAFE_WORKBOOK, "parts")
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise FileRefused(Refusal.UNSAFE_WORKBOOK, "size")
    for part in parts:
        if part.file_size > RATIO_FROM and part.file_size > MAX_RATIO * part.compress_size:
            raise FileRefused(Refusal.UNSAFE_WORKBOOK, "ratio")
        if part.compress_type not in METHODS or part.flag_bits & ENCRYPTED_BIT:
            raise FileRefused(Refusal.BROKEN_WORKBOOK)
    if "xl/workbook.xml" not in names:
        raise FileRefused(Refusal.BROKEN_WORKBOOK)
    wanted = ("xl/", "_rels/", "[Content_Types]")
    return [part for part in parts if part.filename.startswith(wanted) and part.filename.endswith((".xml", ".rels"))]


def _check_xml(content: bytes) -> None:
    """Refuse broken XML, document types (entity bombs), and cells so far out that the sheet would fill memory."""
    parser = expat.ParserCreate()
    extent = _Extent(len(content))
    parser.StartElementHandler = extent.see
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise FileRefused(Refusal.BROKEN_WORKBOOK) from error


def _refuse_doctype(*_declaration: Any) -> None:
    raise FileRefused(Refusal.UNSAFE_WORKBOOK, "doctype")


class _Extent:
    """Follows rows and cells through a sheet's XML; a position that is not written is the next one.

    The reader of workbooks sets memory aside for what the XML announces, and ends the process when there is none.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.row = 0
        self.column = 0

    def see(self, tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2] if ":" in tag else tag
        if kind == "c":
            place = attributes.get("r", "")
            letters = place.rstrip("0123456789")
            self.column = _column(letters) if letters else self.column + 1
            if len(place) > len(letters):
                self.row = max(self.row, _number(place[len(letters) :]))
        elif kind == "v":  # most of a sheet
            return
        elif kind == "row":
            self.row = max(self.row + 1, _number(attributes["r"])) if "r" in attributes else self.row + 1
            self.column = 0
        elif any(_number(attributes[count]) > self.size for count in COUNTS & attributes.keys()):
            raise FileRefused(Refusal.UNSAFE_WORKBOOK, "count")
        if self.row > MAX_SHEET_ROWS or self.column > MAX_SHEET_COLUMNS:
            raise FileRefused(Refusal.UNSAFE_WORKBOOK, "extent")


@lru_cache(maxsize=1024)
def _number(digits: str) -> int:
    """A written count or place; what is none is larger than any."""
    return int(digits) if digits.isdecimal() and len(digits) < 10 else MAX_UNPACKED


@lru_cache(maxsize=1024)
def _column(letters: str) -> int:
    """A = 1, Z = 26, AA = 27; anything else lies outside."""
    if not 1 <= len(letters) <= 2 or not letters.isascii() or not letters.isalpha():
        return MAX_SHEET_COLUMNS + 1
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _text(cell: object) -> str:
    """A typed cell as the text that a person would have written: ISO dates, whole numbers without a point."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        if cell.is_integer():
            return str(int(cell)) if abs(cell) < EXACT_DIGITS else f"{cell:E}"
        return repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
