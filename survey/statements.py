"""Statements of respondents' requests: compiled once for an engine, then given to its driver as they are.

The engine's own way around such a statement costs several times the statement itself.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Any, cast

from sqlalchemy import Connection, Date, Dialect, Enum, Executable, Integer, LargeBinary, String
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from survey.db import told_by_driver

_CURSOR = "cursor of prepared statements"
AS_THEY_ARE = (String, LargeBinary, Integer)  # what both drivers take and give as Python has it


@dataclass(frozen=True)
class _Ready:
    """A statement in an engine's words: its text, the places of its values, the rows that it brings."""

    text: str
    places: tuple[str, ...] | None  # None: by name
    asked: frozenset[str]
    stated: Mapping[str, Any]
    days: tuple[str, ...]
    row: Callable[[Any], Any]
    refused: type[Exception]

    def cursor(self, connection: Connection) -> Any:
        """A new one for SQLite; PostgreSQL's takes long to make, and serves as long as its connection."""
        held, driver = connection.connection, cast(Any, connection.connection.driver_connection)
        if self.places is not None:
            return driver.cursor()
        cursor = held.info.get(_CURSOR)
        if cursor is None:
            cursor = held.info[_CURSOR] = driver.cursor(binary=True)
        return cursor

    def values(self, given: Mapping[str, Any]) -> Any:
        if given.keys() != self.asked:
            raise TypeError(f"the statement takes {sorted(self.asked)}, not {sorted(given)}")
        named = {**self.stated, **given}
        for name in self.days:
            named[name] = named[name].isoformat()
        return named if self.places is None else [named[name] for name in self.places]


class Prepared:
    """One statement that takes texts, bytes, whole numbers and days and brings no days; where the engines differ, made
    from the engine's name.

    Rows come as named tuples. Nothing is flushed before, as with `Connection.execute`. Errors are those of the engine.
    """

    def __init__(self, made: Executable | Callable[[str], Executable]) -> None:
        self._made = made
        self._ready: dict[str, _Ready] = {}

    def first(self, session: Session, **values: Any) -> Any | None:
        """The first row, or None."""
        ready, found = self._sent(session, values, _one)
        return None if found is None else ready.row(found)

    def all(self, session: Session, **values: Any) -> list[Any]:
        """Every row."""
        ready, found = self._sent(session, values, _every)
        return [ready.row(one) for one in found]

    def run(self, session: Session, **values: Any) -> int:
        """Change rows; how many."""
        return int(self._sent(session, values, _touched)[1])

    def _sent(self, session: Session, values: Mapping[str, Any], take: Callable[[Any], Any]) -> tuple[_Ready, Any]:
        connection = session.connection()
        name = connection.dialect.name
        ready = self._ready.get(name) or self._prepare(connection)
        try:
            cursor = ready.cursor(connection)
            try:
                cursor.execute(ready.text, ready.values(values))
                return ready, take(cursor)
            finally:
                if ready.places is not None:  # an open one holds SQLite's view
                    cursor.close()
        except ready.refused as error:
            raise told_by_driver(connection, ready.text, error) from error

    def _prepare(self, connection: Connection) -> _Ready:
        dialect = connection.dialect
        statement = self._made(dialect.name) if callable(self._made) else self._made
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        brought = list(getattr(statement, "exported_columns", ()))
        for one in compiled.binds.values():
            _require_plain(one.type, *AS_THEY_ARE, Date)
        for one in brought:
            _require_plain(one.type, *AS_THEY_ARE)
        self._ready[dialect.name] = made = _Ready(
            text=str(compiled),
            places=tuple(compiled.positiontup) if compiled.positional else None,
            asked=frozenset(name for name, bind in compiled.binds.items() if bind.required),
            stated={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
            days=_days_as_text(compiled, dialect),
            row=_row_of(one.key for one in brought),
            refused=dialect.loaded_dbapi.Error,
        )
        return made


_one, _every, _touched = methodcaller("fetchone"), methodcaller("fetchall"), attrgetter("rowcount")


def _row_of(names: Iterable[str]) -> Callable[[Any], Any]:
    """What makes a row of what the driver brings."""
    kind: Any = cast(Any, namedtuple)("Row", names, rename=True)
    return cast(Callable[[Any], Any], kind._make)


def _days_as_text(compiled: SQLCompiler, dialect: Dialect) -> tuple[str, ...]:
    """Where SQLite, which has no type for days, is given their text."""
    if dialect.name != "sqlite":
        return ()
    return tuple(name for name, bind in compiled.binds.items() if isinstance(bind.type, Date))


def _require_plain(kind: TypeEngine[Any], *plain: type[TypeEngine[Any]]) -> None:
    if not isinstance(kind, plain) or isinstance(kind, Enum):
        raise TypeError(f"a prepared statement takes or brings no {type(kind).__name__}")
