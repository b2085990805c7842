"""An officials' wave in the field: answered through the real server, copied every evening, closed at the end."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import select, text

sys.path.append(str(Path(__file__).resolve().parents[1] / "faults"))

from ground import HOST, Ground, stop, wait_for
from officials_gateway import STEPS, Gateway, Sent
from respondent import Respondent

from survey import schema
from survey.config import PROVINCE_TIME
from survey.db import Database, open_database
from survey.jobs import close, mix
from survey.keys import Keys
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.stages import invitations, raters, units, waves
from survey.wavefile import read_wave_file

CODE = "2026-officials"
DEPARTMENTS = tuple(f"98-{number:02d}" for number in range(1, 14))
GROUPS = (("HDND", 40, False), ("LDSO", 120, True), ("PHONGSO", 180, True))  # name, raters, at the departments
DAYS = 14
LONE = {3: "HDND", 7: "LDSO", 11: "PHONGSO"}  # days on which one answer comes in, of this group, and no other
TABLES = ("invitation", "rater", "spent_mark", "submission", "draft", "spooled", "tally", "class_cell", "judgement",
          "facts", "wave", "audit_entry", "message", "message_budget", "opt_out", "door_count")  # fmt: skip
WAVE = """
code = "2026-officials"
kind = "rehearsal"
audience = "officials"
instrument = "officials-sample"
scheme = "local-department-sample"
province = "98"
period_from = 2026-01-01
period_to = 2026-12-31
opens = {opens:%Y-%m-%dT%H:%M:%S}
closes = {closes:%Y-%m-%dT%H:%M:%S}
units = "*"
block = 5
[targets]
default = 0
"""

Content = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Person:
    """An official as everybody knows him, and his link; the attacker has the address book, not who holds which link."""

    invitation: bytes
    code: str
    phone: str
    group: str
    agency: str


@dataclass(frozen=True)
class Copy:
    """The database as it lay on the disk one evening: every row with its place, and all bytes of the files."""

    rows: dict[str, list[dict[str, Any]]]
    raw: bytes


@dataclass
class Evidence:
    """What an attacker holds after the close, and (to count hits alone) who gave which answer."""

    copies: list[Copy] = field(default_factory=list)
    gateway: list[Sent] = field(default_factory=list)
    logs: bytes = b""
    people: list[Person] = field(default_factory=list)
    truth: dict[bytes, Content] = field(default_factory=dict)
    lone: list[bytes] = field(default_factory=list)
    blocks: dict[bytes, frozenset[str]] = field(default_factory=dict)  # the key folder before the close, for a control
    spent: dict[bytes, bytes] = field(default_factory=dict)  # of the same folder: whose used mark is which

    @cached_property
    def holders(self) -> dict[str, bytes]:
        """Whose phone is which, by the address book."""
        return {one.phone: one.invitation for one in self.people}

    @cached_property
    def owners(self) -> dict[bytes, bytes]:
        """Whom each row of the outbox is for, as the gateway's log tells."""
        return {one.tracking_id: self.holders[one.phone] for one in self.gateway}


class Recorder(Respondent):
    """A respondent whose choices are written down."""

    def __init__(self, port: int, path: str, *, seed: int) -> None:
        super().__init__(port, path, seed=seed)
        self.said: dict[str, str] = {}

    def fill(self, page: str) -> bytes:
        body = super().fill(page)
        self.said |= {name: value for name, value in parse_qsl(body.decode()) if ":" in name}
        return body


def field_work(url: str, folder: Path, port: int, *, answers: int, seed: int) -> Evidence:
    """Two weeks of an officials' wave: so many answers, three of them alone on their day, a copy every evening."""
    database, keys, rng = open_database(url), Keys(folder / "keys"), random.Random(seed)
    schema.upgrade(database)
    now = datetime.now(UTC)
    found, gateway = Evidence(people=_prepare(database, keys, folder, now)), Gateway(folder)
    gateway.send(database, keys, CODE, 0, now)
    gateway.report(database, rng)
    _hold_keys(database, keys, found)
    days = _days(found.people, answers, rng)
    log = folder / "server.log"
    with log.open("wb") as sink:
        server = _start(Ground(url, keys.folder, (), ""), port, sink)
        try:
            for day in range(1, DAYS + 1):
                if day in STEPS:
                    gateway.send(database, keys, CODE, day, now)
                for person in days[day]:
                    found.truth[person.invitation] = _answer(person, port, seed)
                if day in STEPS:
                    gateway.report(database, rng)
                mix.run(database, keys, now=now, rng=rng)
                found.copies.append(copy(database))
            close.run(database, keys, CODE, actor="test", now=now, rng=rng)
        finally:
            stop(server)
    found.copies.append(copy(database))
    found.logs, found.gateway = log.read_bytes(), gateway.log
    found.lone = [days[day][0].invitation for day in LONE]
    database.close()
    return found


def copy(database: Database) -> Copy:
    """All rows with where they lie (on PostgreSQL the transaction and the place too), and the bytes of the files."""
    places = "" if database.is_sqlite else "xmin::text as xmin_, ctid::text as ctid_, "
    with database.read() as session:
        rows = {
            table: [dict(row) for row in session.execute(text(f"select {places}* from {table}")).mappings()]
            for table in TABLES
        }
    if database.is_sqlite:
        path = Path(database.writer.url.database or "")
        return Copy(rows, b"".join(part.read_bytes() for part in sorted(path.parent.glob(f"{path.name}*"))))
    return Copy(rows, repr(rows).encode())


def _prepare(database: Database, keys: Keys, folder: Path, now: datetime) -> list[Person]:
    opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-1, 30))
    places = [
        "code,name_vi,name_en,type,parent,valid_from,valid_to,successor,rated",
        "98,Tỉnh,Province,province,,,,,no",
    ]
    places += [f"{code},Sở {code},Department {code},department,98,,,,yes" for code in DEPARTMENTS]
    listed = ["rater_code,group,agency,email,phone,rates"]
    for group, size, inside in GROUPS:
        for number in range(size):
            agency = DEPARTMENTS[number % len(DEPARTMENTS)] if inside else "HDND"
            listed.append(f"{group}-{number},{group},{agency},,09{len(listed):08d},*")
    for name, lines in (("units", places), ("raters", listed)):
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    with database.begin() as session:
        units.import_units(session, folder / "units.csv", actor="test", now=now)
        wave = waves.create(
            session, read_wave_file(WAVE.format(opens=opens, closes=closes)), keys=keys, actor="test", now=now
        )
        raters.import_raters(
            session, wave, folder / "raters.csv", installation=keys.installation, actor="test", now=now
        )
        invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now)
        waves.open_wave(session, wave, actor="test", now=now)
        found = session.execute(select(Invitation.id, Rater).join(Rater, Rater.id == Invitation.rater_id)).all()
        key = keys.wave(wave.id)
        return [
            Person(one, key.code(one), keys.installation.reveal(rater.phone or b""), rater.group, rater.agency)
            for one, rater in found
        ]


def _hold_keys(database: Database, keys: Keys, found: Evidence) -> None:
    """What the key folder would tell before the close: the control, which has to succeed."""
    with database.read() as session:
        wave = waves.find(session, CODE)
        key = keys.wave(wave.id)
        for one, rater in session.execute(select(Invitation.id, Invitation.rater_id)):
            found.spent[key.mark("spent", one)] = one
            found.blocks[one] = frozenset(unit.code for unit in invitations.block_of(session, wave, key, rater))


def _days(people: list[Person], answers: int, rng: random.Random) -> dict[int, list[Person]]:
    """Who answers on which day: one on the lone days, the others on the rest."""
    waiting = rng.sample(people, len(people))
    days: dict[int, list[Person]] = {day: [] for day in range(1, DAYS + 1)}
    for day, group in LONE.items():
        one = next(person for person in waiting if person.group == group)
        waiting.remove(one)
        days[day].append(one)
    busy = [day for day in days if day not in LONE]
    for number, person in enumerate(waiting[: answers - len(LONE)]):
        days[busy[number % len(busy)]].append(person)
    return days


def _answer(person: Person, port: int, seed: int) -> Content:
    browser = Recorder(port, f"/k/{person.code}", seed=seed)
    state = browser.answer()
    browser.close()
    if state != "done":
        raise RuntimeError(f"an answer ended as {state}")
    return frozenset(browser.said.items())


def _start(ground: Ground, port: int, sink: Any) -> subprocess.Popen[bytes]:
    """The real server with its log kept."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((HOST, port))
    command = [sys.executable, "-m", "survey", "serve", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        command, env=ground.environment, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
    )
    wait_for(port)
    return server
