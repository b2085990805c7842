"""Releases on both engines: random replicates in the order of the seed, advised from counts, confirmed once."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from analysis.planning.releases import Goal
from survey.db import Database
from survey.errors.waves import NobodyLeft, ReleaseBegun, ReleaseNotBegun, ReleaseOvertaken
from survey.jobs import replicate as advising
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.invitation import Invitation
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import board, coverage, frames, invitations, openings, replicates, responses, samples, units, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.wavefile import read_wave_file

UNITS = """code,name_vi,name_en,type,parent,valid_from,valid_to,successor,rated
98,Tỉnh Minh Họa,Sample Province,province,,,,,no
98-01,Sở Một,First Department,department,98,,,,yes
98-02,Sở Hai,Second Department,department,98,,,,yes
"""
WAVE = """
code = "w"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2025-07-01
period_to = 2025-12-31
opens = 2026-01-05T07:00:00
closes = 2026-03-19T17:00:00
units = "*"
precision = { half_width = 8 }
[targets]
default = 30
"""


@pytest.fixture
def wave(database: Database, keys: Keys, tmp_path: Path, now: datetime) -> str:
    """A drawn wave of two units of 300 dossiers, 120 drawn in each; nobody is invited yet."""
    rng = Random(5)
    lines = ["dossier_code,procedure_field,rated_unit,due_on,finished_on,channel,sex,phone"]
    for unit in ("98-01", "98-02"):
        for number in range(300):
            due, phone = date(2025, 9, 1 if rng.random() < 0.3 else 30), f"09{rng.randrange(10**8):08d}"
            lines.append(f"{unit}.{number},dat-dai,{unit},{due},2025-09-10,counter,F,{phone}")
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    (tmp_path / "frame.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with database.begin() as session:
        units.import_units(session, tmp_path / "units.csv", actor="test", now=now)
        made = waves.create(session, read_wave_file(WAVE), keys=keys, actor="test", now=now)
        frames.import_frame(
            session, made, tmp_path / "frame.csv", installation=keys.installation, actor="test", now=now
        )
        coverage.sign(session, made, by="A", actor="test", now=now)
        samples.draw(session, made, seed=7, response_rate=0.25, actor="test", now=now)
    return made.code


def first(database: Database, keys: Keys, now: datetime, share: float = 0.3) -> int:
    with database.begin() as session:
        found = waves.find(session, "w")
        return replicates.first(session, found, key=keys.wave(found.id), share=share, actor="test", now=now)


def advise(database: Database, now: datetime, count: int = 50) -> bytes:
    return advising.advise(
        database, "w", count=count, goal=Goal.UNITS, actor="test", now=now, settle=timedelta(0)
    ).id  # fmt: skip


def confirm(database: Database, keys: Keys, release: bytes, now: datetime) -> int:
    with database.begin() as session:
        found = waves.find(session, "w")
        return replicates.confirm(session, found, release, key=keys.wave(found.id), actor="chief", now=now)


def answer(database: Database, keys: Keys, unit: str, number: int, now: datetime) -> None:
    """So many people of a unit send their form."""
    with database.begin() as session:
        found = waves.find(session, "w")
        codes = [code for one, code in invitations.links(session, found, keys.wave(found.id)) if one.unit_code == unit]
        if found.state == waves.DRAFT:
            waves.open_wave(session, found, actor="test", now=now)
    for code in codes[:number]:
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=now)
            responses.accept(
                session, opening, secret=code, submission_key=code, answers={"S15": "5"}, body=b"", now=now
            )


def test_the_first_replicate_invites_ten_of_every_class_at_least(
    database: Database, keys: Keys, wave: str, now: datetime
) -> None:
    with pytest.raises(ReleaseNotBegun):
        advise(database, now)
    new = first(database, keys, now, share=0.1)
    with pytest.raises(ReleaseBegun):
        first(database, keys, now)
    with database.read() as session:
        found = waves.find(session, wave)
        cells = board.cells(session, found)
        issued = Counter(session.scalars(select(Invitation.class_code).where(Invitation.wave_id == found.id)))
    assert {cell.code: cell.released for cell in cells} == issued
    assert min(issued.values()) >= PRIVACY_FLOOR
    assert sum(issued.values()) == new < sum(cell.reachable for cell in cells)


def test_whose_turn_it_is_follows_from_the_seed_alone(database: Database, keys: Keys, wave: str, now: datetime) -> None:
    """Released in parts or at once, the same people have been invited after the same number."""

    def invited() -> set[bytes | None]:
        with database.read() as session:
            return set(session.scalars(select(Invitation.dossier_id)))

    first(database, keys, now)
    with database.begin() as session:
        found: Wave = waves.find(session, wave)
        cell = max(board.cells(session, found), key=lambda one: one.reserve)
        before = invited()
        issue = {"key": keys.wave(found.id), "actor": "test", "now": now}
        invitations.issue(session, found, only={cell.code: 2}, **issue)
        invitations.issue(session, found, only={cell.code: 3}, **issue)
    together = invited() - before
    with database.begin() as session:
        again = {one.listed.id: one for one in samples.repeat(session, waves.find(session, wave))}
        turns = sorted(
            (invitations.turn(7, one.listed.mark), one.listed.id)
            for one in again.values()
            if one.class_code == cell.code and one.invitable
        )
    order = [dossier for _turn, dossier in turns]
    assert set(order[cell.released : cell.released + 5]) == together


def test_the_advice_goes_where_the_interval_is_too_wide_and_is_confirmed_once(
    database: Database, keys: Keys, wave: str, now: datetime
) -> None:
    first(database, keys, now)
    answer(database, keys, "98-01", 30, now)
    answer(database, keys, "98-02", 4, now)
    overtaken, newest = advise(database, now, 5), advise(database, now, 20)
    with database.read() as session:
        offered = replicates.offered(session, waves.find(session, wave))
    assert offered is not None
    assert offered.id == newest
    assert [one["unit"] for one in offered.advice["units"]] == ["98-02"]
    told = offered.advice["units"][0]
    assert told["before"] > told["after"] > 8
    with pytest.raises(ReleaseOvertaken):
        confirm(database, keys, overtaken, now)
    assert confirm(database, keys, newest, now) == 20
    with pytest.raises(ReleaseOvertaken):
        confirm(database, keys, newest, now)
    with database.read() as session:
        log = session.scalars(select(AuditEntry).where(AuditEntry.action == "release.confirm")).all()
        assert [entry.actor for entry in log] == ["chief"]


def test_an_advice_never_asks_for_more_than_are_left(database: Database, keys: Keys, wave: str, now: datetime) -> None:
    first(database, keys, now)
    answer(database, keys, "98-01", 1, now)
    confirm(database, keys, advise(database, now, 5000), now)
    with pytest.raises(NobodyLeft):
        advise(database, now)
    with database.read() as session:
        rows = session.execute(select(ClassCell.invited, ClassCell.reachable)).all()
    assert all(invited == reachable for invited, reachable in rows)


def test_what_is_young_is_expected_to_answer_yet(database: Database, keys: Keys, wave: str, now: datetime) -> None:
    first(database, keys, now)
    with database.read() as session:
        found = waves.find(session, wave)
        young = replicates.standing(session, found, now=now)
        settled = replicates.standing(session, found, now=now + replicates.SETTLED + timedelta(seconds=1))
    assert [round(one.answers, 6) for one in young] == [
        round(sum(0.25 * cell.released for cell in board_cells(database, one.code)), 6) for one in young
    ]
    assert all(one.answers == 0 for one in settled)
    assert all(one.response < 0.25 for one in settled)


def board_cells(database: Database, unit: str) -> list[board.Cell]:
    with database.read() as session:
        return [one for one in board.cells(session, waves.find(session, "w")) if one.unit == unit]


def test_within_a_unit_the_class_that_stands_behind_its_share_comes_first() -> None:
    parts = (
        replicates.Place("a", 300, 20.0, 50, 0.5),
        replicates.Place("b", 300, 5.0, 50, 0.5),
    )
    unit = replicates.Place("u", 600, 25.0, 100, 0.5, parts)
    shared = advising.within(unit, 40)
    assert shared["b"] > shared.get("a", 0)
    assert advising.within(unit, 500) == {"a": 50, "b": 50}
