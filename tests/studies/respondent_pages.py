"""Every kind of page that a respondent meets, in both languages: pictures to look at, axe, and nothing too wide.

    python tests/studies/respondent_pages.py [--out FOLDER]

Pictures are taken at 360x640 and 1280x800. Told are pages x languages x violations of axe (WCAG 2.2 AA and best
practice, at both sizes), and pages that scroll sideways: at 320 px, at 1280x800 under a zoom of 200 %, and at 320 px
with the largest letters. Fails when there is any.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS))

from conftest import _go  # noqa: E402

from survey.app import create_app  # noqa: E402
from survey.config import settings_from  # noqa: E402
from survey.db import Database, open_database  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.model.tables import METADATA  # noqa: E402
from survey.model.wave import Wave  # noqa: E402
from survey.stages import quotas, waves  # noqa: E402
from survey.web.respond import crowd  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
HOST, PORT = "127.0.0.1", 23220
SIZES = {"phone": {"width": 360, "height": 640}, "desk": {"width": 1280, "height": 800}}
NARROW = {
    "320": ({"width": 320, "height": 640}, ""),
    "zoomed": ({"width": 640, "height": 400}, ""),  # what 200 % makes of 1280x800
    "letters": ({"width": 320, "height": 640}, "4c"),
}
LANGUAGES = ("vi", "en")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
EVERY = TESTS / "survey" / "data" / "every-type.toml"
MAIN = "main form > button"
Look = Callable[[str], None]


class Ground:
    """A site with every door open: links of citizens and officials, a poster, a full one, a tablet."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings_from(
            {"HAILONG_DATABASE": str(folder / "site.db"), "HAILONG_KEYS": str(folder / "keys")}
        )
        self.database: Database = open_database(self.settings.database)
        with self.database.writer.begin() as connection:
            METADATA.create_all(connection)
        self.keys, self.now = Keys(self.settings.keys), datetime.now(UTC)
        self.field: Any = _go(self.database, self.keys, self.now)
        with self.database.begin() as session:
            wave = waves.find(session, "2026-citizens")
            wave.settings = wave.settings | {"modes": ["link", "counter", "kiosk"]}
            self.kiosk = self._door(session, wave, "kiosk", 100)
            self.full = self._door(session, wave, "counter", 1)
        self.url = f"http://{HOST}:{PORT}"

    def _door(self, session: Any, wave: Wave, mode: str, target: int) -> str:
        cell, code = quotas.create_cell(
            session,
            wave,
            key=self.keys.wave(wave.id),
            unit_code="98-01",
            point_of_service=None,
            mode=mode,
            target=target,
        )
        if target == 1:
            cell.taken = 1
        return code

    def ask(self, source: str) -> str:
        """Let the citizens' wave ask another questionnaire; the one that it asked."""
        with self.database.begin() as session:
            wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
            before, wave.instrument = wave.instrument, source
        with self.database.read() as session:
            waves.look_again(session)
        return before

    @contextmanager
    def served(self) -> Iterator[None]:
        server = make_server(HOST, PORT, create_app(self.settings, database=self.database), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()
        server.server_close()


def press(page: Page, selector: str = MAIN) -> None:
    with page.expect_navigation():
        page.locator(selector).first.click()


def visit(page: Page, ground: Ground, look: Look) -> None:
    """Every page type once, on links of their own."""
    field, url = ground.field, ground.url
    citizen, official = f"{url}/k/{field.personal[0]}", f"{url}/k/{field.officials[0]}"
    for kind, link in (("citizen", citizen), ("official", official), ("counter", f"{url}/q/{field.counter}")):
        page.goto(link)
        look(f"{kind}-1-first")
        press(page)
        look(f"{kind}-2-questions")
        page.locator("fieldset input").first.check()
        press(page)
        page.goto(link)
        look(f"{kind}-3-begun")
        press(page)
        while not page.locator("input[name=key]").count():
            press(page)
        look(f"{kind}-4-review")
        press(page)
        look(f"{kind}-5-receipt")
    page.goto(citizen)
    look("closed")
    other = f"{url}/k/{field.personal[1]}"
    page.goto(f"{other}/not-mine")
    look("not-mine")
    press(page)
    look("declined")
    page.goto(f"{other}/stop")
    look("stop")
    press(page)
    look("stopped")
    page.goto(f"{url}/q/{ground.full}")
    press(page)
    look("full")
    page.goto(f"{url}/q/{ground.kiosk}")
    look("kiosk-1-first")
    press(page)
    look("kiosk-2-questions")
    page.goto(f"{url}/k/{field.personal[1]}/nowhere")
    look("no-such-page")
    busy(page, ground, look)
    paused(page, ground, f"{url}/k/{field.personal[4]}", look)
    stale(page, f"{url}/k/{field.personal[2]}", look)
    kinds(page, ground, f"{url}/k/{field.personal[3]}", look)


def busy(page: Page, ground: Ground, look: Look) -> None:
    """A crowd at the poster; a site that cannot write gives back what was posted."""
    page.goto(f"{ground.url}/q/{ground.field.small_counter}")
    with crowd._turn:
        crowd._inside[ground.field.small_counter] += crowd.AT_ONCE
    press(page)
    look("busy")
    with crowd._turn:
        crowd._inside[ground.field.small_counter] -= crowd.AT_ONCE


def paused(page: Page, ground: Ground, link: str, look: Look) -> None:
    """A wave that rests for two hours."""
    with ground.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        wave.state, wave.paused_until = waves.PAUSED, ground.now + timedelta(hours=2)
    page.goto(link)
    look("paused")
    with ground.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        wave.state, wave.paused_until = waves.OPEN, None


def stale(page: Page, link: str, look: Look) -> None:
    page.goto(link)
    press(page)
    page.locator("fieldset input").first.check()
    page.evaluate("document.querySelector('[name=csrf_token]').value = 'old'")
    press(page)
    look("grown-old")


def kinds(page: Page, ground: Ground, link: str, look: Look) -> None:
    """A questionnaire with every kind of question, its error summary, a page refused."""
    before = ground.ask(EVERY.read_text(encoding="utf-8"))
    try:
        page.goto(link)
        press(page)
        press(page)
        look("every-1-refused")
        for one in page.locator("main fieldset").all():
            one.locator("input").first.check()
        press(page)
        number = 2
        while not page.locator("input[name=key]").count():
            look(f"every-{number}")
            number += 1
            for box in page.locator("main fieldset").all():
                box.locator("input").first.check()
            for one in page.locator("main fieldset:has(input[id$=consent-yes]) input[type=radio]").all()[:1]:
                one.check()
            press(page)
        look(f"every-{number}-review")
    finally:
        ground.ask(before)


class Found:
    """What was seen on the way: kinds of pages, violations, pages that are too wide."""

    def __init__(self, out: Path) -> None:
        self.out, self.axe = out, Axe()
        self.kinds: set[str] = set()
        self.violations: list[str] = []
        self.wide: list[str] = []

    def look(self, page: Page, kind: str, where: str, *, is_pictured: bool) -> None:
        name = f"{kind}.{where}"
        self.kinds.add(kind)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.wide.append(name)
        if is_pictured:
            page.screenshot(path=self.out / f"{name}.png", full_page=True)
            self.violations += [f"{name}: {one['id']}" for one in self.axe.run(page, options=RULES)["violations"]]


def tour(browser: Browser, found: Found, size: dict[str, int], letters: str, language: str, where: str) -> None:
    """All pages once, on a site of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        context = browser.new_context(viewport=size, locale="vi-VN")
        cookies = {"lang": language} | ({"look": letters} if letters else {})
        context.add_cookies([{"name": name, "value": value, "url": ground.url} for name, value in cookies.items()])
        page = context.new_page()
        page.route("**/static/*.js*", lambda route: route.abort())  # the pages as the site draws them
        with ground.served():
            visit(page, ground, lambda kind: found.look(page, kind, f"{language}.{where}", is_pictured=where in SIZES))
        context.close()
        ground.database.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    stated = parser.parse_args()
    tours = {where: (size, "") for where, size in SIZES.items()} | NARROW
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        found = Found(stated.out or Path(folder))
        found.out.mkdir(parents=True, exist_ok=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for where, (size, letters) in tours.items():
            for language in LANGUAGES:
                tour(browser, found, size, letters, language, where)
        browser.close()
    print(json.dumps({
        "pages": len(found.kinds), "languages": len(LANGUAGES), "sizes": len(SIZES),
        "violations": len(found.violations), "too_wide": len(found.wide), "which": found.violations + found.wide,
    }, ensure_ascii=False))  # fmt: skip
    return 1 if found.violations or found.wide else 0


if __name__ == "__main__":
    sys.exit(main())
