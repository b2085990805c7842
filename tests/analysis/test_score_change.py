"""Change from last year beside a score: both years' errors, and what is clear among all units that are compared."""

from __future__ import annotations

from typing import Any

from analysis.components.rows import csv_bytes
from analysis.extract import score, write_scores

GOOD, BAD, MIXED = ["5", "4", "5", "4"], ["1", "2", "3", "1"], ["5", "2", "4", "1"]
OVERALL = {"level_of": "overall", "rule": "top2box", "weighting": "design", "answers": "all"}


def test_change_from_last_year_carries_both_years_errors(make: Any, tmp_path: Any) -> None:
    first = make.two_units([MIXED] * 20)
    write_scores(score(first.extract()), tmp_path)
    second = make.two_units([GOOD] * 20)
    second.previous = {"previous/scores.json": (tmp_path / "scores.json").read_bytes()}
    scores = score(second.extract())
    row = make.find(scores, unit="u1", **OVERALL)
    assert (row.change, row.change_clear) == ("50.000000", "yes")
    assert float(str(row.change_low)) < 50 < float(str(row.change_high))
    calm = make.find(scores, unit="u2", **OVERALL)
    assert (calm.change, calm.change_clear) == ("0.000000", "no")
    second.previous = {"previous/scores.csv": (tmp_path / "scores.csv").read_bytes()}
    assert score(second.extract()).rows == scores.rows


def test_a_change_is_called_clear_among_all_units_that_are_compared_not_one_by_one(make: Any) -> None:
    def year(changed: int, units: int) -> Any:
        tables = make.tables()
        for number in range(units):
            bad = 4 * changed * (number == 0)
            tables.cell(f"u{number}", [GOOD] * (30 - bad) + [BAD] * bad, population=300, invited=40)
        return tables

    def second(units: int) -> Any:
        tables = year(1, units)
        tables.previous = {"previous/scores.csv": csv_bytes(score(year(0, units).extract()).rows)}
        return make.find(score(tables.extract()), unit="u0", **OVERALL)

    alone, among = second(1), second(40)
    assert float(str(alone.change_high)) < 0
    assert float(str(among.change_high)) < 0
    assert (alone.change_clear, among.change_clear) == ("yes", "no")
    assert str(among.reason).endswith("change_not_clear_among=40")
