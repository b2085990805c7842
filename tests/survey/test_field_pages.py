"""The interviewer's phone and the survey office's lists as pages: own people only, and no answer comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from survey.db import Database
from survey.model.audit import AuditEntry
from survey.model.frame import Dossier
from survey.model.interview import Assignment, FieldTally
from survey.model.recontact import Recontact, WaitingMatch
from survey.model.response import SpentMark, Spooled
from survey.model.topup import TopUp
from survey.stages import assignments, matches, openings, recontacts, topups, waves

SignIn = Callable[..., FlaskClient]
MINUTES = "14/BB-MTTQ, 12/3/2026, Phó Chủ tịch"
JSON = {"Accept": "application/json"}
HOME, WAVE = "/staff/field", "2026-citizens"
EVERY = Path(__file__).parent / "data" / "every-type.toml"


@pytest.fixture
def people(app: Flask, database: Database, go_to_the_field: Callable[..., Any]) -> Any:
    """The open waves; citizens may be visited, one of them has a name that a browser must not run."""
    site = app.extensions["survey"]
    field = go_to_the_field(database, site.keys, site.clock())
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        wave.settings = {**wave.settings, "modes": ["link", "interviewer"]}
        for dossier in session.scalars(select(Dossier)):
            dossier.name = site.keys.installation.hide("<script>alert(1)</script> Bà Năm")
            dossier.address = site.keys.installation.hide("Ấp 3, xã Minh Họa")
    return field


def share_out(app: Flask, database: Database) -> None:
    site = app.extensions["survey"]
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        key, accounts = site.keys.wave(wave.id), assignments.interviewers(session)
        portions = assignments.plan(session, wave, key, seed=1, units=(), accounts=accounts, most=None)
        assignments.assign(session, wave, key, portions, seed=1, actor="office", now=site.clock())


def cases_on(client: FlaskClient) -> list[str]:
    client.get(HOME)
    page: ET.Element = client.page  # type: ignore[attr-defined]
    return [one.get("data-case", "") for one in page.iter("details")]


def text_of(client: FlaskClient) -> str:
    page: ET.Element = client.page  # type: ignore[attr-defined]
    return " ".join("".join(page.itertext()).split())


def token_of(client: FlaskClient) -> str:
    client.get(HOME)
    return client.form()["csrf_token"]  # type: ignore[attr-defined,no-any-return]


def count(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_an_interview_by_hand_from_the_list_to_the_end_shows_no_answer_again(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    client = signed_in("interviewer")
    share_out(app, database)
    (case, other, *_rest) = cases_on(client)
    assert "Ấp 3, xã Minh Họa" in text_of(client)
    client.get(f"{HOME}/form/{WAVE}?case={case}")
    values = {**client.form(1), "S15": "4", "S16": "2", "sex": "F"}  # type: ignore[attr-defined]
    done = client.post(f"{HOME}/{case}/answer", data=values)
    assert (done.status_code, done.location) == (303, f"{HOME}?told=answer")
    assert count(database, SpentMark) == 1
    client.get(HOME)
    assert "phỏng vấn xong" in text_of(client).lower()
    again = client.post(f"{HOME}/{case}/answer", data=values)
    assert again.location == f"{HOME}?told=answer"  # sent twice, stored once
    assert client.post(f"{HOME}/{case}/answer", data={**values, "S15": "1"}).location == f"{HOME}?told=changed"
    assert count(database, SpentMark) == 1
    client.get(f"{HOME}/form/{WAVE}?case={case}")
    assert not [one for one in client.page.iter("input") if "checked" in one.attrib]  # type: ignore[attr-defined]
    odd = client.post(f"{HOME}/{other}/answer", data={**client.form(1), "S15": "9"})  # type: ignore[attr-defined]
    assert odd.status_code == 422


def test_who_agreed_to_a_comparison_need_not_be_asked_again_when_the_form_comes_back(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    client = signed_in("interviewer")
    share_out(app, database)
    with database.begin() as session:
        site, wave = app.extensions["survey"], waves.find(session, WAVE)
        recontacts.draw(session, wave, site.keys, seed=1, share=0.5, document=MINUTES, actor="x", now=site.clock())
    case = cases_on(client)[0]
    for agreed in ({"compare": "1"}, {}):
        client.get(f"{HOME}/form/{WAVE}?case={case}")
        odd = client.post(f"{HOME}/{case}/answer", data={**client.form(1), "S15": "9", **agreed})  # type: ignore[attr-defined]
        [box] = [one for one in client.page.iter("input") if one.get("name") == "compare"]  # type: ignore[attr-defined]
        assert (odd.status_code, "checked" in box.attrib) == (422, bool(agreed))


def test_the_script_is_told_by_status_alone_and_a_foreign_person_is_nobody(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    first, second = signed_in("interviewer"), signed_in("interviewer", "oversight")
    share_out(app, database)
    (case, *_rest), (foreign, *_others) = cases_on(first), cases_on(second)
    token = token_of(first)
    sent = {"csrf_token": token, "sending": "k" * 32, "outcome": "no_contact", "at": "2026-03-10T01:00:00.000Z"}
    for _ in range(2):
        assert first.post(f"{HOME}/{case}/attempt", data=sent, headers=JSON).status_code == 204
    for path, data in ((f"{HOME}/{foreign}/attempt", sent), (f"{HOME}/{foreign}/answer", {**sent, "S15": "4"})):
        data = {name: value for name, value in data.items() if name != "outcome" or path.endswith("attempt")}
        assert first.post(path, data=data, headers=JSON).status_code == 410
    assert first.get(f"{HOME}/form/{WAVE}?case={foreign}").status_code == 404
    late = {**sent, "sending": "l" * 32, "outcome": "callback"}
    assert first.post(f"{HOME}/{case}/attempt", data=late, headers=JSON).status_code == 422
    assert first.post(f"{HOME}/{case}/attempt", data={**sent, "outcome": "complete"}, headers=JSON).status_code == 422
    first.get(HOME)
    assert "08:00" in text_of(first)  # when it was, not when it was sent
    with database.read() as session:
        tried = select(func.sum(FieldTally.attempts)).where(FieldTally.outcome == "no_contact")
        assert session.scalar(tried) == 1


def test_list_and_form_are_one_small_page_each_that_a_phone_may_keep(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    client = signed_in("interviewer")
    share_out(app, database)
    assert len(cases_on(client)) == 12
    packed = {"Accept-Encoding": "gzip"}
    assert len(client.get(HOME, headers=packed).data) < 12_000
    kept = client.get(f"{HOME}/form/{WAVE}", headers=packed)
    assert len(kept.data) < 14_336
    assert "Bà Năm" not in text_of(client)  # the kept form is nobody's
    worker = client.get(f"{HOME}/worker.js")
    assert worker.headers["Service-Worker-Allowed"] == HOME
    assert client.get(f"{HOME}/form/2026-officials").status_code == 404


def test_the_office_sees_what_a_seed_would_give_and_shares_out_without_a_name(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    office, path = signed_in("survey_office"), f"/staff/interviewers/{WAVE}"
    assert office.submit(path, {"seed": "7", "step": "show"}, form=1).status_code == 422  # there is no interviewer
    signed_in("interviewer")
    assert office.submit(path, {"seed": "x", "step": "assign"}, form=1).status_code == 422
    assert office.submit(path, {"seed": "7", "most": "10", "unit": "", "step": "show"}, form=1).status_code == 200
    assert "10 người" in text_of(office)
    assert count(database, Assignment) == 0
    assert office.submit(path, {"seed": "7", "most": "10", "unit": "", "step": "assign"}, form=1).status_code == 303
    assert count(database, Assignment) == 10
    office.get(path)
    assert "Bà Năm" not in text_of(office)
    assert re.search("Nguyễn Thị Thử", text_of(office))
    office.get("/staff/interviewers")
    assert WAVE in text_of(office)


def test_an_enumerator_counts_visitors_and_hands_over_the_form_to_the_chosen_one_alone(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    client, site = signed_in("interviewer"), app.extensions["survey"]
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        wave.settings = {**wave.settings, "modes": ["link", "intercept"]}
        row = topups.create(
            session, wave, unit="98-01", point_of_service=None, every=2, email="interviewer.none@example.vn", seed=1,
            actor="office", now=site.clock(),
        )  # fmt: skip
        row.start, place = 1, f"/staff/topups/{row.id.hex()}"
    client.get("/staff/topups")
    client.get(f"{place}/form")
    early = {**client.form(1), "S15": "4"}  # type: ignore[attr-defined]
    assert client.post(f"{place}/form", data=early).location == f"{place}?told=none"
    assert client.submit(place, {"step": "visitor"}, form=1).location == f"{place}?told=ask"
    client.get(f"{place}?told=ask")
    assert "Hãy mời người này trả lời." in text_of(client)
    client.get(f"{place}/form")
    values = {**client.form(1), "S15": "4"}  # type: ignore[attr-defined]
    for _ in range(2):  # the button was pressed twice
        assert client.post(f"{place}/form", data=values).location == f"{place}?told=answer"
    assert client.submit(place, {"step": "visitor"}, form=1).location == f"{place}?told=pass"
    assert client.post(place, data={"csrf_token": values["csrf_token"], "step": "refused"}).location.endswith("none")
    with database.read() as session:
        row = session.scalars(select(TopUp)).one()
        assert (row.visitors, row.chosen, row.completed) == (2, 1, 1)
    assert signed_in("interviewer", "oversight").get(place).status_code == 404


def test_the_office_enters_the_visitors_whom_nobody_counted_and_the_board_asks_for_it(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    office, site = signed_in("survey_office"), app.extensions["survey"]
    signed_in("interviewer")
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        wave.settings = {**wave.settings, "modes": ["link", "intercept"]}
        row = topups.create(
            session, wave, unit="98-01", point_of_service=None, every=1, email="interviewer.none@example.vn", seed=1,
            actor="office", now=site.clock(),
        )  # fmt: skip
        row.visitors = row.chosen = row.completed = 12
    board, path = f"/coordinate/{WAVE}", f"/coordinate/{WAVE}/visitors"
    office.get(board)
    assert "chưa đếm số người đến" in text_of(office)
    assert office.submit(path, {"visitors": "11"}, form=1).status_code == 422
    assert office.submit(path, {"visitors": "x"}, form=1).status_code == 422
    assert office.submit(path, {"visitors": "80"}, form=1).status_code == 303
    office.get(path)
    assert "80" in text_of(office)
    office.get(board)
    assert "chưa đếm số người đến" not in text_of(office)


def test_oversight_records_a_call_and_every_respondent_was_told_of_it(
    app: Flask, client: FlaskClient, signed_in: SignIn, people: Any, database: Database
) -> None:
    site, oversight = app.extensions["survey"], signed_in("oversight")
    client.get(f"/k/{people.personal[0]}")
    assert "gọi kiểm tra" not in text_of(client)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        recontacts.draw(session, wave, site.keys, seed=1, share=0.1, document=MINUTES, actor="x", now=site.clock())
    client.get(f"/k/{people.personal[0]}")
    assert "gọi kiểm tra" in text_of(client)
    oversight.get("/staff/recontact")
    oversight.get("/staff/recontact")
    with database.read() as session:
        shown = session.scalars(select(AuditEntry.subject).where(AuditEntry.action == "contacts.show")).all()
    assert list(shown) == [WAVE], "who was shown names and phones stands in the log, once a day"
    (case, *_rest) = [one.get("id", "")[2:] for one in oversight.page.iter("details")]  # type: ignore[attr-defined]
    token = oversight.form(1)["csrf_token"]  # type: ignore[attr-defined]
    path, said = f"/staff/recontact/{case}", {"csrf_token": token, "asked": "link", "filed": "yes"}
    assert oversight.post(path, data=said).location.endswith("told=odd")
    unasked = {"csrf_token": token, "call": "done"}
    assert oversight.post(path, data=unasked).location.endswith("told=odd")
    assert oversight.post(path, data={**unasked, "call": "refused"}).location.endswith("told=call")
    assert oversight.post(path, data={**said, "call": "done"}).location.endswith("told=call")
    assert oversight.post(path, data={**said, "call": "done"}).location.endswith("told=ended")
    assert oversight.post("/staff/recontact/" + "0" * 32, data={**said, "call": "done"}).status_code == 404


def test_everybody_is_asked_to_agree_so_that_no_page_tells_who_is_drawn_and_of_others_nothing_is_held(
    app: Flask, client: FlaskClient, signed_in: SignIn, people: Any, database: Database
) -> None:
    site, interviewer = app.extensions["survey"], signed_in("interviewer")
    share_out(app, database)
    interviewer.get(f"{HOME}/form/{WAVE}")
    assert "Người được hỏi đồng ý" not in text_of(interviewer)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        recontacts.draw(session, wave, site.keys, seed=1, share=0.5, document=MINUTES, actor="x", now=site.clock())
        items = wave.settings[matches.SETTING]["items"]
        key, identity = site.keys.wave(wave.id), wave.id
        drawn = set(session.scalars(select(Recontact.mark)))
        subjects = {code: openings.open_link(session, site.keys, code, now=site.clock()).subject
                    for code in people.personal}  # fmt: skip
    asked = []
    for code, subject in subjects.items():
        client.get(f"/k/{code}")
        assert "compare" in client.get(f"/k/{code}").text
        begun = client.post(f"/k/{code}", data=client.form(), headers=JSON).json["form"]  # type: ignore
        client.get(f"/k/{code}/review")
        assert "compare" in {one.get("name") for one in client.page.iter("input")}  # type: ignore[attr-defined]
        assert "compare" in begun
        asked += [code] * (matches.mark_of(key, subject) in drawn)
    assert len(asked) == 6
    agreed, silent, visited = asked[:3]
    undrawn = next(code for code in subjects if code not in asked)
    client.get(f"/k/{undrawn}/review")
    assert client.post(f"/k/{undrawn}/review", data={**client.form(), "compare": "1"}).status_code == 200  # type: ignore[attr-defined]
    client.get(f"/k/{agreed}/review")
    assert "compare" not in client.form()  # type: ignore[attr-defined]  # nothing is ticked beforehand
    stale = {**client.form(), "compare": "1", "seen": "-"}  # type: ignore[attr-defined]
    client.post(f"/k/{agreed}/review", data=stale)
    assert client.form()["compare"] == "1"  # type: ignore[attr-defined]  # what was ticked stays
    assert client.post(f"/k/{agreed}/review", data=client.form()).status_code == 200  # type: ignore[attr-defined]
    client.get(f"/k/{silent}/review")
    assert client.post(f"/k/{silent}/review", data=client.form()).status_code == 200  # type: ignore[attr-defined]
    case = assignments.mark_of(key, subjects[visited]).hex()
    interviewer.get(f"{HOME}/form/{WAVE}?case={case}")
    assert "Người được hỏi đồng ý" in text_of(interviewer)
    values = {**interviewer.form(1), **dict.fromkeys(items, "4"), "compare": "1"}  # type: ignore[attr-defined]
    assert interviewer.post(f"{HOME}/{case}/answer", data=values).location == f"{HOME}?told=answer"
    with database.read() as session:
        once = site.keys.once(identity)
        pieces = [json.loads(once.open(sealed)) for sealed in session.scalars(select(WaitingMatch.sealed))]
    assert sorted(len(one) for one in pieces) == [0, 0, 4, 4]
    assert {one["mark"] for one in pieces if one and not one["asked"]} == {
        matches.mark_of(key, subjects[agreed]).hex()
    }  # fmt: skip


def test_an_interview_asks_in_a_random_order_and_tells_which(
    app: Flask, signed_in: SignIn, people: Any, database: Database
) -> None:
    with database.begin() as session:
        waves.find(session, WAVE).instrument = EVERY.read_text(encoding="utf-8")
    client: Any = signed_in("interviewer")
    share_out(app, database)
    orders, cases = set(), cases_on(client)
    for case in cases[:9]:
        client.get(f"{HOME}/form/{WAVE}?case={case}")
        values = client.form(1)
        stand = [one.get("id") for one in client.page.iter("fieldset") if one.get("id") in ("S1", "S2", "S3")]
        assert values["order"] == " ".join(stand)
        orders.add(values["order"])
    assert len(orders) > 1
    for case, order in zip(cases, ("S3 S1 S2", "S1 S1 S2"), strict=False):  # the second tells nonsense
        sent = {**values, "sending": case, "order": order, "S1": "4", "S2": "2"}
        assert client.post(f"{HOME}/{case}/answer", data=sent).location == f"{HOME}?told=answer"
    with database.read() as session:
        rows = session.execute(select(Spooled.wave_id, Spooled.sealed)).all()
    opened = [json.loads(app.extensions["survey"].keys.wave(wave).open(sealed)) for wave, sealed in rows]
    assert [one["order"] for one in opened if "order" in one] == [{"S1": [2, "4"], "S2": [3, "2"]}]
