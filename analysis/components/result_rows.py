"""Rows of results that come back as input: last year's in `previous/`, a wave's in an index sheet; every cell checked.

Every number is a decimal text, an absent cell None (null in JSON, empty in CSV).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.components.folder_files import read_columns, read_json
from analysis.components.limits import Method
from analysis.components.sheet import RANKED, Status
from analysis.components.tables import MOST, read_number
from analysis.errors import CellInvalid, ColumnMissing, KeyInvalid

ResultRow = Mapping[str, str | None]
IDENTITY = ("unit", "level_of", "code", "rule", "weighting", "answers")
NEEDED = (*IDENTITY, "status", "index", "points", "ci_low", "ci_high")
TEXTS = frozenset({*IDENTITY, "scheme"})  # never empty
NUMBERS = frozenset({"index", "points", "ci_low", "ci_high", "max", "se", "n_valid", "n_effective"})
POSITIVE = frozenset({"max", "se", "n_valid", "n_effective"})
WORDS: Mapping[str, frozenset[str]] = {"status": frozenset(Status), "ci_method": frozenset({*Method} - {Method.NONE})}


def csv_rows(data: bytes, file: str, needed: Sequence[str] = NEEDED) -> tuple[ResultRow, ...]:
    """The rows of a `scores.csv`. Raises FileUnreadable, ColumnMissing, CellInvalid."""
    columns = read_columns(data, file)
    for name in needed:
        if name not in columns:
            raise ColumnMissing(name, file)
    cells = zip(*columns.values(), strict=True)
    rows = [{name: cell or None for name, cell in zip(columns, row, strict=True)} for row in cells]
    return _checked(rows, file, needed, first=2)


def json_rows(data: bytes, file: str, needed: Sequence[str] = NEEDED) -> tuple[ResultRow, ...]:
    """The rows of a `scores.json`, counted from 1. Raises FileUnreadable, KeyInvalid, CellInvalid."""
    rows = read_json(data, file).get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise KeyInvalid(file, "", "rows", rows, "a list of objects")
    return _checked(rows, file, needed, first=1)


def _checked(
    rows: Iterable[Mapping[str, Any]], file: str, needed: Sequence[str], *, first: int
) -> tuple[ResultRow, ...]:
    out = []
    for number, row in enumerate(rows, start=first):
        for name in needed:
            if name not in row:
                raise CellInvalid(file, number, name, "", "a cell: this row has none")
        for name in row.keys() & {*needed, "max"}:
            allowed = _wanted(name, row[name])
            if allowed:
                raise CellInvalid(file, number, name, str(row[name]), allowed)
        _check_value(row, file, number)
        out.append(row)
    return tuple(out)


def _wanted(name: str, cell: object) -> str:
    """What a cell should have been; empty where it fits."""
    if name in NUMBERS:
        return "" if cell is None or (isinstance(cell, str) and _is_number(name, cell)) else "a number or nothing"
    if name in WORDS and not (cell is None and name == "ci_method") and cell not in WORDS[name]:
        return ", ".join(sorted(WORDS[name]))
    return "" if name not in TEXTS or (isinstance(cell, str) and cell) else "a text that is not empty"


def _is_number(name: str, cell: str) -> bool:
    try:
        value = read_number(cell)
    except ValueError:
        return False
    return math.isfinite(value) and abs(value) <= MOST and (value >= 0 or name not in POSITIVE)


def _check_value(row: ResultRow, file: str, number: int) -> None:
    """A figure that is shown has a value, in points where the row has points; limits stand on both its sides, or there
    are none."""
    name = "index" if row["points"] is None else "points"
    value, low, high = row[name], row["ci_low"], row["ci_high"]
    if value is None and row["status"] in RANKED:
        raise CellInvalid(file, number, name, "", f"a number, as the status is {row['status']}")
    if low is None and high is None:
        return
    if value is None or low is None or float(low) > float(value):
        raise CellInvalid(file, number, "ci_low", str(low or ""), f"at most {name} {value}, and both limits or none")
    if high is None or float(high) < float(value):
        raise CellInvalid(file, number, "ci_high", str(high or ""), f"at least {name} {value}, and both limits or none")
