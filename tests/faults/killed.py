"""F1: kill -9 of the master and its workers, six times under load; nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import ground
import respondent

PORT = 23100


def kill_and_start(field: ground.Ground, port: int, times: int, pause: float, over: threading.Event) -> list[float]:
    """Kill the server again and again until the respondents are done; how long nothing answered each time."""
    server, away = ground.start(field, port), list[float]()
    for _ in range(times):
        if over.wait(pause):
            break
        killed = time.monotonic()
        ground.stop(server, signal.SIGKILL)
        server = ground.start(field, port)
        away.append(time.monotonic() - killed)
    over.wait()
    ground.stop(server)
    return away


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--flows", type=int, default=240)
    parser.add_argument("--times", type=int, default=6)
    parser.add_argument("--pause", type=float, default=2.0)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=stated.flows)
        over, away = threading.Event(), list[float]()
        killer = threading.Thread(
            target=lambda: away.extend(kill_and_start(field, PORT, stated.times, stated.pause, over))
        )
        killer.start()
        try:
            thanked, met, _longest = respondent.answer_all(PORT, list(field.links), users=6)
        finally:
            over.set()
            killer.join()
        errors = Counter({name: n for name, n in met.items() if name not in {"200", "303", "done"}})
        figures = ground.verdict(field, thanked, kills=len(away), met=dict(errors))
        figures["worst_downtime_s"] = round(max(away, default=0), 1)
        figures["not_thanked"] = stated.flows - len(thanked)
    ground.report({"fault": "F1", "engine": stated.engine} | figures, "missing", "duplicates", "not_thanked")


if __name__ == "__main__":
    main()
