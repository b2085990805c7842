"""A sheet is typed in twice before it counts, once, and nothing ties it to the answer; cards are drawn by lot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text, update

from survey.channels.contract import Channel
from survey.db import Database
from survey.errors.common import LinkClosed, ModeNotPlanned, NoLot, SameTypist, SheetMoved, SheetUnknown, WrongAudience
from survey.jobs import close
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.paper import PaperSheet
from survey.model.rater import Rater
from survey.model.response import Answer, SpentMark, Spooled
from survey.paper.numbers import check_digit
from survey.stages import (
    board,
    coverage,
    invitations,
    lots,
    openings,
    outbox,
    papers,
    privacy,
    responses,
    samples,
    sheets,
    waves,
)
from survey.stages.sheets import Printed
from survey.wavefile import read_wave_file

CITIZENS, OFFICIALS = "2026-citizens", "2026-officials"
ANSWERS = {"S15": "4", "S16": "2", "sex": "F"}


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    """The waves; citizens may answer on paper."""
    gone = go_to_the_field(database, keys, now)
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        wave.settings = {**wave.settings, "modes": ["link", "counter", "paper"]}
    return gone


def print_for(
    database: Database, keys: Keys, now: datetime, unit: str | None = "98-01", seed: int = 1
) -> list[Printed]:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        return sheets.allot(session, wave, keys, unit=unit, rng=Random(seed), actor="office", now=now)


def enter(database: Database, keys: Keys, now: datetime, number: str, by: str, answers: dict[str, str]) -> str:
    with database.begin() as session:
        sheet = papers.find(session, keys, number, lock=True)
        return papers.enter(session, sheet, answers, by=by, now=now)


def state_of(database: Database, keys: Keys, number: str) -> str:
    with database.read() as session:
        return papers.find(session, keys, number).state


def rows(database: Database, table: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table)))


def test_a_sheet_counts_once_two_people_typed_the_same(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    sheet = print_for(database, keys, now)[0]
    assert enter(database, keys, now, sheet.number, "an", ANSWERS) == sheets.ONCE
    assert not rows(database, SpentMark)
    with pytest.raises(SameTypist):
        enter(database, keys, now, sheet.number, "an", ANSWERS)
    assert enter(database, keys, now, sheet.number, "binh", ANSWERS) == sheets.DONE
    assert len(rows(database, SpentMark)) == 1
    with database.read() as session, pytest.raises(LinkClosed):
        openings.open_link(session, keys, sheet.code, now=now)
    (kept,) = [row for row in rows(database, PaperSheet) if row.state == sheets.DONE]
    assert (kept.first, kept.second) == (None, None)


def test_many_clerks_at_once_make_one_answer_of_a_sheet(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    sheet = print_for(database, keys, now)[0]

    def type_in(by: int) -> str:
        try:
            return enter(database, keys, now, sheet.number, f"clerk {by % 4}", ANSWERS)
        except (SameTypist, SheetMoved):
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(type_in, range(16)))
    assert outcomes == {sheets.ONCE: 1, sheets.DONE: 1, "refused": 14}
    assert len(rows(database, Spooled)) == 2  # the answer, and apart from it the one fact


def test_differences_are_settled_line_by_line_and_only_counted_in_the_log(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    given = print_for(database, keys, now)
    for sheet in given[:10]:
        enter(database, keys, now, sheet.number, "an", ANSWERS)
        enter(database, keys, now, sheet.number, "binh", {"S15": "4", "S16": "1", "S17": "5"})
        with database.begin() as session:
            found = papers.find(session, keys, sheet.number, lock=True)
            differing = [(one.name, one.first, one.second) for one in papers.differences(found)]
            assert differing == [("S16", "2", "1"), ("S17", "", "5"), ("sex", "F", "")]
            assert papers.resolve(session, found, {"S16": "1", "sex": "F"}, actor="office", now=now) == sheets.DONE
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    answers = rows(database, Answer)
    assert [(one.mode, one.items) for one in answers] == [("paper", {"S15": "4", "S16": "1"})] * 10
    log = [row for row in rows(database, AuditEntry) if row.action == "papers.resolve"]
    assert {row.detail for row in log} == {'{"as_first":2,"as_second":1,"differences":3}'}
    with database.read() as session:
        wave = waves.find(session, CITIZENS)
        assert [cell.completed for cell in board.progress(session, wave) if cell.code == "98-01"] == [10]
        assert privacy.hiding(session, wave) == privacy.Hiding(10, 12)


def test_a_link_that_was_answered_online_meanwhile_leaves_nothing_of_the_sheet(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    sheet = print_for(database, keys, now)[0]
    enter(database, keys, now, sheet.number, "an", ANSWERS)
    with database.begin() as session:
        opening = openings.open_link(session, keys, sheet.code, now=now)
        responses.accept(
            session, opening, secret=sheet.code, submission_key="k", answers={"S15": "5"}, body=b"", now=now
        )
    assert enter(database, keys, now, sheet.number, "binh", ANSWERS) == sheets.OVERTAKEN
    with database.read() as session:
        assert session.scalar(text("select count(*) from spooled")) == 1
        assert session.scalar(text("select count(*) from submission")) == 1
        assert session.scalar(text("select count(*) from paper_sheet where first is not null")) == 0


def test_how_it_was_answered_is_not_said_where_few_of_the_class_have_a_sheet(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:  # nine people whom no message reaches
        few = list(session.scalars(select(Dossier.id).limit(9)))
        session.execute(update(Dossier).where(Dossier.id.in_(few)).values(phone=None))
    sheets = print_for(database, keys, now, unit=None)
    assert len(sheets) == 9
    for sheet in sheets:
        enter(database, keys, now, sheet.number, "an", ANSWERS)
        enter(database, keys, now, sheet.number, "binh", ANSWERS)
    close.run(database, keys, CITIZENS, actor="test", now=now, rng=Random(1))
    assert {one.mode for one in rows(database, Answer)} == {"link"}
    assert rows(database, PaperSheet) == []


def test_printing_again_keeps_the_numbers_and_a_mistyped_one_opens_no_sheet(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    first, second = print_for(database, keys, now, seed=1), print_for(database, keys, now, seed=2)
    assert [(one.number, one.code) for one in first] == [(one.number, one.code) for one in second]
    assert len(first) == 12
    number = first[0].number
    for place in range(8):
        wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        with pytest.raises(SheetUnknown):
            state_of(database, keys, wrong)
    with pytest.raises(SheetUnknown):  # rightly formed, never printed
        state_of(database, keys, "0000000" + check_digit("0000000"))
    assert state_of(database, keys, f"http://site/k/{first[0].code}") == sheets.PRINTED
    assert state_of(database, keys, f"{number[:4]} {number[4:]}") == sheets.PRINTED


def test_without_the_keys_nothing_ties_a_sheet_to_an_invitation_or_tells_what_was_typed(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    sheet = print_for(database, keys, now)[0]
    enter(database, keys, now, sheet.number, "an@example.vn", ANSWERS)
    known = [part for one in rows(database, Invitation) for part in (one.id, one.code_mark)]
    for row in rows(database, PaperSheet):
        stored = row.mark + row.number_mark + row.sealed + (row.first or b"")
        assert not [part for part in known if part in stored or part.hex().encode() in stored]
        assert b"S15" not in stored
        assert b"an@" not in stored
        assert sheet.number.encode() not in stored


def test_paper_is_for_citizens_of_a_wave_that_plans_it(
    database: Database, keys: Keys, go_to_the_field: Callable[..., Any], now: datetime
) -> None:
    go_to_the_field(database, keys, now)
    for code, refusal in ((CITIZENS, ModeNotPlanned), (OFFICIALS, WrongAudience)):
        with database.begin() as session, pytest.raises(refusal):
            sheets.allot(session, waves.find(session, code), keys, unit=None, rng=Random(1), actor="x", now=now)


def test_who_is_to_get_a_letter_gets_a_sheet(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with database.begin() as session:
        wave = waves.find(session, CITIZENS)
        invited = session.scalars(select(Invitation.id).where(Invitation.wave_id == wave.id).order_by(Invitation.id))
        ids = list(invited)
        for channel, some in ((Channel.PRINT, ids[:3]), (Channel.SMS, ids[3:])):
            entries = [outbox.Entry(one, "invitation", channel, "vi") for one in some]
            outbox.put_in(session, wave, keys.wave(wave.id), entries, state=outbox.WAITING, letter=0, now=now)
        codes = {keys.wave(wave.id).code(one) for one in ids[:3]}
    assert {one.code for one in print_for(database, keys, now, unit=None)} == codes


PLANNED = """
code = "planned"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2026-01-01
period_to = 2026-12-31
opens = 2026-03-01T07:00:00
closes = 2026-04-01T17:00:00
units = ["98-01"]
modes = {modes}
[targets]
default = 30
"""


@pytest.mark.parametrize(("modes", "reached"), [('["link"]', 12), ('["link", "paper"]', 24)])
def test_people_without_a_phone_are_invited_where_the_wave_prints_sheets(
    database: Database, keys: Keys, field: Any, now: datetime, modes: str, reached: int
) -> None:
    with database.begin() as session:
        plan = read_wave_file(PLANNED.format(modes=modes))
        wave, key = waves.create(session, plan, keys=keys, actor="test", now=now), keys.installation
        for number in range(24):
            contact = {"phone": key.hide("0912345678")} if number < 12 else {"address": key.hide("Phường 5")}
            session.add(Dossier(
                wave_id=wave.id, code_mark=key.mark("dossier", f"{number}"), unit_code="98-01", field="F",
                finished_on=now.date(), timing="on_time", outcome="granted", channel="counter", applicant="person",
                sex="F", age_band="", **contact,
            ))  # fmt: skip
        session.flush()
        coverage.sign(session, wave, by="A", actor="test", now=now)
        samples.draw(session, wave, seed=1, response_rate=0.25, actor="test", now=now)
        assert invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now) == reached
        assert len(list(invitations.contacts(session, wave, keys, actor="test", now=now))) == 12
        assert invitations.counts_by_unit(session, wave) == {"98-01": reached}
        if reached == 24:
            given = sheets.allot(session, wave, keys, unit=None, rng=Random(1), actor="test", now=now)
            assert [one.address for one in given] == ["Phường 5"] * 12


def hand_out(database: Database, keys: Keys, now: datetime, group: str | None = None) -> list[lots.Cards]:
    with database.begin() as session:
        wave = waves.find(session, OFFICIALS)
        return lots.cards(session, wave, keys.wave(wave.id), group=group, rng=Random(1), actor="office", now=now)


def test_a_lot_is_ten_people_for_whom_every_card_leaves_out_their_own_agency(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:  # nine of another agency join the ten of 98-03
        wave = waves.find(session, OFFICIALS)
        for number in range(9):
            mark = keys.installation.mark("rater", f"N{number}")
            hidden = keys.installation.hide("x@y.vn")
            session.add(Rater(
                wave_id=wave.id, code_mark=mark, group="HDND", agency="98-01", rates=["*"], phone=None,
                email=hidden,
            ))  # fmt: skip
        session.flush()
        invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now)
    (made,) = hand_out(database, keys, now)
    assert made.agency is not None
    assert made.agency.code == "98-03"
    assert sorted(made.codes) == sorted(field.officials)
    with database.begin() as session:
        wave = waves.find(session, OFFICIALS)
        for code in made.codes:
            opening = openings.open_link(session, keys, code, now=now)
            assert "98-03" not in {unit.code for unit in opening.block}
        assert lots.left_out(session, wave, group=None) == 9
        sent = [code for _phone, _email, code in invitations.contacts(session, wave, keys, actor="office", now=now)]
    assert len(sent) == 9
    assert not set(sent) & set(made.codes)
    with pytest.raises(NoLot):
        hand_out(database, keys, now, group="NOBODY")
