"""Change from the year before, with limits from both years' own limits (the sampling errors are independent).

Method: square-and-add limits (MOVER): `d - sqrt((p - l)^2 + (u' - p')^2)` and the mirror image; it keeps the asymmetry
of limits near 100 % and needs no standard error. References: Newcombe (1998); Zou and Donner (2008), Stat Med 27.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot
from typing import Any

from analysis.components.decimals import six
from analysis.components.folder_files import read_columns, read_json
from analysis.components.rows import NO, YES, Row
from analysis.components.sheet import RANKED
from analysis.errors import ColumnMissing

Previous = Mapping[tuple[str, ...], Mapping[str, str | None]]
KEY = ("unit", "level_of", "code", "rule", "weighting", "answers")
NEEDED = (*KEY, "status", "index", "points", "ci_low", "ci_high")


def read_previous(files: Mapping[str, bytes]) -> Previous:
    """Last year's rows by identity from `previous/scores.json`, else `scores.csv`; empty without either."""
    if "previous/scores.json" in files:
        rows: list[Mapping[str, Any]] = read_json(files["previous/scores.json"], "previous/scores.json").get("rows", [])
    elif "previous/scores.csv" in files:
        columns = read_columns(files["previous/scores.csv"], "previous/scores.csv")
        rows = [
            {name: cell or None for name, cell in zip(columns, cells, strict=True)}
            for cells in zip(*columns.values(), strict=True)
        ]
    else:
        return {}
    for name in NEEDED:
        if rows and name not in rows[0]:
            raise ColumnMissing(name, "previous/")
    return {tuple(str(row[name]) for name in KEY): row for row in rows}


def with_changes(rows: Sequence[Row], previous: Previous) -> list[Row]:
    """The rows with `change*` where last year has the same figure and both may be shown; points change in points."""
    if not previous:
        return list(rows)
    return [_changed(row, previous.get(row.identity)) for row in rows]


def _changed(row: Row, before: Mapping[str, str | None] | None) -> Row:
    now = row.points if row.points is not None else row.index
    then = None if before is None else before["points"] if row.points is not None else before["index"]
    shown = before is not None and row.status in RANKED and before["status"] in RANKED and _same_scale(row, before)
    if before is None or now is None or then is None or not shown:
        return row
    value, old = float(now), float(then)
    low, high = _ends(row.ci_low, row.ci_high, value)
    old_low, old_high = _ends(before["ci_low"], before["ci_high"], old)
    change = value - old
    least, most = change - hypot(value - low, old_high - old), change + hypot(high - value, old - old_low)
    clear = YES if least > 0 or most < 0 else NO
    return replace(row, change=six(change), change_low=six(least), change_high=six(most), change_clear=clear)


def _same_scale(row: Row, before: Mapping[str, str | None]) -> bool:
    """Points are compared out of the same maximum only: another one is a break in the method (STATISTICS.md)."""
    most = before.get("max")
    return row.max is None or not most or float(most) == float(row.max)


def _ends(low: str | None, high: str | None, value: float) -> tuple[float, float]:
    """Limits; a figure without an interval is exact."""
    return (value, value) if low is None or high is None else (float(low), float(high))
