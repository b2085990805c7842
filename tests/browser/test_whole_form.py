"""With JavaScript the whole form comes at once: the same answers are stored as without it, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select

from survey.instrument import builtin_instrument
from survey.model.recontact import WaitingMatch
from survey.model.response import SpentMark, Spooled
from survey.model.wave import Wave
from survey.stages import recontacts, waves

Shoot = Callable[..., None]

pytestmark = pytest.mark.browser
EVERY = Path(__file__).parents[1] / "survey" / "data" / "every-type.toml"


def ask(site: Any, source: str) -> None:
    """The citizens' wave asks this questionnaire."""
    with site.database.begin() as session:
        session.scalars(select(Wave).where(Wave.audience == "citizens")).one().instrument = source
    with site.database.read() as session:
        waves.look_again(session)


def stored(site: Any) -> list[str]:
    """What waits, opened with the wave's key, in an order of its own."""
    with site.database.read() as session:
        rows = session.execute(select(Spooled.wave_id, Spooled.sealed)).all()
    return sorted(
        json.dumps(json.loads(site.keys.wave(wave).open(sealed)), sort_keys=True, ensure_ascii=False)
        for wave, sealed in rows
    )


def new(site: Any, before: list[str]) -> list[str]:
    """What was stored since."""
    found = stored(site)
    for one in before:
        found.remove(one)
    return found


def heading(page: Page) -> str:
    return page.inner_text("h1")


def press(page: Page, number: int = 0) -> None:
    with page.expect_navigation():
        page.locator("main form > button").nth(number).click()


def choose(page: Page) -> None:
    """The first answer of every question; the second one where a route asks for it."""
    for box in page.locator("main fieldset:visible").all():
        if box.locator("input[id$=consent-yes]").count():
            box.locator("input[id$=consent-yes]").check()
            box.locator("input[type=radio]").first.check()
        else:
            box.locator("input[type=radio], input[type=checkbox]").first.check()


def answer_all(page: Page, link: str) -> list[str]:
    """Walk to the end; the headings on the way and the review."""
    page.goto(link)
    press(page)
    seen = []
    while not page.locator("input[name=key]").count():
        seen.append(heading(page))
        choose(page)
        press(page)
    seen += [heading(page), " ".join(page.locator("main dl").all_inner_texts()).replace("\n", " ")]
    press(page)
    expect(page.locator("[data-state=done]")).to_be_visible()
    return seen


@pytest.mark.parametrize("name", ["service-2025", "sipas-2022"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_same_pages_are_seen_and_the_same_answers_stored(
    site: Any, open_phone: Callable[..., Page], name: str, language: str
) -> None:
    ask(site, builtin_instrument(name).source)
    number = 4 * (name == "sipas-2022") + 2 * (language == "en")
    results = []
    for javascript in (True, False):
        page = open_phone(javascript=javascript)
        page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
        before = stored(site)
        seen = answer_all(page, f"{site.url}/k/{site.field.personal[number + javascript]}")
        results.append((seen, new(site, before)))
    assert results[0] == results[1]


def test_pages_are_shown_without_a_reload_and_saved_by_posts_that_bring_nothing(
    site: Any, open_phone: Callable[..., Page]
) -> None:
    ask(site, builtin_instrument("service-2025").source)
    page = open_phone()
    asked: list[tuple[str, int]] = []
    page.on("response", lambda one: asked.append((one.request.method, one.status)))
    answer_all(page, f"{site.url}/k/{site.field.personal[8]}")
    assert asked == [("GET", 200)] * 2 + [("POST", 204)] * 6 + [("POST", 200)]


def test_routes_earlier_answers_and_words_work_in_the_browser(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, EVERY.read_text(encoding="utf-8"))
    page, link, before = open_phone(), f"{site.url}/k/{site.field.personal[9]}", stored(site)
    page.goto(link)
    press(page)
    page.locator("#S1-5").check()
    press(page)
    page.locator("#CH-online").check()
    page.locator("[name='SRC~other']").fill("quán nước")
    page.locator("#N-in").fill("3")
    press(page)
    assert "Làm theo cách “Trực tuyến”, đi lại 3 lần" in page.inner_text("legend")
    page.locator("#WEB-1").check()
    press(page, 1)
    assert page.locator("#N-in").input_value() == "3"
    page.locator("#CH-counter").check()
    press(page)
    assert page.locator("#WEB:visible, #WEB2:visible").count() == 0
    page.locator("#D-in").fill("2026-02-28")
    press(page)
    press(page)
    said = page.locator("main dd").all_inner_texts()
    assert "Nơi khác: quán nước" in said
    assert "28/02/2026" in said
    assert "Làm theo cách" not in page.inner_text("main")
    page.locator("main a").first.click()
    page.locator("#S1-1").check()
    press(page)
    while not page.locator("input[name=key]").count():
        press(page)
    press(page)
    expect(page.locator("[data-state=done]")).to_be_visible()
    kept = "".join(new(site, before))
    assert '"S1": "1"' in kept
    assert '"CH": "counter"' in kept
    assert "WEB" not in kept
    assert '"SRC~other": "quán nước"' in kept


def test_what_was_unticked_and_emptied_stays_so_after_a_reload(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, builtin_instrument("sipas-2022").source)
    page = open_phone()
    page.goto(f"{site.url}/q/{site.field.counter}")
    press(page)
    while not page.locator("textarea:visible").count():
        press(page)
    page.locator("textarea:visible").fill("Cảm ơn")
    page.locator("main input[name$='~forward']:visible").check()
    press(page)
    press(page, 1)
    page.locator("textarea:visible").fill("")
    page.locator("main input[name$='~forward']:visible").uncheck()
    page.reload()
    assert page.locator("main textarea").input_value() == ""
    assert not page.locator("main input[name$='~forward']").is_checked()


def test_a_choice_is_taken_back_and_one_without_consent_counts_as_skipped(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot
) -> None:
    ask(site, builtin_instrument("sipas-2022").source)
    page = open_phone()
    page.goto(f"{site.url}/q/{site.field.counter}")
    press(page)
    assert not page.locator(".clear:visible").count()
    page.locator("main input").first.check()
    page.locator(".clear:visible").click()
    assert not page.locator("main input:checked").count()
    assert page.evaluate("document.activeElement.type") == "radio"
    while not page.locator("#ethnicity:visible").count():
        press(page)
    page.locator("#ethnicity input[type=radio]").first.check()
    shoot(page, "taken-back", full_page=True)
    press(page)
    assert "Bước cuối" in heading(page)
    assert "Kinh" not in page.inner_text("main")


def test_what_the_site_refuses_is_shown_with_its_question(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, EVERY.read_text(encoding="utf-8"))
    page = open_phone()
    page.goto(f"{site.url}/k/{site.field.personal[10]}")
    press(page)
    page.locator("main form > button").first.click()
    expect(page.locator("[role=alert]")).to_contain_text("Xin trả lời câu này")
    page.locator("#S1-4").check()
    press(page)
    page.locator("#N-in").fill("ba")
    page.locator("main form > button").first.click()
    expect(page.locator("[role=alert] a")).to_have_attribute("href", "#N-in")


def test_a_reload_another_language_and_larger_letters_lose_nothing(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, builtin_instrument("service-2025").source)
    page, before = open_phone(), stored(site)
    page.goto(f"{site.url}/k/{site.field.personal[11]}")
    press(page)
    choose(page)
    page.reload()
    expect(page.locator("main input:checked")).to_have_count(4)
    press(page)
    page.locator("main input").nth(1).check()
    with page.expect_navigation():
        page.get_by_role("button", name="English").click()
    assert "Part 2 of 6:" in heading(page)
    assert page.locator("main input:checked").count() == 1
    with page.expect_navigation():
        page.get_by_role("button", name="Larger letters").click()
    assert page.locator("html").get_attribute("class") == "size-2"
    press(page, 1)
    assert page.locator("main input:checked").count() == 4
    while not page.locator("input[name=key]").count():
        press(page)
    press(page)
    assert "Thank you" in heading(page)
    assert '"items": {"S15": "5", "S16": "5", "S17": "5", "S18": "5", "S19": "4"}' in "".join(new(site, before))


def test_a_counter_holds_a_place_and_an_official_needs_this_browser(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, builtin_instrument("service-2025").source)
    before = len(stored(site))
    answer_all(open_phone(), f"{site.url}/q/{site.field.small_counter}")
    late = open_phone()
    late.goto(f"{site.url}/q/{site.field.small_counter}")
    late.locator("main form > button").first.click()
    expect(late.locator("[data-state=full]")).to_be_visible()
    answer_all(open_phone(), f"{site.url}/k/{site.field.officials[3]}")
    assert len(stored(site)) == before + 3  # the answer with its facts, and the official's


def test_the_next_person_on_a_shared_phone_starts_empty(site: Any, open_phone: Callable[..., Page]) -> None:
    ask(site, builtin_instrument("service-2025").source)
    page = open_phone()
    link = f"{site.url}/q/{site.field.counter}"
    page.goto(link)
    press(page)
    choose(page)
    press(page)
    page.goto(link)
    press(page)
    assert "Phần 2/6:" in heading(page)
    page.goto(link)
    press(page, 1)
    assert "Phần 1/6:" in heading(page)
    assert page.locator("main input:checked").count() == 0


def test_who_is_drawn_for_a_call_agrees_by_a_tick_that_is_sent_with_the_form(
    site: Any, open_phone: Callable[..., Page], shoot: Shoot
) -> None:
    with site.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        recontacts.draw(
            session, wave, site.keys, seed=1, share=1.0, document="1/BB, 2/3/2026, A", actor="test",
            now=datetime.now(UTC),
        )  # fmt: skip
        identity = wave.id
        session.execute(delete(SpentMark))  # the links of this module are used up by now
    pieces = []
    for number, agrees in ((0, True), (1, False)):
        page = open_phone()
        page.goto(f"{site.url}/k/{site.field.personal[number]}")
        shoot(page, "may-be-called-first", full_page=True)
        press(page)
        while not page.locator("input[name=key]").count():
            press(page)
        shoot(page, "may-be-called-review", full_page=True)
        tick = page.locator("input[name=compare]")
        expect(tick).not_to_be_checked()
        if agrees:
            tick.check()
        press(page)
        expect(page.locator("[data-state=done]")).to_be_visible()
        with site.database.read() as session:
            sealed = session.scalars(select(WaitingMatch.sealed)).all()
        pieces.append(sum(bool(json.loads(site.keys.once(identity).open(one))) for one in sealed))
    assert pieces == [1, 1]
