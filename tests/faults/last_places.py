"""F11: many browsers at once for the last places of a counter, at two server processes; never one over its target."""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ground
from respondent import Respondent

PORTS = (23120, 23121)


def race(code: str, clients: int) -> Counter[str]:
    """Open the poster's page in every browser, then let all press the button at the same instant."""
    line = threading.Barrier(clients)

    def one(number: int) -> str:
        person = Respondent(PORTS[number % 2], f"/q/{code}", seed=number)
        body = person.fill(person.go("GET", person.path))
        line.wait(120)
        page = person.go("POST", person.path, body)
        state = "full" if 'data-state="full"' in page else person.answer()
        person.close()
        return state

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(one, range(clients)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--places", type=int, default=40)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=1, places=stated.places)
        servers = [ground.start(field, port) for port in PORTS]
        try:
            states = race(field.counter, stated.clients)
        finally:
            for server in servers:
                ground.stop(server)
        found = ground.stored(field)
    figures = {
        "places": stated.places,
        "clients": stated.clients,
        "ended": dict(states),
        "missing": max(0, states["done"] - found.answers),
        "overshoot": max(0, found.answers - stated.places, found.taken - stated.places),
        "left_free": stated.places - found.answers,
    }
    ground.report({"fault": "F11", "engine": stated.engine} | figures, "missing", "overshoot", "left_free")


if __name__ == "__main__":
    main()
