"""The gateways of a rehearsal: they answer as the real ones do and put what was sent into a file to be looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from survey.channels.contract import Channel
from survey.channels.mail import Handing
from survey.channels.sms import KNOWN, SEND, TAKEN
from survey.channels.wire import Json, Post, Send

FILE = "messages.jsonl"
INVALID_PHONE = -108
NOT_SIGNED_IN, NO_PHONE = "101", "99"


@dataclass(frozen=True)
class Shown:
    """A message as its receiver sees it."""

    channel: str
    to: str
    subject: str
    text: str


Show = Callable[[Shown], None]


@dataclass
class Gateways:
    """Both HTTP gateways by their contract; each remembers what it took, by tracking id."""

    show: Show
    taken: dict[str, Shown]

    def answer(self, path: str, body: Json, headers: Mapping[str, str]) -> dict[str, Any]:
        """The reply to one request, as the gateway at this path gives it."""
        return self._sms(body) if path.endswith(SEND) else self._zalo(body, headers)

    def _zalo(self, body: Json, headers: Mapping[str, str]) -> dict[str, Any]:
        if not headers.get("access_token"):
            return {"error": -124, "message": "Access token invalid"}
        phone = str(body.get("phone", ""))
        if not phone.startswith("84") or len(phone) != 11:
            return {"error": INVALID_PHONE, "message": "Phone number is invalid"}
        filled = ", ".join(f"{name}: {value}" for name, value in body["template_data"].items())
        self._take(body["tracking_id"], Shown(Channel.ZALO, "0" + phone[2:], str(body["template_id"]), filled))
        data = {"msg_id": f"z{len(self.taken)}", "sent_time": "0", "quota": {"dailyQuota": "500"}}
        return {"error": 0, "message": "Success", "data": data}

    def _sms(self, body: Json) -> dict[str, Any]:
        if not body.get("ApiKey") or not body.get("SecretKey"):
            return {"CodeResult": NOT_SIGNED_IN, "ErrorMessage": "Authorize failed"}
        phone = str(body.get("Phone", ""))
        if not phone.startswith("0") or len(phone) != 10:
            return {"CodeResult": NO_PHONE, "ErrorMessage": "Phone not valid"}
        if body["RequestId"] in self.taken:
            return {"CodeResult": KNOWN, "ErrorMessage": "RequestId is existed"}
        self._take(body["RequestId"], Shown(Channel.SMS, phone, str(body["Brandname"]), str(body["Content"])))
        return {"CodeResult": TAKEN, "CountRegenerate": 0, "SMSID": f"s{len(self.taken)}"}

    def _take(self, tracking_id: str, shown: Shown) -> None:
        self.taken[tracking_id] = shown
        self.show(shown)


def posting(folder: Path) -> Post:
    """In place of `wire.poster`: nothing leaves the house."""
    gateways = Gateways(_writer(folder), {})
    return lambda url, body, headers: gateways.answer(url, body, headers)


def handing(folder: Path) -> Handing:
    """In place of a mail server."""
    show = _writer(folder)

    def hand_over(message: EmailMessage, _sender: str, to: str) -> None:
        show(Shown(Channel.EMAIL, to, str(message["Subject"]), message.get_content()))

    return hand_over


def hooking(folder: Path) -> Send:
    """In place of another office's program."""
    show = _writer(folder)

    def send(url: str, data: bytes, headers: Mapping[str, str]) -> bytes:
        show(Shown("webhook", url, headers["webhook-id"], data.decode()))
        return b""

    return send


def _writer(folder: Path) -> Show:
    """Add a line to the file of a rehearsal, for its owner alone: it holds links."""

    def show(shown: Shown) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = json.dumps(asdict(shown), ensure_ascii=False) + "\n"
        descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    return show


def shown(folder: Path, most: int) -> list[Shown]:
    """What was sent last, the newest first."""
    path = folder / FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        lines = file.readlines()[-most:]
    return [Shown(**json.loads(line)) for line in reversed(lines)]
