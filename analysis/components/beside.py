"""Tables beside the scores: how sure each grade is, what a model says of small units; never in their place.

Every cell comes from figures that may be told, after `disclosure`: a grade's from its own row, a suppressed unit's from
the others alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.averages import AVERAGED
from analysis.components.decimals import six
from analysis.components.limits import CONFIDENCE
from analysis.components.rows import BOM, Row, plain
from analysis.components.scheme import Scheme
from analysis.grading import band_confidence

ENDS = (0.0, 100.0)  # grades are given to percentages
GRADES, SMALL_UNITS, ITEMS = "grades", "small_units", "items"
Cells = Mapping[str, str | None]


class Record(Mapping[str, str | None]):
    """A row of a large table: its cells, and the place of each column, which all rows share."""

    __slots__ = ("_cells", "_place")

    def __init__(self, place: Mapping[str, int], cells: Cells) -> None:
        self._place, self._cells = place, tuple(cells[name] for name in place)

    def __getitem__(self, name: str) -> str | None:
        return self._cells[self._place[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)


@dataclass(frozen=True)
class Table:
    """A table beside the scores: its columns and rows, every number as its decimal text."""

    columns: tuple[str, ...]
    rows: tuple[Cells, ...]

    def csv(self) -> bytes:
        """As `scores.csv` is written."""
        held = io.BytesIO()  # bytes from the start: text in memory takes four a letter
        out = io.TextIOWrapper(held, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(out, lineterminator="\n")
        out.write(BOM)
        writer.writerow(self.columns)
        writer.writerows([plain(row[column]) for column in self.columns] for row in self.rows)
        out.flush()
        return held.getvalue()

    def as_dict(self) -> dict[str, object]:
        return {"columns": list(self.columns), "rows": [[row[column] for column in self.columns] for row in self.rows]}


def table_of(told: Mapping[str, object]) -> Table:
    """The table that `as_dict` wrote down."""
    columns, rows = told["columns"], told["rows"]
    if not isinstance(columns, Sequence) or not isinstance(rows, Sequence):
        raise TypeError("columns and rows are lists")
    return Table(tuple(columns), tuple(dict(zip(columns, row, strict=True)) for row in rows))


FIGURE = ("year", "scheme", "wave", "unit", "level_of", "code", "rule", "weighting", "answers", "is_official")
GRADE_COLUMNS = (
    *FIGURE, "unit_name_vi", "unit_name_en", "level", "percent", "percent_low", "percent_high", "rank", "rank_low",
    "rank_high", "grade", "band", "band_from", "confidence",
)  # fmt: skip


def grades_table(rows: Sequence[Row], schemes: Sequence[Scheme]) -> Table:
    """One row a graded overall index or total, and band of its scheme: the confidence that the true value lies there.

    The band below the last grade, where a scheme has one, is called "". Nothing but the figure's own row enters.
    """
    return Table(GRADE_COLUMNS, tuple(cells for scheme in schemes for cells in _graded(rows, scheme)))


def _graded(rows: Sequence[Row], scheme: Scheme) -> Iterator[Cells]:
    chosen = [row for row in rows if row.scheme == scheme.code and row.rule == scheme.index_rule]
    chosen = [row for row in chosen if row.level_of in AVERAGED and row.grade is not None]
    percents = [_percents(row) for row in chosen]
    value, low, high = np.array(percents, dtype=np.float64).reshape(-1, 3).T
    bounds = [scheme.edge(least) for _, least in scheme.grades]
    found = band_confidence(value, low, high, bounds, level=CONFIDENCE, ends=ENDS)
    bands = [(code, six(float(least))) for code, least in scheme.grades] + [("", None)]
    for row, percent, shares in zip(chosen, percents, found.tolist(), strict=True):
        told = {name: getattr(row, name) for name in GRADE_COLUMNS if hasattr(row, name)}
        shown = dict(zip(("percent", "percent_low", "percent_high"), map(six, percent), strict=True))
        for (band, least), share in zip(bands, shares, strict=True):
            if band or share > 0:
                yield {**told, **shown, "band": band, "band_from": least, "confidence": six(share)}


def _percents(row: Row) -> tuple[float, float, float]:
    """Value and limits on the scale of the grades; limits are absent where a figure is exact."""
    scale = 1.0 if row.max is None else 100.0 / float(row.max)
    low, high = (np.nan if one is None else float(one) * scale for one in (row.ci_low, row.ci_high))
    value = float(str(row.index))
    return value, float(np.minimum(low, value)), float(np.maximum(high, value))
