"""A kiosk: one form after the other, and nothing of the last one for whoever comes next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from survey.model.draft import Draft
from survey.model.response import Spooled
from survey.model.wave import Wave
from survey.stages import quotas

OpenPhone = Callable[..., Page]
START = "Bắt đầu"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of the 45 and 10 that people get."""
    monkeypatch.setattr("survey.app.KIOSK_IDLE", 2)
    monkeypatch.setattr("survey.app.KIOSK_THANKS", 1)


@pytest.fixture
def kiosk(hurried: None, request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A running site, and the address of a kiosk of its first unit."""
    site = request.getfixturevalue("site")
    with site.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        wave.settings = {**wave.settings, "modes": ["link", "counter", "kiosk"]}
        session.flush()
        _cell, code = quotas.create_cell(
            session, wave, key=site.keys.wave(wave.id), unit_code="98-01", point_of_service=None, mode="kiosk",
            target=20,
        )  # fmt: skip
    return site, f"{site.url}/q/{code}"


def count(site: Any, table: Any) -> int:
    with site.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def answer(page: Page) -> None:
    """One form from the start to the thank-you."""
    page.get_by_role("button", name=START).click()
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    for _ in range(6):
        page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_role("button", name="Gửi").click()
    expect(page.locator("[data-state=done]")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_three_people_answer_one_after_the_other(
    kiosk: tuple[Any, str], open_phone: OpenPhone, javascript: bool
) -> None:
    site, address = kiosk
    page, before = open_phone(javascript=javascript), count(site, Spooled)
    page.goto(address)
    for _ in range(3):
        answer(page)
        expect(page.get_by_role("button", name=START)).to_be_visible(timeout=15_000)  # it went back by itself
        assert page.url == address
    assert count(site, Spooled) == before + 3
    assert count(site, Draft) == 0
    assert {one["name"] for one in page.context.cookies()} <= {"form"}
    page.go_back()
    page.wait_for_timeout(500)
    assert not page.locator("input:checked").count()
    assert "Rất hài lòng" not in page.locator("main").inner_text()


def test_a_form_sent_without_a_network_leaves_the_screen_at_once_and_goes_out_later(
    kiosk: tuple[Any, str], open_phone: OpenPhone
) -> None:
    site, address = kiosk
    page, before = open_phone(), count(site, Spooled)
    page.goto(address)
    page.get_by_role("button", name=START).click()
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    for _ in range(6):
        page.get_by_role("button", name="Tiếp tục").click()
    expect(page.get_by_role("button", name="Gửi")).to_be_visible()
    page.wait_for_timeout(500)
    page.evaluate("localStorage.a = 'no form at all'")
    page.context.set_offline(True)
    page.get_by_role("button", name="Gửi").click()
    expect(page.locator("h1")).to_have_text("Đang gửi phiếu")
    for _ in range(2):
        assert "Rất hài lòng" not in page.inner_text("body")
        assert not page.locator("input:not([type=hidden]), dd").count()
        assert not page.locator("main button, main a").count()
        page.go_back()
        page.wait_for_timeout(2500)  # longer than anybody may stand idle
    page.context.set_offline(False)
    expect(page.get_by_role("button", name=START)).to_be_visible(timeout=20_000)
    assert (count(site, Spooled), count(site, Draft)) == (before + 1, 0)
    assert page.evaluate("localStorage.length") == 0


def test_a_form_that_somebody_left_is_dropped(kiosk: tuple[Any, str], open_phone: OpenPhone) -> None:
    site, address = kiosk
    page = open_phone()
    page.goto(address)
    page.get_by_role("button", name=START).click()
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    page.get_by_role("button", name="Tiếp tục").click()
    expect(page.get_by_role("button", name=START)).to_be_visible(timeout=15_000)
    assert (count(site, Draft), page.evaluate("localStorage.length")) == (0, 0)
    page.go_back()
    page.wait_for_timeout(500)
    assert not page.locator("input:checked").count()
    page.goto(address)
    page.get_by_role("button", name=START).click()
    assert not page.locator("input:checked").count()


def test_a_kiosk_waits_for_no_form_of_another_link(kiosk: tuple[Any, str], open_phone: OpenPhone) -> None:
    _site, address = kiosk
    page = open_phone()
    page.route("**/k/other/**", lambda route: route.abort())
    page.goto(address)
    page.evaluate(
        "localStorage['form:1'] ="
        " JSON.stringify({ queue: [{ page: '/review', body: 'a' }], to: '/k/other', at: Date.now() })"
    )
    page.get_by_role("button", name=START).click()
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    page.get_by_role("button", name="Tiếp tục").click()
    expect(page.get_by_role("button", name=START)).to_be_visible(timeout=15_000)
