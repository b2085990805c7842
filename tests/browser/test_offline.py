"""A phone that loses its network half way keeps the answers, and sends them once when it is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, func, select

from survey.db import Database
from survey.model.response import SpentMark, Spooled
from survey.model.wave import Wave
from survey.stages import waves

EVERY = Path(__file__).parents[1] / "survey" / "data" / "every-type.toml"
pytestmark = pytest.mark.browser
KEPT = "JSON.stringify({...localStorage}) === '{}' ? null : JSON.stringify({...localStorage})"


def answers(database: Database) -> tuple[int, int]:
    """How many answers wait, and how many links were used up."""
    with database.read() as session:
        waiting = select(func.count()).where(Spooled.kind == "answer")
        return session.scalar(waiting) or 0, session.scalar(select(func.count()).select_from(SpentMark)) or 0


def fill(page: Page) -> None:
    for fieldset in page.locator("fieldset").all():
        fieldset.locator("input").first.check()


def heading(page: Page) -> str:
    return page.inner_text("h1")


def until_last(page: Page, link: str) -> None:
    """Answer everything up to the page that sends."""
    page.goto(link)
    with page.expect_navigation():
        page.locator("main form > button").first.click()
    while not page.locator("input[name=key]").count():
        fill(page)
        with page.expect_navigation():
            page.locator("main form > button").first.click()


def test_offline_half_way_and_back_is_exactly_one_answer(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    before = answers(site.database)
    page.goto(f"{site.url}/k/{site.field.personal[0]}")
    page.locator("main form > button").first.click()
    page.context.set_offline(True)
    while not page.locator("input[name=key]").count():
        here = page.url
        fill(page)
        page.locator("main form > button").first.click()
        page.wait_for_url(lambda url, here=here: url != here)  # a page that may be refused waits for the site first
        assert site.field.personal[0] not in page.evaluate(KEPT)
        expect(page.locator("#waiting")).to_be_visible()
    assert page.locator("dd.none").count() == 1  # the comment was left open
    page.locator("main form > button").first.click()
    expect(page.locator("#waiting")).to_be_visible()
    kept = page.evaluate(KEPT)
    assert f'\\"to\\":\\"/k/{site.field.personal[0]}\\"' in kept  # a finished form must find its way
    assert "csrf" not in kept
    assert answers(site.database) == before
    page.context.set_offline(False)
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=15000)
    assert answers(site.database) == (before[0] + 1, before[1] + 1)
    assert page.evaluate(KEPT) is None


def test_a_page_closed_while_offline_is_sent_when_the_link_is_opened_again(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    page = open_phone()
    before = answers(site.database)
    link = f"{site.url}/k/{site.field.personal[1]}"
    until_last(page, link)
    page.route("**/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("main form > button").first.click()
    expect(page.locator("#waiting")).to_be_visible()
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(link)
    expect(again.locator("[data-state=done]")).to_be_visible(timeout=15000)
    assert answers(site.database) == (before[0] + 1, before[1] + 1)


def test_a_form_finished_offline_goes_out_when_any_other_link_is_opened_on_the_phone(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    page = open_phone()
    before = answers(site.database)
    for link in (f"/k/{site.field.personal[8]}", f"/q/{site.field.counter}"):
        until_last(page, site.url + link)
        page.route("**/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        page.locator("main form > button").first.click()
        expect(page.locator("#waiting")).to_be_visible()
        assert f'\\"to\\":\\"{link}\\"' in page.evaluate(KEPT)
        other = page.context.new_page()
        page.close()
        page = other
        page.goto(f"{site.url}/k/{site.field.personal[9]}")
        for _ in range(100):
            page.wait_for_timeout(100)
            if page.evaluate(KEPT) is None:
                break
        assert page.evaluate(KEPT) is None
        assert page.locator("main form > button").count() == 2  # the other link's own first page
    assert answers(site.database) == (before[0] + 2, before[1] + 1)


def finish_offline(page: Page, link: str, number: str = "") -> None:
    """Begin with a network, answer and send without one, close the page; the phone is online again."""
    page.goto(link)
    page.locator("main form > button").first.click()
    expect(page.locator("fieldset").first).to_be_visible()
    page.context.set_offline(True)
    while not page.locator("input[name=key]").count():
        here = heading(page)
        for box in page.locator("fieldset:visible").all():
            box.locator("input").first.check()
        if number and page.locator("#N-in:visible").count():
            page.locator("#N-in").fill(number)
        page.locator("main form > button").first.click()
        expect(page.locator("h1")).not_to_have_text(here)
    page.locator("main form > button").first.click()
    expect(page.locator("#waiting")).to_be_visible()
    page.goto("about:blank")
    page.context.set_offline(False)


def test_a_busy_form_keeps_no_other_from_going_out(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    before = answers(site.database)
    for number in (10, 11):
        finish_offline(page, f"{site.url}/k/{site.field.personal[number]}")
        page.route(f"**/k/{site.field.personal[number]}/**", lambda route: route.abort())  # not yet
    page.goto(f"{site.url}/k/{site.field.personal[9]}")
    busy, other = page.evaluate("Object.values(localStorage).map((one) => JSON.parse(one).to)")
    page.unroute_all()
    page.route(f"**{busy}/*", lambda route: route.fulfill(status=503, body="busy", headers={"Retry-After": "3600"}))
    page.goto(f"{site.url}/k/{site.field.personal[9]}")
    for _ in range(100):
        page.wait_for_timeout(100)
        if page.evaluate("localStorage.length") == 1:
            break
    assert busy in page.evaluate(KEPT)
    assert other not in page.evaluate(KEPT)
    assert answers(site.database) == (before[0] + 1, before[1] + 1)


def test_what_an_older_version_kept_goes_out_and_what_is_old_is_removed_by_any_link(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    page, link = open_phone(), f"{site.url}/k/{site.field.personal[9]}"
    page.goto(link)
    page.locator("main form > button").first.click()
    fill(page)
    moved = "const [[name, text]] = Object.entries(localStorage), one = JSON.parse(text);"
    page.evaluate(
        moved + "delete localStorage[name]; one.mark = +name.slice(5); localStorage.form = JSON.stringify(one);"
        "localStorage['form:1'] = JSON.stringify({ queue: [{}], to: '/k/x', at: Date.now() - 9e7 });"
    )
    page.goto(link)
    expect(page.locator("input:checked").first).to_be_visible()
    assert len(json.loads(page.evaluate(KEPT))) == 1
    assert page.evaluate("'form' in localStorage") is False


def test_a_form_that_could_not_begin_promises_nothing_and_begins_when_the_network_is_back(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.officials[5]}")
    page.context.set_offline(True)
    page.locator("main form > button").first.click()
    expect(page.locator("#waiting")).to_contain_text("chưa bắt đầu được")
    page.context.set_offline(False)
    expect(page.locator("fieldset").first).to_be_visible(timeout=15000)


def test_cookies_and_storage_that_are_cleared_half_way_lose_no_page_that_was_saved(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    page = open_phone()
    before = answers(site.database)
    link = f"{site.url}/k/{site.field.personal[7]}"
    until_last(page, link)
    page.context.clear_cookies()
    page.evaluate("localStorage.clear()")
    until_last(page, link)  # it goes on where it was
    page.context.clear_cookies()
    page.evaluate("localStorage.clear()")
    page.locator("main form > button").first.click()
    expect(page.locator("[role=alert]")).to_contain_text("trình duyệt không nhận cookie")
    while not page.locator("[data-state=done]").count():
        with page.expect_navigation():
            page.locator("main form > button").first.click()
    assert answers(site.database) == (before[0] + 1, before[1] + 1)


def test_an_answer_lost_on_its_way_back_is_stored_once(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    before = answers(site.database)
    until_last(page, f"{site.url}/k/{site.field.personal[2]}")
    lost = []

    def lose(route: Any) -> None:
        if route.request.method == "POST" and len(lost) < 2:
            lost.append(route.fetch().status)  # the site took it; the phone never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/*", lose)
    page.locator("main form > button").first.click()
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=15000)
    assert lost == [200, 200]
    assert answers(site.database) == (before[0] + 1, before[1] + 1)


def test_a_busy_site_is_asked_again(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    until_last(page, f"{site.url}/k/{site.field.personal[3]}")
    tries: list[int] = []

    def refuse(route: Any) -> None:
        tries.append(1)
        if len(tries) > 2:
            route.continue_()
        else:
            route.fulfill(status=503, body="busy", headers={"Retry-After": "1"})

    page.route("**/*", refuse)
    page.locator("main form > button").first.click()
    expect(page.locator("#waiting")).to_contain_text("Hệ thống đang bận")
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=15000)
    assert len(tries) >= 3


def test_the_next_person_on_the_same_device_sees_nothing(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    until_last(page, f"{site.url}/k/{site.field.personal[4]}")
    with page.expect_navigation():
        page.locator("main form > button").nth(1).click()  # back to the questions
    page.locator("fieldset input:not(:checked)").first.check()
    assert page.evaluate(KEPT)
    page.goto(f"{site.url}/k/{site.field.personal[5]}")
    page.wait_for_load_state("networkidle")
    with page.expect_navigation():
        page.locator("main form > button").first.click()
    assert page.locator("input:checked").count() == 0


def test_what_was_chosen_before_a_page_was_closed_is_there_again(site: Any, open_phone: Callable[..., Page]) -> None:
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.personal[6]}")
    with page.expect_navigation():
        page.locator("main form > button").first.click()
    fill(page)
    chosen = page.locator("input:checked").count()
    page.reload()
    assert page.locator("input:checked").count() == chosen > 0


def test_a_form_that_the_site_refuses_stays_until_its_own_link_shows_why(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    with site.database.begin() as session:
        session.scalars(select(Wave).where(Wave.audience == "citizens")).one().instrument = EVERY.read_text("utf-8")
        session.execute(delete(SpentMark))  # the links of this module are used up by now
    with site.database.read() as session:
        waves.look_again(session)
    page, (other, refused) = open_phone(), (f"/k/{code}" for code in site.field.personal[9:11])
    before = answers(site.database)
    finish_offline(page, site.url + refused, number="ba")
    page.goto(site.url + other)
    page.wait_for_timeout(2500)
    assert refused in (page.evaluate(KEPT) or "")
    page.goto(site.url + refused)
    expect(page.locator("[role=alert] a")).to_have_attribute("href", "#N-in", timeout=15000)
    assert answers(site.database) == before
