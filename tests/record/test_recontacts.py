"""Calls that check the field work: drawn by a seed, compared with the record, kept as counts alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from survey.db import Database
from survey.errors.common import WrongAudience
from survey.errors.field import CaseEnded, CaseUnknown, RecontactDrawn
from survey.jobs import close
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.invitation import Invitation
from survey.model.recontact import Recontact
from survey.model.staff import Account, AccountRole
from survey.stages import assignments, interviews, recontacts, responses, waves
from survey.stages.recontacts import Asked, Call

CITIZENS, AN = "2026-citizens", "an@example.vn"


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    """The waves; half of the twelve invited are on an interviewer's list."""
    gone = go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {**wave.settings, "modes": ["link", "interviewer"]}
        account = Account(
            email=AN, name="An", agency="-", unit_code=None, password_hash="-", active=True, failures=0,
            locked_until=None, created_at=now,
        )  # fmt: skip
        session.add(account)
        session.flush()
        session.add(AccountRole(account_id=account.id, role="interviewer"))
        session.flush()
        key = keys.wave(wave.id)
        portions = assignments.plan(session, wave, key, seed=1, units=(), accounts=[account], most=6)
        assignments.assign(session, wave, key, portions, seed=1, actor="office", now=now)
    return gone


def draw(database: Database, keys: Keys, now: datetime, *, seed: int = 1, share: float = 0.1) -> dict[str, int]:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        return recontacts.draw(session, wave, keys.wave(wave.id), seed=seed, share=share, actor="x", now=now)


def drawn(database: Database) -> set[bytes]:
    with database.read() as session:
        return {bytes(mark) for mark in session.scalars(select(Recontact.mark))}


def put_back(database: Database) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {name: value for name, value in wave.settings.items() if name != recontacts.SETTING}
        for row in session.scalars(select(Recontact)):
            session.delete(row)


def test_the_same_seed_draws_the_same_people_from_every_list_and_unit(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    lists = []
    for seed in (7, 7, 8, 9, 10):
        assert draw(database, keys, now, seed=seed) == {AN: 1, "98-01": 1}
        lists.append(drawn(database))
        put_back(database)
    assert lists[0] == lists[1]
    assert len({frozenset(one) for one in lists}) > 1
    draw(database, keys, now)
    with pytest.raises(RecontactDrawn):
        draw(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, "2026-officials")
        with pytest.raises(WrongAudience):
            recontacts.draw(session, wave, keys.wave(wave.id), seed=1, share=0.1, actor="x", now=now)


def test_calls_are_compared_with_what_the_interviewer_recorded_and_counted(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    draw(database, keys, now, share=1.0)
    with database.begin() as session:  # the first of the list was interviewed, the record of the second is invented
        mine = interviews.cases(session, keys, email=AN)
        for number, case in enumerate(mine[:2]):
            interviews.answer(
                session, case, {"S15": "5"}, sending=f"sending {number}", body=b"", broken_off=False, at=now, now=now
            )
        interviewed = mine[0].invitation.id
    with database.begin() as session:
        for case in recontacts.cases(session, keys):
            identity, _call = recontacts._unseal(case.key, case.row)
            asked = Asked.INTERVIEWER if identity == interviewed else Asked.LINK
            said = {one.code: "4" for one in recontacts.items_of(case.wave)} | {"S99": "1"}
            recontacts.record(session, case, Call.DONE, asked=asked, has_filed=True, said=said)
        with pytest.raises(CaseEnded):
            recontacts.record(
                session, recontacts.find(session, keys, case.code), Call.REFUSED, asked=None, has_filed=None, said={}
            )
        wave = waves.find(session, CITIZENS)
        assert recontacts.counts(session, wave)[f"list:{AN}"] == {"agree": 5, "differ": 1}
        told = recontacts.report(session, wave)
        assert set(told) == {"filed", f"list:{AN}"}  # no question before the close: that would be a running score
        assert (told["filed"].count, told["filed"].total, told[f"list:{AN}"].is_told) == (12, 12, False)
        low, high = told["filed"].interval
        assert (round(low, 3), round(high, 3)) == (0.757, 1.0)  # 12 of 12 by Wilson
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert drawn(database) == set()
    with database.read() as session:
        told = recontacts.report(session, waves.find(session, CITIZENS))
        items = [about for about in told if about.startswith("item:")]
        assert len(items) == 3
        assert all((told[about].count, told[about].total) == (12, 12) for about in items)
        with pytest.raises(CaseUnknown):
            recontacts.find(session, keys, case.code)


def test_without_the_keys_nobody_knows_who_is_called_or_how_it_ended(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    draw(database, keys, now)
    with database.begin() as session:
        case = recontacts.cases(session, keys)[0]
        assert case.phone == "0912345678"
        recontacts.record(session, case, Call.REFUSED, asked=None, has_filed=None, said={})
    with database.read() as session:
        known = [part for one in session.scalars(select(Invitation)) for part in (one.id, one.code_mark)]
        rows = list(session.scalars(select(Recontact)))
        assert len({len(one.sealed) for one in rows}) == 1
        for one in rows:
            stored = one.mark + one.sealed
            assert not [part for part in known if part in stored or part.hex().encode() in stored]
        log = " ".join(session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "recontact.draw")))
        assert '"people":2' in log
        assert not [one for one in known if one.hex() in log]


def test_everybody_is_told_before_answering(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with database.read() as session:
        before = responses.open_link(session, keys, field.personal[0], now=now).wave.settings
    draw(database, keys, now)
    with database.read() as session:
        after = responses.open_link(session, keys, field.personal[0], now=now).wave.settings
    assert recontacts.SETTING not in before
    assert after[recontacts.SETTING]["seed"] == 1
