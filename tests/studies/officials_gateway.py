"""The SMS gateway of the study, and all that its log tells: what was sent to whom, in which order, and what arrived."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from survey.channels.configuration import Channels, read_channels
from survey.channels.contract import Channel, Receipt
from survey.channels.sms import Sms
from survey.channels.trial import Gateways
from survey.db import Database
from survey.jobs import deliver
from survey.keys import Keys
from survey.stages import messages, outbox, waves

STEPS = {0: "invitation", 10: "reminder-1"}  # by the day on which they go out
ARRIVES = 0.95
CONFIGURATION = """
cap = 10_000_000
quiet = [20, 20]
order.officials = ["sms"]
trial = "shown"
[sms]
url = "https://sms.example.vn"
brandname = "SONOIVU"
price = 800
"""
BASE = "https://khaosat.example.vn"


@dataclass(frozen=True)
class Sent:
    """A line of the gateway's log: the day, the number under which it was sent, to whom, and the whole text."""

    day: int
    tracking_id: bytes
    phone: str
    text: str


class Gateway:
    """The gateway by its contract; its log is what an attacker reads."""

    def __init__(self, folder: Path) -> None:
        (folder / "channels.toml").write_text(CONFIGURATION, encoding="utf-8")
        found = read_channels(folder / "channels.toml", {})
        adapter = found.adapters[Channel.SMS]
        if not isinstance(adapter, Sms):
            raise TypeError("messages of the study go by SMS")
        self.log: list[Sent] = []
        self.day = 0
        self.gateways = Gateways(lambda _shown: None, {})
        self.channels: Channels = replace(found, adapters={Channel.SMS: replace(adapter, post=self.take)})

    def take(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        self.log.append(Sent(self.day, bytes.fromhex(body["RequestId"]), body["Phone"], body["Content"]))
        return self.gateways.answer(url, dict(body), headers)

    def send(self, database: Database, keys: Keys, code: str, day: int, now: datetime) -> None:
        """Plan a step and send it as the site does: everybody is written to, whether he answered or not."""
        self.day = day
        with database.begin() as session:
            wave = waves.find(session, code)
            it = messages.writer(session, wave, keys, self.channels, BASE)
            messages.plan(
                session, it, STEPS[day], language="vi", cap=self.channels.cap, actor="test", now=now, dry_run=False
            )
            messages.release(session, wave, STEPS[day], most=None, actor="test", now=now)
        deliver.run(
            database, keys, code, channels=self.channels, base_url=BASE, clock=lambda: now, rng=random.Random(day)
        )

    def report(self, database: Database, rng: random.Random) -> None:
        """The evening after: receipts come for most of what was sent that day, in an order of their own."""
        sent = [one for one in self.log if one.day == self.day]
        with database.begin() as session:
            for one in rng.sample(sent, round(ARRIVES * len(sent))):
                outbox.receive(session, Receipt(one.tracking_id.hex(), None))
