"""Zalo ZNS (tin ZNS): a template that Zalo approved, filled with parameters of 30 characters at most.

Nothing says that a repeated tracking id is sent once, so an unclear one is never repeated. The numbers of Zalo's
refusals are those of its documentation at the time of writing; an unknown one counts as a refusal of this message.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.channels.contract import MessageRefused, NotNow, Outgoing, Receipt, Unclear, Why
from survey.channels.wire import Post

LONGEST_PARAMETER = 30
REFUSED = {
    -108: Why.CONTACT,
    -114: Why.REJECTED,
    -117: Why.REJECTED,
    -118: Why.NO_APP,
    -119: Why.REJECTED,
    -139: Why.REJECTED,
    -140: Why.REJECTED,
    -141: Why.REJECTED,
}
LATER = {
    -115: Why.MONEY,
    -124: Why.SIGN_IN,
    -144: Why.QUOTA,
    -147: Why.QUOTA,
    -112: Why.SETTINGS,
    -131: Why.SETTINGS,
    -132: Why.SETTINGS,
    -216: Why.SIGN_IN,
}


@dataclass(frozen=True)
class Zalo:
    """The gateway of Zalo's template messages; the access token is read anew for each, since it is renewed outside."""

    url: str
    app: str
    price: int
    token: str
    token_file: Path | None
    secret: str
    post: Post
    repeats_safely: bool = False

    def parts(self, text: str) -> int:
        return 1

    def send(self, message: Outgoing) -> str:
        body: dict[str, Any] = {
            "phone": "84" + message.to.removeprefix("0"),
            "template_id": message.template,
            "template_data": dict(message.parameters),
            "tracking_id": message.tracking_id,
        }
        if message.is_trial:
            body["mode"] = "development"
        reply = self.post(self.url, body, {"access_token": self._token()})
        error = reply.get("error", reply.get("error_code"))
        if error == 0:
            return str((reply.get("data") or {}).get("msg_id", ""))
        if not isinstance(error, int):
            raise Unclear(Why.GARBLED)
        if error in LATER:
            raise NotNow(LATER[error], for_all=True)
        raise MessageRefused(REFUSED.get(error, Why.CONTENT))

    def _token(self) -> str:
        return self.token_file.read_text(encoding="utf-8").strip() if self.token_file else self.token

    def is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether a receipt comes from Zalo: `mac=` SHA-256 over app, body, time and the account's secret."""
        if not self.secret:
            return False
        told = hashlib.sha256(self.app.encode() + body + timestamp.encode() + self.secret.encode()).hexdigest()
        return hmac.compare_digest(f"mac={told}".encode(), signature.encode())


def parse_receipt(body: bytes) -> Receipt | None:
    """A message that reached its receiver, by the tracking id; other events mean nothing here."""
    try:
        event: Mapping[str, Any] = json.loads(body)
        message = event["message"]
        tracking_id = str(message["tracking_id"])
    except (ValueError, KeyError, TypeError):
        return None
    return Receipt(tracking_id, None) if event.get("event_name") == "user_received_message" else None
