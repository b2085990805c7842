"""The import table in the layout of a province's own scoring software; the figures are those of the usual table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import xlsxwriter

from survey.import_layout import Column, Decimals, Field, Layout
from survey.stages.exports import DECIMAL, POINT_LEVELS, About, ImportLine, Row, import_lines, printable

NUMBERS = frozenset({
    Field.MAX, Field.SELF_ASSESSED, Field.APPRAISED, Field.SURVEYED, Field.N_VALID, Field.CI_LOW, Field.CI_HIGH,
})  # fmt: skip
PLACES = {field: place for place, field in enumerate(Field)}


def write(about: About, rows: Iterable[Row], layout: Layout, stream: IO[bytes]) -> None:
    """One sheet: the title, merged headings, a line a criterion and unit; codes are text, no cell is a formula."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, options)
    book.set_properties({"created": about.made_at.replace(tzinfo=None)})
    head = book.add_format({"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter", "border": 1})
    title = book.add_format({"bold": True, "align": "center"})
    sheet = book.add_worksheet(layout.sheet)
    last = len(layout.columns) - 1
    for above, words in enumerate(layout.title):
        _across(sheet, above, 0, last, words, title)
    top = _headings(sheet, layout, len(layout.title), head)
    points = [row for row in rows if row["is_official"] == "yes" and row["level_of"] in POINT_LEVELS]
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
    for number, (scheme, line) in enumerate(import_lines(about, points), start=top):
        shape = book.add_format({"num_format": f"0.{'0' * scheme.decimals}" if scheme.decimals else "0"})
        for place, column in enumerate(layout.columns):
            _cell(sheet, (number, place), line, column, layout, (shape, bold if line.is_part else text))
    sheet.freeze_panes(top, 1)
    book.close()


def _headings(sheet: Any, layout: Layout, line: int, shape: Any) -> int:
    """Write the headings, those of a group under one merged cell; the first line below them."""
    has_groups = any(one.group for one in layout.columns)
    for place, column in enumerate(layout.columns):
        sheet.set_column(place, place, column.width)
        if has_groups and not column.group:
            sheet.merge_range(line, place, line + 1, place, column.heading, shape)
        else:
            sheet.write_string(line + has_groups, place, column.heading, shape)
    for name, first, final in layout.groups() if has_groups else ():
        if name:
            _across(sheet, line, first, final, name, shape)
    return line + 1 + has_groups


def _across(sheet: Any, line: int, first: int, last: int, text: str, shape: Any) -> None:
    if first == last:
        sheet.write_string(line, first, printable(text), shape)
    else:
        sheet.merge_range(line, first, line, last, printable(text), shape)


def _cell(
    sheet: Any, at: tuple[int, int], line: ImportLine, column: Column, layout: Layout, shapes: tuple[Any, Any]
) -> None:
    value = line.cells[PLACES[column.field]]
    if value is None or value == "":
        return
    told = printable(value)
    is_number = column.field in NUMBERS and DECIMAL.fullmatch(told) is not None
    number, text = shapes
    if is_number and layout.decimal is Decimals.POINT:
        sheet.write_number(*at, float(told), None if column.field is Field.N_VALID else number)
    else:
        sheet.write_string(*at, told.replace(".", ",") if is_number else told, text)
