"""Results that come back as input (last year's, a wave's): what does not fit is named by file, row and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main
from analysis.components.joined import OF_WAVES
from analysis.components.result_rows import csv_rows, json_rows
from analysis.components.rows import csv_bytes
from analysis.errors import AnalysisError, CellInvalid, ColumnMissing, FileUnreadable, KeyInvalid
from analysis.extract import score, write_extract

JSON, CSV = "previous/scores.json", "previous/scores.csv"
GOOD = ["5", "4", "5", "4"]
FIRST: dict[str, Any] = {
    "unit": "u1", "level_of": "overall", "code": "overall", "rule": "top2box", "weighting": "design", "answers": "all",
    "status": "ok", "index": "50.000000", "points": None, "ci_low": "40.000000", "ci_high": "60.000000",
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an index that is no number": ({"index": "abc"}, "index"),
    "an index of nan": ({"index": "nan"}, "index"),
    "an index that is no text": ({"index": 50}, "index"),
    "an endless index": ({"index": "1e300"}, "index"),
    "points of infinity": ({"points": "inf"}, "points"),
    "a lower limit of -inf": ({"ci_low": "-inf"}, "ci_low"),
    "limits above the index": ({"ci_low": "60", "ci_high": "70"}, "ci_low"),
    "limits below the index": ({"ci_low": "30", "ci_high": "40"}, "ci_high"),
    "limits of the index beside points": ({"points": "5.0"}, "ci_low"),
    "one limit": ({"ci_high": None}, "ci_high"),
    "the other limit": ({"ci_low": None}, "ci_low"),
    "limits of nothing": ({"index": None, "status": "empty"}, "ci_low"),
    "a figure without a value": ({"index": None, "ci_low": None, "ci_high": None}, "index"),
    "a negative maximum": ({"max": "-3"}, "max"),
    "a status that nobody knows": ({"status": "fine"}, "status"),
    "no unit": ({"unit": None}, "unit"),
    "a code that is a list": ({"code": ["overall"]}, "code"),
}


def told(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"rows": rows}).encode()


def table(*rows: dict[str, Any]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(str("" if cell is None else cell) for cell in row.values()) for row in rows)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("what", sorted(WRONG))
def test_a_wrong_cell_of_the_second_row_is_named(what: str) -> None:
    change, column = WRONG[what]
    with pytest.raises(CellInvalid) as refused:
        json_rows(told(FIRST, FIRST | change), JSON)
    assert (refused.value.file, refused.value.row, refused.value.column) == (JSON, 2, column)
    if all(cell is None or isinstance(cell, str) for cell in change.values()):
        with pytest.raises(CellInvalid) as refused:
            csv_rows(table(FIRST | dict.fromkeys(change), FIRST | change) if "max" in change else
                     table(FIRST, FIRST | change), CSV)  # fmt: skip
        assert (refused.value.file, refused.value.row, refused.value.column) == (CSV, 3, column)


@pytest.mark.parametrize("column", sorted(FIRST))
def test_a_row_that_lacks_a_cell_is_named_wherever_it_stands(column: str) -> None:
    without = {name: cell for name, cell in FIRST.items() if name != column}
    with pytest.raises(CellInvalid) as refused:
        json_rows(told(FIRST, FIRST, without), JSON)
    assert (refused.value.row, refused.value.column) == (3, column)
    with pytest.raises(ColumnMissing, match=column):
        csv_rows(table(without), CSV)


@pytest.mark.parametrize("rows", [None, {"a": 1}, [1], "rows", [None]])
def test_rows_that_are_no_list_of_objects_are_refused(rows: object) -> None:
    with pytest.raises(KeyInvalid, match="rows"):
        json_rows(json.dumps({"rows": rows}).encode(), JSON)
    with pytest.raises(KeyInvalid, match="rows"):
        json_rows(b"{}", JSON)


def test_an_exact_figure_and_its_own_limits_as_bounds_are_taken() -> None:
    exact = FIRST | {"ci_low": None, "ci_high": None, "status": "complete"}
    edge = FIRST | {"index": "60.000000"}
    points = FIRST | {"points": "5.5", "ci_low": "5.5", "ci_high": "5.5", "max": "10.000000"}
    rows = [FIRST, exact, edge, points]
    assert list(json_rows(told(*rows), JSON)) == rows
    assert list(csv_rows(table(FIRST, exact, edge), CSV)) == rows[:3]


def test_what_the_score_writes_is_read_back(make: Any) -> None:
    rows = score(make.drawn(3)[0].extract()).rows
    assert list(csv_rows(csv_bytes(rows), CSV, OF_WAVES)) == [row.as_dict() for row in rows]


PREVIOUS: dict[str, tuple[dict[str, bytes], type[AnalysisError], str]] = {
    "rows of null": ({JSON: b'{"rows": null}'}, KeyInvalid, "rows"),
    "a row with nothing in it": ({JSON: told({"a": 1})}, CellInvalid, "row 1"),
    "an index of letters": ({JSON: told(FIRST, FIRST | {"index": "abc"})}, CellInvalid, "row 2 column 'index'"),
    "a table with such an index": ({CSV: table(FIRST | {"index": "abc"})}, CellInvalid, "row 2 column 'index'"),
    "a table of another encoding": ({CSV: table(FIRST).decode().encode("utf-16")}, FileUnreadable, CSV),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(PREVIOUS))
def test_the_score_names_what_is_wrong_with_last_year(make: Any, tmp_path: Path, capsys: Any, what: str) -> None:
    files, leaf, named = PREVIOUS[what]
    tables = make.tables()
    tables.cell("u1", [GOOD] * 12)
    tables.previous = files
    with pytest.raises(leaf, match=named):
        score(tables.extract())
    write_extract(tables.extract(), tmp_path)
    assert main(["score", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{leaf.__name__}: ")
    assert "previous/scores." in told
