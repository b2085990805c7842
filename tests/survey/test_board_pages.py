"""The board's pages: states in words, a page that renews itself until told not to, the same numbers as data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from survey import precision
from survey.db import Database
from survey.keys import Keys
from survey.model.sample import ClassCell
from survey.stages import api_keys, board, counts, replicates, waves
from survey.stages.api_keys import Scope
from survey.stages.board import Cell, CellProgress
from survey.stages.counts import Event
from survey.web import progress
from survey.web.site import Site

SignIn = Callable[..., FlaskClient]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


@pytest.fixture
def field(app: Flask, database: Database, go_to_the_field: Any) -> Any:
    site: Site = app.extensions["survey"]
    return go_to_the_field(database, Keys(site.settings.keys), NOW)


def test_the_board_leads_to_each_unit_and_its_strata(signed_in: SignIn, field: Any, database: Database) -> None:
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        counts.note(session, wave.id, "98-01|all", Event.DELIVERED, 7)
    client: Any = signed_in("survey_office")
    client.get("/coordinate/2026-citizens")
    told = " ".join("".join(client.page.itertext()).split())
    assert "Việc cần làm hôm nay" in told
    assert "Tiến trình nền không chạy" in told
    client.get("/coordinate/2026-citizens/units/98-01")
    row = next(one for one in client.page.iter("tr") if any(cell.text == "98-01|all" for cell in one))
    assert ["".join(cell.itertext()).strip() for cell in row][1:] == ["12", "12", "0", "0", "7", "0", "0", "0"]
    assert client.get("/coordinate/2026-citizens/units/none").status_code == 404
    assert client.get("/coordinate/2026-officials/units/98-01").status_code == 404


def test_an_open_board_renews_itself_until_it_is_told_not_to(signed_in: SignIn, field: Any) -> None:
    client = signed_in("survey_office")
    assert client.get("/coordinate/2026-citizens").headers["Refresh"] == "60"
    assert client.get("/coordinate/2026-citizens?refresh=5").headers["Refresh"] == "5"
    stopped = client.get("/coordinate/2026-citizens?refresh=off")
    assert "Refresh" not in stopped.headers
    assert client.get("/coordinate/2026-citizens?refresh=1&show=<b>").status_code == 200


def test_the_numbers_come_as_data_and_officials_without_cells(signed_in: SignIn, field: Any) -> None:
    client = signed_in("lead_agency")
    told = client.get("/coordinate/2026-citizens/board.json").get_json()
    first = told["units"][0]
    assert first["cells"][0]["released"] == 12
    assert first["response_rates"]["RR1"] == "0.0000"
    officials = client.get("/coordinate/2026-officials/board.json").get_json()
    names = {"code", "name_vi", "name_en", "target", "released", "completed", "left"}
    assert [set(one) for one in officials["units"]] == [names]


@pytest.mark.parametrize(
    ("completed", "invited", "reachable", "pace", "state"),
    [
        (40, 60, 60, 0.0, "reached"),
        (10, 60, 60, 4.0, "on_track"),
        (10, 60, 90, 0.5, "behind"),
        (10, 60, 60, 0.5, "exhausted"),
        (0, 60, 60, 0.0, "none"),
        (0, 0, 60, 0.0, "waiting"),
    ],
)
def test_a_unit_is_green_by_its_margin_and_behind_by_its_pace(
    app: Flask, field: Any, database: Database, completed: int, invited: int, reachable: int, pace: float, state: str
) -> None:
    with database.read() as session:
        wave = waves.find(session, "2026-citizens")
    aim, number = board.aim(wave), board.items(wave)
    cell = Cell("a", "98-01", 500, reachable, invited, 0, 0, 0, 0, completed, 0)
    half = precision.half_width(aim, number, completed, 500)
    needed = precision.answers_for(aim, number, 500)
    line = CellProgress("98-01", "", "", "department", 30, invited, completed, 0, (cell,), pace, half, needed)
    assert progress.line(wave, aim, line, NOW).state == state


def test_the_curve_ends_where_the_forms_are(app: Flask, field: Any, database: Database) -> None:
    with database.read() as session:
        wave = waves.find(session, "2026-citizens")
    days = {counts.day_of(NOW + timedelta(days=n)): 10 * (n + 1) for n in range(3)}
    drawn = progress.curve(wave, days, 120, is_sum=False)
    assert drawn is not None
    assert drawn.last == 60
    assert drawn.points.endswith(",80.0")  # half of the target is half of the picture
    summed = progress.curve(wave, days, 120, is_sum=True)
    assert summed is not None
    assert summed.last == 30


def test_before_links_are_issued_nobody_is_called_invited(app: Flask, field: Any, database: Database) -> None:
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        session.add(ClassCell(
            wave_id=wave.id, class_code="98-02|all", unit_code="98-02", stratum="98-02", weight_sum=9.0,
            stratum_population=9, population=9, drawn=9, kept=9, reachable=9, invited=0,
        ))  # fmt: skip
    with database.read() as session:
        found = {cell.code: cell for cell in board.cells(session, waves.find(session, "2026-citizens"))}
    assert (found["98-02|all"].released, found["98-02|all"].reserve) == (0, 9)


def key_of(database: Database, scope: Scope) -> dict[str, str]:
    with database.begin() as session:
        text = api_keys.issue(
            session, name="IOC", scopes=[scope], unit=None, expires_at=NOW + timedelta(days=9), actor="t", now=NOW
        )
    return {"Authorization": f"Bearer {text}"}


def test_a_monitoring_centre_reads_the_same_numbers_with_a_key_of_that_scope(
    app: Flask, signed_in: SignIn, field: Any, database: Database
) -> None:
    programs = app.test_client()
    assert programs.get("/metrics").status_code == 401
    assert programs.get("/metrics", headers=key_of(database, Scope.SCORES)).status_code == 403
    head = key_of(database, Scope.PROGRESS)
    told = programs.get("/metrics", headers=head).get_data(as_text=True).splitlines()
    assert 'hailong_invited{wave="2026-citizens",unit="98-01"} 12' in told
    assert 'hailong_completed{wave="2026-officials",unit="HDND"} 0' in told
    assert not [line for line in told if "2026-officials" in line and "opened" in line]
    by_key = programs.get("/api/v1/waves/2026-citizens/board", headers=head).get_json()
    by_page = signed_in("survey_office").get("/coordinate/2026-citizens/board.json").get_json()
    assert by_key["units"][0]["cells"] == by_page["units"][0]["cells"]
    assert by_key["units"][0]["half_width"] == by_page["units"][0]["half_width"]
    officials = programs.get("/api/v1/waves/2026-officials/board", headers=head).get_json()
    assert officials["units"][0]["cells"] is None


@pytest.fixture
def offered(field: Any, database: Database) -> str:
    """Two more people of the class can be invited, and an advice says so."""
    with database.begin() as session:
        session.execute(update(ClassCell).values(reachable=14, population=400))
        wave = waves.find(session, "2026-citizens")
        units = [{"unit": "98-01", "invitations": 2, "before": 12.34, "after": 11.98}]
        told = {"cells": {"98-01|all": 2}, "units": units, "wanted": 8.0, "above": [1, 1], "unspent": 0}
        return replicates.advise(session, wave, told, actor="t", now=NOW).id.hex()


def test_the_gain_is_shown_before_anybody_confirms(signed_in: SignIn, offered: str, database: Database) -> None:
    client: Any = signed_in("survey_office")
    client.get("/coordinate/2026-citizens/release")
    told = " ".join("".join(client.page.itertext()).split())
    assert "±12,3" in told
    assert "±12,0" in told
    assert not [one for one in client.page.iter("input") if one.get("name") in {"person", "dossier", "invitation"}]
    asked = client.submit("/coordinate/2026-citizens/release", {"do": "advise", "count": "20"}, form=1)
    assert asked.location.endswith(f"after={offered}")
    assert client.get(asked.location).headers["Refresh"]  # the worker has it


def test_only_the_survey_office_releases_and_only_what_is_newest(signed_in: SignIn, offered: str) -> None:
    lead: Any = signed_in("lead_agency")
    lead.get("/coordinate/2026-citizens/release")
    assert not [one for one in lead.page.iter("button") if one.get("name") == "do"]
    assert lead.post("/coordinate/2026-citizens/release", data={"do": "confirm"}).status_code in {400, 403}
    office: Any = signed_in("survey_office")
    stale = office.submit("/coordinate/2026-citizens/release", {"do": "confirm", "release": "00" * 16}, form=1)
    assert stale.status_code == 409
    again = office.submit("/coordinate/2026-citizens/release", {"do": "first", "share": "50"}, form=1)
    assert again.status_code == 409  # links are out
