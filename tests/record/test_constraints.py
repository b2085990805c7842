"""What the database itself refuses: every constraint has a refusal of its own, and entries of the log queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, cast

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
)  # fmt: skip

from survey import constraints
from survey.db import Database, insert_rows
from survey.errors.common import CellFull, LinkClosed, ReferenceMissing, StoredMeanwhile, SurveyError, ValueForbidden
from survey.model.staff import Account, AccountRole
from survey.model.tables import METADATA
from survey.stages import audit, staff

FAMILIES = {
    PrimaryKeyConstraint: (StoredMeanwhile, LinkClosed),
    UniqueConstraint: (StoredMeanwhile,),
    Index: (StoredMeanwhile,),
    CheckConstraint: (ValueForbidden, CellFull),
    ForeignKeyConstraint: (ReferenceMissing,),
}


def named() -> Iterator[tuple[str, Any]]:
    for table in METADATA.tables.values():
        for constraint in table.constraints:
            yield str(constraint.name), constraint
        for index in table.indexes:
            if index.unique:
                yield str(index.name), index


def test_every_constraint_of_the_tables_has_its_refusal() -> None:
    for name, constraint in named():
        assert isinstance(constraints.refusal(name), FAMILIES[type(constraint)]), name


def test_no_refusal_stands_for_a_constraint_that_is_gone() -> None:
    listed = {*constraints.TAKEN, *constraints.FORBIDDEN, constraints.LINK_USED, constraints.PLACES_TAKEN}
    assert listed <= {name for name, _constraint in named()}


def test_a_unique_constraint_is_known_by_its_columns_alone() -> None:
    for name, constraint in named():
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint | Index):
            columns = ", ".join(f"{constraint.table.name}.{column.name}" for column in constraint.columns)
            assert constraints.unique_name(columns) == name


def account(now: datetime) -> dict[str, Any]:
    return {
        "id": b"1" * 16, "email": "a@example.vn", "name": "A", "agency": "B", "unit_code": None, "password_hash": "x",
        "active": True, "failures": 0, "created_at": now,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "leaf", "constraint"),
    [
        ({"id": b"2" * 16}, StoredMeanwhile, "uq_account_email"),
        ({"email": "b@example.vn"}, StoredMeanwhile, "pk_account"),
        ({"id": b"2" * 16, "email": "b@example.vn", "unit_code": "nowhere"}, ReferenceMissing, "fk_account_unit_code"),
    ],
)
def test_what_the_database_refuses_arrives_as_a_leaf(
    database: Database, now: datetime, change: dict[str, Any], leaf: type[SurveyError], constraint: str
) -> None:
    with database.begin() as session:
        session.execute(insert(Account), [account(now)])
    with pytest.raises(leaf) as refused, database.begin() as session:
        session.execute(insert(Account), [account(now) | change])
    told = vars(refused.value)["constraint"]
    assert told == constraint or (database.is_sqlite and told == constraints.REFERENCE)


def test_rows_put_in_past_the_compiler_are_those_that_are_read_and_a_refusal_is_a_leaf(
    database: Database, now: datetime
) -> None:
    """A long list goes in as the driver takes it (PostgreSQL: COPY): days, bytes and nothing at all arrive whole."""
    holidays = Table("holiday", MetaData(), Column("name", String(9)), Column("day", Date), Column("mark", LargeBinary))
    row = {"mark": b"\x00\\N\t\n", "name": "Tết\t\\N", "day": date(2026, 2, 17)}
    empty = {"mark": None, "name": "", "day": None}
    with database.begin() as session:
        holidays.create(session.connection())
        insert_rows(session, holidays, [row, empty])
        insert_rows(session, holidays, [])
    with database.read() as session:
        assert [dict(one._mapping) for one in session.execute(select(holidays).order_by(holidays.c.day))] in (
            [row, empty], [empty, row],
        )  # fmt: skip
    table = cast(Table, Account.__table__)
    with pytest.raises(StoredMeanwhile) as refused, database.begin() as session:
        insert_rows(session, table, [account(now) | {"id": one, "created_at": "2026-01-01"} for one in (b"1", b"2")])
    assert vars(refused.value)["constraint"] == "uq_account_email"


def test_a_value_outside_a_check_arrives_as_a_leaf(database: Database, now: datetime) -> None:
    with database.begin() as session:
        session.execute(insert(Account), [account(now)])
    with pytest.raises(ValueForbidden) as refused, database.begin() as session:
        session.execute(insert(AccountRole), [{"account_id": b"1" * 16, "role": "emperor"}])
    assert refused.value.constraint == "ck_account_role_role"


def test_entries_of_the_log_queue_when_many_write_at_once(database: Database, now: datetime) -> None:
    """Before the chain's end was locked, one of two on PostgreSQL ended in an error of the database."""
    together, refused = threading.Barrier(8), []

    def write(number: int) -> None:
        together.wait()
        try:
            for step in range(5):
                with database.begin() as session:
                    audit.record(session, actor=f"a{number}", action="test", subject=str(step), detail={}, now=now)
        except Exception as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    with database.read() as session:
        assert audit.verify(session).count == 40


def test_two_who_make_the_same_account_at_once_end_with_one(database: Database, now: datetime) -> None:
    together, ended = threading.Barrier(2), []

    def make() -> None:
        together.wait()
        try:
            with database.begin() as session:
                staff.create_account(
                    session, email="a@example.vn", name="A", agency="B", roles=["admin"], password="x" * 12, now=now
                )
            ended.append("made")
        except SurveyError as error:
            ended.append(type(error).__name__)

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended)[1:] == ["made"]
    assert ended.count("made") == 1
