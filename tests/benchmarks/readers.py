"""64 readers at once on the pages and the API of results: p95 beside one reader in the same run.

    python tests/benchmarks/readers.py [--readers 64] [--asks 640] [--database URL --keys FOLDER]

Without a database the demonstration is built first (about a minute) and its citizens' wave sealed; then the real server
is started with two workers. A line of JSON for each address: p50 and p95 of one reader and of all, and how many times
as long all of them wait; requests a second; answers other than 200.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "faults")]

import board  # noqa: E402
import ground  # noqa: E402

from survey.config import settings_from  # noqa: E402
from survey.db import Database, open_database  # noqa: E402
from survey.demo import build  # noqa: E402
from survey.jobs import screen, seal  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.stages import api_keys, releases, results, staff, waves  # noqa: E402
from survey.stages.api_keys import Scope  # noqa: E402
from survey.stages.releases import Step  # noqa: E402

board.PORT = 24870
Head = dict[str, str]
WAVE, UNIT = "sipas-2025", "98-S02"
PEOPLE = {"lead_agency": "Sở Nội vụ", "oversight": "Ủy ban Mặt trận Tổ quốc"}
PAGES = {
    "league": f"/results/{WAVE}",
    "unit": f"/results/{WAVE}/{UNIT}",
    "public": f"/published/{WAVE}",
    "public unit": f"/published/{WAVE}/{UNIT}",
    "api scores": f"/api/v1/waves/{WAVE}/scores?level_of=overall&official=true",
    "api bundles": f"/api/v1/waves/{WAVE}/bundles",
}


def prepare(folder: Path) -> tuple[str, Path]:
    """The demonstration, its citizens' wave sealed."""
    url, keys_folder = f"sqlite:///{folder}/demo.db", folder / "keys"
    settings = settings_from({"HAILONG_DATABASE": url, "HAILONG_KEYS": str(keys_folder)})
    database, keys, now = open_database(url), Keys(keys_folder), datetime.now(UTC)
    options = build.Options(open_waves=False, officials=False)
    build.build(settings, database, keys, options, now=now, say=lambda step: sys.stderr.write(f"  {step}\n"))
    screen.run(database, WAVE, actor="benchmark", now=now)
    with database.begin() as session:
        for role, agency in PEOPLE.items():
            staff.create_account(
                session, email=f"{role}@example.vn", name=role, agency=agency, roles=[role], password=board.PASSWORD,
                now=now, actor="benchmark",
            )  # fmt: skip
        wave = waves.find(session, WAVE)
        release = releases.propose(
            session, wave, results.latest(session, wave), Step.FINAL, document="1/QĐ, 01/02/2026, Giám đốc",
            by="lead_agency@example.vn", now=now,
        )  # fmt: skip
        releases.sign(session, wave, release, document="2/MT, 02/02/2026, Chủ tịch", by="oversight@example.vn", now=now)
    seal.run(database, keys, WAVE, actor="benchmark", now=now)
    database.close()
    return url, keys_folder


def admit(database: Database, readers: int) -> list[str]:
    """An account to read with, and a key for each program: a key may ask 240 times a minute."""
    now = datetime.now(UTC)
    with database.begin() as session:
        staff.create_account(
            session, email=board.EMAIL, name="Đo", agency="Viện Đo lường", roles=["survey_office"],
            password=board.PASSWORD, now=now, actor="benchmark",
        )  # fmt: skip
        return [
            api_keys.issue(
                session, name=f"IOC {number}", scopes=[Scope.SCORES, Scope.BUNDLES], unit=None,
                expires_at=now + timedelta(days=1), actor="benchmark", now=now,
            )
            for number in range(readers)
        ]  # fmt: skip


def times(path: str, heads: Sequence[Head], asks: int, readers: int) -> tuple[list[float], float, Counter[int]]:
    """Milliseconds of so many requests by so many readers, sorted; requests a second; statuses."""
    statuses: Counter[int] = Counter()

    def one(number: int) -> list[float]:
        connection, taken = HTTPConnection(ground.HOST, board.PORT, timeout=120), []
        head = heads[number % len(heads)] | {"Accept-Encoding": "gzip"}
        for _ in range(max(asks // readers, 1)):
            started = time.perf_counter()
            connection.request("GET", path, headers=head)
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
            taken.append(1000 * (time.perf_counter() - started))
        connection.close()
        return taken

    started = time.perf_counter()
    with ThreadPoolExecutor(readers) as pool:
        found = sorted(one for taken in pool.map(one, range(readers)) for one in taken)
    return found, len(found) / (time.perf_counter() - started), statuses


def told(name: str, path: str, heads: Sequence[Head], stated: argparse.Namespace) -> dict[str, Any]:
    times(path, heads, 8, 4)  # warm
    alone, _rate, first = times(path, heads, max(stated.asks // 10, 20), 1)
    every, rate, statuses = times(path, heads, stated.asks, stated.readers)
    one, all_of_them = at(alone, 0.95), at(every, 0.95)
    both = first + statuses
    return {
        "what": name, "one_p50_ms": at(alone, 0.5), "one_p95_ms": one, "readers": stated.readers,
        "p50_ms": at(every, 0.5), "p95_ms": all_of_them, "p95_by_one": round(all_of_them / one, 1),
        "requests_a_second": round(rate, 1), "asked": len(every), "not_200": both.total() - both[200],
    }  # fmt: skip


def at(found: list[float], share: float) -> float:
    return round(found[min(int(len(found) * share), len(found) - 1)], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=64)
    parser.add_argument("--asks", type=int, default=640, help="Requests of each address, by all readers together.")
    parser.add_argument("--database", help="A demonstration whose citizens' wave is sealed.")
    parser.add_argument("--keys", type=Path)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        url, keys = (stated.database, stated.keys) if stated.database else prepare(Path(name))
        database = open_database(url)
        keys_held = admit(database, stated.readers)
        database.close()
        server = ground.start(ground.Ground(url, keys, (), ""), board.PORT)
        try:
            programs = [{"Authorization": f"Bearer {key}"} for key in keys_held]
            heads = {"results": [{"Cookie": board.sign_in()}], "api": programs}
            for what, path in PAGES.items():
                print(json.dumps(told(what, path, heads.get(path.split("/")[1], [{}]), stated)), flush=True)
        finally:
            ground.stop(server)


if __name__ == "__main__":
    main()
