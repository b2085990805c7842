"""Suspicious answers: found after the close, decided by two offices, flagged in the extract, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from analysis.screening.study import TARGET, Fabrication, honest_wave, plant
from survey.answers import NOT_APPLICABLE
from survey.db import Database
from survey.errors.seals import CaseDecided, CasesOpen, NotYours, TextMissing
from survey.errors.staff import ApprovalGiven
from survey.jobs import close, extract, screen
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.base import new_id
from survey.model.response import Answer
from survey.model.staff import Account, AccountRole
from survey.stages import reviews, waves
from survey.stages.reviews import Flag, Found, Verdict

WAVE = "2026-citizens"
OFFICE, OVERSIGHT, LEAD = "vien@example.vn", "mttq@example.vn", "snv@example.vn"
UNITS = ("98-01", "98-02", "98-03")
BATCHES, SIZE, PLANTED = 10, 14, 12


@pytest.fixture
def closed(database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]) -> Database:
    """A closed wave of three units, ten batches each; of one batch all but two answers are copies of one another."""
    go_to_the_field(database, keys, now)
    close.run(database, keys, WAVE, actor="test", now=now)
    people(database, now)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        codes = [item.code for item in waves.instrument_of(wave).scored_items]
        for row, said in enumerate(answers(len(codes))):
            unit, phase = UNITS[row // (BATCHES * SIZE)], row // SIZE % BATCHES + 1
            items = {code: value for code, value in zip(codes, said, strict=True) if value}
            session.add(Answer(
                id=new_id(), wave_id=wave.id, phase=phase, mode="counter", unit_code=unit,
                class_code=f"{unit}|counter", items=items,
            ))  # fmt: skip
    return database


@pytest.fixture
def screened(closed: Database, now: datetime) -> Database:
    store(closed, now)
    return closed


def store(database: Database, now: datetime) -> None:
    """What the screening would find, without its draws."""
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        batch = select(Answer.id).where(Answer.unit_code == "98-02", Answer.phase == 4).order_by(Answer.id)
        found = Found(
            "batch", "98-02|4", "copies", {"statistic": "66", "expected": "3.1"}, SIZE, tuple(session.scalars(batch))
        )
        reviews.store(
            session,
            wave,
            [found],
            extract="0" * 64,
            answers=420,
            options={"seed": 1},
            version="1",
            actor="test",
            now=now,
        )


def answers(items: int) -> list[list[str]]:
    """What the screening's own study calls honest, and twelve near copies in the fourth batch of the second unit."""
    setting = replace(TARGET, units=len(UNITS), answers=BATCHES * SIZE, items=items)
    wave = honest_wave(setting, np.random.default_rng(0))
    start = (BATCHES + 3) * SIZE
    made = plant(wave, np.arange(start, start + PLANTED), Fabrication.COPIES, np.random.default_rng(9))
    return [
        ["" if empty else str(value) if value else NOT_APPLICABLE for value, empty in zip(row, missing, strict=True)]
        for row, missing in zip(made.values.tolist(), made.unanswered.tolist(), strict=True)
    ]


def people(database: Database, now: datetime) -> None:
    told = {
        OFFICE: ("survey_office", "Viện Nghiên cứu phát triển", None),
        OVERSIGHT: ("oversight", "Ủy ban Mặt trận Tổ quốc", None),
        LEAD: ("lead_agency", "Sở Nội vụ", "98-01"),
    }
    with database.begin() as session:
        for email, (role, agency, unit) in told.items():
            account = Account(
                email=email, name=email, agency=agency, unit_code=unit, password_hash="x", active=True, failures=0,
                locked_until=None, created_at=now,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role=role))


def cases(database: Database) -> list[Any]:
    with database.read() as session:
        screening = reviews.latest(session, waves.find(session, WAVE))
        assert screening is not None
        return reviews.cases(session, screening)


def say(
    database: Database, number: int, verdict: Verdict, by: str, now: datetime, reason: str = "đã đối chiếu"
) -> bool:
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        case = reviews.find_case(session, wave, number)
        return reviews.decide(session, wave, case, verdict, reason=reason, by=by, now=now)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_planted_copies_are_a_case_with_its_evidence_and_the_answers_it_points_at(
    closed: Database, now: datetime
) -> None:
    screen.run(closed, WAVE, actor="test", now=now)
    found = cases(closed)
    assert {case.name.split("|")[0] for case in found} == {"98-02"}
    with closed.read() as session:
        wave = waves.find(session, WAVE)
        told = {one.signal: one.evidence for case in found for one in reviews.evidence(session, case)}
        flagged = reviews.flags(session, wave)
        planted = session.scalars(select(Answer).where(Answer.id.in_(flagged)))
        assert {answer.unit_code for answer in planted} == {"98-02"}
        flags = extract.build(session, wave).answers["flag"].values()
        assert session.scalar(select(func.count()).select_from(Answer)) == 420  # nothing is deleted
        with pytest.raises(CasesOpen):
            reviews.require_decided(session, wave)
    assert "copies" in told
    assert float(told["copies"]["statistic"]) > float(told["copies"]["quantile"]) > float(told["copies"]["expected"])
    assert PLANTED <= len(flagged) == flags.count(Flag.OPEN.value)


def test_two_offices_decide_with_reasons_and_the_log_tells_every_step(screened: Database, now: datetime) -> None:
    with pytest.raises(NotYours):
        say(screened, 1, Verdict.CONFIRMED, LEAD, now)
    with pytest.raises(TextMissing):
        say(screened, 1, Verdict.CONFIRMED, OFFICE, now, reason=" ")
    assert not say(screened, 1, Verdict.CONFIRMED, OFFICE, now)
    with pytest.raises(ApprovalGiven):
        say(screened, 1, Verdict.CONFIRMED, OFFICE, now)
    assert not say(screened, 1, Verdict.NOT_CONFIRMED, OVERSIGHT, now)  # they do not agree yet
    assert say(screened, 1, Verdict.CONFIRMED, OVERSIGHT, now + timedelta(minutes=1))
    with pytest.raises(CaseDecided):
        say(screened, 1, Verdict.NOT_CONFIRMED, OFFICE, now)
    with screened.read() as session:
        wave = waves.find(session, WAVE)
        flags = set(reviews.flags(session, wave).values())
        voices = reviews.voices(session, wave, reviews.find_case(session, wave, 1))
        log = list(session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("review.%"))))
    assert Flag.CONFIRMED in flags
    assert [voice.email for voice in voices] == [OFFICE, OVERSIGHT, OVERSIGHT]
    assert log == ["review.screen", "review.say", "review.say", "review.say", "review.decide"]


def test_what_is_not_confirmed_carries_no_flag_and_shares_tell_no_small_number(
    screened: Database, now: datetime
) -> None:
    for case in cases(screened):
        say(screened, case.number, Verdict.NOT_CONFIRMED, OFFICE, now)
        say(screened, case.number, Verdict.NOT_CONFIRMED, OVERSIGHT, now)
    with screened.read() as session:
        wave = waves.find(session, WAVE)
        reviews.require_decided(session, wave)
        shares = reviews.shares(session, wave)
        assert reviews.flags(session, wave) == {}
    assert shares["98-01"].flagged == shares["98-01"].confirmed == shares["98-02"].confirmed == 0
    assert shares["98-02"].flagged is not None
    assert shares["98-02"].flagged % reviews.STEP == 0


def test_a_new_screening_that_finds_the_same_keeps_what_was_decided(screened: Database, now: datetime) -> None:
    say(screened, 1, Verdict.CONFIRMED, OFFICE, now)
    say(screened, 1, Verdict.CONFIRMED, OVERSIGHT, now)
    before = cases(screened)
    store(screened, now + timedelta(hours=1))
    after = cases(screened)
    assert [(case.name, case.flagged, case.verdict) for case in after] == [
        (case.name, case.flagged, case.verdict) for case in before
    ]
