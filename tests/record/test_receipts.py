"""A citizen's code says that the answer was there at the close, and nothing of what, who, where or when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import DateTime, func, select, text

from survey.db import Database
from survey.jobs import close
from survey.keys import Keys
from survey.model.base import UtcTime
from survey.model.invitation import Invitation
from survey.model.receipt import Receipt, WaitingReceipt
from survey.model.response import Answer, SpentMark, Spooled
from survey.stages import openings, receipts, responses, waves

CITIZENS = "2026-citizens"


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def answer(database: Database, keys: Keys, code: str, now: datetime, said: dict[str, str], sending: str) -> str:
    with database.begin() as session:
        opening = openings.open_link(session, keys, code, now=now)
        answers = {f"{unit.code}:L1": "4" for unit in opening.block} or said
        responses.accept(session, opening, secret=code, submission_key=sending, answers=answers, body=b"", now=now)
        code_or_none = responses.receipt_of(session, keys, sending)
        assert code_or_none is not None
        return code_or_none


def count(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def check(database: Database, code: str) -> receipts.Found | None:
    with database.read() as session:
        return receipts.check(session, code)


def test_a_code_is_found_after_the_close_however_it_is_typed(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    codes = [
        answer(database, keys, link, now, {"S15": "5"} if number else {}, f"sending {number}")
        for number, link in enumerate(field.personal)
    ]
    assert len(set(codes)) == 12
    assert {len(code) for code in codes} == {14}
    assert check(database, codes[0]) is None  # while answers are taken nobody can look
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert count(database, WaitingReceipt) == 0
    for typed in (codes[0], codes[11].upper(), codes[5].replace("-", " "), codes[3].replace("-", "")):
        found = check(database, typed)
        assert found is not None
        assert (found.wave.code, found.codes, found.answers) == (CITIZENS, 12, 12)
    for wrong in ("", "k7fm-2q9x-w4tz", codes[0][:-1], "' or 1=1 --", codes[0] + "0"):
        assert check(database, wrong) is None


def test_a_sending_that_came_twice_has_one_code_and_officials_have_none(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    code = answer(database, keys, field.personal[0], now, {"S15": "5"}, "k")
    with database.begin() as session:
        assert responses.receipt_of(session, keys, "k") == code
        assert responses.receipt_of(session, keys, "another") is None
    assert answer(database, keys, field.officials[0], now, {}, "official") == responses.NO_CODE
    assert count(database, WaitingReceipt) == 1


def test_the_list_shares_nothing_with_answers_and_register_and_has_no_order(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    for number, link in enumerate(field.personal):
        answer(database, keys, link, now, {"S15": "5"}, f"sending {number}")
    for table in (Receipt, WaitingReceipt):
        columns = table.__table__.columns
        assert not [one for one in columns if isinstance(one.type, DateTime | UtcTime)]
        for other in (Answer, Spooled, SpentMark, Invitation):
            shared = {one.name for one in columns} & {one.name for one in other.__table__.columns}
            assert shared <= {"id", "wave_id", "mark", "sealed"}
        assert table.__table__.dialect_options["sqlite"]["with_rowid"] is False
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        marks = {receipts._mark(wave, receipts.code_of(keys.wave(wave.id), f"sending {n}")) for n in range(12)}
        waiting = session.scalars(select(WaitingReceipt.sealed)).all()
        assert len({len(one) for one in waiting}) == 1
        assert not [mark for mark in marks if any(mark in one for one in waiting)]
        known = {bytes(value) for (value,) in session.execute(text("select mark from spent_mark"))}
        known |= {bytes(value) for (value,) in session.execute(text("select id from waiting_receipt"))}
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    with database.read() as session:
        stored = {bytes(mark) for mark in session.scalars(select(Receipt.mark))}
        answers = {bytes(one) for one in session.scalars(select(Answer.id))}
    assert stored == marks
    assert not stored & (known | answers)
