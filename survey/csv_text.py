"""Reads a CSV file record by record: in UTF-8, or in the Windows-1258 that older Vietnamese programs write.

In 1258 a tone stands as a letter of its own behind the vowel; comparing and storing compose them (NFC).
"""

from __future__ import annotations

import codecs
import csv
import io
import string
import unicodedata
from itertools import islice
from typing import BinaryIO

from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.workbook import Records

CHUNK = 1 << 20
DELIMITERS = ",;\t"
UTF_8, WINDOWS_1258 = "utf-8", "windows-1258"
TONES = "\u0300\u0301\u0303\u0309\u0323"
LETTERS = frozenset(
    unicodedata.normalize("NFC", base + tone) for base in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for tone in ("", *TONES)
)
PLAUSIBLE = LETTERS | set(string.printable) | set(TONES) | set("đĐ\xa0“”‘’–—…°")


def records(stream: BinaryIO, encoding: str | None, *, header_row: int) -> Records:
    """The records with their numbers; which encoding it is shows in the letters, unless it is told.

    The row of the headings says what divides them: a title above them may hold any sign. Row 0 is the first not blank.
    """
    encoding, start = _look_through(stream, encoding)
    delimiter = max(DELIMITERS, key=lambda sign: _headings(start, sign, header_row))
    stream.seek(0)
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == UTF_8 else encoding, newline="")
    number = 0
    try:
        for cells in csv.reader(lines, delimiter=delimiter, strict=True):
            number += 1
            yield number, cells
    except csv.Error as error:
        raise FileRefused(Refusal.BROKEN_CSV, str(number + 1)) from error
    finally:
        lines.detach()


def _look_through(stream: BinaryIO, told: str | None) -> tuple[str, str]:
    """The encoding and how the file begins; what is neither encoding is refused by its line."""
    try:
        return told or UTF_8, _check(stream, told or UTF_8)
    except FileRefused as refused:
        is_other = isinstance(refused.__cause__, UnicodeDecodeError)  # else UTF-8 that was cut off, or no text
        if told or not is_other or not _is_1258(stream):
            raise
    stream.seek(0)
    return WINDOWS_1258, _check(stream, WINDOWS_1258)


def _headings(start: str, delimiter: str, header_row: int) -> int:
    """How many cells the row of the headings has under this delimiter."""
    lines = csv.reader(io.StringIO(start.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    try:
        rows = islice(lines, header_row - 1, None) if header_row else filter("".join, lines)
        return len(next(rows, []))
    except csv.Error:
        return 0


def _check(stream: BinaryIO, encoding: str) -> str:
    """The first piece as text, once all of the file was found to be in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    refusal = Refusal.NOT_UTF8 if encoding == UTF_8 else Refusal.NOT_ENCODED
    line, first = 1, b""
    while chunk := stream.read(CHUNK):
        first = first or chunk
        if b"\0" in chunk:
            raise FileRefused(Refusal.BINARY)
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise FileRefused(refusal, str(line + error.object[: error.start].count(b"\n"))) from error
        line += chunk.count(b"\n")
    if decoder.getstate()[0]:
        raise FileRefused(refusal, str(line))
    return first.decode(encoding, "replace")


def _is_1258(stream: BinaryIO) -> bool:
    """Whether the bytes are Vietnamese text in Windows-1258: no other sign of that table is in them, some letter is."""
    stream.seek(0)
    decoder, found = codecs.getincrementaldecoder(WINDOWS_1258)(), set[str]()
    try:
        while chunk := stream.read(CHUNK):
            found |= set(decoder.decode(chunk))
    except UnicodeDecodeError:
        return False
    return found <= PLAUSIBLE and not found.isdisjoint(LETTERS - set(string.ascii_letters))
