"""F12: the clock of a server and of a worker jumps by days, forwards and back (`wall_clock.c` in them alone).

    python tests/faults/clock_jumps.py [--engine postgres]

A running worker that sees its clock jump past a wave's end must not close it; one that starts with a wrong clock closes
it once, and a later one with the right clock not again; the audit log stays one chain although its hours go back; a
sign-in is over when its time is, and lives again only as long as the clock says so. Answers go in at every hour that is
the wave's. Only the wall's clock is moved: one that ticks does not jump on a real machine either.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import ground
from respondent import TOKEN, Respondent
from sqlalchemy import select
from two_machines import EMAIL, PASSWORD, ask

from survey import queue
from survey.config import settings_from
from survey.db import Database, open_database
from survey.jobs import worker
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.stages import audit, staff, waves

PORT, WAVE = 23550, "2026-faults"
SOURCE = Path(__file__).with_name("wall_clock.c")
DAY = 24 * 3600
RIGHT, NEXT_DAY, PAST_THE_END, DAY_BEFORE = 0, DAY, 20 * DAY, -DAY
HOURS = (RIGHT, NEXT_DAY, DAY_BEFORE, PAST_THE_END, RIGHT)
WANTED = {  # at each of these hours: a session that is over stays so, a fresh sign-in, an answer while the wave is open
    "session": [200, 303, 303, 303, 303],
    "sign_in": [303] * 5,
    "thanked": [True, True, True, False, True],
}


def compiled(folder: Path) -> Path:
    """The library that moves a process's clock; SystemExit where nothing compiles C."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("no C compiler is installed")
    made = folder / "wall_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, SOURCE, "-ldl"], check=True)
    return made


@dataclass(frozen=True)
class Moved(ground.Ground):
    """A ground whose processes live by the clock of a file."""

    clock: Path = Path()
    library: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"LD_PRELOAD": str(self.library), "WALL_CLOCK": str(self.clock)}

    def set_clock(self, seconds: int) -> None:
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{seconds}\n")
        fresh.replace(self.clock)  # at once: a half-written file would be another hour


def minute() -> None:
    """Be a worker: at each line of the input do what its every minute does, and say the hour and the wave's state."""
    settings = settings_from()
    database, waiting = open_database(settings.database), queue.open_queue(settings)
    worker.prepare(waiting, database, Keys(settings.keys), settings, clock=lambda: datetime.now(UTC))
    every_minute = next(iter(waiting._registry.periodic_tasks))
    for _line in sys.stdin:
        waiting.execute(every_minute)
        print(json.dumps({"at": datetime.now(UTC).isoformat(), "state": state(database)}), flush=True)


def state(database: Database) -> str:
    with database.read() as session:
        return waves.find(session, WAVE).state


class Worker:
    """A worker in a process of its own, minute by minute."""

    def __init__(self, field: Moved) -> None:
        self.field = field
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--minute"], env=field.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def at(self, seconds: int) -> str:
        """The wave's state after a minute at this hour."""
        self.field.set_clock(seconds)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return str(json.loads(self.process.stdout.readline())["state"])

    def end(self) -> None:
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        self.process.wait(60)


def sign_in() -> tuple[int, dict[str, str]]:
    """The status of a sign-in at the hour that the server's clock shows, and what the browser keeps of it."""
    cookies: dict[str, str] = {}
    _status, page = ask(PORT, "GET", "/staff/sign-in", cookies)
    found = TOKEN.search(page)
    body = urlencode({"csrf_token": found[1] if found else "", "email": EMAIL, "password": PASSWORD})
    return ask(PORT, "POST", "/staff/sign-in", cookies, body)[0], cookies


def at_the_server(field: Moved) -> dict[str, Any]:
    """Answers, a session of before and new sign-ins while the server's clock goes to and fro."""
    links, thanked = list(field.links), set[str]()
    told: dict[str, Any] = {"session": [], "sign_in": [], "thanked": []}
    field.set_clock(RIGHT)
    server = ground.start(field, PORT, workers=1)
    try:
        _status, kept = sign_in()
        for jump in HOURS:
            field.set_clock(jump)
            code = links.pop()
            person = Respondent(PORT, f"/k/{code}", patience=30)
            if person.answer() == "done":
                thanked.add(code)
            person.close()
            told["thanked"].append(code in thanked)
            told["session"].append(ask(PORT, "GET", "/coordinate", dict(kept))[0])
            told["sign_in"].append(sign_in()[0])
    finally:
        ground.stop(server)
    wrong = sum(told[name] != wanted for name, wanted in WANTED.items())
    return ground.verdict(field, thanked, server_wrong=wrong, **told)


def by_workers(field: Moved) -> dict[str, list[str]]:
    """What workers make of the wave: one that sees the clock jump, one that starts with it wrong, one with it right."""
    told: dict[str, list[str]] = {}
    for name, hours in (("sees", (RIGHT, PAST_THE_END, RIGHT)), ("starts", (PAST_THE_END,)), ("after", (RIGHT,) * 2)):
        field.set_clock(hours[0])
        one = Worker(field)
        told[name] = [one.at(hour) for hour in hours]
        one.end()
    return told


def chain(database: Database) -> dict[str, int]:
    """The log: whether it holds, closes that it names, entries whose hour lies before that of the one before."""
    with database.read() as session:
        entries = list(session.execute(select(AuditEntry.at, AuditEntry.action).order_by(AuditEntry.number)))
        head = audit.verify(session)  # AuditBroken ends the trial
    return {
        "entries": head.count,
        "closes": sum(action == "wave.close" for _at, action in entries),
        "hours_that_go_back": sum(later.at < earlier.at for earlier, later in pairwise(entries)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--minute", action="store_true", help="Be the worker (the script calls itself).")
    stated = parser.parse_args()
    if stated.minute:
        minute()
        return
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        made = ground.prepare(url, Path(name), people=len(HOURS))
        parts = (made.url, made.keys, made.links, made.counter)
        field = Moved(*parts, clock=Path(name) / "clock", library=compiled(Path(name)))
        database = open_database(url)
        with database.begin() as session:
            staff.create_account(
                session, email=EMAIL, name="Điều phối", agency="Viện", roles=["survey_office"], password=PASSWORD,
                now=datetime.now(UTC),
            )  # fmt: skip
        figures = at_the_server(field)
        workers = by_workers(field)
        log = chain(database)
        database.close()
    figures |= {
        "workers": workers, "log": log, "closed_too_early": int(set(workers["sees"]) != {"open"}),
        "not_closed_once": int(log["closes"] != 1 or workers["after"] != ["closed", "closed"]),
        "clock_did_not_go_back": int(not log["hours_that_go_back"]),
    }  # fmt: skip
    must = ("missing", "duplicates", "server_wrong", "closed_too_early", "not_closed_once", "clock_did_not_go_back")
    ground.report({"fault": "F12", "engine": stated.engine} | figures, *must)


if __name__ == "__main__":
    main()
