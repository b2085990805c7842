"""How many people may stand behind an answer: register and answers joined on every column that they share.

This is the attack of somebody who has the whole database, and its copies of every day, but not the key folder (HOUSE
rule 5); below ten it has won. Who used a link is in no copy (`SpentMark` is a keyed hash), so everybody invited is
possible but those who said that they are somebody else. What a question could tell of the frame never stands beside an
answer (`instrument.Trait`), and nobody judges the own agency: such officials are no possible persons.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.response import Answer, Judgement
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import invitations, waves
from survey.stages.openings import INTERVIEWER, PAPER, PERSONAL

Shared = tuple[str, ...]
_REGISTER: dict[str, Any] = {
    column.name: column for table in (Dossier, Invitation) for column in table.__table__.columns
}
SHARED = tuple(
    column.name
    for column in Answer.__table__.columns
    if column.name in _REGISTER and column.name not in ("id", "wave_id")
)


@dataclass(frozen=True)
class Hiding:
    """The answers of a wave that came by personal link, and the smallest number of possible persons behind one."""

    answers: int
    smallest: int | None


def hiding(session: Session, wave: Wave) -> Hiding:
    """Join what is known of who could answer with what was said; `smallest` is None while no answer is there."""
    if wave.audience == "officials":
        return _officials(session, wave)
    could, columns = _could_answer(session, wave), [Answer.__table__.columns[name] for name in SHARED]
    said = session.execute(
        select(*columns, func.count()).where(Answer.wave_id == wave.id, Answer.mode.in_(PERSONAL)).group_by(*columns)
    ).all()
    return Hiding(
        answers=sum(count for *_shared, count in said),
        smallest=min((*(could[tuple(shared)] for *shared, _count in said), *_reached_so(session, wave)), default=None),
    )


def _reached_so(session: Session, wave: Wave) -> list[int]:
    """How many had a printed sheet or were on an interviewer's list, in each class where an answer says it came so."""
    found: list[int] = []
    for mode, reached in ((PAPER, ClassCell.printed), (INTERVIEWER, ClassCell.assigned)):
        so = select(Answer.class_code).where(Answer.wave_id == wave.id, Answer.mode == mode)
        found += session.scalars(select(reached).where(ClassCell.wave_id == wave.id, ClassCell.class_code.in_(so)))
    return found


def _could_answer(session: Session, wave: Wave) -> Counter[Shared]:
    """The possible persons by what register and answers share: the open register, or the counts that it left."""
    if wave.state in waves.OVER:
        kept = [ClassCell.__table__.columns[name] for name in SHARED]
        left = select(*kept, ClassCell.invited - ClassCell.wrong_person).where(ClassCell.wave_id == wave.id)
        return Counter({tuple(shared): count for *shared, count in session.execute(left)})
    known = [_REGISTER[name] for name in SHARED]
    open_ = (
        select(*known, func.count())
        .select_from(Invitation)
        .join(Dossier, Dossier.id == Invitation.dossier_id)
        .where(Invitation.wave_id == wave.id, Invitation.state == invitations.ISSUED)
        .group_by(*known)
    )
    return Counter({tuple(shared): count for *shared, count in session.execute(open_)})


def _officials(session: Session, wave: Wave) -> Hiding:
    """An official's answer is the group and the units judged: who of the group may judge all of them?

    Who keeps a copy from before the close can still ask so: the list of officials is taken only where ten at least
    are left behind any form (`raters.company`).
    """
    if wave.state in waves.OVER:  # nothing but the sizes of the groups is left
        return _closed_officials(session, wave)
    raters = session.execute(select(Rater.group, Rater.agency, Rater.rates).where(Rater.wave_id == wave.id)).all()
    judged: dict[bytes, tuple[str, set[str]]] = {}
    units: dict[bytes, set[str]] = defaultdict(set)
    for rater, group, unit in session.execute(
        select(Judgement.rater, Judgement.group, Judgement.unit_code).where(Judgement.wave_id == wave.id)
    ):
        units[rater].add(unit)
        judged[rater] = (group, units[rater])
    possible = [
        sum(
            group == of and agency not in block and (rates == [invitations.ALL] or block <= set(rates))
            for of, agency, rates in raters
        )
        for group, block in judged.values()
    ]
    return Hiding(len(judged), min(possible, default=None))


def _closed_officials(session: Session, wave: Wave) -> Hiding:
    groups = session.execute(
        select(Judgement.group, func.count(func.distinct(Judgement.rater)))
        .where(Judgement.wave_id == wave.id)
        .group_by(Judgement.group)
    ).all()
    sizes = invitations.counts_by_unit(session, wave)
    return Hiding(sum(count for _group, count in groups), min((sizes[group] for group, _count in groups), default=None))
