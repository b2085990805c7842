"""Attacks that survey tools have fallen to (RELIABILITY section 1): where each of issue 5 is tried, and those of no
other file.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from survey.config import Settings
from survey.db import Database
from survey.jobs import staff_letter
from survey.model.staff import Account
from survey.model.unit import Unit

SignIn = Callable[..., FlaskClient]
ROOT = Path(__file__).parents[2]
TRIED = {
    "2 script in import messages": ("tests/survey/test_staff_pages.py", "names_of_units_are_text_and_never_markup"),
    "4 formulas in sheets": ("tests/survey/test_exports.py", "no_cell_of_any_file_can_start_a_formula"),
    "5 zip slip and bombs": ("tests/survey/test_sheet.py", "a_workbook_that_would_fill_the_memory_is_refused"),
    "6 entities": ("tests/survey/test_sheet.py", "a_file_that_is_not_a_list_is_refused_whole"),
    "8 requests to inside": ("tests/survey/test_attacks.py", "only_configured_places_are_asked"),
    "9 host header": ("tests/survey/test_attacks.py", "a_forged_host_is_in_no_letter"),
    "10 sibling endpoints": ("tests/survey/test_matrix.py", "every_route_by_every_method_lets_in_whom_the_table_names"),
    "15 sessions": ("tests/survey/test_attacks.py", "a_session_that_somebody_planted_is_nobodys"),
    "15 single sign-on": ("tests/survey/test_single_sign_on.py", "a_token_that_does_not_fit_signs_nobody_in"),
    "21 templates in names": ("tests/survey/test_attacks.py", "what_a_name_says_is_never_run"),
    "21 templates in messages": ("tests/survey/test_channels.py", "what_is_filled_in_is_not_filled_in_again"),
    "24 audit log": ("tests/record/test_audit.py", "the_first_entry_that_does_not_fit_is_named"),
    "24 backups": ("tests/record/test_backup.py", "a_cut_changed_or_foreign_backup_touches_nothing"),
    "25 differences": ("tests/analysis/test_disclosure.py", "nobody_can_subtract_his_way"),
    "27 headers of mail": ("tests/survey/test_channels.py", "a_line_break_in_an_address_or_a_subject_never_becomes"),
    "27 lists of addresses": ("tests/survey/test_accounts.py", "an_address_that_is_more_than_one_address_is_refused"),
    "28 forged receipts": ("tests/survey/test_message_pages.py", "a_signed_receipt_is_noted_and_a_forged_one_is_not"),
    "30 the inside": ("tests/survey/test_attacks.py", "nothing_of_the_inside_is_served"),
}
CALLERS = {  # who may open a connection, each to an address of the installation's own files
    "survey/channels/wire.py", "survey/channels/mail.py", "survey/channels/bounces.py", "survey/sso.py",
}  # fmt: skip
CONNECTING = {"urllib.request", "smtplib", "http.client", "imaplib", "socket", "ftplib", "requests", "httpx"}
OWN_MACHINE = {"survey/cli/doctor.py", "survey/cli/server.py", "survey/cli/trial.py"}


def test_each_attack_is_tried_where_it_is_said_to_be() -> None:
    for name, (file, part) in TRIED.items():
        assert part in (ROOT / file).read_text(encoding="utf-8"), name


def test_only_configured_places_are_asked() -> None:
    """Attack 8: no module that reads a request opens a connection."""
    found = set()
    for path in (ROOT / "survey").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if names & CONNECTING:
            found.add(path.relative_to(ROOT).as_posix())
    assert found - OWN_MACHINE <= CALLERS


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Host"])
def test_a_forged_host_is_in_no_letter(client: FlaskClient, settings: Settings, header: str) -> None:
    """Attack 9: the address in a letter is the installation's, whatever the request said."""
    forged = "host=evil.example" if header == "Forwarded" else "evil.example"
    response = client.get("/staff/recover", headers={header: forged})
    assert response.status_code == (400 if header == "Host" else 200)
    assert "evil.example" not in response.get_data(as_text=True)
    letter = staff_letter.letter(settings, "a@b.vn", "x" * 43)
    assert settings.base_url + "/staff/link/" in letter.text


def test_a_session_that_somebody_planted_is_nobodys(app: Flask, signed_in: SignIn) -> None:
    """Attack 15: fixation, a cookie after sign-out, sign-in without the form's token (login CSRF)."""
    victim = signed_in("survey_office")
    mine = victim.get_cookie("staff")
    assert mine is not None
    other = app.test_client()
    other.set_cookie("staff", "planted.by-somebody")
    values = {"email": "survey_office.none@example.vn", "password": "mot cau du dai de thu"}
    assert other.submit("/staff/sign-in", values).status_code == 303  # type: ignore[attr-defined]
    fresh = other.get_cookie("staff")
    assert fresh is not None
    assert fresh.value not in {"planted.by-somebody", mine.value}
    assert app.test_client().post("/staff/sign-in", data=values).status_code == 400
    victim.submit("/staff/", form=0)  # type: ignore[attr-defined]
    victim.set_cookie("staff", mine.value)
    assert victim.get("/staff/").status_code == 303


@pytest.mark.parametrize(
    "target", ["//evil.example", "https:evil", "/\\evil", "javascript:alert(1)", "/staff/sign-in\r\nX: y"]
)
def test_next_leads_nowhere_else(app: Flask, signed_in: SignIn, target: str) -> None:
    """Attacks 15 and 26, at every door that takes `next`."""
    signed_in("survey_office")
    client, values = app.test_client(), {"email": "survey_office.none@example.vn", "password": "mot cau du dai de thu"}
    client.get("/staff/sign-in", query_string={"next": target})
    token = client.form(0)["csrf_token"]  # type: ignore[attr-defined]
    response = client.post("/staff/sign-in", query_string={"next": target}, data={**values, "csrf_token": token})
    assert response.location == "/staff/"


NAME = "{{config}} %(secret)s {0.__class__} ${7*7} <svg/onload=alert(1)>"


def test_what_a_name_says_is_never_run(signed_in: SignIn, database: Database) -> None:
    """Attack 21: names of people and units are text on every page that shows them."""
    admin = signed_in("admin")
    with database.begin() as session:
        session.add(Unit(code="U", name_vi=NAME, name_en=NAME, type="department", rated=True))
        session.scalars(select(Account)).one().name = NAME
    for page in ("/staff/accounts", "/staff/accounts/new", "/staff/"):
        text = admin.get(page).get_data(as_text=True)
        assert "{{config}} %(secret)s {0.__class__} ${7*7} &lt;svg/onload=alert(1)&gt;" in text
        assert "<svg/onload" not in text


@pytest.mark.parametrize(
    "path", ["/.git/config", "/console", "/debug", "/server-status", "/.env", "/hailong.db", "/admin",
             "/static/../app.py", "/static/%2e%2e/app.py"]
)  # fmt: skip
def test_nothing_of_the_inside_is_served(client: FlaskClient, path: str) -> None:
    """Attack 30."""
    response = client.get(path)
    assert response.status_code == 404
    assert "Traceback" not in response.get_data(as_text=True)
    assert "Werkzeug" not in response.headers.get("Server", "")
