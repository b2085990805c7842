"""The steps of a wave by decision or by the clock: planned, withdrawn, paused (tạm dừng), resumed, opened, closed.

A pause shuts the doors until a stated hour; drafts, links and the outbox wait behind them, nothing is lost.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from survey.errors.waves import PauseTooShort
from survey.model.audit import AuditEntry
from survey.model.wave import Wave
from survey.stages import audit, waves
from survey.wavefile import Mode


def plan(session: Session, wave: Wave, *, actor: str, now: datetime, document: str | None = None) -> None:
    """The plan is decided: units, targets and dates stand from now on; it opens at its hour without another word."""
    waves.require_next(wave, waves.PLANNED)
    waves.decide(wave, document)
    waves.move(session, wave, waves.PLANNED, action="wave.plan", actor=actor, now=now, document=document)


def decision(session: Session, wave: Wave) -> str | None:
    """What planned the wave: the decision that also opens it, whatever was decided on other steps since."""
    planned = (AuditEntry.action == "wave.plan") & (AuditEntry.subject == wave.code)
    newest = select(AuditEntry.detail).where(planned).order_by(AuditEntry.number.desc()).limit(1)
    detail = session.scalar(newest)
    return None if detail is None else json.loads(detail)["document"]


def withdraw(session: Session, wave: Wave, *, actor: str, now: datetime, document: str | None = None) -> None:
    """Take a plan back that did not open yet."""
    waves.require(wave, waves.PLANNED)
    waves.decide(wave, document)
    waves.move(session, wave, waves.DRAFT, action="wave.withdraw", actor=actor, now=now, document=document)


def pause(
    session: Session, wave: Wave, *, until: datetime, actor: str, now: datetime, document: str | None = None
) -> None:
    """Take no answers before `until`, by a decision; a wave that rests already rests until then instead."""
    waves.require_next(wave, waves.PAUSED)
    if not now < until < wave.closes:
        raise PauseTooShort(wave=wave.code, closes=waves.told(wave.closes))
    waves.decide(wave, document)
    wave.paused_until = until
    waves.move(
        session, wave, waves.PAUSED, action="wave.pause", actor=actor, now=now, document=document,
        until=until.isoformat(),
    )  # fmt: skip


def resume(session: Session, wave: Wave, *, actor: str, now: datetime, document: str | None = None) -> None:
    """Take answers again. At the hour that the pause named nothing more is needed; before it, a decision."""
    waves.require(wave, waves.PAUSED)
    if document is not None or (wave.paused_until is not None and now < wave.paused_until):
        waves.decide(wave, document)
    wave.paused_until = None
    waves.move(session, wave, waves.OPEN, action="wave.resume", actor=actor, now=now, document=document)


def end(session: Session, wave: Wave, *, actor: str, now: datetime, document: str | None = None) -> None:
    """Whoever closes a wave before the hour that was decided needs a decision of its own; `jobs.close` follows."""
    if wave.state not in waves.RUNNING or (document is None and now >= wave.closes):
        return
    waves.decide(wave, document)
    detail = {"closes": wave.closes.isoformat(), "document": document}
    audit.record(session, actor=actor, action="wave.end", subject=wave.code, detail=detail, now=now)


def to_open(session: Session, now: datetime) -> list[Wave]:
    """Planned waves whose hour has come and that somebody could answer: the plan's decision opens them."""
    due = _by_code(Wave.state == waves.PLANNED, Wave.opens <= now, Wave.closes > now)
    return [wave for wave in session.scalars(due) if waves.has_door(session, wave)]


def to_resume(session: Session, now: datetime) -> list[Wave]:
    """Waves that have rested as long as was said."""
    return list(session.scalars(_by_code(Wave.state == waves.PAUSED, Wave.paused_until <= now)))


def to_close(session: Session, now: datetime) -> list[Wave]:
    """Running waves whose end is past; where paper is typed in a person closes, when the last sheet is in."""
    due = _by_code(Wave.state.in_(waves.RUNNING), Wave.closes <= now)
    return [wave for wave in session.scalars(due) if Mode.PAPER not in wave.settings["modes"]]


def _by_code(*conditions: ColumnElement[bool]) -> Select[Wave]:
    return select(Wave).where(*conditions).order_by(Wave.code)
