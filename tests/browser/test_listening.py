"""A question is listened to with one tap: nothing is loaded before it, and no answer is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page

Shoot = Callable[..., None]

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
PLAYING = "[...document.querySelectorAll('audio')].filter(one => !one.paused).map(one => one.currentSrc)"


def open_questions(site: Any, page: Page, number: int) -> list[str]:
    """The first page of questions; the list takes every file that is asked for from here on."""
    page.goto(f"{site.url}/k/{site.field.personal[number]}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_navigation():
        page.locator("main form > button").first.click()
    page.wait_for_load_state("networkidle")
    return asked


def test_one_tap_plays_a_question_and_keeps_the_answers(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_phone()
    asked = open_questions(site, page, 3)
    page.locator("#S16-4").check()
    shoot(page, "listen-closed")
    assert not [url for url in asked if "/listen/" in url]
    with page.expect_response("**/listen/*.mp3") as heard:
        page.locator("#S15 summary").click()
    assert heard.value.status in (200, 206)
    page.wait_for_function(f"{PLAYING}.length === 1")
    shoot(page, "listen-open")
    page.locator("#S16 summary").press("Enter")
    page.wait_for_function(f"{PLAYING}.length === 1 && document.querySelector('#S15 audio').paused")
    page.locator("#S16 summary").click()
    page.wait_for_function(f"{PLAYING}.length === 0")
    assert page.locator("#S16-4").is_checked()
    assert len([url for url in asked if "/listen/" in url]) == 2
    assert not [one["id"] for one in Axe().run(page, options=RULES)["violations"]]


def test_without_javascript_the_player_opens_beside_the_question(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone(javascript=False)
    asked = open_questions(site, page, 4)
    page.locator("#S16-4").check()
    page.locator("#S15 summary").click()
    assert page.locator("#S15 audio").is_visible()
    assert not page.locator("#S16 audio").is_visible()
    assert page.locator("#S16-4").is_checked()
    assert not [url for url in asked if "/listen/" in url]


@pytest.mark.parametrize("root", ["size-1", "size-4", "size-4 contrast"])
def test_the_button_is_large_and_beside_the_words(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot, root: str
) -> None:
    page = open_phone(viewport={"width": 320, "height": 640})
    open_questions(site, page, 5)
    page.evaluate("root => { document.documentElement.className = root }", root)
    shoot(page, f"listen-320-{root.replace(' ', '-')}", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for summary in page.locator(".hear summary").all():
        box = summary.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 48
    overlapping = """[...document.querySelectorAll('.told')].filter(words => {
        const room = words.getBoundingClientRect().right - parseFloat(getComputedStyle(words).paddingRight);
        return room > words.parentNode.querySelector('summary').getBoundingClientRect().left })"""
    assert page.evaluate(f"{overlapping}.length") == 0
    for group in page.locator("fieldset").all():
        button, first = group.locator("summary").bounding_box(), group.locator(".choice").first.bounding_box()
        assert button
        assert first
        assert button["y"] + button["height"] <= first["y"] + 1
