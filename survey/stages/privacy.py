"""How many people may stand behind an answer: register and answers joined on every column that they share.

This is the attack of somebody who has the whole database but not the key folder (HOUSE rule 5); below ten it has won.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.response import Answer, Judgement
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import invitations, waves
from survey.stages.responses import LINK


@dataclass(frozen=True)
class Hiding:
    """The answers of a wave that came by personal link, and the smallest number of possible persons behind one."""

    answers: int
    smallest: int | None


def hiding(session: Session, wave: Wave) -> Hiding:
    """Join what is known of who could answer with what was said; `smallest` is None while no answer is there."""
    if wave.audience == "officials":
        return _officials(session, wave)
    said = session.execute(
        select(Answer.class_code, Answer.unit_code, func.count())
        .where(Answer.wave_id == wave.id, Answer.mode == LINK)
        .group_by(Answer.class_code, Answer.unit_code)
    ).all()
    could = _could_answer(session, wave)
    return Hiding(
        answers=sum(count for _class, _unit, count in said),
        smallest=min((could[(code, unit)] for code, unit, _count in said), default=None),
    )


def _could_answer(session: Session, wave: Wave) -> Counter[tuple[str, str]]:
    """The possible persons of each class and unit: the open register, or the counts that it left at the close."""
    if wave.state == waves.CLOSED:
        left = select(ClassCell.class_code, ClassCell.unit_code, ClassCell.invited - ClassCell.wrong_person).where(
            ClassCell.wave_id == wave.id
        )
        return Counter({(code, unit or ""): count for code, unit, count in session.execute(left)})
    open_ = (
        select(Invitation.class_code, Invitation.unit_code, func.count())
        .where(Invitation.wave_id == wave.id, Invitation.state == invitations.ISSUED)
        .group_by(Invitation.class_code, Invitation.unit_code)
    )
    return Counter({(code, unit or ""): count for code, unit, count in session.execute(open_)})


def _officials(session: Session, wave: Wave) -> Hiding:
    """An official's answer is the group and the units judged: who of the group may judge all of them?"""
    if wave.state == waves.CLOSED:  # nothing but the sizes of the groups is left
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
    could = _could_answer(session, wave)
    return Hiding(
        sum(count for _group, count in groups), min((could[(group, "")] for group, _count in groups), default=None)
    )
