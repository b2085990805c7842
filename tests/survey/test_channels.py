"""Channels one by one: a real SMTP conversation, gateways that fail in every way, the texts, receipts, opting out."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from survey.channels import sms, texts, trial, wire, zalo
from survey.channels.bounces import read_bounces
from survey.channels.configuration import Channels, read_channels
from survey.channels.contract import MessageRefused, NotNow, Outgoing, Receipt, Unclear, Why
from survey.channels.mail import Mail, Security, Server
from survey.faults import FaultyFile
from survey.stages import messages

NOON, NIGHT = datetime(2026, 3, 10, 5, 0, tzinfo=UTC), datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
MESSAGE = Outgoing(
    tracking_id="ab" * 16, to="an.nguyen@example.vn", subject="Mời Ông/Bà cho ý kiến",
    text="Kính gửi Ông/Bà,\n\nXin mở …\n",
    template="101", parameters={"ma": "0" * 13}, stop_url="https://khaosat.example.vn/k/0/stop",
    receipts_url="https://khaosat.example.vn/receipts/sms/x", sender="Sở Nội vụ", is_trial=False,
)  # fmt: skip
FILE = """
cap = 1_000_000
[zalo]
url = "https://zalo.example/message/template"
app = "77"
price = 300
[zalo.templates]
invitation = {{ vi = "101", en = "102" }}
[sms]
url = "https://sms.example/json"
brandname = "SONOIVU"
price = 800
[email]
host = "127.0.0.1"
port = 587
security = "starttls"
sender = "khaosat@example.vn"
[print]
price = 7000
{more}
"""


class Box:
    """A mail server that takes everything, or answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.to, self.data = "250 OK", "250 OK"
        self.hangs_up = False

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        if self.hangs_up:
            server.transport.close()
            await asyncio.sleep(0)
        return self.data


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Box, Mail]]:
    """A mail server on this machine that wants STARTTLS and a password, and e-mail through it."""
    handler = Box()

    def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, told: Any) -> AuthResult:
        return AuthResult(success=told.password == b"secret", handled=False)

    private = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    private.load_cert_chain(certificate(tmp_path / "mail.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.pem"))
    running = Controller(
        handler, hostname="127.0.0.1", port=free_port(), tls_context=private, require_starttls=True,
        authenticator=let_in, auth_required=True,
    )  # fmt: skip
    running.start()
    server = Server("127.0.0.1", running.port, Security.STARTTLS, "survey", "secret", timeout=5)
    yield handler, Mail("khaosat@example.vn", 0, server.hand_over)
    running.stop()


def certificate(file: Path) -> Path:
    """A certificate for this machine, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
        .add_extension(here, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + made.public_bytes(pem))
    return file


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_e_mail_of_a_rehearsal_reaches_no_citizen_and_says_that_it_is_one(box: tuple[Box, Mail]) -> None:
    handler, mail = box
    mail.send(replace(MESSAGE, is_trial=True))
    (envelope,) = handler.taken
    assert envelope.rcpt_tos == [mail.address]
    assert MESSAGE.to.encode() not in envelope.content
    shown = message_from_bytes(envelope.content, policy=default)
    assert str(shown["Subject"]) == f"[THỬ / TRIAL] {MESSAGE.subject}"


def test_an_e_mail_arrives_as_it_was_written(box: tuple[Box, Mail]) -> None:
    handler, mail = box
    assert mail.send(MESSAGE) == f"<{MESSAGE.tracking_id}@example.vn>"
    (envelope,) = handler.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("khaosat@example.vn", [MESSAGE.to])
    read: EmailMessage = message_from_bytes(envelope.content, policy=default)  # type: ignore[assignment, arg-type]
    assert read["Subject"] == MESSAGE.subject
    assert str(read["From"]) == "Sở Nội vụ <khaosat@example.vn>"
    assert read["List-Unsubscribe"] == f"<{MESSAGE.stop_url}>"
    assert read.get_content().replace("\r\n", "\n") == MESSAGE.text


@pytest.mark.parametrize(
    ("change", "refusal", "why", "for_all"),
    [
        ({"to": "550 no such user"}, MessageRefused, Why.CONTACT, None),
        ({"to": "450 busy"}, NotNow, Why.BUSY, False),
        ({"data": "554 spam"}, MessageRefused, Why.REJECTED, None),
        ({"data": "452 full"}, NotNow, Why.BUSY, False),
        ({"hangs_up": True}, Unclear, Why.NO_REPLY, None),
    ],
)
def test_every_way_in_which_a_mail_server_fails_is_told_apart(
    box: tuple[Box, Mail], change: dict[str, Any], refusal: type[Exception], why: Why, for_all: bool | None
) -> None:
    handler, mail = box
    for name, value in change.items():
        setattr(handler, name, value)
    with pytest.raises(refusal) as found:
        mail.send(MESSAGE)
    assert (vars(found.value)["why"], vars(found.value).get("for_all")) == (why, for_all)


def test_nothing_is_sent_without_the_password_or_the_server(box: tuple[Box, Mail]) -> None:
    handler, mail = box
    server: Server = mail.hand_over.__self__  # type: ignore[attr-defined]
    for changed, why in (
        (replace(server, password="x"), Why.SIGN_IN),
        (replace(server, port=free_port()), Why.UNREACHABLE),
    ):
        with pytest.raises(NotNow) as found:
            replace(mail, hand_over=changed.hand_over).send(MESSAGE)
        assert (found.value.why, found.value.for_all) == (why, True)
    assert not handler.taken


def test_a_line_break_in_an_address_or_a_subject_never_becomes_a_header(box: tuple[Box, Mail]) -> None:
    handler, mail = box
    for hostile in (
        replace(MESSAGE, to="a@example.vn\r\nBcc: b@example.vn"),
        replace(MESSAGE, subject="x\nBcc: b@example.vn"),
        replace(MESSAGE, sender="x\r\nBcc: b@example.vn"),
    ):
        with pytest.raises(MessageRefused):
            mail.send(hostile)
    assert not handler.taken


BOUNCE = """From MAILER-DAEMON Tue Mar 10 09:00:00 2026
From: MAILER-DAEMON@example.vn
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Nobody here of this name.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.vn

Final-Recipient: rfc822; an.nguyen@example.vn
Action: {action}
Status: 5.1.1
--b
Content-Type: text/rfc822-headers

Message-ID: <{tracking}@example.vn>
--b--

"""


def test_a_mailbox_tells_what_came_back_for_good(tmp_path: Path) -> None:
    mails = [("failed", "ab" * 16), ("delayed", "cd" * 16), ("failed", "somebody-else")]
    box = tmp_path / "bounces.mbox"
    box.write_text("".join(BOUNCE.format(action=action, tracking=tracking) for action, tracking in mails))
    assert list(read_bounces(box)) == [Receipt("ab" * 16, Why.BOUNCED)]


# --- the gateways over HTTP


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """A gateway that answers one request with these bytes (none: it hangs up) and stops."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    opened: list[socket.socket] = []

    def answer(reply: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def serve() -> None:
            try:
                line, _address = listener.accept()
                with line:
                    line.recv(65536)
                    line.sendall(reply)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield answer
    for one in opened:
        one.close()


def reply(status: int, body: object) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nLocation: http://127.0.0.1:1/\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + text


@pytest.mark.parametrize(
    ("answer", "refusal", "why"),
    [
        (reply(500, {}), Unclear, Why.NO_REPLY),
        (reply(503, {}), NotNow, Why.BUSY),
        (reply(429, {}), NotNow, Why.QUOTA),
        (reply(401, {}), NotNow, Why.SIGN_IN),
        (reply(302, {}), NotNow, Why.SETTINGS),
        (reply(400, {}), MessageRefused, Why.CONTENT),
        (reply(200, b"<html>"), Unclear, Why.GARBLED),
        (reply(200, []), Unclear, Why.GARBLED),
        (b"", Unclear, Why.NO_REPLY),
    ],
)
def test_a_failing_gateway_says_whether_it_may_have_taken_the_message(
    answering: Callable[[bytes], str], answer: bytes, refusal: type[Exception], why: Why
) -> None:
    with pytest.raises(refusal) as found:
        wire.poster(timeout=5)(answering(answer), {}, {})
    assert vars(found.value)["why"] == why


def test_a_gateway_that_is_slow_or_away_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unclear):
        wire.poster(timeout=0.2)(f"http://127.0.0.1:{silent.getsockname()[1]}", {}, {})
    with pytest.raises(NotNow) as found:
        wire.poster(timeout=0.2)(f"http://127.0.0.1:{free_port()}", {}, {})
    assert (found.value.why, found.value.for_all) == (Why.UNREACHABLE, False)
    with pytest.raises(NotNow):
        wire.poster()("file:///etc/passwd", {}, {})


@pytest.mark.parametrize(
    ("told", "refusal", "why"),
    [
        ({"error": -108}, MessageRefused, Why.CONTACT),
        ({"error": -118}, MessageRefused, Why.NO_APP),
        ({"error": -144}, NotNow, Why.QUOTA),
        ({"error": -999}, MessageRefused, Why.CONTENT),
        ({"message": "?"}, Unclear, Why.GARBLED),
    ],
)
def test_zalo_says_why_not(told: dict[str, Any], refusal: type[Exception], why: Why) -> None:
    gateway = zalo.Zalo("u", "77", 300, "token", None, "", lambda *_request: told)
    with pytest.raises(refusal) as found:
        gateway.send(replace(MESSAGE, to="0912345678"))
    assert vars(found.value)["why"] == why


def test_the_sms_gateway_sends_a_known_request_once() -> None:
    shown: list[trial.Shown] = []
    gateways = trial.Gateways(shown.append, {})
    gateway = sms.Sms("https://sms.example/json", "SONOIVU", 800, False, "k", "s", gateways.answer)
    message = replace(MESSAGE, to="0912345678")
    assert gateway.send(message) == "s1"
    assert gateway.send(message) == ""
    assert len(shown) == 1
    for key, refusal in (("", NotNow), ("k", MessageRefused)):
        with pytest.raises(refusal):
            replace(gateway, key=key).send(replace(message, to="113"))


# --- texts and configuration


@pytest.fixture
def channels(tmp_path: Path) -> Channels:
    return configured(tmp_path)


def configured(folder: Path, more: str = "") -> Channels:
    file = folder / "channels.toml"
    file.write_text(FILE.format(more=more), encoding="utf-8")
    return read_channels(file, {"HAILONG_ZALO_SECRET": "secret"})


@pytest.mark.parametrize("audience", ["citizens", "officials"])
def test_the_shipped_texts_say_who_asks_and_how_to_get_no_more(audience: str) -> None:
    for step in texts.read_texts(texts.shipped(audience)).steps.values():
        for language in texts.LANGUAGES:
            assert {"sender", "link", "stop", "contact"} <= set(texts.SLOT.findall(step.mail(language)))
            assert "Hài Lòng" not in step.mail(language) + step.sms(language) + step.subject(language)
            values = {
                "sender": "Sở Nội vụ tỉnh Đồng Nai", "link": "https://khaosat.dongnai.gov.vn/k/" + 13 * "0",
                "minutes": "3", "closes": "17:00, 20/07/2026", "contact": "", "stop": "",
            }  # fmt: skip
            plain = texts.unaccented(texts.fill(step.sms(language), values))
            assert plain.isascii()
            assert "?" not in plain
            parts = sms.Sms("", "", 1, False, "", "", lambda *_request: {}).parts(plain)
            assert parts <= (1 if step.code == "invitation" else 2), plain


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert texts.fill("{sender}: {link}", {"sender": "{link} %(x)s {0.__class__}", "link": "L"}).endswith(": L")
    assert texts.unaccented("Đồng Nai, xã Ấp Đông – 5 …") == "Dong Nai, xa Ap Dong - 5 ..."


def test_faults_of_texts_and_channels_are_named(tmp_path: Path) -> None:
    shipped = texts.shipped("citizens").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(shipped.replace("{link}", "{password}"), encoding="utf-8")
    with pytest.raises(FaultyFile):
        configured(tmp_path, '[texts]\ncitizens = "ours.toml"')
    with pytest.raises(FaultyFile) as found:
        configured(tmp_path, '[order]\ncitizens = ["pigeon"]')
    assert "pigeon" not in str(found.value.faults[0].detail)


def test_messages_rest_at_night(channels: Channels) -> None:
    assert not channels.is_quiet(NOON)
    assert channels.is_quiet(NIGHT)


def test_a_zalo_parameter_ends_at_a_word() -> None:
    assert messages.shortened("Sở Nông nghiệp và Môi trường tỉnh Đồng Nai") == "Sở Nông nghiệp và Môi trường…"
    assert messages.shortened("Sở Nội vụ") == "Sở Nội vụ"
