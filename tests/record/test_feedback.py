"""A word back: comments reach their unit without an answer, ten at least together, and nothing joins the two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import DateTime, select

from survey.db import Database
from survey.errors.common import TooFewToRelease
from survey.jobs import close, mix
from survey.keys import Keys
from survey.model.base import UtcTime
from survey.model.feedback import Feedback
from survey.model.response import Answer, Facts
from survey.stages import audit, feedback, openings, responses, waves

WAVE = "2026-citizens"
PHONE = "Gọi 0912345678, gặp anh Tuấn"


@pytest.fixture
def field(go_to_the_field: Callable[..., Any], database: Database, keys: Keys, now: datetime) -> Any:
    return go_to_the_field(database, keys, now)


def say(
    database: Database, keys: Keys, code: str, number: int, now: datetime, *, forward: bool = True,
    is_counter: bool = False,
) -> None:  # fmt: skip
    """One whole form with a comment, by the link or the counter's code."""
    said = {"S15": str(1 + number % 5), "sex": "F", "comment": f"{PHONE}: lời {number:02d}"}
    said |= {"comment~forward": "yes"} if forward else {}
    with database.begin() as session:
        opens = openings.open_counter if is_counter else openings.open_link
        opening = opens(session, keys, code, now=now)
        responses.accept(
            session, opening, secret=f"s{number}", submission_key=f"k{number}", answers=said, body=b"", now=now
        )


def everybody(database: Database, keys: Keys, field: Any, now: datetime, *, forward: int = 12) -> None:
    for number, code in enumerate(field.personal):
        say(database, keys, code, number, now, forward=number < forward)


def close_it(database: Database, keys: Keys, now: datetime) -> None:
    close.run(database, keys, WAVE, actor="a", now=now, rng=Random(3))


def test_ten_comments_of_a_unit_reach_it_masked_and_only_after_the_close(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    everybody(database, keys, field, now, forward=11)
    mix.run(database, keys, now=now, rng=Random(1))
    with database.read() as session:
        assert feedback.batches(session) == []
    close_it(database, keys, now)
    with database.read() as session:
        assert feedback.batches(session) == [feedback.Batch(WAVE, "98-01", 11, 0, 0)]
        texts = [row.text for row in session.scalars(select(Feedback))]
        words = [items["comment"] for items in session.scalars(select(Facts.items)) if "comment" in items]
    assert sorted(texts) == [f"Gọi […], gặp anh […]: lời {number:02d}" for number in range(11)]
    assert words == ["Gọi […], gặp anh […]: lời 11"]  # without the tick: among the words, without the unit


def test_nothing_joins_a_comment_to_an_answer(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    """The attack: all tables, every shared column, the order of the ids and of the rows."""
    columns = Feedback.__table__.columns
    assert not [one.name for one in columns if isinstance(one.type, UtcTime | DateTime)]
    shared = {one.name for one in columns} & {one.name for one in Answer.__table__.columns}
    assert shared == {"id", "wave_id", "unit_code"}
    everybody(database, keys, field, now)
    close_it(database, keys, now)
    with database.read() as session:
        said = session.execute(select(Answer.id, Answer.unit_code).order_by(Answer.id)).all()
        comments = session.execute(select(Feedback.id, Feedback.unit_code, Feedback.text).order_by(Feedback.id)).all()
        as_stored = [text[-2:] for text in session.scalars(select(Feedback.text))]
    assert not {one.id for one in said} & {one.id for one in comments}
    for one in comments:
        assert sum(answer.unit_code == one.unit_code for answer in said) >= 10
    for order in ([one.text[-2:] for one in comments], as_stored):  # neither forwards nor backwards as they came
        assert sum(later == f"{int(before) + 1:02d}" for before, later in pairwise(order)) < 6
        assert order != sorted(order)


def test_the_few_of_a_unit_are_kept_without_its_name(database: Database, keys: Keys, field: Any, now: datetime) -> None:
    everybody(database, keys, field, now, forward=9)
    close_it(database, keys, now)
    with database.read() as session:
        assert feedback.batches(session) == []  # nine in the whole province: nobody is sent them
        assert sum("comment" in items for items in session.scalars(select(Facts.items))) == 12


def test_the_few_of_several_units_make_one_batch_of_the_province(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    everybody(database, keys, field, now, forward=9)
    say(database, keys, field.small_counter, 50, now, is_counter=True)
    close_it(database, keys, now)
    with database.read() as session:
        assert feedback.batches(session) == [feedback.Batch(WAVE, None, 10, 0, 0)]


def test_comments_are_released_at_least_ten_together_once_and_the_log_counts_them(
    database: Database, keys: Keys, field: Any, now: datetime
) -> None:
    everybody(database, keys, field, now)
    close_it(database, keys, now)
    with database.read() as session:
        ids = [row.id for row in feedback.waiting(session, waves.find(session, WAVE), "98-01")]
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        with pytest.raises(TooFewToRelease):
            feedback.release(session, wave, "98-01", withhold=ids[:3], actor="a@b.vn", now=now)
    for withhold in (ids[:2], ids):  # the second finds all decided
        with database.begin() as session:
            wave = waves.find(session, WAVE)
            feedback.release(session, wave, "98-01", withhold=withhold, actor="a@b.vn", now=now)
    with database.read() as session:
        assert feedback.batches(session) == [feedback.Batch(WAVE, "98-01", 0, 10, 2)]
        assert len(feedback.released(session, "98-01")[WAVE]) == 10
        assert feedback.released(session, "98-02") == feedback.released(session, None) == {}
        assert feedback.release_log(session) == [feedback.Release(now, "a@b.vn", WAVE, "98-01", 10, 2)]
        audit.verify(session)
