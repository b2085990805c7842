"""Units of another year: the mean of old units by dossiers against a hand figure, splits, the way back, breaks."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from analysis.design import LonelyPsu, declare
from analysis.errors import CellInvalid, ColumnMissing, DuplicateKey
from analysis.estimates.moments import Missing, mean
from analysis.regrouping import Share, read_shares, regrouped, turned

MERGED = (Share("A", "N", 1.0), Share("B", "N", 1.0))
DOSSIERS = {"A": 300.0, "B": 100.0}


def row(unit: str, index: str | None, low: str | None, high: str | None, se: str | None, **more: Any) -> dict[str, Any]:
    key = {
        "unit": unit,
        "level_of": "overall",
        "code": "overall",
        "rule": "top2box",
        "weighting": "design",
        "answers": "all",
    }
    told = {
        "status": "ok",
        "reason": None,
        "index": index,
        "points": None,
        "max": None,
        "se": se,
        "ci_low": low,
        "ci_high": high,
    }
    return {**key, **told, "ci_method": "wilson_pooled", "n_valid": "30", "n_invited": "50", "rank": "1", **more}


OLD = (row("A", "80", "75", "84", "2.3"), row("B", "60", "52", "67", "3.8"))


def test_a_merged_unit_is_the_mean_of_its_parts_by_dossiers() -> None:
    (found,) = regrouped(OLD, MERGED, DOSSIERS)
    assert (found["unit"], found["index"], found["n_valid"], found["rank"]) == ("N", "75.000000", "60", None)
    assert float(found["se"]) == pytest.approx(sqrt((0.75 * 2.3) ** 2 + (0.25 * 3.8) ** 2), abs=1e-6)
    assert float(found["ci_low"]) == pytest.approx(75 - sqrt((0.75 * 5) ** 2 + (0.25 * 8) ** 2), abs=1e-6)
    assert float(found["ci_high"]) == pytest.approx(75 + sqrt((0.75 * 4) ** 2 + (0.25 * 7) ** 2), abs=1e-6)
    assert (found["status"], found["reason"]) == ("ok", "made_of=A,B")


def test_the_variance_is_that_of_a_stratified_sample_of_the_old_units() -> None:
    rng = np.random.default_rng(5)
    sizes, answers = {"A": 900, "B": 400}, {"A": 60, "B": 40}
    drawn = {unit: rng.integers(0, 2, count).astype(np.float64) for unit, count in answers.items()}
    rows = []
    for unit, values in drawn.items():
        own = declare(lonely_psu=LonelyPsu.FAIL, population=[np.full(len(values), sizes[unit])])
        one = mean(own, values, missing=Missing.FAIL)
        rows.append(row(unit, f"{100 * one.values[0]:.6f}", "0", "100", f"{100 * one.se[0]:.6f}"))
    strata = np.repeat([0, 1], list(answers.values()))
    population = np.repeat(list(sizes.values()), list(answers.values()))
    joint = declare(lonely_psu=LonelyPsu.FAIL, strata=[strata], population=[population])
    whole = mean(joint, np.concatenate(list(drawn.values())), missing=Missing.FAIL)
    (found,) = regrouped(rows, MERGED, {unit: float(size) for unit, size in sizes.items()})
    assert float(found["index"]) == pytest.approx(100 * whole.values[0], abs=1e-5)
    assert float(found["se"]) == pytest.approx(100 * whole.se[0], abs=1e-5)


def test_a_part_that_may_not_be_shown_leaves_the_whole_empty_and_is_named() -> None:
    hidden = row("B", None, None, None, None, status="suppressed")
    (found,) = regrouped((OLD[0], hidden), MERGED, DOSSIERS)
    assert (found["status"], found["index"], found["reason"]) == ("empty", None, "without_units=B")
    (found,) = regrouped(OLD[:1], MERGED, DOSSIERS)
    assert found["reason"] == "without_units=B"


def test_a_unit_that_is_renamed_keeps_everything_and_one_that_is_not_named_stays() -> None:
    points = row("A", None, None, None, None, points="3.5", max="4", level_of="total", code="total")
    found = regrouped((*OLD, points), (Share("A", "N", 1.0),), DOSSIERS)
    assert {(one["unit"], one["level_of"]) for one in found} == {("N", "overall"), ("N", "total"), ("B", "overall")}
    assert next(one for one in found if one["level_of"] == "total")["points"] == "3.5"
    merged = regrouped((*OLD, points), MERGED, DOSSIERS)
    assert [one["level_of"] for one in merged] == ["overall"], "points of several units are no mean"


def test_a_split_unit_lends_its_figure_to_its_parts_and_says_so() -> None:
    split = (Share("A", "N", 1.0), Share("B", "M", 0.4), Share("B", "N", 0.6))
    found = {one["unit"]: one for one in regrouped(OLD, split, DOSSIERS)}
    assert float(found["N"]["index"]) == pytest.approx((300 * 80 + 60 * 60) / 360, abs=1e-6)
    assert found["N"]["reason"] == "made_of=A,B; part_of=B"
    assert (found["M"]["index"], found["M"]["reason"]) == ("60.000000", "made_of=B; part_of=B")


def test_the_way_back_gives_each_old_unit_the_figure_of_the_unit_that_it_is_in() -> None:
    back = turned(MERGED, DOSSIERS)
    assert back == (Share("N", "A", 0.75), Share("N", "B", 0.25))
    found = {one["unit"]: one for one in regrouped((row("N", "75", "70", "79", "2"),), back, {"N": 500.0})}
    assert {unit: one["index"] for unit, one in found.items()} == {"A": "75.000000", "B": "75.000000"}
    assert found["A"]["reason"] == "made_of=N; part_of=N"
    (again,) = regrouped(tuple(found.values()), MERGED, DOSSIERS)
    assert again["index"] == "75.000000"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("unit,becomes\nA,N\n", ColumnMissing), ("unit,becomes,share\nA,,1\n", CellInvalid),
        ("unit,becomes,share\nA,N,0.5\nA,M,0.4\n", CellInvalid), ("unit,becomes,share\nA,N,nan\n", CellInvalid),
        ("unit,becomes,share\nA,N,0.5\nA,N,0.5\n", DuplicateKey),
    ],
)  # fmt: skip
def test_a_table_of_shares_that_does_not_add_up_is_refused(text: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_shares(text.encode(), "units.csv")
    assert read_shares(b"unit,becomes,share\nA,N,\n", "units.csv") == (Share("A", "N", 1.0),)
