"""The data office sends a dossier list from a phone without a script, and reads what became of each row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from survey.jobs import intake
from survey.model.staff import Account, AccountRole
from survey.stages import copies, tasks, uploads, waves
from survey.stages.copies import Dates
from survey.stages.tasks import Job

EMAIL, PASSWORD = "du.lieu@example.vn", "mot cau du dai de thu"
LIST = """dossier_code,procedure_field,rated_unit,finished_on,phone
HS-1,F1,98-01,2027-03-01,0912345678
HS-2,F1,98-01,2027-02-30,0912345679
"""


def prepare(site: Any) -> None:
    """A wave in preparation, and somebody of the data office."""
    cheap, now = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), datetime.now(UTC)
    with site.database.begin() as session:
        old = waves.find(session, "2026-citizens")
        copies.copy(session, old, code="2027", dates=Dates(), keys=site.keys, actor="test", now=now)
        account = Account(
            email=EMAIL, name="Đỗ Thị Liệu", agency="Văn phòng", unit_code=None, password_hash=cheap.hash(PASSWORD),
            active=True, failures=0, locked_until=None, created_at=now,
        )  # fmt: skip
        session.add(account)
        session.flush()
        session.add(AccountRole(account_id=account.id, role="data_office"))


def work(site: Any) -> None:
    """What the worker does with the list."""
    with site.database.read() as session:
        wave = waves.find(session, "2027")
        upload, task = uploads.latest(session, wave), tasks.latest(session, wave, Job.FRAME)
    assert upload is not None
    assert task is not None
    intake.run(site.database, site.keys, "2027", upload.id, actor=EMAIL, now=datetime.now(UTC))
    with site.database.begin() as session:
        tasks.end(session, task.id, now=datetime.now(UTC))


def test_a_list_goes_in_from_a_phone_and_its_faulty_row_is_named(
    site: Any, open_phone: Callable[..., Page], tmp_path: Path
) -> None:
    prepare(site)
    file = tmp_path / "danh-sach.csv"
    file.write_text(LIST, encoding="utf-8")
    page = open_phone(javascript=False)
    page.goto(f"{site.url}/prepare/2027/list")
    page.locator("[name=email]").fill(EMAIL)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form > button").click()
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Gửi").click()
    expect(page.locator("#running")).to_contain_text("Danh sách hồ sơ")
    work(site)
    page.goto(f"{site.url}/prepare/2027/list")
    expect(page.locator(".rows")).to_contain_text("dòng 3")
    page.locator("#document").fill("1/BB, 10/3/2027, Đỗ Thị Liệu")
    page.get_by_role("button", name="Ký xác nhận").click()
    expect(page.locator("main")).to_contain_text("Đỗ Thị Liệu")
    looked = open_phone()
    looked.context.add_cookies(page.context.cookies())  # axe is a script
    looked.goto(f"{site.url}/prepare/2027/list")
    assert Axe().run(looked)["violations"] == []
