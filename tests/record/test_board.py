"""The board's counters on both engines: raised with the event, never recounted, and silent on officials."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from survey.channels.contract import Channel, Receipt, Why
from survey.db import Database
from survey.errors.common import LinkClosed
from survey.keys import Keys
from survey.model.invitation import Invitation
from survey.model.message import Message
from survey.stages import board, counts, openings, optouts, outbox, responses, waves
from survey.stages.board import Cell
from survey.stages.counts import Event
from survey.stages.outbox import Entry

CITIZENS, OFFICIALS = "2026-citizens", "2026-officials"
NEVER_READ = ("answer", "judgement", "spooled", "spent_mark", "submission", "draft", "message", "dossier")


@pytest.fixture
def field(database: Database, keys: Keys, now: datetime, go_to_the_field: Any) -> Any:
    return go_to_the_field(database, keys, now)


def send(database: Database, keys: Keys, code: str, now: datetime, key: str = "k") -> None:
    with database.begin() as session:
        opening = openings.open_link(session, keys, code, now=now)
        responses.opened(session, opening)
        said = {"S15": "5"} if opening.unit else {f"{unit.code}:L1": "4" for unit in opening.block}
        responses.accept(session, opening, secret=code, submission_key=key, answers=said, body=b"", now=now)


def cell(database: Database) -> Cell:
    with database.read() as session:
        return board.cells(session, waves.find(session, CITIZENS))[0]


def test_an_answer_counts_in_its_class_and_on_its_day_or_not_at_all(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    send(database, keys, field.personal[0], now)
    send(database, keys, field.personal[1], now + timedelta(days=1), "k2")
    with pytest.raises(LinkClosed):  # used up: what was noted before the refusal is undone with it
        send(database, keys, field.personal[0], now, "k3")
    found = cell(database)
    assert (found.released, found.opened, found.completed, found.refused) == (12, 2, 2, 0)
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        assert list(counts.by_day(session, wave, "98-01").values()) == [1, 1]
        line = board.progress(session, wave, now=now + timedelta(days=2))[0]
    assert (line.completed, line.left, line.pace) == (2, 28, 1.0)  # in the two days since it was opened


def test_who_says_not_me_or_no_more_is_counted_once(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    for _twice in range(2):
        with database.begin() as session:
            optouts.stop_by_link(session, keys, field.personal[0])
    with database.begin() as session:
        responses.decline(session, openings.open_link(session, keys, field.personal[1], now=now), now=now)
    found = cell(database)
    assert (found.refused, found.wrong_person) == (1, 1)


def test_a_message_is_counted_when_it_went_out_and_again_when_it_arrived(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        key = keys.wave(wave.id)
        ids = session.scalars(select(Invitation.id).where(Invitation.wave_id == wave.id).limit(3)).all()
        entries = [Entry(one, "invitation", Channel.SMS, "vi", "98-01|all") for one in ids]
        entries += [Entry(ids[0], "reminder-1", Channel.SMS, "vi", "98-01|all")]
        outbox.put_in(session, wave, key, entries, state=outbox.WAITING, letter=0, now=now)
    told = []
    for _message in range(4):
        with database.begin() as session:
            taken = outbox.claim(session, wave, key, but=(), now=now)
            assert taken is not None
            outbox.sent(session, taken, "reference")
            if taken.step == "invitation":
                told.append(taken.tracking_id)
    assert (cell(database).sent, cell(database).delivered) == (3, 0)
    for tracking_id, why in ((told[0], None), (told[0], None), (told[1], Why.CONTACT), (told[1], None)):
        with database.begin() as session:
            outbox.receive(session, Receipt(tracking_id, why))
    assert (cell(database).sent, cell(database).delivered) == (2, 1)
    with database.read() as session:
        assert session.scalars(select(Message.cell)).all() == ["98-01|all"] * 4


def test_officials_are_counted_once_a_day_in_fives_and_by_nothing_else(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    def shown(at: datetime) -> list[int]:
        with database.begin() as session:
            wave = waves.find(session, OFFICIALS)
            board.keep_day(session, wave, at)
            assert counts.by_cell(session, wave) == {}
            return [line.completed for line in board.progress(session, wave, now=at)]

    assert shown(now) == [0]
    for number in range(9):
        send(database, keys, field.officials[number], now, f"k{number}")
    assert shown(now + timedelta(hours=2)) == [0]  # the day's count was taken
    assert shown(now + timedelta(days=1)) == [5]


def test_the_board_reads_no_table_that_grows(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    send(database, keys, field.personal[0], now)
    read: list[str] = []

    def listen(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        read.append(statement.lower())

    event.listen(database.reader, "before_cursor_execute", listen)
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        board.progress(session, wave, now=now)
        counts.by_day(session, wave)
    event.remove(database.reader, "before_cursor_execute", listen)
    for statement in read:
        names = statement.replace(",", " ").split()
        assert not set(NEVER_READ) & set(names)
        assert "invitation" not in names or "limit" in names


def test_a_number_that_turned_out_otherwise_never_falls_below_none(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        counts.note(session, wave.id, "98-01|all", Event.SENT, -1)
    assert cell(database).sent == 0
