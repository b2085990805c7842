"""Sends a link that sets a password: made here by the worker, so that none lies in the queue."""

from __future__ import annotations

import logging
import os
import secrets

from survey.channels.configuration import read_channels
from survey.channels.contract import Channel, MessageRefused, NotNow, Outgoing, Unclear
from survey.config import Settings
from survey.db import Database
from survey.i18n import EN, VI, translator
from survey.i18n import mark as _n
from survey.jobs.deliver import Clock
from survey.stages import accounts

SENDER = "Hài Lòng"
SUBJECT = _n("A link to set your password")
TEXT = _n(
    "Somebody asked for a link to set the password of your account at %(site)s.\n\n%(link)s\n\n"
    "It works once. If it was not you, do nothing: your password stays as it is."
)
LOG = logging.getLogger("survey")


def run(database: Database, settings: Settings, *, email: str, again: bool, clock: Clock) -> bool:
    """Whether a letter went out: not to an address without an account, and not twice in five minutes."""
    file = settings.channels
    channels = read_channels(file, os.environ) if file.is_file() else None
    if channels is None or channels.trial is not None or Channel.EMAIL not in channels.adapters:
        return False
    with database.begin() as session:
        found = accounts.recovery_for(session, email, now=clock(), again=again)
        to = found[0].email if found else ""
    if found is None:
        return False
    try:
        channels.adapters[Channel.EMAIL].send(letter(settings, to, found[1]))
    except (MessageRefused, NotNow, Unclear) as error:
        LOG.warning("staff letter: %s", error.why)
        return False
    return True


def letter(settings: Settings, to: str, token: str) -> Outgoing:
    """The same in both languages: nobody knows yet which one is read."""
    told = {"site": settings.base_url, "link": f"{settings.base_url}/staff/link/{token}"}
    readers = [translator(one) for one in (VI, EN)]
    return Outgoing(
        tracking_id=secrets.token_hex(16), to=to, subject=" / ".join(one.gettext(SUBJECT) for one in readers),
        text="\n\n---\n\n".join(one.gettext(TEXT) % told for one in readers), template="", parameters={}, stop_url="",
        receipts_url="", sender=SENDER, is_trial=False,
    )  # fmt: skip
