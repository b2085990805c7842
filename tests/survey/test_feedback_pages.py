"""Comments on the staff pages: text stays text, and each account sees what is meant for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from survey.config import Settings
from survey.db import Database
from survey.keys import Keys
from survey.model.feedback import Feedback
from survey.model.wave import Wave
from survey.web.site import Site

SignIn = Callable[..., FlaskClient]
ATTACKS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}{% raw %}",
    "</textarea></li></ul><h1>Tôi</h1>", "javascript:alert(1)", "=HYPERLINK(1)", "&lt;b&gt;",
    "' or 1=1 --", "<!-- ", "]]>", "\u202eđảo", "Bình thường",
)  # fmt: skip
PLACE = "/feedback/2026-citizens/units/98-01"


@pytest.fixture
def field(app: Flask, go_to_the_field: Callable[..., Any], database: Database, settings: Settings) -> Any:
    """A closed wave in which twelve people sent an attack each to the unit."""
    site: Site = app.extensions["survey"]
    found = go_to_the_field(database, Keys(settings.keys), site.clock())
    with database.begin() as session:
        wave = session.scalars(select(Wave).where(Wave.audience == "citizens")).one()
        session.add_all(Feedback(wave_id=wave.id, unit_code="98-01", state="waiting", text=text) for text in ATTACKS)
        session.add_all(Feedback(wave_id=wave.id, unit_code=None, state="released", text="cả tỉnh") for _ in range(10))
    return found


def words(client: FlaskClient, address: str) -> str:
    assert client.get(address).status_code == 200
    return "".join(client.page.itertext())


def test_what_people_wrote_is_shown_as_text(signed_in: SignIn, field: Any) -> None:
    office, unit = signed_in("survey_office"), signed_in("rated_unit", unit="98-01")
    read = words(office, PLACE)
    assert all(text in read for text in ATTACKS)
    assert not list(office.page.iter("img"))
    assert all(text not in words(unit, "/feedback") for text in ATTACKS)  # nobody released them yet
    assert office.submit(PLACE, form=1).status_code == 303
    read = words(unit, "/feedback")
    assert all(text in read for text in ATTACKS)
    assert not list(unit.page.iter("img"))


def test_each_account_sees_what_is_meant_for_it(signed_in: SignIn, field: Any) -> None:
    office = signed_in("survey_office")
    assert office.submit(PLACE, form=1).status_code == 303
    seen = {
        name: words(client, "/feedback")
        for name, client in {
            "unit": signed_in("rated_unit", unit="98-01"),
            "other": signed_in("rated_unit", unit="98-02"),
            "nowhere": signed_in("rated_unit"),
            "lead": signed_in("lead_agency", unit="98-02"),
            "oversight": signed_in("oversight"),
            "office": office,
        }.items()
    }
    assert [name for name, text in seen.items() if ATTACKS[-1] in text] == ["unit"]
    assert [name for name, text in seen.items() if "cả tỉnh" in text] == ["lead"]
    assert [name for name, text in seen.items() if "survey_office.none@example.vn" in text] == ["oversight", "office"]


def test_too_few_are_not_released_and_what_was_ticked_stays(signed_in: SignIn, field: Any, database: Database) -> None:
    office = signed_in("survey_office")
    office.get(PLACE)
    ids = [one.get("value") for one in office.page.iter("input") if one.get("name") == "withhold"]
    assert office.submit(PLACE, {"withhold": ids[:3]}, form=1).status_code == 422
    assert sum("checked" in one.attrib for one in office.page.iter("input")) == 3
    assert office.submit(PLACE, {"withhold": [*ids[:2], "no-number"]}, form=1).status_code == 303
    with database.read() as session:
        states = list(session.scalars(select(Feedback.state).where(Feedback.unit_code == "98-01")))
    assert (states.count("released"), states.count("withheld")) == (10, 2)


def test_nobody_reads_what_waits_for_the_own_unit(signed_in: SignIn, field: Any) -> None:
    own = signed_in("survey_office", unit="98-01")
    assert own.get(PLACE).status_code == 403
    assert "Sở Xây dựng" not in words(own, "/feedback")
    assert signed_in("rated_unit", unit="98-01").get(PLACE).status_code == 403


def test_the_comment_and_its_tick_are_asked_of_citizens_and_kept_until_the_form_is_sent(
    client: Any, field: Any
) -> None:
    link = f"/k/{field.personal[0]}"
    client.submit(link)
    client.submit(link + "/6", {"comment": "Gọi 0912345678", "comment~forward": "yes"})
    client.get(link + "/6")
    [box] = [one for one in client.page.iter("input") if one.get("name") == "comment~forward"]
    assert "checked" in box.attrib
    client.get(f"/k/{field.officials[0]}")
    client.submit(f"/k/{field.officials[0]}")
    assert not list(client.page.iter("textarea"))
