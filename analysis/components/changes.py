"""Change from the year before, with limits from both years' own limits (the sampling errors are independent).

Method: square-and-add limits (MOVER): `d - sqrt((p - l)^2 + (u' - p')^2)` and the mirror image; it keeps the asymmetry
of limits near 100 % and needs no standard error. References: Newcombe (1998); Zou and Donner (2008), Stat Med 27.

Limits are each figure's own. What is called clear is corrected by Holm over the units of a level that are compared in
the same figure: with 108 units five would otherwise be "clear" in a year in which nothing changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import hypot

import numpy as np
from scipy import special

from analysis.components.decimals import six
from analysis.components.limits import CONFIDENCE
from analysis.components.result_rows import IDENTITY, ResultRow, csv_rows, json_rows
from analysis.components.rows import NO, YES, Row
from analysis.components.sheet import RANKED, Reason, because
from analysis.design import FloatArray
from analysis.intervals import critical
from analysis.testing.multiple import Correction, adjusted

Previous = Mapping[tuple[str, ...], ResultRow]
CLEAR_BY = {  # what a results' manifest says of `change_clear`
    "limits": "square_and_add", "correction": "holm", "level": CONFIDENCE,
    "family": "units of a scheme's level in the same figure",
}  # fmt: skip


def read_previous(files: Mapping[str, bytes]) -> Previous:
    """Last year's rows by identity from `previous/scores.json`, else `scores.csv`; empty without either.
    Raises the leaves of `result_rows`."""
    rows: tuple[ResultRow, ...] = ()
    for name, read in (("previous/scores.json", json_rows), ("previous/scores.csv", csv_rows)):
        if name in files:
            rows = read(files[name], name)
            break
    return {tuple(str(row[name]) for name in IDENTITY): row for row in rows}


def with_changes(rows: Sequence[Row], previous: Previous) -> list[Row]:
    """The rows with `change*` where last year has the same figure and both may be shown; points change in points."""
    if not previous:
        return list(rows)
    return _judged([_changed(row, previous.get(row.identity)) for row in rows])


def _changed(row: Row, before: ResultRow | None) -> Row:
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
    return replace(row, change=six(change), change_low=six(least), change_high=six(most))


def _judged(rows: Sequence[Row]) -> list[Row]:
    """`change_clear` of every row with a change: Holm over the units of a level in the same figure (Holm 1979)."""
    out, families = list(rows), defaultdict(list)
    for place, row in enumerate(rows):
        if row.change is not None:
            figure = (row.scheme, row.level, row.level_of, row.code, row.rule, row.weighting, row.answers)
            families[figure].append(place)
    for places in families.values():
        alone = change_p([rows[place] for place in places])
        for place, single, joint in zip(places, alone, adjusted(alone, Correction.HOLM), strict=True):
            out[place] = _told(rows[place], single < 1.0 - CONFIDENCE, joint < 1.0 - CONFIDENCE, len(places))
    return out


def _told(row: Row, alone: bool, jointly: bool, compared: int) -> Row:
    """The row with its mark, and why it has none although its own limits exclude no change."""
    clear = replace(row, change_clear=YES if jointly else NO)
    if jointly or not alone:
        return clear
    why = because(Reason.CHANGE_NOT_CLEAR_AMONG, [compared])
    return replace(clear, reason=why if row.reason is None else f"{row.reason}; {why}")


def change_p(rows: Sequence[Row]) -> FloatArray:
    """p-values float64[m] of no change: the level at which the limits on the side of zero would just reach it, their
    distance stretched as a normal one; 0 and 1 for figures without error."""
    cells = [[float(str(one)) for one in (row.change, row.change_low, row.change_high)] for row in rows]
    change, low, high = np.array(cells).reshape(-1, 3).T
    half = np.where(change > 0, change - low, high - change)
    z = critical(CONFIDENCE) * np.divide(abs(change), half, out=np.full(len(cells), np.inf), where=half > 0)
    return np.where(change == 0, 1.0, 2.0 * special.ndtr(-z))


def _same_scale(row: Row, before: ResultRow) -> bool:
    """Points are compared out of the same maximum only: another one is a break in the method (STATISTICS.md)."""
    most = before.get("max")
    return row.max is None or not most or float(most) == float(row.max)


def _ends(low: str | None, high: str | None, value: float) -> tuple[float, float]:
    """Limits; a figure without an interval is exact."""
    return (value, value) if low is None or high is None else (float(low), float(high))
