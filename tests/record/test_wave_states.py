"""A wave from state to state: which ways there are, what each needs, and what the clock does by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import LinkClosed, SurveyError, WrongState
from survey.errors.waves import DocumentEmpty, DocumentMissing, PauseTooShort, WavePaused
from survey.jobs import calendar
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.response import Spooled
from survey.model.wave import Wave
from survey.stages import drafts, openings, responses, steps, waves

CODE = "2026-citizens"
DECISION = "13/QD-SNV, 11/03/2026, Nguyen Van A"


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def set_state(database: Database, state: str, now: datetime, code: str = CODE) -> None:
    until = now + timedelta(hours=1) if state == waves.PAUSED else None
    with database.begin() as session:
        session.execute(update(Wave).where(Wave.code == code).values(state=state, paused_until=until))


def state_of(database: Database, code: str = CODE) -> str:
    with database.read() as session:
        return waves.find(session, code).state


def entries(database: Database, action: str) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(AuditEntry.action == action)) or 0


def step(database: Database, take: Callable[..., None], now: datetime, **details: Any) -> None:
    with database.begin() as session:
        take(session, waves.hold(session, CODE), actor="test", now=now, **details)


def test_only_the_ways_that_are_drawn_lead_from_state_to_state(database: Database, field: Any, now: datetime) -> None:
    allowed = {
        "draft": {"planned", "open", "purged"}, "planned": {"draft", "open", "purged"}, "open": {"paused", "closed"},
        "paused": {"open", "paused", "closed"}, "closed": {"sealed", "purged"}, "sealed": {"purged"}, "purged": set(),
    }  # fmt: skip
    with database.read() as session:
        wave = waves.find(session, CODE)
        session.expunge(wave)
    for before, after in product(allowed, allowed):
        wave.state = before
        if after in allowed[before]:
            waves.require_next(wave, after)
        else:
            with pytest.raises(WrongState):
                waves.require_next(wave, after)


def test_the_tables_take_no_other_state_and_no_pause_without_its_hour(
    database: Database, field: Any, now: datetime
) -> None:
    for values in ({"state": "sleeping"}, {"state": "paused"}, {"paused_until": now}):
        with pytest.raises((IntegrityError, SurveyError)), database.begin() as session:
            session.execute(update(Wave).values(**values))


def test_no_step_of_a_real_wave_goes_without_number_date_and_signer(
    database: Database, field: Any, now: datetime
) -> None:
    later = now + timedelta(hours=2)
    ways: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
        ("draft", steps.plan, {}),
        ("planned", steps.withdraw, {}),
        ("planned", waves.open_wave, {}),
        ("open", steps.pause, {"until": later}),
        ("paused", steps.resume, {}),
        ("open", steps.end, {}),
    ]
    for state, take, details in ways:
        set_state(database, state, now)
        for document, leaf in ((None, DocumentMissing), ("12/QD-SNV", DocumentEmpty), (" , , ", DocumentEmpty)):
            with pytest.raises(leaf):
                step(database, take, now, document=document, **details)
        step(database, take, now, document=DECISION, **details)
    with database.read() as session:
        assert waves.find(session, CODE).documents[-1] == DECISION
    set_state(database, "draft", now)
    with pytest.raises(WrongState):  # a real wave opens by its plan
        step(database, waves.open_wave, now, document=DECISION)


def test_a_paused_wave_takes_nothing_loses_nothing_and_says_when_to_come_back(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    code, until = field.personal[0], now + timedelta(hours=2)
    with database.begin() as session:
        opening = openings.open_link(session, keys, code, now=now)
        drafts.start(session, opening.wave.id, opening.key, code, now=now)
    step(database, steps.pause, now, until=until, document=DECISION)
    for look in (openings.open_link, openings.open_counter):
        with pytest.raises(WavePaused) as told, database.read() as session:
            look(session, keys, field.counter if look is openings.open_counter else code, now=now)
        assert told.value.until == until
    with pytest.raises(WavePaused), database.begin() as session:  # who had opened it before
        send(session, opening, code, now)
    with pytest.raises(LinkClosed), database.read() as session:  # its time runs on
        openings.open_link(session, keys, code, now=field.closes)
    step(database, steps.pause, now, until=until + timedelta(hours=1), document=DECISION)  # for longer
    step(database, steps.resume, now + timedelta(hours=3))
    with database.begin() as session:
        opening = openings.open_link(session, keys, code, now=now)
        assert drafts.reveal(opening.key, code, opening.left) is not None
        send(session, opening, code, now)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Spooled)) == 1


def send(session: Session, opening: openings.Opening, code: str, now: datetime) -> None:
    responses.accept(session, opening, secret=code, submission_key="k", answers={"S15": "5"}, body=b"b", now=now)


def test_a_pause_ends_before_the_wave_does(database: Database, field: Any, now: datetime) -> None:
    for until in (now, field.closes):
        with pytest.raises(PauseTooShort):
            step(database, steps.pause, now, until=until, document=DECISION)


def test_the_calendar_opens_resumes_and_closes_once_each_at_the_hour(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    run = lambda at: dict(calendar.run(database, keys, now=at))  # noqa: E731
    set_state(database, "planned", now)
    assert run(now - timedelta(days=2)) == {}
    assert [run(now), run(now)] == [{"opened": 1}, {}]
    step(database, steps.pause, now, until=now + timedelta(hours=1), document=DECISION)
    assert [run(now), run(now + timedelta(hours=1)), run(now + timedelta(hours=1))] == [{}, {"resumed": 1}, {}]
    assert [run(field.closes), run(field.closes), run(now), run(field.closes + timedelta(days=400))] == [
        {"closed": 2}, {}, {}, {},
    ]  # fmt: skip
    assert (state_of(database), entries(database, "wave.close")) == ("closed", 2)


def test_the_worker_opens_a_wave_by_the_decision_that_planned_it(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    set_state(database, "draft", now)
    step(database, steps.plan, now, document=DECISION)
    step(database, waves.extend, now, closes=field.closes + timedelta(days=1), document="99/QĐ, 9/3/2026, Phó giám đốc")
    assert calendar.run(database, keys, now=now) == {"opened": 1}
    with database.read() as session:
        opened = select(AuditEntry.detail).where(AuditEntry.action == "wave.open").order_by(AuditEntry.number.desc())
        assert json.loads(session.scalars(opened).first() or "")["document"] == DECISION


def test_the_calendar_finishes_a_close_that_was_cut_off_and_leaves_paper_to_people(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        waves.mark_closed(session, waves.find(session, CODE), actor="test", now=now)  # and the machine went off
        officials = waves.find(session, "2026-officials")
        officials.settings = {**officials.settings, "modes": ["link", "paper"]}
    assert calendar.run(database, keys, now=now) == {"closed": 1}
    assert calendar.run(database, keys, now=field.closes) == {}
    assert state_of(database, "2026-officials") == "open"


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_a_day_closes_nothing_before_it_has_stood_for_an_hour(now: datetime, days: int) -> None:
    ticks = iter((0.0, 60.0, 120.0, 3719.0, 3720.0))
    watch = calendar.Watch(lambda: next(ticks))
    jumped = now + timedelta(days=days)
    assert watch.believes(now)
    assert watch.believes(now + timedelta(seconds=60))
    assert not watch.believes(jumped + timedelta(seconds=120))
    assert not watch.believes(jumped + timedelta(seconds=3719))
    assert watch.believes(jumped + timedelta(seconds=3720))
