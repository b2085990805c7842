"""Runs the migrations: each revision is one transaction on both engines, all of it or nothing."""

from __future__ import annotations

from alembic import context

from survey.config import settings_from
from survey.db import open_database
from survey.model.tables import METADATA

config = context.config


def run() -> None:
    connection = config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    database = open_database(config.get_main_option("sqlalchemy.url") or settings_from().database)
    with database.writer.begin() as opened:
        _migrate(opened)
    database.close()


def _migrate(connection) -> None:  # type: ignore[no-untyped-def]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        transaction_per_migration=False,
        compare_type=True,
    )
    context.run_migrations()


run()
