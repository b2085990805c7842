"""The counters kept at the door, from a CSV of one count a row.

Columns: `collector, mode, counter, bin, doubtful, count`. `counter` is `hour` (forms completed in that hour of the
wave) or `hour_of_day` (in that hour of all days: no bursts are looked for), `gap` (seconds between two of them),
`speed` (seconds a form took), `asked` or `refused` (persons, no bin); `bin` names the hour or the range, `doubtful`
(yes or no) marks bins outside office hours, or hardly possible. A collector of mode `interviewer` is a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.components.folder_files import read_columns
from analysis.design import BoolArray, IntArray
from analysis.errors import CellInvalid, ColumnMissing, DuplicateKey
from analysis.screening.doors import Door

DIGITS = 12  # of a count
COLLECTOR, INTERVIEWER = "collector", "interviewer"
COLUMNS = ("collector", "mode", "counter", "bin", "doubtful", "count")
HOURS = ("hour", "hour_of_day")  # day by day, or not
BINNED, WHOLE = (*HOURS, "gap", "speed"), ("asked", "refused")
Rows = Sequence[tuple[int, tuple[str, ...]]]  # with their number in the file


def read_doors(path: Path) -> tuple[Door, ...]:
    """The counters of collectors, and those of interviewers.

    Raises FileUnreadable, ColumnMissing, CellInvalid, DuplicateKey, and the leaves of `check_door` when they are used.
    """
    columns = read_columns(path.read_bytes(), path.name)
    for name in COLUMNS:
        if name not in columns:
            raise ColumnMissing(name, path.name)
    rows = list(enumerate(zip(*(columns[name] for name in COLUMNS), strict=True), start=2))
    for number, row in rows:
        _check(path.name, number, row)
    kinds = {COLLECTOR: [one for one in rows if one[1][1] != INTERVIEWER],
             INTERVIEWER: [one for one in rows if one[1][1] == INTERVIEWER]}  # fmt: skip
    return tuple(_door(path.name, kind, own) for kind, own in kinds.items() if own)


def _door(file: str, kind: str, rows: Rows) -> Door:
    collectors = tuple(dict.fromkeys(row[:2] for _, row in rows))
    modes = sorted({mode for _, mode in collectors})
    found = {name: _table(file, name, rows, collectors) for name in (*BINNED, *WHOLE)}
    day_by_day, over_days = (found[name] for name in HOURS)
    by_day = over_days[0].shape[1] == 0
    if not by_day and day_by_day[0].shape[1]:
        number = next(number for number, row in rows if row[2] == HOURS[1])
        raise CellInvalid(file, number, "counter", HOURS[1], f"{HOURS[0]}, as in other rows")
    (hours, late), (gaps, short), (speeds, fast) = (day_by_day if by_day else over_days, found["gap"], found["speed"])
    return Door(
        kind, tuple(one[0] if kind == INTERVIEWER else "|".join(one) for one in collectors),
        np.array([modes.index(mode) for _, mode in collectors]),
        hours, by_day, ~late, gaps, short, speeds, fast, found["asked"][0].sum(axis=1), found["refused"][0].sum(axis=1),
    )  # fmt: skip


def _check(file: str, number: int, row: Sequence[str]) -> None:
    """Refuse a cell that is no part of a count."""
    told = dict(zip(COLUMNS, row, strict=True))
    binned = told["counter"] in BINNED
    rules = (
        ("collector", told["collector"] != "", "the code of a collector"),
        ("counter", binned or told["counter"] in WHOLE, ", ".join((*BINNED, *WHOLE))),
        ("bin", (told["bin"] != "") is binned, "the name of a bin" if binned else "empty: this counter has no bins"),
        ("doubtful", told["doubtful"] in ("yes", "no") or not binned, "yes or no"),
        (
            "count",
            told["count"].isascii() and told["count"].isdigit() and len(told["count"]) <= DIGITS,
            f"a whole number, 0 or more, of at most {DIGITS} digits",
        ),
    )
    for column, fits, allowed in rules:
        if not fits:
            raise CellInvalid(file, number, column, told[column], allowed)


def _table(file: str, counter: str, rows: Rows, collectors: Sequence[tuple[str, ...]]) -> tuple[IntArray, BoolArray]:
    """Counts int64[C, bins] of one counter, and which bins are doubtful."""
    place = {one: number for number, one in enumerate(collectors)}
    own = [(number, row) for number, row in rows if row[2] == counter]
    bins = {name: column for column, name in enumerate(dict.fromkeys(row[3] for _, row in own))}
    counts = np.full((len(collectors), len(bins)), -1, dtype=np.int64)
    marks: dict[str, str] = {}
    for number, row in own:
        at = place[row[:2]], bins[row[3]]
        if counts[at] >= 0:
            raise DuplicateKey(file, " ".join(row[:4]))
        if marks.setdefault(row[3], row[4]) != row[4]:
            raise CellInvalid(file, number, "doubtful", row[4], f"{marks[row[3]]}, as in the rows above")
        counts[at] = int(row[5])
    return np.maximum(counts, 0), np.array([marks[name] == "yes" for name in bins], dtype=np.bool_)
