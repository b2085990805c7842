"""A copy becomes the database: at one blow, and what was there before is kept aside."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from survey.custody import copies
from survey.custody.archive import sync_folder
from survey.custody.refusals import CarriedFileRefused, Damage, DatabaseInUse, DatabaseNotEmpty, ToolFailed
from survey.db import Database

Rows = Mapping[str, int]
MISCOUNTED = "not the rows of the manifest"
LOGS = ("-wal", "-shm", "-journal")


def check_sqlite(copy: Path, rows: Rows, *, file: str) -> None:
    """A copy that is no sound database, or not the one that the manifest counted, is refused."""
    try:
        with copies.looking_into(copy) as connection:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            found = copies.counted(connection).rows
    except Exception as error:  # whatever the engine says of a file that is not its own
        raise CarriedFileRefused(file, Damage.CHANGED, copies.NAMES[copies.SQLITE]) from error
    if sound != "ok" or found != rows:
        raise CarriedFileRefused(file, Damage.CHANGED, copies.NAMES[copies.SQLITE])


def require_room(database: Database, *, replace: bool) -> bool:
    """Whether there is nothing to keep aside; DatabaseNotEmpty unless that may be replaced."""
    if database.is_sqlite and not _place(database).exists():
        return True
    with database.reader.connect() as connection:
        is_empty = not any(copies.counted(connection).rows.values())
    database.close()
    if not is_empty and not replace:
        raise DatabaseNotEmpty(_told(database))
    return is_empty


def put(database: Database, copy: Path, rows: Rows, *, keep: bool, stamp: str, file: str) -> str:
    """Let the copy be the database; where the old one was kept, empty when nothing was."""
    database.close()
    aside = f"{copies.KEPT_ASIDE}{stamp}"
    if database.is_sqlite:
        return _put_file(_place(database), copy, aside, keep=keep)
    return _put_schema(database, copy, rows, aside, keep=keep, file=file)


def _put_file(place: Path, copy: Path, aside: str, *, keep: bool) -> str:
    kept = place.with_name(f"{place.name}.{aside}")
    with _nobody_else(place):
        if place.exists():
            shutil.copymode(place, copy)
            with suppress(PermissionError):
                os.chown(copy, place.stat().st_uid, place.stat().st_gid)
            if keep:
                os.link(place, kept)  # so that at no instant there is no database
        for log in LOGS:  # left behind by a file that is gone: it must not be read into the new one
            Path(f"{place}{log}").unlink(missing_ok=True)
        with copy.open("rb") as stream:
            os.fsync(stream.fileno())
        copy.replace(place)
        sync_folder(place.parent)
    return str(kept) if kept.exists() else ""


@contextmanager
def _nobody_else(place: Path) -> Iterator[None]:
    """The old file, its log folded in, held so that nobody opens it meanwhile; DatabaseInUse when somebody has."""
    if not place.exists():
        yield
        return
    from pysqlite3 import dbapi2

    holder = dbapi2.connect(place, timeout=1, isolation_level=None)
    try:
        try:
            holder.execute("PRAGMA journal_mode=DELETE")  # refused while any other connection is open
            holder.execute("BEGIN EXCLUSIVE")
        except (dbapi2.OperationalError, sqlite3.OperationalError) as error:
            raise DatabaseInUse(str(place)) from error
        yield
    finally:
        holder.close()


def _put_schema(database: Database, copy: Path, rows: Rows, aside: str, *, keep: bool, file: str) -> str:
    """One transaction: the old tables go into a schema of another name, the new ones come in and are counted."""
    with database.writer.connect() as connection:
        if copies.postgres_users(connection):
            raise DatabaseInUse(_told(database))
    before, script, after = (copy.with_name(name) for name in ("before.sql", "tables.sql", "after.sql"))
    copies.run_tool("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(copy))
    before.write_text(f"alter schema public rename to {aside}; create schema public;", encoding="utf-8")
    ended = "" if keep else f"drop schema {aside} cascade;"
    after.write_text("\n".join([*(_must_count(table, rows[table]) for table in rows), ended]), encoding="utf-8")
    try:
        copies.run_tool(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
            *(f"--file={one}" for one in (before, script, after)), url=database.url,
        )  # fmt: skip
    except ToolFailed as error:
        if MISCOUNTED in error.said:
            raise CarriedFileRefused(file, Damage.CHANGED, copies.NAMES[copies.POSTGRES]) from error
        raise
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")
    database.close()
    return f"schema {aside}" if keep else ""


def _must_count(table: str, rows: int) -> str:
    """End the transaction when a table has not as many rows as the manifest says."""
    name = '"' + table.replace('"', '""') + '"'
    return (
        f"do $$ begin if (select count(*) from public.{name}) <> {int(rows)} then "  # noqa: S608 - our own signed names
        f"raise exception '{MISCOUNTED}'; end if; end $$;"
    )


def _place(database: Database) -> Path:
    return Path(make_url(database.url).database or "")


def _told(database: Database) -> str:
    return make_url(database.url).render_as_string(hide_password=True)
