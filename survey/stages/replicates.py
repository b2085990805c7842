"""Releases: the drawn sample goes out in random replicates (đợt phát), each advised with its gain and then confirmed.

A release says how many of each class, never who: their turn follows from the draw's published seed
(`invitations.issue`). The first replicate invites at least ten of every class, so that each answer has company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from survey.errors.waves import NobodyLeft, ReleaseBegun, ReleaseNotBegun, ReleaseOvertaken
from survey.keys import WaveKey
from survey.model.base import new_id
from survey.model.progress import Replicate
from survey.model.sample import ClassCell, Draw
from survey.model.wave import Wave
from survey.stages import audit, board, invitations, recontacts, waves
from survey.stages.board import Cell
from survey.stages.classes import PRIVACY_FLOOR

ADVISED, RELEASED, OVERTAKEN = "advised", "released", "overtaken"
SETTLED = timedelta(hours=72)  # after that an invitation has given what it gives without a reminder
PRIOR = 10.0  # invitations that the rate around a place counts for
ENOUGH = 200  # settled invitations from which the wave's own rate takes the place of the planned one
LOWEST, HIGHEST = 0.02, 0.95


@dataclass(frozen=True)
class Place:
    """A class, or a unit of several: people in the frame, answers expected from what is out, people still to invite,
    and answers expected from each of them."""

    code: str
    population: int
    answers: float
    reserve: int
    response: float
    parts: tuple[Place, ...] = ()


def standing(session: Session, wave: Wave, *, now: datetime, settle: timedelta = SETTLED) -> list[Place]:
    """Where each unit stands, from counters alone."""
    young = _young(session, wave, now - settle)
    lines = [one for one in board.progress(session, wave) if one.cells]
    cells = [cell for one in lines for cell in one.cells]
    settled, came = sum(_settled(cell, young) for cell in cells), sum(cell.completed for cell in cells)
    draw = session.get(Draw, wave.id)
    planned = float(draw.allocation["response_rate"]) if draw else 0.25
    usual = _clip(came / settled) if settled >= ENOUGH else planned
    return [_unit(one.code, one.cells, young, usual) for one in lines]


def _unit(code: str, cells: Iterable[Cell], young: Mapping[str, int], usual: float) -> Place:
    cells = tuple(cells)
    own = _rate(sum(one.completed for one in cells), sum(_settled(one, young) for one in cells), usual)
    parts = tuple(_part(one, young.get(one.code, 0), _settled(one, young), own) for one in cells)
    return Place(
        code,
        population=sum(one.population for one in parts),
        answers=sum(one.answers for one in parts),
        reserve=sum(one.reserve for one in parts),
        response=own,
        parts=parts,
    )


def _part(cell: Cell, young: int, settled: int, usual: float) -> Place:
    """What came in, and what the young invitations will bring: some of it may be in already."""
    rate = _rate(cell.completed, settled, usual)
    expected = max(cell.completed, min(cell.completed, settled * rate) + young * rate)
    return Place(cell.code, cell.population, min(expected, float(cell.population)), cell.reserve, rate)


def _settled(cell: Cell, young: Mapping[str, int]) -> int:
    return max(0, cell.released - young.get(cell.code, 0))


def _rate(came: int, asked: int, usual: float) -> float:
    """Answers for each invitation, drawn towards the usual rate where few were asked; nothing settled: the usual."""
    return _clip((came + PRIOR * usual) / (asked + PRIOR)) if asked else usual


def _clip(rate: float) -> float:
    return min(max(rate, LOWEST), HIGHEST)


def _young(session: Session, wave: Wave, since: datetime) -> Counter[str]:
    """Invitations by class that went out too late to have given their answers."""
    found: Counter[str] = Counter()
    mine = (Replicate.wave_id == wave.id) & (Replicate.state == RELEASED) & (Replicate.released_at > since)
    for advice in session.scalars(select(Replicate.advice).where(mine)):
        found.update(advice["cells"])
    return found


def first(session: Session, wave: Wave, *, key: WaveKey, share: float, actor: str, now: datetime) -> int:
    """Send out the first replicate: this share of each class, ten at least; the number of new links."""
    waves.require_not_closed(wave)
    if board.is_issued(session, wave):
        raise ReleaseBegun(wave=wave.code)
    rows = session.execute(
        select(ClassCell.class_code, ClassCell.reachable).where(ClassCell.wave_id == wave.id, ClassCell.reachable > 0)
    )
    cells = {code: min(people, max(ceil(share * people), PRIVACY_FLOOR)) for code, people in rows}
    new = invitations.issue(session, wave, key=key, actor=actor, now=now, only=cells)
    recontacts.follow(session, wave, key, actor=actor, now=now)
    _add(session, wave, {"first": share, "cells": cells}, new, RELEASED, actor, now)
    return new


def require_begun(session: Session, wave: Wave) -> None:
    """ReleaseNotBegun before the first links, NobodyLeft after the last."""
    waves.require_not_closed(wave)
    if not board.is_issued(session, wave):
        raise ReleaseNotBegun(wave=wave.code)
    if not any(cell.reserve for cell in board.cells(session, wave)):
        raise NobodyLeft(wave=wave.code)


def advise(session: Session, wave: Wave, advice: Mapping[str, Any], *, actor: str, now: datetime) -> Replicate:
    """Keep an advice for somebody to confirm; it takes the place of an earlier one."""
    mine = (Replicate.wave_id == wave.id) & (Replicate.state == ADVISED)
    session.execute(update(Replicate).where(mine).values(state=OVERTAKEN))
    size = sum(advice["cells"].values())
    made = _add(session, wave, advice, size, ADVISED, actor, now)
    detail = {"release": made.id.hex(), "size": size}
    audit.record(session, actor=actor, action="release.advise", subject=wave.code, detail=detail, now=now)
    return made


def _add(
    session: Session, wave: Wave, advice: Mapping[str, Any], size: int, state: str, actor: str, now: datetime
) -> Replicate:
    is_out = state == RELEASED
    made = Replicate(
        id=new_id(), wave_id=wave.id, state=state, size=size, advice=dict(advice), advised_at=now, advised_by=actor,
        released_at=now if is_out else None, released_by=actor if is_out else None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def confirm(session: Session, wave: Wave, release: bytes, *, key: WaveKey, actor: str, now: datetime) -> int:
    """Send out what was advised, once; the number of new links. ReleaseOvertaken when it is no longer the newest."""
    waves.require_not_closed(wave)
    mine = (Replicate.id == release) & (Replicate.wave_id == wave.id) & (Replicate.state == ADVISED)
    values = {"state": RELEASED, "released_at": now, "released_by": actor}
    taken = cast(CursorResult[object], session.execute(update(Replicate).where(mine).values(values)))
    if taken.rowcount != 1:
        raise ReleaseOvertaken(wave=wave.code)
    advice = session.get_one(Replicate, release, populate_existing=True).advice
    new = invitations.issue(session, wave, key=key, actor=actor, now=now, only=advice["cells"])
    recontacts.follow(session, wave, key, actor=actor, now=now)
    detail = {"release": release.hex(), "new": new}
    audit.record(session, actor=actor, action="release.confirm", subject=wave.code, detail=detail, now=now)
    return new


def offered(session: Session, wave: Wave) -> Replicate | None:
    """The advice that waits for somebody to confirm it."""
    return session.scalars(select(Replicate).where(Replicate.wave_id == wave.id, Replicate.state == ADVISED)).first()


def sent_out(session: Session, wave: Wave) -> list[Replicate]:
    """What was released, the newest first."""
    mine = select(Replicate).where(Replicate.wave_id == wave.id, Replicate.state == RELEASED)
    return list(session.scalars(mine.order_by(Replicate.released_at.desc())))
