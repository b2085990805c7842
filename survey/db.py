"""The two engines (SQLite embedded, PostgreSQL) and the one way to open a unit of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import itemgetter
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    literal_column,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from survey import constraints
from survey.errors.common import DatabaseMissing, DatabaseUnavailable

BUSY_TIMEOUT_MS = 10_000
IDLE_SECONDS = 5
ROOM_KIB = 192 << 10  # the indexes of a million dossiers, and more
NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"})
MOUNTS = Path("/proc/mounts")
PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL loses acknowledged answers at a power cut (RELIABILITY section 2)
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  # what the close forgets must not stay in free pages of the file
)


@dataclass(frozen=True)
class Database:
    """An open database: `begin()` writes, `read()` and `glance()` read; all close what they opened."""

    url: str
    writer: Engine
    reader: Engine
    glancer: Engine
    turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def is_sqlite(self) -> bool:
        return self.writer.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: committed to disk when the block ends, undone when it raises."""
        with self._turn_of_a_writer(), _unit_of_work(self.writer) as session:
            yield session
            session.finish()

    @contextmanager
    def _turn_of_a_writer(self) -> Iterator[None]:
        """SQLite has one writer at a time: threads that queue here get their turn sooner than by trying its lock."""
        if not self.is_sqlite:
            yield
            return
        if not self.turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise DatabaseUnavailable(reason="locked")
        try:
            yield
        finally:
            self.turn.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Reads that never wait for a writer: one view of all on SQLite, on PostgreSQL a new one for each statement."""
        with _unit_of_work(self.reader) as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """`read()` for a page that asks for a row or two: `Prepared` statements run alone, without a transaction.

        On PostgreSQL a transaction takes two more trips to the server; these connections are a pool of their own.
        """
        with _unit_of_work(self.glancer, begins=False) as session:
            yield session

    def close(self) -> None:
        for engine in (self.writer, self.reader, self.glancer):
            engine.dispose()


def engine_of(session: Session) -> str:
    """Which engine a transaction is on: `sqlite` or `postgresql`."""
    return session.connection().dialect.name


def in_one_text(columns: Sequence[Any]) -> ColumnElement[str]:
    """The values of several columns as one text, for who only asks whether any of them changed."""
    nothing, between = literal_column("''", Text), literal_column("'|'", Text)
    texts = [func.coalesce(cast(one, Text), nothing) for one in columns]
    return reduce(lambda left, right: left + between + right, texts[1:], texts[0])


def lock_table(session: Session, table: Table) -> None:
    """Let nobody else write to a table until this transaction ends; on SQLite no two write at a time anyway."""
    if engine_of(session) == "postgresql":
        session.connection().exec_driver_sql(f"lock table {table.name} in share row exclusive mode")


def require_database(url: str) -> None:
    """DatabaseMissing when SQLite would make an empty file; a server says for itself which databases it has."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and not Path(parts.database or "").is_file():
        raise DatabaseMissing(place=parts.database or url)


def open_database(url: str) -> Database:
    """Open (and for SQLite create the folder of) the database at an SQLAlchemy URL."""
    if make_url(url).get_backend_name() != "sqlite":
        engine = _postgresql_engine(url)
        return Database(
            url, engine, engine, _postgresql_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        )
    path = Path(make_url(url).database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_network_filesystem(path.parent)
    reader = _sqlite_engine(url, "BEGIN")
    return Database(url, _sqlite_engine(url, "BEGIN IMMEDIATE"), reader, reader)


def _postgresql_engine(url: str, **options: Any) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"options": f"-c lock_timeout={BUSY_TIMEOUT_MS}"},  # as long as SQLite's
        **options,
    )
    _ask_the_idle(engine)
    return engine


def _ask_the_idle(engine: Engine) -> None:
    """Ask a connection whether it still lives only after it lay idle: each question costs a request a round trip."""
    back = "back"

    @event.listens_for(engine, "checkin")
    def _came_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[back] = monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if monotonic() - record.info.get(back, monotonic()) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError() from error  # the pool opens another one


def _sqlite_engine(url: str, begin: str) -> Engine:
    """An SQLite engine whose transactions start with the given statement (the driver starts none itself)."""
    from pysqlite3 import dbapi2  # bundles an SQLite without the WAL-reset bug of 3.40

    engine = create_engine(
        url, module=dbapi2, connect_args={"check_same_thread": False}, pool_size=8, max_overflow=8, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        try:
            connection.connection.driver_connection.execute(begin)  # no result to wrap, at every request
        except dbapi2.OperationalError as error:
            raise OperationalError(begin, None, error) from error

    return engine


class OneTransaction(Session):
    """A session on one connection: statements that need no objects go straight to it.

    It becomes a session at the first look at anything that only a session has: most requests of respondents never do.
    """

    def __init__(self, held: Connection, *, begins: bool = True) -> None:
        self._held, self._begins = held, begins

    def __getattr__(self, name: str) -> Any:
        if self._keeps_objects:
            raise AttributeError(name)
        super().__init__(self._held, expire_on_commit=False)
        return getattr(self, name)

    @property
    def _keeps_objects(self) -> bool:
        return "identity_map" in vars(self)

    def connection(self, *arguments: Any, **options: Any) -> Connection:
        if arguments or options:
            return super().connection(*arguments, **options)
        if self._begins and not self._held.in_transaction():
            self._held.begin()  # now: `Prepared` statements go past the connection too
        return self._held

    def begin_nested(self) -> SessionTransaction:
        """A step that can be taken back: what goes past the session lies inside it too."""
        step = super().begin_nested()
        super().connection()  # opens the savepoint now, not at the first look at an object
        return step

    def rollback(self) -> None:
        if self._keeps_objects:
            super().rollback()
        self._held.rollback()

    def finish(self) -> None:
        """Write what objects still hold and commit; after a rollback there is nothing left to do."""
        if self._keeps_objects and self.in_transaction():
            self.commit()
        self._held.commit()

    def close(self) -> None:
        if self._keeps_objects:
            super().close()


@contextmanager
def _unit_of_work(engine: Engine, *, begins: bool = True) -> Iterator[OneTransaction]:
    try:  # closing rolls back, and may find nobody there
        with engine.connect() as held, OneTransaction(held, begins=begins) as session:
            yield session
    except OperationalError as error:  # locked, full, read-only, or the server is away
        raise DatabaseUnavailable(reason=_short_reason(error)) from error
    except IntegrityError as error:
        refused = constraints.refusal(_constraint(error))
        if refused is None:
            raise
        raise refused from error


def _constraint(error: IntegrityError) -> str:
    """The name of the constraint that refused: PostgreSQL says it; SQLite says a check's name or the columns."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or ""
    kind, _colon, told = str(error.orig).partition(" constraint failed")
    told = told.removeprefix(": ")
    if kind == "FOREIGN KEY":
        return constraints.REFERENCE
    return constraints.unique_name(told) if kind == "UNIQUE" else told


def insert_into(table: Table, engine: str) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on conflict`, which each engine's dialect has of its own."""
    return sqlite.insert(table) if engine == "sqlite" else postgresql.insert(table)


def insert_rows(session: Session, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert many rows of texts, bytes and days as the driver takes them: a long list has no use for the compiler."""
    if not rows:
        return
    connection, columns = session.connection(), tuple(rows[0])
    values, names = map(itemgetter(*columns), rows), ", ".join(f'"{column}"' for column in columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"insert into {table.name} ({names}) values ({places})", list(values))  # noqa: S608 (ours)
        return
    statement, driver = f"copy {table.name} ({names}) from stdin", connection.dialect.loaded_dbapi
    held: Any = connection.connection.driver_connection
    try:
        with held.cursor() as cursor, cursor.copy(statement) as copy:
            for row in values:
                copy.write_row(row)
    except driver.Error as error:
        raise told_by_driver(connection, statement, error) from error


def told_by_driver(connection: Connection, statement: str, error: Exception) -> Exception:
    """A driver's own error as the engine raises those of its statements; a dead connection leaves the pool."""
    dialect, held = connection.dialect, connection.connection
    is_dead = dialect.is_disconnect(error, held.driver_connection, None)  # type: ignore[arg-type]
    if is_dead:
        connection.invalidate(error)
        connection.engine.dispose()  # a server that went away took the others too
    return DBAPIError.instance(
        statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_dead, dialect=dialect
    )


@contextmanager
def room_for_many(session: Session) -> Iterator[None]:
    """Let SQLite keep its indexes in memory meanwhile: new random keys touch every page of them again and again."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size=-{ROOM_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={before}")


def _short_reason(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0][:120] if error.orig is not None else "unavailable"


def _refuse_network_filesystem(folder: Path) -> None:
    """WAL needs shared memory between processes: a network file system corrupts it."""
    kind = filesystem_of(folder)
    if kind in NETWORK_FILESYSTEMS:
        raise DatabaseUnavailable(reason=f"SQLite must not lie on a network file system ({kind})")


def filesystem_of(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of file system that a folder lies on; empty where the system does not say."""
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _device, point, filesystem = line.split(" ")[:3]
        if folder.absolute().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, filesystem
    return kind
