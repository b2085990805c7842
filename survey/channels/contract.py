"""What every channel takes and answers: a message, a receipt, and the three ways in which sending fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from survey.errors.common import SurveyError


class Channel(StrEnum):
    """A way to a person; `print` only marks who gets a letter."""

    ZALO = "zalo"
    SMS = "sms"
    EMAIL = "email"
    PRINT = "print"


class Why(StrEnum):
    """Why a message did not go out, or why nobody knows whether it did."""

    CONTACT = "contact"  # no such number or address
    REJECTED = "rejected"  # the person or the person's provider does not take it
    NO_APP = "no_app"  # the number is not on Zalo, or the app is too old
    CONTENT = "content"  # the gateway does not take this text
    QUOTA = "quota"
    MONEY = "money"
    SIGN_IN = "sign_in"  # our key or password
    SETTINGS = "settings"  # address, brand name or template of ours
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    NO_REPLY = "no_reply"
    GARBLED = "garbled"
    BOUNCED = "bounced"  # taken, and given back later
    TOO_OFTEN = "too_often"  # tried as often as is sensible


@dataclass(eq=False)
class MessageRefused(SurveyError):
    """This message never goes out by this channel: another one may try."""

    why: Why


@dataclass(eq=False)
class NotNow(SurveyError):
    """Nothing was sent; a later try may do. `for_all`: nothing else goes out by this channel either."""

    why: Why
    for_all: bool = False


@dataclass(eq=False)
class Unclear(SurveyError):
    """It was on its way when the line broke: it may have gone out."""

    why: Why


@dataclass(frozen=True)
class Outgoing:
    """One message ready to go; `parameters` fill a template that the gateway keeps, in place of the text."""

    tracking_id: str
    to: str
    subject: str
    text: str
    template: str
    parameters: Mapping[str, str]
    stop_url: str  # where the receiver says that no more is wanted
    receipts_url: str  # where the gateway tells what became of it
    sender: str
    is_trial: bool


@dataclass(frozen=True)
class Receipt:
    """What a gateway tells later of a message; `why` is None for one that arrived."""

    tracking_id: str
    why: Why | None


class Adapter(Protocol):
    """One channel. `repeats_safely`: the gateway knows a tracking id again and sends its message only once."""

    @property
    def price(self) -> int: ...

    @property
    def repeats_safely(self) -> bool: ...

    def parts(self, text: str) -> int:
        """How many messages the provider counts for a text."""

    def send(self, message: Outgoing) -> str:
        """Send it; the provider's own number of it. MessageRefused, NotNow, Unclear."""
