"""A top-up asks every k-th visitor from a random start, nobody else, and its answers stand for the visitors counted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from survey.db import Database
from survey.errors.common import ModeNotPlanned, UnitNotInWave, WrongState
from survey.errors.field import CountTooSmall, NobodyChosen, NoInterviewer, NotIndependent, TopUpUnknown
from survey.jobs import close, extract, score
from survey.keys import Keys
from survey.model.response import Answer
from survey.model.staff import Account, AccountRole
from survey.model.topup import TopUp
from survey.stages import board, doors, openings, responses, topups, waves
from survey.stages.openings import Opening
from survey.stages.topups import Settled

CITIZENS, AN = "2026-citizens", "an@example.vn"


@pytest.fixture
def place(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> str:
    """A top-up of the second unit, every third visitor from the first one on."""
    go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {**wave.settings, "modes": ["link", "intercept"]}
        for email, unit in ((AN, None), ("own@example.vn", "98-01")):
            account = Account(
                email=email, name=email, agency="-", unit_code=unit, password_hash="-", active=True, failures=0,
                locked_until=None, created_at=now,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role="interviewer"))
        row = make(session, wave, now)
        row.start = 1
        return row.id.hex()


def make(session: Any, wave: Any, now: datetime, *, unit: str = "98-01", email: str = AN, seed: int = 1) -> TopUp:
    return topups.create(
        session, wave, unit=unit, point_of_service=None, every=3, email=email, seed=seed, actor="office", now=now
    )


def come(database: Database, place: str, now: datetime, number: int) -> bool:
    with database.begin() as session:
        found = topups.find(session, place, email=AN)
        return topups.count_visitor(session, found, number=number, now=now)


def answer(database: Database, keys: Keys, place: str, now: datetime, *, sending: str = "", said: str = "4") -> None:
    with database.begin() as session:
        found = topups.find(session, place, email=AN)
        opening = Opening(
            found.wave, waves.instrument_of(found.wave), keys.wave(found.wave.id), openings.INTERCEPT, found.row.id,
            found.unit, f"{found.unit.code}|intercept",
        )  # fmt: skip
        responses.accept(
            session, opening, secret="s", submission_key=sending or secrets.token_urlsafe(16), answers={"S15": said},
            body=b"", now=now,
        )  # fmt: skip


def counts(database: Database) -> tuple[int, ...]:
    with database.read() as session:
        row = session.scalars(select(TopUp)).one()
        return row.visitors, row.chosen, row.refused, row.not_eligible, row.completed


def test_every_third_visitor_is_asked_and_each_is_counted_once(database: Database, place: str, now: datetime) -> None:
    assert [come(database, place, now, number) for number in range(1, 8)] == [True, False, False] * 2 + [True]
    assert come(database, place, now, 7)  # pressed twice: the same visitor, the same advice
    assert not come(database, place, now, 12)  # a page of yesterday counts nobody
    assert counts(database) == (7, 3, 0, 0, 0)


def test_the_start_follows_from_the_seed_and_lies_in_the_first_interval(
    database: Database, place: str, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        starts = [make(session, wave, now, seed=seed).start for seed in (*range(30), 0)]
    assert set(starts) == {1, 2, 3}
    assert starts[0] == starts[-1]


def test_nobody_answers_who_was_not_chosen_and_many_at_once_take_no_more_places(
    database: Database, keys: Keys, place: str, now: datetime
) -> None:
    with pytest.raises(NobodyChosen):
        answer(database, keys, place, now)
    for number in range(1, 11):
        come(database, place, now, number)
    with database.begin() as session:
        topups.settle(session, topups.find(session, place, email=AN), Settled.REFUSED)

    def one(_number: int) -> bool:
        try:
            answer(database, keys, place, now)
        except NobodyChosen:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(12))) == 3
    assert counts(database) == (10, 4, 1, 0, 3)
    with pytest.raises(NobodyChosen), database.begin() as session:
        topups.settle(session, topups.find(session, place, email=AN), Settled.NOT_ELIGIBLE)


def test_the_answers_are_a_stratum_of_their_own_that_stands_for_the_eligible_visitors(
    database: Database, keys: Keys, place: str, now: datetime
) -> None:
    for number in range(1, 61):
        come(database, place, now, number)
    with database.begin() as session:
        found = topups.find(session, place, email=AN)
        for how in (Settled.REFUSED, *[Settled.NOT_ELIGIBLE] * 4):
            topups.settle(session, found, how)
    for _ in range(12):
        answer(database, keys, place, now, sending="")
    answer(database, keys, place, now, sending="twice")
    answer(database, keys, place, now, sending="twice")
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        (cell,) = [one for one in board.progress(session, wave) if one.code == "98-01"]
        assert (cell.completed, cell.counter) == (0, 0)  # neither invited nor self-selected
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        assert {one.mode for one in session.scalars(select(Answer))} == {"intercept"}
        (door,) = doors.collectors(session, wave)
        assert (door.name, door.asked, door.refused, sum(door.counts.values())) == ("98-01|intercept", 16, 1, 13)
        (group,) = extract.build(session, wave).groups.groups
    assert (group.mode, group.stratum, group.count) == ("topup", "98-01+topup", 13)
    assert (group.population, group.weight) == (48, 48 / 13)  # 60 visitors, 16 of the 20 chosen are eligible
    score.run(database, CITIZENS, actor="test", now=now)  # the statistics take it


def test_answers_of_a_top_up_whose_visitors_nobody_counted_are_kept_apart_unless_the_count_is_entered_in_time(
    database: Database, keys: Keys, place: str, now: datetime
) -> None:
    with database.begin() as session:
        row = session.scalars(select(TopUp)).one()
        row.every = 1
    for number in range(1, 13):  # those alone who answer
        come(database, place, now, number)
        answer(database, keys, place, now)
    with database.begin() as session:
        wave, row = waves.find(session, CITIZENS), session.scalars(select(TopUp)).one()
        assert not topups.is_counted(row)
        for code, visitors, refusal in ((place, 11, CountTooSmall), ("0" * 32, 90, TopUpUnknown)):
            with pytest.raises(refusal):
                topups.state_count(session, wave, code, visitors, actor="office", now=now)
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    with database.read() as session:
        built = extract.build(session, waves.find(session, CITIZENS))
    (group,) = built.groups.groups
    assert (group.mode, group.self_selected, group.count) == ("counter", True, 12)
    assert built.manifest.as_dict()["topups_not_counted"] == ["98-01"]
    score.run(database, CITIZENS, actor="test", now=now)
    with database.begin() as session, pytest.raises(WrongState):
        topups.state_count(session, waves.find(session, CITIZENS), place, 90, actor="office", now=now)


def test_a_count_that_a_coordinator_enters_makes_the_answers_a_sample_of_the_visitors(
    database: Database, keys: Keys, place: str, now: datetime
) -> None:
    with database.begin() as session:
        session.scalars(select(TopUp)).one().every = 1
    for number in range(1, 13):
        come(database, place, now, number)
        answer(database, keys, place, now)
    with database.begin() as session:
        topups.state_count(session, waves.find(session, CITIZENS), place, 60, actor="office", now=now)
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    with database.read() as session:
        built = extract.build(session, waves.find(session, CITIZENS))
    (group,) = built.groups.groups
    assert (group.mode, group.population, group.weight) == ("topup", 60, 5)
    assert "topups_not_counted" not in built.manifest.as_dict()


def test_who_asks_belongs_to_no_rated_unit_and_sees_the_own_counter_alone(
    database: Database, place: str, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        for values, refusal in (
            ({"email": "own@example.vn"}, NotIndependent),
            ({"email": "x@y.vn"}, NoInterviewer),
            ({"unit": "98-09"}, UnitNotInWave),
        ):  # fmt: skip
            with pytest.raises(refusal):
                make(session, wave, now, **values)
        with pytest.raises(TopUpUnknown):
            topups.find(session, place, email="own@example.vn")
        wave.settings = {**wave.settings, "modes": ["link"]}
        with pytest.raises(ModeNotPlanned):
            make(session, wave, now)
