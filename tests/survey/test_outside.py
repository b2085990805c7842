"""Figures of other sources: taken whole or not at all, every flaw named, shown beside and labelled as theirs."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from survey.cells import Flaw, RowsRefused
from survey.db import Database
from survey.model.audit import AuditEntry
from survey.model.unit import Unit
from survey.stages import outside

NOW = datetime(2026, 8, 1, tzinfo=UTC)
HEAD = "unit,source,year,code,name_vi,name_en,value,max,document\n"
PAPI = '75,papi,2025,total,Tổng điểm PAPI,PAPI total,"42,31",80,"Báo cáo PAPI 2025"\n'
DECISION = "75,decision_766,2025,dvc,Chỉ số phục vụ,Service index,81.5,100,Cổng Dịch vụ công quốc gia\n"


def take(database: Database, folder: Path, text: str, **options: bool) -> outside.OutsideReport:
    file = folder / "papi.csv"
    file.write_text(HEAD + text, encoding="utf-8")
    with database.begin() as session:
        if session.get(Unit, "75") is None:
            session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
            session.flush()
        return outside.import_figures(session, file, actor="test", now=NOW, **options)


def test_figures_are_taken_with_point_or_comma_and_the_same_file_again_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    told = PAPI + DECISION
    assert take(database, tmp_path, told, dry_run=True).created == 2
    assert take(database, tmp_path, told).created == 2
    assert take(database, tmp_path, told).unchanged == 2
    assert take(database, tmp_path, told.replace("42,31", "42,40")).updated == 1
    with database.read() as session:
        found = outside.of_unit(session, "75")
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "outside.set")).all()
    assert [(one.source, one.value, one.max) for one in found] == [
        ("decision_766", Decimal("81.5"), Decimal(100)), ("papi", Decimal("42.4"), Decimal(80)),
    ]  # fmt: skip
    assert "42.31" in entries[0].detail


@pytest.mark.parametrize(
    ("before", "after", "column", "flaw"),
    [
        ("75,papi", "99999,papi", "unit", Flaw.UNKNOWN_UNIT), ("papi,2025", "pai,2025", "source", Flaw.NOT_ONE_OF),
        (",2025,", ",1999,", "year", Flaw.BAD_YEAR), ('"42,31"', "=1+1", "value", Flaw.NOT_A_NUMBER),
        ('"42,31"', "80.5", "value", Flaw.TOO_MANY_POINTS), ('"Báo cáo PAPI 2025"', "", "document", Flaw.MISSING),
    ],
)  # fmt: skip
def test_a_file_with_one_bad_row_is_refused_whole_by_file_row_and_rule(
    database: Database, tmp_path: Path, before: str, after: str, column: str, flaw: Flaw
) -> None:
    told = DECISION + PAPI.replace(before, after)
    with pytest.raises(RowsRefused) as refused:
        take(database, tmp_path, told)
    assert refused.value.file == "papi.csv"
    assert [(one.row, one.column, one.reason) for one in refused.value.faults] == [(3, column, flaw)]
    with database.read() as session:
        assert outside.of_unit(session, "75") == []


def test_a_figure_that_stands_twice_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(RowsRefused) as refused:
        take(database, tmp_path, PAPI + PAPI)
    assert refused.value.faults[0].reason is Flaw.DUPLICATE


TYPED = {"unit": "75", "source": "papi", "year": "2025", "code": "total", "name_vi": "Tổng điểm PAPI",
         "name_en": "PAPI total", "value": "42,31", "max": "80", "document": "Báo cáo PAPI 2025"}  # fmt: skip


def test_a_figure_is_typed_in_with_its_source_and_each_field_tells_what_is_wrong(
    database: Database, tmp_path: Path, signed_in: Callable[..., FlaskClient]
) -> None:
    take(database, tmp_path, DECISION)
    lead = signed_in("lead_agency")
    lead.set_cookie("lang", "en", domain="localhost")
    for wrong, said in (
        ({"value": "80.5"}, "More than the maximum, 80."), ({"year": "1999"}, "this year cannot be meant here"),
        ({"unit": ""}, "Please fill this in."), ({"document": "a\x00b"}, "control character"),
        ({"name_vi": "x" * 301}, "This is too long."), ({"source": "none"}, "Please choose one."),
        ({"unit": "99999"}, "Please choose one."), ({"value": "=1+1"}, "this is not a number"),
    ):  # fmt: skip
        answer = lead.submit("/outside", TYPED | wrong, form=1)
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True), wrong
    with database.read() as session:
        assert [one.source for one in outside.every(session)] == ["decision_766"]
    assert lead.submit("/outside", TYPED, form=1).status_code == 303
    assert lead.submit("/outside", TYPED | {"value": "42.40"}, form=1).status_code == 303
    assert "42.4" in lead.get("/outside").get_data(as_text=True)
    with database.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "outside.set")).all()
    assert "42.31" in entries[0].detail


def test_a_file_is_sent_on_the_page_tried_first_and_refused_whole(
    database: Database, tmp_path: Path, signed_in: Callable[..., FlaskClient]
) -> None:
    take(database, tmp_path, DECISION)
    lead = signed_in("lead_agency")
    lead.set_cookie("lang", "en", domain="localhost")

    def send(text: str, **more: str) -> TestResponse:
        file = {"file": (io.BytesIO((HEAD + text).encode()), "bang.csv")}
        return lead.submit("/outside", {**more, **file}, form=2, content_type="multipart/form-data")

    tried = send(PAPI, trial="1")
    assert "1 new figures" in tried.get_data(as_text=True)
    bad = send(PAPI + PAPI.replace("papi", "pai"))
    assert (bad.status_code, "row 3, source" in bad.get_data(as_text=True)) == (422, True)
    assert lead.post("/outside/file", data=lead.form(2)).status_code == 422
    with database.read() as session:
        assert len(outside.every(session)) == 1
    assert send(PAPI).status_code == 303
    with database.read() as session:
        assert len(outside.every(session)) == 2
