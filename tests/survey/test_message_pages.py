"""What comes back by the web: receipts of gateways, people who want no more messages, the page of a rehearsal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from survey.channels import trial
from survey.channels.contract import Channel
from survey.channels.sms import SEND
from survey.db import Database
from survey.keys import Keys
from survey.model.message import Message, OptOut
from survey.stages import invitations, messages, outbox, waves
from survey.stages.outbox import Entry

CHANNELS = """
cap = 0
[zalo]
url = "https://zalo.example/message/template"
app = "77"
price = 0
[zalo.templates]
invitation = { vi = "101", en = "102" }
"""


@dataclass(frozen=True)
class Sent:
    """A message that a gateway took, and where the site's people live."""

    tracking_id: str
    keys: Keys
    codes: tuple[str, ...]


@pytest.fixture
def sent(
    app: Flask, database: Database, settings: Any, go_to_the_field: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Sent:
    keys: Keys = app.extensions["survey"].keys
    now = app.extensions["survey"].clock()
    field = go_to_the_field(database, keys, now)
    settings.channels.parent.mkdir(parents=True, exist_ok=True)
    settings.channels.write_text(CHANNELS, encoding="utf-8")
    monkeypatch.setenv("HAILONG_ZALO_SECRET", "secret")
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        key = keys.wave(wave.id)
        (invitation, _code), *_others = invitations.links(session, wave, key)
        entry = Entry(invitation.id, "invitation", Channel.SMS, "vi")
        outbox.put_in(session, wave, key, [entry], state=outbox.SENT, letter=0, now=now)
        session.execute(update(Message).values(tries=1))
        identity = session.scalars(select(Message.id)).one()
    return Sent(identity.hex(), keys, field.personal)


def state(database: Database) -> str:
    with database.read() as session:
        return session.scalars(select(Message.state)).one()


def test_a_signed_receipt_is_noted_and_a_forged_one_is_not(client: FlaskClient, database: Database, sent: Sent) -> None:
    address = f"/receipts/sms/{messages.signed(sent.keys, sent.tracking_id)}"
    for forged in (f"/receipts/sms/{sent.tracking_id}.{'0' * 32}", f"/receipts/sms/{sent.tracking_id}"):
        assert client.post(forged, data={"SendStatus": "3"}).status_code == 404
    assert client.get(address, query_string={"SendStatus": "2"}).status_code == 204
    assert state(database) == outbox.SENT
    assert client.post(address, json={"SendStatus": "5"}).status_code == 204
    assert state(database) == outbox.DELIVERED
    assert client.get(address, query_string={"SendStatus": "3"}).status_code == 204  # late, and overtaken
    assert state(database) == outbox.DELIVERED
    unknown = messages.signed(sent.keys, "0" * 32)
    assert client.get(f"/receipts/sms/{unknown}", query_string={"SendStatus": "5"}).status_code == 204


def test_zalo_s_receipt_counts_with_its_signature_alone(client: FlaskClient, database: Database, sent: Sent) -> None:
    event = {"event_name": "user_received_message", "timestamp": "1", "message": {"tracking_id": sent.tracking_id}}
    body = json.dumps(event).encode()
    good = "mac=" + hashlib.sha256(b"77" + body + b"1" + b"secret").hexdigest()
    for signature in ("", "mac=0", good.replace("mac=", "")):
        told = client.post("/receipts/zalo", data=body, headers={"X-ZEvent-Signature": signature})
        assert told.status_code == 404
    assert state(database) == outbox.SENT
    headers = {"X-ZEvent-Signature": good, "Content-Type": "application/json"}
    assert client.post("/receipts/zalo", data=body, headers=headers).status_code == 204
    assert state(database) == outbox.DELIVERED


def test_who_wants_no_more_messages_says_so_by_a_press_and_not_by_opening_a_link(
    client: FlaskClient, database: Database, sent: Sent
) -> None:
    def stopped() -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(OptOut)) or 0

    path = f"/k/{sent.codes[0]}/stop"
    assert client.get(path).status_code == 200
    assert stopped() == 0
    unknown = client.submit("/k/0000000000000/stop")  # type: ignore[attr-defined]
    assert stopped() == 0
    known = client.submit(path)  # type: ignore[attr-defined]
    assert (known.status_code, stopped()) == (200, 1)
    assert len(known.data) == len(unknown.data)
    assert client.submit(path).status_code == 200  # type: ignore[attr-defined]
    assert stopped() == 1
    assert f'href="{path}"'.encode() in client.get(f"/k/{sent.codes[1]}").data.replace(
        sent.codes[1].encode(), sent.codes[0].encode()
    )


def test_only_a_rehearsal_shows_its_messages(
    signed_in: Callable[..., FlaskClient], settings: Any, sent: Sent, tmp_path: Path
) -> None:
    office = signed_in("survey_office")
    assert office.get("/demo/messages").status_code == 404
    settings.channels.write_text('trial = "shown"\n' + CHANNELS, encoding="utf-8")
    assert office.get("/demo/messages").status_code == 200
    folder = settings.channels.parent / "shown"
    text = f"<b>https://x/k/{sent.codes[0]}"
    body = {"ApiKey": "k", "SecretKey": "s", "Phone": "0912345678", "Content": text, "Brandname": "B", "RequestId": "1"}
    trial.posting(folder)(f"https://sms.example/{SEND}", body, {})
    told = office.get("/demo/messages").get_data(as_text=True)
    assert "&lt;b&gt;" in told
    assert f'href="/k/{sent.codes[0]}"' in told
    assert (folder / trial.FILE).stat().st_mode & 0o077 == 0
