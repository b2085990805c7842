"""A copy of the whole database by its engine's own means, while the site serves: one instant, whatever goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, inspect, make_url, select, table, text

from survey.custody.refusals import ToolFailed, ToolMissing
from survey.db import Database
from survey.revision import REVISIONS

SQLITE, POSTGRES = "sqlite", "postgresql"
NAMES = {SQLITE: "database.sqlite", POSTGRES: "database.dump"}
KEPT_ASIDE = "replaced_"


@dataclass(frozen=True)
class Copied:
    """What a copy holds: the revision of its tables, and how many rows each has."""

    revision: str
    rows: dict[str, int]


def take(database: Database, folder: Path) -> tuple[Path, Copied]:
    """Copy the database into a file of the folder."""
    engine = database.writer.dialect.name
    copy = folder / NAMES[engine]
    return copy, _take_sqlite(database, copy) if database.is_sqlite else _take_postgres(database, copy)


def _take_sqlite(database: Database, copy: Path) -> Copied:
    """`VACUUM INTO` reads one snapshot, waits for no writer, and leaves out free pages."""
    connection = database.reader.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()
    with looking_into(copy) as opened:
        return counted(opened)


@contextmanager
def looking_into(file: Path) -> Iterator[Connection]:
    """An SQLite file read without changing anything about it."""
    from pysqlite3 import dbapi2

    engine = create_engine(
        "sqlite://", module=dbapi2, creator=lambda: dbapi2.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _take_postgres(database: Database, copy: Path) -> Copied:
    """`pg_dump` of the snapshot in which the rows are counted."""
    with database.reader.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.scalar(select(func.pg_export_snapshot()))
        run_tool(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}",
            f"--snapshot={snapshot}", f"--exclude-schema={KEPT_ASIDE}*", url=database.url,
        )  # fmt: skip
        return counted(connection)


def counted(connection: Connection) -> Copied:
    """The rows of every table as this connection sees them."""
    names = sorted(set(inspect(connection).get_table_names()) - {REVISIONS.name})
    rows = {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}
    has_revision = inspect(connection).has_table(REVISIONS.name)
    return Copied((connection.scalar(select(REVISIONS.c.version_num)) or "") if has_revision else "", rows)


def run_tool(name: str, *arguments: str, url: str | None = None) -> None:
    """Run a program of PostgreSQL, on the database of an address; the password stays out of the list of processes."""
    program = shutil.which(name)
    if program is None:
        raise ToolMissing(name)
    command, environment = [program, *arguments], dict(os.environ)
    if url is not None:
        parts = make_url(url)
        command += ["--no-password", f"--dbname={_plain(parts)}"]
        environment |= {"PGPASSWORD": parts.password} if parts.password else {}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - found
    if done.returncode:
        lines = done.stderr.splitlines() or ["?"]
        raise ToolFailed(name, next((line for line in lines if "error" in line.lower()), lines[0])[:300])


def _plain(url: URL) -> str:
    without = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return without.render_as_string(hide_password=False)


def is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def postgres_users(connection: Connection) -> int:
    """How many others have this database open."""
    others = text(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
        "and backend_type = 'client backend'"
    )
    return connection.scalar(others) or 0
