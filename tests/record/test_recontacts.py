"""Calls that check the field work: drawn by a seed, compared with the record, kept as counts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, update

from survey.custody import keyring
from survey.db import Database
from survey.errors.common import SealBroken, WrongAudience
from survey.errors.field import CaseEnded, CaseUnknown, RecontactDrawn
from survey.errors.waves import DocumentMissing
from survey.jobs import close
from survey.keys import Keys, seal
from survey.model.audit import AuditEntry
from survey.model.base import Base
from survey.model.interview import Assignment
from survey.model.invitation import Invitation
from survey.model.recontact import Recontact, WaitingMatch
from survey.model.staff import Account, AccountRole
from survey.stages import assignments, interviews, matches, openings, recontacts, responses, waves
from survey.stages.matches import Pair
from survey.stages.recontacts import Asked, Call

CITIZENS, AN = "2026-citizens", "an@example.vn"
COUNTERS = {"tally", "cell_count", "day_count", "class_cell"}  # a number more may be a digit more
MINUTES = "14/BB-MTTQ, 12/03/2026, Tran Van B"
SHORT = b'{"asked": false, "call": false, "mark": "00", "said": []}'


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


def draw(
    database: Database, keys: Keys, now: datetime, *, seed: int = 1, share: float = 0.1, document: str | None = MINUTES
) -> dict[str, int]:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        return recontacts.draw(session, wave, keys, seed=seed, share=share, document=document, actor="x", now=now)


def drawn(database: Database) -> set[bytes]:
    with database.read() as session:
        return {bytes(mark) for mark in session.scalars(select(Recontact.mark))}


def put_back(database: Database) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {name: value for name, value in wave.settings.items() if name != matches.SETTING}
        for row in session.scalars(select(Recontact)):
            session.delete(row)


def test_the_same_seed_draws_the_same_people_from_every_list_and_unit(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    lists = []
    with pytest.raises(DocumentMissing):
        draw(database, keys, now, document=None)
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
            recontacts.draw(session, wave, keys, seed=1, share=0.1, document=MINUTES, actor="x", now=now)


def test_the_rule_drawn_before_the_first_links_follows_every_later_link_and_list(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    """Else nobody who was invited or shared out after the draw would ever be called."""

    def follow() -> dict[str, int]:
        with database.begin() as session:
            wave = waves.find(session, CITIZENS)
            return recontacts.follow(session, wave, keys.wave(wave.id), actor="x", now=now)

    assert follow() == {}  # no rule yet
    with database.begin() as session:
        states = {one.id: one.state for one in session.scalars(select(Invitation))}
        for one in session.scalars(select(Invitation)):
            one.state = "wrong_person"
    assert draw(database, keys, now, share=0.3) == {}
    with database.begin() as session:
        for assigned in session.scalars(select(Assignment)):
            session.delete(assigned)
        for one in session.scalars(select(Invitation)):
            one.state = states[one.id]
    assert follow() == {"98-01": 4}
    first = drawn(database)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        key, accounts = keys.wave(wave.id), assignments.interviewers(session)
        portions = assignments.plan(session, wave, key, seed=3, units=(), accounts=accounts, most=6)
        assignments.assign(session, wave, key, portions, seed=3, actor="office", now=now)
    follow()
    groups = Counter(AN if mark in on_the_list(database, keys) else "98-01" for mark in drawn(database))
    assert first <= drawn(database)
    assert min(groups[AN], groups["98-01"]) >= 2  # three in ten of six
    assert follow() == {}


def on_the_list(database: Database, keys: Keys) -> set[bytes]:
    with database.read() as session:
        key = keys.wave(waves.find(session, CITIZENS).id)
        listed = set(session.scalars(select(Assignment.mark)))
        every = session.scalars(select(Invitation.id))
        return {matches.mark_of(key, one) for one in every if assignments.mark_of(key, one) in listed}


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
        log = " ".join(session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "recontact.follow")))
        assert '"people":2' in log
        assert not [one for one in known if one.hex() in log]


def test_everybody_is_told_before_answering(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with database.read() as session:
        before = openings.open_link(session, keys, field.personal[0], now=now).wave.settings
    draw(database, keys, now)
    with database.read() as session:
        after = openings.open_link(session, keys, field.personal[0], now=now).wave.settings
    assert matches.SETTING not in before
    assert after[matches.SETTING]["seed"] == 1


def items_of(database: Database) -> list[str]:
    with database.read() as session:
        return [one.code for one in recontacts.items_of(waves.find(session, CITIZENS))]


def answer_link(
    database: Database, keys: Keys, code: str, now: datetime, said: dict[str, str], *, agrees: bool
) -> None:
    with database.begin() as session:
        opening = openings.open_link(session, keys, code, now=now)
        responses.accept(
            session, opening, secret=code, submission_key=code, answers=said, body=b"", now=now, agrees=agrees
        )


def call_all(database: Database, keys: Keys, said: list[dict[str, str]], asked: Asked = Asked.LINK) -> None:
    with database.begin() as session:
        for case, answers in zip(recontacts.cases(session, keys), said, strict=True):
            recontacts.record(session, case, Call.DONE, asked=asked, has_filed=True, said=answers)


def waiting(database: Database) -> list[bytes]:
    with database.read() as session:
        return [bytes(sealed) for sealed in session.scalars(select(WaitingMatch.sealed))]


def test_answers_of_people_who_agreed_are_compared_once_at_the_close_and_only_counts_stay(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    draw(database, keys, now, share=1.0)
    items = items_of(database)
    with database.begin() as session:
        mine = interviews.cases(session, keys, email=AN)
        for number, case in enumerate(mine):
            interviews.answer(
                session, case, dict.fromkeys(items, "4"), sending=f"sending {number}", body=b"", broken_off=False,
                at=now, now=now, agrees=True,
            )  # fmt: skip
        visited = {case.key.code(case.invitation.id) for case in mine}
    by_link = [code for code in field.personal if code not in visited]
    for number, code in enumerate(by_link):
        answer_link(database, keys, code, now, dict.fromkeys(items, "4"), agrees=number > 0)
    same = dict.fromkeys(items, "4")
    call_all(database, keys, [same] * 11 + [{**same, items[0]: "2"}])
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        assert not [about for about in recontacts.counts(session, wave) if about.startswith("same")]
        identity = wave.id
    assert len(waiting(database)) == 24
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert waiting(database) == []
    assert not keys.once_file(identity).exists()
    with database.read() as session:
        told = recontacts.report(session, waves.find(session, CITIZENS))
        found = {about: (one.count, one.total) for about, one in told.items() if about.startswith("same")}
    differing = found.pop(f"same:{items[0]}")
    assert differing in ((10, 11), (11, 11))  # the twelfth call may be that of the one who did not agree
    assert found == {f"same:{code}": (11, 11) for code in items[1:]}  # no list of six is told apart


def test_a_comparison_needs_consent_an_own_answer_and_the_key(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    draw(database, keys, now, share=1.0)
    same = dict.fromkeys(items_of(database), "4")
    for code in field.personal:
        answer_link(database, keys, code, now, same, agrees=True)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        assert matches.settle(session, wave, keys.once(wave.id), {}) == []  # nobody was called
        identity = wave.id
        session.rollback()
    call_all(database, keys, [same] * 12, asked=Asked.OTHER)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        assert matches.settle(session, wave, keys.once(wave.id), {}) == []  # somebody else answered
        session.rollback()
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        public = bytes.fromhex(wave.settings[matches.SETTING][matches.PUBLIC])
        for put in (b"changed", *(seal(public, text) for text in (b"x", b"[]", b'{"call": true}', SHORT))):
            session.execute(update(WaitingMatch).values(sealed=put))
            assert matches.settle(session, wave, keys.once(wave.id), {}) == []  # it counts for nothing, nothing stops
            session.rollback()
    keys.destroy_once(identity)
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert waiting(database) == []
    with database.read() as session:
        told = recontacts.report(session, waves.find(session, CITIZENS))
    assert len([about for about in told if about.startswith("answers:")]) == 3  # distributions need no key
    assert not [about for about in told if about.startswith("same")]


def test_no_group_of_fewer_than_ten_is_counted_or_can_be_worked_out() -> None:
    def pairs(**sizes: int) -> list[Pair]:
        return [Pair(group.strip("_"), (1,), (1,)) for group, size in sizes.items() for _ in range(size)]

    def sizes(found: list[Pair]) -> dict[str, int]:
        return {group: words.total() for group, words in matches.counted(found, 0).items()}

    assert sizes(pairs(_=9)) == {}
    assert sizes(pairs(an=12, _=10)) == {"an": 12, "": 10}
    assert sizes(pairs(an=12, binh=10, chi=4)) == {"an": 12, "": 14}
    assert sizes(pairs(an=12, _=3)) == {"": 15}
    assert sizes(pairs(an=4, binh=5)) == {}
    assert matches.counted([Pair("", (matches.OPEN,), (1,))] * 12, 0) == {}


def rows_of(database: Database) -> dict[str, Counter[tuple[Any, ...]]]:
    with database.read() as session:
        return {
            table.name: Counter(
                tuple(one if isinstance(one, bytes) else str(one) for one in row)
                for row in session.execute(select(table))
            )
            for table in Base.metadata.sorted_tables
        }


def change(before: dict[str, Counter[Any]], after: dict[str, Counter[Any]]) -> dict[str, Any]:
    """What became of every table: how many rows came and went, and how long each of their values is."""
    shapes = {
        name: [sorted(tuple(map(len, row)) for row in (one - other).elements())
               for one, other in ((after[name], before[name]), (before[name], after[name]))]
        for name in after
    }  # fmt: skip
    return {name: shape for name, shape in shapes.items() if any(shape)}


def test_copies_of_the_database_do_not_tell_who_was_drawn_agreed_and_answered(
    database: Database, keys: Keys, field: Any, now: datetime, tmp_path: Path
) -> None:
    draw(database, keys, now)
    items = items_of(database)
    with database.read() as session:
        key = keys.wave(waves.find(session, CITIZENS).id)
        open_links = [openings.open_link(session, keys, code, now=now) for code in field.personal]
    called = {
        code: matches.mark_of(key, one.subject) in drawn(database)
        for code, one in zip(field.personal, open_links, strict=True)
    }
    order = sorted(called, key=lambda code: called[code])[-4:]
    assert [called[code] for code in order] == [False, False, True, True]
    changes = []
    for code, agrees in zip(order, (False, True, False, True), strict=True):
        before = rows_of(database)
        said = dict.fromkeys(items, "5" if agrees else "1")
        answer_link(database, keys, code, now, said if agrees else {**said, items[0]: "2"}, agrees=agrees)
        changes.append(change(before, rows_of(database)))
    first, *others = [{name: shape for name, shape in one.items() if name not in COUNTERS} for one in changes]
    assert all(one == first for one in others)
    assert "recontact" not in first
    assert len(first["waiting_match"][0]) == 1
    call_all(database, keys, [dict.fromkeys(items, "5"), {}])
    pieces = waiting(database)
    assert len(pieces) == 6
    assert len({len(one) for one in pieces}) == 1
    with database.read() as session:
        known = [bytes(part) for one in session.scalars(select(Invitation)) for part in (one.id, one.code_mark)]
        ids = set(session.scalars(select(WaitingMatch.id)))
    stored = b"".join([*pieces, *map(bytes, ids)])
    assert not [one for one in (*known, *drawn(database)) if one in stored or one.hex().encode() in stored]
    for one in pieces:  # the wave's key, which is in backups of the keys, opens none of them
        with pytest.raises(SealBroken):
            key.open(one)
    keys.require_installation()
    assert all(name.endswith(".key") for name in keyring.write(keys, tmp_path / "keys.backup", "a long passphrase"))
