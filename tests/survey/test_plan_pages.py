"""The sample plan on its page: asked for, computed by the worker, kept by versions, agreed to by two agencies."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from survey.db import Database
from survey.errors.staff import ApprovalsMissing
from survey.errors.waves import DocumentMissing, PlanDecides, PlanMissing, PlanOutdated
from survey.model.base import new_id
from survey.model.frame import Dossier
from survey.model.staff import Account
from survey.model.wave import Wave
from survey.stages import audit, coverage, plans, samples, waves

SignIn = Callable[..., Any]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
DOCUMENT = "12/QĐ-SNV, 05/3/2026, Giám đốc"
UNITS = {"98-01": 900, "98-02": 400, "98-03": 40}


@pytest.fixture
def prepared(database: Database, prepare_wave: Callable[..., Wave]) -> Database:
    """A real wave in preparation, its lists signed for."""
    with database.begin() as session:
        wave = prepare_wave(session, UNITS)
        wave.kind = "real"  # its scheme and form are tried elsewhere
        for unit, number in UNITS.items():
            add_dossiers(session, wave, unit, number)
        session.flush()
        coverage.sign(session, wave, by="A", actor="test", now=NOW, document=DOCUMENT)
    return database


def add_dossiers(session: Any, wave: Wave, unit: str, number: int) -> None:
    session.add_all(Dossier(
        wave_id=wave.id, code_mark=new_id(), linked_mark=None, person_mark=new_id(), unit_code=unit, field="F",
        procedure_code=None, point_of_service=None, finished_on=wave.period_to, timing="on_time", outcome="granted",
        channel="counter", applicant="person", sex="U", age_band="", commune=None, phone=b"x", email=None, name=None,
        address=None,
    ) for _ in range(number))  # fmt: skip


@pytest.fixture
def offices(prepared: Database, signed_in: SignIn) -> dict[str, Any]:
    made = {role: signed_in(role) for role in ("survey_office", "oversight")}
    with prepared.begin() as session:
        for role in made:
            mine = Account.email.like(f"{role}.%")
            session.execute(update(Account).where(mine).values(agency=f"Cơ quan {role}"))
    return made


PAGE = "/prepare/w/plan"
AGREE = f"{PAGE}/agree"


def send(client: Any, action: str, values: dict[str, str]) -> int:
    """Send the page's first form that leads there."""
    client.get(PAGE)
    number = next(n for n, form in enumerate(client.page.iter("form")) if form.get("action") == action)
    return int(client.submit(PAGE, values, form=number).status_code)


def text(client: Any) -> str:
    return " ".join("".join(client.page.itertext()).split())


def draw(database: Database, rate: float | None = None, document: str | None = DOCUMENT) -> int:
    with database.begin() as session:
        found = samples.draw(
            session, waves.find(session, "w"), seed=1, response_rate=rate, document=document, actor="t", now=NOW
        )
        return sum(one["size"] for one in found.allocation["strata"].values())


def test_a_real_wave_is_drawn_as_two_agencies_agreed_and_not_before(
    work: Callable[[], None], prepared: Database, offices: dict[str, Any]
) -> None:
    office, oversight = offices["survey_office"], offices["oversight"]
    with pytest.raises(PlanMissing):
        draw(prepared)
    wish = {"rule": "width", "points": "8", "response": "25", "share": "85"}
    assert send(office, PAGE, {**wish, "points": "tám"}) == 422
    assert send(office, PAGE, wish) == 303
    work()
    office.get(PAGE)
    assert "mời 30 người" in text(office)
    assert [one for one in office.page.iter() if one.get("role") == "img"]
    with pytest.raises(ApprovalsMissing):
        draw(prepared)
    agree = {"document": DOCUMENT}
    assert send(office, AGREE, agree | {"seen": "0" * 64}) == 422  # of another version
    assert send(office, AGREE, agree) == 303
    assert send(office, AGREE, agree) == 422  # the second voice of one agency
    with pytest.raises(ApprovalsMissing):
        draw(prepared)
    assert send(oversight, AGREE, agree) == 303
    with pytest.raises(PlanDecides):
        draw(prepared, 0.5)
    with pytest.raises(DocumentMissing):
        draw(prepared, document=None)
    with prepared.read() as session:
        wanted = sum(row["invitations"] for row in plans.newest(session, waves.find(session, "w")).rows)
    assert draw(prepared) == wanted
    with prepared.read() as session:
        assert waves.find(session, "w").documents == [DOCUMENT]
        assert json.loads(audit.newest_entries(session, before=None, most=1)[0].detail)["document"] == DOCUMENT
    oversight.get("/prepare")
    assert "đã được thống nhất" in text(oversight)


def test_an_agreement_ends_with_the_lists_that_it_was_given_for_and_an_older_version_comes_back(
    work: Callable[[], None], prepared: Database, offices: dict[str, Any]
) -> None:
    office = offices["survey_office"]
    for points in ("8", "6"):
        send(office, PAGE, {"rule": "width", "points": points, "response": "25", "share": "85"})
        work()
    assert send(office, f"{PAGE}/again", {"version": "1"}) == 303
    with prepared.read() as session:
        kept = plans.versions(session, waves.find(session, "w"))
        assert [one.version for one in kept] == [3, 2, 1]
        assert kept[0].digest == kept[2].digest != kept[1].digest
    for client in offices.values():
        assert send(client, AGREE, {"document": DOCUMENT}) == 303
    with prepared.begin() as session:
        wave = waves.find(session, "w")
        add_dossiers(session, wave, "98-03", 5)
        session.flush()
        coverage.sign(session, wave, by="A", actor="test", now=NOW, document=DOCUMENT)
    with pytest.raises(PlanOutdated):
        draw(prepared)
    offices["oversight"].get(PAGE)
    assert AGREE not in {form.get("action") for form in offices["oversight"].page.iter("form")}
