"""Prepared statements store, refuse and leave behind what the engine's own do; a glance leaves no transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import date

import psycopg
import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Enum,
    String,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import DatabaseUnavailable, ReferenceMissing
from survey.model.base import UtcTime
from survey.model.draft import Draft
from survey.statements import Prepared

MARK, WAVE, DAY = b"m" * 16, b"w" * 16, date(2026, 11, 30)
PUT = Prepared(insert(Draft))
FIND = Prepared(select(Draft.mark, Draft.body, literal(1).label("one")).where(Draft.mark == bindparam("held")))
DROP = Prepared(delete(Draft).where(Draft.mark == bindparam("held")))


def put(session: Session, mark: bytes = MARK) -> int:
    return PUT.run(session, mark=mark, wave_id=WAVE, body=b"\x00%s?", expires_on=DAY)


@pytest.fixture
def field(database: Database) -> Database:
    """A database without references to waves."""
    with database.begin() as session:
        Draft.__table__.drop(session.connection())  # type: ignore[attr-defined]
        columns = "mark {0} primary key, wave_id {0}, body {0}, expires_on date not null"
        session.execute(text(f"create table draft ({columns.format('blob' if database.is_sqlite else 'bytea')})"))
    return database


def test_rows_are_those_that_the_engine_stores_and_reads(field: Database) -> None:
    with field.begin() as session:
        assert put(session) == 1
    with field.read() as session:
        kept = session.get(Draft, MARK)
        assert kept is not None
        assert (kept.body, kept.expires_on) == (b"\x00%s?", DAY)
        assert FIND.first(session, held=MARK) == (MARK, b"\x00%s?", 1)
        assert [row.one for row in FIND.all(session, held=MARK)] == [1]
        assert FIND.first(session, held=b"") is None
    with field.begin() as session:
        assert DROP.run(session, held=MARK) == 1
        assert DROP.run(session, held=MARK) == 0


def test_what_is_taken_back_is_gone(field: Database) -> None:
    def fail() -> None:
        with field.begin() as session:
            put(session)
            raise RuntimeError("the request failed")

    with pytest.raises(RuntimeError):
        fail()
    with field.begin() as session:
        put(session)
        session.rollback()
        put(session, b"n" * 16)
        with session.begin_nested() as step:
            put(session)
            step.rollback()
    with field.read() as session:
        assert FIND.first(session, held=MARK) is None
        assert FIND.first(session, held=b"n" * 16) is not None


def test_a_glance_sees_what_others_commit_and_leaves_no_transaction(field: Database) -> None:
    with field.glance() as session:
        assert FIND.first(session, held=MARK) is None
        with field.begin() as other:
            put(other)
        assert FIND.first(session, held=MARK) is not None
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert not (driver.in_transaction if field.is_sqlite else driver.info.transaction_status)


def test_errors_are_those_of_the_engine(database: Database) -> None:
    def put_nowhere() -> None:
        with database.begin() as session:
            Draft.__table__.drop(session.connection())  # type: ignore[attr-defined]
            put(session)

    with pytest.raises(ReferenceMissing), database.begin() as session:
        put(session)  # of no wave
    with pytest.raises(DatabaseUnavailable if database.is_sqlite else ProgrammingError, match="draft"):
        put_nowhere()
    with database.begin() as session:
        assert FIND.first(session, held=MARK) is None


def test_a_type_that_a_driver_does_not_give_as_it_is_is_refused(database: Database) -> None:
    with database.read() as session:
        for kind in (JSON, UtcTime, Date, Boolean, Enum):
            with pytest.raises(TypeError, match=kind.__name__):
                Prepared(select(column("x", kind()))).first(session)


def test_a_value_that_is_missing_or_unknown_is_no_null(database: Database) -> None:
    with database.read() as session:
        for values in ({}, {"hold": MARK}, {"held": MARK, "more": 1}):
            with pytest.raises(TypeError, match="held"):
                FIND.first(session, **values)


def test_an_error_while_rows_are_fetched_is_one_of_the_engine(new_database: Callable[[str], Database]) -> None:
    database = new_database("sqlite")
    rows = select(func.json(column("one"), type_=String)).select_from(
        text("(select '{}' as one union all select 'no')")
    )
    with pytest.raises(DatabaseUnavailable), database.read() as session:
        Prepared(rows).all(session)


@pytest.mark.postgres
@pytest.mark.parametrize("way", ["begin", "read", "glance"])
def test_when_the_server_went_away_one_request_fails(new_database: Callable[..., Database], way: str) -> None:
    database, opens = new_database("postgres", upgraded=True), 0

    def ask() -> None:
        with getattr(database, way)() as session:
            FIND.first(session, held=MARK)

    with ExitStack() as stack:  # several connections wait in the pool
        for _ in range(5):
            FIND.first(stack.enter_context(getattr(database, way)()), held=MARK)
    with closing(psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True)) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    with pytest.raises(DatabaseUnavailable):
        ask()
    for _ in range(8):
        ask()
        opens += 1
    assert opens == 8
