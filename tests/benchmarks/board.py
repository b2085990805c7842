"""The board's response time at few and at many stored answers, on both engines, in one run.

    python tests/benchmarks/board.py [--answers 1000 1000000] [--engine sqlite postgres] [--asks 200] [--users 4]

108 units of 6 classes each behind the real server. A line of JSON for each engine and number of answers: p50 and p95 of
the board, a unit's page, the numbers as data (for one user and for several at once) and `/metrics`, and how long after
its receipt a new answer is shown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import text
from sqlalchemy.orm import Session

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))

import ground  # noqa: E402
from respondent import Respondent  # noqa: E402

from survey import schema  # noqa: E402
from survey.config import PROVINCE_TIME  # noqa: E402
from survey.db import Database, open_database  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.model.invitation import Invitation  # noqa: E402
from survey.model.progress import CellCount, DayCount  # noqa: E402
from survey.model.response import Tally  # noqa: E402
from survey.model.sample import ClassCell  # noqa: E402
from survey.model.unit import Unit  # noqa: E402
from survey.model.wave import Wave  # noqa: E402
from survey.stages import api_keys, invitations, staff, waves  # noqa: E402
from survey.stages.api_keys import Scope  # noqa: E402
from survey.stages.counts import Event, day_of  # noqa: E402
from survey.wavefile import read_wave_file  # noqa: E402

PORT = 23410
UNITS, CELLS, DAYS = 108, 6, 14
EMAIL, PASSWORD = "board@example.vn", "mot cau du dai de do toc do"
TOKEN = re.compile(r'name="csrf_token" value="([^"]*)"')
ITEMS = {f"S{number}": str(3 + number % 3) for number in range(15, 34)}
FILL = {
    "sqlite": """
        with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < :rows)
        insert into answer (id, wave_id, phase, mode, unit_code, class_code, items)
        select randomblob(16), :wave, 1, 'link', 'U' || (i % :units),
            'U' || (i % :units) || '|' || (i / :units % :cells), :items
        from n""",
    "postgresql": """
        insert into answer (id, wave_id, phase, mode, unit_code, class_code, items)
        select decode(md5(random()::text || i), 'hex'), :wave, 1, 'link', 'U' || (i % :units),
            'U' || (i % :units) || '|' || (i / :units % :cells), cast(:items as json)
        from generate_series(0, :rows - 1) i""",
}


def prepare(database: Database, keys: Keys, answers: int) -> tuple[str, str]:
    """An open wave with so many stored answers; a link to answer by, and a program's key."""
    schema.upgrade(database)
    now = datetime.now(UTC)
    with database.begin() as session:
        _units(session)
        opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-DAYS, DAYS))
        told = ground.WAVE.format(opens=opens, closes=closes, instrument="service-2025")
        told = told.replace('["98-01"]', '"*"').replace('modes = ["link", "counter"]', 'modes = ["link"]')
        wave = waves.create(session, read_wave_file(told), keys=keys, actor="benchmark", now=now)
        _counts(session, wave, answers, now)
        link = _link(session, wave, keys)
        waves.open_wave(session, wave, actor="benchmark", now=now)
        wave.opened_at = now - timedelta(days=DAYS)
        staff.create_account(
            session, email=EMAIL, name="Đo", agency="Viện", roles={"survey_office"}, password=PASSWORD, now=now,
            actor="benchmark",
        )  # fmt: skip
        key = api_keys.issue(
            session, name="IOC", scopes=[Scope.PROGRESS], unit=None, expires_at=now + timedelta(days=1),
            actor="benchmark", now=now,
        )  # fmt: skip
        session.execute(
            text(FILL[database.writer.dialect.name]),
            {"rows": answers, "wave": wave.id, "units": UNITS, "cells": CELLS, "items": json.dumps(ITEMS)},
        )
    return link, key


def _units(session: Session) -> None:
    session.add(Unit(code="98", name_vi="Tỉnh Minh Họa", name_en="Sample Province", type="province", rated=False))
    session.flush()
    for number in range(UNITS):
        name = f"Sở Thử nghiệm số {number}"
        session.add(Unit(code=f"U{number}", name_vi=name, name_en=name, type="department", parent="98", rated=True))
    session.flush()


def _counts(session: Session, wave: Wave, answers: int, now: datetime) -> None:
    """The rows that as many events would have left."""
    for unit in range(UNITS):
        of_unit = answers // UNITS
        session.add(Tally(wave_id=wave.id, cell=f"U{unit}", mode="link", completed=of_unit))
        for day in range(DAYS):
            day_count = day_of(now - timedelta(days=day))
            session.add(DayCount(wave_id=wave.id, cell=f"U{unit}", day=day_count, completed=of_unit // DAYS))
        for cell in range(CELLS):
            people, code = max(of_unit * 4 // CELLS, 40), f"U{unit}|{cell}"
            counted = dict.fromkeys(("stratum_population", "population"), 10 * people)
            drawn = dict.fromkeys(("drawn", "kept", "reachable", "invited"), people)
            session.add(ClassCell(
                wave_id=wave.id, class_code=code, unit_code=f"U{unit}", stratum=f"U{unit}", weight_sum=10.0 * people,
                **counted, **drawn,
            ))  # fmt: skip
            for event, share in zip(Event, (1.0, 0.8, 0.35, 0.25, 0.05), strict=True):
                session.add(CellCount(wave_id=wave.id, cell=code, event=event.value, number=int(people * share)))
    session.flush()


def _link(session: Session, wave: Wave, keys: Keys) -> str:
    """One person of the first unit who has not answered yet."""
    from survey.model.frame import Dossier

    key = keys.wave(wave.id)
    dossier = Dossier(
        wave_id=wave.id, code_mark=b"d" * 16, linked_mark=None, person_mark=None, unit_code="U0", field="F1",
        procedure_code=None, point_of_service=None, finished_on=datetime.now(UTC).date(), timing="on_time",
        outcome="granted", channel="counter", applicant="person", sex="F", age_band="", commune=None, phone=None,
        email=None, name=None, address=None,
    )  # fmt: skip
    session.add(dossier)
    session.flush()
    invitation = Invitation(
        wave_id=wave.id, dossier_id=dossier.id, rater_id=None, unit_code="U0", class_code="U0|0", code_mark=b"",
        state=invitations.ISSUED,
    )  # fmt: skip
    session.add(invitation)
    session.flush()
    invitation.code_mark = key.mark("code", key.code(invitation.id))
    return key.code(invitation.id)


def sign_in() -> str:
    """The cookies of somebody who may see the board."""
    connection = HTTPConnection(ground.HOST, PORT, timeout=30)
    connection.request("GET", "/staff/sign-in")
    response = connection.getresponse()
    page = response.read().decode()
    cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie") or []]
    token = TOKEN.search(page)
    form = urlencode({"csrf_token": token[1] if token else "", "email": EMAIL, "password": PASSWORD})
    head = {"Cookie": "; ".join(cookies), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/staff/sign-in", form, head)
    response = connection.getresponse()
    response.read()
    if response.status != 303:
        raise SystemExit(f"sign-in: {response.status}")
    return "; ".join(value.partition(";")[0] for value in response.headers.get_all("Set-Cookie") or [])


def ask(connection: HTTPConnection, path: str, head: dict[str, str]) -> bytes:
    connection.request("GET", path, headers=head | {"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status}")
    return gzip.decompress(body) if response.getheader("Content-Encoding") == "gzip" else body


def times(path: str, head: dict[str, str], asks: int, users: int) -> dict[str, float]:
    """Milliseconds of so many requests by so many at once."""

    def one(number: int) -> list[float]:
        connection, taken = HTTPConnection(ground.HOST, PORT, timeout=60), []
        for _ in range(asks // users):
            started = time.perf_counter()
            ask(connection, path, head)
            taken.append(1000 * (time.perf_counter() - started))
        connection.close()
        return taken

    with ThreadPoolExecutor(users) as pool:
        deque(pool.map(one, range(users)), maxlen=0)  # warm
        found = sorted(one for taken in pool.map(one, range(users)) for one in taken)
    return {"p50_ms": round(found[len(found) // 2], 1), "p95_ms": round(found[int(len(found) * 0.95)], 1)}


def freshness(link: str, head: dict[str, str]) -> float:
    """Seconds from the receipt of a new answer until the board's numbers have it."""
    path = "/coordinate/2026-faults/board.json"
    connection = HTTPConnection(ground.HOST, PORT, timeout=60)

    def completed() -> int:
        units = json.loads(ask(connection, path, head))["units"]
        return next(one["completed"] for one in units if one["code"] == "U0")

    before, person = completed(), Respondent(PORT, f"/k/{link}")
    if person.answer() != "done":
        raise SystemExit("the answer was not taken")
    received = time.perf_counter()
    while completed() == before:
        time.sleep(0.02)
    return round(time.perf_counter() - received, 3)


def trial(engine: str, answers: int, stated: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, ground.database_url(engine, Path(name)) as url:
        database, keys = open_database(url), Keys(Path(name) / "keys")
        link, key = prepare(database, keys, answers)
        database.close()
        field = ground.Ground(url, Path(name) / "keys", (), "")
        server = ground.start(field, PORT)
        try:
            head = {"Cookie": sign_in()}
            figures: dict[str, Any] = {"engine": engine, "answers": answers, "units": UNITS, "cells": UNITS * CELLS}
            for page, path in (
                ("board", "/coordinate/2026-faults"),
                ("unit", "/coordinate/2026-faults/units/U7"),
                ("data", "/coordinate/2026-faults/board.json"),
            ):
                figures[page] = times(path, head, stated.asks, 1)
                figures[f"{page}_by_{stated.users}"] = times(path, head, stated.asks, stated.users)
            figures["metrics"] = times("/metrics", {"Authorization": f"Bearer {key}"}, 60, 1)
            figures["seconds_until_a_new_answer_shows"] = freshness(link, head)
        finally:
            ground.stop(server)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--answers", nargs="+", type=int, default=[1_000, 1_000_000])
    parser.add_argument("--asks", type=int, default=200)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--limit", type=float, default=300, help="Milliseconds that no p95 may pass.")
    stated = parser.parse_args()
    slow = False
    for engine in stated.engine:
        for answers in stated.answers:
            figures = trial(engine, answers, stated)
            print(json.dumps(figures), flush=True)
            slow |= any(figures[page]["p95_ms"] > stated.limit for page in ("board", "unit", "data", "metrics"))
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
