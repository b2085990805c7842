"""SMS under a brand name (tin nhắn thương hiệu), by the JSON contract of eSMS.

The gateway knows a request id again, so that an unclear message may be repeated under the same one: it goes out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from survey.channels.contract import MessageRefused, NotNow, Outgoing, Receipt, Unclear, Why
from survey.channels.wire import Post

SEND = "SendMultipleMessage_V4_post_json/"
TAKEN, KNOWN = "100", "124"  # 124: this request id was taken before
LATER = {"101": Why.SIGN_IN, "102": Why.SIGN_IN, "103": Why.MONEY, "104": Why.SETTINGS}
REFUSED = {"99": Why.CONTACT, "118": Why.CONTENT, "119": Why.CONTACT, "131": Why.CONTENT, "146": Why.CONTENT}
ARRIVED = "5"  # SendStatus: 1 waiting, 2 sending, 3 rejected, 4 sent, 5 arrived
FAILED = {"3": Why.REJECTED, "6": Why.BOUNCED}
ONE, PART = (160, 153), (70, 67)  # characters of a single message and of each part, unaccented and accented


@dataclass(frozen=True)
class Sms:
    """The gateway of brand-name messages."""

    url: str
    brandname: str
    price: int
    is_unicode: bool
    key: str
    secret: str
    post: Post
    repeats_safely: bool = True

    def parts(self, text: str) -> int:
        """One message, or its parts when it is too long for one."""
        alone, part = ONE if text.isascii() else PART
        return 1 if len(text) <= alone else -(-len(text) // part)

    def send(self, message: Outgoing) -> str:
        body = {
            "ApiKey": self.key,
            "SecretKey": self.secret,
            "Phone": message.to,
            "Content": message.text,
            "Brandname": self.brandname,
            "SmsType": "2",
            "IsUnicode": "0" if message.text.isascii() else "1",
            "Sandbox": "1" if message.is_trial else "0",
            "RequestId": message.tracking_id,
            "CallbackUrl": message.receipts_url,
        }
        reply = self.post(self.url.rstrip("/") + "/" + SEND, body, {})
        code = str(reply.get("CodeResult", ""))
        if code in (TAKEN, KNOWN):
            return str(reply.get("SMSID") or "")
        if code in LATER:
            raise NotNow(LATER[code], for_all=True)
        if not code.isdigit():
            raise Unclear(Why.GARBLED)
        raise MessageRefused(REFUSED.get(code, Why.CONTENT))


def parse_receipt(tracking_id: str, told: Mapping[str, str]) -> Receipt | None:
    """A message that arrived or never will; anything between tells nothing new."""
    status = told.get("SendStatus", "")
    if status == ARRIVED:
        return Receipt(tracking_id, None)
    return Receipt(tracking_id, FAILED[status]) if status in FAILED else None
