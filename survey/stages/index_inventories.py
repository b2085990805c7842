"""The inventory of an index seal: a mark of every column that no file of its bundle tells (waves: `inventories`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from survey.model.index import IndexRun, IndexSeal, IndexSheet
from survey.stages import inventories

FORMAT = "hailong-index-inventory-1"
TABLES = "tables"
IN_A_FILE = {"scheme"}  # extract/scheme.toml
Stands = dict[str, dict[str, Any]]


def stands(session: Session, sheet: IndexSheet, run: IndexRun, *, at: datetime, by: str) -> Stands:
    """By table and column the stored values; who sealed, and when, as the seal's own row has it."""
    return {
        IndexSheet.__tablename__: inventories.stored(session, sheet, without=IN_A_FILE),
        IndexRun.__tablename__: inventories.stored(session, run),
        IndexSeal.__tablename__: {"sealed_at": at.astimezone(UTC).isoformat(), "sealed_by": by},
    }


def take(key: bytes, found: Stands) -> dict[str, Any]:
    """The inventory as the rows stand."""
    marks = {table: {name: inventories.mark(key, value) for name, value in row.items()} for table, row in found.items()}
    return {"format": FORMAT, TABLES: marks}


def differences(key: bytes, told: Mapping[str, Any], found: Stands) -> Iterator[tuple[str, str, str]]:
    """Table, column and value of what is not as it was; columns of later or earlier versions are passed over."""
    for table, row in found.items():
        for name, value in row.items():
            if told[TABLES][table].get(name) not in {None, inventories.mark(key, value)}:
                yield table, name, inventories.plain(value)
