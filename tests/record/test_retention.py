"""Retention on both engines: what has had its time goes, answers stay, the log has the proof, a second time is idle."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from survey import keeping
from survey.answers import MARK
from survey.db import Database
from survey.jobs import close, purge
from survey.keeping import Deadline
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.base import Base, new_id
from survey.model.draft import Draft
from survey.model.feedback import Feedback
from survey.model.frame import Dossier, FrameFile, QuarantinedRow
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.response import Answer, Facts
from survey.model.tables import METADATA
from survey.model.wave import Wave
from survey.stages import audit, retention, waves

DAY = timedelta(days=1)


@pytest.fixture
def field(database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]) -> Any:
    """Beside what every field has: a row set aside, a draft, an answer, a comment, what was told and written."""
    found = go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        file = FrameFile(id=new_id(), wave_id=wave.id, digest="d", imported_at=now, imported_by="a", report={})
        session.add(file)
        session.flush()
        session.add(QuarantinedRow(file_id=file.id, row=2, column="phone", reason="bad", content=b"hidden"))
        session.add(Draft(mark=b"m" * 16, wave_id=wave.id, body=b"b", expires_on=now.date() + DAY))
        session.add(Answer(wave_id=wave.id, phase=1, mode="link", unit_code="98-01", class_code="98-01|all", items={}))
        session.add(Feedback(wave_id=wave.id, unit_code=None, state="released", text="cần thêm ghế ngồi"))
        for items in ({"Q_AGE": "2"}, {f"Q1{MARK}5": "Anh Ba ở xã bên cạnh"}):
            session.add(Facts(wave_id=wave.id, phase=1, items=items))
    return found


def count(database: Database, table: type[Base]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def run(database: Database, keys: Keys, now: datetime, *, dry_run: bool = False) -> retention.Purged:
    return purge.run(database, keys, actor="test", now=now, dry_run=dry_run)


def test_what_outlives_the_close_goes_by_its_date_and_answers_stay(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assert run(database, keys, now).rows == {}
    assert run(database, keys, now + 3 * DAY).rows == {"draft": 1}
    close.run(database, keys, "2026-citizens", actor="test", now=now)
    assert run(database, keys, now + 89 * DAY).rows == {}
    would = run(database, keys, now + 91 * DAY, dry_run=True)
    assert would.rows == {"quarantined_row": 1}
    assert count(database, QuarantinedRow) == 1
    assert run(database, keys, now + 91 * DAY) == would
    assert count(database, Dossier) == 12
    assert run(database, keys, now + 366 * DAY).rows == {"dossier": 12, "facts": 1, "feedback": 1}
    assert run(database, keys, now + 366 * DAY).rows == {}
    assert (count(database, Answer), count(database, Facts)) == (1, 1)
    with database.read() as session:
        assert session.scalars(select(Facts.items)).all() == [{"Q_AGE": "2"}]
        audit.verify(session)
        proofs = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "retention.purge")).all()
    assert [json.loads(one)["deleted"] for one in proofs] == [
        {"draft": 1}, {"quarantined_row": 1}, {"dossier": 12, "facts": 1, "feedback": 1},
    ]  # fmt: skip


def test_nothing_of_what_was_written_stays_in_the_files(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    if not database.is_sqlite:
        pytest.skip("the files of the other engine are looked into where the close is tried")
    close.run(database, keys, "2026-citizens", actor="test", now=now)
    run(database, keys, now + 366 * DAY)
    file = Path(database.writer.url.database or "")
    left = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert b"Anh Ba" not in left


def test_the_list_of_a_wave_that_never_opened_goes_with_its_key(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        session.execute(update(Wave).where(Wave.code == "2026-officials").values(state=waves.DRAFT))
        wave_id = waves.find(session, "2026-officials").id
    assert run(database, keys, now + 100 * DAY).unopened == ()
    told = run(database, keys, now + 105 * DAY)
    assert (told.unopened, told.overdue) == (("2026-officials",), ("2026-citizens",))
    assert told.rows["rater"] == 10
    assert (count(database, Rater), keys.has_wave(wave_id)) == (0, False)
    assert count(database, Invitation) == 12
    assert run(database, keys, now + 105 * DAY).unopened == ()


def test_every_column_of_the_model_has_a_purpose_and_a_deadline() -> None:
    columns = {(table.name, column.name) for table in METADATA.tables.values() for column in table.columns}
    assert [name for name in sorted(columns) if keeping.entry(*name) is None] == []
    assert keeping.listed() <= columns, "a reason for a column that is gone"
    for name in columns:
        found = keeping.entry(*name)
        assert found is not None
        assert all(words(language) for words in (found.group, found.purpose, found.until) for language in ("vi", "en"))


def test_every_deadline_with_days_is_one_that_the_purge_heeds() -> None:
    assert set(keeping.days()) == {
        Deadline.EXPIRED, Deadline.SET_ASIDE, Deadline.UNOPENED, Deadline.FRAME, Deadline.WORDS,
    }  # fmt: skip
