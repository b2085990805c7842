"""An answer is accepted once, whatever is sent how often and by how many at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import pytest
from sqlalchemy import func, select, text

from survey.app import create_app
from survey.config import settings_from
from survey.db import Database
from survey.errors.common import AnswerRefused, CellFull, KeyReused, LinkClosed, WrongState
from survey.jobs import close, mix
from survey.keys import Keys
from survey.model.draft import Draft
from survey.model.quota import QuotaCell
from survey.model.response import Answer, Facts, Judgement, SpentMark, Spooled, Submission
from survey.stages import board, counts, drafts, mixing, openings, quotas, responses, waves
from survey.web import forms


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def a_fact(database: Database) -> dict[str, str]:
    with database.read() as session:
        item = waves.instrument_of(waves.find(session, "2026-citizens")).facts[0]
    return {item.code: item.choices[0].code}


def send(
    database: Database, keys: Keys, code: str, now: datetime, *, key: str = "k", body: bytes = b"b", **answers: str
) -> str:
    """Send one personal form in a transaction of its own; what became of it."""
    try:
        with database.begin() as session:
            if responses.seen_in_any_wave(session, keys, key, body):
                return "again"
            opening = openings.open_link(session, keys, code, now=now)
            responses.accept(
                session, opening, secret=code, submission_key=key, answers=answers or {"S15": "5"}, body=body, now=now
            )
        return "done"
    except (LinkClosed, KeyReused, CellFull) as error:
        return type(error).__name__


def count(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_second_answer_on_one_invitation_is_refused(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assert send(database, keys, field.personal[0], now, key="one") == "done"
    assert send(database, keys, field.personal[0], now, key="two") == "LinkClosed"
    assert count(database, Spooled) == 1


def test_the_same_sending_is_thanked_again_and_another_body_refused(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assert send(database, keys, field.personal[0], now) == "done"
    assert send(database, keys, field.personal[0], now) == "again"
    assert send(database, keys, field.personal[0], now, body=b"other") == "KeyReused"
    assert count(database, Spooled) == 1


def test_fifty_posts_of_one_key_at_once_are_one_row(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(pool.map(lambda _n: send(database, keys, field.personal[1], now), range(50)))
    assert set(outcomes) <= {"done", "again", "LinkClosed"}
    assert count(database, Spooled) == 1
    assert count(database, SpentMark) == count(database, Submission) == 1


def test_two_devices_on_one_link_store_one_answer(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(lambda n: send(database, keys, field.personal[2], now, key=f"k{n}"), range(24)))
    assert outcomes == {"done": 1, "LinkClosed": 23}


def test_64_clients_for_the_last_50_places_take_exactly_50(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    def take(number: int) -> str:
        try:
            with database.begin() as session:
                opening = openings.open_counter(session, keys, field.counter, now=now)
                responses.accept(
                    session,
                    opening,
                    secret=f"browser {number}",
                    submission_key=f"k{number}",
                    answers={},
                    body=b"",
                    now=now,
                )
            return "done"
        except CellFull:
            return "full"

    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(pool.map(take, range(64)))
    assert outcomes == {"done": 50, "full": 14}
    assert count(database, Spooled) == 50


def test_an_abandoned_place_is_free_again_after_its_time(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    def hold(mark: bytes, at: datetime) -> None:
        with database.begin() as session:
            cell, _wave = quotas.find_by_code(session, keys, field.small_counter)
            quotas.reserve(session, cell.id, mark, at)

    hold(b"a" * 16, now)
    with pytest.raises(CellFull):
        hold(b"b" * 16, now + timedelta(minutes=29))
    hold(b"b" * 16, now + timedelta(minutes=31))
    with database.read() as session:
        cell, _wave = quotas.find_by_code(session, keys, field.small_counter)
        assert session.get_one(QuotaCell, cell.id).taken == 1


def test_what_the_form_does_not_offer_is_refused_and_nothing_stored(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    for wrong in ({"S15": "7"}, {"S15": "５"}, {"S15": ""}, {"weight": "99"}, {"98-01:L1": "5"}):
        with pytest.raises(AnswerRefused):
            send(database, keys, field.personal[3], now, **wrong)
    with pytest.raises(AnswerRefused):
        send(database, keys, field.officials[0], now, **{"98-09:L1": "5"})
    assert count(database, Spooled) == count(database, SpentMark) == count(database, Submission) == 0


def test_unknown_early_and_late_links_are_one_refusal(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    code = field.personal[0]
    with database.read() as session:
        for wrong, at in (("0" * 13, now), (code, now + timedelta(days=99)), (code, now - timedelta(days=99))):
            with pytest.raises(LinkClosed):
                openings.open_link(session, keys, wrong, now=at)
        assert openings.open_link(session, keys, code.upper(), now=now).unit is not None


def test_answers_wait_for_twenty_of_their_class_and_ten_of_them_stay(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    def answer(number: int) -> None:
        with database.begin() as session:
            opening = openings.open_counter(session, keys, field.counter, now=now)
            said = {"S15": "4", **fact}
            responses.accept(
                session, opening, secret=f"b{number}", submission_key=f"k{number}", answers=said, body=b"", now=now
            )

    fact = a_fact(database)
    for number in range(19):
        answer(number)
    assert mix.run(database, keys, now=now, rng=Random(1)) == 0
    answer(19)
    assert mix.run(database, keys, now=now, rng=Random(1)) == 10
    answer(20)
    assert mix.run(database, keys, now=now, rng=Random(1)) == 0
    assert (count(database, Answer), count(database, Facts)) == (10, 0)  # facts have no class to wait in
    close.run(database, keys, "2026-citizens", actor="test", now=now)
    assert (count(database, Answer), count(database, Facts), count(database, Spooled)) == (21, 21, 0)


def test_the_close_empties_the_register_and_leaves_its_counts(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    for number, code in enumerate(field.personal[:11]):
        assert send(database, keys, code, now, key=f"k{number}") == "done"
    close.run(database, keys, "2026-citizens", actor="test", now=now)
    assert count(database, Answer) == 11
    with database.read() as session:
        wave = waves.find(session, "2026-citizens")
        left = session.execute(text("select count(*) from invitation where wave_id = :w"), {"w": wave.id}).scalar()
        assert left == 0
        done = {cell.code: (cell.invited, cell.completed) for cell in board.progress(session, wave)}
    assert done["98-01"] == (12, 11)
    assert count(database, SpentMark) == count(database, Submission) == 0
    assert send(database, keys, field.personal[11], now) == "LinkClosed"


def test_a_close_that_was_cut_off_goes_on_and_a_closed_wave_is_closed_only_once(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    assert send(database, keys, field.personal[0], now) == "done"
    with database.begin() as session:  # cut off after the register was emptied
        wave = waves.find(session, "2026-citizens")
        waves.mark_closed(session, wave, actor="test", now=now)
        responses.empty_register(session, wave)
    assert close.run(database, keys, "2026-citizens", actor="test", now=now) == 1
    assert not keys.has_wave(wave.id)
    with pytest.raises(WrongState):
        close.run(database, keys, "2026-citizens", actor="test", now=now)


def test_a_raters_judgements_share_a_number_that_the_register_does_not_know(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    for number, code in enumerate(field.officials):
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=now)
            assert {unit.code for unit in opening.block} == {"98-01", "98-02"}  # never the own agency, 98-03
            said = {f"{unit.code}:L1": "4" for unit in opening.block}
            responses.accept(
                session, opening, secret=f"s{number}", submission_key=f"k{number}", answers=said, body=b"", now=now
            )
    with database.begin() as session:
        wave = waves.find(session, "2026-officials")
        mixing.mix(session, wave, keys.wave(wave.id), rng=Random(1), final=True)
        found = session.execute(select(Judgement.rater, Judgement.unit_code)).all()
        known = {value for (value,) in session.execute(text("select id from rater union select id from invitation"))}
    assert len(found) == 20
    assert len({rater for rater, _unit in found}) == 10
    assert not {rater for rater, _unit in found} & {bytes(value) for value in known}


def test_a_draft_is_unreadable_without_its_secret(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    with database.begin() as session:
        opening = openings.open_link(session, keys, field.personal[0], now=now)
        drafts.save(session, opening.wave.id, opening.key, "mine", drafts.DraftBody("k", {"S15": "1"}), now=now)
        assert drafts.load(session, opening.key, "mine") == drafts.DraftBody("k", {"S15": "1"})
        assert drafts.load(session, opening.key, "theirs") is None


def test_forms_that_follow_too_fast_are_counted_for_the_kiosk_and_not_beside_the_answer(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        wave.settings = {**wave.settings, "modes": ["link", "kiosk"]}
        session.flush()
        _cell, code = quotas.create_cell(
            session, wave, key=keys.wave(wave.id), unit_code="98-01", point_of_service=None, mode="kiosk", target=9
        )
    for number, second in enumerate((0, 30, 100, 161)):
        with database.begin() as session:
            at = now + timedelta(seconds=second)
            opening = openings.open_counter(session, keys, code, now=at)
            responses.accept(
                session, opening, secret=f"s{number}", submission_key=f"k{number}", answers={"S15": "5"}, body=b"",
                now=at,
            )  # fmt: skip
    with database.read() as session:
        [kiosk] = [one for one in quotas.of_wave(session, waves.find(session, "2026-citizens")) if one.mode == "kiosk"]
        assert (kiosk.taken, kiosk.too_fast) == (4, 1)
    close.run(database, keys, "2026-citizens", actor="a", now=now, rng=Random(1))
    with database.read() as session:
        assert session.scalars(select(QuotaCell.last_at)).all() == [None] * 3
        assert {row.mode for row in session.scalars(select(Answer))} == {"kiosk"}


def test_twins_of_a_whole_form_are_one_form_begun_and_leave_no_draft(
    database: Database, keys: Keys, field: Any, now: datetime, tmp_path: Path
) -> None:
    site = {"HAILONG_DATABASE": database.url, "HAILONG_KEYS": str(keys.folder), "HAILONG_CHANNELS": str(tmp_path / "c")}
    client = create_app(settings_from(site), database=database, clock=lambda: now).test_client()
    link, sent = field.personal[0], {"key": "k" * 32, "whole": "1", "S15": "5"}
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(f"/k/{link}").get_data(as_text=True))[0]
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as session:
            opening = openings.open_link(session, keys, link, now=now)
            drafts.start(session, opening.wave.id, opening.key, link, now=now)
            responses.opened(session, opening)
            responses.accept(
                session, opening, secret=link, submission_key=sent["key"], answers={"S15": "5"}, now=now,
                body=forms.canonical_body([(name, [value]) for name, value in sent.items()]),
            )  # fmt: skip
            twin = pool.submit(client.post, f"/k/{link}/review", data={"csrf_token": token, **sent})
            sleep(0.5)  # it comes as far as it can before this is committed
        assert 'data-state="done"' in twin.result().get_data(as_text=True)
    with database.read() as session:
        cells = counts.by_cell(session, waves.find(session, "2026-citizens")).values()
        events = sum((Counter(found) for found in cells), Counter[counts.Event]())
        assert (events[counts.Event.OPENED], events[counts.Event.COMPLETED]) == (1, 1)
    assert (count(database, Spooled), count(database, Draft), count(database, Submission)) == (1, 0, 1)
