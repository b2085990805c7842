"""Dispositions: what became of everybody invited, by unit, for the response rates of AAPOR (`survey.response_rates`).

Counts alone, open and after the close.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.model.interview import FieldTally
from survey.model.response import Tally
from survey.model.sample import ClassCell
from survey.model.staff import Account
from survey.model.wave import Wave
from survey.response_rates import Dispositions, settle
from survey.stages import counts, openings, responses
from survey.stages.counts import Counts, Event
from survey.stages.interviews import Outcome


@dataclass(frozen=True)
class ListProgress:
    """How far one interviewer's list is: people by outcome, and all attempts."""

    email: str
    name: str
    outcomes: dict[str, int]
    attempts: int

    @property
    def people(self) -> int:
        return sum(self.outcomes.values())


def by_interviewer(session: Session, wave: Wave) -> list[ListProgress]:
    """The progress of every list of a wave, by address."""
    found: dict[tuple[str, str], tuple[dict[str, int], int]] = {}
    rows = session.execute(
        select(
            Account.email, Account.name, FieldTally.outcome, func.sum(FieldTally.people), func.sum(FieldTally.attempts)
        )
        .join(Account, Account.id == FieldTally.account_id)
        .where(FieldTally.wave_id == wave.id)
        .group_by(Account.email, Account.name, FieldTally.outcome)
    )
    for email, name, outcome, people, attempts in rows:
        outcomes, tried = found.get((email, name), ({}, 0))
        found[email, name] = ({**outcomes, outcome: int(people)}, tried + int(attempts))
    return [ListProgress(email, name, *told) for (email, name), told in sorted(found.items())]


def by_unit(session: Session, wave: Wave, happened: Counts | None = None) -> dict[str, Dispositions]:
    """What became of the invited of each unit of a citizens' wave; `happened` where the caller has read it already."""
    happened = counts.by_cell(session, wave) if happened is None else happened
    answered = _answered(session, wave)
    told = outcomes_by_unit(session, wave)
    invited: dict[str, Counter[str]] = defaultdict(Counter)
    cells = select(ClassCell.unit_code, ClassCell.class_code, ClassCell.invited, ClassCell.wrong_person)
    for unit, cell, number, wrong in session.execute(cells.where(ClassCell.wave_id == wave.id)):
        if unit is not None:
            invited[unit].update({"invited": number, "wrong": wrong})
            invited[unit].update(happened.get(cell, {}))
    return {unit: _settle(count, answered.get(unit, 0), told.get(unit, {})) for unit, count in sorted(invited.items())}


def by_mode(session: Session, wave: Wave, unit: str | None = None) -> dict[str, int]:
    """Forms that were taken, by the way they came in, of one unit or of the whole wave."""
    wanted = select(Tally.mode, func.sum(Tally.completed)).where(Tally.wave_id == wave.id, Tally.mode != responses.LATE)
    if unit is not None:
        wanted = wanted.where(Tally.cell == unit)
    return {mode: int(count) for mode, count in session.execute(wanted.group_by(Tally.mode))}


def _answered(session: Session, wave: Wave) -> dict[str, int]:
    found = session.execute(
        select(Tally.cell, func.sum(Tally.completed))
        .where(Tally.wave_id == wave.id, Tally.mode.in_(openings.PERSONAL))
        .group_by(Tally.cell)
    )
    return {unit: int(count) for unit, count in found}


def outcomes_by_unit(session: Session, wave: Wave) -> dict[str, dict[str, int]]:
    """How many of the people on interviewers' lists stand at each outcome, by unit."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    rows = session.execute(
        select(FieldTally.unit_code, FieldTally.outcome, func.sum(FieldTally.people))
        .where(FieldTally.wave_id == wave.id)
        .group_by(FieldTally.unit_code, FieldTally.outcome)
    )
    for unit, outcome, people in rows:
        found[unit][outcome] = int(people)
    return dict(found)


def _settle(count: Counter[str], answered: int, told: dict[str, int]) -> Dispositions:
    """What messages and links told of a unit's invited, and what interviewers did."""
    return settle(
        invited=count["invited"],
        answered=answered,
        wrong_person=count["wrong"],
        partial=told.get(Outcome.PARTIAL, 0),
        refused=told.get(Outcome.REFUSED, 0) + count[Event.REFUSED],
        unable=told.get(Outcome.UNABLE, 0),
        not_met=told.get(Outcome.NO_CONTACT, 0) + told.get(Outcome.CALLBACK, 0),
        delivered=count[Event.DELIVERED],
        opened=count[Event.OPENED],
    )
