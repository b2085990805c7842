"""An interviewer's day without a network, and back: everything recorded goes out once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from argon2 import PasswordHasher
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from survey.model.frame import Dossier
from survey.model.interview import FieldTally
from survey.model.response import SpentMark, Spooled
from survey.model.staff import Account, AccountRole
from survey.model.wave import Wave
from survey.stages import assignments, staff, waves
from survey.web import interviews

Shoot = Callable[..., None]
KEEP_MORE = """navigator.serviceWorker.controller.postMessage(
    Array(50).fill("/staff/field"), [new MessageChannel().port2])"""

EVERY = Path(__file__).parents[1] / "survey" / "data" / "every-type.toml"
OpenPhone = Callable[..., Page]
EMAIL, PASSWORD = "dieu.tra@example.vn", "mot cau du dai de thu"


@pytest.fixture(scope="module")
def listed(site: Any) -> Any:
    """A running site whose twelve invited are on one interviewer's list."""
    cheap, now = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), datetime.now(UTC)
    with site.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        wave.settings = {**wave.settings, "modes": ["link", "interviewer"]}
        account = Account(
            email=EMAIL, name="Lê Văn Điều", agency="Bưu điện tỉnh", unit_code=None,
            password_hash=cheap.hash(PASSWORD), active=True, failures=0, locked_until=None, created_at=now,
        )  # fmt: skip
        session.add(account)
        session.flush()
        session.add(AccountRole(account_id=account.id, role="interviewer"))
        for number, dossier in enumerate(session.scalars(select(Dossier).order_by(Dossier.id)), start=1):
            dossier.name = site.keys.installation.hide(f"Nguyễn Thị Mẫu {number:02}")
            dossier.address = site.keys.installation.hide(f"Số {number}, ấp 3, xã Minh Họa")
        session.flush()
        key = site.keys.wave(wave.id)
        portions = assignments.plan(session, wave, key, seed=1, units=(), accounts=[account], most=None)
        assignments.assign(session, wave, key, portions, seed=1, actor="test", now=now)
    return site


def sign_in(page: Page, site: Any) -> None:
    page.goto(f"{site.url}/staff/field")
    page.locator("[name=email]").fill(EMAIL)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form > button").click()
    expect(page.get_by_role("heading", name="Danh sách của tôi")).to_be_visible()


def count(site: Any, table: Any) -> int:
    with site.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def outcomes(site: Any) -> dict[str, int]:
    with site.database.read() as session:
        found = session.execute(select(FieldTally.outcome, FieldTally.people).where(FieldTally.people > 0))
        return {row.outcome: row.people for row in found}


def test_a_day_without_a_network_and_back(listed: Any, open_phone: OpenPhone, shoot: Shoot) -> None:
    page = open_phone()
    sign_in(page, listed)
    expect(page.locator("#ready")).to_contain_text("đã lưu trên điện thoại", timeout=15_000)
    shoot(page, "field-list", full_page=True)
    page.context.set_offline(True)
    page.reload()  # the phone was off in between
    first, second = page.locator("details").nth(0), page.locator("details").nth(1)
    first.locator("summary").click()
    shoot(page, "field-person", full_page=True)
    first.get_by_text("từ chối").click()
    first.get_by_role("button", name="Ghi lần liên hệ này").click()
    expect(first).to_contain_text("chưa gửi")
    name = second.locator(".who").inner_text()
    second.locator("summary").click()
    second.get_by_role("link", name="Mở phiếu khảo sát").click()
    expect(page.locator("#person")).to_have_text(name)
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    page.reload()  # the browser was closed half way
    assert page.locator("input:checked").count() == 1
    shoot(page, "field-form")
    page.get_by_role("button", name="Gửi").first.click()
    page.wait_for_url("**/staff/field")
    expect(page.locator("#waiting")).to_contain_text("chưa gửi: 2")
    page.reload()
    expect(page.locator("#waiting")).to_contain_text("chưa gửi: 2")
    shoot(page, "field-waiting")
    assert count(listed, SpentMark) == 0
    assert outcomes(listed) == {"pending": 12}
    page.get_by_role("button", name="Đăng xuất").click()  # not while something waits
    expect(page.locator("#waiting")).to_contain_text("Hãy đăng xuất khi có mạng")
    page.context.set_offline(False)
    expect(page.locator(".how").get_by_text("phỏng vấn xong", exact=True)).to_be_visible(timeout=15_000)
    assert outcomes(listed) == {"pending": 10, "refused": 1, "complete": 1}
    assert (count(listed, SpentMark), count(listed, Spooled)) == (1, 1)
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "Nguyễn" not in kept
    assert page.evaluate("caches.keys()") == ["field"]
    page.evaluate(KEEP_MORE)  # on its way while he signs out
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.locator("[name=password]")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("caches.keys()") == []


def test_signing_out_on_another_page_or_at_once_leaves_no_name_on_the_phone(
    listed: Any, open_phone: OpenPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_phone()
    sign_in(page, listed)
    expect(page.locator("#ready")).to_contain_text("đã lưu trên điện thoại", timeout=15_000)
    page.goto(f"{listed.url}/help")
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.locator("[name=password]")).to_be_visible()
    page.wait_for_function("caches.keys().then(all => all.length === 0)")
    late, slow = staff.sign_out, interviews.own_file
    monkeypatch.setattr(staff, "sign_out", lambda *given: (sleep(1.5), late(*given)))
    monkeypatch.setattr(interviews, "own_file", lambda name: (sleep(0.7), slow(name))[1])
    other = open_phone()
    sign_in(other, listed)
    other.get_by_role("button", name="Đăng xuất").click()  # its worker is still on the way
    expect(other.locator("[name=password]")).to_be_visible(timeout=15_000)
    other.wait_for_load_state("networkidle")
    assert other.evaluate("caches.keys()") == []


def test_an_earlier_answer_stands_in_the_question_and_the_order_is_another_for_each_person(
    listed: Any, open_phone: OpenPhone
) -> None:
    with listed.database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        before, wave.instrument = wave.instrument, EVERY.read_text(encoding="utf-8")
    with listed.database.read() as session:
        waves.look_again(session)
    page = open_phone()
    sign_in(page, listed)
    orders, links = set(), page.locator("details a[href*=form]").evaluate_all("all => all.map((one) => one.href)")
    for link in links:
        page.goto(link)
        orders.add(page.locator("[name=order]").input_value())
    assert len(orders) > 1
    page.locator("#CH").get_by_text("Tại quầy", exact=True).click()
    expect(page.locator("#interview")).to_contain_text("Làm theo cách “Tại quầy”")
    stood = page.locator("[name=order]").input_value()
    page.reload()
    expect(page.locator("#interview")).to_contain_text("Làm theo cách “Tại quầy”")
    assert page.locator("[name=order]").input_value() == stood
    with listed.database.begin() as session:
        session.scalars(select(Wave).where(Wave.audience == "citizens")).one().instrument = before
    with listed.database.read() as session:
        waves.look_again(session)


def test_a_form_that_an_older_version_kept_still_goes_into_the_queue(listed: Any, open_phone: OpenPhone) -> None:
    page = open_phone(service_workers="block")
    sign_in(page, listed)
    link = page.locator("details a[href*=form]").last.get_attribute("href") or ""

    def age(route: Any) -> None:
        text = route.fetch().text()
        text = re.sub(r' data-wording="[^"]*"|<input type="hidden" name="order"[^>]*>', "", text)
        route.fulfill(body=text, content_type="text/html")

    page.route("**/staff/field/form/**", age)
    page.route("**/answer", lambda route: route.abort())
    page.goto(listed.url + link)
    page.get_by_text("Rất hài lòng", exact=True).first.click()
    page.get_by_role("button", name="Gửi").first.click()
    page.wait_for_timeout(500)
    assert '"told":"' in "".join(page.evaluate("Object.values(localStorage)"))


def test_no_barrier_is_found_on_list_and_form(listed: Any, open_phone: OpenPhone) -> None:
    page = open_phone()
    sign_in(page, listed)
    axe = Axe()
    page.locator("details").first.locator("summary").click()
    assert [
        (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in axe.run(page)["violations"]
    ] == []
    page.locator("details").first.get_by_role("link", name="Mở phiếu khảo sát").click()
    expect(page.locator("#interview")).to_be_visible()
    assert [
        (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in axe.run(page)["violations"]
    ] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
