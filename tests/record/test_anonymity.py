"""Register and answers share no key, order, time or address: at least ten people may stand behind every answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import DateTime, text

from survey.db import Database
from survey.jobs import close, mix
from survey.keys import Keys
from survey.model.base import UtcTime
from survey.model.invitation import Invitation
from survey.model.response import Answer, Facts, Judgement, SpentMark, Spooled, Submission
from survey.stages import privacy, responses, waves

SHARED_ON_PURPOSE = {"id", "wave_id", "unit_code", "class_code"}


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def answer_all(database: Database, keys: Keys, codes: tuple[str, ...], now: datetime, said: dict[str, str]) -> None:
    for code in codes:
        with database.begin() as session:
            opening = responses.open_link(session, keys, code, now=now)
            answers = {f"{unit.code}:L1": "4" for unit in opening.block} or said
            responses.accept(session, opening, secret=code, submission_key=code, answers=answers, body=b"", now=now)


def test_answers_have_no_time_and_share_only_unit_and_class_with_the_register() -> None:
    for table in (Answer, Judgement, Facts, Spooled, SpentMark, Submission):
        columns = table.__table__.columns
        assert not [one.name for one in columns if isinstance(one.type, DateTime | UtcTime)]
        shared = {one.name for one in columns} & {one.name for one in Invitation.__table__.columns}
        assert shared <= SHARED_ON_PURPOSE, table
        assert table.__table__.dialect_options["sqlite"]["with_rowid"] is False


@pytest.mark.parametrize("closed", [False, True])
def test_at_least_ten_people_may_stand_behind_every_answer(
    database: Database, keys: Keys, field: Any, now: datetime, closed: bool
) -> None:
    answer_all(database, keys, field.personal, now, {"S15": "3"})
    answer_all(database, keys, field.officials, now, {})
    mix.run(database, keys, now=now, rng=Random(1))
    if closed:
        close.run(database, keys, "2026-citizens", actor="test", now=now, rng=Random(1))
        close.run(database, keys, "2026-officials", actor="test", now=now, rng=Random(1))
    with database.read() as session:
        citizens = privacy.hiding(session, waves.find(session, "2026-citizens"))
        officials = privacy.hiding(session, waves.find(session, "2026-officials"))
    assert (citizens.answers, citizens.smallest) == (12, 12)
    assert (officials.answers, officials.smallest) == (10, 10)


def test_the_database_alone_ties_no_used_mark_and_no_draft_to_an_invitation(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    answer_all(database, keys, field.personal[:1], now, {"S15": "3"})
    with database.read() as session:
        known = {
            bytes(value)
            for (value,) in session.execute(text("select id from invitation union select code_mark from invitation"))
        }
        used = {bytes(value) for (value,) in session.execute(text("select mark from spent_mark"))}
    assert len(used) == 1
    assert not used & known


def test_a_sealed_answer_does_not_tell_how_much_was_said(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    answer_all(database, keys, field.personal[:1], now, {})
    answer_all(database, keys, field.personal[1:2], now, {f"S{number}": "5" for number in range(15, 34)})
    with database.read() as session:
        sizes = {len(value) for (value,) in session.execute(text("select sealed from spooled"))}
    assert len(sizes) == 1
