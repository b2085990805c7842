"""A citizen and an official answer on a cheap phone, with JavaScript on and off, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from survey.stages import waves

Shoot = Callable[..., None]

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}


def choose(page: Page, answer: str) -> None:
    """Choose an answer in every question of the page that offers it."""
    for label in page.get_by_label(answer, exact=True).all():
        label.check()


def press(page: Page, button: Locator) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        button.click()


def go_on(page: Page, button: str) -> None:
    press(page, page.locator("main").get_by_role("button", name=button, exact=True))


def state(page: Page) -> str | None:
    return page.locator("main").get_attribute("data-state")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_citizen_answers_the_whole_form_in_vietnamese(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot, javascript: bool
) -> None:
    page = open_phone(javascript=javascript)
    link = f"{site.url}/k/{site.field.personal[0 if javascript else 1]}"
    page.goto(link)
    shoot(page, "first")
    go_on(page, "Bắt đầu")
    for number in range(1, 6):
        assert f"Phần {number}/6:" in page.inner_text("h1")
        choose(page, "Hài lòng")
        shoot(page, f"page-{number}", full_page=True)
        go_on(page, "Tiếp tục")
    choose(page, "Nữ")
    shoot(page, "facts", full_page=True)
    go_on(page, "Tiếp tục")
    shoot(page, "review", full_page=True)
    go_on(page, "Gửi ý kiến")
    shoot(page, "receipt")
    assert state(page) == "done"
    page.goto(link)
    shoot(page, "closed")
    assert state(page) == "closed"


def test_switching_to_english_half_way_loses_nothing(site: Any, open_phone: Callable[..., Page], shoot: Shoot) -> None:
    page = open_phone(javascript=False)
    page.goto(f"{site.url}/k/{site.field.personal[2]}")
    go_on(page, "Bắt đầu")
    for _ in range(2):
        choose(page, "Hài lòng")
        go_on(page, "Tiếp tục")
    choose(page, "Rất hài lòng")
    press(page, page.get_by_role("button", name="English"))
    shoot(page, "english", full_page=True)
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Part 3 of 6:" in page.inner_text("h1")
    assert page.locator("input:checked").count() == page.locator("fieldset").count()
    go_on(page, "Back")
    assert page.locator("input[value='4']:checked").count() == page.locator("fieldset").count()
    for _ in range(4):
        go_on(page, "Continue")
    press(page, page.get_by_role("button", name="Tiếng Việt"))
    press(page, page.get_by_role("button", name="English"))
    go_on(page, "Continue")
    go_on(page, "Send answers")
    assert state(page) == "done"
    press(page, page.get_by_role("button", name="Tiếng Việt"))
    assert "Cảm ơn" in page.inner_text("h1")
    assert state(page) == "done"


def test_an_official_judges_a_block_of_units(site: Any, open_phone: Callable[..., Page], shoot: Shoot) -> None:
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.officials[0]}")
    shoot(page, "officials-first")
    go_on(page, "Bắt đầu")
    for number, part in ((1, 1), (1, 2), (2, 1), (2, 2)):
        assert f"Đơn vị {number}/2:" in page.inner_text("h1")
        choose(page, "Tốt")
        page.get_by_label("Không đủ thông tin để đánh giá").last.check()
        shoot(page, f"officials-{number}-{part}", full_page=True)
        go_on(page, "Tiếp tục")
    go_on(page, "Gửi ý kiến")
    assert state(page) == "done"


def test_a_draft_survives_a_closed_browser(site: Any, chromium: Browser, tmp_path: Path) -> None:
    link = f"{site.url}/q/{site.field.counter}"
    first = chromium.new_context(java_script_enabled=False)
    page = first.new_page()
    page.goto(link)
    go_on(page, "Bắt đầu")
    choose(page, "Hài lòng")
    go_on(page, "Tiếp tục")
    kept = first.storage_state()
    kept["cookies"] = [cookie for cookie in kept["cookies"] if cookie.get("expires", -1) > 0]  # what a phone keeps
    first.close()
    second = chromium.new_context(java_script_enabled=False, storage_state=kept)
    page = second.new_page()
    page.goto(link)
    go_on(page, "Tiếp tục phiếu đang làm")
    assert "Phần 2/6:" in page.inner_text("h1")
    go_on(page, "Quay lại")
    assert page.locator("input[value='4']:checked").count() == page.locator("fieldset").count()
    second.close()


def test_enter_goes_on_and_does_not_change_the_language(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.personal[3]}")
    with page.expect_navigation():
        page.get_by_role("button", name="Bắt đầu").press("Enter")
    for number in range(1, 6):
        assert f"Phần {number}/6:" in page.inner_text("h1")
        page.locator("input[type=radio]").first.focus()
        page.keyboard.press("Space")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert page.locator("html").get_attribute("lang") == "vi"
    assert "Phần 6/6:" in page.inner_text("h1")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_refused_page_has_its_summary_in_focus_and_leads_to_the_question(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot, javascript: bool
) -> None:
    page = open_phone(javascript=javascript)
    page.goto(f"{site.url}/k/{site.field.personal[4]}")
    go_on(page, "Bắt đầu")
    choose(page, "Hài lòng")
    page.route(
        "**/1", lambda route: route.continue_(post_data=(route.request.post_data or "").replace("S16=4", "S16=9"))
    )
    go_on(page, "Tiếp tục")
    expect(page.locator("[role=alert]")).to_have_count(1)
    shoot(page, "refused", full_page=True)
    assert page.locator("[role=alert]:focus").count() == 1
    page.locator("[role=alert] a").click()
    assert page.locator("#S16-5:focus").count() == 1
    assert page.locator("input:checked").count() == 3


def test_the_first_page_is_light(
    site: Any, open_phone: Callable[..., Page], capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_phone()
    cdp = page.context.new_cdp_session(page)
    received: list[float] = []
    cdp.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    cdp.send("Network.enable")
    page.goto(f"{site.url}/k/{site.field.personal[5]}", wait_until="networkidle")
    first = list(received)
    go_on(page, "Bắt đầu")
    page.wait_for_load_state("networkidle")
    with capsys.disabled():
        print(f"\nfirst page: {first} = {sum(first):.0f} bytes on the wire; next: {received[len(first) :]}")
    assert len(first) <= 2
    assert sum(first) <= 14 * 1024
    assert sum(received[len(first) :]) <= 6 * 1024


def test_the_start_button_stands_on_the_first_screen_also_where_the_sender_is_the_rated_unit(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.personal[9]}")
    before = "Nơi giải quyết hồ sơ không xem được câu trả lời."
    assert before in page.inner_text("main")
    with site.database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        told = wave.settings
        unit = next(one.name_vi for one, _ in waves.units_of(session, wave) if one.name_vi in page.inner_text("main"))
        wave.settings = {**told, "sender": {"vi": f"{unit} tỉnh Minh Họa"}}
    page.reload()
    shoot(page, "own-sender", full_page=True)
    assert before not in page.inner_text("main")
    box = page.locator("main button").first.bounding_box()
    with site.database.begin() as session:
        waves.find(session, "2026-citizens").settings = told
    assert box["y"] + box["height"] <= 640


@pytest.mark.parametrize("viewport", [{"width": 320, "height": 640}, {"width": 1280, "height": 800}], ids=str)
def test_no_page_scrolls_sideways(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot, viewport: dict[str, int]
) -> None:
    page = open_phone(viewport=viewport)
    page.goto(f"{site.url}/k/{site.field.personal[6]}")
    shoot(page, f"first-{viewport['width']}", full_page=True)
    go_on(page, "Bắt đầu")
    shoot(page, f"page-{viewport['width']}", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    heights = page.evaluate(
        "[...document.querySelectorAll('main label, button:not([hidden])')].map(e => e.offsetHeight)"
    )
    assert min(heights) >= 48


@pytest.mark.parametrize("language", ["vi", "en"])
def test_axe_finds_nothing_on_any_kind_of_page(site: Any, open_phone: Callable[..., Page], language: str) -> None:
    page = open_phone()
    page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
    axe, number = Axe(), 7 if language == "vi" else 8
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        found[name] = [violation["id"] for violation in axe.run(page, options=RULES)["violations"]]

    def first_button() -> None:
        press(page, page.locator("main form > button").first)

    for kind, link in (
        ("citizen", f"/k/{site.field.personal[number]}"),
        ("official", f"/k/{site.field.officials[number]}"),
        ("counter", f"/q/{site.field.counter}"),
    ):
        page.goto(site.url + link)
        look(f"{kind} first")
        first_button()
        look(f"{kind} questions")
        page.locator("fieldset input").first.check()
        look(f"{kind} checked")
        while page.locator("fieldset").count():
            first_button()
        look(f"{kind} review")
        first_button()
    look("receipt")
    page.goto(f"{site.url}/k/{site.field.personal[number + 2]}")
    first_button()
    page.route("**/1", lambda route: route.continue_(post_data=(route.request.post_data or "") + "&S15=9"))
    first_button()
    look("refused")
    page.goto(f"{site.url}/k/unknown")
    look("closed")
    page.goto(f"{site.url}/k/{site.field.personal[number + 2]}/not-mine")
    look("not mine")
    first_button()
    look("declined")
    for phone in (open_phone(), page):
        phone.goto(f"{site.url}/q/{site.field.small_counter}")
        press(phone, phone.locator("main form > button").first)
    look("full")
    assert state(page) == "full"
    assert len(found) == 18
    assert not {name: violations for name, violations in found.items() if violations}
