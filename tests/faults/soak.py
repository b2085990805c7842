"""F21: people answer for a long time at a steady pace; memory, open files and waiting times must not creep.

python tests/faults/soak.py --seconds 1800 --users 8        # half an hour; without options a short look
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ground
import respondent
from respondent import Respondent
from sqlalchemy import text

from survey.db import open_database

PORT = 23230
EVERY = 2.0
WARM = 1 / 3  # of the time until caches are full
MOST_SLOPE = 1.0  # MiB a minute and process
LEFT_OPEN = "select count(*) from pg_stat_activity where state like 'idle in transaction%' and pid <> pg_backend_pid()"


@dataclass
class Seen:
    """What was measured while people answered."""

    rss: list[tuple[float, float]] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    thanked: set[str] = field(default_factory=set)


def processes(leader: int) -> list[int]:
    """The master and its workers."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                if os.getsid(int(one.name)) == leader:
                    found.append(int(one.name))
            except ProcessLookupError:
                continue
    return found


def look(leader: int, seen: Seen, over: threading.Event) -> None:
    began, page = time.monotonic(), os.sysconf("SC_PAGE_SIZE")
    while not over.wait(EVERY):
        mine = processes(leader)
        pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in mine)
        seen.rss.append((time.monotonic() - began, pages * page / 2**20 / len(mine)))
        seen.files.append(sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in mine))


def people(links: list[str], seen: Seen, until: float, began: float) -> None:
    while time.monotonic() < until:
        try:
            code = links.pop()
        except IndexError:
            return
        start, person = time.monotonic(), Respondent(PORT, f"/k/{code}")
        try:
            state = person.answer()
        except respondent.GaveUp:
            state = "gave up"
        person.close()
        seen.met[state] += 1
        seen.waits.append((start - began, time.monotonic() - start))
        if state == "done":
            seen.thanked.add(code)


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares, a minute."""
    n = len(points)
    if n < 3:
        return 0.0
    x, y = (sum(values) / n for values in zip(*points, strict=True))
    spread = sum((one - x) ** 2 for one, _value in points)
    return 60 * sum((one - x) * (value - y) for one, value in points) / spread if spread else 0.0


def p99(waits: list[float]) -> float:
    return sorted(waits)[int(0.99 * (len(waits) - 1))] if waits else 0.0


def open_transactions(url: str) -> int:
    """Transactions that somebody left open on PostgreSQL; SQLite's log would not shrink."""
    database = open_database(url)
    with database.read() as session:
        found = 0
        if not database.is_sqlite:
            found = session.scalar(text(LEFT_OPEN)) or 0
    database.close()
    return int(found)


def soak(
    ready: ground.Ground, server: subprocess.Popen[bytes], seen: Seen, over: threading.Event, seconds: float, users: int
) -> dict[str, Any]:
    began = time.monotonic()
    links, until = list(ready.links), began + seconds
    watcher = threading.Thread(target=look, args=(server.pid, seen, over))
    crowd = [threading.Thread(target=people, args=(links, seen, until, began)) for _ in range(users)]
    for thread in (watcher, *crowd):
        thread.start()
    for one in crowd:
        one.join()
    time.sleep(1)
    left = open_transactions(ready.url)
    over.set()
    watcher.join()
    ground.stop(server)
    return told(ready, seen, seconds, left)


def told(ready: ground.Ground, seen: Seen, seconds: float, left: int) -> dict[str, Any]:
    """The figures: slopes and waits after the caches are full."""
    warm = [point for point in seen.rss if point[0] > seconds * WARM]
    creep = slope(warm)
    early = [wait for at, wait in seen.waits if at < seconds * WARM]
    late = [wait for at, wait in seen.waits if at > seconds * (1 - WARM)]
    return ground.verdict(
        ready, seen.thanked, seconds=seconds, flows=sum(seen.met.values()), states=dict(seen.met),
        rss_mib=round(warm[-1][1], 1), rss_slope_mib_min=round(creep, 3), files_first=seen.files[0],
        files_last=seen.files[-1], p99_early_s=round(p99(early), 2), p99_late_s=round(p99(late), 2),
        open_transactions=left, creeps=int(seconds >= 300 and creep > MOST_SLOPE),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--users", type=int, default=4)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        ready = ground.prepare(url, Path(name), people=int(stated.seconds * 20))
        server, seen, over = ground.start(ready, PORT), Seen(), threading.Event()
        figures = soak(ready, server, seen, over, stated.seconds, stated.users)
    ground.report(
        {"fault": "F21", "engine": stated.engine} | figures, "missing", "duplicates", "open_transactions", "creeps"
    )


if __name__ == "__main__":
    main()
