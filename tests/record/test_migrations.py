"""Migrations on filled tables of both engines: up, down, up, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from survey import resources, revision, schema
from survey.db import Database
from survey.keys import Keys


def test_the_newest_migration_is_the_models(database: Database) -> None:
    assert revision.current(database) == revision.newest()
    assert schema.differences(database) == []


def test_filled_tables_go_down_and_up_again(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    go_to_the_field(database, keys, now)
    schema.downgrade(database, schema.BASE)
    with database.reader.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    schema.upgrade(database)
    go_to_the_field(database, Keys(keys.folder / "again"), now)
    assert schema.differences(database) == []


def test_a_migration_that_fails_halfway_leaves_nothing_behind(
    new_database: Callable[[str], Database], engine: str
) -> None:
    database = new_database(engine)
    with database.writer.begin() as connection:
        connection.execute(text("create table wave (id integer)"))  # in the way of the first revision
    with pytest.raises(Exception, match="wave"):
        schema.upgrade(database)
    with database.reader.connect() as connection:
        assert inspect(connection).get_table_names() == ["wave"]
    assert revision.current(database) == ""


def test_the_newest_revision_is_the_last_that_the_migrations_lead_to() -> None:
    folder = resources.tree(resources.Tree.MIGRATIONS)
    assert ScriptDirectory(str(folder)).get_heads() == [revision.newest()]
