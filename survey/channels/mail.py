"""E-mail over SMTP: one message a conversation, by the standard library.

Until the text is handed over every failure is certain; after that a broken line leaves it unclear, and an unclear
e-mail is never sent again. A rehearsal writes to nobody's box but the sender's own, and says in the subject what it is.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import formatdate
from enum import StrEnum

from survey.channels.contract import MessageRefused, NotNow, Outgoing, Unclear, Why

TIMEOUT = 30.0
TRIAL = "[THỬ / TRIAL]"
Handing = Callable[[EmailMessage, str, str], None]


class Security(StrEnum):
    """How the line to the mail server is kept private."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"  # for a server on this very machine


@dataclass(frozen=True)
class Server:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    security: Security
    user: str
    password: str
    timeout: float = TIMEOUT

    def hand_over(self, message: EmailMessage, sender: str, to: str) -> None:
        """One conversation; MessageRefused, NotNow or Unclear when it did not end well."""
        smtp = _conversation(self)
        try:
            _envelope(smtp, sender, to)
            _data(smtp, message.as_bytes(policy=WIRE))
        finally:
            _hang_up(smtp)


@dataclass(frozen=True)
class Mail:
    """E-mail from one address."""

    address: str
    price: int
    hand_over: Handing
    repeats_safely: bool = False
    is_shown: bool = False  # handed to a file to be looked at: nothing leaves the house

    def parts(self, text: str) -> int:
        return 1

    def send(self, message: Outgoing) -> str:
        try:
            written = self.write(message)
        except (ValueError, MessageError) as error:  # a line break in a header, an address that is none
            raise MessageRefused(Why.CONTACT) from error
        self.hand_over(written, self.address, self._box(message))
        return str(written["Message-ID"])

    def write(self, message: Outgoing) -> EmailMessage:
        user, _at, domain = self.address.rpartition("@")
        to, _at, host = self._box(message).rpartition("@")
        written = EmailMessage()
        written["From"] = Address(message.sender, user, domain)
        written["To"] = Address("", to, host)
        written["Subject"] = f"{TRIAL} {message.subject}" if message.is_trial else message.subject
        written["Date"] = formatdate()
        written["Message-ID"] = f"<{message.tracking_id}@{domain}>"
        if message.stop_url:
            written["List-Unsubscribe"] = f"<{message.stop_url}>"
        written["Auto-Submitted"] = "auto-generated"
        written.set_content(message.text)
        return written

    def _box(self, message: Outgoing) -> str:
        """To whom it goes: a rehearsal's to the sender, as gateways of SMS and Zalo send a trial to nobody."""
        return self.address if message.is_trial and not self.is_shown else message.to


def _conversation(server: Server) -> smtplib.SMTP:
    """A greeted, private, signed-in line; nothing was sent yet when this fails."""
    smtp: smtplib.SMTP | None = None
    try:
        if server.security is Security.TLS:
            smtp = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
        if server.security is Security.STARTTLS:
            smtp.starttls(context=ssl.create_default_context())
        if server.user:
            smtp.login(server.user, server.password)
        smtp.ehlo_or_helo_if_needed()
    except smtplib.SMTPAuthenticationError as error:
        _hang_up(smtp)
        raise NotNow(Why.SIGN_IN, for_all=True) from error
    except (smtplib.SMTPException, OSError) as error:
        _hang_up(smtp)
        raise NotNow(Why.UNREACHABLE, for_all=True) from error
    return smtp


def _hang_up(smtp: smtplib.SMTP | None) -> None:
    """Whatever happens to the goodbye, the outcome stands."""
    if smtp is not None:
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _envelope(smtp: smtplib.SMTP, sender: str, to: str) -> None:
    try:
        _expect(smtp.mail(sender), for_all=True)
        _expect(smtp.rcpt(to), Why.CONTACT)
    except (smtplib.SMTPException, OSError) as error:
        raise NotNow(Why.BUSY) from error


def _expect(reply: tuple[int, bytes], why: Why = Why.SETTINGS, *, for_all: bool = False) -> None:
    """4xx is for later, 5xx for ever; a server that refuses our own address refuses every message."""
    code, _text = reply
    if code in (250, 251):
        return
    if for_all or code < 500:
        raise NotNow(why if code >= 500 else Why.BUSY, for_all=for_all)
    raise MessageRefused(why)


def _data(smtp: smtplib.SMTP, content: bytes) -> None:
    try:
        code, _text = smtp.data(content)
    except smtplib.SMTPDataError as error:
        code = error.smtp_code
    except (smtplib.SMTPException, OSError) as error:
        raise Unclear(Why.NO_REPLY) from error
    if code != 250:
        raise NotNow(Why.BUSY) if code < 500 else MessageRefused(Why.REJECTED)
