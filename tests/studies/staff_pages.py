"""Every page that a demonstration's staff reaches by links, in both languages: pictures, axe, nothing too wide.

    hailong demo && python tests/studies/staff_pages.py [--out FOLDER] [--only ROLE]

Each role signs in and follows every link from its home; of pages that differ by unit or wave alone one is looked at.
Pictures are taken at 360x640 and 1280x800. Told are pages x languages x sizes, violations of axe (WCAG 2.2 AA and best
practice), pages that scroll sideways at 360 px, and pages that answered with an error. Fails when there is any.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from axe_core_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.serving import make_server

from survey.app import create_app
from survey.config import Settings, settings_from
from survey.db import Database, open_database
from survey.stages import staff

logging.getLogger("werkzeug").setLevel(logging.ERROR)
HOST, PORT = "127.0.0.1", 23240
SIZES = {"phone": {"width": 360, "height": 640}, "desk": {"width": 1280, "height": 800}}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
LINKS = "nodes => nodes.filter(n => !n.hasAttribute('download')).map(n => n.href)"
ENOUGH = 80  # pages of a role


class Found:
    """What was seen on the way."""

    def __init__(self, out: Path) -> None:
        self.out, self.axe = out, Axe()
        self.pages = 0
        self.kinds: set[str] = set()
        self.faults: list[str] = []

    def look(self, page: Page, name: str, *, narrow: bool) -> None:
        self.pages += 1
        page.screenshot(path=self.out / f"{name}.png", full_page=True)
        if narrow and page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.faults.append(f"{name}: too wide")
        self.faults += [f"{name}: {one['id']}" for one in self.axe.run(page, options=RULES)["violations"]]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server(HOST, PORT, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{PORT}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def accounts(settings: Settings, database: Database) -> dict[str, tuple[str, str]]:
    """Address and password by role: the demonstration's, and an interviewer of our own."""
    path = max(settings.keys.parent.rglob("demo.json"), key=lambda one: one.stat().st_mtime)
    told = json.loads(path.read_text(encoding="utf-8"))
    found = {one["role"]: (one["email"], one["password"]) for one in told["staff"]}
    email, password = f"interviewer-{os.getpid()}@minhhoa.example.vn", "mot mat khau du dai de thu"
    with database.begin() as session:
        staff.create_account(
            session, email=email, name="Nguyễn Thị Thử", agency="Viện Nghiên cứu phát triển", roles={"interviewer"},
            password=password, now=datetime.now(UTC), unit=None,
        )  # fmt: skip
    return {**found, "interviewer": (email, password)}


def endpoint(app: Flask, url: str) -> str | None:
    """What answers an address of the site; None for a file, and for a place outside."""
    parts = urlsplit(url)
    if parts.netloc != f"{HOST}:{PORT}":
        return None
    try:
        name, _ = app.url_map.bind(parts.netloc).match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return str(name)


def reached(app: Flask, page: Page, root: str) -> dict[str, str]:
    """An address for each kind of page that links lead to from the home, by endpoint."""
    seen: dict[str, str] = {}
    waiting = deque([f"{root}/staff"])
    while waiting and len(seen) < ENOUGH:
        url = waiting.popleft().split("#")[0]
        name = endpoint(app, url)
        if name is None or name in seen or name.startswith(("respond.", "static", "api.", "health.")):
            continue
        told = page.request.get(url, max_redirects=5)
        if not told.headers.get("content-type", "").startswith("text/html"):
            continue
        seen[name] = url
        if told.ok:
            page.goto(url)
            waiting.extend(page.eval_on_selector_all("a[href]", LINKS))
    return seen


def tour(app: Flask, browser: Browser, found: Found, role: str, account: tuple[str, str], root: str) -> None:
    """All pages of a role, twice a language."""
    context = browser.new_context(viewport=SIZES["phone"], locale="vi-VN")
    page = context.new_page()
    page.goto(f"{root}/staff/sign-in")
    for name, value in zip(("email", "password"), account, strict=True):
        page.fill(f"[name={name}]", value)
    with page.expect_navigation():
        page.click("main form > button")
    urls = reached(app, page, root)
    found.kinds |= set(urls)
    for language in ("vi", "en"):
        context.add_cookies([{"name": "lang", "value": language, "url": root}])
        for where, size in SIZES.items():
            page.set_viewport_size(size)
            for name, url in urls.items():
                answer = page.goto(url)
                full = f"{role}.{name}.{language}.{where}"
                if answer is None or answer.status >= 400:
                    found.faults.append(f"{full}: {answer and answer.status}")
                found.look(page, full, narrow=where == "phone")
        print(f"{role}: {len(urls)} pages in {language}", file=sys.stderr)
    context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", metavar="ROLE", help="one role alone")
    stated = parser.parse_args()
    settings = settings_from(os.environ)
    database = open_database(settings.database)
    app = create_app(settings, database=database)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, served(app) as root:
        found = Found(stated.out or Path(folder))
        found.out.mkdir(parents=True, exist_ok=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for role, account in accounts(settings, database).items():
            if stated.only in (None, role):
                tour(app, browser, found, role, account, root)
        browser.close()
    print(json.dumps(
        {"kinds": len(found.kinds), "pages": found.pages, "faults": len(found.faults), "which": found.faults},
        ensure_ascii=False, indent=1,
    ))  # fmt: skip
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
