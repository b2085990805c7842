"""What the site's tests share: a clock that stands, a fresh database, the application, a client that checks pages.

The client reads every page as a strict browser would and refuses one that breaks the house's rules.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey.app import create_app
from survey.config import Settings, settings_from
from survey.db import Database, open_database
from survey.jobs import worker
from survey.keys import Keys
from survey.model.staff import Account, AccountRole
from survey.model.tables import METADATA
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.queue import open_queue
from survey.stages import waves
from survey.wavefile import read_wave_file
from survey.web.site import Site

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
IN_PREPARATION = """
code = "w"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2025-01-01
period_to = 2025-12-31
opens = 2026-04-01T07:00:00
closes = 2026-04-20T17:00:00
units = "*"
[targets]
default = 30
"""
PASSWORD = "mot cau du dai de thu"
LANGUAGES = {"vi", "en", "km", "tyz"}
UNLABELLED = {"hidden", "submit", "button"}
POINTERS = ("aria-describedby", "aria-labelledby", "aria-controls")


class PageClient(FlaskClient):
    """Opens pages like `FlaskClient` and checks each HTML answer; `page` is the last one, parsed."""

    page: ET.Element

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response: TestResponse = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and not response.location and response.request.method != "HEAD":
            self.page = check_page(response)
        return response

    def form(self, number: int = 0) -> dict[str, str]:
        """The values that the page's form number `number` would send as it stands."""
        return form_values(self.page, list(self.page.iter("form"))[number])

    def submit(self, path: str, values: dict[str, Any] | None = None, *, form: int = 0, **kwargs: Any) -> TestResponse:
        """Open a page and send one of its forms, the first unless told, with these values in it."""
        self.get(path)
        action = list(self.page.iter("form"))[form].get("action") or path
        return self.post(action, data={**self.form(form), **(values or {})}, **kwargs)


def parse(text: str) -> ET.Element:
    """Parse strictly: a page that a browser would have to repair raises."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False)
    root: ET.Element = parser.parse(text)
    return root


def without_templates(page: ET.Element) -> ET.Element:
    """The page as a browser shows it: what a `template` holds is no part of it before a script takes it out."""
    for around in page.iter():
        for one in around.findall("template"):
            around.remove(one)
    return page


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def form_values(page: ET.Element, form: ET.Element) -> dict[str, str]:
    values: dict[str, str] = {}
    for control in controls_of(page, form):
        kind, name = control.get("type", "text"), control.get("name")
        if not name or control.tag == "button" or kind == "submit":
            continue
        if kind in {"radio", "checkbox"} and "checked" not in control.attrib:
            continue
        values[name] = value_of(control)
    return values


def value_of(control: ET.Element) -> str:
    if control.tag == "select":
        options = list(control.iter("option"))
        chosen = [one for one in options if "selected" in one.attrib] or options[:1]
        return chosen[0].get("value", "") if chosen else ""
    return control.get("value", "") if control.tag == "input" else text_of(control)


def controls_of(page: ET.Element, form: ET.Element) -> list[ET.Element]:
    """The controls inside a form and those elsewhere that name it."""
    tags = {"input", "select", "textarea", "button"}
    inside = [one for one in form.iter() if one.tag in tags and "form" not in one.attrib]
    named = [one for one in page.iter() if one.tag in tags and one.get("form") == form.get("id", "-")]
    return inside + named


def check_page(response: TestResponse) -> ET.Element:
    """Return the parsed page; an AssertionError says which rule it breaks."""
    body = response.get_data()
    page = without_templates(parse((gzip.decompress(body) if response.content_encoding == "gzip" else body).decode()))
    check_headers(response, page)
    check_structure(page)
    check_labels(page)
    check_forms(page)
    check_no_inline_code(response, page)
    return page


LED_ON = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def check_headers(response: TestResponse, page: ET.Element) -> None:
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "geolocation=()" in response.headers["Permissions-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert {name: response.headers[name] for name in LED_ON} == LED_ON
    once = [name.lower() for name, _value in response.headers if name != "Set-Cookie"]
    assert len(once) == len(set(once)), "a header stands twice"
    is_open = response.request.path.startswith("/published") and response.status_code == 200
    assert response.headers["Cache-Control"] == ("public, max-age=300" if is_open else "no-store")


def check_structure(page: ET.Element) -> None:
    assert page.get("lang") in LANGUAGES
    titles = [text_of(one) for one in page.iter("title") if one in list(page.find("head") or [])]
    assert len(titles) == 1
    assert titles[0]
    assert len(list(page.iter("h1"))) == 1
    assert len(list(page.iter("main"))) == 1
    ids = [one.get("id") for one in page.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids)), "an id stands twice"
    for one in page.iter():
        assert one.get("lang", "vi") in LANGUAGES
        for pointer in POINTERS:
            assert set(one.get(pointer, "").split()) <= set(ids), f"{pointer} leads nowhere"
        if one.tag == "a" and one.get("href", "").startswith("#"):
            assert one.get("href", "")[1:] in ids, "a link inside the page leads nowhere"
    if "staff" not in (page.find("body") or ET.Element("body")).get("class", "").split():
        assert not re.search("Hài Lòng|hailong", text_of(page)), "a respondent never meets the product name"


def check_labels(page: ET.Element) -> None:
    labelled = {one.get("for") for one in page.iter("label")}
    wrapped = {id(inner) for one in page.iter("label") for inner in one.iter()}
    ids = {one.get("id") for one in page.iter()}
    assert labelled - {None} <= ids, "a label names no control"
    for control in page.iter():
        if control.tag not in {"input", "select", "textarea"} or control.get("type") in UNLABELLED:
            continue
        named = control.get("aria-label") or control.get("aria-labelledby")
        assert named or id(control) in wrapped or control.get("id") in labelled, f"no label: {control.attrib}"
    for button in page.iter("button"):
        assert text_of(button) or button.get("aria-label")


def check_forms(page: ET.Element) -> None:
    for form in page.iter("form"):
        if form.get("method", "get").lower() == "post":
            names = [one.get("name") for one in controls_of(page, form)]
            assert names.count("csrf_token") == 1, f"no token in the form {form.attrib}"


def check_no_inline_code(response: TestResponse, page: ET.Element) -> None:
    policy = response.headers["Content-Security-Policy"]
    for one in page.iter():
        assert not [name for name in one.attrib if name.lower().startswith("on")], "an inline handler"
        assert "style" not in one.attrib, "an inline style"
        if (one.tag == "script" and "src" not in one.attrib) or one.tag == "style":
            assert f"'nonce-{one.get('nonce')}'" in policy
        for name in ("href", "src", "action", "formaction"):
            address = one.get(name, "")
            assert not re.match(r"(?i)\s*(https?:|//|javascript:)", address), f"leads off the site: {address}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    names = {"DATABASE": "site.db", "KEYS": "keys", "CHANNELS": "channels.toml", "TRANSLATIONS": "translations"}
    return settings_from({f"HAILONG_{name}": str(tmp_path / file) for name, file in names.items()})


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = open_database(settings.database)
    with opened.writer.begin() as connection:
        METADATA.create_all(connection)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings, database: Database) -> Flask:
    built = create_app(settings, database=database, clock=lambda: NOW)
    built.test_client_class = PageClient
    return built


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def signed_in(app: Flask, database: Database) -> Callable[..., FlaskClient]:
    """A client signed in with these roles: `signed_in("lead_agency", unit="75-01")`."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # in earnest it takes half a second

    def sign_in(*roles: str, unit: str | None = None) -> FlaskClient:
        email = f"{'.'.join(roles) or 'nobody'}.{unit or 'none'}@example.vn".lower()
        with database.begin() as session:
            account = Account(
                email=email, name="Nguyễn Thị Thử", agency="Sở Nội vụ", unit_code=unit,
                password_hash=cheap.hash(PASSWORD), active=True, failures=0, locked_until=None, created_at=NOW,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add_all(AccountRole(account_id=account.id, role=role) for role in roles)
        browser = app.test_client()
        response = browser.submit("/staff/sign-in", {"email": email, "password": PASSWORD})
        assert response.status_code == 303
        return browser

    return sign_in


@pytest.fixture
def prepare_wave(settings: Settings) -> Callable[[Session, Iterable[str]], Wave]:
    """Makes the wave "w" in preparation, and the units that it asks about, in an empty database."""

    def make(session: Session, units: Iterable[str]) -> Wave:
        session.add(Unit(code="98", name_vi="Tỉnh", name_en="Province", type="province", rated=False))
        session.flush()
        for code in units:
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", parent="98", rated=True))
        session.flush()
        return waves.create(session, read_wave_file(IN_PREPARATION), keys=Keys(settings.keys), actor="test", now=NOW)

    return make


@pytest.fixture
def work(app: Flask, database: Database) -> Callable[[], None]:
    """Does what pages handed over, as the worker does."""

    def run() -> None:
        site: Site = app.extensions["survey"]
        waiting = open_queue(site.settings)
        worker.prepare(waiting, database, site.keys, site.settings, clock=site.clock)
        while (task := waiting.dequeue()) is not None:
            waiting.execute(task)

    return run
