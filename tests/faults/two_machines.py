"""Two web machines and one worker on one PostgreSQL and one Redis: each has a copy of the key folder, nothing else.

People change the machine at every step of their form; staff sign in at one and go on at the other; a job that one hands
over is done by the worker; a worker that is killed (kill -9) is followed by another, which goes on (F18).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import ground
import respondent
from respondent import Respondent

from survey import queue
from survey.config import settings_from
from survey.db import open_database
from survey.keys import Keys
from survey.stages import staff

FIRST, SECOND, REDIS = 23210, 23211, 23212
EMAIL, PASSWORD = "dieu.phoi@example.vn", "mot cau du dai de thu"
LONGEST = 100.0  # the worker looks once a minute


class Roaming(Respondent):
    """A browser whose every request goes to the other machine."""

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str | None, str]:
        self.close()
        self.port = SECOND if self.port == FIRST else FIRST
        return super().ask(method, path, body)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    command = ["redis-server", "--port", str(REDIS), "--bind", ground.HOST, "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"redis://{ground.HOST}:{REDIS}/0"
    finally:
        process.terminate()
        process.wait(30)


def work(field: ground.Ground) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "survey", "work"]
    return subprocess.Popen(
        command, env=field.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def beat_after(field: ground.Ground, since: datetime) -> float:
    """How long until a worker says that it did what was due."""
    settings, began = settings_from(field.environment), time.monotonic()
    while time.monotonic() - began < LONGEST:
        told = queue.last_beat(settings)
        if told is not None and told > since:
            return time.monotonic() - began
        time.sleep(0.5)
    return float("inf")


def answer_all(links: tuple[str, ...]) -> tuple[set[str], Counter[str]]:
    met = Counter[str]()

    def one(code: str) -> str | None:
        person = Roaming(FIRST, f"/k/{code}")
        try:
            state = person.answer()
        except respondent.GaveUp:
            state = "gave up"
        person.close()
        met[state] += 1
        return code if state == "done" else None

    with ThreadPoolExecutor(4) as pool:
        return {code for code in pool.map(one, links) if code}, met


def staff_goes_over(field: ground.Ground) -> int:
    """Sign in at the first machine, open the board at the second; how many steps went wrong."""
    database = open_database(field.url)
    with database.begin() as session:
        staff.create_account(
            session, email=EMAIL, name="Điều phối", agency="Viện", roles=["survey_office"], password=PASSWORD,
            now=datetime.now(UTC),
        )  # fmt: skip
    database.close()
    cookies: dict[str, str] = {}
    _status, page = ask(FIRST, "GET", "/staff/sign-in", cookies)
    found = respondent.TOKEN.search(page)
    body = urlencode({"csrf_token": found[1] if found else "", "email": EMAIL, "password": PASSWORD})
    signed_in, _page = ask(SECOND, "POST", "/staff/sign-in", cookies, body)
    board, _page = ask(FIRST, "GET", "/coordinate", cookies)
    return int(signed_in != 303) + int(board != 200)


def ask(port: int, method: str, path: str, cookies: dict[str, str], body: str = "") -> tuple[int, str]:
    connection = HTTPConnection(ground.HOST, port, timeout=30)
    told = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    if body:
        told["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body.encode() if body else None, told)
    answer = connection.getresponse()
    for line in answer.headers.get_all("Set-Cookie") or []:
        name, _equals, value = line.partition(";")[0].partition("=")
        cookies[name] = value
    page = answer.read().decode()
    connection.close()
    return answer.status, page


def trial(field: ground.Ground, other: ground.Ground) -> dict[str, Any]:
    servers = [ground.start(field, FIRST, workers=1), ground.start(other, SECOND, workers=1)]
    worker, half = work(field), len(field.links) // 2
    try:
        thanked, met = answer_all(field.links[:half])
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)
        killed_at = datetime.now(UTC)
        worker = work(field)
        more, met_later = answer_all(field.links[half:])
        wrong = staff_goes_over(field)
        again = beat_after(field, killed_at)
    finally:
        for process in (*servers, worker):
            ground.stop(process)
    return ground.verdict(
        field, thanked | more, not_thanked=len(field.links) - len(thanked | more), states=dict(met + met_later),
        staff_refused=wrong, beat_after_kill_s=round(again, 1), worker_lost=int(again == float("inf")),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=40)
    stated = parser.parse_args()
    if shutil.which("redis-server") is None:
        ground.report({"fault": "two machines", "tried": False, "why": "redis-server is not installed"})
        return
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as second:
        folder = Path(name)
        with ground.database_url("postgres", folder) as url, redis(folder) as address:
            field = replace(ground.prepare(url, folder, people=stated.flows), redis=address)
            _made = Keys(field.keys).installation  # both machines have the same, or forms of one fail at the other
            shutil.copytree(field.keys, Path(second) / "keys")
            figures = trial(field, replace(field, keys=Path(second) / "keys"))
    must = ("missing", "duplicates", "not_thanked", "staff_refused", "worker_lost")
    ground.report({"fault": "two machines, F18", "tried": True} | figures, *must)


if __name__ == "__main__":
    main()
