"""Closes a wave: the register is emptied, the last answers leave the spool, what was deleted and the key are gone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from random import Random, SystemRandom
from time import sleep
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from survey.db import Database
from survey.errors.common import DatabaseUnavailable
from survey.keys import Keys
from survey.model.base import Base
from survey.model.draft import Draft
from survey.model.frame import Dossier
from survey.model.interview import Assignment
from survey.model.invitation import Invitation
from survey.model.message import Message
from survey.model.paper import PaperSheet
from survey.model.rater import Rater
from survey.model.receipt import WaitingReceipt
from survey.model.recontact import Recontact, WaitingMatch
from survey.model.response import SpentMark, Spooled, Submission
from survey.model.sample import SampledDossier
from survey.stages import messages, mixing, receipts, recontacts, responses, waves

EMPTIED = (
    SpentMark, Submission, Draft, Spooled, WaitingReceipt, WaitingMatch, PaperSheet, Assignment, Recontact, Message,
    Invitation, Rater, SampledDossier, Dossier,
)  # fmt: skip
TRIES, PAUSE = 60, 0.5  # seconds between two
NUMBER = re.compile(r"\d+")


def run(database: Database, keys: Keys, wave_code: str, *, actor: str, now: datetime, rng: Random | None = None) -> int:
    """Close a wave; the number of answers that were still waiting. One that was cut off goes on where it stopped.

    The used marks and links go first, in a transaction of their own: only then do classes leave the spool in which
    fewer than ten answered, so that nothing says which of the invited they are. The wave's key goes last: it could
    derive links and the blocks of units that officials judged.
    """
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        key = keys.wave(wave.id) if keys.has_wave(wave.id) else None  # read before anything is forgotten
        session.refresh(wave, with_for_update=True)  # an answer that is being accepted comes in first or not at all
        if key is None or wave.state != waves.CLOSED:
            waves.mark_closed(session, wave, actor=actor, now=now)
            key = keys.wave(wave.id)
            recontacts.compare(session, wave, keys)  # by the lists that go now
            responses.empty_register(session, wave)
            messages.forget(session, wave, actor=actor, now=now)
    keys.destroy_once(wave.id)
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        moved = mixing.mix(session, wave, key, rng=rng or SystemRandom(), final=True)
        receipts.settle(session, wave, key, rng=rng or SystemRandom())
    overwrite(database)
    keys.destroy_wave(wave.id)
    return moved


def overwrite(database: Database, emptied: Sequence[type[Base]] = EMPTIED) -> None:
    """Leave nothing of what was deleted in the files: no dead row, no page in the write-ahead log.

    SQLite overwrites deleted rows itself (`secure_delete`), but its log keeps the pages as they were before.
    """
    if not database.is_sqlite:
        _write_anew(database, emptied)
        return
    connection = database.writer.raw_connection()
    try:
        busy, *_pages = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if busy:  # somebody reads: the close can be asked for again
        raise DatabaseUnavailable(reason="the write-ahead log is being read")


def _write_anew(database: Database, emptied: Sequence[type[Base]]) -> None:
    """PostgreSQL keeps dead rows in a table's file until the table is written anew, and those that somebody who began
    before may still see (a backup, its own statistics) even then: they are written once more a little later."""
    names = ", ".join(table.__tablename__ for table in emptied)
    try:
        with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as alone:
            for _ in range(TRIES):
                if not _still_seen(alone, f"VACUUM (FULL, VERBOSE) {names}"):
                    return
                sleep(PAUSE)
    except OperationalError as error:  # somebody holds a table
        raise DatabaseUnavailable(reason="a table is in use") from error
    raise DatabaseUnavailable(reason="somebody still reads what was deleted")


def _still_seen(alone: Connection, statement: str) -> int:
    """Write tables anew; how many dead rows PostgreSQL says that it had to keep."""
    kept: list[int] = []

    def hear(said: Any) -> None:
        number = NUMBER.match(said.message_detail or "")
        kept.append(int(number[0]) if number else 0)

    driver: Any = alone.connection.driver_connection
    driver.add_notice_handler(hear)
    try:
        alone.exec_driver_sql(statement)
    finally:
        driver.remove_notice_handler(hear)
    return sum(kept)
