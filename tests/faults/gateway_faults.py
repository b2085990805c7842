"""F19: the message gateway is down, then slow, busy, garbled, and tells late and twice what arrived.

    python tests/faults/gateway_faults.py [--engine postgres] [--people 120]

Nobody may get a message twice. Who can be reached is written to once the gateway is back, except where it never said
whether it took the message: that is never repeated, and counted. A phone that it refuses for good gets a letter.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import ground

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies"))

import released_wave as study
from worker_killed import invite_all

from survey.channels.trial import Gateways
from survey.db import Database, open_database
from survey.stages import outbox, waves

PORT, GATEWAY = 23545, 23546
FATES = ("ok",) * 5 + ("before", "busy", "after", "garbled", "slow")
DEAD = "7"  # phones that end so are refused for good
MOST_ROUNDS, STILL = 40, 4
ON_THE_WAY = {f"sms {state}" for state in ("waiting", "claimed", "unknown")}
DELIVERED, SLOW = "5", 1.5
REFUSED = {"CodeResult": "99", "ErrorMessage": "Phone not valid"}


class Bad:
    """A gateway with a bad day: what it took, and the addresses at which it will tell of it."""

    def __init__(self, it: study.Field) -> None:
        self.gateways, self.lock, self.rng = Gateways(it.shown.append, {}), threading.Lock(), random.Random(11)
        self.callbacks: list[str] = []
        self.fates = Counter[str]()

    def reply(self, path: str, body: dict[str, Any], headers: Any) -> tuple[int, bytes]:
        """One request's fate."""
        with self.lock:
            fate = self.rng.choice(FATES)
            self.fates[fate] += 1
            if body["Phone"].endswith(DEAD):
                return 200, json.dumps(REFUSED).encode()
            if fate in ("before", "busy"):
                return (500 if fate == "before" else 503), b"{}"
            told = self.gateways.answer(path, body, headers)
            self.callbacks.append(body["CallbackUrl"])
        if fate == "slow":
            time.sleep(SLOW)
        return (500 if fate == "after" else 200), b"<html>" if fate == "garbled" else json.dumps(told).encode()


@contextmanager
def gateway(bad: Bad) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, text = bad.reply(
                self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.headers
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer((ground.HOST, GATEWAY), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def send_all(it: study.Field, database: Database) -> int:
    """Send until nothing waits for the gateway, or nothing moves any more: letters wait for somebody to print them, and
    what was tried six times without a word stays unknown. How often a sender ran."""
    still, before = 0, states(database)
    for number in range(MOST_ROUNDS):
        if still == STILL or not any(count for state, count in before.items() if state in ON_THE_WAY):
            return number
        if study.sender(it).wait():
            raise SystemExit("a sender failed")
        after = states(database)
        still, before = (still + 1 if after == before else 0), after
    raise SystemExit(f"messages still wait after {MOST_ROUNDS} rounds: {dict(before)}")


def tell_late(bad: Bad) -> Counter[int]:
    """Every receipt twice, in another order, after all was sent."""
    addresses, answered = bad.callbacks * 2, Counter[int]()
    bad.rng.shuffle(addresses)
    for address in addresses:
        connection, path = HTTPConnection(ground.HOST, PORT, timeout=30), urlsplit(address).path
        connection.request("GET", f"{path}?{urlencode({'SendStatus': DELIVERED})}")
        answered[connection.getresponse().status] += 1
        connection.close()
    return answered


def states(database: Database) -> Counter[str]:
    """Messages by channel and state."""
    with database.read() as session:
        counts = outbox.counts(session, waves.find(session, study.CODE))
    found = Counter[str]()
    for (_step, channel, state), number in counts.items():
        found[f"{channel} {state}"] += number
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--people", type=int, default=120)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        it = study.Field(url, Path(name), PORT, 8.0, {"98-001": 0.5})
        database = open_database(url)
        study.prepare(it, database, target=stated.people // 5, dossiers=stated.people)
        told = study.CHANNELS.format(url=f"http://{ground.HOST}:{GATEWAY}")
        told = told.replace('["sms"]', '["sms", "print"]') + "[print]\nprice = 9000\n"
        (it.folder / "channels.toml").write_text(told, encoding="utf-8")
        with database.begin() as session:  # letters go out where paper comes back
            wave = waves.find(session, study.CODE)
            wave.settings = wave.settings | {"modes": ["link", "paper"]}
        invite_all(it, database)
        study.sender(it).wait()  # nothing listens there
        down = states(database)
        bad, server = Bad(it), ground.start(ground.Ground(url, it.folder / "keys", (), ""), PORT)
        try:
            with gateway(bad):
                rounds = send_all(it, database)
            before = states(database)
            receipts = tell_late(bad)
            after = states(database)
        finally:
            ground.stop(server)
            database.close()
    got = Counter(one.to for one in it.shown)
    dead = sum(phone.endswith(DEAD) for phone in (study.phone_of(number) for number in range(stated.people)))
    figures = {
        "people": stated.people, "refused_for_good": dead, "while_down": dict(down), "rounds": rounds,
        "fates": dict(bad.fates),
        "written_to": len(got), "duplicates": sum(count - 1 for count in got.values()),
        "at_the_end": dict(before), "after_late_receipts": dict(after), "receipts": dict(receipts),
        "letters_missing": max(0, dead - sum(n for state, n in before.items() if state.startswith("print"))),
        "receipts_refused": sum(n for status, n in receipts.items() if status >= 300),
    }  # fmt: skip
    told = {"fault": "F19", "engine": stated.engine} | figures
    ground.report(told, "duplicates", "letters_missing", "receipts_refused")


if __name__ == "__main__":
    main()
