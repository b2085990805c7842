"""The inventory of a seal: a digest of every table whose rows may not change after it (`held`), for the bundle.

Keyed by the seal's own random number, which stays in the database: the bundle tells nothing of what the tables hold.
Values are read as they are stored, so that one which cannot be read is told as any other change.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import islice, zip_longest
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Date, Select, String, Text, and_, cast, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from survey.custody.bundles import INVENTORY
from survey.db import engine_of
from survey.model.base import Base, UtcTime
from survey.model.response import Facts
from survey.model.tables import METADATA
from survey.stages import retention
from survey.stages.held import HELD, Held, Moment

FORMAT = "hailong-inventory-1"
FILE = INVENTORY
CHUNK = 2000
MOST_MARKS = 20_000  # tables with more rows have no mark of each: the table and the column are named
MARK = 8
WORDS = "words"  # facts in one's own words have a date
DOCUMENTS = "documents"
OF_SEAL = ("release_id", "run_id", "sealed_at", "sealed_by")
Values = tuple[Any, ...]


class Kind(StrEnum):
    """In which way a row is not the sealed one."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True)
class Difference:
    """The first thing in a table that is not what was sealed; `row` counts in the order of the keys, from 1."""

    table: str
    kind: Kind
    key: str = ""
    row: int | None = None
    column: str = ""
    found: str = ""


def take(session: Session, of: Moment, key: bytes, seal: Mapping[str, Any]) -> dict[str, Any]:
    """The inventory as the tables stand; `seal` has what its own row will say (OF_SEAL)."""
    return {
        "format": FORMAT,
        "tables": {
            name: _Digest.of(_rows(session, of, held, part), held.columns, key).told()
            for held in HELD
            for name, part in _parts(held)
        },
        "seal": {name: mark(key, seal[name]) for name in OF_SEAL},
        DOCUMENTS: [len(of.wave.documents), mark(key, of.wave.documents)],
    }


def differences(
    session: Session, of: Moment, key: bytes, told: Mapping[str, Any], *, every: bool, purged: Collection[str]
) -> Iterator[Difference]:
    """Table by table what is not as it was; for a replaced seal (not `every`) what it holds for ever."""
    length, documents = told[DOCUMENTS]
    if mark(key, of.wave.documents[:length]) != documents:
        yield Difference("wave", Kind.CHANGED, column=DOCUMENTS)
    for held in HELD:
        for name, part in _parts(held):
            if name in told["tables"] and (every or held.always) and not (part == WORDS and held.name in purged):
                found = _difference(session, of, key, held, part, told["tables"][name])
                if found is not None:
                    yield found


def seal_differs(key: bytes, told: Mapping[str, Any], seal: Mapping[str, Any]) -> str:
    """The first field of the seal's own row that is another than when it was made; nothing when none is."""
    return next((name for name in OF_SEAL if told["seal"][name] != mark(key, seal[name])), "")


def stored(session: Session, row: Base, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The values of one row as they are stored, by column."""
    table = METADATA.tables[row.__tablename__]
    columns = [column for column in table.c if column.name not in without]
    own = and_(*(column == getattr(row, column.name) for column in table.primary_key))
    found = session.connection().execute(select(*map(_raw, columns)).where(own)).one()
    return {column.name: value for column, value in zip(columns, found, strict=True)}


def unreadable(session: Session) -> Difference | None:
    """The first value of any table that its column cannot hold: no JSON, no time."""
    for table in METADATA.sorted_tables:
        odd = [column for column in table.c if isinstance(column.type, (JSON, UtcTime, Date))]
        keys = [*table.primary_key]
        found = session.connection().execute(select(*map(_raw, [*keys, *odd])).order_by(*keys)) if odd else ()
        for row, values in enumerate(found, start=1):
            for column, value in zip(odd, values[len(keys) :], strict=True):
                if not _reads(column, value):
                    key = " ".join(map(plain, values[: len(keys)]))
                    return Difference(table.name, Kind.CHANGED, key, row, column.name, str(value)[:40])
    return None


def _parts(held: Held) -> list[tuple[str, str]]:
    """Facts in words apart from the others: only they go at a date."""
    if held.model is Facts:
        return [(held.name, "plain"), (f"{held.name}.{WORDS}", WORDS)]
    return [(held.name, "")]


def _rows(session: Session, of: Moment, held: Held, part: str, names: Sequence[str] = ()) -> Iterator[Values]:
    """The stored values of the held rows, in the order of their keys."""
    names = names or held.columns
    found = session.connection().execute(_selected(session, of, held, names), execution_options={"yield_per": CHUNK})
    rows = (tuple(row) for row in found)
    if not part:
        return rows
    written, place = retention.in_words(of.wave), list(names).index("items")
    return (row for row in rows if _has_words(row[place], written) is (part == WORDS))


def _selected(session: Session, of: Moment, held: Held, names: Sequence[str]) -> Select[Any]:
    columns = held.table.c
    raw = [_raw(columns[name]).label(name) for name in names]
    return select(*raw).where(held.rows(of)).order_by(*(_ordered(session, one) for one in held.table.primary_key))


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    return cast(column, Text) if _is_json(column) else type_coerce(column, NullType())


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _ordered(session: Session, column: Column[Any]) -> ColumnElement[Any]:
    """By bytes: a server's own order of letters changes with its library."""
    if isinstance(column.type, String) and engine_of(session) == "postgresql":
        return column.collate("C")
    return column


def _has_words(items: Any, written: Collection[str]) -> bool:
    try:
        return retention.has_words(json.loads(items), written)
    except (TypeError, ValueError):
        return False


def _reads(column: Column[Any], value: Any) -> bool:
    """Whether a stored value is what its column is for; a server looks after that itself, SQLite keeps anything."""
    if value is None or isinstance(value, date):
        return True
    try:
        json.loads(value) if _is_json(column) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


@dataclass
class _Digest:
    """A digest of each column and, of a short table, a mark of each row."""

    names: Sequence[str]
    columns: list[hmac.HMAC]
    marks: list[str]
    rows: int = 0

    @classmethod
    def of(cls, rows: Iterator[Values], names: Sequence[str], key: bytes) -> _Digest:
        made = cls(names, [hmac.new(key, name.encode(), "sha256") for name in names], [])
        while chunk := list(islice(rows, CHUNK)):
            for digest, values in zip(made.columns, zip(*chunk, strict=True), strict=True):
                digest.update(_bytes(values))
            if made.rows <= MOST_MARKS:
                made.marks += [mark(key, row) for row in chunk]
            made.rows += len(chunk)
        return made

    def told(self) -> dict[str, Any]:
        columns = {name: digest.hexdigest() for name, digest in zip(self.names, self.columns, strict=True)}
        marks = {"order": list(self.names), "marks": self.marks} if self.rows <= MOST_MARKS else {}
        return {"rows": self.rows, "columns": columns} | marks


def _bytes(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, default=plain).encode("utf-8", "surrogatepass")


def plain(value: Any) -> str:
    """A stored value as text."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def mark(key: bytes, value: Any) -> str:
    """A short digest that says nothing of the value."""
    return hmac.digest(key, _bytes(value), "sha256")[:MARK].hex()


def _difference(
    session: Session, of: Moment, key: bytes, held: Held, part: str, told: Mapping[str, Any]
) -> Difference | None:
    """Columns that the table has no more (an upgrade took them) are passed over, and so are the rows' marks then.

    A mark is made over the columns in their `order`; the first inventories do not say it, theirs is the table's.
    """
    model = [column.name for column in held.table.c if column.name in told["columns"]]
    sealed = told.get("order") or model
    names = [name for name in sealed if name in held.table.c]
    stands = _Digest.of(_rows(session, of, held, part, names), names, key)
    found = stands.told()
    others = [name for name in names if found["columns"][name] != told["columns"][name]]
    if not others and found["rows"] == told["rows"]:
        return None
    kind = Kind.CHANGED
    if found["rows"] != told["rows"]:
        kind = Kind.MISSING if found["rows"] < told["rows"] else Kind.ADDED
    column = others[0] if kind is Kind.CHANGED else ""
    if "marks" not in told or len(names) != len(told["columns"]) or found["rows"] > MOST_MARKS:
        return Difference(held.name, kind, column=column)
    marks = zip_longest(told["marks"], stands.marks)
    row = next(place for place, (before, now) in enumerate(marks, start=1) if before != now)
    if kind is Kind.MISSING:
        return Difference(held.name, kind, row=row)
    values = next(islice(_rows(session, of, held, part, names), row - 1, None))
    shown = "" if not column or _is_json(held.table.c[column]) else plain(values[names.index(column)])
    return Difference(held.name, kind, _key_of(held, names, values), row, column, shown)


def _key_of(held: Held, names: Sequence[str], values: Values) -> str:
    """A row by its key, without the wave that all of them are of."""
    keys = [column.name for column in held.table.primary_key if column.name != "wave_id"]
    return " ".join(plain(values[names.index(name)]) for name in keys)
