"""The database's tables as migrations make them: up, down, compared; each revision is all or nothing."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from survey import resources
from survey.db import Database
from survey.model.tables import METADATA

HEAD, BASE = "head", "base"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.tree(resources.Tree.MIGRATIONS)))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = HEAD) -> None:
    """Bring the tables up to a revision, in one transaction."""
    with database.writer.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the tables down to a revision, in one transaction."""
    with database.writer.begin() as connection:
        command.downgrade(_config(connection), revision)


def differences(database: Database) -> list[str]:
    """What differs between the database and the models, a line each; empty when nothing does."""
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(change) for change in compare_metadata(context, METADATA)]
