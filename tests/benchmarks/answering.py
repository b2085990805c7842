"""Answering under load: responses a second, the server's CPU a response beside a bare Flask's, times, bytes, LCP.

    python tests/benchmarks/answering.py [--engine postgres] [--flows 150] [--users 4] [--rounds 3] [--browser]

A line of JSON for each questionnaire (service-2025 has 19 questions on satisfaction, 25 in all; sipas-33 the 33 that
peers were measured on; sipas-2022 these with perceptions, needs and facts, 71 in all): `ours` without a script,
`scripted` with the whole form at once, and as many requests of a bare application that renders the same pages and
commits at the same steps. Both run under the same gunicorn, turn by turn; told is the middle of the rounds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))

import bare  # noqa: E402
import ground  # noqa: E402
from respondent import WHOLE, Respondent, Scripted  # noqa: E402

from survey import resources  # noqa: E402

PORT, BARE_PORT = 23200, 23201
WARM = 12
CUT = "sipas-33"
CODE, OF = re.compile(r'\ncode = "(\w+)"'), re.compile(r'\nfactor = "(\w+)"')
TICK = os.sysconf("SC_CLK_TCK")
NETWORK = {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8, "offline": False}
LCP = """new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
    .observe({type: 'largest-contentful-paint', buffered: true}))"""


class Timed(Respondent):
    """A respondent who keeps the time of each request."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(port, path)
        self.times: list[float] = []

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str | None, str]:
        started = time.perf_counter()
        found = super().ask(method, path, body)
        self.times.append(time.perf_counter() - started)
        return found


class TimedScripted(Timed, Scripted):
    """The same for a browser with a script."""


def one_scripted(work: tuple[int, str]) -> tuple[str, list[float], int]:
    person = TimedScripted(*work)
    state = person.answer()
    person.close()
    return state, person.times, person.received


def one_response(work: tuple[int, str]) -> tuple[str, list[float], int]:
    person = Timed(*work)
    state = person.answer()
    person.close()
    return state, person.times, person.received


def without_script(requests: int, first: str) -> list[tuple[str, str]]:
    """The steps of a form in so many requests: each page is posted and leads to the next one."""
    pages = [str(number) for number in range(1, (requests - 2) // 2)]
    return [("GET", first), ("POST", "first"), *(step for page in pages for step in (("GET", page), ("POST", page))),
            ("GET", "review"), ("POST", "review")]  # fmt: skip


def with_script(requests: int, _first: str) -> list[tuple[str, str]]:
    """The same with the whole form at once: the script, a post for each page, all at the end."""
    pages = [("POST", str(number)) for number in range(1, requests - 2)]
    return [("GET", "whole"), ("GET", "script"), *pages, ("POST", "review")]


def one_bare(work: tuple[int, list[tuple[str, str]], bool]) -> tuple[str, list[float], int]:
    """The same steps at the bare application."""
    port, steps, leads_on = work
    connection, times = HTTPConnection(ground.HOST, port, timeout=30), []
    for method, page in steps:
        body = urlencode({"a": "S15=5&S16=4"} | ({"next": "1"} if leads_on else {})) if method == "POST" else None
        started = time.perf_counter()
        connection.request(method, f"/{page}", body, {"Content-Type": "application/x-www-form-urlencoded"})
        connection.getresponse().read()
        times.append(time.perf_counter() - started)
    connection.close()
    return "done", times, 0


FLOWS = (("ours", one_response, "bare", without_script), ("scripted", one_scripted, "bare_scripted", with_script))


def cpu_seconds(pid: int) -> float:
    """What a server and its workers have used so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0.0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def measure(server: subprocess.Popen[bytes], act: Any, work: list[Any], users: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(users) as pool:
        pool.map(act, work[:WARM], 1)
        before, started = cpu_seconds(server.pid), time.perf_counter()
        done = pool.map(act, work[WARM:], 1)
        wall, used = time.perf_counter() - started, cpu_seconds(server.pid) - before
    times = sorted(one for _state, all_times, _bytes in done for one in all_times)
    finished = sum(state == "done" for state, _times, _bytes in done)
    return {
        "responses": finished,
        "unfinished": len(done) - finished,
        "requests_a_response": round(len(times) / len(done), 1),
        "responses_a_second": round(finished / wall, 2),
        "cpu_ms_a_response": round(used * 1000 / len(done), 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 1),
        "kib_a_response": round(sum(size for _state, _times, size in done) / len(done) / 1024, 1),
    }


@contextmanager
def bare_server(database: str, instrument: str) -> Any:
    """A bare application under the same server, on the same engine."""
    connection, is_file = bare.connected(database), "://" not in database
    kind, body = ("integer", "blob") if is_file else ("bigserial", "bytea")
    connection.execute(f"create table kept (id {kind} primary key, body {body})")
    connection.commit()
    connection.close()
    command = [sys.executable, "-m", "gunicorn", "-b", f"{ground.HOST}:{BARE_PORT}", "-w", "2", "--threads", "4"]
    command += ["-k", "gthread", "--chdir", str(HERE), "--log-level", "error", "bare:create()"]
    told = {"BARE": database, "BARE_INSTRUMENT": instrument}
    server = subprocess.Popen(command, env=os.environ | told, start_new_session=True)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                HTTPConnection(ground.HOST, BARE_PORT, timeout=5).connect()
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        ground.stop(server, signal.SIGTERM)


def weigh(link: str) -> dict[str, Any]:
    """The first page and the next one on a cheap phone: bytes on the wire, requests, LCP at 3G and a slow processor."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 360, "height": 800}).new_page()
        cdp = page.context.new_cdp_session(page)
        sizes: list[float] = []
        cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        cdp.send("Network.enable")
        cdp.send("Network.emulateNetworkConditions", NETWORK)
        cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(link, wait_until="networkidle")
        first, lcp = list(sizes), page.evaluate(LCP)
        page.locator("main form > button").first.click()
        page.wait_for_load_state("networkidle")
        second = sizes[len(first) :]
        browser.close()
    return {
        "first_page_bytes": sum(first), "first_page_requests": len(first), "lcp_ms": round(lcp),
        "next_page_bytes": sum(second), "next_page_requests": len(second),
    }  # fmt: skip


def cut(folder: Path) -> str:
    """The 33 questions of `sipas-2022` on satisfaction alone, the work on which peers were measured: a file."""
    whole = resources.data("instruments").joinpath("sipas-2022.toml").read_text(encoding="utf-8")
    tables = whole.split("\n[[")
    factors = {CODE.search(one)[1] for one in tables if one.startswith("factor") and "\ngroup = " in one}  # type: ignore[index]
    of_items = [one for one in tables if one.startswith("item") and (found := OF.search(one)) and found[1] in factors]
    others = [one for one in tables if not one.startswith("item") and ("factor]]" not in one or "\ngroup = " in one)]
    text = "\n[[".join(others + of_items).replace('"sipas-2022"', f'"{CUT}"', 1)
    (folder / f"{CUT}.toml").write_text(text, encoding="utf-8")
    return f"{CUT}.toml"


def first_page(code: str) -> str:
    """Which of the bare pages is like our first one: that with the whole form, where ours carries it for a script."""
    person = Respondent(PORT, f"/k/{code}")
    page = person.go("GET", person.path)
    person.close()
    return "whole" if WHOLE.search(page) else "first"


def beside_url(url: str, folder: Path) -> str:
    """Where the bare application commits: a file beside ours, or our own database on a server."""
    return str(folder / "bare.db") if url.startswith("sqlite") else url.replace("postgresql+psycopg", "postgresql")


def trial(engine: str, instrument: str, stated: argparse.Namespace) -> dict[str, Any]:
    """The figures of one questionnaire: the middle of rounds, each beside as many bare requests at the same time."""
    figures: dict[str, Any] = {"engine": engine, "instrument": instrument}
    with tempfile.TemporaryDirectory() as name, ground.database_url(engine, Path(name)) as url:
        people = stated.flows + WARM
        asked = cut(Path(name)) if instrument == CUT else instrument
        place = f"{name}/{asked}" if instrument == CUT else asked
        field = ground.prepare(url, Path(name), people=2 * people * stated.rounds + 2, instrument=asked)
        server = ground.start(field, PORT)
        links, rounds = iter([(PORT, f"/k/{code}") for code in field.links]), list[dict[str, Any]]()
        try:
            first = first_page(field.links[-1])
            with bare_server(beside_url(url, Path(name)), place) as other:
                for _ in range(stated.rounds):
                    rounds.append({})
                    for ours, act, theirs, steps_of in FLOWS:
                        work = list(itertools.islice(links, people))
                        done = rounds[-1][ours] = measure(server, act, work, stated.users)
                        same = (BARE_PORT, steps_of(round(done["requests_a_response"]), first), ours == "ours")
                        beside = rounds[-1][theirs] = measure(other, one_bare, [same] * people, stated.users)
                        done["cpu_ratio"] = round(done["cpu_ms_a_response"] / beside["cpu_ms_a_response"], 2)
            if stated.browser:
                figures["phone"] = weigh(f"http://{ground.HOST}:{PORT}/k/{next(links)[1].rpartition('/')[2]}")
        finally:
            ground.stop(server)
    for flow in rounds[0]:
        figures[flow] = {name: median(one[flow][name] for one in rounds) for name in rounds[0][flow]}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--instrument", nargs="+", default=["service-2025", CUT, "sipas-2022"])
    parser.add_argument("--flows", type=int, default=150)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", action="store_true")
    stated = parser.parse_args()
    for instrument in stated.instrument:
        print(json.dumps(trial(stated.engine, instrument, stated)), flush=True)


if __name__ == "__main__":
    main()
