"""The pages for everybody: sealed figures alone, groups that cannot be told apart, the years, copies to keep."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from survey.db import Database
from survey.keys import Keys
from survey.model.release import Release
from survey.model.result import Run
from survey.model.seal import Seal
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import exports, results, trends, waves
from survey.stages.breaks import Break
from survey.wavefile import read_wave_file
from survey.web import tiers, trend
from survey.web.figures import Standing
from survey.web.site import Site

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SCHEME, UNITS = "local-department-sample", ("75-SNV", "75-STP", "75-SYT")
WAVE = """
code = "{code}"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = ["local-department-sample"]
province = "75"
period_from = {year}-01-01
period_to = {year}-12-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = {{ default = 30 }}
"""
Row = dict[str, Any]


def figure(unit: str, index: str | None, rank: Sequence[int] = (), **more: Any) -> Row:
    told = {"year": "2025", "wave": "W", "rule": "top2box", "weighting": "design", "answers": "all", "scheme": SCHEME}
    own = {"unit": unit, "level_of": "overall", "code": "overall", "is_official": "yes", "status": "ok", "index": index}
    names = {"unit_name_vi": f"Sở {unit}", "unit_name_en": f"Department {unit}", "n_valid": "30", "n_invited": "50"}
    ranks = dict(zip(("rank", "rank_low", "rank_high"), map(str, rank), strict=False))
    limits = {} if index is None else {"ci_low": str(float(index) - 5), "ci_high": str(float(index) + 5)}
    return {**dict.fromkeys(exports.COLUMNS), **told, **own, **names, **ranks, **limits, **more}


ROWS = [
    figure("75-SNV", "91.25", (1, 1, 2)),
    figure("75-SNV", "93.00", level_of="item", code="S15"),
    figure("75-SNV", "90.00", is_official="no", weighting="calibrated"),
    figure("75-SNV", "80.00", level_of="criterion", code="1.1", source="appraisal"),
    figure("75-STP", "88.12", (2, 1, 2)),
    figure("75-SYT", None, status="suppressed", reason="few_respondents", n_valid=None),
    figure("75", "89.00"),
]  # fmt: skip


@pytest.fixture
def keys(app: Flask) -> Keys:
    site: Site = app.extensions["survey"]
    return Keys(site.settings.keys)


@pytest.fixture
def place(database: Database) -> Database:
    with database.begin() as session:
        session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
        session.flush()
        for code in UNITS:
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", parent="75", rated=True))
    return database


def made(session: Session, keys: Keys, code: str, year: int, rows: Sequence[Row]) -> tuple[Wave, Run]:
    """A scored wave."""
    wave = waves.create(session, read_wave_file(WAVE.format(code=code, year=year)), keys=keys, actor="t", now=NOW)
    return wave, results.store(session, wave, rows, results.Made("0" * 64, "test", {}), actor="t", now=NOW)


def seal(session: Session, wave: Wave, run: Run, number: int = 1) -> None:
    """As if two agencies had let the run out and the lead agency had sealed it."""
    wave.state, name = "sealed", f"{wave.code}{number}".encode().ljust(16, b".")
    session.add(Release(
        id=name, wave_id=wave.id, run_id=run.id, step="final", document="12/QĐ", complaints_until=None,
        proposed_at=NOW, proposed_by="t", released_at=NOW,
    ))  # fmt: skip
    session.flush()
    told = {"key": "ab" * 32, "extract": "0" * 64, "seed": "7"}
    session.add(Seal(
        id=name, wave_id=wave.id, number=number, run_id=run.id, release_id=name, document="12/QĐ",
        reason=None if number == 1 else "Sửa số liệu", statement=json.dumps(told), digest=name.hex() * 2,
        sealed_at=NOW.replace(hour=number), sealed_by="t",
    ))  # fmt: skip
    session.flush()


def test_nobody_reads_a_wave_before_its_seal_and_everybody_after_without_a_cookie(
    place: Database, keys: Keys, client: FlaskClient
) -> None:
    with place.begin() as session:
        wave, run = made(session, keys, "W1", 2025, ROWS)
    paths = ["", "/W1", "/W1/75-SNV", "/W1/figures.csv", "/W1/figures.json"]
    assert [client.get(f"/published{path}").status_code for path in paths] == [200, 404, 404, 404, 404]
    assert "W1" not in client.get("/published").get_data(as_text=True)
    with place.begin() as session:
        seal(session, session.merge(wave), session.merge(run))
    for path in paths:
        answer = client.get(f"/published{path}", headers={"Cookie": "lang=en; look=3c"})
        assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, [])
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        again = client.get(f"/published{path}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert client.get("/published/W1/75-XYZ").status_code == 404


def test_a_hidden_figure_is_named_as_such_and_open_data_hold_official_figures_of_the_survey_alone(
    place: Database, keys: Keys, client: FlaskClient
) -> None:
    with place.begin() as session:
        seal(session, *made(session, keys, "W1", 2025, ROWS))
    page = client.get("/published/W1?lang=en").get_data(as_text=True)
    assert "suppressed (fewer than 10 answers)" in page
    assert "91.25" in page
    assert "/published/W1/75-SNV?lang=en" in page
    assert "91,25" in client.get("/published/W1").get_data(as_text=True)
    unit = client.get("/published/W1/75-SNV?lang=en").get_data(as_text=True)
    assert "30 valid forms of 50 people invited. The 1 questions below give 91.25." in unit
    text = client.get("/published/W1/figures.csv").get_data().decode("utf-8-sig")
    found = [(row["unit"], row["level_of"], row["is_official"]) for row in csv.DictReader(io.StringIO(text))]
    assert found == [
        ("75-SNV", "overall", "yes"), ("75-SNV", "item", "yes"), ("75-STP", "overall", "yes"),
        ("75-SYT", "overall", "yes"), ("75", "overall", "yes"),
    ]  # fmt: skip


def test_a_seal_that_replaces_shows_its_figures_and_its_reason(
    place: Database, keys: Keys, client: FlaskClient
) -> None:
    with place.begin() as session:
        wave, run = made(session, keys, "W1", 2025, ROWS)
        seal(session, wave, run)
    first = client.get("/published/W1").headers["ETag"]
    with place.begin() as session:
        wave = waves.find(session, "W1")
        made_anew = results.Made("1" * 64, "test", {})
        run = results.store(session, wave, [figure("75-SNV", "77.77")], made_anew, actor="t", now=NOW)
        seal(session, wave, run, 2)
    answer = client.get("/published/W1", headers={"If-None-Match": first})
    assert answer.status_code == 200
    assert "77,77" in answer.get_data(as_text=True)
    assert "Sửa số liệu" in answer.get_data(as_text=True)


def test_a_group_ends_where_the_rank_set_no_longer_reaches_its_first_unit() -> None:
    sets = [(1, 1, 3), (2, 1, 3), (3, 2, 5), (4, 3, 5), (5, 4, 5)]
    table = [Standing(figure(f"U{rank}", "80", (rank, low, high)), None) for rank, low, high in sets]
    table.append(Standing(figure("U9", "70"), None))
    found = [(one.number, [row.unit for row in one.standings]) for one in tiers.tiers(table)]
    assert found == [(1, ["U1", "U2"]), (2, ["U3", "U4"]), (3, ["U5"]), (0, ["U9"])]
    assert [(one.first, one.last) for one in tiers.tiers(table)] == [(1, 2), (3, 4), (5, 5), (0, 0)]


def test_equal_ranks_without_sets_are_groups_of_their_own() -> None:
    table = [Standing(figure(f"U{place}", "80", (rank,)), None) for place, rank in enumerate((1, 1, 3))]
    assert [len(one.standings) for one in tiers.tiers(table)] == [2, 1]


def test_years_are_chained_only_where_the_method_stayed_and_breaks_are_named(
    place: Database, keys: Keys, client: FlaskClient
) -> None:
    old = [("V3", 2022, "mean5", "70.00"), ("V4", 2023, "top2box", "80.00"), ("V5", 2024, "top2box", "85.00")]
    with place.begin() as session:
        for code, year, rule, index in old:
            seal(session, *made(session, keys, code, year, [figure("75-SNV", index, rule=rule)]))
        made(session, keys, "V6", 2024, [figure("75-SNV", "1.00")])  # not sealed: not told
        wave, run = made(session, keys, "W1", 2025, ROWS)
        seal(session, wave, run)
        points = trends.of_unit(session, wave, run.id, "75-SNV")
        assert [(one.wave.code, one.breaks) for one in points] == [
            ("V3", ()), ("V4", (Break.RULE,)), ("V5", ()), ("W1", ()),
        ]  # fmt: skip
        assert trends.of_unit(session, wave, run.id, "75-SYT") == []
        drawn = trend.picture(points)
    assert drawn is not None
    assert [(first.point.wave.code, second.point.wave.code) for first, second in drawn.lines] == [
        ("V4", "V5"), ("V5", "W1"),
    ]  # fmt: skip
    assert len(drawn.breaks) == 1
    page = client.get("/published/W1/75-SNV?lang=en").get_data(as_text=True)
    assert "another rule of the index" in page
