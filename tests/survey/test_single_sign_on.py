"""The province's single sign-on against an issuer over loopback that keeps to OpenID Connect, and to nothing else.

The issuer checks what a real one checks (client, redirect address, PKCE, a code used once); `lie` spoils its tokens.
"""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey
from sqlalchemy import select

from survey.app import create_app
from survey.config import Settings
from survey.db import Database
from survey.model.audit import AuditEntry
from survey.model.staff import Account, AccountRole
from survey.sso import is_private

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SECRET = "bí mật của trang"
Claims = dict[str, Any]
Lie = Callable[[Claims], Claims | str]


@dataclass
class FakeIssuer:
    """An issuer: authorisation codes that are good once, tokens signed by its key."""

    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"}))
    person: Claims = field(
        default_factory=lambda: {"sub": "123", "email": "LAN@snv.example.vn", "email_verified": True}
    )
    lie: Lie = lambda claims: claims
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def describe(self) -> Claims:
        return {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/auth", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }  # fmt: skip

    def authorise(self, address: str) -> dict[str, str]:
        """The person signs in at the issuer; what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert {"openid", "email"} <= set(asked["scope"].split())
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def token(self, login: str, body: dict[str, str]) -> tuple[int, Claims]:
        asked = self.codes.pop(body.get("code", ""), None)
        challenge = urlsafe_b64encode(hashlib.sha256(body["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        right = "Basic " + b64encode(f"hailong:{quote(SECRET, safe='')}".encode()).decode()
        if asked is None or login != right or asked["redirect_uri"] != body["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if asked["code_challenge"] != challenge or body["grant_type"] != "authorization_code":
            return 400, {"error": "invalid_grant"}
        at = int(NOW.timestamp())
        claims = {"iss": self.url, "aud": "hailong", "iat": at, "exp": at + 300, "nonce": asked["nonce"], **self.person}
        made = self.lie(claims)
        token = made if isinstance(made, str) else jwt.encode({"alg": "ES256", "kid": "k1"}, made, self.key)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    fake = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {
                "/.well-known/openid-configuration": fake.describe,
                "/keys": lambda: KeySet([fake.key]).as_dict(private=False),
            }
            self.say(200, known[self.path]())

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            body = {name: values[0] for name, values in parse_qs(content).items()}
            self.say(*fake.token(self.headers.get("Authorization", ""), body))

        def say(self, status: int, told: Claims) -> None:
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(
    issuer: FakeIssuer, settings: Settings, database: Database, app: Flask, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Flask:  # fmt: skip
    file = tmp_path / "sso.toml"
    file.write_text(
        f'issuer = "{issuer.url}"\nclient_id = "hailong"\n[name]\nvi = "Cổng đăng nhập tỉnh"\nen = "The portal"\n'
    )
    monkeypatch.setenv("HAILONG_SSO_SECRET", SECRET)
    with database.begin() as session:
        for email in ("lan@snv.example.vn", "minh@snv.example.vn"):
            account = Account(
                email=email, name="Lan", agency="Sở Nội vụ", password_hash="", active=True, failures=0, created_at=NOW
            )
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role="survey_office"))
    built = create_app(replace(settings, sso=file), database=database, clock=lambda: NOW)
    built.test_client_class = app.test_client_class
    return built


def come_back(client: FlaskClient, issuer: FakeIssuer, **changed: str) -> int:
    brought = issuer.authorise(client.get("/staff/sso?next=/coordinate").location)
    return client.get("/staff/sso/back", query_string=brought | changed).status_code


def test_whom_the_issuer_vouches_for_is_signed_in_to_the_account_of_that_address(
    site: Flask, issuer: FakeIssuer, database: Database
) -> None:
    client = site.test_client()
    client.get("/staff/sign-in")
    assert "Cổng đăng nhập tỉnh" in "".join(client.page.itertext())  # type: ignore[attr-defined]
    brought = issuer.authorise(client.get("/staff/sso?next=/coordinate").location)
    response = client.get("/staff/sso/back", query_string=brought)
    assert (response.status_code, response.location) == (303, "/coordinate")
    assert client.get("/coordinate").status_code == 200
    with database.read() as session:
        actions = list(session.scalars(select(AuditEntry.action)))
    assert actions == ["account.sso", "account.sign_in"]
    assert site.test_client().get("/staff/sso/back", query_string=brought).status_code == 403  # another browser
    assert client.get("/staff/sso/back", query_string=brought).status_code == 403  # the same one again


def test_a_subject_that_was_bound_keeps_its_account_and_no_other_subject_takes_it(
    site: Flask, issuer: FakeIssuer, database: Database
) -> None:
    assert come_back(site.test_client(), issuer) == 303
    issuer.person["email"] = "minh@snv.example.vn"  # a new address at the issuer: still the same person here
    client = site.test_client()
    assert come_back(client, issuer) == 303
    client.get("/staff/me")
    assert "lan@snv.example.vn" in "".join(client.page.itertext())  # type: ignore[attr-defined]
    issuer.person = {"sub": "456", "email": "lan@snv.example.vn", "email_verified": True}
    assert come_back(site.test_client(), issuer) == 403
    with database.begin() as session:
        for account in session.scalars(select(Account)):
            account.active = False
    issuer.person["sub"] = "123"
    assert come_back(site.test_client(), issuer) == 403


LIES: dict[str, Callable[[FakeIssuer], Lie]] = {
    "another nonce": lambda _i: lambda claims: claims | {"nonce": "x"},
    "no nonce": lambda _i: lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "for another site": lambda _i: lambda claims: claims | {"aud": "other"},
    "for two sites": lambda _i: lambda claims: claims | {"aud": ["hailong", "other"], "azp": "other"},
    "by another issuer": lambda _i: lambda claims: claims | {"iss": "https://evil.example"},
    "too old": lambda _i: lambda claims: claims | {"exp": claims["iat"] - 3600},
    "from the future": lambda _i: lambda claims: claims | {"iat": claims["iat"] + 3600},
    "without an end": lambda _i: lambda claims: claims | {"exp": "soon"},
    "an address that nobody checked": lambda _i: lambda claims: claims | {"email_verified": False},
    "somebody unknown": lambda _i: lambda claims: claims | {"email": "nobody@snv.example.vn"},
    "no subject": lambda _i: lambda claims: claims | {"sub": ""},
    "unsigned": lambda _i: unsigned,
    "signed with another key": lambda _i: (
        lambda claims: jwt.encode({"alg": "ES256"}, claims, ECKey.generate_key("P-256"))
    ),
    "signed with the public key as a secret": lambda issuer: (
        lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(issuer.key.as_pem(private=False)))
    ),
    "not a token": lambda _i: lambda _claims: "a.b.c",
}  # fmt: skip


def unsigned(claims: Claims) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize("name", LIES)
def test_a_token_that_does_not_fit_signs_nobody_in(site: Flask, issuer: FakeIssuer, name: str) -> None:
    issuer.lie = LIES[name](issuer)
    client = site.test_client()
    assert come_back(client, issuer) == 403
    assert client.get("/coordinate").status_code == 303


@pytest.mark.parametrize("changed", [{"state": "x"}, {"iss": "https://evil.example"}, {"code": "guessed"}])
def test_an_answer_that_was_not_asked_for_signs_nobody_in(
    site: Flask, issuer: FakeIssuer, changed: dict[str, str]
) -> None:
    client = site.test_client()
    assert come_back(client, issuer, **changed) in {403, 503}
    assert client.get("/coordinate").status_code == 303
    assert site.test_client().get("/staff/sso/back?code=x&state=y").status_code == 403  # login CSRF


def test_a_site_without_the_file_has_no_such_page(client: FlaskClient) -> None:
    assert client.get("/staff/sso").status_code == 404
    assert client.get("/staff/sso/back").status_code == 404


def test_the_issuer_is_reached_by_https_or_on_this_machine() -> None:
    assert is_private("https://sso.example.vn")
    assert is_private("http://127.0.0.1:9/x")
    for address in ("http://sso.example.vn", "file:///etc/passwd", "ftp://127.0.0.1", "", "https://"):
        assert not is_private(address)
