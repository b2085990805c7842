"""A connection that dies: the database is told to be away, and the next unit of work has another connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text
from sqlalchemy.orm import Session

from survey.db import Database, insert_rows
from survey.errors.common import DatabaseUnavailable

NUMBERS = Table("numbers", MetaData(), Column("one", Integer), Column("other", Integer))


def fill(session: Session, rows: int) -> None:
    insert_rows(session, NUMBERS, [{"one": number, "other": number} for number in range(rows)])


@pytest.mark.postgres
def test_a_connection_that_dies_under_a_long_list_is_thrown_away(new_database: Callable[[str], Database]) -> None:
    database = new_database("postgres")
    with database.begin() as session:
        NUMBERS.create(session.connection())

    seen: list[bool] = []

    def lose_it() -> None:
        with database.begin() as session, database.read() as other:
            mine, held = session.scalar(text("select pg_backend_pid()")), session.connection()
            other.execute(text("select pg_terminate_backend(:mine)"), {"mine": mine})
            try:
                fill(session, 5000)
            finally:
                seen.append(held.invalidated)

    with pytest.raises(DatabaseUnavailable):
        lose_it()
    assert seen == [True]
    with database.begin() as session:
        fill(session, 1)
