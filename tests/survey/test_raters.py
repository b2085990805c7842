"""The officials' list: whole or not at all, and nobody in it can be told apart."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from survey.cells import Flaw, RowsRefused
from survey.db import Database
from survey.errors.common import GroupTooSmall, WrongAudience, WrongState
from survey.keys import InstallationKey
from survey.model.audit import AuditEntry
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.unit import Unit
from survey.model.wave import Wave, WaveUnit
from survey.stages import raters
from survey.stages.raters import HEADER, RatersReport

NOW = datetime(2026, 1, 10, tzinfo=UTC)
KEY = InstallationKey(b"k" * 32)


@pytest.fixture
def wave(database: Database) -> Wave:
    """An officials' wave in draft of two units; two more share a name, the last is not in the wave."""
    units = [("98", "Tỉnh", False), ("98-01", "Sở Y tế", True), ("98-02", "Sở Nội vụ", True),
             ("98-03", "Xã Tân Lập", True), ("98-04", "Xã Tân Lập", True), ("98-05", "Sở Tài chính", True)]  # fmt: skip
    with database.begin() as session:
        for code, name, rated in units:
            session.add(Unit(
                code=code, name_vi=name, name_en=code, type="department" if rated else "province",
                parent="98" if rated else None, valid_from=None, valid_to=None, successor=None, rated=rated,
            ))  # fmt: skip
            session.flush()
        wave = Wave(
            code="2025-cb", kind="real", audience="officials", state="draft", phase=1, province="98",
            period_from=date(2025, 1, 1), period_to=date(2025, 12, 31), opens=NOW, closes=NOW.replace(day=20),
            opened_at=None, closed_at=None, instrument_code="x", instrument="", settings={"block": 2}, documents=[],
            public_key=b"", created_at=NOW,
        )  # fmt: skip
        session.add(wave)
        session.flush()
        codes = [code for code, _name, rated in units[:-1] if rated]
        session.add_all(WaveUnit(wave_id=wave.id, unit_code=code, target=10) for code in codes)
    return wave


def lines(count: int, *, start: int = 0, group: str = "HDND", agency: str = "HĐND", rates: str = "*") -> list[str]:
    return [f"R{number},{group},{agency},r{number}@example.vn,,{rates}" for number in range(start, start + count)]


def take(database: Database, wave: Wave, folder: Path, body: list[str], *, dry_run: bool = False) -> RatersReport:
    file = folder / "raters.csv"
    file.write_text("\n".join([",".join(HEADER), *body]), encoding="utf-8")
    with database.begin() as session:
        return raters.import_raters(session, wave, file, installation=KEY, actor="test", now=NOW, dry_run=dry_run)


def stored(database: Database) -> dict[bytes, Rater]:
    with database.read() as session:
        return {rater.code_mark: rater for rater in session.scalars(select(Rater))}


def test_a_list_is_taken_with_hidden_contacts_and_own_agencies_found(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    body = lines(11) + lines(10, start=11, group="SO", agency="sở y tế", rates="98-01; 98-02 98-01")
    body[0] = "R0,HDND,98-02,R0@example.vn,0912 345 678,*"
    report = take(database, wave, tmp_path, body)
    assert (report.rows, report.created, report.by_group) == (21, 21, (("HDND", 11), ("SO", 10)))
    kept = stored(database)
    first, last = kept[KEY.mark("rater", "R0")], kept[KEY.mark("rater", "R20")]
    assert (first.agency, first.rates) == ("98-02", ["*"])
    assert (KEY.reveal(first.email or b""), KEY.reveal(first.phone or b"")) == ("r0@example.vn", "0912345678")
    assert (last.agency, last.rates, last.phone) == ("98-01", ["98-01", "98-02"], None)


def test_the_same_list_again_changes_nothing_and_a_corrected_row_only_itself(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    body = lines(10)
    take(database, wave, tmp_path, body)
    before = {mark: rater.id for mark, rater in stored(database).items()}
    again = take(database, wave, tmp_path, body)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 10)
    corrected = take(database, wave, tmp_path, ["R3,HDND,HĐND,new@example.vn,,*"])
    assert (corrected.updated, corrected.by_group) == (1, (("HDND", 10),))
    after = stored(database)
    assert {mark: rater.id for mark, rater in after.items()} == before
    assert KEY.reveal(after[KEY.mark("rater", "R3")].email or b"") == "new@example.vn"
    with database.read() as session:
        assert len(session.scalars(select(AuditEntry)).all()) == 2


def test_a_dry_run_writes_nothing(database: Database, wave: Wave, tmp_path: Path) -> None:
    assert take(database, wave, tmp_path, lines(10), dry_run=True).created == 10
    assert stored(database) == {}


def test_ten_are_left_behind_any_form_when_those_whom_it_judges_are_left_out(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    """A block of two units: whoever works at either cannot have filled the form in."""
    staff = lines(3, agency="98-01") + lines(3, start=3, agency="98-02") + lines(2, start=6, agency="98-03")
    with pytest.raises(GroupTooSmall) as caught:
        take(database, wave, tmp_path, staff + lines(7, start=8))
    assert (caught.value.group, caught.value.raters) == ("HDND", 9)
    assert take(database, wave, tmp_path, staff + lines(8, start=8)).created == 16


def test_nine_raters_are_too_few_for_a_group_or_for_a_list_of_units(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    with pytest.raises(GroupTooSmall) as caught:
        take(database, wave, tmp_path, lines(10) + lines(9, start=10, group="SO"))
    assert (caught.value.group, caught.value.raters) == ("SO", 9)
    with pytest.raises(GroupTooSmall) as caught:
        take(database, wave, tmp_path, lines(20) + lines(1, start=20, rates="98-01"))
    assert (caught.value.group, caught.value.raters) == ("HDND", 1)
    assert stored(database) == {}
    assert take(database, wave, tmp_path, lines(10)).created == 10
    assert take(database, wave, tmp_path, lines(1, start=10)).created == 1, "there are ten to join"


def test_every_flaw_is_named_and_nothing_is_taken(database: Database, wave: Wave, tmp_path: Path) -> None:
    body = [
        *lines(10),
        "R0,HDND,HĐND,,,*",
        ",HĐ ND,=1+1,a@b,12,98-99",
        "R20,HDND,Xã Tân Lập,,,98-05",
        "R21,HDND,98-01,,,98-01",
        "R22,HDND,HĐND,,,* 98-01",
        "R23,HDND,HĐND,,,",
        "R24,HDND,HĐND,,,98",
        "R25,HDND",
    ]
    with pytest.raises(RowsRefused) as caught:
        take(database, wave, tmp_path, body)
    assert [(fault.row, fault.column, fault.reason) for fault in caught.value.faults] == [
        (12, "rater_code", Flaw.DUPLICATE),
        (13, "rater_code", Flaw.MISSING),
        (13, "group", Flaw.BAD_CODE),
        (13, "agency", Flaw.BAD_TEXT),
        (13, "email", Flaw.BAD_EMAIL),
        (13, "phone", Flaw.BAD_PHONE),
        (13, "rates", Flaw.UNKNOWN_UNIT),
        (14, "agency", Flaw.AMBIGUOUS_UNIT),
        (14, "rates", Flaw.NOT_IN_WAVE),
        (15, "rates", Flaw.NOTHING_TO_RATE),
        (16, "rates", Flaw.BAD_LIST),
        (17, "rates", Flaw.MISSING),
        (18, "rates", Flaw.NOT_IN_WAVE),
        (19, "agency", Flaw.CELLS_MISSING),
    ]
    assert stored(database) == {}


def test_shared_and_missing_contacts_are_facts(database: Database, wave: Wave, tmp_path: Path) -> None:
    body = [*lines(8), "R8,HDND,HĐND,R1@example.vn,,*", "R9,HDND,,,,*"]
    report = take(database, wave, tmp_path, body)
    assert (report.shared_contacts, report.without_contact) == (1, 1)


def test_a_list_is_taken_only_for_an_officials_wave_in_draft_without_links(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    wave.audience = "citizens"
    with pytest.raises(WrongAudience):
        take(database, wave, tmp_path, lines(10))
    wave.audience, wave.state = "officials", "open"
    with pytest.raises(WrongState):
        take(database, wave, tmp_path, lines(10))
    wave.state = "draft"
    take(database, wave, tmp_path, lines(10))
    with database.begin() as session:
        rater = session.scalars(select(Rater)).first()
        assert rater is not None
        session.add(Invitation(
            wave_id=wave.id, dossier_id=None, rater_id=rater.id, unit_code=None, class_code="HDND", code_mark=b"m",
            state="issued",
        ))  # fmt: skip
    with pytest.raises(WrongState):
        take(database, wave, tmp_path, lines(1, start=10))
