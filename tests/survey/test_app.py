"""The door of the site: languages, headers, refusals, health."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from html5lib.html5parser import ParseError

from survey import resources, schema
from survey.app import create_app
from survey.config import Settings, settings_from
from survey.db import Database, open_database
from survey.errors.common import DatabaseUnavailable, RouteUnlisted
from survey.web import routes


def test_the_first_page_is_vietnamese_and_stays_as_the_reader_chooses(client: FlaskClient) -> None:
    client.get("/", headers={"Accept-Language": "en"})
    assert client.page.get("lang") == "vi"
    response = client.submit("/", {"lang": "en"})
    assert (response.status_code, response.location) == (303, "/")
    client.get("/nowhere")
    assert client.page.get("lang") == "en"


ELSEWHERE = ["//evil.example/", "https://evil.example/", "/\\evil.example", "/no/page", "", "/\r\nX: y"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_choice_of_language_leads_to_no_other_site(client: FlaskClient, target: str) -> None:
    assert client.submit("/", {"lang": "en", "next": target}).location == "/"


def test_a_language_that_the_site_does_not_speak_is_refused(client: FlaskClient) -> None:
    assert client.submit("/", {"lang": "../../etc"}).status_code == 400


def test_a_form_without_its_token_is_refused_with_a_page(client: FlaskClient) -> None:
    assert client.post("/lang", data={"lang": "en"}).status_code == 400
    assert "Trang đã mở quá lâu" in "".join(client.page.itertext())


def test_a_foreign_host_name_gets_no_page(client: FlaskClient) -> None:
    response = client.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, response.mimetype) == (400, "text/plain")


def test_a_body_over_the_limit_is_refused_before_it_is_read(client: FlaskClient) -> None:
    assert client.submit("/", {"lang": "en", "more": "x" * 70_000}).status_code == 413


def test_wrong_methods_and_unknown_paths_are_pages(client: FlaskClient) -> None:
    assert client.get("/lang").status_code == 405
    assert client.get("/console").status_code == 404
    assert client.get("/.git/config").status_code == 404


def test_a_database_that_is_away_asks_to_come_back(app: Flask, client: FlaskClient) -> None:
    def away() -> str:
        raise DatabaseUnavailable(reason="locked")

    app.view_functions["chrome.home"] = away
    response = client.get("/")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_an_unknown_error_shows_and_logs_nothing_of_the_inside(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise RuntimeError("inside")

    app.view_functions["chrome.home"] = broken
    response = client.get("/?code=abc")
    assert response.status_code == 500
    assert "inside" not in response.get_data(as_text=True)
    assert "code=abc" not in caplog.text
    assert "chrome.home" in caplog.text


def test_a_site_is_ready_once_its_tables_are_those_of_this_version(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")  # these tables were not made by the migrations
    assert (response.status_code, response.get_data(as_text=True)) == (503, "DatabaseNotReady\n")
    migrated = open_database(f"{settings.database}.new")
    schema.upgrade(migrated)
    assert create_app(settings, database=migrated).test_client().get("/readyz").status_code == 200
    migrated.close()


def test_text_is_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    response = client.get("/staff/sign-in", headers={"Accept-Encoding": "identity"})
    plain = response.get_data()
    packed = client.application.test_client().get("/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.get_data()) < len(plain)
    assert b"<!doctype html>" in gzip.decompress(packed.get_data())


def test_static_files_are_kept_for_a_year(client: FlaskClient) -> None:
    client.get("/")
    address = next(one.get("href", "") for one in client.page.iter("link") if one.get("rel") == "stylesheet")
    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert "Set-Cookie" not in client.get(address).headers


def test_cookies_are_kept_from_scripts_and_other_sites(settings: Settings, database: Database) -> None:
    secure = settings_from({"HAILONG_BASE_URL": "https://khaosat.example.vn", "HAILONG_KEYS": str(settings.keys)})
    app = create_app(secure, database=database)
    response = app.test_client().get("/", base_url="https://khaosat.example.vn")
    cookie = response.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=Lax"))
    assert "max-age" in response.headers["Strict-Transport-Security"]


def test_a_route_that_nobody_decided_on_keeps_the_site_from_starting() -> None:
    with pytest.raises(RouteUnlisted):
        routes.check_listed(["respond.backdoor"])


def test_the_table_names_no_route_that_is_gone(app: Flask) -> None:
    assert set(routes.ROUTES) == {rule.endpoint for rule in app.url_map.iter_rules()}


PARTS = {"base.html", "staff.html", "league_tables.html", "unit_tables.html"}  # of pages that bring a title themselves
TEMPLATES = sorted(resources.tree(resources.Tree.TEMPLATES).rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_parses_has_a_title_and_trusts_no_text(app: Flask, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    app.jinja_env.get_template(str(path.relative_to(resources.tree(resources.Tree.TEMPLATES))))
    assert not re.search(r"\|\s*safe\b|autoescape|style=|<script(?![^>]*nonce)", text)
    if path.parent.name != "macros" and path.name not in PARTS:
        assert "{% block title %}" in text


def test_the_site_starts_without_the_statistics() -> None:
    code = "import sys, survey.app; print([one for one in ('numpy', 'scipy', 'analysis') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


BROKEN = ["<p>no frame", "<!doctype html><html lang=vi><title>t</title><main><h1>a</h1><h1>b</h1></main></html>"]


@pytest.mark.parametrize("body", BROKEN)
def test_the_page_check_sees_a_broken_page(app: Flask, body: str) -> None:
    app.view_functions["chrome.home"] = lambda: body
    with pytest.raises((AssertionError, ParseError)):
        app.test_client().get("/")


def test_the_clock_of_the_site_is_utc() -> None:
    from survey.app import utc_now

    assert utc_now().tzinfo is UTC
