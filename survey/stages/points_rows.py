"""The rows of a file of points under our names: our own header, the import table, or the table in another layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from survey import sheet
from survey.cells import Flaw, RowFault, plain
from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.import_layout import Field, Layout
from survey.mapping import Mapping
from survey.sheet import Columns, Row

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
FIELDS = {
    Field.CODE: "code",
    Field.MAX: "max",
    Field.APPRAISED: "points",
    Field.SURVEYED: "surveyed",
    Field.UNIT: "unit",
}
LAID_OUT = Columns(tuple(FIELDS.values()), frozenset({"code", "unit"}))


def read(file: Path, layout: Layout | None) -> Iterator[Row]:
    """The rows under the names of OURS; those of a table only where there are points."""
    if layout is not None:
        yield from _with_points(sheet.read(file, LAID_OUT, _mapping(layout)))
        return
    try:
        yield from sheet.read(file, OURS)
    except FileRefused as refused:
        if refused.reason not in {Refusal.COLUMN_UNKNOWN, Refusal.COLUMN_MISSING}:
            raise
        try:
            theirs = list(sheet.read(file, IMPORT_TABLE))
        except FileRefused as error:
            raise refused if error.reason == Refusal.COLUMN_UNKNOWN else error from error
        named = (row._replace(values={name: row.values[column] for column, name in THEIRS.items()}) for row in theirs)
        yield from _with_points(named)


def _mapping(layout: Layout) -> Mapping:
    """Where a layout has what is read; FileRefused when it has no column of points."""
    told = {FIELDS[one.field]: one for one in layout.columns if one.field in FIELDS}
    if not told.keys() & {"points", "surveyed"}:
        raise FileRefused(Refusal.COLUMN_MISSING, f"{Field.APPRAISED}, {Field.SURVEYED}")
    headings = {
        name: tuple(plain(part).casefold() for part in (one.group, one.heading) if part) for name, one in told.items()
    }
    has_groups = any(one.group for one in layout.columns)
    return Mapping(columns=headings, header_row=len(layout.title) + 1 + has_groups, page=layout.sheet)


def _with_points(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        values = dict.fromkeys(OURS.known, "") | row.values
        surveyed = values.pop("surveyed")
        both = values["points"].strip() and surveyed.strip()
        fault = row.fault or (RowFault(row.number, "surveyed", Flaw.NOT_ALLOWED) if both else None)
        values["points"] = values["points"] if values["points"].strip() else surveyed
        if fault or values["points"].strip():  # a line of the table without points says nothing
            yield Row(row.number, values, fault)
