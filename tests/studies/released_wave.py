"""A wave run to its end: drawn, released in advised replicates, written to by the outbox, answered at the real server.

    python tests/studies/released_wave.py [--units 108] [--target 30] [--engine postgres] [--share 0.3]

Simulated people answer by the link that the gateway got; units differ in how many answer at all. One request in ten
fails at the gateway in one of four ways, and a sender is killed in the middle of its first batch. Printed as JSON: how
often anybody got a message (never more than once a step), the invitations that the wanted intervals took, and what an
equal release of as many to every unit would have taken with the same people in the same order.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))

import ground  # noqa: E402
from respondent import STATE, TOKEN, WHOLE, Scripted  # noqa: E402

from analysis.planning.releases import Goal  # noqa: E402
from survey import precision, schema  # noqa: E402
from survey.channels.configuration import read_channels  # noqa: E402
from survey.channels.trial import Gateways, Shown  # noqa: E402
from survey.config import PROVINCE_TIME  # noqa: E402
from survey.db import Database, open_database  # noqa: E402
from survey.errors.common import SurveyError  # noqa: E402
from survey.jobs import close, deliver  # noqa: E402
from survey.jobs import replicate as advising  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.model.unit import Unit  # noqa: E402
from survey.stages import board, coverage, frames, invitations, messages, outbox, replicates, samples, waves  # noqa: E402
from survey.wavefile import read_wave_file  # noqa: E402

CODE, STEP, SEED = "2026-released", "invitation", 20260105
FAILURES, FAILING = ("before", "after", "busy", "garbled"), 0.1
LINK = re.compile(r"/k/([0-9A-Za-z]+)")
SECRETS = {"HAILONG_SMS_KEY": "k", "HAILONG_SMS_SECRET": "s", "no_proxy": "127.0.0.1"}
CHANNELS = """
cap = 100_000_000
at_once = 4
quiet = [0, 0]
order.citizens = ["sms"]
[sms]
url = "{url}/MainService.svc/json"
brandname = "SONOIVU"
price = 800
"""
WAVE = """
code = "2026-released"
kind = "real"
audience = "citizens"
instrument = "service-2025"
scheme = ["ours.toml"]
province = "98"
period_from = 2026-01-01
period_to = 2026-12-31
opens = {opens:%Y-%m-%dT%H:%M:%S}
closes = {closes:%Y-%m-%dT%H:%M:%S}
units = "*"
modes = ["link"]
[targets]
default = {target}
[precision]
half_width = {wanted}
"""


@dataclass
class Field:
    """The wave under trial: its site, its gateway, its people."""

    url: str
    folder: Path
    port: int
    wanted: float
    rates: dict[str, float]
    shown: list[Shown] = field(default_factory=list)
    late: timedelta = timedelta()  # how far the senders' clock has gone on
    answered: set[str] = field(default_factory=set)

    @property
    def keys(self) -> Keys:
        return Keys(self.folder / "keys")

    def would_answer(self, phone: str, unit: str) -> bool:
        """Whether the person behind a phone answers at all; the same in every release."""
        drawn = int.from_bytes(sha256(f"{SEED}{phone}".encode()).digest()[:8], "big") / 2**64
        return drawn < self.rates[unit]


def phone_of(number: int) -> str:
    return f"09{number:08d}"


def prepare(it: Field, database: Database, *, target: int, dossiers: int) -> None:
    """A drawn wave: each unit with as many dossiers, four times as many people drawn as answers are wanted."""
    schema.upgrade(database)
    now, rng = datetime.now(UTC), random.Random(SEED)
    opens, closes = ((now + timedelta(days=days)).astimezone(PROVINCE_TIME) for days in (-1, 20))
    lines = ["dossier_code,procedure_field,rated_unit,due_on,finished_on,channel,sex,phone"]
    for place, unit in enumerate(it.rates):
        for number in range(dossiers):
            due = date(2026, 2, 1) if rng.random() < 0.2 else date(2026, 3, 30)
            fields, phone = ("ho-tich", "dat-dai")[number % 2], phone_of(place * dossiers + number)
            lines.append(f"{unit}.{number},{fields},{unit},{due},2026-03-02,counter,{'FM'[number % 2]},{phone}")
    (it.folder / "frame.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = it.folder / "wave.toml"
    told = WAVE.format(opens=opens, closes=closes, target=target, wanted=it.wanted)
    file.write_text(told.replace('"real"', '"rehearsal"').replace("ours.toml", "local-department-sample"), "utf-8")
    with database.begin() as session:
        session.add(Unit(code="98", name_vi="Tỉnh Minh Họa", name_en="Sample", type="province", rated=False))
        session.flush()
        for unit in it.rates:
            session.add(Unit(code=unit, name_vi=unit, name_en=unit, type="department", parent="98", rated=True))
        session.flush()
        wave = waves.create(session, read_wave_file(file), keys=it.keys, actor="study", now=now)
        frame = it.folder / "frame.csv"
        frames.import_frame(session, wave, frame, installation=it.keys.installation, actor="study", now=now)
    with database.begin() as session:
        wave = waves.find(session, CODE)
        coverage.sign(session, wave, by="Study", actor="study", now=now)
        samples.draw(session, wave, seed=SEED, response_rate=0.2, actor="study", now=now)


@contextmanager
def gateway(it: Field) -> Iterator[str]:
    """The SMS gateway by its contract on a real socket; one request in ten fails before, after or beside it."""
    gateways, lock, rng = Gateways(it.shown.append, {}), threading.Lock(), random.Random(7)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                fate = rng.choice(FAILURES) if rng.random() < FAILING else "ok"
                reply = gateways.answer(self.path, body, self.headers) if fate not in ("before", "busy") else {}
            text = b"<html>" if fate == "garbled" else json.dumps(reply).encode()
            self.send_response({"before": 500, "after": 500, "busy": 503}.get(fate, 200))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: Any) -> None:
            pass  # a sender that was killed does not wait for its reply

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send(url: str, folder: Path, port: int, late: float) -> None:
    """What the worker does each minute, in a process of its own, at an hour of its own."""
    database = open_database(url)
    channels = read_channels(folder / "channels.toml", SECRETS)
    deliver.run(
        database, Keys(folder / "keys"), CODE, channels=channels, base_url=f"http://127.0.0.1:{port}",
        clock=lambda: datetime.now(UTC) + timedelta(seconds=late),
    )  # fmt: skip


def sender(it: Field) -> subprocess.Popen[bytes]:
    it.late += timedelta(hours=2)
    stated = [
        "--send",
        it.url,
        "--folder",
        str(it.folder),
        "--port",
        str(it.port),
        "--late",
        str(it.late.total_seconds()),
    ]
    return subprocess.Popen([sys.executable, __file__, *stated], env=os.environ | SECRETS, start_new_session=True)


def write_to_all(it: Field, database: Database, *, is_first: bool) -> int:
    """Plan and release the step for who has no message yet, and send until nothing is left; how many were killed."""
    channels = read_channels(it.folder / "channels.toml", SECRETS)
    with database.begin() as session:
        wave = waves.find(session, CODE)
        writer = messages.writer(session, wave, it.keys, channels, f"http://127.0.0.1:{it.port}")
        now = datetime.now(UTC)
        messages.plan(session, writer, STEP, language="vi", cap=channels.cap, actor="study", now=now, dry_run=False)
        messages.release(session, wave, STEP, most=None, actor="study", now=now)
    killed = 0
    if is_first:
        before, working = len(it.shown), sender(it)
        while len(it.shown) < before + 20 and working.poll() is None:
            time.sleep(0.005)
        if working.poll() is None:
            os.killpg(working.pid, signal.SIGKILL)
            killed = 1
        working.wait()
    while is_waiting(database):
        if sender(it).wait():
            raise SystemExit("a sender failed")
    return killed


def is_waiting(database: Database) -> bool:
    with database.read() as session:
        counts = outbox.counts(session, waves.find(session, CODE))
    return any(number for (_step, _by, state), number in counts.items() if state in ("waiting", "claimed", "unknown"))


class Quick(Scripted):
    """A browser that has the whole form with the first page, or after the first press, and sends it once."""

    def answer(self) -> str:
        page, link = self.go("GET", self.path), self.path
        token, told = TOKEN.search(page), WHOLE.search(page)
        if STATE.search(page) or token is None:
            return "closed"
        form = told[1] if told else self.first_press(link, token[1])
        sections = form.split("<section ")[1:-1]
        sent = [self.fill(f"<form>{section}</form>").decode() for section in sections]
        key = sha256(link.encode()).hexdigest()[:32]
        whole = "&".join([f"csrf_token={token[1]}&whole=1&key={key}", *sent])
        ended = STATE.search(self.go("POST", f"{link}/review", whole.encode()))
        return ended[1] if ended else "open"


def answer(it: Field, units: dict[str, str], users: int) -> Counter[str]:
    """Whoever got a message, answers at all and has not yet, follows the link in it."""
    new = [
        (one.to, found[1]) for one in list(it.shown) if one.to not in it.answered and (found := LINK.search(one.text))
    ]
    willing = {phone: code for phone, code in new if it.would_answer(phone, units[phone])}

    def one(code: str) -> str:
        person = Quick(it.port, f"/k/{code}", patience=120)
        state = person.answer()
        person.close()
        return state

    with ThreadPoolExecutor(users) as pool:
        states = Counter(pool.map(one, willing.values()))
    it.answered |= set(willing)
    return states


def turns(it: Field, database: Database, units: dict[str, str]) -> dict[str, list[bool]]:
    """Whether each drawn person of a unit answers, in the order in which an equal release would invite them."""
    with database.read() as session:
        drawn = [one for one in samples.repeat(session, waves.find(session, CODE)) if one.invitable]
        phones = dossier_phones(it, session, [one.listed.id for one in drawn])
    classes: dict[str, list[Any]] = defaultdict(list)
    for one in drawn:
        classes[one.class_code or ""].append(one)
    order: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for people in classes.values():
        people.sort(key=lambda one: invitations.turn(SEED, one.listed.mark))
        for place, one in enumerate(people):
            phone = phones[one.listed.id]
            order[one.listed.unit].append(((place + 0.5) / len(people), it.would_answer(phone, units[phone])))
    return {unit: [answers for _place, answers in sorted(found)] for unit, found in order.items()}


def dossier_phones(it: Field, session: Any, ids: list[bytes]) -> dict[bytes, str]:
    from sqlalchemy import select

    from survey.model.frame import Dossier

    rows = session.execute(select(Dossier.id, Dossier.phone))
    wanted = set(ids)
    return {one: it.keys.installation.reveal(phone) for one, phone in rows if one in wanted and phone}


def equal_release(order: dict[str, list[bool]], needed: dict[str, int]) -> int:
    """Invitations when every unit gets the same number, until each that can has its interval."""
    enough = []
    for unit, people in order.items():
        so_far = 0
        for place, answers in enumerate(people, start=1):
            so_far += answers
            if so_far >= needed[unit]:
                enough.append(place)
                break
    each = max(enough, default=0)
    return sum(min(each, len(people)) for people in order.values())


def release_all(it: Field, database: Database, units: dict[str, str], stated: argparse.Namespace) -> dict[str, Any]:
    """The first replicate, then advice after advice until none is needed."""
    rounds: list[int] = []
    with database.begin() as session:
        wave = waves.find(session, CODE)
        rounds.append(replicates.first(
            session, wave, key=it.keys.wave(wave.id), share=stated.share, actor="study", now=datetime.now(UTC)
        ))  # fmt: skip
        waves.open_wave(session, wave, actor="study", now=datetime.now(UTC))
    killed, states = write_to_all(it, database, is_first=True), answer(it, units, stated.users)
    while True:
        try:
            made = advising.advise(
                database, CODE, count=stated.count, goal=Goal.UNITS, actor="study", now=datetime.now(UTC),
                settle=timedelta(0),
            )  # fmt: skip
        except SurveyError:  # nobody is left
            break
        if not made.size:
            break
        with database.begin() as session:
            wave = waves.find(session, CODE)
            key = it.keys.wave(wave.id)
            rounds.append(replicates.confirm(session, wave, made.id, key=key, actor="study", now=datetime.now(UTC)))
        write_to_all(it, database, is_first=False)
        states += answer(it, units, stated.users)
    return {"rounds": len(rounds), "invitations": sum(rounds), "killed_senders": killed, "ended": dict(states)}


def trial(stated: argparse.Namespace) -> dict[str, Any]:
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        rates = {f"98-{number:03d}": rng.uniform(0.25, 0.7) for number in range(stated.units)}
        it = Field(url, Path(name), stated.port, stated.wanted, rates)
        database = open_database(url)
        prepare(it, database, target=stated.target, dossiers=stated.dossiers)
        units = {
            phone_of(place * stated.dossiers + n): u for place, u in enumerate(rates) for n in range(stated.dossiers)
        }
        order = turns(it, database, units)
        server = ground.start(ground.Ground(url, it.folder / "keys", (), ""), it.port)
        try:
            with gateway(it) as address:
                (it.folder / "channels.toml").write_text(CHANNELS.format(url=address), encoding="utf-8")
                figures = release_all(it, database, units, stated)
        finally:
            ground.stop(server)
        with database.read() as session:
            wave = waves.find(session, CODE)
            lines, aim = board.progress(session, wave), board.aim(wave)
        needed = {line.code: precision.answers_for(aim, board.items(wave), line.population) for line in lines}
        moved = close.run(database, it.keys, CODE, actor="study", now=datetime.now(UTC))
        database.close()
    got = Counter(one.to for one in it.shown)
    reached = sum(line.half_width is not None and line.half_width <= aim.half_width for line in lines)
    can = sum(sum(people) >= needed[unit] for unit, people in order.items())
    return figures | {
        "engine": stated.engine,
        "units": stated.units,
        "wanted_half_width": aim.half_width,
        "equal_release": equal_release(order, needed),
        "units_as_precise_as_wanted": reached,
        "units_that_can_be": can,
        "answers": sum(line.completed for line in lines),
        "let_out_at_the_close": moved,
        "people_written_to": len(got),
        "most_messages_a_person": max(got.values()),
        "not_written_to": figures["invitations"] - len(got),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--units", type=int, default=108)
    parser.add_argument("--target", type=int, default=30)
    parser.add_argument("--dossiers", type=int, default=400)
    parser.add_argument("--wanted", type=float, default=8.0)
    parser.add_argument("--share", type=float, default=0.25, help="Of each class in the first replicate.")
    parser.add_argument("--count", type=int, help="Invitations of each further release; 4 a unit when left out.")
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--port", type=int, default=23520)
    parser.add_argument("--send", metavar="URL", help="Be the sender (the script calls itself).")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--late", type=float, default=0)
    stated = parser.parse_args()
    if stated.send:
        send(stated.send, stated.folder, stated.port, stated.late)
        return
    stated.count = stated.count or 4 * stated.units
    figures = trial(stated)
    print(json.dumps(figures), flush=True)
    bad = figures["most_messages_a_person"] > 1 or figures["invitations"] >= figures["equal_release"]
    bad |= figures["units_as_precise_as_wanted"] < figures["units_that_can_be"]
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
