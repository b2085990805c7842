"""Files of points: `unit, code, value, source`, or the import table of the scoring software; taken whole or not at all.

Columns of points hold points, whatever the code: `points`, and those of the import table. In `value` the figure of a
component with a rule is the raw one, which the rule turns into points. A row may also carry the points of a whole (an
area, a criterion, a group, the total): a check where its parts are known, else what is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from survey import cells, sheet
from survey.cells import Flaw, RowFault, RowsRefused
from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.rule import Rule, points_of, turns_figures
from survey.scheme import Level, Scheme, builtin_scheme, builtin_schemes
from survey.sheet import Columns, Row
from survey.stages.units import match

OURS = Columns(("unit", "code", "value", "points", "source", "year", "max"), frozenset({"unit", "code"}))
THEIRS = {
    "mã tc/tctp": "code",
    "điểm tối đa": "max",
    "điểm thẩm định": "points",
    "điểm điều tra xhh": "surveyed",
    "mã đơn vị": "unit",
    "năm": "year",
}
UNREAD = (
    "lĩnh vực/tiêu chí/tiêu chí thành phần", "điểm tự đánh giá", "số phiếu hợp lệ", "cận dưới ktc 95 %",
    "cận trên ktc 95 %", "ghi chú",
)  # fmt: skip
IMPORT_TABLE = Columns((*THEIRS, *UNREAD), frozenset({"mã tc/tctp", "điểm thẩm định", "mã đơn vị"}))
TOTAL = "total"
TOTALS = frozenset({TOTAL, "tổng", "tổng cộng", "tổng điểm"})
NUMBER = re.compile(r"-?[0-9]{1,14}([.,][0-9]{1,20})?")
THOUSANDS = re.compile(r"-?[0-9]{1,3},[0-9]{3}")
LAST_PLACE = Decimal("0.000001")
Stored = Mapping[tuple[str, str], tuple[Decimal, bool]]  # the figures, and whether they are points


@dataclass(frozen=True)
class Point:
    """One figure of the file and where it stands; `earned` are its points."""

    row: int
    unit: str
    code: str
    value: Decimal
    is_points: bool
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


@dataclass(frozen=True)
class Piece:
    """A code of a scheme: its points, the components behind it, and a component's rule."""

    max: Decimal
    inside: frozenset[str]
    rule: Rule | None = None

    @property
    def by_rule(self) -> bool:
        return turns_figures(self.rule)

    def earned(self, value: Decimal, *, is_points: bool) -> Decimal:
        """The points, to the places that are stored."""
        return value if is_points else points_of(self.rule, self.max, value).quantize(LAST_PLACE)


def pieces_of(scheme: Scheme) -> dict[str, Piece]:
    """Every code that a row may name."""
    found: dict[str, Piece] = {}
    for area in scheme.areas:
        for criterion in area.criteria:
            for one in criterion.scored_by:
                found[one.code] = Piece(one.max, frozenset({one.code}), one.rule)
            inside = frozenset(one.code for one in criterion.scored_by)
            found.setdefault(criterion.code, Piece(criterion.max, inside))
        inside = frozenset(one.code for part in area.criteria for one in part.scored_by)
        found[area.code] = Piece(area.max, inside)
    for group in scheme.groups:
        inside = frozenset().union(*(found[code].inside for code in group.parts))
        found[group.code] = Piece(group.max, inside)
    everything = frozenset(one.code for one in scheme.components)
    return found | {TOTAL: Piece(sum((area.max for area in scheme.areas), Decimal(0)), everything)}


def read_points(file: Path, expected: Expected, stored: Stored) -> list[Point]:
    """Every figure of the file. RowsRefused names all that is wrong with it, by row; FileRefused a file of no rows.

    `stored` are the figures that are there already: sums are checked with them.
    """
    pieces = pieces_of(expected.scheme)
    points: dict[tuple[str, str], Point] = {}
    faults: list[RowFault] = []
    for row in sheet.named(file, _rows(file)):
        if row.fault is not None:
            faults.append(row.fault)
            continue
        point = _read_row(row, expected, pieces, faults)
        if point is not None and (point.unit, point.code) in points:
            faults.append(RowFault(row.number, "code", Flaw.DUPLICATE))
        elif point is not None:
            points[point.unit, point.code] = point
    if not faults and not expected.scheme.bonus_penalty:
        faults += _sum_faults(points, expected.scheme, pieces, stored)
    if faults:
        raise RowsRefused(tuple(sorted(faults, key=lambda fault: (fault.row, fault.column))), file.name)
    return list(points.values())


def _rows(file: Path) -> Iterator[Row]:
    """The rows under the names of OURS, whichever of the two headers the file has."""
    try:
        yield from sheet.read(file, OURS)
    except FileRefused as refused:
        if refused.reason not in {Refusal.COLUMN_UNKNOWN, Refusal.COLUMN_MISSING}:
            raise
        try:
            theirs = list(sheet.read(file, IMPORT_TABLE))
        except FileRefused as error:
            raise refused if error.reason == Refusal.COLUMN_UNKNOWN else error from error
        for row in theirs:
            values = {name: row.values[column] for column, name in THEIRS.items()} | {"source": "", "value": ""}
            surveyed = values.pop("surveyed")
            both = values["points"].strip() and surveyed.strip()
            fault = row.fault or (RowFault(row.number, "điểm điều tra xhh", Flaw.NOT_ALLOWED) if both else None)
            values["points"] = values["points"] if values["points"].strip() else surveyed
            if fault or values["points"].strip():  # a line of the table without points says nothing
                yield Row(row.number, values, fault)


def _read_row(row: Row, expected: Expected, pieces: Mapping[str, Piece], faults: list[RowFault]) -> Point | None:
    """The figure of a row, or None with its faults told."""
    before = len(faults)

    def fault(column: str, flaw: Flaw, detail: object = "") -> None:
        faults.append(RowFault(row.number, column, flaw, str(detail)))

    cell = {name: cells.plain(row.values[name]) for name in OURS.known}
    unit = _unit(cell["unit"], expected)
    code = TOTAL if cell["code"].casefold() in TOTALS else cell["code"]
    is_points = bool(cell["points"])
    given = _column(is_points=is_points)
    value, most = _number(cell[given]), _number(cell["max"])
    if unit is None:
        fault("unit", Flaw.UNKNOWN_UNIT if cell["unit"] else Flaw.MISSING)
    elif not expected.scheme.rates(expected.units[unit]):
        fault("unit", Flaw.OTHER_LEVEL)
    if cell["year"] and cell["year"] != str(expected.year):
        fault("year", Flaw.OTHER_YEAR, cell["year"])
    if is_points and cell["value"]:
        fault("value", Flaw.NOT_ALLOWED)
    if value is None or (not is_points and _is_ambiguous(cell["value"], pieces.get(code))):
        fault(given, Flaw.NOT_A_NUMBER if cell[given] else Flaw.MISSING)
    if not (cell["source"] or expected.source):
        fault("source", Flaw.MISSING)
    if code not in pieces:
        other = _scheme_with(code, expected.scheme.code)
        fault("code", Flaw.OTHER_SCHEME if other else Flaw.UNKNOWN_CODE, other)
    else:
        if cell["max"] and most != pieces[code].max:
            fault("max", Flaw.OTHER_MAX, pieces[code].max)
        earned = Decimal(0) if value is None else pieces[code].earned(value, is_points=is_points)
        if not expected.scheme.bonus_penalty and not 0 <= earned <= pieces[code].max:
            fault(given, Flaw.TOO_MANY_POINTS, pieces[code].max)
    if len(faults) > before or unit is None or value is None:
        return None
    source = cell["source"] or expected.source
    return Point(row.number, unit, code, value, is_points, earned, pieces[code].max, source)


def _column(*, is_points: bool) -> str:
    return "points" if is_points else "value"


def _unit(code: str, expected: Expected) -> str | None:
    """The unit that is meant; a spreadsheet drops the leading zero of a province too."""
    padded = code.zfill(2)
    is_province = expected.scheme.level is Level.PROVINCE and padded in expected.units
    return padded if is_province else match(code, expected.units)


def _number(text: str) -> Decimal | None:
    """A figure with a decimal point or comma, to the six places that are stored (a spreadsheet's 8.549999999999999)."""
    bare = text.replace(" ", "")
    if not NUMBER.fullmatch(bare):
        return None
    return Decimal(bare.replace(",", ".")).quantize(LAST_PLACE)


def _is_ambiguous(text: str, piece: Piece | None) -> bool:
    """Whether a comma may stand for thousands: never in points, which are at most a hundred."""
    return piece is not None and piece.by_rule and THOUSANDS.fullmatch(text.replace(" ", "")) is not None


def _scheme_with(code: str, own: str) -> str:
    """A shipped scheme that has a code which this one has not; empty when there is none."""
    others = (builtin_scheme(name) for name in builtin_schemes() if name != own)
    return next((one.code for one in others if code in pieces_of(one)), "")


def _sum_faults(
    points: Mapping[tuple[str, str], Point], scheme: Scheme, pieces: Mapping[str, Piece], stored: Stored
) -> Iterator[RowFault]:
    """Wholes that cannot be what their parts add up to; printed parts may differ by one unit of the last place."""
    slack = Decimal(1).scaleb(-scheme.decimals)
    for unit in dict.fromkeys(unit for unit, _ in points):
        known = {
            code: pieces[code].earned(value, is_points=is_points)
            for (other, code), (value, is_points) in stored.items()
            if other == unit
        }
        known |= {code: point.earned for (other, code), point in points.items() if other == unit}
        first = next(point for (other, _), point in points.items() if other == unit)
        for code, value in known.items():
            low, high = _bounds(code, known, pieces)
            if not low - slack <= value <= high + slack:
                at = points.get((unit, code), first)
                parts = f"{low:f}" if low == high else f"{low:f} – {high:f}"
                yield RowFault(at.row, at.given, Flaw.WRONG_SUM, f"{code}: {parts} ≠ {value:f}")


def _bounds(code: str, known: Mapping[str, Decimal], pieces: Mapping[str, Piece]) -> tuple[Decimal, Decimal]:
    """The least and the most that a whole can be by the figures known inside it."""
    whole = pieces[code]
    if len(whole.inside) == 1 and code in whole.inside:
        return (known[code], known[code])
    inner = [one for one in known if one != code and pieces[one].inside <= whole.inside]
    low, left = Decimal(0), set(whole.inside)
    for one in sorted(inner, key=lambda one: len(pieces[one].inside)):
        if pieces[one].inside <= left:
            low += known[one]
            left -= pieces[one].inside
    return low, low + sum((pieces[one].max for one in left), Decimal(0))
