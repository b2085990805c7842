"""How a province's scoring software wants the import table: its columns in its words, a title, merged headings.

A layout is one TOML file: `sheet`, `title` (lines above the table), `decimal` ("point": numbers; "comma": text with a
comma), and `[[column]]` with `field`, `heading`, `group` (neighbours of one group share a merged heading), `width`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from survey import datafile
from survey.datafile import Report, Table
from survey.faults import Reason

LONGEST_SHEET, FORBIDDEN = 31, frozenset("[]:*?/\\")
USUAL_WIDTH = 16


class Field(StrEnum):
    """What a column may hold, in the order of the usual table."""

    CODE = "code"
    NAME = "name"
    MAX = "max"
    SELF_ASSESSED = "self_assessed"
    APPRAISED = "appraised"
    SURVEYED = "surveyed"
    N_VALID = "n_valid"
    CI_LOW = "ci_low"
    CI_HIGH = "ci_high"
    NOTE = "note"
    UNIT = "unit"


class Decimals(StrEnum):
    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True)
class Column:
    field: Field
    heading: str
    group: str
    width: int


@dataclass(frozen=True)
class Layout:
    """A layout, checked."""

    sheet: str
    title: tuple[str, ...]
    decimal: Decimals
    columns: tuple[Column, ...]

    def groups(self) -> list[tuple[str, int, int]]:
        """The upper headings: words, first and last column."""
        found, start = [], 0
        for name, inside in groupby(self.columns, key=lambda one: one.group):
            count = len(list(inside))
            found.append((name, start, start + count - 1))
            start += count
        return found


def read_layout(source: Path | str, *, file: str = "layout.toml") -> Layout:
    """Read a layout; refuse it with all its faults (`FaultyFile`)."""
    name = source.name if isinstance(source, Path) else file
    report = Report(name)
    table = datafile.open_table(datafile.canonical(source, name), report)
    sheet = table.text("sheet")
    if len(sheet) > LONGEST_SHEET or FORBIDDEN & set(sheet):
        table.fault("sheet", Reason.OUT_OF_RANGE, sheet)
    layout = Layout(sheet, table.codes("title", required=False), table.word("decimal", Decimals), _columns(table))
    if Field.CODE not in {one.field for one in layout.columns}:
        table.fault("column", Reason.MISSING, 'field = "code"')
    table.close()
    report.settle()
    return layout


def _columns(table: Table) -> tuple[Column, ...]:
    read: list[tuple[Table, Column]] = []
    for row in table.tables("column"):
        width = row.whole("width", least=1, default=USUAL_WIDTH)
        read.append((row, Column(row.word("field", Field), row.text("heading"), row.text("group", default=""), width)))
        row.close()
    datafile.report_repeats((row, one.field) for row, one in read)
    return tuple(one for _row, one in read)
