"""The database's tables as migrations make them: up, down, compared; each revision is all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from survey import resources
from survey.constraints import REFERENCE
from survey.db import Database
from survey.errors.common import ReferenceMissing
from survey.model.tables import METADATA

HEAD, BASE = "head", "base"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.tree(resources.Tree.MIGRATIONS)))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = HEAD) -> None:
    """Bring the tables up to a revision, in one transaction."""
    with _changing(database) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the tables down to a revision, in one transaction."""
    with _changing(database) as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def _changing(database: Database) -> Iterator[Connection]:
    """One transaction for changing tables. SQLite writes a changed table anew, which others refer to meanwhile.

    So it looks at the references at the end, as a whole: one that leads nowhere undoes everything.
    """
    if not database.is_sqlite:
        with database.writer.begin() as connection:
            yield connection
        return
    with database.writer.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise ReferenceMissing(constraint=f"{REFERENCE}{broken[0]}")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def differences(database: Database) -> list[str]:
    """What differs between the database and the models, a line each; empty when nothing does."""
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(change) for change in compare_metadata(context, METADATA)]
