"""Sample sizes by rule, what they will be worth beside thirty, and plans that are kept version by version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import WrongState
from survey.errors.waves import NoRateKnown, NoValueKnown, TotalOutOfReach
from survey.jobs import plan
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.frame import Dossier
from survey.model.release import Release
from survey.model.result import Figure, Run
from survey.model.sample import ClassCell, SamplePlan
from survey.model.unit import Unit
from survey.plan_options import Options, Rule, Shares
from survey.stages import plans, steps, waves
from survey.wavefile import read_wave_file

WAVE = """
code = "w"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2025-01-01
period_to = 2025-12-31
opens = 2026-03-01T07:00:00
closes = 2026-03-20T17:00:00
units = ["98-01", "98-02"]
[targets]
default = 30
"""
OPTIONS = Options(Rule.MINISTRY, 5.0, 100, Shares.NEYMAN, 0.25, 0.85, 0.4, 19, deff=1.0)
DOSSIERS = {"98-01": 1000, "98-02": 60}


@pytest.fixture
def site(database: Database, keys: Keys, now: datetime) -> Database:
    with database.begin() as session:
        for code in ("98", *DOSSIERS):
            session.add(Unit(
                code=code, name_vi=code, name_en=code, type="province" if code == "98" else "department",
                parent=None if code == "98" else "98", valid_from=None, valid_to=None, successor=None,
                rated=code != "98",
            ))  # fmt: skip
            session.flush()
        wave = waves.create(session, read_wave_file(WAVE), keys=keys, actor="test", now=now)
        for unit, number in DOSSIERS.items():
            session.add_all(Dossier(
                wave_id=wave.id, code_mark=new_id(), linked_mark=None, person_mark=None, unit_code=unit, field="F",
                procedure_code=None, point_of_service=None, finished_on=wave.period_to, timing="on_time",
                outcome="granted", channel="counter", applicant="person", sex="U", age_band="", commune=None,
                phone=None, email=None, name=None, address=None,
            ) for _ in range(number))  # fmt: skip
    return database


def test_each_rule_gives_its_size_and_thirty_is_told_beside(site: Database) -> None:
    _before, rows = plan.run(site, "w", OPTIONS)
    assert [row["answers_wanted"] for row in rows] == [286, 53]  # N / (1 + N e²)
    assert [(row["invitations"], row["take_all"]) for row in rows] == [(1000, True), (60, True)]
    assert 6 < rows[0]["thirty_half_width"] < 9  # METHOD section 3: ±6 to ±9 points
    _before, rows = plan.run(site, "w", replace(OPTIONS, rule=Rule.WIDTH))
    width = rows[0]["answers_wanted"]
    assert 30 < width < 286  # an index is known better than an item
    _before, rows = plan.run(site, "w", replace(OPTIONS, rule=Rule.APART))
    assert rows[0]["answers_wanted"] > width
    _before, rows = plan.run(site, "w", replace(OPTIONS, rule=Rule.TOTAL))
    assert [row["answers_wanted"] for row in rows] == [90, 10]
    with pytest.raises(TotalOutOfReach):
        plan.run(site, "w", replace(OPTIONS, rule=Rule.TOTAL, total=100_000))
    with pytest.raises(NoRateKnown):  # nobody knows how many answer
        plan.run(site, "w", replace(OPTIONS, response=None))
    with pytest.raises(NoValueKnown):
        plan.run(site, "w", replace(OPTIONS, share=None))
    thirty = rows[0]["thirty_invited"]  # what is done today: thirty forms sent out
    assert thirty["answers_expected"] == 7.5
    assert thirty["chance_of_score"] < 0.25


def test_a_saved_plan_is_a_version_sets_the_targets_and_is_frozen_with_the_wave(site: Database, now: datetime) -> None:
    _before, rows = plan.run(site, "w", OPTIONS)
    for version in (1, 2):
        with site.begin() as session:
            wave = waves.find(session, "w")
            kept = plans.save(session, wave, options=OPTIONS.as_dict(), rows=rows, actor="test", now=now)
            assert kept.version == version
    with site.begin() as session:
        wave = waves.find(session, "w")
        assert {unit.code: target for unit, target in waves.units_of(session, wave)} == {"98-01": 286, "98-02": 53}
        assert len(set(session.scalars(select(SamplePlan.digest)))) == 1
        steps.plan(session, wave, actor="test", now=now)
        with pytest.raises(WrongState):
            plans.save(session, wave, options=OPTIONS.as_dict(), rows=rows, actor="test", now=now)


def score_before(session: Session, keys: Keys, now: datetime) -> Release:
    """A wave of the year before: two units of thirty answers each, one known better; proposed, not let out."""
    before = WAVE.replace('"w"', '"w0"').replace("2025-", "2024-")
    wave = waves.create(session, read_wave_file(before), keys=keys, actor="test", now=now)
    run = Run(wave_id=wave.id, made_at=now, made_by="test", extract_digest="0" * 64, code_version="1", options={})
    session.add(run)
    session.flush()
    for position, (unit, index, effective) in enumerate((("98-01", "90.00", "60"), ("98-02", "80.00", "30"))):
        counts = dict.fromkeys(("drawn", "kept", "reachable", "invited"), 120)
        session.add(ClassCell(
            wave_id=wave.id, class_code=f"{unit}|all", unit_code=unit, stratum=unit, stratum_population=300,
            population=300, weight_sum=300.0, **counts,
        ))  # fmt: skip
        row = {"unit": unit, "is_official": "yes", "index": index, "n_valid": "30", "n_effective": effective}
        session.add(Figure(
            run_id=run.id, position=position, unit_code=unit, level_of="overall", code="overall", is_official=True,
            row=row,
        ))  # fmt: skip
    release = Release(
        wave_id=wave.id, run_id=run.id, step="final", document="1, 2, 3", complaints_until=None, proposed_at=now,
        proposed_by="test", released_at=None,
    )  # fmt: skip
    session.add(release)
    session.flush()
    return release


def test_a_plan_takes_index_and_variance_of_the_wave_before_only_when_they_are_out(
    site: Database, keys: Keys, now: datetime
) -> None:
    with site.begin() as session:
        release = score_before(session, keys, now).id
    wished = replace(OPTIONS, rule=Rule.WIDTH, share=None)
    with pytest.raises(NoValueKnown):
        plan.run(site, "w", wished)
    with site.begin() as session:
        session.get_one(Release, release).released_at = now
    told, rows = plan.run(site, "w", wished)
    assert told == "w0"
    assert [row["last_index"] for row in rows] == [90.0, 80.0]
    assert [row["share"] for row in rows] == [0.875, 0.825]  # halfway to 85 %: as many answers as are borrowed
    better, worse = 1 / (2 * 0.9), 1 / (1 * 0.9)  # variance of one answer: effective answers for each, a tenth asked
    mean = (better + worse) / 2
    assert [row["ratio"] for row in rows] == pytest.approx([2 / (better + mean), 2 / (worse + mean)], abs=1e-4)
