"""`hailong doctor`: what a site stands on, and what of it is not in order."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import click
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from survey import queue, revision
from survey.cli.context import Site, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.custody.copies import KEPT_ASIDE
from survey.db import Database, filesystem_of
from survey.errors.common import AuditBroken
from survey.sentences.refusals import sentences
from survey.stages import audit, retention, waves

SAFE_SQLITE = (3, 51, 3)  # before it, two writers at a checkpoint could corrupt the file
PASSING = frozenset({"tmpfs", "ramfs", "overlay"})  # gone with the machine or the container
ENOUGH, TOO_LITTLE = 1 << 30, 200 << 20
WORKER_REST = timedelta(minutes=5)
OLD = "an old database, kept by restore"
CLOCK_SLACK = timedelta(minutes=2)
SETTINGS = {
    True: {"pragma journal_mode": "wal", "pragma synchronous": "2", "pragma foreign_keys": "1"},
    False: {"show fsync": "on", "show synchronous_commit": "on", "show full_page_writes": "on"},
}


class State(StrEnum):
    """How a finding is to be taken: `wrong` ends the command with 1."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    name: str
    told: str
    state: State = State.OK


@click.command()
@DATABASE
@click.option("--json", "as_json", is_flag=True)
@refuses
def doctor(database: str | None, as_json: bool) -> None:
    """Say what the site stands on: engine, tables, keys, log, disk, clock, worker; end with 1 when one is wrong."""
    site = open_site(database, ready=False)
    found = [*_engine(site.database), *_place(site), *_keys(site), *_tables(site), *_worker(site), *_address(site)]
    is_well = all(one.state is not State.WRONG for one in found)
    lines = [f"{one.state.value:<6}{one.name}: {one.told}" for one in found]
    put({"ok": is_well, "checks": [asdict(one) for one in found]}, as_json=as_json, lines=lines)
    if not is_well:
        sys.exit(1)


def judged(name: str, told: str, *, wrong: bool = False, look: bool = False) -> Finding:
    return Finding(name, told, State.WRONG if wrong else State.LOOK if look else State.OK)


def _engine(database: Database) -> Iterator[Finding]:
    """The version, and the settings without which an acknowledged answer could be lost."""
    with database.writer.connect() as connection:
        query = "select sqlite_version()" if database.is_sqlite else "show server_version"
        version = str(connection.exec_driver_sql(query).scalar())
        is_old = database.is_sqlite and tuple(map(int, version.split("."))) < SAFE_SQLITE
        yield judged("engine", f"{database.writer.dialect.name} {version}", wrong=is_old)
        for query, wanted in SETTINGS[database.is_sqlite].items():
            value = str(connection.exec_driver_sql(query).scalar())
            yield judged(query.split()[1], value, wrong=value != wanted)


def _place(site: Site) -> Iterator[Finding]:
    """The disk of the database (a network one is refused at the start) and what restores left there."""
    if not site.database.is_sqlite:
        with site.database.read() as session:
            found = session.connection().exec_driver_sql("select nspname from pg_namespace order by 1").scalars()
            kept = [name for name in found if name.startswith(KEPT_ASIDE)]
        yield from (judged(OLD, f"schema {name}", look=True) for name in kept)
        return
    file = Path(make_url(site.database.url).database or "").absolute()
    kind = filesystem_of(file.parent)
    yield judged("file system", kind or "unknown", look=kind in PASSING)
    free, size = shutil.disk_usage(file.parent).free, file.stat().st_size
    told = f"{free >> 20} MiB free, database {size >> 20} MiB"
    yield judged("disk", told, wrong=free < TOO_LITTLE, look=free < max(ENOUGH, 2 * size))
    is_open = bool(file.stat().st_mode & 0o077)
    yield judged("database readable by others", "yes" if is_open else "no", look=is_open)
    for path in sorted(file.parent.glob(f"{file.name}.{KEPT_ASIDE}*")):
        yield judged(OLD, str(path), look=True)


def _keys(site: Site) -> Iterator[Finding]:
    folder = site.keys.folder
    if not folder.is_dir():
        yield judged("keys", f"{folder} is missing", look=True)
        return
    opened = [path.name for path in (folder, *folder.glob("*.key")) if path.stat().st_mode & 0o077]
    yield judged("keys", str(folder))
    yield judged("keys readable by others", ", ".join(opened) or "none", wrong=bool(opened))


def _tables(site: Site) -> Iterator[Finding]:
    found, wanted = revision.current(site.database), revision.newest()
    yield judged("tables", f"{found or 'none'} (wanted {wanted})", wrong=found != wanted)
    if found != wanted:
        return
    with site.database.read() as session:
        lacking = [
            wave.code
            for wave in set(waves.all_waves(session)) - set(retention.finished(session))
            if not site.keys.has_wave(wave.id)
        ]
        yield judged("waves without their key", ", ".join(sorted(lacking)) or "none", wrong=bool(lacking))
        yield from _log(session, site.now())


def _log(session: Session, now: datetime) -> Iterator[Finding]:
    """The chain, and whether its last entry lies in the future: then a clock was set back."""
    try:
        yield judged("audit entries", str(audit.verify(session).count))
    except AuditBroken as error:
        yield judged("audit entries", sentences(error, reader())[0], wrong=True)
    newest = audit.newest(session)
    is_ahead = newest is not None and newest > now + CLOCK_SLACK
    yield judged("clock", now.isoformat(timespec="seconds"), wrong=is_ahead)


def _worker(site: Site) -> Iterator[Finding]:
    """Whether `hailong work` did its minute: an open wave needs it, for messages, scores and answers in the spool."""
    last = queue.last_beat(site.settings)
    is_late = last is None or site.now() - last > WORKER_REST
    is_needed = False
    if is_late and revision.current(site.database) == revision.newest():
        with site.database.read() as session:
            is_needed = any(wave.state in waves.RUNNING for wave in waves.all_waves(session))
    told = last.isoformat(timespec="seconds") if last else "never seen"
    yield judged("worker", told, wrong=is_needed, look=is_late)


def _address(site: Site) -> Iterator[Finding]:
    parts = urlsplit(site.settings.base_url)
    is_open = parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}
    yield judged("address", site.settings.base_url, look=is_open)
