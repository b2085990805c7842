"""Breaks between two waves: everything that keeps their figures from being compared, and the one list of it.

What was asked and how it was counted is frozen with the wave and stands in its rows: a break is a fact, no opinion.
Words are compared in Vietnamese: a further language, or a better translation, is no other question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from survey.instrument import Instrument
from survey.model.wave import Wave
from survey.stages import waves

ASKED_IN = "vi"


class Break(StrEnum):
    """What was done differently than in the wave before, the gravest first."""

    KIND = "kind"  # one of the two is a rehearsal
    AUDIENCE = "audience"
    QUESTIONS = "questions"  # other questions or words make the index, or they are grouped otherwise
    SCALE = "scale"  # other answers to choose from, or others of them are satisfied
    RULE = "rule"  # another way from answers to the index
    WEIGHTING = "weighting"
    AGGREGATION = "aggregation"


Method = Mapping[Break, object]


def method(session: Session, wave: Wave, rows: Sequence[Mapping[str, Any]]) -> Method:
    """How official rows of a wave's index came about: what has to be the same for two values to be compared."""
    form = waves.instrument_of(wave)
    codes = {row["scheme"] for row in rows}
    return {
        Break.KIND: wave.kind,
        Break.AUDIENCE: wave.audience,
        Break.QUESTIONS: frozenset((item.code, item.factor, item.text(ASKED_IN)) for item in form.scored_items),
        Break.SCALE: _scale(form),
        Break.RULE: frozenset(row["rule"] for row in rows),
        Break.WEIGHTING: frozenset(row["weighting"] for row in rows),
        Break.AGGREGATION: frozenset(one.aggregation for one in waves.schemes_of(session, wave) if one.code in codes),
    }


def _scale(form: Instrument) -> object:
    """The answers of each scored question, and which of them are satisfied."""
    answers = frozenset(
        (item.code, tuple((one.code, one.text(ASKED_IN)) for one in item.choices)) for item in form.scored_items
    )
    return answers, frozenset(form.satisfied)


def between(before: Method, after: Method) -> tuple[Break, ...]:
    """Every break between two waves; none means that they may be compared."""
    return tuple(one for one in Break if before[one] != after[one])
