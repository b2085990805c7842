"""Which revision of the tables a database has, and which this version needs; without the migration tool's 10 MiB."""

from __future__ import annotations

from functools import cache

from sqlalchemy import column, inspect, select, table

from survey import resources
from survey.db import Database
from survey.errors.common import DatabaseNotReady

REVISIONS = table("alembic_version", column("version_num"))


@cache
def newest() -> str:
    """The newest revision that this version of the product knows, by the numbers of the files."""
    files = resources.tree(resources.Tree.MIGRATIONS).joinpath("versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in files)


def current(database: Database) -> str:
    """The revision of the database; empty when it has no tables yet."""
    with database.read() as session:
        is_made = inspect(session.connection()).has_table(REVISIONS.name)
        return (session.scalar(select(REVISIONS.c.version_num)) or "") if is_made else ""


def require_newest(database: Database) -> None:
    """DatabaseNotReady unless the tables are those of this version."""
    found = current(database)
    if found != newest():
        raise DatabaseNotReady(found=found, wanted=newest())
