"""E-mails that came back: reports of mail servers (RFC 3464) in a mailbox, by the tracking id of what they return."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

from survey.channels.contract import Receipt, Why

TRACKED = re.compile(r"<([0-9a-f]{32})@")
REPORT, RETURNED = "message/delivery-status", ("message/rfc822", "text/rfc822-headers")


def read_bounces(mails: Path) -> Iterator[Receipt]:
    """What a mailbox (an mbox file or a Maildir folder) tells of our messages; other mail in it means nothing."""
    box = mailbox.Maildir(mails, create=False) if mails.is_dir() else mailbox.mbox(mails, create=False)
    try:
        for mail in box:
            found = receipt(mail)
            if found is not None:
                yield found
    finally:
        box.close()


def receipt(mail: Message) -> Receipt | None:
    """The receipt in a report of a delivery that failed for good; None for a delay, and for any other mail."""
    parts = list(mail.walk())
    actions = {
        str(block.get("Action", "")).strip().lower()
        for part in parts
        if part.get_content_type() == REPORT and part.is_multipart()
        for block in part.get_payload()
        if isinstance(block, Message)
    }
    returned = "\n".join(str(part) for part in parts if part.get_content_type() in RETURNED)
    found = TRACKED.search(returned)
    return Receipt(found[1], Why.BOUNCED) if found and "failed" in actions else None
