"""Every kind of question on a cheap phone: by keyboard, at 320 px, with large letters, in strong contrast, with axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page
from sqlalchemy import select

from survey.instrument import builtin_instrument
from survey.model.wave import Wave
from survey.stages import waves

Shoot = Callable[..., None]

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
EVERY = Path(__file__).parents[1] / "survey" / "data" / "every-type.toml"
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1280, "height": 800}


@pytest.fixture(scope="module", params=["every-type", "sipas-2022"])
def form(request: pytest.FixtureRequest, site: Any) -> str:
    """The citizens' wave asks this questionnaire."""
    name = str(request.param)
    source = EVERY.read_text(encoding="utf-8") if name == "every-type" else builtin_instrument(name).source
    with site.database.begin() as session:
        session.scalars(select(Wave).where(Wave.audience == "citizens")).one().instrument = source
    with site.database.read() as session:
        waves.look_again(session)  # the site, in this very process, keeps open waves by their state
    return name


def press(page: Page, key: str, times: int = 1) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def focused(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


def tab_to(page: Page, selector: str) -> None:
    """Go on with Tab until the element has the focus; it must be seen, not hidden under anything."""
    for _ in range(120):
        press(page, "Tab")
        if focused(page, selector):
            return
    raise AssertionError(f"no way by keyboard to {selector} on {page.url}")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def walk(page: Page, look: Callable[[str], None]) -> None:
    """Choose the first answer of every question and go on to the receipt."""
    number = 0
    while page.locator("main").get_attribute("data-state") is None:
        look(f"{number}")
        for one in page.locator("main fieldset").all():
            one.locator("input[type=radio], input[type=checkbox]").first.check()
        for one in page.locator("main fieldset:has(input[id$=consent-yes]) input[type=radio]").all()[:1]:
            one.check()
        number += 1
        with page.expect_navigation():
            page.locator("main form > button").first.click()
    look("receipt")


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["320", "1280"])
def test_every_page_fits_and_axe_finds_nothing(
    site: Any,
    form: str,
    open_phone: Callable[..., Page],
    shoot: Shoot,
    language: str,
    viewport: dict[str, int],
) -> None:
    page = open_phone(viewport=viewport, javascript=True)
    page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
    page.set_default_timeout(10_000)
    page.route("**/respond.js*", lambda route: route.abort())
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        shoot(page, f"{form}-{language}-{viewport['width']}-{name}", full_page=True)
        assert fits(page), name
        if viewport is NARROW:
            found[name] = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(page, options=RULES)["violations"]]

    number = ["every-type", "sipas-2022"].index(form) * 4 + ["vi", "en"].index(language) * 2 + (viewport is WIDE)
    page.goto(f"{site.url}/k/{site.field.personal[number]}")
    walk(page, look)
    assert not {name: violations for name, violations in found.items() if violations}


def test_a_whole_form_is_answered_by_keyboard_alone(site: Any, form: str, open_phone: Callable[..., Page]) -> None:
    page = open_phone(javascript=False)
    page.goto(f"{site.url}/k/{site.field.personal[8 if form == 'every-type' else 9]}")
    pages = 0
    while page.locator("main").get_attribute("data-state") is None:
        for box in page.locator("main fieldset:has(input[type=radio])").all():
            tab_to(page, f'[id="{box.get_attribute("id")}"] input[type=radio]')
            press(page, "Space")
            press(page, "ArrowDown")
        if page.locator("main textarea").count():
            tab_to(page, "main textarea")
            page.keyboard.type("Cảm ơn")
        if page.locator("main input[id$=consent-yes]").count() and not page.locator("main input:checked").count():
            tab_to(page, "main input[id$=consent-yes]")
        tab_to(page, "main form > button:not(.quiet)")
        with page.expect_navigation():
            press(page, "Enter")
        pages += 1
        assert pages < 40
    assert page.locator("main").get_attribute("data-state") == "done"


def test_large_letters_and_strong_contrast_fit_a_small_phone(
    site: Any, form: str, open_phone: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_phone(viewport=NARROW, javascript=False)
    page.goto(f"{site.url}/k/{site.field.personal[10 if form == 'every-type' else 11]}")
    for wish in ("larger", "larger", "larger", "contrast"):
        with page.expect_navigation():
            page.locator(f"button[value={wish}]").click()
    assert page.locator("html").get_attribute("class") == "size-4 contrast"
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"

    def look(name: str) -> None:
        shoot(page, f"{form}-large-{name}", full_page=True)
        assert fits(page), name

    walk(page, look)
