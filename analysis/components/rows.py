"""Rows of results: one figure each, every number as its decimal text, in the contract's columns and a fixed order."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

from analysis.components.decimals import six, whole
from analysis.components.scheme import Level
from analysis.components.sheet import RANKED, Line, Sheet, Used

BOM = "\ufeff"
PIECE = 5000  # rows that are written at once: memory does not grow with the file
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20\t]")  # what a spreadsheet would run
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
LEVELS = ("item", "factor", "group", "overall", "component", "criterion", "area", "total")
GRADED = frozenset({"item", "factor", "group", "overall", "total"})  # percentages that a grade is made for
FIGURES = ("index", "points", "se", "low", "high", "method", "n_valid", "n_eff", "status", "reasons", "rank",
           "rank_low", "rank_high")  # fmt: skip
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
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
    places: dict[tuple[int, str], list[tuple[Sheet, int]]] = defaultdict(list)
    for sheet in sheets:
        for u, unit in enumerate(sheet.units):
            places[order[sheet.key.scheme.code], unit].append((sheet, u))
    rows: list[Row] = []
    for place in sorted(places):
        keyed = [entry for sheet, u in places[place] for entry in _unit_rows(sheet, context, u)]
        rows += [row for _, row in sorted(keyed, key=itemgetter(0))]
    return rows


def csv_bytes(rows: Iterable[Row]) -> bytes:
    """The whole of `csv_pieces`."""
    return b"".join(csv_pieces(rows))


def csv_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """`scores.csv`, some rows at a time: UTF-8 with BOM, comma, LF; a text that a spreadsheet would run as a formula
    gets an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    out.write(BOM)
    writer.writerow(COLUMNS)
    yield out.getvalue().encode()
    rest = iter(rows)
    while some := list(islice(rest, PIECE)):
        out.seek(0)
        out.truncate()
        writer.writerows([plain(cell) for cell in row.cells()] for row in some)
        yield out.getvalue().encode()


def json_text(head: Mapping[str, object], rows: Iterable[Row]) -> bytes:
    """The whole of `json_pieces`."""
    return b"".join(json_pieces(head, rows))


def json_pieces(head: Mapping[str, object], rows: Iterable[Row]) -> Iterator[bytes]:
    """`scores.json`, some rows at a time: the head's keys (at least one), then `rows`, one row a line."""
    start = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
    yield f'{start},\n "rows": ['.encode()
    rest, before = iter(rows), "\n"
    while some := list(islice(rest, PIECE)):
        lines = ",\n".join(json.dumps(row.as_dict(), ensure_ascii=False, allow_nan=False) for row in some)
        yield f"{before}{lines}".encode()
        before = ",\n"
    yield ("\n]\n}\n" if before != "\n" else "\n\n]\n}\n").encode()


def _unit_rows(sheet: Sheet, context: Context, u: int) -> Iterator[tuple[tuple[object, ...], Row]]:
    """The rows of one unit, each with what it is sorted by."""
    key, unit = sheet.key, sheet.units[u]
    variant = (key.rule.value, key.weighting.value, key.used.value)
    official = YES if context.may_be_official and _is_chosen(sheet) else NO
    named = (*variant, official, *context.names.get(unit, ("", "")), key.level)
    asked = (whole(float(sheet.n_invited[u])), six(float(sheet.response_rate[u])))
    lines = zip(sheet.lines, *(getattr(sheet, name)[u].tolist() for name in FIGURES), strict=True)
    for p, (line, *figures) in enumerate(lines):
        first = (context.year, key.scheme.code, context.wave, unit, line.level_of, line.code, *named)
        yield (LEVELS.index(line.level_of), p, *variant), _row(first, line, figures, asked, (sheet, context))


def _row(
    first: tuple[str, ...],
    line: Line,
    figures: Sequence[Any],
    asked: tuple[str | None, str | None],
    place: tuple[Sheet, Context],
) -> Row:
    value, points, se, low, high, method, n, n_eff, status, reasons, *ranks = figures
    index, sampled = six(value), n == n
    reason = "; ".join((*place[1].marks, *reasons))
    rest = (
        six(line.maximum), line.source, str(status), reason or None,
        index, six(points), six(se), six(low), six(high), str(method) or None,
        asked[0] if sampled else None, whole(n), six(n_eff), six(n / n_eff if n_eff > 0 else None),
        asked[1] if sampled else None, _grade(place[0], line, index) if status in RANKED else None,
        *map(whole, ranks),
    )  # fmt: skip
    return Row(*first, *rest)


def _is_chosen(sheet: Sheet) -> bool:
    key = sheet.key
    chosen = key.rule is key.scheme.index_rule and key.weighting is key.scheme.weighting and key.used is Used.ALL
    return chosen and key.scheme.level is not Level.PROVINCE  # the provincial index is the ministry's, here an estimate


def _grade(sheet: Sheet, line: Line, index: str | None) -> str | None:
    """The grade of a percentage; a province is graded by a scheme of its own only."""
    graded = line.level_of == "total" if line.is_points else line.level_of in GRADED
    graded = graded and sheet.key.level == sheet.key.scheme.level
    return sheet.key.scheme.grade(index) if index is not None and graded else None


def plain(cell: str | None) -> str:
    """A cell as text that no spreadsheet runs."""
    if cell is None or (cell.isprintable() and cell[:1].isalnum()):  # nearly all: not worth a search
        return cell or ""
    text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", cell)
    return f"'{text}" if FORMULA.match(text) and not DECIMAL.fullmatch(text) else text
