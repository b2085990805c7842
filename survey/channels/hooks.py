"""Webhooks: other offices' programs that are told when a wave opens, closes, is scored or sealed.

Addresses stand in the file of channels alone, so nobody can make the site call one. Signed as Standard Webhooks are:
HMAC-SHA-256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from survey.channels import trial, wire
from survey.channels.contract import NotNow, Why
from survey.channels.wire import Send
from survey.datafile import Table
from survey.faults import Reason


class Event(StrEnum):
    """What a program can be told of: the audit log's own words for it."""

    OPENED = "wave.open"
    CLOSED = "wave.close"
    SCORED = "score.run"
    SEALED = "results.seal"


@dataclass(frozen=True)
class Hook:
    """One program that is told, at an address, of some events."""

    name: str
    url: str
    events: tuple[Event, ...]
    secret: str
    send: Send

    def tell(self, number: int, body: Mapping[str, Any], now: datetime) -> None:
        """Post one event; NotNow and Unclear say that it has to be told again, under the same id."""
        if not self.secret:
            raise NotNow(Why.SIGN_IN, for_all=True)
        data, stamp = wire.encode(body), str(int(now.timestamp()))
        headers = {
            "webhook-id": f"{self.name}-{number}",
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{sign(self.secret, f'{self.name}-{number}', stamp, data)}",
        }
        self.send(self.url, data, headers)


def sign(secret: str, identity: str, stamp: str, data: bytes) -> str:
    """The signature of one telling, in base 64."""
    told = f"{identity}.{stamp}.".encode() + data
    return base64.b64encode(hmac.new(secret.encode(), told, hashlib.sha256).digest()).decode()


def read_hooks(table: Table, environment: Mapping[str, str], trial_folder: Path | None) -> tuple[Hook, ...]:
    """The `[[hook]]` tables; the secret of each is in the environment as HAILONG_HOOK_NAME."""
    found = []
    for row in table.tables("hook", required=False):
        name, words = row.code("name"), row.codes("events")
        for word in words:
            if word not in {event.value for event in Event}:
                row.fault("events", Reason.NOT_ONE_OF, ", ".join(Event))
        url = row.text("url")
        row.close()
        secret = environment.get(f"HAILONG_HOOK_{name.upper().replace('-', '_').replace('.', '_')}", "")
        send = trial.hooking(trial_folder) if trial_folder else wire.sender()
        events = tuple(Event(word) for word in words if word in {event.value for event in Event})
        found.append(Hook(name, url, events, secret or ("trial" if trial_folder else ""), send))
    return tuple(found)
