"""Rows of results: one figure each, every number as its decimal text, in the contract's columns and a fixed order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np

from analysis.components.decimals import six, whole
from analysis.components.scheme import Level
from analysis.components.sheet import RANKED, Line, Sheet, Used

BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run; numbers are written by `six` alone
LEVELS = ("item", "factor", "group", "overall", "component", "criterion", "area", "total")
GRADED = frozenset({"item", "factor", "group", "overall", "total"})  # percentages that a grade is made for
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Row:
    """One figure. The first eleven columns are its key; absent is None (null in JSON, empty in CSV)."""

    year: str
    scheme: str
    wave: str
    unit: str
    level_of: str
    code: str
    rule: str
    weighting: str
    answers: str
    is_official: str
    unit_name_vi: str
    unit_name_en: str
    level: str
    max: str | None
    source: str | None
    status: str
    reason: str | None
    index: str | None
    points: str | None
    se: str | None
    ci_low: str | None
    ci_high: str | None
    ci_method: str | None
    n_invited: str | None
    n_valid: str | None
    n_effective: str | None
    deff: str | None
    response_rate: str | None
    grade: str | None
    rank: str | None
    rank_low: str | None
    rank_high: str | None
    change: str | None = None
    change_low: str | None = None
    change_high: str | None = None
    change_clear: str | None = None

    def cells(self) -> tuple[str | None, ...]:
        """The cells in the order of COLUMNS."""
        return _cells(self)

    def as_dict(self) -> dict[str, str | None]:
        return dict(zip(COLUMNS, self.cells(), strict=True))

    @property
    def identity(self) -> tuple[str, ...]:
        """What names the same figure in another year."""
        return self.unit, self.level_of, self.code, self.rule, self.weighting, self.answers


COLUMNS = tuple(field.name for field in fields(Row))
_cells: Callable[[Row], tuple[str | None, ...]] = attrgetter(*COLUMNS)


@dataclass(frozen=True)
class Context:
    """What all rows of one scoring share."""

    year: str
    wave: str
    names: Mapping[str, tuple[str, str]]  # unit -> (vi, en)
    marks: tuple[str, ...]  # reasons of every row: rehearsal, other scheme
    may_be_official: bool


def make_rows(sheets: Sequence[Sheet], context: Context) -> list[Row]:
    """The rows of all sheets, sorted by scheme (as given), unit, level, the code's place, rule, weighting, answers."""
    order = {scheme: number for number, scheme in enumerate(dict.fromkeys(sheet.key.scheme.code for sheet in sheets))}
    keyed = [entry for sheet in sheets for entry in _sheet_rows(sheet, context, order[sheet.key.scheme.code])]
    return [row for _, row in sorted(keyed, key=lambda entry: entry[0])]


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """`scores.csv`: UTF-8 with BOM, comma, LF; a name that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    names = {COLUMNS.index("unit_name_vi"), COLUMNS.index("unit_name_en"), COLUMNS.index("unit"), COLUMNS.index("code")}
    for row in rows:
        cells = ["" if cell is None else cell for cell in row.cells()]
        writer.writerow([_plain(cell) if place in names else cell for place, cell in enumerate(cells)])
    return (BOM + out.getvalue()).encode()


def json_text(head: Mapping[str, object], rows: Sequence[Row]) -> bytes:
    """`scores.json`: the head's keys (at least one), then `rows`, one row a line."""
    start = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
    lines = ",\n".join(json.dumps(row.as_dict(), ensure_ascii=False, allow_nan=False) for row in rows)
    return f'{start},\n "rows": [\n{lines}\n]\n}}\n'.encode()


def _sheet_rows(sheet: Sheet, context: Context, place: int) -> Iterator[tuple[tuple[object, ...], Row]]:
    key = sheet.key
    variant = (key.rule.value, key.weighting.value, key.used.value)
    for u, unit in enumerate(sheet.units):
        for p, line in enumerate(sheet.lines):
            row = _row(sheet, context, u, p)
            yield (place, unit, LEVELS.index(line.level_of), p, *variant), row


def _row(sheet: Sheet, context: Context, u: int, p: int) -> Row:
    key, line, unit = sheet.key, sheet.lines[p], sheet.units[u]
    scheme, n, n_eff = key.scheme, float(sheet.n_valid[u, p]), float(sheet.n_eff[u, p])
    official = context.may_be_official and _is_chosen(sheet)
    names = context.names.get(unit, ("", ""))
    index = six(float(sheet.index[u, p]))
    sampled = not np.isnan(n)
    reason = "; ".join((*context.marks, *sheet.reasons[u, p]))
    return Row(
        context.year, scheme.code, context.wave, unit, line.level_of, line.code, key.rule.value, key.weighting.value,
        key.used.value, YES if official else NO, *names, key.level,
        six(line.maximum), line.source, str(sheet.status[u, p]), reason or None,
        index, six(float(sheet.points[u, p])), six(float(sheet.se[u, p])),
        six(float(sheet.low[u, p])), six(float(sheet.high[u, p])), str(sheet.method[u, p]) or None,
        whole(float(sheet.n_invited[u])) if sampled else None, whole(n), six(n_eff),
        six(n / n_eff if n_eff > 0 else None), six(float(sheet.response_rate[u])) if sampled else None,
        _grade(sheet, line, index) if sheet.status[u, p] in RANKED else None,
        *(whole(float(one[u, p])) for one in (sheet.rank, sheet.rank_low, sheet.rank_high)),
    )  # fmt: skip


def _is_chosen(sheet: Sheet) -> bool:
    key = sheet.key
    chosen = key.rule is key.scheme.index_rule and key.weighting is key.scheme.weighting and key.used is Used.ALL
    return chosen and key.scheme.level is not Level.PROVINCE  # the provincial index is the ministry's, here an estimate


def _grade(sheet: Sheet, line: Line, index: str | None) -> str | None:
    """The grade of a percentage; a province is graded by a scheme of its own only."""
    graded = line.level_of in GRADED and sheet.key.level == sheet.key.scheme.level
    return sheet.key.scheme.grade(index) if index is not None and graded else None


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
