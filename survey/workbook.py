"""Reads a workbook (XLSX) row by row as text. What it holds is measured before it is opened.

A few kilobytes can stand for gigabytes, and the reader of workbooks sets memory aside for what the XML announces.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Generator
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, BinaryIO
from xml.parsers import expat

import python_calamine as calamine

from survey.cells import plain
from survey.errors.common import FileRefused
from survey.errors.files import Refusal

Records = Generator[tuple[int, list[str]], None, None]

MIB = 1 << 20
EXACT_DIGITS = 1e15  # above, a spreadsheet has lost digits
MAX_PARTS = 1000
MAX_UNPACKED = 256 * MIB
MAX_RATIO = 200
RATIO_FROM = 10 * MIB  # below this a high ratio harms nobody
MAX_SHEET_ROWS = 200_100  # two hundred thousand dossiers, a heading and notes
MAX_SHEET_COLUMNS = 52  # up to AZ
MAX_MERGED = 20_000
COUNTS = frozenset({"count", "uniqueCount"})
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED_BIT = 0x1
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip


class NumberCell(str):
    """What stands in a cell that the workbook keeps as a number."""

    __slots__ = ()


Merged = list[tuple[tuple[int, int], tuple[int, int]]]


def records(stream: BinaryIO, *, fills_merged: bool, page: str = "") -> Records:
    """The rows of the first visible sheet, or of the one that is named, with their numbers in the file.

    Merged cells are refused, unless each of them shall have what is written in the first.
    """
    measured = _measured(stream)
    try:
        with calamine.CalamineWorkbook.from_filelike(measured) as book:
            sheet = book.get_sheet_by_index(_place(book, page))
            merged = list(sheet.merged_cell_ranges or ())
            if merged and not fills_merged:
                raise FileRefused(Refusal.MERGED_CELLS, str(min(top for (top, _), _ in merged) + 1))
            if len(merged) > MAX_MERGED:
                raise FileRefused(Refusal.UNSAFE_WORKBOOK, "merged")
            filled = _Filled(merged)
            for number, cells in enumerate(sheet.iter_rows()):
                yield number + 1, filled.row(number, [_text(cell) for cell in cells])
    except calamine.CalamineError as error:
        raise FileRefused(Refusal.BROKEN_WORKBOOK) from error


class _Filled:
    """Gives every cell of a merged range what stands in its first one, row by row, whatever the range claims."""

    def __init__(self, merged: Merged) -> None:
        self.coming = sorted(merged, reverse=True)
        self.open: list[tuple[int, int, int, str]] = []  # last row, first column, last column, text

    def row(self, number: int, cells: list[str]) -> list[str]:
        self.open = [one for one in self.open if one[0] >= number]
        while self.coming and self.coming[-1][0][0] <= number:
            (_top, left), (bottom, right) = self.coming.pop()
            if left < len(cells):
                self.open.append((bottom, left, right, cells[left]))
        for _bottom, left, right, text in self.open:
            for column in range(left, min(right + 1, len(cells))):
                cells[column] = text
        return cells


def _place(book: calamine.CalamineWorkbook, page: str) -> int:
    for index, sheet in enumerate(book.sheets_metadata):
        is_shown = sheet.typ == calamine.SheetTypeEnum.WorkSheet and sheet.visible == calamine.SheetVisibleEnum.Visible
        if is_shown and (not page or plain(sheet.name) == plain(page)):
            return index
    raise FileRefused(Refusal.NO_SHEET, page) if page else FileRefused(Refusal.EMPTY)


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
            return NumberCell(int(cell) if abs(cell) < EXACT_DIGITS else f"{cell:E}")
        return NumberCell(repr(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
