"""Last year's wave copied: what changed is listed before and after, and what was decided for it is not taken along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from survey.db import Database
from survey.keys import Keys
from survey.model.unit import Unit
from survey.stages import copies, waves
from survey.stages.copies import Dates, Part

SignIn = Callable[..., Any]
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
OLD = "2026-citizens"


@pytest.fixture
def field(app: Flask, database: Database, go_to_the_field: Any) -> Keys:
    """A wave of three units; afterwards one is merged into another, and a new one is rated."""
    keys = Keys(app.extensions["survey"].settings.keys)
    go_to_the_field(database, keys, NOW)
    with database.begin() as session:
        merged = {"valid_to": date(2026, 12, 31), "successor": "98-01"}
        session.execute(update(Unit).where(Unit.code == "98-02").values(merged))
        session.add(Unit(
            code="98-04", name_vi="Sở Công Thương", name_en="Trade", type="department", parent="98", rated=True,
            valid_from=date(2027, 1, 1),
        ))  # fmt: skip
    return keys


def test_a_copy_is_a_year_later_follows_the_merged_units_and_takes_no_decision_along(
    field: Keys, database: Database
) -> None:
    with database.begin() as session:
        old = waves.find(session, OLD)
        told = copies.compare(session, old, code="2027", dates=Dates())
        made, changes = copies.copy(session, old, code="2027", dates=Dates(), keys=field, actor="t", now=NOW)
        assert told == changes
        by_part = {one.part: (one.before, one.after) for one in changes}
        assert by_part[Part.PERIOD] == ("01/01/2026 – 31/12/2026", "01/01/2027 – 31/12/2027")
        assert by_part[Part.UNIT_MERGED] == ("98-02", "98-01")
        assert by_part[Part.UNIT_NEW] == ("", "98-04")
        assert Part.DOCUMENTS in by_part
        wanted = {unit.code: target for unit, target in waves.units_of(session, made)}
        assert wanted == {"98-01": 60, "98-03": 30, "98-04": 30}
        assert (made.state, made.documents, made.kind) == ("draft", [], old.kind)
        assert made.instrument == old.instrument
        assert made.closes.year == old.closes.year + 1
        assert made.public_key != old.public_key


def test_the_page_shows_the_changes_and_makes_the_copy_once(field: Keys, signed_in: SignIn, database: Database) -> None:
    office = signed_in("survey_office")
    page = f"/prepare/{OLD}/copy"
    office.get(page)
    told = " ".join("".join(office.page.itertext()).split())
    assert "98-04" in told
    number = next(n for n, form in enumerate(office.page.iter("form")) if form.get("action") == page)
    assert office.submit(page, {"code": "a/b"}, form=number).status_code == 422
    assert office.submit(page, {"code": "2027"}, form=number).status_code == 303
    assert office.submit(page, {"code": "2027"}, form=number).status_code == 422  # there already
    office.get("/prepare")
    assert "2027" in "".join(office.page.itertext())
