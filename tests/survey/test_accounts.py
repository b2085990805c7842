"""Accounts: invitations, second factors, recovery, lockout, sessions and what an administrator may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from survey.app import create_app
from survey.config import Settings
from survey.db import Database
from survey.errors.staff import AddressRefused, RolesApart, UnitNeeded
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.staff import Account, AccountLink, SpareCode, StaffSession
from survey.model.unit import Unit
from survey.queue import open_queue
from survey.stages import accounts, factors, staff

SignIn = Callable[..., FlaskClient]
Later = Callable[[timedelta], Flask]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PASSWORD, NEW = "mot cau du dai de thu", "hai con tho tren cat"
PERSON = {"email": "lan@snv.example.vn", "name": "Phạm Lan", "agency": "Thanh tra tỉnh", "roles": "oversight"}
OWNER = "survey_office.none@example.vn"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def later(app: Flask, settings: Settings, database: Database) -> Later:
    """The same site some time after."""

    def made(after: timedelta, **changed: Any) -> Flask:
        clock = app.extensions["survey"].clock
        built = create_app(replace(settings, **changed), database=database, clock=lambda: clock() + after)
        built.test_client_class = app.test_client_class
        return built

    return made


def said(client: FlaskClient) -> str:
    return " ".join("".join(client.page.itertext()).split())  # type: ignore[attr-defined]


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD, target: str = "/staff/sign-in") -> Any:
    return client.submit(target, {"email": email, "password": password})


def enrol(client: FlaskClient, app: Flask, email: str) -> tuple[pyotp.TOTP, list[str]]:
    """Set the second factor up as a person does; the app on the telephone and the spare codes."""
    assert client.submit("/staff/me/factor", {"present": PASSWORD}, form=1).status_code == 303
    client.get("/staff/me/factor")
    letters = next(one.text for one in client.page.iter("code"))  # type: ignore[attr-defined]
    telephone = pyotp.TOTP(str(letters))
    code = telephone.at(app.extensions["survey"].clock())
    assert client.submit("/staff/me/factor", {"code": code}, form=1).status_code == 200
    return telephone, [str(one.text) for one in client.page.iter("code")]  # type: ignore[attr-defined]


def invited(admin: FlaskClient, **changed: str) -> str:
    assert admin.submit("/staff/accounts/new", {**PERSON, **changed}, form=1).status_code == 200
    page = admin.page  # type: ignore[attr-defined]
    return next(str(one.text) for one in page.iter("p") if one.get("id") == "link-shown").split("8000", 1)[1]


def test_an_invitation_is_shown_once_opens_one_account_and_is_not_used_up_by_looking(
    app: Flask, signed_in: SignIn, database: Database
) -> None:
    link = invited(signed_in("admin"))
    person = app.test_client()
    for _ in range(3):
        assert person.get(link).status_code == 200  # a scanner of mails opens it too
    assert "Phạm Lan" not in said(person)
    assert person.submit(link, {"password": "ngan"}).status_code == 422
    assert person.submit(link, {"password": "lan.snv lan@snv x"}).status_code == 303  # `lan` is too short to matter
    assert person.get(link).status_code == 410
    assert sign_in(person, PERSON["email"], "lan.snv lan@snv x").status_code == 303
    assert person.get("/staff/accounts").status_code == 200
    with database.read() as session:
        assert session.scalars(select(AccountLink)).all() == []
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.subject == PERSON["email"])))
    assert actions == ["account.create", "account.invitation", "account.password", "account.sign_in"]


def test_an_invitation_ends_after_a_week_and_when_a_newer_one_is_made(
    app: Flask, later: Later, signed_in: SignIn, database: Database
) -> None:
    admin = signed_in("admin")
    first = invited(admin)
    assert later(timedelta(days=7, seconds=1)).test_client().get(first).status_code == 410
    with database.read() as session:
        number = session.scalars(select(Account).where(Account.email == PERSON["email"])).one().id.hex()
    assert admin.submit(f"/staff/accounts/{number}", {"way": "shown"}, form=2).status_code == 200
    assert app.test_client().get(first).status_code == 410
    assert app.test_client().get("/staff/link/" + "x" * 43).status_code == 410


def test_a_code_of_the_telephone_is_asked_for_and_taken_once(app: Flask, later: Later, signed_in: SignIn) -> None:
    telephone, spare = enrol(signed_in("survey_office"), app, OWNER)
    assert len(spare) == 10
    after = later(timedelta(minutes=2))
    code = telephone.at(after.extensions["survey"].clock())
    one, two = after.test_client(), after.test_client()
    for client in (one, two):
        assert sign_in(client, OWNER).location == "/staff/second"
        assert client.get("/coordinate").status_code == 303  # half a session opens nothing
    half = one.get_cookie("staff")
    assert one.submit("/staff/second", {"code": code}).location == "/staff/"
    assert one.get("/coordinate").status_code == 200
    assert half != one.get_cookie("staff")  # the whole session has a token of its own
    assert two.submit("/staff/second", {"code": code}).status_code == 422
    assert two.submit("/staff/second", {"code": spare[3]}).status_code == 303
    three = after.test_client()
    sign_in(three, OWNER)
    assert three.submit("/staff/second", {"code": spare[3]}).status_code == 422


def test_wrong_codes_count_like_wrong_passwords(app: Flask, later: Later, signed_in: SignIn) -> None:
    telephone, _spare = enrol(signed_in("survey_office"), app, OWNER)
    thief = later(timedelta(minutes=2)).test_client()
    sign_in(thief, OWNER)
    for _ in range(5):
        assert thief.submit("/staff/second", {"code": "000000"}).status_code in {303, 422}
    assert thief.get("/staff/second").status_code == 303  # half a session is over
    assert sign_in(thief, OWNER).status_code == 422
    again = later(timedelta(minutes=3)).test_client()
    assert sign_in(again, OWNER).location == "/staff/second"
    assert again.submit("/staff/second", {"code": telephone.at(1)}).status_code == 422


def test_pauses_grow_for_strangers_and_the_owner_still_gets_in(app: Flask, later: Later, signed_in: SignIn) -> None:
    owner = signed_in("survey_office")
    at, pauses = timedelta(), []
    for _round in range(2):
        stranger = later(at).test_client()
        while sign_in(stranger, OWNER, "a wrong password").status_code == 422:
            with app.extensions["survey"].database.read() as session:
                until = session.scalars(select(Account.locked_until)).one()
            if until is not None and until > app.extensions["survey"].clock() + at:
                break
        pauses.append(until - app.extensions["survey"].clock() - at)
        assert sign_in(stranger, OWNER).status_code == 422  # the right password does not help meanwhile
        known = later(at).test_client()
        cookie = owner.get_cookie("known", path="/staff")
        assert cookie is not None
        known.set_cookie("known", cookie.value, path="/staff")
        assert sign_in(known, OWNER).status_code == 303
        with app.extensions["survey"].database.begin() as session:
            session.scalars(select(Account)).one().failures = 5 + len(pauses)
        at += timedelta(hours=2)
    assert pauses == [timedelta(seconds=30), timedelta(seconds=120)]


def test_recovery_says_the_same_for_every_address_and_lies_in_no_queue(
    app: Flask, signed_in: SignIn, settings: Settings, database: Database
) -> None:
    signed_in("survey_office")
    told = []
    for email in (OWNER, "nobody@example.vn"):
        client = app.test_client()
        response = client.submit("/staff/recover", {"email": email})
        told.append((response.status_code, response.location, len(response.get_data())))
    assert told[0] == told[1]
    assert len(open_queue(settings)) == 2  # the worker alone looks whether there is an account
    with database.read() as session:
        assert session.scalars(select(AccountLink)).all() == []


def test_a_recovered_password_ends_sessions_and_keeps_the_second_factor(
    app: Flask, signed_in: SignIn, database: Database, now: Any
) -> None:
    old = signed_in("survey_office")
    enrol(old, app, OWNER)
    with database.begin() as session:
        found = accounts.recovery_for(session, OWNER.upper(), now=now, again=False)
        assert found is not None
        assert accounts.recovery_for(session, OWNER, now=now, again=False) is None  # one letter in five minutes
    client = app.test_client()
    assert client.submit(f"/staff/link/{found[1]}", {"password": NEW}).status_code == 303
    assert old.get("/staff/").status_code == 303
    assert sign_in(client, OWNER).status_code == 422
    assert sign_in(client, OWNER, NEW).location == "/staff/second"


def test_who_decides_sets_up_a_second_factor_before_anything_else(
    app: Flask, later: Later, signed_in: SignIn, settings: Settings
) -> None:
    signed_in("survey_office")
    signed_in("interviewer")
    strict = later(timedelta(), second_factor="required")
    person, other = strict.test_client(), strict.test_client()
    sign_in(person, OWNER)
    for page in ("/coordinate", "/staff/", "/staff/me"):
        assert person.get(page).location == "/staff/me/factor"
    enrol(person, strict, OWNER)
    assert person.get("/coordinate").status_code == 200
    sign_in(other, "interviewer.none@example.vn")
    assert other.get("/staff/papers").status_code == 200
    assert not settings.asks_second_factor  # a try-out on this machine
    assert settings.with_base_url("https://khaosat.example.vn").asks_second_factor


def test_a_second_factor_is_begun_by_who_knows_the_password(signed_in: SignIn, database: Database) -> None:
    thief = signed_in("survey_office")
    assert thief.submit("/staff/me/factor", {"present": "a wrong password"}, form=1).status_code == 422
    with database.read() as session:
        assert session.scalars(select(SpareCode)).all() == []


def test_each_browser_is_listed_and_signed_out_alone(app: Flask, signed_in: SignIn, database: Database) -> None:
    mine = signed_in("survey_office")
    lost = app.test_client()
    lost.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Linux; Android 14) <script> Chrome/130 Mobile"
    sign_in(lost, OWNER)
    signed_in("interviewer")
    mine.get("/staff/me")
    assert "Chrome, Android" in said(mine)
    assert mine.submit("/staff/me", form=1).status_code == 303
    assert lost.get("/staff/").status_code == 303
    assert mine.get("/staff/").status_code == 200
    with database.read() as session:
        owner = select(Account.id).where(Account.email != OWNER)
        other = session.scalars(select(StaffSession).where(StaffSession.account_id.in_(owner))).one()
    token = mine.form(0)["csrf_token"]
    assert mine.post(f"/staff/me/sessions/{other.token_hash.hex()}/end", data={"csrf_token": token}).status_code == 303
    with database.read() as session:
        assert len(session.scalars(select(StaffSession)).all()) == 2  # nobody ends another's


def test_a_change_of_rights_ends_the_sessions_and_stands_in_the_log(signed_in: SignIn, database: Database) -> None:
    admin, person = signed_in("admin"), signed_in("survey_office")
    with database.read() as session:
        number = session.scalars(select(Account).where(Account.email == OWNER)).one().id.hex()
    changed = {"roles": "interviewer", "active": "y"}
    assert admin.submit(f"/staff/accounts/{number}", changed, form=1).status_code == 303
    assert person.get("/staff/").status_code == 303
    with database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.change")).one()
        assert '"after":{"active":true,"agency":"Sở Nội vụ","roles":["interviewer"]' in entry.detail
    admin.get(f"/staff/accounts/{number}")
    values = {name: value for name, value in admin.form(1).items() if name != "active"}
    assert admin.post(f"/staff/accounts/{number}", data={**values, "roles": "interviewer"}).status_code == 303
    assert sign_in(person, OWNER).status_code == 422


def test_an_administrator_changes_neither_the_own_rights_nor_gives_others_to_an_administrator(
    signed_in: SignIn, database: Database
) -> None:
    admin = signed_in("admin")
    with database.read() as session:
        number = session.scalars(select(Account)).one().id.hex()
    admin.get(f"/staff/accounts/{number}")
    values = {"csrf_token": admin.form(0)["csrf_token"], "name": "X", "agency": "Y", "roles": "lead_agency"}
    for page in ("", "/link", "/factor"):
        assert admin.post(f"/staff/accounts/{number}{page}", data=values).status_code in {403, 422}
    for roles in (["admin", "survey_office"], ["data_office", "lead_agency"], ["oversight", "survey_office"], []):
        with pytest.raises(RolesApart):
            accounts.check_roles(roles, "98-01")
    for role in ("lead_agency", "rated_unit"):
        with pytest.raises(UnitNeeded):
            accounts.check_roles([role], None)


@pytest.mark.parametrize(
    "email", ["a@b", "a@b.vn\r\nBcc: c@d.vn", "a@b.vn, c@d.vn", "Lan <a@b.vn>", "a b@c.vn", "@c.vn", "a@c.vn;d@e.vn"]
)
def test_an_address_that_is_more_than_one_address_is_refused(database: Database, now: Any, email: str) -> None:
    values = {key: value for key, value in PERSON.items() if key not in {"email", "roles"}}
    with pytest.raises(AddressRefused), database.begin() as session:
        accounts.invite(session, email=email, roles=["oversight"], unit=None, actor="a", now=now, **values)


def test_names_become_one_line_of_text(database: Database, now: Any) -> None:
    name = "Lan\r\nBcc: x@y.vn\x00 {{7*7}} %(secret)s {0.__class__}"
    with database.begin() as session:
        account, _token = accounts.invite(
            session, email="a@b.vn", name=name, agency="A", roles=["oversight"], unit=None, actor="a", now=now
        )
        assert account.name == "Lan Bcc: x@y.vn {{7*7}} %(secret)s {0.__class__}"


def test_the_secret_of_a_telephone_lies_encrypted(database: Database, now: Any, settings: Settings) -> None:
    key = Keys(settings.keys).installation
    with database.begin() as session:
        session.add(Unit(code="98", name_vi="Tỉnh", name_en="Province", type="province", rated=False))
        account = staff.create_account(
            session, email="a@b.vn", name="A", agency="B", roles=["admin"], password="x" * 12, now=now
        )
        secret = factors.begin(session, key, account)
        stored = session.connection().exec_driver_sql("select next_secret from second_factor").scalar()
    assert isinstance(stored, bytes)
    assert secret.encode() not in stored


def test_oversight_reads_the_log_and_is_told_when_it_was_changed(signed_in: SignIn, database: Database) -> None:
    client = signed_in("oversight")
    assert client.get("/staff/log").status_code == 200
    assert "oversight.none@example.vn: đăng nhập" in said(client)
    assert client.submit("/staff/log", form=1).status_code == 200
    assert "Chuỗi còn nguyên vẹn: 1 dòng" in said(client)
    with database.begin() as session:
        session.connection().exec_driver_sql("update audit_entry set actor = 'x' where number = 1")
    client.submit("/staff/log", form=1)
    assert "Dòng 1 không khớp" in said(client)


@pytest.mark.parametrize(
    ("roles", "leaf"),
    [
        (("oversight", "survey_office"), RolesApart),
        (("admin", "survey_office"), RolesApart),
        (("rated_unit", "interviewer"), RolesApart),
        (("rated_unit",), UnitNeeded),
        (("survey_office", "interviewer"), None),
    ],
)
@pytest.mark.parametrize("door", [accounts.create, accounts.invite])
def test_every_door_gives_one_person_only_roles_that_go_together(
    database: Database, now: datetime, door: Callable[..., Any], roles: tuple[str, ...], leaf: type[Exception] | None
) -> None:
    values = {"email": "a@b.vn", "name": "A", "agency": "Viện", "unit": None, "actor": "t", "now": now}
    values |= {"password": PASSWORD} if door is accounts.create else {}
    with database.begin() as session:
        if leaf is None:
            door(session, roles=roles, **values)
        else:
            with pytest.raises(leaf):
                door(session, roles=roles, **values)
        with pytest.raises(AddressRefused):
            door(session, roles=["oversight"], **(values | {"email": "không phải địa chỉ"}))
