"""Units come whole or not at all, in any order, again and again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from survey.cells import Flaw, RowsRefused
from survey.db import Database
from survey.errors.common import FileRefused, UnitUnknown
from survey.model.audit import AuditEntry
from survey.model.unit import Unit
from survey.stages import units
from survey.stages.units import HEADER, UnitsReport

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = """98-01,Sở Y tế,Department of Health,department,98,,,,yes
98,Tỉnh Minh Họa,Sample Province,province,,01/07/2025,,,no
98-001,Xã Một,Mot Commune,district,98,2004-01-01,2025-06-30,98-01,no
"""


def take(database: Database, folder: Path, body: str, *, dry_run: bool = False) -> UnitsReport:
    file = folder / "units.csv"
    file.write_text(",".join(HEADER) + "\n" + body, encoding="utf-8")
    with database.begin() as session:
        return units.import_units(session, file, actor="test", now=NOW, dry_run=dry_run)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Unit)).one()


def test_a_parent_may_stand_below_its_child(database: Database, tmp_path: Path) -> None:
    assert take(database, tmp_path, GOOD).created == 3
    with database.read() as session:
        health = units.find(session, "98-01")
        assert (health.name_vi, health.parent, health.rated, health.valid_from) == ("Sở Y tế", "98", True, None)
        assert units.find(session, "98-001").valid_to == date(2025, 6, 30)


def test_the_same_file_again_changes_nothing_and_another_name_only_that_unit(
    database: Database, tmp_path: Path
) -> None:
    take(database, tmp_path, GOOD)
    assert take(database, tmp_path, GOOD).as_dict() == {
        "rows": 3, "created": 0, "updated": 0, "unchanged": 3, "dry_run": False
    }  # fmt: skip
    changed = "98-01,Sở Y tế (mới),Department of Health,department,98,,,,yes\n"
    assert take(database, tmp_path, changed).updated == 1
    with database.read() as session:
        assert units.find(session, "98-01").name_vi == "Sở Y tế (mới)"
        assert len(session.scalars(select(AuditEntry)).all()) == 2
    assert count(database) == 3


def test_a_dry_run_reports_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    assert take(database, tmp_path, GOOD, dry_run=True).created == 3
    assert count(database) == 0


def test_decomposed_letters_are_the_same_name(database: Database, tmp_path: Path) -> None:
    take(database, tmp_path, GOOD)
    assert take(database, tmp_path, GOOD.replace("Sở Y tế", "So\u031b\u0309 Y t\u00ea\u0301")).unchanged == 3


def test_every_flaw_is_named_and_nothing_is_taken(database: Database, tmp_path: Path) -> None:
    body = """98,Tỉnh,Province,province,,,,,no
a|b,Tên,Name,department,98,,,,yes
98-02,,Name,bureau,97,31/02/2025,,96,maybe
98-03,Tên,Name,department,,2025-02-01,2025-01-01,,yes
98-03,Tên,Name,department,98,,,,yes
98-04,Tên\u202e,Name,ward,98-05,,,,yes
98-05,Tên,Name,ward,98-04,,,,yes
99,Tỉnh,Province,province,98,,,,no
98-06,Tên
"""
    with pytest.raises(RowsRefused) as caught:
        take(database, tmp_path, body)
    assert [(fault.row, fault.column, fault.reason) for fault in caught.value.faults] == [
        (3, "code", Flaw.BAD_CODE),
        (4, "name_vi", Flaw.MISSING),
        (4, "parent", Flaw.UNKNOWN_UNIT),
        (4, "rated", Flaw.NOT_ONE_OF),
        (4, "successor", Flaw.UNKNOWN_UNIT),
        (4, "type", Flaw.NOT_ONE_OF),
        (4, "valid_from", Flaw.BAD_DATE),
        (5, "parent", Flaw.MISSING),
        (5, "valid_to", Flaw.BEFORE_START),
        (6, "code", Flaw.DUPLICATE),
        (7, "name_vi", Flaw.CONTROL_CHARACTER),
        (7, "parent", Flaw.PARENT_CYCLE),
        (8, "parent", Flaw.PARENT_CYCLE),
        (9, "parent", Flaw.NOT_ALLOWED),
        (10, "name_en", Flaw.CELLS_MISSING),
    ]
    assert "row 3, code: bad_code" in str(caught.value)
    assert count(database) == 0


def test_a_file_without_rated_is_refused(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("code,name_vi,name_en,type,parent\n98,Tỉnh,Province,province,\n", encoding="utf-8")
    with database.begin() as session, pytest.raises(FileRefused) as caught:
        units.import_units(session, file, actor="test", now=NOW)
    assert caught.value.detail == "rated"


def test_the_shipped_facts_give_a_province_with_its_communes(database: Database) -> None:
    with database.begin() as session:
        first = units.import_builtin(session, "75", actor="test", now=NOW)
        again = units.import_builtin(session, "75", actor="test", now=NOW)
        assert units.find(session, "75").type == "province"
        communes = session.scalars(select(Unit).where(Unit.parent == "75")).all()
    assert first.created == again.unchanged == len(communes) + 1
    assert {unit.type for unit in communes} <= {"commune", "ward", "special_zone"}
    assert all(unit.rated for unit in communes)
    with database.begin() as session, pytest.raises(UnitUnknown):
        units.import_builtin(session, "00", actor="test", now=NOW)


def test_a_code_is_found_when_a_spreadsheet_dropped_its_zeros() -> None:
    known = frozenset({"00004", "75-01"})
    assert units.match("4", known) == units.match("00004", known) == "00004"
    assert units.match("5", known) is None
