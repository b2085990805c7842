"""The province's single sign-on (đăng nhập một lần): OpenID Connect, authorisation code with PKCE, one known issuer.

Addresses come from the file of the installation and from that issuer's own description, never from a request.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import urllib.request
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from survey import datafile
from survey.channels import wire
from survey.datafile import Report, Words
from survey.errors.staff import SignOnRefused
from survey.faults import Reason

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # never "none", never a shared secret
SCOPE = "openid email"
SKEW, KEPT, TIMEOUT = 60, 3600.0, 10.0  # seconds
LARGEST = 256 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Started:
    """What one browser's sign-on waits for; it travels in a signed cookie."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Person:
    """Whom the issuer vouches for."""

    issuer: str
    subject: str
    email: str | None


@dataclass
class Issuer:
    """The one place that may vouch for staff, and how this site is known there."""

    url: str
    client: str
    secret: str
    name: Words
    ours: bool  # whether our own second factor is asked for after it
    described: tuple[float, dict[str, Any]] | None = field(default=None, repr=False)

    def start(self, back: str) -> tuple[str, Started]:
        """Where the browser goes, and what it must bring back."""
        started = Started(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        challenge = urlsafe_b64encode(hashlib.sha256(started.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self.client, "redirect_uri": back, "scope": SCOPE,
            "state": started.state, "nonce": started.nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        place = self._description()["authorization_endpoint"]
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}", started

    def finish(self, code: str, started: Started, back: str, now: datetime) -> Person:
        """Change the code for who it is; SignOnRefused when anything does not fit."""
        login = b64encode(f"{quote(self.client, safe='')}:{quote(self.secret, safe='')}".encode()).decode()
        body = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": self.client,
            "code_verifier": started.verifier,
        }  # fmt: skip
        told = self._description()
        reply = _fetch(told["token_endpoint"], urlencode(body).encode(), {"Authorization": f"Basic {login}"})
        return self._person(str(reply.get("id_token", "")), _fetch(told["jwks_uri"]), started.nonce, now)

    def _person(self, token: str, keys: Mapping[str, Any], nonce: str, now: datetime) -> Person:
        try:
            claims = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise SignOnRefused("signature") from error
        audience = claims.get("aud")
        meant = [audience] if isinstance(audience, str) else list(audience or [])
        at = now.timestamp()
        for what, is_right in (
            ("issuer", claims.get("iss") == self.url),
            ("audience", self.client in meant and (len(meant) == 1 or claims.get("azp") == self.client)),
            ("nonce", secrets.compare_digest(str(claims.get("nonce", "")), nonce)),
            ("time", _number(claims, "exp") > at - SKEW and _number(claims, "iat") < at + SKEW),
            ("subject", isinstance(claims.get("sub"), str) and claims["sub"] != ""),
        ):
            if not is_right:
                raise SignOnRefused(what)
        vouched = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
        return Person(self.url, claims["sub"], claims["email"].strip().lower() if vouched else None)

    def _description(self) -> dict[str, Any]:
        """What the issuer says of itself, asked once an hour."""
        if self.described is None or time.monotonic() - self.described[0] > KEPT:
            told = _fetch(self.url.rstrip("/") + "/.well-known/openid-configuration")
            places = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if told.get("issuer") != self.url or not all(is_private(str(told.get(place, ""))) for place in places):
                raise SignOnRefused("issuer")
            self.described = (time.monotonic(), told)
        return self.described[1]


def read_issuer(file: Path, environment: Mapping[str, str]) -> Issuer:
    """Read the file; refuse it with all its faults (`FaultyFile`)."""
    report = Report(file.name)
    report.languages = ("vi", "en")
    table = datafile.open_table(datafile.canonical(file, file.name), report)
    url = table.text("issuer")
    if not is_private(url):
        table.fault("issuer", Reason.OUT_OF_RANGE, "https://")
    found = Issuer(
        url=url,
        client=table.text("client_id"),
        secret=environment.get("HAILONG_SSO_SECRET", ""),
        name=table.words("name"),
        ours=table.flag("second_factor", default=True),
    )
    table.close()
    report.settle()
    return found


def is_private(address: str) -> bool:
    """Whether nobody on the way can read it: https, or this very machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _fetch(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One question to the issuer; no redirect is followed."""
    request = urllib.request.Request(url, data, {"Accept": "application/json", **(headers or {})})  # noqa: S310
    try:
        with wire.web_opener().open(request, timeout=TIMEOUT) as answer:
            told = json.loads(answer.read(LARGEST))
    except (URLError, OSError, ValueError) as error:
        raise SignOnRefused("unreachable") from error
    if not isinstance(told, dict):
        raise SignOnRefused("unreachable")
    return told
