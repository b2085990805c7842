"""Breaks between waves: each change that keeps figures from being compared is named, what changes none is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from survey.db import Database
from survey.model.wave import Wave
from survey.stages import breaks
from survey.stages.breaks import Break
from tests.survey.test_third_language import in_three

ROW = {"scheme": "local-department-sample", "rule": "top2box", "weighting": "design"}


@pytest.mark.parametrize(
    ("old", "new", "row", "found"),
    [
        ("", "", {}, ()),
        ("title.", "# a remark\ntitle.", {}, ()),
        ('factor = "II"', 'factor = "I"', {}, (Break.QUESTIONS,)),
        ("sạch sẽ, văn minh", "sạch sẽ", {}, (Break.QUESTIONS,)),
        ('satisfied = ["4", "5"]', 'satisfied = ["5"]', {}, (Break.SCALE,)),
        ("", "", {"rule": "mean5", "weighting": "calibrated"}, (Break.RULE, Break.WEIGHTING)),
    ],
)  # fmt: skip
def test_what_was_measured_otherwise_is_a_break_and_a_remark_is_none(
    database: Database, prepare_wave: Callable[[Session, Iterable[str]], Wave], old: str, new: str, row: Any, found: Any
) -> None:
    with database.begin() as session:
        wave = prepare_wave(session, ["98-01"])
        before = breaks.method(session, wave, [ROW])
        assert old in wave.instrument
        wave.instrument = wave.instrument.replace(old, new, 1)
        assert breaks.between(before, breaks.method(session, wave, [ROW | row])) == found


def test_a_further_language_and_another_translation_are_no_break(
    database: Database, prepare_wave: Callable[[Session, Iterable[str]], Wave]
) -> None:
    with database.begin() as session:
        wave = prepare_wave(session, ["98-01"])
        before = breaks.method(session, wave, [ROW])
        wave.instrument = in_three(wave.instrument, "tyz").replace('en = "', 'en = "Now: ')
        assert breaks.between(before, breaks.method(session, wave, [ROW])) == ()


def test_a_rehearsal_is_not_chained_to_a_real_wave(
    database: Database, prepare_wave: Callable[[Session, Iterable[str]], Wave]
) -> None:
    with database.begin() as session:
        wave = prepare_wave(session, ["98-01"])
        before = breaks.method(session, wave, [ROW])
        wave.kind = "real" if wave.kind == "rehearsal" else "rehearsal"
        assert breaks.between(before, breaks.method(session, wave, [ROW])) == (Break.KIND,)
