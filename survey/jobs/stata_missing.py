"""Stata's own missing values (.a, .b) in a file that was written with plain codes, labels included.

The library that writes the file takes them only from columns of Python objects, eight times the memory of the codes; so
they are put in afterwards, a few rows at a time. Layout: Stata's `help dta`, formats 117 to 119.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

BYTE, TEXT_WIDTH, LABEL_HEAD = 65530, 2045, 4 + 129 + 3
WIDTHS = {65526: 8, 65527: 4, 65528: 4, 65529: 2, BYTE: 1}  # double, float, long, int, byte
INTEGERS = {65528: "<i4", 65529: "<i2", BYTE: "<i1"}
FIRST = {65528: 2147483621, 65529: 32741, BYTE: 101}  # what `.` is stored as; .a is one more
IN_LABELS = 2147483621
TYPES, DATA, LABELS = 2, 9, 11  # places in the file's map
CHUNK = 20_000


def mark(path: Path, letters: Mapping[int, str], columns: Collection[int]) -> None:
    """Turn these codes of these columns (by place), and their labels, into `.a` … `.z`."""
    with path.open("r+b") as stream:
        places = _map(stream)
        begin, end = places[TYPES] + len(b"<variable_types>"), places[TYPES + 1] - len(b"</variable_types>")
        stream.seek(begin)
        kinds = np.frombuffer(stream.read(end - begin), dtype="<u2").tolist()
        _mark_rows(stream, places, kinds, letters, columns)
        _mark_labels(stream, places[LABELS], letters)


def _map(stream: BinaryIO) -> list[int]:
    start = stream.read(1000)
    at = start.index(b"<map>") + len(b"<map>")
    return [int(one) for one in np.frombuffer(start[at : at + 14 * 8], dtype="<u8")]


def _mark_rows(
    stream: BinaryIO, places: list[int], kinds: list[int], letters: Mapping[int, str], columns: Collection[int]
) -> None:
    widths = [one if one <= TEXT_WIDTH else WIDTHS[one] for one in kinds]
    starts, width = np.cumsum([0, *widths]).tolist(), sum(widths)
    at = places[DATA] + len(b"<data>")
    end = places[DATA + 1] - len(b"</data>")
    while at < end:
        stream.seek(at)
        rows = np.frombuffer(bytearray(stream.read(min(width * CHUNK, end - at))), dtype=np.uint8).reshape(-1, width)
        for column in columns:
            kind = kinds[column]
            cells = np.ascontiguousarray(rows[:, starts[column] : starts[column + 1]]).view(INTEGERS[kind])
            found = cells.copy()
            for code, letter in letters.items():
                found[cells == code] = FIRST[kind] + 1 + ord(letter) - ord("a")
            rows[:, starts[column] : starts[column + 1]] = found.view(np.uint8)
        stream.seek(at)
        stream.write(rows.tobytes())
        at += rows.size


def _mark_labels(stream: BinaryIO, at: int, letters: Mapping[int, str]) -> None:
    """The tables of labels: their codes stay in rising order, as Stata looks them up."""
    stream.seek(at)
    told = bytearray(stream.read())
    place = told.find(b"<lbl>")
    while place >= 0:
        size = int.from_bytes(told[place + 5 : place + 9], "little")
        body = place + 5 + LABEL_HEAD
        count = int.from_bytes(told[body : body + 4], "little")
        offsets = np.frombuffer(bytes(told[body + 8 : body + 8 + 4 * count]), dtype="<i4")
        values = np.frombuffer(bytes(told[body + 8 + 4 * count : body + 8 + 8 * count]), dtype="<i4").copy()
        for code, letter in letters.items():
            values[values == code] = IN_LABELS + 1 + ord(letter) - ord("a")
        order = np.argsort(values, kind="stable")
        told[body + 8 : body + 8 + 8 * count] = offsets[order].tobytes() + values[order].tobytes()
        place = told.find(b"<lbl>", body + size)
    stream.seek(at)
    stream.write(told)
