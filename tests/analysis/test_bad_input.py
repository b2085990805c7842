"""Bad input is named, bad luck is a result: each kind by the command and by the library, never a silent NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import errors
from analysis.__main__ import main
from analysis.components.rows import COLUMNS
from analysis.design import LonelyPsu, declare
from analysis.distances import Distance
from analysis.estimates.moments import Missing, by_domain, mean
from analysis.extract import read_extract, score, write_extract
from analysis.intervals import wald, within_census
from analysis.ranking import places
from analysis.weights import calibrate, margin, rake

Edit = Callable[[bytes], bytes]
NUMERIC = COLUMNS[COLUMNS.index("index") :]


def without(column: str) -> Edit:
    def edit(data: bytes) -> bytes:
        table = [line.split(",") for line in data.decode().splitlines()]
        place = table[0].index(column)
        return "".join(",".join(line[:place] + line[place + 1 :]) + "\n" for line in table).encode()

    return edit


def twice(data: bytes) -> bytes:
    lines = data.decode().splitlines()
    return "".join(line + "\n" for line in (*lines, lines[1])).encode()


def everywhere(name: str, cell: str, other: str) -> Edit:
    """One column's cell in all rows that have it."""

    def edit(data: bytes) -> bytes:
        header, *rows = (line.split(",") for line in data.decode().splitlines())
        place = header.index(name)
        assert any(row[place] == cell for row in rows)
        for row in rows:
            row[place] = other if row[place] == cell else row[place]
        return ("\n".join(",".join(row) for row in (header, *rows)) + "\n").encode()

    return edit


def as_windows(data: bytes) -> bytes:
    return data.decode().replace("u000", "xâ").encode("cp1258")


def as_utf16(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


DAMAGED: dict[str, tuple[str, Edit | tuple[int, str, str], type[errors.AnalysisError], str]] = {
    "a design column missing": ("answers.csv", without("weight_base"), errors.ColumnMissing, "weight_base"),
    "a column of the sample missing": ("sample.csv", without("weight_sum"), errors.ColumnMissing, "weight_sum"),
    "a weight negative": ("answers.csv", (2, "weight_base", "-3"), errors.CellInvalid, "weight_base"),
    "a weight of zero": ("answers.csv", (2, "weight_base", "0"), errors.CellInvalid, "weight_base"),
    "a weight that is NaN": ("answers.csv", (2, "weight_base", "nan"), errors.CellInvalid, "weight_base"),
    "a weight that is infinite": ("answers.csv", (2, "weight_base", "inf"), errors.CellInvalid, "weight_base"),
    "an fpc that changes in a stratum": ("answers.csv", (2, "fpc", "3"), errors.CountsDisagree, "fpc"),
    "an fpc that is not the sample's": ("answers.csv", everywhere("fpc", "268", "40"), errors.CountsDisagree, "fpc"),
    "a class that is larger than its margin": ("sample.csv", (2, "population", "9999"), errors.CountsDisagree, "class"),
    "one weight above its class's sum": (
        "answers.csv",
        (2, "weight_base", "1000000"),
        errors.CountsDisagree,
        "weight_sum",
    ),
    "weights that are not the sample's": (
        "sample.csv",
        (2, "weight_sum", "90000"),
        errors.CountsDisagree,
        "weight_sum",
    ),
    "more invited than kept": ("sample.csv", (2, "kept", "0"), errors.CellInvalid, "invited"),
    "a population under its answers": ("sample.csv", (2, "population", "1"), errors.CellInvalid, "population"),
    "margins that contradict each other": ("margins.csv", (2, "total", "9999"), errors.MarginsContradict, "u000"),
    "a margin of an absent category": ("margins.csv", (2, "unit", "u999"), errors.CodeUnknown, "u999"),
    "a margin that is NaN": ("margins.csv", (2, "total", "nan"), errors.CellInvalid, "total"),
    "a weight that no sum holds": ("answers.csv", (2, "weight_base", "1e308"), errors.CellInvalid, "weight_base"),
    "a weight of nothing": ("answers.csv", (2, "weight_base", "1e-300"), errors.CellInvalid, "weight_base"),
    "an fpc that no sum holds": ("answers.csv", (2, "fpc", "1e300"), errors.CellInvalid, "fpc"),
    "a sum of weights that no sum holds": ("sample.csv", (2, "weight_sum", "1e308"), errors.CellInvalid, "weight_sum"),
    "more dossiers than there are": ("sample.csv", (2, "population", "1e300"), errors.CellInvalid, "population"),
    "more invitations than there are": ("sample.csv", (2, "invited", "1e30"), errors.CellInvalid, "invited"),
    "a margin of more than there are": ("margins.csv", (2, "total", "1e300"), errors.CellInvalid, "total"),
    "an answer outside the scale": ("answers.csv", (2, "S1", "6"), errors.CellInvalid, "S1"),
    "a duplicated key of the sample": ("sample.csv", twice, errors.DuplicateKey, "u000"),
    "a duplicated margin": ("margins.csv", twice, errors.DuplicateKey, "u000"),
    "an answer twice": ("answers.csv", twice, errors.CountsDisagree, "answers"),
    "answers in another encoding": ("answers.csv", as_windows, errors.FileUnreadable, "answers.csv"),
    "a margin table in another encoding": ("margins.csv", as_utf16, errors.FileUnreadable, "margins.csv"),
    "a class of nobody's": ("answers.csv", (2, "class", "nowhere"), errors.CodeUnknown, "nowhere"),
}


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_the_command_and_the_library_name_what_does_not_fit(make: Any, tmp_path: Path, capsys: Any, what: str) -> None:
    name, damage, leaf, named = DAMAGED[what]
    edit = make.cell(*damage) if isinstance(damage, tuple) else damage
    make.edited(make.drawn(1)[0], tmp_path, name, edit)
    with pytest.raises(leaf, match=named):
        score(read_extract(tmp_path))
    assert main(["score", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"{leaf.__name__}: ")
    assert named in told.err
    assert told.out == ""


def test_bad_luck_is_a_result_without_a_number_that_is_none(make: Any, tmp_path: Path) -> None:
    good, nothing = ["5", "4", "5", "4"], [".", ".", ".", "."]
    tables = make.tables()
    tables.cell("u0", [good] * 20)  # 100 % satisfied
    tables.cell("u1", [nothing] * 20)  # all missing
    tables.cell("u2", [], population=50, invited=10)  # a domain without answers
    tables.cell("u3", [good] * 11, stratum="u3|A", code="u3|A|c", population=60)
    tables.cell("u3", [good], stratum="u3|B", code="u3|B|c", population=30)  # a stratum of one
    tables.cell("u4", [good] * 15, population=15)  # everybody answered
    write_extract(tables.extract(), tmp_path / "in")
    assert main(["score", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    rows = json.loads((tmp_path / "out" / "scores.json").read_text())["rows"]
    for row in rows:
        for column in NUMERIC:
            text = row[column]
            assert text is None or not text.lstrip("-").replace(".", "").isdigit() or math.isfinite(float(text))
            assert text not in ("nan", "inf", "-inf")
    found = {row["unit"]: row for row in rows if row["level_of"] == "overall" and row["is_official"] == "yes"}
    assert [found[f"u{number}"]["status"] for number in range(5)] == ["ok", "empty", "empty", "ok", "complete"]
    assert [found[f"u{number}"]["reason"] for number in (0, 1, 2)] == ["no_variance", "no_answers", "no_forms"]
    assert "strata_joined=1" in found["u3"]["reason"]
    assert float(found["u0"]["ci_low"]) < 100


@pytest.mark.parametrize("column", ["weight_base", "fpc"])
@pytest.mark.parametrize("value", ["1e300", "1e-300"])
def test_officials_answers_have_the_same_bounds(make: Any, column: str, value: str) -> None:
    tables = make.officials()
    tables.rate("r1", "HDND", "u1", ["5", "4", "3", "4"])
    tables.answers[column][0] = value
    with pytest.raises(errors.CellInvalid, match=f"row 2 column '{column}'"):
        tables.extract()


def test_a_typed_in_figure_may_be_money_and_no_more(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "4", "3", "4"]] * 12)
    tables.input("u1", "8.2.2", 4e15)
    assert score(tables.extract()).rows
    tables.inputs["value"][0] = 1e300
    with pytest.raises(errors.CellInvalid, match="row 2 column 'value'"):
        tables.extract()


@pytest.mark.parametrize("audience", ["tables", "officials"])
def test_a_wave_of_no_rated_unit_is_named(make: Any, tmp_path: Path, capsys: Any, audience: str) -> None:
    tables = getattr(make, audience)()
    with pytest.raises(errors.KeyInvalid, match="'units' is '0 units'"):
        score(tables.extract())
    tables.units["u1"] = "commune"
    make.edited(tables, tmp_path, "manifest.json", lambda data: data.replace(b'"rated": true', b'"rated": false'))
    assert main(["score", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("KeyInvalid: manifest.json  key 'units' is '1 units'")


ONES = np.ones(4)
LIBRARY: dict[str, tuple[Callable[[], object], type[errors.AnalysisError], str]] = {
    "population sizes as text": (
        lambda: declare(ONES, lonely_psu=LonelyPsu.FAIL, population=[["x"] * 4]), errors.OptionInvalid, "population",
    ),
    "strata in two dimensions": (
        lambda: declare(ONES, lonely_psu=LonelyPsu.FAIL, strata=[np.ones((4, 2))]), errors.OptionInvalid, "dimension",
    ),
    "a date that is none": (
        lambda: declare(ONES, lonely_psu=LonelyPsu.FAIL, strata=[np.array(["2020", "NaT"] * 2, dtype="M8[D]")]),
        errors.NotFinite, "row 1",
    ),
    "values as text": (
        lambda: mean(declare(ONES, lonely_psu=LonelyPsu.FAIL), ["x"] * 4, missing=Missing.FAIL),
        errors.OptionInvalid, "values",
    ),
    "values whose squares are no numbers": (
        lambda: mean(declare(ONES, lonely_psu=LonelyPsu.FAIL), [0, 1e200] * 2, missing=Missing.FAIL),
        errors.OptionInvalid, "squares",
    ),
    "a group that is a fraction": (
        lambda: by_domain(declare(ONES, lonely_psu=LonelyPsu.FAIL), ONES, [0, 0.5, 1, 1], missing=Missing.FAIL),
        errors.OptionInvalid, "row 1",
    ),
    "a total as text": (lambda: margin("sex", ["F"] * 4, {"F": "five"}), errors.MarginTotalInvalid, "five"),  # type: ignore[dict-item]
    "an estimate that is missing": (lambda: places(np.array([1, np.nan])), errors.NotFinite, "row 1"),
    "an error below zero": (lambda: wald(0.5, -1.0, 0.95), errors.OptionInvalid, "not negative"),
    "more satisfied than answered": (
        lambda: within_census((np.zeros(1), np.ones(1)), 30, 20, 50), errors.OptionInvalid, "satisfied",
    ),
    "a negative weight": (lambda: declare([1, -1], lonely_psu=LonelyPsu.FAIL), errors.NegativeWeight, "row 1"),
    "a weight that is NaN": (lambda: declare([1, np.nan], lonely_psu=LonelyPsu.FAIL), errors.NotFinite, "row 1"),
    "an infinite weight": (lambda: declare([1, np.inf], lonely_psu=LonelyPsu.FAIL), errors.NotFinite, "row 1"),
    "an fpc under its sample": (
        lambda: declare(ONES, lonely_psu=LonelyPsu.FAIL, strata=[["a"] * 4], population=[[3.0] * 4]),
        errors.PopulationTooSmall, "4 sampled",
    ),
    "a stratum of one": (
        lambda: mean(declare(ONES, lonely_psu=LonelyPsu.FAIL, strata=[list("aaab")]), ONES, missing=Missing.FAIL),
        errors.LonelyStratum, "row 3",
    ),
    "margins that contradict each other": (
        lambda: rake(ONES, [margin("sex", ["F", "M"] * 2, {"F": 5, "M": 5}), margin("age", ["a"] * 4, {"a": 9})]),
        errors.MarginsContradict, "age",
    ),
    "a margin of an absent category": (
        lambda: rake(ONES, [margin("sex", ["F"] * 4, {"F": 5, "M": 5})]), errors.MarginLevelAbsent, "'M'",
    ),
    "bounds that cannot hold": (
        lambda: calibrate(
            ONES, [margin("sex", ["F", "M"] * 2, {"F": 1, "M": 9})], distance=Distance.LOGIT, bounds=(0.9, 1.1)
        ),
        errors.NotConverged, "sex",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(LIBRARY))
def test_the_library_alone_names_it_too(what: str) -> None:
    made, leaf, named = LIBRARY[what]
    with pytest.raises(leaf, match=named):
        made()
