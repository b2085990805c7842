"""Figures of other sources: taken whole or not at all, every flaw named, shown beside and labelled as theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

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
