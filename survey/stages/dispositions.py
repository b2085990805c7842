"""Dispositions: what became of everybody invited, by unit, and the response rates of AAPOR from them.

Counts alone, open and after the close. Whoever is on no list and has not answered is a case of unknown eligibility, as
in every mail or web survey; who refused to an interviewer and answered by link is counted once, as having answered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.model.interview import FieldTally
from survey.model.response import Tally
from survey.model.sample import ClassCell
from survey.model.staff import Account
from survey.model.wave import Wave
from survey.stages import responses
from survey.stages.interviews import Outcome


@dataclass(frozen=True)
class Dispositions:
    """Final dispositions of a unit's invited in AAPOR's letters: I, P, R, NC, O, UH+UO, and those not eligible.

    Reference: AAPOR Standard Definitions, 10th edition (2023), response rates 1 to 4.
    """

    complete: int
    partial: int
    refused: int
    no_contact: int
    other: int
    unknown: int
    not_eligible: int

    @property
    def counts(self) -> dict[str, int]:
        """By AAPOR's letters."""
        return {
            "I": self.complete, "P": self.partial, "R": self.refused, "NC": self.no_contact, "O": self.other,
            "U": self.unknown, "NE": self.not_eligible,
        }  # fmt: skip

    @property
    def _eligible(self) -> int:
        return self.complete + self.partial + self.refused + self.no_contact + self.other

    @property
    def share_eligible(self) -> float:
        """e: the share of eligible people among those of whom it is known (proportional allocation, CASRO)."""
        known = self._eligible + self.not_eligible
        return self._eligible / known if known else 1.0

    def rate(self, number: int) -> float | None:
        """RR1 to RR4: partial interviews count in 2 and 4, unknown cases by `share_eligible` in 3 and 4."""
        unknown = self.unknown * (self.share_eligible if number in (3, 4) else 1.0)
        answered = self.complete + (self.partial if number in (2, 4) else 0)
        base = self._eligible + unknown
        return answered / base if base else None


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


def by_unit(session: Session, wave: Wave) -> dict[str, Dispositions]:
    """What became of the invited of each unit of a citizens' wave."""
    invited = {
        str(unit): (int(count), int(wrong))
        for unit, count, wrong in session.execute(
            select(ClassCell.unit_code, func.sum(ClassCell.invited), func.sum(ClassCell.wrong_person))
            .where(ClassCell.wave_id == wave.id, ClassCell.unit_code.is_not(None))
            .group_by(ClassCell.unit_code)
        )
    }
    answered = _answered(session, wave)
    told = outcomes_by_unit(session, wave)
    return {
        unit: _settle(count, wrong, answered.get(unit, 0), told.get(unit, {}))
        for unit, (count, wrong) in sorted(invited.items())
    }


def _answered(session: Session, wave: Wave) -> dict[str, int]:
    found = session.execute(
        select(Tally.cell, func.sum(Tally.completed))
        .where(Tally.wave_id == wave.id, Tally.mode.in_(responses.PERSONAL))
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


def _settle(invited: int, wrong: int, answered: int, told: dict[str, int]) -> Dispositions:
    """Fit what interviewers told into what is left beside those who answered or are not eligible."""
    partial = min(told.get(Outcome.PARTIAL, 0), answered)
    left = max(0, invited - answered - wrong)
    taken: list[int] = []
    for count in (
        told.get(Outcome.REFUSED, 0),
        told.get(Outcome.UNABLE, 0),
        told.get(Outcome.NO_CONTACT, 0) + told.get(Outcome.CALLBACK, 0),
    ):
        taken.append(min(count, left))
        left -= taken[-1]
    refused, other, no_contact = taken
    return Dispositions(answered - partial, partial, refused, no_contact, other, left, wrong)
