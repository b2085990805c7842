"""Small units beside their direct figures: the model's estimates, what a page should print, and what is never told."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from analysis.extract import score, write_scores
from analysis.intervals import Decision, Flag, korn_graubard, presentation_of_limits
from analysis.small_area import Method, fay_herriot

GOOD, BAD = ["5", "4", "5", "4"], ["1", "2", "3", "1"]


def wave(make: Any, small: list[list[str]] | None = None) -> Any:
    tables = make.tables()
    for number, bad in enumerate((0, 1, 2, 6, 9, 3)):
        tables.cell(f"u{number}", [GOOD] * (40 - 5 * number - bad) + [BAD] * bad, population=300 + 100 * number)
    if small is not None:
        tables.cell("u9", small, population=80, invited=12)
    return tables


def rows_of(scores: Any) -> dict[str, dict[str, Any]]:
    return {str(row["unit"]): dict(row) for row in scores.beside["small_units"].rows}


def test_the_models_estimate_lies_between_the_unit_and_its_level_and_adds_up_by_dossiers(make: Any) -> None:
    rows = rows_of(score(wave(make).extract()))
    assert {row["basis"] for row in rows.values()} == {"model_based"}
    direct, model, moved, dossiers, weight = (
        np.array([float(row[name]) for row in rows.values()])
        for name in ("direct", "model", "model_benchmarked", "dossiers", "model_weight")
    )
    level = (model - weight * direct) / (1 - weight)
    assert level == pytest.approx(np.full(6, level[0]), rel=1e-4)
    assert dossiers @ moved == pytest.approx(dossiers @ direct, rel=1e-6)
    n, y = np.array([float(row["n_effective"]) for row in rows.values()]), direct / 100
    middle = (y * n + 1.959964**2 / 2) / (n + 1.959964**2)
    found = fay_herriot(y, middle * (1 - middle) / n, np.ones((6, 1)), method=Method.ADJUSTED)
    assert model == pytest.approx(100 * found.estimates, abs=1e-4)
    assert float(rows["u0"]["model_error"]) == pytest.approx(100 * float(np.sqrt(found.mse[0])), abs=1e-4)


def test_an_item_stands_beside_korn_and_graubards_limits_and_the_rule_of_publication(make: Any) -> None:
    scores = score(wave(make, [GOOD] * 7).extract())
    rows = {(row["unit"], row["code"]): row for row in scores.beside["items"].rows}
    row, own = (
        rows["u3", "S1"],
        make.find(scores, unit="u3", code="S1", rule="top2box", answers="all", weighting="design"),
    )
    p, n, se = float(str(own.index)) / 100, int(str(own.n_valid)), float(str(own.se)) / 100
    low, high = korn_graubard(p, p * (1 - p) / se**2, 0.95, n=n, df=float(row["df"]))
    assert (float(row["kg_low"]), float(row["kg_high"])) == pytest.approx((100 * low, 100 * high), abs=1e-3)
    assert row["publication"] == "suppress"  # 19 answers
    hidden = rows["u9", "S1"]
    assert (hidden["direct"], hidden["kg_low"], hidden["publication"]) == (None, None, "suppress")


def test_a_suppressed_unit_gets_what_the_others_say_and_nothing_of_its_own(make: Any) -> None:
    one, other = (score(wave(make, answers * 7).extract()) for answers in ([GOOD], [BAD]))
    assert one.beside["small_units"].rows == other.beside["small_units"].rows
    assert one.beside["grades"].rows == other.beside["grades"].rows
    row = rows_of(one)["u9"]
    assert (row["basis"], row["direct"], row["n_valid"], row["publication"]) == ("synthetic", None, "7", "suppress")
    assert row["model"] is not None
    without = rows_of(score(wave(make).extract()))
    assert {unit: row["model"] for unit, row in rows_of(one).items() if unit != "u9"} == {
        unit: row["model"] for unit, row in without.items()
    }


def test_too_few_units_have_no_model_and_officials_no_table(make: Any, tmp_path: Any) -> None:
    tables = make.tables()
    for number in range(3):
        tables.cell(f"u{number}", [GOOD] * 20 + [BAD] * number)
    rows = rows_of(score(tables.extract()))
    assert {row["basis"] for row in rows.values()} == {""}
    officials = make.officials()
    for number in range(12):
        officials.rate(f"r{number}", "HDND", "u1", GOOD)
    write_scores(score(officials.extract()), tmp_path)
    assert not (tmp_path / "small_units.csv").exists()


def test_the_file_is_named_in_the_manifest_and_ranks_nobody(make: Any, tmp_path: Any) -> None:
    write_scores(score(wave(make).extract()), tmp_path)
    hashes = json.loads((tmp_path / "manifest.json").read_text())["hashes"]
    assert {"grades.csv", "small_units.csv"} <= set(hashes)
    told = list(csv.DictReader(io.StringIO((tmp_path / "small_units.csv").read_text(encoding="utf-8-sig"))))
    assert [row["unit"] for row in told] == sorted(row["unit"] for row in told)
    assert not any(name.startswith("rank") for name in told[0])


def test_a_unit_of_which_everybody_answered_is_shown_however_small_it_is(make: Any) -> None:
    tables = wave(make)
    tables.schemes = [make.scheme(min_valid_unit=30)]
    for number in range(6):
        tables.cell(f"u{number}", [GOOD, BAD] * 18, stratum=f"u{number}|F2", population=500)
    tables.cell("u9", [GOOD] * 11 + [BAD], population=12)
    row = rows_of(score(tables.extract()))["u9"]
    assert (row["status"], row["n_valid"], row["direct_low"]) == ("not_ranked", "12", None)
    assert (row["publication"], row["publication_why"], row["basis"]) == ("show", "complete", "")


def test_where_everybody_is_satisfied_the_answers_count_and_a_statistician_looks(make: Any) -> None:
    tables = make.tables()
    for number in range(6):
        for weight in (5, 45):
            code = f"u{number}|F1|{weight}"
            tables.cell(f"u{number}", [GOOD] * 20, code=code, population=20 * weight, fpc=1000, weight=weight)
    for row in rows_of(score(tables.extract())).values():
        assert (float(row["direct"]), row["n_valid"]) == (100, "40")
        assert float(row["n_effective"]) < 30
        assert (row["publication"], row["publication_why"].split("; ")[0]) == ("review", "boundary")


@pytest.mark.parametrize(
    ("p", "limits", "sizes", "df", "expected"),
    [
        (0.9, (0.85, 0.94), (29, 90), 20, (Decision.SUPPRESS, Flag.FEW_ANSWERS)),
        (0.9, (0.85, 0.94), (90, 29), 20, (Decision.SUPPRESS, Flag.FEW_ANSWERS)),
        (0.9, (0.88, 0.92), (200, 200), 20, (Decision.SHOW, None)),
        (0.9, (0.88, 0.92), (200, 200), 5, (Decision.REVIEW, Flag.FEW_DEGREES)),
        (0.6, (0.42, 0.75), (40, 40), 20, (Decision.SUPPRESS, Flag.WIDE)),
        (0.06, (0.02, 0.16), (40, 40), 20, (Decision.SUPPRESS, Flag.RELATIVELY_WIDE)),
        (0.85, (0.74, 0.91), (60, 60), 7, (Decision.REVIEW, Flag.FEW_DEGREES)),
        (1.0, (0.97, 1.0), (60, 60), 20, (Decision.REVIEW, Flag.BOUNDARY)),
        (1.0, (0.87, 1.0), (40, 25), 20, (Decision.REVIEW, Flag.BOUNDARY)),
        (1 - 1e-15, (0.87, 1.0), (40, 25), 20, (Decision.REVIEW, Flag.BOUNDARY)),
        (0.0, (0.0, 0.04), (40, 25), 20, (Decision.REVIEW, Flag.BOUNDARY)),
        (1.0, (0.87, 1.0), (29, 90), 20, (Decision.SUPPRESS, Flag.FEW_ANSWERS)),
        (0.95, (0.90, 0.98), (60, 60), 20, (Decision.SHOW, Flag.COMPLEMENT_WIDE)),
    ],
)
def test_the_publication_rule_goes_by_answers_width_and_degrees_of_freedom(
    p: float, limits: Any, sizes: tuple[float, float], df: float, expected: tuple[Decision, Flag | None]
) -> None:
    found = presentation_of_limits(p, limits, sizes, df)
    assert (found.decision, found.flags[0] if found.flags else None) == expected
