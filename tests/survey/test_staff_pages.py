"""Staff pages: sign-in, who may open what, the board, and results as each account may see them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from analysis.components.sheet import Reason, Status
from survey.db import Database
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.response import Tally
from survey.model.staff import StaffSession
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.scheme import builtin_scheme
from survey.stages import descriptions, exports, results, waves
from survey.stages.staff import Role
from survey.wavefile import read_wave_file
from survey.web import routes, wording
from survey.web.site import Site

SignIn = Callable[..., FlaskClient]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
WAVE = """
code = "W1"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = ["local-department-sample", "local-commune-sample"]
province = "75"
period_from = 2026-01-01
period_to = 2026-03-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = { default = 30 }
"""
UNITS = [
    ("75-SNV", "Sở Nội vụ", "department"),
    ("75-STP", "Sở Tư pháp", "department"),
    ("25900", "Xã <b>Đông</b>", "commune"),
]
DEPARTMENTS, COMMUNES = "local-department-sample", "local-commune-sample"
EMPTY = dict.fromkeys(exports.COLUMNS)
POOLED = {
    "se", "ci_low", "ci_high", "ci_method", "n_effective", "deff", "rank", "rank_low", "rank_high", "change",
    "change_low", "change_high", "change_clear",
}  # fmt: skip


def figure(unit: str, level_of: str, code: str, scheme: str = DEPARTMENTS, **values: Any) -> dict[str, Any]:
    """One result row with what most rows share."""
    shared = {"year": "2026", "wave": "W1", "rule": "top2box", "weighting": "design", "answers": "all"}
    names = {"unit_name_vi": unit, "unit_name_en": unit, "level": "department", "source": "survey", "status": "ok"}
    own = {"unit": unit, "level_of": level_of, "code": code, "scheme": scheme, "is_official": "yes", "n_valid": "40"}
    return {**EMPTY, **shared, **names, **own, **values}


def index(unit: str, value: str | None, **values: Any) -> list[dict[str, Any]]:
    """An official index of a unit with its interval, and the same by calibrated weights."""
    shown = {"index": value, "ci_low": "70.000000", "ci_high": "90.000000", "n_effective": "35.2", **values}
    other = {**shown, "index": value and "79.500000", "weighting": "calibrated", "is_official": "no"}
    return [figure(unit, "overall", "overall", **shown), figure(unit, "overall", "overall", **other)]


ROWS = [
    *index("75-SNV", "81.250000", rank="2", rank_low="1", rank_high="2", grade="T"),
    *index("75-STP", "88.125000", rank="1", rank_low="1", rank_high="2", grade="T"),
    *index(
        "25900",
        None,
        scheme=COMMUNES,
        ci_low=None,
        ci_high=None,
        n_valid="9",
        status="suppressed",
        reason="few_respondents=10",
    ),
    *index("75", "84.687500"),
    figure("75-STP", "item", "S15", n_valid="9", status="suppressed", reason="few_respondents=10"),
    figure("75-STP", "item", "S16", index="92.000000", n_valid="10"),
    figure("75-STP", "criterion", "8.1", max="10", points="8.812500", index="88.125000"),
    figure(
        "75-STP",
        "component",
        "1.1.1",
        max="1",
        source="appraisal",
        n_valid=None,
        status="empty",
        reason="missing=1.1.1",
    ),
    figure("75-STP", "component", "1.4.1", max="2", n_valid=None, status="empty", reason="missing=1.4.1"),
    figure("75-STP", "total", "total", max="100", points="8.812500", n_valid=None, reason="missing=1.1.1,1.1.2"),
]


@pytest.fixture
def wave(app: Flask, database: Database) -> Wave:
    """A scored wave of two departments and a commune with one questionnaire that came in."""
    site: Site = app.extensions["survey"]
    with database.begin() as session:
        session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
        session.flush()
        for code, name, kind in UNITS:
            session.add(Unit(code=code, name_vi=name, name_en=name, type=kind, parent="75", rated=True))
        session.flush()
        made = waves.create(session, read_wave_file(WAVE), keys=Keys(site.settings.keys), actor="t", now=site.clock())
        session.add(Tally(wave_id=made.id, cell="75-SNV", mode="link", completed=30))
        results.store(session, made, ROWS, results.Made("0" * 64, "test", {}), actor="t", now=site.clock())
    return made


def text_of(client: FlaskClient) -> str:
    page: ET.Element = client.page  # type: ignore[attr-defined]
    return " ".join("".join(page.itertext()).split())


def cells_of(client: FlaskClient, name: str) -> list[str]:
    """The cells of the first table line that begins with this name."""
    page: ET.Element = client.page  # type: ignore[attr-defined]
    lines = [["".join(cell.itertext()).strip() for cell in line] for line in page.iter("tr")]
    return next(line for line in lines if line[0].startswith(name))


def test_signing_in_gives_a_new_session_and_leads_back(app: Flask, signed_in: SignIn, database: Database) -> None:
    client = signed_in("lead_agency")
    assert client.get("/staff/").status_code == 200
    assert "Nguyễn Thị Thử" in text_of(client)
    cookie = client.get_cookie("staff")
    assert cookie is not None
    with database.read() as session:
        assert len(session.scalars(select(StaffSession)).all()) == 1
    other = app.test_client()
    other.set_cookie("staff", ("a" if cookie.value[0] != "a" else "b") + cookie.value[1:])
    assert other.get("/staff/").location.startswith("/staff/sign-in")


@pytest.mark.parametrize(("email", "password"), [("nobody@example.vn", "x"), ("lead_agency.none@example.vn", "wrong")])
def test_one_refusal_for_unknown_addresses_and_wrong_passwords(
    app: Flask, signed_in: SignIn, email: str, password: str
) -> None:
    signed_in("lead_agency")
    client = app.test_client()
    assert client.submit("/staff/sign-in", {"email": email, "password": password}).status_code == 422
    assert "không đúng" in text_of(client)
    assert client.form(-1)["next"] == "/staff/sign-in"  # the language can be changed here too


def test_sign_in_leads_only_to_pages_of_this_site(app: Flask, signed_in: SignIn) -> None:
    signed_in("lead_agency")
    values = {"email": "lead_agency.none@example.vn", "password": "mot cau du dai de thu"}
    assert app.test_client().submit("/staff/sign-in?next=//evil.example", values).location == "/staff/"
    assert app.test_client().submit("/staff/sign-in?next=/results", values).location == "/results"


def test_the_first_form_of_the_sign_in_page_is_the_sign_in(client: FlaskClient) -> None:
    client.get("/staff/sign-in")
    assert {"email", "password", "csrf_token"} <= set(client.form())


def test_signing_out_ends_the_session_on_the_server(app: Flask, signed_in: SignIn) -> None:
    client = signed_in("lead_agency")
    cookie = client.get_cookie("staff")
    assert cookie is not None
    assert client.submit("/staff/", form=0).status_code == 303
    client.set_cookie("staff", cookie.value)
    assert client.get("/staff/").status_code == 303


def test_a_session_ends_by_itself(app: Flask, signed_in: SignIn, settings: Any, database: Database) -> None:
    from survey.app import create_app

    client = signed_in("lead_agency")
    cookie = client.get_cookie("staff")
    assert cookie is not None
    site: Site = app.extensions["survey"]
    later = create_app(settings, database=database, clock=lambda: site.clock() + timedelta(hours=13))
    tomorrow = later.test_client()
    tomorrow.set_cookie("staff", cookie.value)
    assert tomorrow.get("/staff/").status_code == 303


ARGUMENTS = {"wave": "W1", "unit": "75-STP", "kind": "csv", "door": "k", "code": "0" * 13, "number": 1, "mark": "0",
             "scheme": "local-department-sample", "year": 2026, "token": "x", "session_number": "0",
             "table": "grades"}  # fmt: skip
OF_SCHEMES = {"digest": builtin_scheme("local-department-sample").digest}
OF_THE_SEAL = {"job": "score", "number": 1, "complaint": "0" * 32, "step": "answer"}
OF_THE_FIELD = {"case": "0" * 32, "topup": "0" * 32}
OPENED = {200, 303, 404, 405, 410, 503}
NOT_DONE = {303, 400, 403, 404, 410}  # a POST without the form's token does nothing, whoever sends it


def test_every_route_keeps_out_whom_the_table_does_not_name(app: Flask, signed_in: SignIn, wave: Wave) -> None:
    people: list[tuple[frozenset[Role] | None, FlaskClient]] = [(None, app.test_client())]
    people += [(frozenset({role}), signed_in(role.value)) for role in Role]
    addresses = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        values = {
            key: {**ARGUMENTS, **OF_SCHEMES, **OF_THE_FIELD, **OF_THE_SEAL, "filename": "site.css"}[key]
            for key in rule.arguments
        }
        address = addresses.build(rule.endpoint, values)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            for roles, client in people:
                status = client.open(address, method=method).status_code
                if routes.ROUTES[rule.endpoint] is routes.KEYED:
                    assert status == 401, (rule, roles, status)  # nobody signed in is a program
                elif method == "POST":
                    assert status in NOT_DONE, (rule, roles, status)
                elif routes.may_open(rule.endpoint, roles):
                    assert status in OPENED, (rule, roles, status)
                else:
                    assert status == (303 if roles is None else 403), (rule, roles, status)


def test_the_board_counts_and_tells_no_score(signed_in: SignIn, wave: Wave) -> None:
    client = signed_in("survey_office")
    client.get("/coordinate")
    assert "W1" in text_of(client)
    client.get("/coordinate/W1")
    assert cells_of(client, "Sở Nội vụ")[1:6] == ["chưa mời ai", "–", "30/30", "0", "0"]
    assert cells_of(client, "Sở Tư pháp")[3:5] == ["0/30", "30"]
    assert "81,25" not in text_of(client)
    assert client.get("/coordinate/none").status_code == 404


def test_names_of_units_are_text_and_never_markup(signed_in: SignIn, wave: Wave) -> None:
    client = signed_in("survey_office")
    response = client.get("/coordinate/W1")
    assert "Xã &lt;b&gt;Đông&lt;/b&gt;" in response.get_data(as_text=True)


def test_the_league_says_how_sure_each_figure_is(signed_in: SignIn, wave: Wave) -> None:
    client = signed_in("survey_office")
    client.get("/results/W1")
    line = cells_of(client, "75-STP")
    assert line[1:3] == ["88,13", "70,00 – 90,00"]
    assert line[4:9] == ["79,50", "40", "35", "Tốt", "hạng 1 (1–2)"]
    assert "Bản thử" in text_of(client)
    assert "Ước tính nội bộ" in text_of(client)


def test_a_suppressed_figure_says_so_and_why_a_line_has_no_points(signed_in: SignIn, wave: Wave) -> None:
    client = signed_in("survey_office")
    client.get("/results/W1")
    assert cells_of(client, "25900")[1:6] == ["–", "–", "", "–", "9"]
    assert "không công bố (dưới 10 phiếu)" in text_of(client)
    client.get("/results/W1/75-STP")
    assert cells_of(client, "S15")[1:] == ["–", "–", "", "–", "9", "không công bố (dưới 10 phiếu)"]
    assert cells_of(client, "1.1.1")[-1] == "chưa có điểm"
    assert cells_of(client, "1.4.1")[-1] == "thuộc đợt khảo sát khác"


def test_a_rated_unit_that_leads_the_survey_does_not_learn_its_own_score_first(signed_in: SignIn, wave: Wave) -> None:
    client = signed_in("lead_agency", unit="75-SNV")
    client.get("/results/W1")
    page = text_of(client)
    assert "81,25" not in page
    assert "84,69" not in page  # the province's mean would give it away
    assert "hạng 1" not in page
    assert cells_of(client, "75-STP")[1:8] == ["88,13", "–", "", "79,50", "40", "–", "Tốt"]
    assert "được công bố sau khi phát hành" in page
    client.get("/results/W1/75-SNV")
    assert "được công bố sau khi phát hành" in text_of(client)
    client.get("/results/W1/75-STP")
    assert "90,00" not in text_of(client)
    assert "được công bố sau khi phát hành" in text_of(client)
    rows = list(csv.DictReader(io.StringIO(client.get("/results/W1/scores.csv").get_data().decode("utf-8-sig"))))
    assert {row["unit"] for row in rows} == {"75-STP", "25900"}
    # errors rest on a design effect pooled over the level: with those of all others, that of the hidden unit is left
    told = {name for row in rows if row["scheme"] == DEPARTMENTS for name, value in row.items() if value}
    assert told.isdisjoint(POOLED), told & POOLED
    assert json.loads(client.get("/results/W1/scores.json").get_data())["rows"][0]["n_effective"] is None
    book = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/results/W1/scores.xlsx").get_data()))
    lines = [line for name in book.sheet_names for line in book.get_sheet_by_name(name).to_python()]
    assert not [line for line in lines if {70, 90, 35.2} & set(line) and COMMUNES not in line]
    assert any("công bố sau khi phát hành" in str(cell) for line in lines for cell in line)


@pytest.fixture
def graded(wave: Wave, database: Database) -> None:
    """The same wave with the tables beside its scores."""
    columns = ["scheme", "unit", "level_of", "is_official", "percent_low", "grade", "band", "confidence"]
    rows = [
        [scheme, unit, "overall", official, "70.000000", "T", band, confidence]
        for scheme, unit, official, band, confidence in (
            (DEPARTMENTS, "75-SNV", "yes", "T", "0.634000"), (DEPARTMENTS, "75-SNV", "yes", "XS", "0.041000"),
            (DEPARTMENTS, "75-SNV", "no", "T", "0.511000"), (DEPARTMENTS, "75-STP", "yes", "T", "0.998000"),
            (COMMUNES, "25900", "no", "T", "0.222000"),
        )
    ]  # fmt: skip
    beside = {"grades": {"columns": columns, "rows": rows}, "small_units": {"columns": columns, "rows": []}}
    with database.begin() as session:
        made = results.Made("0" * 64, "test", {"beside": beside})
        run = results.store(session, waves.find(session, "W1"), ROWS, made, actor="t", now=NOW + timedelta(hours=1))
        items = {
            "columns": ["scheme", "unit", "code"],
            "rows": [[DEPARTMENTS, "75-SNV", "S1"], [COMMUNES, "25900", "S1"]],
        }
        descriptions.store(session, run, {"items": items}, province="75")


def test_a_grade_says_how_sure_it_is_to_those_who_may_see_its_interval(signed_in: SignIn, graded: None) -> None:
    client = signed_in("survey_office")
    client.get("/results/W1")
    assert "(độ tin cậy 63 %)" in " ".join(cells_of(client, "75-SNV"))
    assert "(độ tin cậy trên 99 %)" in " ".join(cells_of(client, "75-STP"))
    lines = client.get("/results/W1/grades.csv").get_data(as_text=True).splitlines()
    assert len(lines) == 6
    assert client.get("/results/W1/small_units.csv").status_code == 404
    rated = signed_in("lead_agency", unit="75-SNV")
    rated.get("/results/W1")
    assert "độ tin cậy" not in text_of(rated).replace("độ tin cậy của từng mức", "")
    lines = rated.get("/results/W1/grades.csv").get_data(as_text=True).splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["25900"]
    assert "25900,S1" in rated.get("/results/W1/items.csv").get_data(as_text=True)
    assert "75-SNV" not in rated.get("/results/W1/items.csv").get_data(as_text=True)


@pytest.fixture
def limited(wave: Wave, database: Database) -> None:
    """The same wave with ranks on fewer questions and a province that is not whole."""
    ranked = "ranked_on_items=" + ",".join(f"S{number}" for number in range(1, 20) if number not in {15, 16})
    rows = [{**row, "reason": ranked} if row["rank"] else row for row in ROWS]
    rows = [{**row, "reason": "units_without_answers=3"} if row["unit"] == "75" else row for row in rows]
    with database.begin() as session:
        later = NOW + timedelta(hours=1)
        results.store(
            session, waves.find(session, "W1"), rows, results.Made("0" * 64, "test", {}), actor="t", now=later
        )


def test_the_league_says_once_what_ranks_leave_out_and_what_the_province_lacks(
    signed_in: SignIn, limited: None
) -> None:
    client = signed_in("survey_office")
    client.get("/results/W1")
    page = text_of(client)
    assert page.count("Thứ hạng không tính các câu") == 1
    assert "S15, S16" in page
    assert "S14" not in page
    assert "90,00). Ước tính nội bộ." in page
    assert "đơn vị không có phiếu: 3" in page


def test_the_results_say_when_figures_were_typed_in_since_they_were_made(
    signed_in: SignIn, wave: Wave, database: Database
) -> None:
    client = signed_in("survey_office")
    with database.begin() as session:
        found = waves.find(session, "W1")
        made = results.Made("0" * 64, "test", {"inputs": results.inputs_digest(session, found)})
        results.store(session, found, ROWS, made, actor="t", now=NOW + timedelta(hours=1))
    client.get("/results/W1")
    assert "sau lần tính gần nhất" not in text_of(client)
    with database.begin() as session:
        figure = {"unit": "75-STP", "code": "1.1.1", "value": Decimal(1), "source": "x", "actor": "t", "now": NOW}
        results.set_input(session, waves.find(session, "W1"), **figure)
    client.get("/results/W1")
    assert "sau lần tính gần nhất" in text_of(client)


def test_the_files_hold_every_row(signed_in: SignIn, wave: Wave, database: Database) -> None:
    client = signed_in("lead_agency")
    told = json.loads(client.get("/results/W1/scores.json").get_data())
    assert (told["kind"], len(told["rows"])) == ("rehearsal", len(ROWS))
    response = client.get("/results/W1/scores.xlsx")
    assert response.get_data()[:2] == b"PK"
    assert "ban-thu-W1-scores.xlsx" in response.headers["Content-Disposition"]
    assert client.get("/results/W1/scores.exe").status_code == 404
    with database.read() as session:
        taken = session.scalars(select(AuditEntry).where(AuditEntry.action == "results.download")).all()
    assert [(one.actor, one.detail) for one in taken] == [
        ("lead_agency.none@example.vn", '{"kind":"json"}'), ("lead_agency.none@example.vn", '{"kind":"xlsx"}')
    ]  # fmt: skip


def test_every_word_of_the_statistics_has_a_sentence() -> None:
    assert {str(reason) for reason in Reason} == set(wording.REASONS) | wording.UNSAID
    assert {str(status) for status in Status} == set(wording.STATUSES)


def test_a_wave_without_scores_has_no_page(app: Flask, signed_in: SignIn, database: Database) -> None:
    client = signed_in("lead_agency")
    client.get("/results")
    assert "Chưa có đợt nào" in text_of(client)
    assert client.get("/results/W9").status_code == 404


def test_typed_in_figures_are_kept_with_their_source(signed_in: SignIn, wave: Wave, database: Database) -> None:
    client = signed_in("lead_agency")
    client.get("/results/W1/inputs")
    values = {"value-1.1.1": "0,75", "source-1.1.1": "QĐ 12, 01/02/2026"}
    assert client.submit("/results/W1/inputs/75-STP", values, form=1).status_code == 303
    client.get("/results/W1/inputs/75-STP")
    assert client.form(1)["value-1.1.1"] == "0,75"
    with database.read() as session:
        (kept,) = results.inputs(session, wave)
        assert (kept.value, kept.source) == (Decimal("0.75"), "QĐ 12, 01/02/2026")
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "input.set")).one()
        assert entry.actor == "lead_agency.none@example.vn"


@pytest.mark.parametrize(
    ("value", "source", "sentence"),
    [
        ("0.75", "QĐ 12", "Vui lòng viết số theo dạng 1.234,5"),
        ("1,5", "QĐ 12", "Nhập điểm từ 0 đến 1,00"),
        ("0,5", "", "Vui lòng ghi nguồn số liệu"),
        ("", "QĐ 12", "Vui lòng nhập số liệu"),
        ("NaN", "QĐ 12", "Vui lòng viết số"),
        ("１", "QĐ 12", "Vui lòng viết số"),
    ],
)
def test_a_wrong_figure_is_named_and_nothing_of_the_page_is_kept(
    signed_in: SignIn, wave: Wave, database: Database, value: str, source: str, sentence: str
) -> None:
    client = signed_in("lead_agency")
    values = {"value-1.1.1": value, "source-1.1.1": source, "value-1.1.2": "80", "source-1.1.2": "QĐ 12"}
    assert client.submit("/results/W1/inputs/75-STP", values, form=1).status_code == 422
    assert sentence in text_of(client)
    assert client.form(1)["value-1.1.2"] == "80"
    with database.read() as session:
        assert results.inputs(session, wave) == []


def test_a_form_from_an_account_without_the_role_does_nothing(
    app: Flask, signed_in: SignIn, wave: Wave, database: Database
) -> None:
    client = signed_in("survey_office")
    client.get("/staff/")
    values = {**client.form(0), "value-1.1.1": "0,5", "source-1.1.1": "QĐ 12"}
    assert client.post("/results/W1/inputs/75-STP", data=values).status_code == 403
    with database.read() as session:
        assert results.inputs(session, wave) == []


def test_a_unit_of_another_wave_takes_no_figures(signed_in: SignIn, wave: Wave) -> None:
    assert signed_in("lead_agency").get("/results/W1/inputs/75").status_code == 404
