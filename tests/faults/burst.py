"""F20: ten times as many people at one poster; those on other links wait at most twice as long as on a calm day."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ground
from respondent import GaveUp, Respondent

PORT = 23190
PAUSE = 1.0  # of a quick reader between two pages
RETRY, TURNED_AWAY = 5.0, "turned away"
TIMES_MORE = 10
Work = tuple[list[str], int, float]
Told = tuple[list[float], Counter[str]]


class Paced(Respondent):
    """A respondent who reads, and keeps the time of each request."""

    def __init__(self, port: int, path: str, times: list[float], *, seed: int) -> None:
        super().__init__(port, path, seed=seed, patience=10)
        self.times = times

    def wait(self) -> None:
        time.sleep(RETRY * (0.75 + self.random.random() / 2))  # as told by Retry-After, and as the script does

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str | None, str]:
        if method == "POST":
            time.sleep(PAUSE * (0.5 + self.random.random()))
        started = time.perf_counter()
        reply = super().ask(method, path, body)
        self.times.append(time.perf_counter() - started)
        return reply


def crowd(work: Work) -> Told:
    """So many people at a time for some seconds, each on the next of the paths: times of requests, how forms ended."""
    paths, people, seconds = work
    until, times, waiting, ended = time.monotonic() + seconds, list[float](), iter(paths), list[str]()
    turn = threading.Lock()

    def one(number: int) -> None:
        time.sleep(PAUSE * number / people)
        while time.monotonic() < until:
            with turn:
                path = next(waiting)
            person = Paced(PORT, path, times, seed=len(times))
            try:
                ended.append(person.answer())
            except GaveUp:
                ended.append(TURNED_AWAY)
            person.close()

    with ThreadPoolExecutor(people) as pool:
        list(pool.map(one, range(people)))
    return times, Counter(ended)


def day(links: list[str], counter: str, *, people: int, at_the_poster: int, seconds: float) -> dict[str, Any]:
    """The others' times while so many stand at one poster."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        poster = pool.map_async(crowd, [([counter] * 100_000, at_the_poster, seconds)])
        times, ended = pool.apply(crowd, [(links, people, seconds)])
        [(at_poster, there)] = poster.get()
    times.sort()
    return {
        "p50_ms": round(times[len(times) // 2] * 1000, 1), "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 1),
        "requests": len(times), "finished": ended["done"], "turned_away": ended[TURNED_AWAY],
        "poster_requests": len(at_poster), "poster_finished": there["done"], "poster_turned_away": there[TURNED_AWAY],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--at-the-poster", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=int(stated.people * stated.seconds), places=100_000)
        links, half = [f"/k/{code}" for code in field.links], len(field.links) // 2
        server = ground.start(field, PORT)
        days = []
        try:
            for others, poster in ((links[:half], 1), (links[half:], TIMES_MORE)):
                here = stated.at_the_poster * poster
                days.append(
                    day(others, f"/q/{field.counter}", people=stated.people, at_the_poster=here, seconds=stated.seconds)
                )
        finally:
            ground.stop(server)
        found = ground.stored(field)
    calm, burst = days
    thanked = sum(one[name] for one in days for name in ("finished", "poster_finished"))
    ratio = round(burst["p95_ms"] / calm["p95_ms"], 2)
    figures = {"calm": calm, "burst": burst, "ratio": ratio, "missing": max(0, thanked - found.answers)}
    figures["others_turned_away"] = sum(one["turned_away"] for one in days)
    ground.report(
        {"fault": "F20", "engine": stated.engine, **figures, "too_slow": ratio > 2},
        "missing", "others_turned_away", "too_slow",
    )  # fmt: skip


if __name__ == "__main__":
    main()
