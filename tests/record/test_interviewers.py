"""Interviewers get lists that nobody picked; what they record counts, and tells nobody who of the invited answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from survey.db import Database
from survey.errors.common import KeyReused, LinkClosed, ModeNotPlanned, WrongAudience
from survey.errors.field import CaseEnded, CaseUnknown, NobodyToAssign, NoInterviewer, WhenMissing
from survey.errors.staff import PhoneRefused
from survey.errors.waves import WavePaused
from survey.jobs import close
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.frame import Dossier
from survey.model.interview import Assignment, FieldTally
from survey.model.invitation import Invitation
from survey.model.response import Answer, SpentMark, Spooled
from survey.model.staff import Account, AccountRole
from survey.stages import (
    accounts,
    assignments,
    board,
    dispositions,
    dossiers,
    interviews,
    openings,
    privacy,
    responses,
    waves,
)
from survey.stages.interviews import Outcome

CITIZENS, OFFICIALS = "2026-citizens", "2026-officials"
AN, BINH = "an@example.vn", "binh@example.vn"
ANSWERS = {"S15": "4", "S16": "2"}


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    """The waves, and two interviewers; citizens may be visited."""
    gone = go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {**wave.settings, "modes": ["link", "counter", "interviewer"]}
        for email in (AN, BINH):
            account = Account(
                email=email, name=email[:2], agency="Bưu điện", unit_code=None, password_hash="-", active=True,
                failures=0, locked_until=None, created_at=now,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role="interviewer"))
    return gone


def assign(database: Database, keys: Keys, now: datetime, *, seed: int = 1, most: int | None = None) -> Counter[str]:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        key, accounts = keys.wave(wave.id), assignments.interviewers(session)
        portions = assignments.plan(session, wave, key, seed=seed, units=(), accounts=accounts, most=most)
        assignments.assign(session, wave, key, portions, seed=seed, actor="office", now=now)
        return Counter({one.account.email: len(one.people) for one in portions})


def codes(database: Database, keys: Keys, email: str) -> list[str]:
    with database.read() as session:
        return [one.code for one in interviews.cases(session, keys, email=email)]


def tell(
    database: Database, keys: Keys, now: datetime, code: str, outcome: Outcome, *, email: str = AN, sending: str = "1",
    back: str = "", at: datetime | None = None,
) -> None:  # fmt: skip
    with database.begin() as session:
        case = interviews.find(session, keys, code, email=email)
        interviews.record(session, case, outcome, sending=sending, at=at or now, now=now, back=back)


def interview(
    database: Database, keys: Keys, now: datetime, code: str, *, email: str = AN, sending: str = "form",
    said: dict[str, str] = ANSWERS, broken_off: bool = False,
) -> None:  # fmt: skip
    with database.begin() as session:
        case = interviews.find(session, keys, code, email=email)
        interviews.answer(
            session, case, said, sending=sending, body=repr(said).encode(), broken_off=broken_off, at=now, now=now
        )


def rows(database: Database, table: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table)))


def tallies(database: Database) -> dict[str, tuple[int, int]]:
    counted: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for one in rows(database, FieldTally):
        counted[one.outcome] += one.people
        tried[one.outcome] += one.attempts
    return {outcome: (count, tried[outcome]) for outcome, count in counted.items() if count or tried[outcome]}


def test_lists_are_equally_long_follow_from_the_seed_and_are_shared_out_once(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        key, accounts = keys.wave(wave.id), assignments.interviewers(session)
        planned = [
            {one.account.email: [person.invitation for person in one.people] for one in portions}
            for portions in (
                assignments.plan(session, wave, key, seed=seed, units=(), accounts=accounts, most=None)
                for seed in (1, 1, 2)
            )
        ]
    assert planned[0] == planned[1] != planned[2]
    assert rows(database, Assignment) == []  # a plan stores nothing
    assert assign(database, keys, now, most=3) == {AN: 3, BINH: 3}
    assert assign(database, keys, now) == {AN: 3, BINH: 3}
    with pytest.raises(NobodyToAssign):
        assign(database, keys, now)
    assert len({one.mark for one in rows(database, Assignment)}) == 12
    assert tallies(database) == {"pending": (12, 0)}


def test_a_dossier_under_an_interviewers_own_telephone_comes_on_no_list_and_is_counted(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    installation = keys.installation
    with database.begin() as session:
        account = accounts.of_address(session, AN)
        with pytest.raises(PhoneRefused):
            accounts.set_phone(session, account, "12", installation=installation, actor="x", now=now)
        accounts.set_phone(session, account, "+84 912 000 111", installation=installation, actor="x", now=now)
        own = installation.mark("phone", "0912000111")
        assert own in dossiers.staff_marks(session, installation)
        mine = session.scalars(select(Dossier.id).order_by(Dossier.id).limit(2)).all()
        session.execute(update(Dossier).where(Dossier.id.in_(mine)).values(person_mark=own))
        assert "0912000111" not in " ".join(session.scalars(select(AuditEntry.detail)))
    assert assign(database, keys, now) == {AN: 5, BINH: 5}
    with database.begin() as session:
        accounts.set_phone(
            session, accounts.of_address(session, AN), None, installation=installation, actor="x", now=now
        )
        assert own not in dossiers.staff_marks(session, installation)
    assert assign(database, keys, now).total() == 2


def test_neighbours_come_on_one_list(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with database.begin() as session:
        for number, identity in enumerate(session.scalars(select(Dossier.id).order_by(Dossier.id)).all()):
            where = f"0{number % 2 + 1}"
            session.execute(update(Dossier).where(Dossier.id == identity).values(commune=where))
    assign(database, keys, now)
    with database.read() as session:
        for email in (AN, BINH):
            mine = interviews.cases(session, keys, email=email)
            assert len({session.get_one(Dossier, one.invitation.dossier_id).commune for one in mine}) == 1


def test_what_was_tried_is_counted_once_and_an_own_list_is_nobody_elses(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    mine = codes(database, keys, AN)
    tell(database, keys, now, mine[0], Outcome.NO_CONTACT, sending="a", at=now + timedelta(days=9))
    tell(database, keys, now, mine[0], Outcome.NO_CONTACT, sending="a")  # sent twice
    tell(database, keys, now, mine[0], Outcome.CALLBACK, sending="b", back="thứ ba 18:00")
    tell(database, keys, now, mine[1], Outcome.REFUSED, sending="c")
    tell(database, keys, now, mine[2], Outcome.NOT_ELIGIBLE, sending="d")
    assert tallies(database) == {
        "pending": (9, 0), "no_contact": (0, 1), "callback": (1, 1), "refused": (1, 1), "not_eligible": (1, 1)
    }  # fmt: skip
    with database.read() as session:
        (case,) = [one for one in interviews.cases(session, keys, email=AN) if one.code == mine[0]]
        assert [(one.at, one.outcome, one.back) for one in case.attempts] == [
            (now, Outcome.NO_CONTACT, ""), (now, Outcome.CALLBACK, "thứ ba 18:00")
        ]  # fmt: skip
        assert case.phone == "0912345678"
    with pytest.raises(WhenMissing):
        tell(database, keys, now, mine[3], Outcome.CALLBACK)
    with pytest.raises(CaseEnded):
        tell(database, keys, now, mine[2], Outcome.NO_CONTACT, sending="e")
    for code in (mine[0], "00" * 16, "zz"):
        with pytest.raises(CaseUnknown):
            tell(database, keys, now, code, Outcome.REFUSED, email=BINH)


def test_an_interview_is_stored_once_however_often_it_is_sent(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    mine = codes(database, keys, AN)

    def send(_number: int) -> None:
        interview(database, keys, now, mine[0])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(8)))
    assert len(rows(database, SpentMark)) == 1
    assert tallies(database) == {"pending": (11, 0), "complete": (1, 1)}
    with pytest.raises(KeyReused):
        interview(database, keys, now, mine[0], said={"S15": "1"})
    interview(database, keys, now, mine[0], sending="another", said={"S15": "1"})  # a second form adds nothing
    assert len(rows(database, SpentMark)) == 1
    interview(database, keys, now, mine[1], broken_off=True)
    assert tallies(database)["partial"] == (1, 1)


def test_an_interviewer_is_not_told_that_somebody_answered_by_link(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    with database.begin() as session:
        case = interviews.cases(session, keys, email=AN)[0]
        code = case.key.code(case.invitation.id)
        opening = openings.open_link(session, keys, code, now=now)
        responses.accept(session, opening, secret=code, submission_key="k", answers={"S15": "5"}, body=b"", now=now)
    assert codes(database, keys, AN)[0] == case.code  # the list looks as before
    interview(database, keys, now, case.code)
    assert len(rows(database, SpentMark)) == 1
    assert sum(one.kind == "answer" for one in rows(database, Spooled)) == 1
    with database.read() as session:
        assert dispositions.by_unit(session, waves.find(session, CITIZENS))["98-01"].complete == 1


@pytest.mark.parametrize(("most", "mode"), [(5, "interviewer"), (4, "link")])
def test_by_an_interviewer_stands_on_an_answer_only_where_ten_of_its_class_are_on_lists(
    database: Database, keys: Keys, field: Any, now: datetime, most: int, mode: str
) -> None:
    assign(database, keys, now, most=most)
    for email in (AN, BINH):
        for code in codes(database, keys, email):
            interview(database, keys, now, code, email=email, sending=code)
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        assert [cell.completed for cell in board.progress(session, wave) if cell.code == "98-01"] == [2 * most]
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert {one.mode for one in rows(database, Answer)} == {mode}
    assert rows(database, Assignment) == []
    with database.read() as session:
        hidden = privacy.hiding(session, waves.find(session, CITIZENS))
    assert hidden == privacy.Hiding(2 * most, 10 if mode == "interviewer" else 12)
    assert tallies(database)["complete"] == (2 * most, 2 * most)  # the counts stay


def test_without_the_keys_no_list_tells_who_is_on_it_or_how_it_went(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    mine = codes(database, keys, AN)
    tell(database, keys, now, mine[0], Outcome.REFUSED)
    tell(database, keys, now, mine[1], Outcome.CALLBACK, back="18:00")
    interview(database, keys, now, mine[2])
    known = [part for one in rows(database, Invitation) for part in (one.id, one.code_mark, one.dossier_id) if part]
    stored = rows(database, Assignment)
    assert len({len(one.sealed) for one in stored}) == 1
    for one in stored:
        everything = one.mark + one.sealed
        assert not [part for part in known if part in everything or part.hex().encode() in everything]
        assert b"refused" not in everything
    with database.read() as session:
        log = " ".join(session.scalars(select(AuditEntry.detail)))
        assert not [code for code in mine if code in log]
        columns = session.execute(text("select * from assignment")).keys()
    assert set(columns) == {"mark", "wave_id", "account_id", "sealed"}


def test_response_rates_are_those_of_the_definitions() -> None:
    told = dispositions.Dispositions(
        complete=40, partial=10, refused=20, no_contact=20, other=10, unknown=50, not_eligible=25
    )
    assert [told.rate(number) for number in range(1, 5)] == [40 / 150, 50 / 150, 40 / 140, 50 / 140]  # e = 100 / 125
    assert dispositions.Dispositions(0, 0, 0, 0, 0, 0, 3).rate(1) is None


def test_who_refused_and_answered_by_link_is_counted_once(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    for email in (AN, BINH):
        for code in codes(database, keys, email):
            tell(database, keys, now, code, Outcome.REFUSED, email=email, sending=code)
    for code in field.personal[:5]:
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=now)
            responses.accept(session, opening, secret=code, submission_key=code, answers={}, body=b"", now=now)
    with database.read() as session:
        told = dispositions.by_unit(session, waves.find(session, CITIZENS))["98-01"]
    assert told.counts == {"I": 5, "P": 0, "R": 7, "NC": 0, "O": 0, "U": 0, "NE": 0}
    assert told.rate(1) == 5 / 12


def test_lists_are_for_citizens_of_a_wave_that_plans_visits_and_for_interviewers(
    database: Database, keys: Keys, go_to_the_field: Callable[..., Any], field: Any, now: datetime
) -> None:
    with database.begin() as session:
        citizens, officials = waves.find(session, CITIZENS), waves.find(session, OFFICIALS)
        accounts = assignments.interviewers(session)
        citizens.settings = {**citizens.settings, "modes": ["link"]}
        for wave, refusal in ((citizens, ModeNotPlanned), (officials, WrongAudience)):
            with pytest.raises(refusal):
                assignments.plan(session, wave, keys.wave(wave.id), seed=1, units=(), accounts=accounts, most=None)
        with pytest.raises(NoInterviewer):
            assignments.interviewers(session, ["nobody@example.vn"])
        session.execute(delete(AccountRole))
        with pytest.raises(NoInterviewer):
            assignments.interviewers(session)


def test_a_closed_wave_takes_nothing_that_waited_on_a_phone(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assign(database, keys, now)
    mine = codes(database, keys, AN)
    with database.begin() as session:
        case = interviews.find(session, keys, mine[0], email=AN)
        waves.find(session, CITIZENS).state = waves.CLOSED
        session.flush()
        with pytest.raises(LinkClosed):
            interviews.answer(session, case, ANSWERS, sending="x", body=b"", broken_off=False, at=now, now=now)
    with pytest.raises(CaseUnknown):
        interview(database, keys, now, mine[0])


def test_a_wave_that_rests_loses_nothing_of_a_phone(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    assign(database, keys, now)
    (first, *_rest) = codes(database, keys, AN)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.state, wave.paused_until = waves.PAUSED, now + timedelta(days=1)
    with pytest.raises(WavePaused):
        interview(database, keys, now, first)
    tell(database, keys, now, first, Outcome.NO_CONTACT)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.state, wave.paused_until = waves.OPEN, None
    interview(database, keys, now, first)
    assert tallies(database) == {"pending": (11, 0), "no_contact": (0, 1), "complete": (1, 1)}
