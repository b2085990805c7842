"""Files of points: `unit, code, value, source`, or the import table of the scoring software; taken whole or not at all.

Columns of points hold points, whatever the code: `points`, and those of the import table. In `value` the figure of a
component with a rule is the raw one, which the rule turns into points. A row may also carry the points of a whole (an
area, a criterion, a group, the total): a check where its parts are known, else what is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from survey import cells, numerals, sheet
from survey.cells import CellRefused, Flaw, RowFault, RowsRefused
from survey.import_layout import Decimals, Layout
from survey.numerals import Numerals
from survey.scheme import Level, Scheme, builtin_scheme, builtin_schemes
from survey.sheet import Row
from survey.stages import points_rows
from survey.stages.pieces import TOTAL, Piece, Range, pieces_of, reach_of, sum_of, told
from survey.stages.points_rows import OURS
from survey.stages.units import match

TOTALS = frozenset({TOTAL, "tổng", "tổng cộng", "tổng điểm"})
SIGNS = {Decimals.POINT: ".", Decimals.COMMA: ","}
Read = TypeVar("Read")
Stored = Mapping[tuple[str, str], tuple[Decimal, bool]]  # the figures, and whether they are points


@dataclass(frozen=True)
class Point:
    """One figure of the file and where it stands; `earned` are its points, `by_rule` where a rule makes them."""

    row: int
    unit: str
    code: str
    value: Decimal
    is_points: bool
    by_rule: bool
    earned: Decimal
    max: Decimal
    source: str

    @property
    def given(self) -> str:
        return _column(is_points=self.is_points)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be points in the column of raw figures: it would be allowed as points, and be more."""
        return not self.is_points and self.earned < self.value <= self.max


@dataclass(frozen=True)
class Expected:
    """What a file must fit: the scheme, the year, the units by code with their type, the source of rows without one."""

    scheme: Scheme
    year: int
    units: Mapping[str, str]
    source: str


def read_points(file: Path, expected: Expected, stored: Stored, layout: Layout | None = None) -> list[Point]:
    """Every figure of the file. RowsRefused names all that is wrong with it, by row; FileRefused a file of no rows.

    With a `layout` the file is the import table as some other software lays it out. `stored` are the figures that are
    there already: sums are checked with them.
    """
    pieces = pieces_of(expected.scheme)
    points: dict[tuple[str, str], Point] = {}
    faults: list[RowFault] = []
    numbers = Numerals("" if layout is None else SIGNS[layout.decimal])
    for row in sheet.named(file, points_rows.read(file, layout)):
        if row.fault is not None:
            faults.append(row.fault)
            continue
        point = _read_row(row, expected, pieces, numbers, faults)
        if point is not None and (point.unit, point.code) in points:
            faults.append(RowFault(row.number, "code", Flaw.DUPLICATE))
        elif point is not None:
            points[point.unit, point.code] = point
    if not faults and not expected.scheme.bonus_penalty:
        faults += _sum_faults(points, expected.scheme, pieces, stored)
    if faults:
        raise RowsRefused(tuple(sorted(faults, key=lambda fault: (fault.row, fault.column))), file.name)
    return list(points.values())


def _read_row(
    row: Row, expected: Expected, pieces: Mapping[str, Piece], numbers: Numerals, faults: list[RowFault]
) -> Point | None:
    """The figure of a row, or None with its faults told."""
    before = len(faults)

    def fault(column: str, flaw: Flaw, detail: object = "") -> None:
        faults.append(RowFault(row.number, column, flaw, str(detail)))

    def read(column: str, reader: Callable[[str], Read]) -> Read | None:
        try:
            return reader(row.values[column])
        except CellRefused as refused:
            fault(column, refused.flaw)
            return None

    cell = {name: cells.plain(row.values[name]) for name in OURS.known}
    unit = _unit(cell["unit"], expected)
    code = read("code", _code)
    piece = None if code is None else pieces.get(code)
    is_points = bool(cell["points"])
    given = _column(is_points=is_points)
    small = is_points or piece is None or not piece.by_rule
    value = read(given, partial(numbers.read, are_points=small))
    most = read("max", partial(numbers.read, are_points=True)) if cell["max"] else None
    for column, flaw, detail in _row_flaws(cell, unit, expected, is_points=is_points):
        fault(column, flaw, detail)
    if code is not None and piece is None:
        other = _scheme_with(code, expected.scheme.code)
        fault("code", Flaw.OTHER_SCHEME if other else Flaw.UNKNOWN_CODE, other)
    if code is None or piece is None or unit is None or value is None:
        return None
    if most is not None and most != piece.max:
        fault("max", Flaw.OTHER_MAX, piece.max)
    earned = piece.earned(value, is_points=is_points)
    if not expected.scheme.bonus_penalty and not 0 <= earned <= piece.max:
        fault(given, Flaw.TOO_MANY_POINTS, piece.max)
    source = cell["source"] or expected.source
    if len(faults) > before:
        return None
    return Point(row.number, unit, code, value, is_points, piece.by_rule, earned, piece.max, source)


def _row_flaws(
    cell: Mapping[str, str], unit: str | None, expected: Expected, *, is_points: bool
) -> Iterator[tuple[str, Flaw, str]]:
    """What is wrong with a row beside its figure: column, flaw, detail."""
    if unit is None:
        yield "unit", Flaw.UNKNOWN_UNIT if cell["unit"] else Flaw.MISSING, ""
    elif not expected.scheme.rates(expected.units[unit]):
        yield "unit", Flaw.OTHER_LEVEL, ""
    if cell["year"] and cell["year"] != str(expected.year):
        yield "year", Flaw.OTHER_YEAR, cell["year"]
    if is_points and cell["value"]:
        yield "value", Flaw.NOT_ALLOWED, ""
    if not (cell["source"] or expected.source):
        yield "source", Flaw.MISSING, ""


def _code(text: str) -> str:
    found = numerals.code(text)
    return TOTAL if found.casefold() in TOTALS else found


def _column(*, is_points: bool) -> str:
    return "points" if is_points else "value"


def _unit(code: str, expected: Expected) -> str | None:
    """The unit that is meant; a spreadsheet drops the leading zero of a province too."""
    padded = code.zfill(2)
    is_province = expected.scheme.level is Level.PROVINCE and padded in expected.units
    return padded if is_province else match(code, expected.units)


def _scheme_with(code: str, own: str) -> str:
    """A shipped scheme that has a code which this one has not; empty when there is none."""
    others = (builtin_scheme(name) for name in builtin_schemes() if name != own)
    return next((one.code for one in others if code in pieces_of(one)), "")


def _sum_faults(
    points: Mapping[tuple[str, str], Point], scheme: Scheme, pieces: Mapping[str, Piece], stored: Stored
) -> Iterator[RowFault]:
    """Wholes that cannot be what their parts add up to, each figure being rounded."""
    reach = reach_of(scheme)
    for unit in dict.fromkeys(unit for unit, _ in points):
        known = {
            code: pieces[code].earned(value, is_points=is_points)
            for (other, code), (value, is_points) in stored.items()
            if other == unit
        }
        known |= {code: point.earned for (other, code), point in points.items() if other == unit}
        first = next(point for (other, _), point in points.items() if other == unit)
        for code, value in known.items():
            by_parts = sum_of(code, known, pieces, reach)
            if by_parts is not None and not by_parts.meets(told(code, known, pieces, reach)):
                at = points.get((unit, code), first)
                yield RowFault(at.row, at.given, Flaw.WRONG_SUM, f"{code}: {_parts(by_parts)} ≠ {value:f}")


def _parts(found: Range) -> str:
    return f"{found.low:f}" if found.low == found.high else f"{found.low:f} – {found.high:f}"
