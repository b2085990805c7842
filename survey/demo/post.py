"""The demonstration's messages: a file of channels whose gateways show what they take, and the first invitations."""

from __future__ import annotations

from datetime import datetime

from survey.channels.configuration import read_channels
from survey.config import Settings
from survey.db import Database
from survey.jobs import deliver
from survey.keys import Keys
from survey.stages import messages, waves

CHANNELS = """\
# Made by `hailong demo`: nothing leaves the house, what is sent stands on the page /demo/messages.
trial = "demo/messages"
cap = 10_000_000
quiet = [0, 0]
[zalo]
url = "https://zalo.example/message/template"
price = 300
[zalo.templates]
invitation = { vi = "101", en = "102" }
[sms]
url = "https://sms.example/MainService.svc/json"
brandname = "SONOIVU"
price = 800
[email]
host = "mail.example"
port = 587
security = "starttls"
sender = "khaosat@minhhoa.example.vn"
"""
STEP, FIRST = "invitation", 40


def send(settings: Settings, database: Database, keys: Keys, wave_code: str, *, actor: str, now: datetime) -> None:
    """Plan a wave's invitations and send the first of them; an installation that really sends is left alone."""
    if not settings.channels.exists():
        settings.channels.parent.mkdir(parents=True, exist_ok=True)
        settings.channels.write_text(CHANNELS, encoding="utf-8")
    channels = read_channels(settings.channels, {})
    if channels.trial is None:
        return
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        it = messages.writer(session, wave, keys, channels, settings.base_url)
        messages.plan(session, it, STEP, language="vi", cap=channels.cap, actor=actor, now=now, dry_run=False)
        messages.release(session, wave, STEP, most=FIRST, actor=actor, now=now)
    deliver.run(database, keys, wave_code, channels=channels, base_url=settings.base_url, clock=lambda: now)
