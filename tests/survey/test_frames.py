"""Dossier lists: what can be used is taken, what cannot is named and set aside, and nothing is told twice."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.cells import Flaw, RowFault
from survey.db import Database
from survey.errors.common import AlreadyDrawn, FileRefused, WrongAudience, WrongState
from survey.keys import InstallationKey
from survey.model.audit import AuditEntry
from survey.model.base import new_id
from survey.model.frame import Dossier, FrameFile, QuarantinedRow
from survey.model.sample import Draw
from survey.model.staff import Account
from survey.model.unit import Unit
from survey.model.wave import Wave, WaveUnit
from survey.stages import coverage, frames
from survey.stages.dossiers import HEADER
from survey.stages.frames import FrameReport

NOW = datetime(2026, 1, 10, tzinfo=UTC)
KEY = InstallationKey(b"k" * 32)
GOOD = {
    "dossier_code": "H98-01", "procedure_field": "Đất đai", "rated_unit": "98-01", "received_on": "01/09/2025",
    "due_on": "10/09/2025", "finished_on": "12/09/2025", "outcome": "granted", "channel": "online",
    "applicant": "person", "sex": "F", "birth_year": "1980", "commune": "00004", "phone": "0912 345 678",
    "email": "a@example.vn", "name": "Nguyễn Thị A", "address": "Thôn 1",
}  # fmt: skip


@pytest.fixture
def wave(database: Database) -> Wave:
    """A citizens' wave of 2025 in draft, of two units; a third is rated but not in it, a fourth is not rated."""
    units = [("98", "province", None, False), ("98-01", "department", "98", True), ("98-02", "department", "98", True),
             ("98-03", "department", "98", True), ("98-04", "department", "98", False)]  # fmt: skip
    with database.begin() as session:
        for code, kind, parent, rated in units:
            session.add(Unit(
                code=code, name_vi=code, name_en=code, type=kind, parent=parent, valid_from=None, valid_to=None,
                successor=None, rated=rated,
            ))  # fmt: skip
            session.flush()
        wave = Wave(
            code="2025", kind="real", audience="citizens", state="draft", phase=1, province="98",
            period_from=date(2025, 1, 1), period_to=date(2025, 12, 31), opens=NOW, closes=NOW.replace(day=20),
            opened_at=None, closed_at=None, instrument_code="x", instrument="", settings={}, documents=[],
            public_key=b"", created_at=NOW,
        )  # fmt: skip
        session.add(wave)
        session.flush()
        session.add_all(WaveUnit(wave_id=wave.id, unit_code=code, target=30) for code in ("98-01", "98-02", "98-04"))
    return wave


def csv_of(rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def numbered(*changes: dict[str, str]) -> list[dict[str, str]]:
    """One good row for each change, with a code and a phone of its own."""
    return [
        GOOD | {"dossier_code": f"H98-{number}", "phone": f"09{number:08d}"} | change
        for number, change in enumerate(changes, start=1)
    ]


def take(
    database: Database, wave: Wave, folder: Path, content: list[dict[str, str]] | str, *, dry_run: bool = False
) -> FrameReport:
    file = folder / "<script>.csv"
    file.write_text(content if isinstance(content, str) else csv_of(content), encoding="utf-8")
    with database.begin() as session:
        return frames.import_frame(session, wave, file, installation=KEY, actor="test", now=NOW, dry_run=dry_run)


def size(session: Session, table: type[Dossier] | type[QuarantinedRow] | type[FrameFile] | type[AuditEntry]) -> int:
    return session.scalars(select(func.count()).select_from(table)).one()


def sizes(database: Database) -> tuple[int, int, int, int]:
    with database.read() as session:
        return tuple(size(session, table) for table in (Dossier, QuarantinedRow, FrameFile, AuditEntry))  # type: ignore[return-value]


def the_list_of_a9() -> list[dict[str, str]]:
    """3,240 rows: 20 wrong dates, 5 unknown communes, 15 phones that two dossiers share."""
    rows = numbered(*({} for _ in range(3240)))
    wrong = ["31/02/2025", "2025-13-01", "09/25/2025", "khong ro", "01/09/25"]
    for number in range(20):
        column = ("finished_on", "due_on", "received_on")[number % 3]
        rows[10 + number * 100][column] = wrong[number % 5]
    for number in range(5):
        rows[2500 + number]["commune"] = "99999"
    for number in range(15):
        rows[3000 + number]["phone"] = "+84 " + rows[2600 + number]["phone"][1:]
    return rows


def test_the_unusable_rows_are_set_aside_and_shared_phones_are_facts(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    report = take(database, wave, tmp_path, the_list_of_a9())
    assert (report.rows, report.accepted, len(report.quarantined)) == (3240, 3215, 25)
    assert (report.shared_phones, report.shared_phone_dossiers) == (15, 30)
    assert report.counts()["quarantined_by_reason"] == {"bad_date": 20, "unknown_commune": 5}
    assert report.quarantined[0] == RowFault(12, "finished_on", Flaw.BAD_DATE)
    assert sizes(database) == (3215, 25, 1, 1)


def test_the_same_list_again_changes_nothing(database: Database, wave: Wave, tmp_path: Path) -> None:
    rows = the_list_of_a9()
    take(database, wave, tmp_path, rows)
    report = take(database, wave, tmp_path, rows)
    assert (report.accepted, report.duplicates, len(report.quarantined), report.shared_phones) == (0, 3215, 25, 15)
    assert report.imported_before
    assert sizes(database) == (3215, 25, 1, 1)


def test_a_dry_run_of_a_list_whose_rows_can_be_taken_now_writes_nothing(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    rows = numbered({}, {"rated_unit": "98-03"}, {"commune": "x"})
    take(database, wave, tmp_path, rows)
    with database.begin() as session:
        session.add(WaveUnit(wave_id=wave.id, unit_code="98-03", target=30))
    before = sizes(database)
    assert take(database, wave, tmp_path, rows, dry_run=True).accepted == 1
    assert sizes(database) == before
    assert take(database, wave, tmp_path, rows).accepted == 1


def test_a_dry_run_says_the_same_and_writes_nothing(database: Database, wave: Wave, tmp_path: Path) -> None:
    rows = the_list_of_a9()
    tried = take(database, wave, tmp_path, rows, dry_run=True)
    assert sizes(database) == (0, 0, 0, 0)
    done = take(database, wave, tmp_path, rows)
    assert tried.as_dict() | {"dry_run": False} == done.as_dict()


def test_contacts_and_codes_are_not_to_be_read_in_the_database(database: Database, wave: Wave, tmp_path: Path) -> None:
    first, second = "QX7Z-01", "QX7Z-02"  # no end of an id and a unit's code together read like these
    rows = [GOOD | {"dossier_code": first}, GOOD | {"dossier_code": second, "finished_on": "x"}]
    take(database, wave, tmp_path, rows)
    with database.read() as session:
        (dossier,) = session.scalars(select(Dossier))
        (row,) = session.scalars(select(QuarantinedRow))
        (file,) = session.scalars(select(FrameFile))
        (entry,) = session.scalars(select(AuditEntry))
    hidden = [blob for blob in (dossier.phone, dossier.email, dossier.name, dossier.address) if blob]
    assert [KEY.reveal(blob) for blob in hidden] == ["0912345678", "a@example.vn", "Nguyễn Thị A", "Thôn 1"]
    assert dossier.code_mark == KEY.mark("dossier", first)
    assert dossier.person_mark == KEY.mark("phone", "0912345678")
    assert (row.row, row.column, row.reason) == (3, "finished_on", "bad_date")
    assert json.loads(KEY.reveal(row.content or b""))["name"] == "Nguyễn Thị A"
    assert "script" not in json.dumps(file.report) + entry.detail
    on_disk = b"".join(file.read_bytes() for file in tmp_path.glob("site.db*"))
    assert KEY.mark("dossier", first) in on_disk
    told = (b"QX7Z-0", b"912345678", b"912 345 678", b"example.vn", "Nguyễn".encode())
    assert not [word for word in told if word in on_disk]


def test_what_a_row_says_is_kept_in_few_words(database: Database, wave: Wave, tmp_path: Path) -> None:
    bare = dict.fromkeys(HEADER, "") | {
        "dossier_code": "B", "rated_unit": "98-02", "procedure_field": "F1", "finished_on": "2025-12-31"
    }  # fmt: skip
    report = take(database, wave, tmp_path, [GOOD, bare])
    with database.read() as session:
        full, empty = session.scalars(select(Dossier).order_by(Dossier.unit_code))
    assert (full.timing, full.age_band, full.sex, full.commune) == ("late", "35-49", "F", "00004")
    assert (full.outcome, full.channel, full.applicant, full.field) == ("granted", "online", "person", "Đất đai")
    assert (empty.timing, empty.age_band, empty.sex, empty.commune) == ("unknown", "unknown", "U", None)
    assert (empty.outcome, empty.channel, empty.applicant) == ("unknown", "unknown", "unknown")
    assert empty.person_mark is None
    assert (report.late, report.on_time, report.timing_unknown, report.without_contact) == (1, 0, 1, 1)
    assert [(one.unit, one.dossiers, one.late) for one in report.by_unit] == [
        ("98-01", 1, 1), ("98-02", 1, 0), ("98-04", 0, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"dossier_code": ""}, "dossier_code", Flaw.MISSING),
        ({"dossier_code": "1.5E+12"}, "dossier_code", Flaw.SCIENTIFIC_NUMBER),
        ({"rated_unit": "98-99"}, "rated_unit", Flaw.UNKNOWN_UNIT),
        ({"rated_unit": "' OR 1=1--"}, "rated_unit", Flaw.UNKNOWN_UNIT),
        ({"rated_unit": "98-03"}, "rated_unit", Flaw.NOT_IN_WAVE),
        ({"rated_unit": "98-04"}, "rated_unit", Flaw.NOT_RATED),
        ({"procedure_field": "x" * 201}, "procedure_field", Flaw.TOO_LONG),
        ({"procedure_field": "\u200b"}, "procedure_field", Flaw.MISSING),
        ({"finished_on": ""}, "finished_on", Flaw.MISSING),
        ({"finished_on": "01/01/2026"}, "finished_on", Flaw.OUTSIDE_PERIOD),
        ({"finished_on": "31/08/2025"}, "finished_on", Flaw.BEFORE_START),
        ({"due_on": "31/08/2025"}, "due_on", Flaw.BEFORE_START),
        ({"name": "A\x1b[31m"}, "name", Flaw.CONTROL_CHARACTER),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_column(
    database: Database, wave: Wave, tmp_path: Path, change: dict[str, str], column: str, reason: Flaw
) -> None:
    report = take(database, wave, tmp_path, numbered(change, {}), dry_run=True)
    assert report.quarantined == (RowFault(2, column, reason),)
    assert report.accepted == 1
    assert report.outside_period == (reason is Flaw.OUTSIDE_PERIOD)


def test_a_fact_beside_the_point_that_cannot_be_read_is_unknown_and_counted(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    rows = numbered(
        {"sex": "Nam"}, {"sex": "Nữ", "birth_year": "01/02/1980"}, {"outcome": "Đã trả kết quả", "birth_year": "2030"},
        {"channel": "0912345678", "applicant": "family"},
        {"procedure_code": "x" * 201, "point_of_service": "Quầy 1; 2"},
        {"received_on": "2025/09/01", "due_on": "5/9/2025 08:15:00 AM", "finished_on": "12/9/2025 3:15:00 CH"},
    )  # fmt: skip
    report = take(database, wave, tmp_path, rows)
    assert (report.accepted, report.quarantined, report.counts()["unreadable_facts"]) == (6, (), 7)
    assert [(one.column, one.rows, one.example) for one in report.unknown_facts] == [
        ("applicant", 1, "family"), ("birth_year", 1, "####"), ("channel", 1, "##########"),
        ("outcome", 1, "Đã trả kết quả"), ("procedure_code", 1, "x" * 40), ("sex", 2, "Nam"),
    ]  # fmt: skip
    with database.read() as session:
        kept = session.scalars(select(Dossier).order_by(Dossier.code_mark)).all()
    by_mark = {one.code_mark: one for one in kept}
    first, second, third, fourth, fifth, sixth = (by_mark[KEY.mark("dossier", f"H98-{n}")] for n in range(1, 7))
    assert (first.sex, second.sex, second.age_band, third.outcome, third.age_band) == (
        "U", "U", "35-49", "unknown", "unknown"
    )  # fmt: skip
    assert (fourth.channel, fourth.applicant, fifth.procedure_code) == ("unknown", "unknown", None)
    assert (fifth.point_of_service, sixth.finished_on, sixth.timing) == ("Quầy 1; 2", date(2025, 9, 12), "late")


@pytest.mark.parametrize(
    "name",
    [
        "Thành lập và hoạt động của doanh nghiệp (hộ kinh doanh)",
        "Giáo dục đào tạo thuộc hệ thống giáo dục quốc dân và các cơ sở giáo dục khác",
        'Đất đai; nhà ở, "công sở"', "- Hộ tịch", "<b>Y tế</b>", "=1+1", "x" * 200,
    ],
)  # fmt: skip
def test_a_field_has_the_name_that_its_office_gives_it(
    database: Database, wave: Wave, tmp_path: Path, name: str
) -> None:
    assert take(database, wave, tmp_path, [GOOD | {"procedure_field": name}]).quarantined == ()
    with database.read() as session:
        assert session.scalars(select(Dossier.field)).one() == name


def test_an_unreadable_phone_costs_the_contact_and_not_the_dossier(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    report = take(database, wave, tmp_path, numbered({"phone": "không có"}, {"phone": "12", "email": ""}))
    assert (report.accepted, report.without_contact) == (2, 1)
    assert report.unreadable_contacts == (RowFault(2, "phone", Flaw.BAD_PHONE), RowFault(3, "phone", Flaw.BAD_PHONE))
    with database.read() as session:
        assert KEY.mark("email", "a@example.vn") in session.scalars(select(Dossier.person_mark)).all()


def test_a_dossier_counts_once_also_under_its_linked_code(database: Database, wave: Wave, tmp_path: Path) -> None:
    rows = numbered(
        {}, {"dossier_code": "h98-1 "}, {"linked_code": "L1"}, {"linked_code": "l1"}, {"linked_code": "H98-1"},
        {"dossier_code": "L1"}, {"dossier_code": "L2", "linked_code": "L2"},
        {"dossier_code": "Ho\u0302\u0300"}, {"dossier_code": "Hồ"},
    )  # fmt: skip
    report = take(database, wave, tmp_path, rows)
    assert (report.accepted, report.duplicates, report.linked_duplicates) == (4, 2, 3)


def test_a_newer_list_brings_what_was_missing_and_changes_nothing_else(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    bad = {"phone": "09123", "email": ""}
    first = numbered(
        bad, bad, {"sex": "Nam", "phone": "0900000009"}, {}, {"email": ""}, bad | {"email": "f@example.vn"}
    )
    assert take(database, wave, tmp_path, first).without_contact == 2
    good = {"email": ""}
    newer = numbered(
        good, good | {"procedure_field": "Hộ tịch"}, {"sex": "M", "phone": "0900000009"}, {"phone": "0977777777"},
        {"phone": "", "email": "", "channel": ""}, good,
    )  # fmt: skip
    tried = take(database, wave, tmp_path, newer, dry_run=True)
    report = take(database, wave, tmp_path, newer)
    assert tried.as_dict() | {"dry_run": False} == report.as_dict()
    assert (report.accepted, report.duplicates, report.completed) == (0, 6, 3)
    assert report.changed == (RowFault(3, "procedure_field", Flaw.CHANGED), RowFault(5, "phone", Flaw.CHANGED))
    again = take(database, wave, tmp_path, newer)
    assert (again.completed, again.changed) == (0, report.changed)
    with database.read() as session:
        kept = {one.code_mark: one for one in session.scalars(select(Dossier))}
    one, two, three, four, five, six = (kept[KEY.mark("dossier", f"H98-{n}")] for n in range(1, 7))
    assert [KEY.reveal(each.phone or b"") for each in (one, four, five, six)] == [f"09{n:08d}" for n in (1, 4, 5, 6)]
    assert (two.phone, two.person_mark) == (None, None)
    assert one.person_mark == KEY.mark("phone", "0900000001")
    assert KEY.reveal(six.email or b"") == "f@example.vn"
    assert (two.field, three.sex, five.channel) == ("Đất đai", "M", "online")


def test_a_row_that_contradicts_a_dossier_leaves_no_contact_in_it(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    bare = {"phone": "", "email": "", "name": "", "sex": ""}
    mail = bare | {"email": "a@example.vn"}
    first = numbered(bare, mail, bare | {"name": "Nguyễn Thị A"}, mail | {"name": "Nguyễn Thị A"})
    take(database, wave, tmp_path, first)
    newer = numbered(
        {"rated_unit": "98-02"}, {"email": "b@example.vn"}, {"name": "Trần Văn B"}, {"name": "NGUYỄN  THỊ A"}
    )
    report = take(database, wave, tmp_path, newer)
    assert [fault.column for fault in report.changed] == ["rated_unit", "email", "name"]
    assert (report.completed, report.shared_phones) == (1, 0)
    with database.read() as session:
        kept = {one.code_mark: one for one in session.scalars(select(Dossier))}
    known = [kept[KEY.mark("dossier", f"H98-{n}")] for n in range(1, 5)]
    assert [one.phone is None and one.sex == "U" for one in known] == [True, True, True, False]
    assert known[3].person_mark == KEY.mark("phone", "0900000004")


def test_a_list_that_contradicts_in_every_row_is_told_by_columns_and_its_first_rows(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    size = frames.MOST_CHANGED + 5
    take(database, wave, tmp_path, numbered(*({} for _ in range(size))))
    newer = numbered({"channel": "post"}, *({"procedure_field": "Hộ tịch"} for _ in range(size - 1)))
    report = take(database, wave, tmp_path, newer)
    assert (report.counts()["changed"], len(report.changed)) == (size, frames.MOST_CHANGED)
    assert report.as_dict()["changed_by_column"] == {"channel": 1, "procedure_field": size - 1}


def test_what_a_list_counted_stays_counted_when_it_is_read_again(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    with database.begin() as session:
        session.add(Account(
            id=new_id(), email="i@example.vn", name="I", agency="I", password_hash="", active=True, failures=0,
            created_at=NOW, phone_mark=KEY.mark("phone", "0911111111"),
        ))  # fmt: skip
    rows = numbered(
        {"phone": "0911111111"}, {"phone": "123"}, {"sex": "?"}, {"rated_unit": "98-03"}, {"phone": "", "email": ""}
    )
    take(database, wave, tmp_path, rows)
    with database.begin() as session:
        session.add(WaveUnit(wave_id=wave.id, unit_code="98-03", target=30))
    assert take(database, wave, tmp_path, rows).accepted == 1
    take(database, wave, tmp_path, numbered(*({} for _ in range(4)), {"phone": "0911111111"})[4:])
    with database.read() as session:
        counts = coverage.look(session, wave).counts
    told = {name: counts[name] for name in ("staff_phone_dossiers", "unreadable_contacts", "unreadable_facts")}
    assert told == {"staff_phone_dossiers": 2, "unreadable_contacts": 1, "unreadable_facts": 1}


def test_a_chain_of_linked_dossiers_counts_once(database: Database, wave: Wave, tmp_path: Path) -> None:
    chain = [{"dossier_code": "C1", "linked_code": "L9"}, {"dossier_code": "C2", "linked_code": "L9"},
             {"dossier_code": "C3", "linked_code": "C2"}]  # fmt: skip
    report = take(database, wave, tmp_path, numbered(*chain))
    assert (report.accepted, report.linked_duplicates) == (1, 2)


def test_a_row_that_became_usable_is_taken_from_the_same_list(database: Database, wave: Wave, tmp_path: Path) -> None:
    rows = numbered({}, {"rated_unit": "98-03"}, {"commune": "x"})
    assert len(take(database, wave, tmp_path, rows).quarantined) == 2
    with database.begin() as session:
        session.add(WaveUnit(wave_id=wave.id, unit_code="98-03", target=30))
    report = take(database, wave, tmp_path, rows)
    assert (report.accepted, report.duplicates) == (1, 1)
    with database.read() as session:
        assert session.scalars(select(QuarantinedRow.row)).all() == [4]
        assert size(session, FrameFile) == 1


def test_a_workbook_with_dates_and_numbers_of_its_own_is_taken(database: Database, wave: Wave, tmp_path: Path) -> None:
    file = tmp_path / "list"
    with xlsxwriter.Workbook(str(file)) as book:
        page, dates = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
        page.write_row(0, 0, ["dossier_code", "rated_unit", "procedure_field", "finished_on", "phone", "commune"])
        page.write_row(1, 0, ["H1", "98-01", "F1"])
        page.write_datetime(1, 3, datetime(2025, 9, 12), dates)
        page.write_row(1, 4, [912345678, 4])
    with database.begin() as session:
        report = frames.import_frame(session, wave, file, installation=KEY, actor="test", now=NOW)
    assert (report.accepted, report.without_contact) == (1, 0)
    with database.read() as session:
        (dossier,) = session.scalars(select(Dossier))
    assert (dossier.finished_on, dossier.commune) == (date(2025, 9, 12), "00004")
    assert KEY.reveal(dossier.phone or b"") == "0912345678"


def test_a_list_that_breaks_at_its_end_leaves_nothing_behind(database: Database, wave: Wave, tmp_path: Path) -> None:
    broken = csv_of(numbered(*({} for _ in range(6000)))) + '"never closed'
    file = tmp_path / "list.csv"
    file.write_text(broken, encoding="utf-8")
    with database.begin() as session, pytest.raises(FileRefused):
        frames.import_frame(session, wave, file, installation=KEY, actor="test", now=NOW)
    assert sizes(database) == (0, 0, 0, 0)


def test_a_list_is_taken_only_for_a_citizens_wave_in_draft_that_was_not_drawn(
    database: Database, wave: Wave, tmp_path: Path
) -> None:
    wave.audience = "officials"
    with pytest.raises(WrongAudience):
        take(database, wave, tmp_path, [GOOD])
    wave.audience, wave.state = "citizens", "open"
    with pytest.raises(WrongState):
        take(database, wave, tmp_path, [GOOD])
    wave.state = "draft"
    with database.begin() as session:
        session.add(Draw(wave_id=wave.id, seed=7, drawn_at=NOW, allocation={}, digest=""))
    with pytest.raises(AlreadyDrawn):
        take(database, wave, tmp_path, [GOOD])
