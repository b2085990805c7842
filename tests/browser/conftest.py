"""A real site on loopback and a real Chromium of the size of a cheap phone."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from survey.app import create_app
from survey.config import settings_from
from survey.db import Database, open_database
from survey.keys import Keys
from survey.model.tables import METADATA

PHONE = {"width": 360, "height": 640}
FIRST_PORT = 21000


@dataclass(frozen=True)
class Site:
    """A running site with its open links."""

    url: str
    database: Database
    keys: Keys
    field: Any


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, go_to_the_field: Callable[..., Any]) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    settings = settings_from({"HAILONG_DATABASE": str(folder / "site.db"), "HAILONG_KEYS": str(folder / "keys")})
    database = open_database(settings.database)
    with database.writer.begin() as connection:
        METADATA.create_all(connection)
    keys = Keys(settings.keys)
    field = go_to_the_field(database, keys, datetime.now(UTC))
    port = FIRST_PORT + os.getpid() % 10_000
    server = make_server("127.0.0.1", port, create_app(settings, database=database), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://127.0.0.1:{port}", database, keys, field)
    server.shutdown()
    thread.join()
    server.server_close()
    database.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """An installed Chromium, else Playwright's own; without one the tests are skipped, but never in CI."""
    with sync_playwright() as playwright:
        installed = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        path = installed or playwright.chromium.executable_path
        if not Path(path).exists():
            if os.environ.get("CI"):
                pytest.fail("no Chromium is installed")
            pytest.skip("no Chromium is installed")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_phone(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A fresh browser at 360x640: `open_phone(javascript=False, lang="en")`."""
    contexts = []

    def open_page(*, javascript: bool = True, **options: Any) -> Page:
        context = chromium.new_context(
            viewport=options.pop("viewport", PHONE), java_script_enabled=javascript, locale="vi-VN", **options
        )
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shoot() -> Callable[..., None]:
    """Keep a picture of a page in the folder `SCREENSHOTS`, to look at; without one nothing is taken, it costs time."""

    def take(page: Page, name: str, **options: Any) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", **options)

    return take
