"""Every published case of the index comes out of the shipped schemes through the real import and the real computation.

Tolerance 0.011, as the cases are printed with two decimals; percentages are compared as they are printed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analysis.components.scheme import parse_scheme
from survey import resources
from survey.db import Database, open_database
from survey.jobs import index as job
from survey.model.index import IndexRun
from survey.model.tables import METADATA
from survey.model.unit import Unit
from survey.scheme import Scheme, builtin_scheme, load_scheme
from survey.stages import index_sheets, units

FACTS = json.loads(Path(__file__).with_name("data").joinpath("published.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
TOLERANCE = Decimal("0.011")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A database with the 63 provinces of before July 2025."""
    opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('country') / 'site.db'}")
    with opened.writer.begin() as connection:
        METADATA.create_all(connection)
    with opened.begin() as session:
        units.import_units(session, resources.data("facts", "provinces_before_2025.csv"), actor="test", now=NOW)
    yield opened
    opened.close()


def compute(database: Database, folder: Path, scheme: Scheme, year: int, rows: Sequence[Sequence[str]]) -> IndexRun:
    """Import the rows as a file and compute the sheet."""
    file = folder / "points.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("unit", "code", "value", "source"), *rows])
    with database.begin() as session:
        index_sheets.import_points(
            session, file, scheme, year, source="", actor="test", now=NOW, dry_run=False
        )  # fmt: skip
    return job.run(database, scheme.code, year, joined=(), actor="test", now=NOW)


def rows_of(database: Database, run: IndexRun, scheme: Scheme) -> dict[tuple[str, str, str], Row]:
    with database.read() as session:
        told = index_sheets.chosen(index_sheets.figures(session, run), scheme)
    return {(row["unit"], row["level_of"], row["code"]): dict(row) for row in told}


@pytest.fixture(scope="module")
def published(country: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[Any, Row]]:
    """The sheets of the three years, each with the year before it."""
    found = {}
    for one in FACTS["sheets"]:
        scheme = builtin_scheme(one["scheme"])
        run = compute(country, tmp_path_factory.mktemp("year"), scheme, one["year"], one["rows"])
        found[one["year"]] = rows_of(country, run, scheme)
    return found


@pytest.mark.parametrize("case", FACTS["expected"], ids=lambda case: case["case"])
def test_a_published_figure_comes_out(published: dict[int, dict[Any, Row]], case: Row) -> None:
    row = published[case["year"]][case["unit"], case["level_of"], case["code"]]
    found = row[case["column"]]
    if case["column"] in {"grade", "rank"}:
        assert found == case["value"]
    elif case["printed"]:
        scheme = parse_scheme(builtin_scheme(row["scheme"]).source)
        assert str(scheme.published(found)) == case["value"]
    else:
        assert abs(Decimal(found) - Decimal(case["value"])) <= TOLERANCE


def test_provinces_of_2023_stand_in_the_published_order(published: dict[int, dict[Any, Row]]) -> None:
    ranks = {unit: int(row["rank"]) for (unit, level_of, _), row in published[2023].items() if level_of == "total"}
    assert sorted(ranks, key=ranks.__getitem__) == FACTS["order_2023"]


def test_what_is_imported_for_a_province_is_official_and_has_no_interval(published: dict[int, dict[Any, Row]]) -> None:
    for rows in published.values():
        assert {(row["is_official"], row["ci_low"]) for row in rows.values()} == {("yes", None)}


SCHEME_2012 = """
code = "par-index-2012"
version = "1"
years = [2012]
level = "province"
legal_basis = "PAR INDEX 2012"
status = "sample"
name = { vi = "PAR INDEX 2012", en = "PAR INDEX 2012" }
index_rule = "top2box"
aggregation = "item_mean"
weighting = "design"
grade_on = "published"
ties = "same_rank"
level_average = "plain"
min_valid_unit = 10
min_valid_item = 10
bonus_penalty = false
decimals = 2
rounding = "half_up"
[[grade]]
code = "D"
name = { vi = "D", en = "D" }
min = 0
[[area]]
code = "1"
name = { vi = "Toàn bộ", en = "All" }
max = 100
[[area.criterion]]
code = "1.1"
name = { vi = "Thẩm định", en = "Appraisal" }
max = 62
source = "appraisal"
rule = { kind = "manual" }
[[area.criterion]]
code = "1.2"
name = { vi = "Điều tra xã hội học", en = "Survey" }
max = 38
source = "survey"
rule = { kind = "satisfaction", level_of = "overall", code = "overall" }
"""


def test_nineteen_provinces_of_2012_are_the_ministrys_part_and_the_survey(country: Database, tmp_path: Path) -> None:
    facts = FACTS["par_index_2012"]
    scheme = load_scheme(SCHEME_2012)
    rows = [
        row
        for unit, ministry, survey, _, _ in facts["rows"]
        for row in ((unit, "1.1", ministry, facts["source"]), (unit, "1.2", survey, facts["source"]))
    ]
    found = rows_of(country, compute(country, tmp_path, scheme, 2012, rows), scheme)
    for unit, _, _, index, rank in facts["rows"]:
        total = found[unit, "total", "total"]
        assert abs(Decimal(total["points"]) - Decimal(index)) <= TOLERANCE, unit
        assert total["rank"] == str(rank), unit


def add_units(database: Database, kind: str, names: Sequence[str]) -> None:
    with database.begin() as session:
        session.add_all(
            Unit(
                code=f"x{number}",
                name_vi=name,
                name_en=name,
                type=kind,
                parent=None,
                valid_from=None,
                valid_to=None,
                successor=None,
                rated=True,
            )
            for number, name in enumerate(names)
        )


def test_means_of_regions_and_of_the_country_change_as_published(database: Database, tmp_path: Path) -> None:
    means = FACTS["means"]["rows"]
    names = list(dict.fromkeys(name for name, *_ in means))
    add_units(database, "province", names)
    values = {(name, year): value for name, y1, v1, y2, v2, _ in means for year, value in ((y1, v1), (y2, v2))}
    for year, code in ((2022, "par-index-2022"), (2023, "par-index-2022"), (2024, "par-index-2024")):
        scheme = builtin_scheme(code)
        rows = [
            (f"x{names.index(name)}", "total", value, "press")
            for (name, of), value in values.items()
            if of == str(year)
        ]
        found = rows_of(database, compute(database, tmp_path, scheme, year, rows), scheme)
        for name, _, _, to, _, change in means:
            if to == str(year):
                total = found[f"x{names.index(name)}", "total", "total"]
                assert abs(Decimal(total["change"]) - Decimal(change)) <= TOLERANCE, (name, year)


@pytest.mark.parametrize("case", FACTS["levels"], ids=lambda case: case["case"])
def test_a_level_has_the_published_average_and_as_many_excellent_units(
    database: Database, tmp_path: Path, case: Row
) -> None:
    """Totals that have the published mean, top and number of the best grade; which units they are was not published."""
    text = builtin_scheme(case["scheme"]).source
    scheme = load_scheme(text.replace("years = [2025, 2026]", "years = [2023]"))
    kind = {"department": "department", "commune": "commune", "province": "province"}[scheme.level.value]
    add_units(database, kind, [f"Đơn vị {number}" for number in range(case["units"])])
    rows = [(f"x{number}", "total", value, case["source"]) for number, value in enumerate(totals(case))]
    run = compute(database, tmp_path, scheme, scheme.years[0], rows)
    found = rows_of(database, run, scheme)
    graded = [row for (_, level_of, _), row in found.items() if level_of == "total" and row["grade"] == case["grade"]]
    assert len(graded) == case["graded"]
    averages = run.options["facts"]["level_averages"]
    (average,) = [one for one in averages if one["level_of"] == "total"]
    assert average["units"] == case["units"]
    assert abs(Decimal(average["value"]) - Decimal(case["mean"])) <= TOLERANCE


def totals(case: Row) -> list[str]:
    """The top, the other best ones at the threshold or above as far as the mean needs it, the rest alike below it."""
    count, best, mean, top, least = case["units"], case["graded"], float(case["mean"]), float(case["top"]), 90.0
    rest = count - best
    low = min(least - 0.5, (mean * count - top - (best - 1) * (least + 0.01)) / rest)
    high = (mean * count - top - rest * low) / (best - 1)
    assert least <= high <= top
    return [f"{value:.4f}" for value in (top, *[high] * (best - 1), *[low] * rest)]
