"""Index sheets: files of points that are refused whole with row, rule and what to do, and what is kept of good ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from flask.testing import FlaskClient
from sqlalchemy import select

from analysis.__main__ import main as analysis
from analysis.components.fixed import points_of as rated
from analysis.components.scheme import parse_scheme
from survey import resources
from survey.cells import Flaw, RowsRefused
from survey.db import Database
from survey.errors.common import FileRefused, SurveyError
from survey.errors.files import Refusal
from survey.errors.index import IndexOutdated, SchemeChanged, SchemeNotOfYear
from survey.i18n import translator
from survey.import_layout import read_layout
from survey.jobs import index as job
from survey.model.audit import AuditEntry
from survey.model.index import IndexInput, IndexSheet
from survey.model.unit import Unit
from survey.rule import points_of, turns_figures
from survey.scheme import builtin_scheme, load_scheme
from survey.sentences.refusals import sentences
from survey.stages import exports, import_table, index_sheets, units
from survey.stages.index_sheets import PointsReport

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
NATIONAL = builtin_scheme("par-index-2022")
HEADER = ("unit", "code", "value", "source")
Import = Callable[..., PointsReport]


@pytest.fixture
def take(database: Database, tmp_path: Path) -> Import:
    """Import rows as a file into the national index of 2023."""
    with database.begin() as session:
        units.import_units(session, resources.data("facts", "provinces_before_2025.csv"), actor="test", now=NOW)

    def run(
        rows: Sequence[Sequence[str]], *, header: Sequence[str] = HEADER, year: int = 2023, source: str = ""
    ) -> PointsReport:
        file = tmp_path / "points.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        with database.begin() as session:
            return index_sheets.import_points(
                session, file, NATIONAL, year, source=source, actor="test", now=NOW, dry_run=False
            )

    return run


GOOD = ("74", "8.1", "8.78", "press")
BAD: list[tuple[str, tuple[str, ...], Flaw, str]] = [
    ("points above the maximum", ("74", "8.2.1", "1.51", "x"), Flaw.TOO_MANY_POINTS, "1.5"),
    ("points below nothing", ("74", "8.2.1", "-0.1", "x"), Flaw.TOO_MANY_POINTS, "1.5"),
    ("a whole above its maximum", ("74", "3", "13.1", "x"), Flaw.TOO_MANY_POINTS, "13"),
    ("a unit twice", ("74", "8.1", "8.7", "x"), Flaw.DUPLICATE, ""),
    ("an unknown code", ("74", "9.9", "1", "x"), Flaw.UNKNOWN_CODE, ""),
    ("a code of another scheme", ("74", "7.2.1", "1", "x"), Flaw.OTHER_SCHEME, "local-"),
    ("an unknown unit", ("99", "8.1", "8", "x"), Flaw.UNKNOWN_UNIT, ""),
    ("no number", ("74", "1.1", "8,7,1", "x"), Flaw.NOT_A_NUMBER, ""),
    ("no figure", ("74", "1.1", "", "x"), Flaw.MISSING, ""),
    ("no source", ("74", "1.1", "1", ""), Flaw.MISSING, ""),
]


@pytest.mark.parametrize(("row", "flaw", "detail"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_wrong_row_is_named_and_nothing_of_the_file_is_taken(
    take: Import, database: Database, row: tuple[str, ...], flaw: Flaw, detail: str
) -> None:
    with pytest.raises(RowsRefused) as refused:
        take([GOOD, row])
    (fault,) = refused.value.faults
    assert (fault.row, fault.reason, refused.value.file) == (3, flaw, "points.csv")
    assert detail in fault.detail
    with database.read() as session:
        assert session.scalars(select(IndexSheet)).all() == []


def test_every_fault_of_a_file_is_told_at_once_in_words_that_say_what_to_do(take: Import) -> None:
    with pytest.raises(RowsRefused) as refused:
        take([("74", "8.2.1", "1.51", "x"), ("99", "8.1", "8", "x")])
    assert sentences(refused.value, translator("en")) == [
        "points.csv: row 2, value: points go from 0 to 1.5; check the code and the decimal sign",
        "points.csv: row 3, unit: there is no such unit",
    ]


@pytest.mark.parametrize(
    ("column", "cell", "flaw", "detail"),
    [("year", "2022", Flaw.OTHER_YEAR, "2022"), ("max", "9", Flaw.OTHER_MAX, "10")],
)
def test_a_file_of_another_year_is_known_by_its_year_and_by_its_maxima(
    take: Import, column: str, cell: str, flaw: Flaw, detail: str
) -> None:
    with pytest.raises(RowsRefused) as refused:
        take([(*GOOD, cell)], header=(*HEADER, column))
    assert [(fault.row, fault.column, fault.reason, fault.detail) for fault in refused.value.faults] == [
        (2, column, flaw, detail)
    ]


def test_a_year_that_the_scheme_does_not_serve_is_refused(take: Import) -> None:
    with pytest.raises(SchemeNotOfYear):
        take([GOOD], year=2024)


@pytest.mark.parametrize(
    ("rows", "fits"),
    [
        ([("74", "8.1", "8.78"), ("74", "8.2", "5"), ("74", "8", "13.79")], True),  # printed parts: they were rounded
        ([("74", "8.1", "8.78"), ("74", "8.2", "5"), ("74", "8", "13.81")], False),
        ([("74", "3", "12"), ("74", "total", "11")], False),  # less than one of its parts
        ([("74", "3", "2"), ("74", "total", "89.02")], False),  # more than the rest can give
        ([("74", "3", "2"), ("74", "Tổng cộng", "89")], True),
        ([("74", "1.2", "3"), ("74", "LD", "2")], False),  # a group across areas
        ([("74", "LD", "22"), ("74", "total", "21")], False),  # a group, and the total without the rest
        ([("74", "LD", "2"), ("74", "1.1", "1"), ("74", "total", "90")], False),
        ([("74", "8.2.1", "1"), ("74", "8", "6"), ("74", "total", "89.6")], False),  # an area, and one component of it
        ([("74", "8.2.1", "1"), ("74", "8", "6"), ("74", "total", "89.5")], True),
        ([("74", "8.2.1", "1"), ("74", "8.1", "8"), ("74", "total", "92"), ("74", "8", "8.9")], False),
    ],
)
def test_a_sum_that_cannot_be_is_refused_at_its_row(take: Import, rows: list[tuple[str, ...]], fits: bool) -> None:
    if fits:
        assert take(rows, header=HEADER[:3], source="press").created == len(rows)
        return
    with pytest.raises(RowsRefused) as refused:
        take(rows, header=HEADER[:3], source="press")
    assert [(fault.row, fault.reason) for fault in refused.value.faults] == [(len(rows) + 1, Flaw.WRONG_SUM)]


def test_many_rounded_parts_may_be_further_from_their_total_than_one_unit(take: Import) -> None:
    rows = [("74", one.code, str(one.max), "x") for one in NATIONAL.components]  # each less by 0.004 before rounding
    assert take([*rows, ("74", "total", "99.92", "x")]).created == len(rows) + 1
    with pytest.raises(RowsRefused):
        take([("74", "total", "99.8", "x")])


def test_a_sum_is_checked_with_what_was_imported_before(take: Import) -> None:
    take([("74", "8.1", "8.78", "x"), ("74", "8.2", "5", "x"), ("74", "8", "13.78", "x")])
    with pytest.raises(RowsRefused) as refused:
        take([("74", "8.1", "9.78", "x")])
    assert refused.value.faults[0].reason is Flaw.WRONG_SUM
    assert take([("74", "8.1", "9.78", "x"), ("74", "8", "14.78", "x")]).updated == 2


def test_the_same_file_again_changes_nothing_and_a_change_keeps_the_value_before(
    take: Import, database: Database
) -> None:
    rows = [GOOD, ("1", "total", "91.43", "press")]  # a spreadsheet dropped the zero of Hà Nội
    assert (take(rows).created, take(rows).unchanged) == (2, 2)
    assert take([("74", "8.1", "8.79", "press")]).as_dict() == {
        "rows": 1, "units": 1, "created": 0, "updated": 1, "unchanged": 0, "dry_run": False, "doubtful": 0,
    }  # fmt: skip
    with database.read() as session:
        stored = {(row.unit_code, row.code): row.value for row in session.scalars(select(IndexInput))}
        log = [json.loads(entry.detail) for entry in session.scalars(select(AuditEntry)) if entry.action == "index.set"]
    assert stored == {("74", "8.1"): Decimal("8.79"), ("01", "total"): Decimal("91.43")}
    assert [(Decimal(one["before"]), Decimal(one["value"])) for one in log] == [(Decimal("8.78"), Decimal("8.79"))]


def test_the_same_points_in_the_other_column_are_no_change_where_no_rule_turns_figures(take: Import) -> None:
    take([("74", "8.1", "8.78", "press"), ("74", "total", "90", "press")])
    again = take(
        [("74", "8.1", "8.78", "press"), ("74", "total", "90", "press")], header=("unit", "code", "points", "source")
    )
    assert (again.updated, again.unchanged) == (0, 2)


def test_a_spreadsheets_rounding_is_not_a_change_and_a_comma_is_never_guessed_at(
    database: Database, take: Import, tmp_path: Path
) -> None:
    assert take([("74", "8.1", "8.549999999999999", "x")]).created == 1
    assert take([("74", "8.1", "8.55", "x")]).unchanged == 1
    linear = 'kind = "linear", floor = 0, target = 2000'
    scheme = load_scheme(NATIONAL.source.replace('kind = "manual"', linear))  # figures, not points, of every size
    text = 'unit,code,value\n74,1.1,"1,234"\n74,2.1,"1,25"\n74,3.1,1.25\n'
    (tmp_path / "figures.csv").write_text(text, encoding="utf-8")
    with database.begin() as session, pytest.raises(RowsRefused) as refused:
        index_sheets.import_points(
            session, tmp_path / "figures.csv", scheme, 2022, source="x", actor="test", now=NOW, dry_run=False
        )
    assert [(fault.row, fault.reason) for fault in refused.value.faults] == [
        (2, Flaw.THOUSANDS), (4, Flaw.MIXED_SIGNS),
    ]  # fmt: skip


BEFORE, MARK, AFTER = NATIONAL.source.partition('code = "8.2.1"')
LINEAR = 'kind = "linear", floor = 50, target = 100'
RULED = load_scheme(BEFORE + MARK + AFTER.replace('kind = "manual"', LINEAR, 1))


def test_points_are_points_whatever_the_rule_and_a_figure_is_what_stands_in_value(
    database: Database, take: Import, tmp_path: Path
) -> None:
    files = {
        "table.csv": 'Mã TC/TCTP,Điểm tối đa,Điểm thẩm định,Mã đơn vị\n8.2.1,"1,5","1,4",74\n',
        "points.csv": "unit,code,value,points\n80,8.2.1,,1.4\n",
        "figures.csv": "unit,code,value\n49,8.2.1,80\n01,8.2.1,1.4\n",
    }
    doubtful = []
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        with database.begin() as session:
            report = index_sheets.import_points(
                session, tmp_path / name, RULED, 2023, source="x", actor="test", now=NOW, dry_run=False
            )
            doubtful += [(name, one.row) for one in report.doubtful]
    run = job.run(database, RULED.code, 2023, joined=(), actor="test", now=NOW)
    with database.read() as session:
        rows = index_sheets.chosen(index_sheets.figures(session, run), RULED)
    points = {
        row["unit"]: row["points"] for row in rows if row["code"] == "8.2.1" and row["unit"] in {"74", "80", "49", "01"}
    }
    assert points == {"74": "1.400000", "80": "1.400000", "49": "0.900000", "01": "0.000000"}
    assert doubtful == [("figures.csv", 3)]  # 1.4 of a hundred earns nothing: told, as points may have been meant


@pytest.mark.parametrize(
    ("row", "fits"),
    [(",1.5", False), (",2", True), ("87.5,", False), ("100,", True)],
    ids=["1.5p", "2p", "87.5", "100"],
)
def test_a_sum_counts_what_a_rule_makes_of_its_parts(database: Database, tmp_path: Path, row: str, fits: bool) -> None:
    scheme, file = builtin_scheme("local-department-sample"), tmp_path / "sum.csv"
    file.write_text(f"unit,code,value,points\nS1,1.1.1,0.9,\nS1,1.1.2,{row}\nS1,1.1,2.9,\n", encoding="utf-8")
    kept: dict[str, Any] = dict.fromkeys(("parent", "valid_from", "valid_to", "successor"))

    def check() -> PointsReport:
        with database.begin() as session:
            session.add(Unit(code="S1", name_vi="Sở", name_en="S", type="department", rated=True, **kept))
            return index_sheets.import_points(
                session, file, scheme, 2025, source="x", actor="test", now=NOW, dry_run=True
            )

    if fits:
        assert check().rows == 3
        return
    with pytest.raises(RowsRefused) as refused:
        check()
    assert [(one.row, one.reason) for one in refused.value.faults] == [(4, Flaw.WRONG_SUM)]


@pytest.mark.parametrize("figure", ["-5", "0", "49.9", "50", "77.7", "100", "250"])
def test_a_file_is_checked_by_the_points_that_the_statistics_give(figure: str) -> None:
    for name in ("local-department-sample", "local-commune-sample"):
        scheme = builtin_scheme(name)
        theirs = {one.code: one for one in parse_scheme(scheme.source).components}
        for one in scheme.components:
            if turns_figures(one.rule):
                ours = points_of(one.rule, one.max, Decimal(figure))
                rule, most = theirs[one.code].rule, theirs[one.code].maximum
                assert float(ours) == pytest.approx(rated(rule, most, float(figure))), (name, one.code)


def test_the_import_table_of_the_scoring_software_is_read_as_it_is(
    take: Import, database: Database, tmp_path: Path
) -> None:
    columns = ("Mã TC/TCTP", "Lĩnh vực/Tiêu chí/Tiêu chí thành phần", "Điểm tối đa", "Điểm tự đánh giá",
               "Điểm thẩm định", "Điểm điều tra XHH", "Ghi chú", "Mã đơn vị")  # fmt: skip
    lines = [("1", "Chỉ đạo", 9.5, "", "", "", "", "74"), ("1.1", "Thẩm định", 6.5, 6.5, "6,25", "", "", "74"),
             ("1.2", "Khảo sát", 3, "", "", 2.5, "", "74")]  # fmt: skip
    with xlsxwriter.Workbook(str(tmp_path / "table.xlsx")) as book:
        page = book.add_worksheet()
        for number, line in enumerate([columns, *lines]):
            page.write_row(number, 0, line)
    with database.begin() as session:
        report = index_sheets.import_points(
            session, tmp_path / "table.xlsx", NATIONAL, 2023, source="QĐ 1", actor="test", now=NOW, dry_run=False
        )
        sheet = index_sheets.find(session, NATIONAL.code, 2023)
        assert [(row.code, row.value, row.source) for row in index_sheets.inputs(session, sheet)] == [
            ("1.1", Decimal("6.25"), "QĐ 1"), ("1.2", Decimal("2.5"), "QĐ 1"),
        ]  # fmt: skip
    assert report.rows == 2


def test_a_code_that_a_workbook_keeps_as_a_number_is_refused(take: Import, database: Database, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "table.xlsx")) as book:
        page = book.add_worksheet()
        for number, line in enumerate([("unit", "code", "value"), ("74", 1.1, 6.25), ("74", "1.2", "2,5")]):
            page.write_row(number, 0, line)
    with database.begin() as session, pytest.raises(RowsRefused) as refused:
        index_sheets.import_points(
            session, tmp_path / "table.xlsx", NATIONAL, 2023, source="x", actor="test", now=NOW, dry_run=False
        )
    assert [(one.row, one.column, one.reason) for one in refused.value.faults] == [(2, "code", Flaw.CODE_AS_NUMBER)]


LAYOUT = """
sheet = "Nhap diem"
title = ["BẢNG ĐIỂM", "năm 2023"]
decimal = "comma"
column = [
 { field = "unit", heading = "Đơn vị" },
 { field = "code", heading = "Mã", group = "Tiêu chí" },
 { field = "name", heading = "Tên", group = "Tiêu chí" },
 { field = "max", heading = "Tối đa", group = "Điểm" },
 { field = "appraised", heading = "Thẩm định", group = "Điểm" },
 { field = "surveyed", heading = "Điều tra", group = "Điểm" },
]
"""


def test_a_table_in_the_layout_that_we_wrote_it_in_is_read_back(
    take: Import, database: Database, tmp_path: Path
) -> None:
    take([("74", code, value, "x") for code, value in FULL])
    run, file, layout = (
        job.run(database, NATIONAL.code, 2023, joined=(), actor="test", now=NOW),
        tmp_path / "t.xlsx",
        read_layout(LAYOUT),
    )
    with database.read() as session, file.open("wb") as stream:
        about = exports.about_index(index_sheets.find(session, NATIONAL.code, 2023), run, NATIONAL)
        import_table.write(about, index_sheets.figures(session, run), layout, stream)
    with database.begin() as session:
        index_sheets.import_points(
            session, file, NATIONAL, 2022, source="x", actor="test", now=NOW, dry_run=False, layout=layout
        )
        found = index_sheets.inputs(session, index_sheets.find(session, NATIONAL.code, 2022))
        assert {row.code: row.value for row in found} == {code: Decimal(value) for code, value in FULL}
    other = read_layout(LAYOUT.replace('"Thẩm định"', '"Chấm"'))
    with database.begin() as session, pytest.raises(FileRefused) as refused:
        index_sheets.import_points(
            session, file, NATIONAL, 2022, source="x", actor="test", now=NOW, dry_run=False, layout=other
        )
    assert (refused.value.reason, refused.value.detail) == (Refusal.COLUMN_MISSING, "points = điểm / chấm")


def test_a_file_under_neither_header_is_refused_by_its_name(take: Import) -> None:
    with pytest.raises(FileRefused) as caught:
        take([("74", "8.1", "8")], header=("unit", "criterion", "value"))
    assert sentences(caught.value, translator("en"))[0].startswith(f"{caught.value.file}: the header")
    assert caught.value.file


def test_a_changed_scheme_does_not_slip_under_a_sheet(take: Import, database: Database, tmp_path: Path) -> None:
    take([GOOD])
    changed = load_scheme(NATIONAL.source.replace('rounding = "truncate"', 'rounding = "half_up"'))
    with database.begin() as session, pytest.raises(SchemeChanged):
        index_sheets.import_points(
            session, tmp_path / "points.csv", changed, 2023, source="", actor="test", now=NOW, dry_run=False
        )


FULL = [("1.1", "6"), ("1.2", "2"), ("2.1", "7"), ("2.2", "2.5"), ("3.1", "12"), ("4.1", "8"), ("4.2", "3"),
        ("5.1", "10"), ("5.2", "4"), ("6.1", "7"), ("6.2", "3.5"), ("7.1", "8"), ("7.2", "3.5"), ("8.1", "8.5"),
        ("8.2.1", "1.5"), ("8.2.2", "1"), ("8.2.3", "0.5"), ("8.2.4", "1"), ("8.2.5", "1")]  # fmt: skip


def test_both_readings_of_the_impact_and_where_points_are_lost(take: Import, database: Database) -> None:
    take([("74", code, value, "x") for code, value in FULL])
    run = job.run(database, NATIONAL.code, 2023, joined=(), actor="test", now=NOW)
    with database.read() as session:
        rows = index_sheets.chosen(index_sheets.figures(session, run), NATIONAL)
    points = {(row["level_of"], row["code"]): row["points"] for row in rows}
    assert points["area", "8"] == "13.500000"
    assert points["group", "TD"] == "32.000000"  # 18.5 of the officials' survey + 8.5 + 5
    assert points["group", "HS"] == "58.000000"
    assert points["total", "total"] == "90.000000"
    lost = index_sheets.losses(rows, NATIONAL)
    assert [(one.code, one.lost, one.least) for one in lost[:5]] == [
        ("8.1", Decimal("1.5"), None), *((code, Decimal(1), None) for code in ("1.2", "3.1", "6.1", "8.2.3")),
    ]  # fmt: skip
    assert sum(one.lost for one in lost) == 10


def test_an_exported_sheet_recomputes_to_the_same_digits_without_the_site(
    take: Import, database: Database, tmp_path: Path
) -> None:
    take([("74", code, value, "x") for code, value in FULL])
    job.run(database, NATIONAL.code, 2023, joined=(), actor="test", now=NOW)
    out = tmp_path / "out"
    out.mkdir()
    job.write_results(database, NATIONAL.code, 2023, out, with_extract=True)
    assert analysis(["score", str(out / "extract"), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "scores.csv").read_bytes() == (out / "scores.csv").read_bytes()
    head = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert (head["audience"], head["index_name_en"]) == ("index", NATIONAL.name("en"))
    take([("74", "8.1", "8.6", "x")])
    with pytest.raises(IndexOutdated):  # the folder would not be what the figures were made from
        job.write_results(database, NATIONAL.code, 2023, out, with_extract=True)
    (out / "extract" / "inputs.csv").write_text("unit,code,value,source\n", encoding="utf-8")
    assert analysis(["score", str(out / "extract")]) == 1


def test_an_index_that_nobody_began_or_computed_says_which_command_is_next(take: Import, database: Database) -> None:
    told = []
    for import_first in (False, True):
        if import_first:
            take([GOOD])
        with database.read() as session, pytest.raises(SurveyError) as refused:
            index_sheets.latest(session, index_sheets.find(session, NATIONAL.code, 2023))
        told += sentences(refused.value, translator("en"))
    assert "hailong index import FILE --scheme par-index-2022 --year 2023" in told[0]
    assert "hailong index score --scheme par-index-2022 --year 2023" in told[1]


def test_the_table_shows_ranks_movements_and_averages_and_a_unit_where_it_loses(
    take: Import, database: Database, signed_in: Callable[..., FlaskClient]
) -> None:
    for year, area in ((2022, "10"), (2023, "12.98")):
        rows = [("80", "3", area, "x"), ("80", "total", "80" if year == 2022 else "89.229", "x")]
        take([*rows, *(("74", code, value, "x") for code, value in FULL)], year=year)
        job.run(database, NATIONAL.code, year, joined=(), actor="test", now=NOW)
    client = signed_in("lead_agency")
    page = client.get("/index/par-index-2022/2023", headers={"Accept-Language": "vi"}).get_data(as_text=True)
    assert "Long An" in page
    assert "89,22" in page  # cut off, as the scheme says; not 89,23
    assert "+9,22" in page
    unit = client.get("/index/par-index-2022/2023/80", headers={"Accept-Language": "vi"}).get_data(as_text=True)
    assert "99,84" in unit
    assert client.get("/index/par-index-2022/2023/74").status_code == 200
    assert client.get("/results").status_code == 200
    assert [client.get(f"/index/{place}").status_code for place in ("par-index-2022/2021", "none/2023")] == [404, 404]
    assert client.get("/index/par-index-2022/2023/01").status_code == 404


def test_a_rated_unit_sees_neither_its_row_nor_what_gives_it_away(
    take: Import, database: Database, signed_in: Callable[..., FlaskClient]
) -> None:
    take([("80", "total", "89.22", "x"), ("74", "total", "87.64", "x"), ("49", "total", "84.6", "x")])
    job.run(database, NATIONAL.code, 2023, joined=(), actor="test", now=NOW)
    client = signed_in("lead_agency", unit="74")
    page = client.get("/index/par-index-2022/2023").get_data(as_text=True)
    assert "89" in page
    for told in ("87,64", "87.64", "Bình Dương", "rank 1", "hạng 1", "87,15", "87.15"):
        assert told not in page
    own = client.get("/index/par-index-2022/2023/74").get_data(as_text=True)
    assert "87" not in own.partition("<main")[2]
