"""Register and answers share no key, order, time or address: at least ten people may stand behind every answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import DateTime, text
from sqlalchemy.orm import Session

from survey.db import Database
from survey.jobs import close
from survey.keys import Keys, digest
from survey.model.base import UtcTime
from survey.model.invitation import Invitation
from survey.model.response import Answer, Facts, Judgement, SpentMark, Spooled, Submission
from survey.stages import drafts, mixing, openings, privacy, responses, waves

SHAKES = {"shake_128", "shake_256"}
SHARED_ON_PURPOSE = {"id", "wave_id", "unit_code", "class_code"}


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def answer_all(database: Database, keys: Keys, codes: tuple[str, ...], now: datetime, said: dict[str, str]) -> None:
    for code in codes:
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=now)
            answers = {f"{unit.code}:L1": "4" for unit in opening.block} or said
            responses.accept(session, opening, secret=code, submission_key=code, answers=answers, body=b"", now=now)


def bytes_of(session: Session, query: str) -> set[bytes]:
    return {bytes(value) for (value,) in session.execute(text(query))}


def mix_all(database: Database, keys: Keys, code: str) -> None:
    """Let everything out of the spool while the register is still there."""
    with database.begin() as session:
        wave = waves.find(session, code)
        mixing.mix(session, wave, keys.wave(wave.id), rng=Random(1), final=True)


def made_without_the_key(known: set[bytes], secrets: Iterable[bytes]) -> set[bytes]:
    """What somebody may try who has the register and no key: every hash of it, plain and under each of `secrets`."""
    purposes = ("", "spent", "draft", "key", "code", "body")
    plain = {
        hashlib.new(name, value).digest()[:16] for name in hashlib.algorithms_guaranteed - SHAKES for value in known
    }
    return plain | {digest(one, purpose, value)[:16] for one in secrets for purpose in purposes for value in known}


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
    for code in ("2026-citizens", "2026-officials"):
        if closed:
            close.run(database, keys, code, actor="test", now=now, rng=Random(1))
        else:
            mix_all(database, keys, code)
    with database.read() as session:
        citizens = privacy.hiding(session, waves.find(session, "2026-citizens"))
        officials = privacy.hiding(session, waves.find(session, "2026-officials"))
    assert (citizens.answers, citizens.smallest) == (12, 12)
    assert (officials.answers, officials.smallest) == (10, 10)


def test_without_the_key_no_used_mark_no_sending_and_no_draft_is_tied_to_an_invitation(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    answer_all(database, keys, field.personal[:1], now, {"S15": "3"})
    with database.begin() as session:
        opening = openings.open_link(session, keys, field.personal[1], now=now)
        secret = field.personal[1]
        drafts.save(session, opening.wave.id, opening.key, secret, drafts.DraftBody("k", {"S15": "1"}), now=now)
        wave, key = opening.wave, opening.key
        known = bytes_of(session, "select id from invitation union select code_mark from invitation")
        known |= bytes_of(session, "select id from dossier union select code_mark from dossier")
        known |= {code.encode() for code in (*field.personal, *field.officials)}
        marks = bytes_of(session, "select mark from spent_mark union select mark from draft")
        marks |= bytes_of(session, "select key_mark from submission")
        stored = bytes_of(session, "select id from spooled") | marks
    assert len(marks) == 3
    assert not stored & (known | made_without_the_key(known, [b"", wave.id, wave.public_key]))
    assert made_without_the_key(known, [key.link]) >= marks  # the attack is the right one: with the key it wins


def test_a_sealed_answer_does_not_tell_how_much_was_said(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    answer_all(database, keys, field.personal[:1], now, {})
    answer_all(database, keys, field.personal[1:2], now, {f"S{number}": "5" for number in range(15, 34)})
    with database.read() as session:
        sizes = {len(value) for (value,) in session.execute(text("select sealed from spooled"))}
    assert len(sizes) == 1
