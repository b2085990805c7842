"""Invitations and reminders through gateways that keep their contract and fail: nobody gets a step twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from survey.channels.configuration import Channels, read_channels
from survey.channels.contract import Channel, Receipt, Why
from survey.channels.refusals import BudgetExceeded, NotForTrial
from survey.channels.trial import Gateways, Shown
from survey.config import settings_from
from survey.db import Database
from survey.errors.common import StoredMeanwhile
from survey.jobs import close, deliver
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.message import Message, MessageBudget
from survey.model.rater import Rater
from survey.model.sample import ClassCell
from survey.stages import invitations, messages, openings, optouts, outbox, responses, waves

CITIZENS, OFFICIALS = "2026-citizens", "2026-officials"
INVITATION, REMINDER = "invitation", "reminder-1"
BASE = "https://khaosat.minhhoa.gov.vn"
CONFIGURATION = """
cap = 10_000_000
at_once = 4
quiet = [20, 8]
order.citizens = ["zalo", "sms", "print"]
[zalo]
url = "{url}/message/template"
price = 300
[zalo.templates]
invitation = {{ vi = "101", en = "102" }}
[sms]
url = "{url}/MainService.svc/json"
brandname = "SONOIVU"
price = 800
[print]
price = 7000
"""
SECRETS = {"HAILONG_ZALO_TOKEN": "t", "HAILONG_SMS_KEY": "k", "HAILONG_SMS_SECRET": "s"}
FAILURES = ("before", "after", "busy", "garbled")


@dataclass
class Fakes:
    """The gateways behind a real socket; `fate` decides what goes wrong with a request."""

    url: str = ""
    shown: list[Shown] = field(default_factory=list)
    fate: Callable[[str], str] = lambda _path: "ok"
    pause: float = 0.0

    def texts(self, channel: str) -> list[Shown]:
        return [one for one in self.shown if one.channel == channel]

    def by_phone(self) -> Counter[str]:
        return Counter(one.to for one in self.shown)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fakes]:
    """Zalo's and the SMS gateway as their contracts say, on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Fakes()
    gateways, lock = Gateways(made.shown.append, {}), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                fate = made.fate(self.path)
                reply = gateways.answer(self.path, body, self.headers) if fate in ("ok", "after", "garbled") else {}
            time.sleep(made.pause)
            text = b"<html>" if fate == "garbled" else json.dumps(reply).encode()
            self.send_response({"before": 500, "after": 500, "busy": 503, "moved": 302}.get(fate, 200))
            self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: Any) -> None:
            pass  # a sender that was killed does not wait for its reply

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Post:
    """An open citizens' wave of so many people with a phone each, and what messages need."""

    database: Database
    keys: Keys
    channels: Channels
    now: datetime
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def plan(self, step: str = INVITATION, wave: str = CITIZENS, **told: Any) -> messages.Estimate:
        told = {"language": "vi", "cap": self.channels.cap, "dry_run": False, **told}
        with self.database.begin() as session:
            it = messages.writer(session, waves.find(session, wave), self.keys, self.channels, BASE)
            return messages.plan(session, it, step, actor="test", now=self.now, **told)

    def send(self, step: str = INVITATION, wave: str = CITIZENS, most: int | None = None) -> Counter[str]:
        with self.database.begin() as session:
            messages.release(session, waves.find(session, wave), step, most=most, actor="test", now=self.now)
        return self.go_on(wave)

    def go_on(self, wave: str = CITIZENS, after: timedelta = timedelta()) -> Counter[str]:
        self.now += after
        return deliver.run(
            self.database, self.keys, wave, channels=self.channels, base_url=BASE, clock=lambda: self.now, rng=self.rng
        )

    def states(self, wave: str = CITIZENS) -> Counter[tuple[str, str]]:
        with self.database.read() as session:
            counts = outbox.counts(session, waves.find(session, wave))
        return Counter({(channel, state): count for (_step, channel, state), count in counts.items()})

    def receive(self, *receipts: Receipt) -> list[bool]:
        with self.database.begin() as session:
            return [outbox.receive(session, one) for one in receipts]

    def ids(self) -> list[str]:
        with self.database.read() as session:
            return [one.hex() for one in session.scalars(select(Message.id).order_by(Message.id))]


@pytest.fixture
def post_for(
    database: Database, keys: Keys, fakes: Fakes, tmp_path: Path, go_to_the_field: Callable[..., Any]
) -> Callable[..., Post]:
    def make(people: int, now: datetime, configuration: str = CONFIGURATION) -> Post:
        go_to_the_field(database, keys, now)
        invite(database, keys, people)
        file = tmp_path / "channels.toml"
        file.write_text(configuration.format(url=fakes.url), encoding="utf-8")
        return Post(database, keys, read_channels(file, SECRETS), now)

    return make


def invite(database: Database, keys: Keys, people: int) -> None:
    """So many people of one unit instead of the twelve who share a phone."""
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        for table in (Invitation, Dossier):
            session.execute(table.__table__.delete().where(table.wave_id == wave.id))
        dossiers, invited = [], []
        for number in range(people):
            identity, invitation = new_id(), new_id()
            dossiers.append({
                "id": identity, "wave_id": wave.id, "code_mark": new_id(), "linked_mark": None, "person_mark": None,
                "unit_code": "98-01", "field": "F1", "procedure_code": None, "point_of_service": None,
                "finished_on": date(2026, 3, 1), "timing": "on_time", "outcome": "granted", "channel": "counter",
                "applicant": "person", "sex": "F", "age_band": "", "commune": None,
                "phone": keys.installation.hide(f"09{number:08d}"), "email": None, "name": None, "address": None,
            })  # fmt: skip
            code = keys.wave(wave.id).code(invitation)
            invited.append({
                "id": invitation, "wave_id": wave.id, "dossier_id": identity, "rater_id": None, "unit_code": "98-01",
                "class_code": "98-01|all", "code_mark": keys.wave(wave.id).mark("code", code),
                "state": invitations.ISSUED,
            })  # fmt: skip
        session.execute(insert(Dossier), dossiers)
        session.execute(insert(Invitation), invited)
        session.execute(ClassCell.__table__.update().values(invited=people))


def failing(rate: float, seed: int = 7) -> Callable[[str], str]:
    rng = random.Random(seed)
    return lambda _path: rng.choice(FAILURES) if rng.random() < rate else "ok"


def test_everybody_gets_one_message_with_the_own_link(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(20, now)
    estimate = post.plan()
    assert (estimate.by_channel, estimate.least, estimate.most) == ({"zalo": 20}, 6000, 16_000)
    assert post.send(most=5) == {"sent": 5}
    assert post.send() == {"sent": 15}
    assert set(fakes.by_phone().values()) == {1}
    with post.database.read() as session:
        wave = waves.find(session, CITIZENS)
        codes = {code for _one, code in invitations.links(session, wave, post.keys.wave(wave.id))}
    assert {one.text.rpartition("ma: ")[2] for one in fakes.shown} == codes
    assert post.plan().as_dict()["people"] == 0  # nobody is planned twice
    assert post.send() == {}


def test_the_table_itself_refuses_a_second_attempt_while_one_lives(
    post_for: Callable[..., Post], now: datetime
) -> None:
    post = post_for(1, now)
    post.plan()
    with post.database.read() as session:
        wave = waves.find(session, CITIZENS)
        (person,) = invitations.people(session, wave, post.keys)
    twice, key = outbox.Entry(person.invitation, INVITATION, Channel.SMS, "vi"), post.keys.wave(wave.id)

    def put_in() -> None:
        with post.database.begin() as session:
            outbox.put_in(session, wave, key, [twice], state=outbox.WAITING, letter=0, now=now)

    with pytest.raises(StoredMeanwhile):
        put_in()


def test_a_dry_run_stores_nothing_and_a_cap_stops_before_it_is_passed(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(10, now)
    assert post.plan(dry_run=True).least == 3000
    assert not post.states()
    with pytest.raises(BudgetExceeded):
        post.plan(cap=2999)
    post.plan(cap=3000)
    fakes.fate = lambda path: "busy" if "template" in path else "ok"
    for _minute in range(outbox.MOST_TRIES - 1):
        post.send() if not _minute else post.go_on(after=timedelta(hours=1))
    with pytest.raises(BudgetExceeded):  # Zalo is given up, and SMS costs more
        post.go_on(after=timedelta(hours=1))
    assert len(fakes.shown) == 3  # 3 x 800 of 3000 đồng
    with post.database.read() as session:
        assert outbox.left_to_spend(session, waves.find(session, CITIZENS)) == 600


def test_an_unreachable_number_is_tried_by_the_next_channel_and_ends_with_the_printer(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(6, now)
    with post.database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {**wave.settings, "modes": ["link", "paper"]}
    fakes.fate = lambda path: "moved" if "template" in path else "ok"
    post.plan()
    assert set(post.send()) == {"waiting"}  # a redirect is not followed; the channel rests for this run
    fakes.fate = lambda _path: "ok"
    post.go_on(after=timedelta(hours=1))
    first, *_others = post.ids()
    assert post.receive(Receipt(first, Why.BOUNCED)) == [True]
    post.go_on()
    states = post.states()
    assert (states["zalo", "failed"], states["zalo", "sent"], states["sms", "sent"]) == (1, 5, 1)
    with post.database.read() as session:
        other = session.scalars(select(Message.id).where(Message.channel == "sms")).one()
        spent = session.get_one(MessageBudget, waves.find(session, CITIZENS).id).spent
    post.receive(Receipt(other.hex(), Why.REJECTED))
    for cap, letters in ((spent, 0), (spent + 7000, 1)):  # a letter that cannot be paid waits
        with post.database.begin() as session:
            outbox.set_cap(session, waves.find(session, CITIZENS), cap)
        post.go_on()
        assert post.states()["print", "to_print"] == letters
    with post.database.read() as session:
        wave = waves.find(session, CITIZENS)
        letter = session.scalars(select(Message).where(Message.channel == "print")).one()
        paid = sum(session.scalars(select(Message.cost)))
        assert letter.cost == 7000
        assert session.get_one(MessageBudget, wave.id).spent == paid
        assert len(outbox.letters(session, wave, post.keys.wave(wave.id))) == 1


def test_receipts_may_come_twice_late_and_out_of_order(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(3, now)
    post.plan()
    post.send()
    one, other, _third = post.ids()
    assert post.receive(Receipt(one, None), Receipt(one, None), Receipt(one, Why.BOUNCED)) == [True, False, False]
    assert post.receive(Receipt(other, Why.REJECTED)) == [True]
    post.go_on()
    assert post.receive(Receipt(other, None), Receipt("0" * 32, None), Receipt("x", None)) == [False, False, False]
    assert max(fakes.by_phone().values()) == 2  # Zalo said that the first one failed
    assert post.states() == {("zalo", "delivered"): 1, ("zalo", "failed"): 1, ("zalo", "sent"): 1, ("sms", "sent"): 1}


def test_one_request_in_ten_fails_and_nobody_gets_a_step_twice(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(150, now)
    fakes.fate = failing(0.1)
    post.plan()
    post.send()
    for _hour in range(8):
        post.go_on(after=timedelta(hours=1))
    states = post.states()
    assert set(fakes.by_phone().values()) == {1}
    assert states["zalo", "unknown"] + states["zalo", "sent"] + states["sms", "sent"] == 150
    post.now = now + timedelta(days=3)
    fakes.shown.clear()
    post.plan(REMINDER)  # by SMS alone: there is no template of Zalo for it
    post.send(REMINDER)
    for _hour in range(8):
        post.go_on(after=timedelta(hours=1))
    assert set(fakes.by_phone().values()) == {1}
    assert len(fakes.shown) == 150


def test_the_worker_goes_on_and_a_faulty_file_stops_nothing_else(
    post_for: Callable[..., Post], now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = post_for(4, now)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = settings_from({"HAILONG_CHANNELS": str(tmp_path / "channels.toml"), "HAILONG_BASE_URL": BASE})

    def minute() -> Counter[str]:
        return deliver.due(post.database, post.keys, settings, clock=lambda: now)

    post.plan()
    assert minute() == {}  # planned, not let out
    with post.database.begin() as session:
        messages.release(session, waves.find(session, CITIZENS), INVITATION, most=None, actor="test", now=now)
    whole = settings.channels.read_text(encoding="utf-8")
    settings.channels.write_text("cap = ?", encoding="utf-8")
    assert minute() == {}
    settings.channels.write_text(whole, encoding="utf-8")
    assert minute() == {"sent": 4}


def test_at_night_nothing_is_sent(post_for: Callable[..., Post], fakes: Fakes, now: datetime) -> None:
    post = post_for(3, now)
    post.plan()
    post.now = now.replace(hour=15)  # ten in the evening in the province
    assert post.send() == {}
    assert post.go_on(after=timedelta(hours=11)) == {"sent": 3}


def test_who_wants_no_more_or_is_somebody_else_gets_no_more(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(5, now)
    post.plan()
    with post.database.begin() as session:
        wave = waves.find(session, CITIZENS)
        codes = [code for _one, code in invitations.links(session, wave, post.keys.wave(wave.id))]
        optouts.stop_by_link(session, post.keys, codes[0].upper())
        responses.decline(session, openings.open_link(session, post.keys, codes[1], now=now), now=now)
    assert post.send() == {"sent": 3, "stopped": 2}
    assert post.plan(REMINDER).stopped == 1
    with post.database.read() as session:
        assert len(optouts.all_marks(session)) == 1


def test_officials_are_all_reminded_and_the_outbox_names_nobody(
    post_for: Callable[..., Post], fakes: Fakes, now: datetime
) -> None:
    post = post_for(1, now)
    with post.database.begin() as session:
        session.execute(update(Rater).values(phone=post.keys.installation.hide("0912345678")))
    post.plan(wave=OFFICIALS, step=INVITATION)
    with post.database.begin() as session:
        wave = waves.find(session, OFFICIALS)
        _invitation, code = next(iter(invitations.links(session, wave, post.keys.wave(wave.id))))
        opening = openings.open_link(session, post.keys, code, now=now)
        responses.accept(session, opening, secret="s", submission_key="k" * 16, answers={}, body=b"b", now=now)
    assert post.plan(wave=OFFICIALS, step=REMINDER).by_channel == {"sms": 10}
    with post.database.read() as session:
        ids = set(session.scalars(select(Invitation.id)))
        for row in session.execute(select(Message.__table__)).all():
            assert not ids & set(row)


def test_a_real_wave_never_goes_through_the_gateways_of_a_rehearsal(
    post_for: Callable[..., Post], now: datetime
) -> None:
    post = post_for(1, now, 'trial = "shown"\n' + CONFIGURATION)
    with pytest.raises(NotForTrial):
        post.plan()


def test_the_close_keeps_counts_of_the_outbox_alone(post_for: Callable[..., Post], now: datetime) -> None:
    post = post_for(12, now)
    post.plan()
    post.send()
    close.run(post.database, post.keys, CITIZENS, actor="test", now=now)
    with post.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0


def test_a_killed_sender_sends_nothing_twice(
    post_for: Callable[..., Post], fakes: Fakes, tmp_path: Path, engine: str
) -> None:
    """Real processes, killed again and again in the middle of their work; then the lease of what they held ends."""
    people, kills = 60, 2
    now = datetime.now(UTC)
    post = post_for(people, now, CONFIGURATION.replace("quiet = [20, 8]", "quiet = [0, 0]"))
    fakes.pause = 0.05
    environment = os.environ | SECRETS | {
        "HAILONG_DATABASE": post.database.url, "HAILONG_KEYS": str(post.keys.folder), "HAILONG_BASE_URL": BASE,
        "HAILONG_CHANNELS": str(tmp_path / "channels.toml"),
    }  # fmt: skip

    def killed_often(step: str) -> tuple[int, Counter[str]]:
        """Send a step with kills in between; how many messages were held then, and what people got in the end."""
        command = [sys.executable, "-m", "survey", "messages", "send", CITIZENS, "--step", step]
        fakes.shown.clear()
        post.now = datetime.now(UTC)
        post.plan(step)
        for number in range(kills):
            sender = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wanted, patience = (number + 1) * people // (kills + 2), time.monotonic() + 60
            while len(fakes.shown) < wanted and sender.poll() is None and time.monotonic() < patience:
                time.sleep(0.005)
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        held = sum(count for (_channel, state), count in post.states().items() if state == outbox.CLAIMED)
        assert 1 <= held <= kills * post.channels.at_once
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        post.now = datetime.now(UTC) + outbox.LEASE + timedelta(minutes=1)
        post.go_on()
        post.go_on(after=timedelta(minutes=5))
        print(f"{engine}: {step}, {people} people, {kills} kills, {held} held, {len(fakes.by_phone())} reached")
        return held, fakes.by_phone()

    held, reached = killed_often(INVITATION)  # Zalo does not know a tracking id again: what was held stays unknown
    assert post.states() == {("zalo", "sent"): people - held, ("zalo", "unknown"): held}
    assert max(reached.values()) == 1
    assert len(reached) >= people - held
    _held, reached = killed_often(REMINDER)  # the SMS gateway does: everybody is reached, once
    assert (len(reached), max(reached.values())) == (people, 1)
    assert post.states()["sms", "sent"] == people
