"""Feedback (phản ánh, kiến nghị): comments go to the unit that they are meant for, without any answer, after the close.

A unit's comments are kept with its name only when at least ten came in the wave: fewer would tell, joined with the
unit's answers, who of them wrote. The few of several units make one batch of the province, without the unit, when they
are ten together; else they stay among the words that nobody sends on. No row has a time, a class or a mode.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from survey.errors.common import TooFewToRelease
from survey.model.audit import AuditEntry
from survey.model.base import new_id
from survey.model.feedback import Feedback
from survey.model.wave import Wave
from survey.stages import audit
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.responses import SENT_TO

WAITING, RELEASED, WITHHELD = "waiting", "released", "withheld"
ACTION = "feedback.release"


@dataclass(frozen=True)
class Batch:
    """The comments of a wave about one unit, or (None) about the province, by what was decided on them."""

    wave: str
    unit: str | None
    waiting: int
    released: int
    withheld: int


@dataclass(frozen=True)
class Release:
    """One line of the release log: counts alone."""

    at: datetime
    actor: str
    wave: str
    unit: str | None
    released: int
    withheld: int


def receive(session: Session, wave: Wave, contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Store the comments for the units out of all the words of a closed wave, as they were mixed; give back the rest.

    Called once a wave with all that came: a later remainder would be less than ten.
    """
    sent = Counter(content[SENT_TO] for content in contents if SENT_TO in content)
    few = sum(count for count in sent.values() if count < PRIVACY_FLOOR)
    rows, rest = [], []
    for content in contents:
        unit = content.pop(SENT_TO, None)
        if unit is None or (sent[unit] < PRIVACY_FLOOR and few < PRIVACY_FLOOR):
            rest.append(content)
            continue
        named = unit if sent[unit] >= PRIVACY_FLOOR else None
        shared = {"wave_id": wave.id, "unit_code": named, "state": WAITING}
        rows += [{"id": new_id(), **shared, "text": text} for text in content["items"].values()]
    if rows:
        session.execute(insert(Feedback), rows)
    return rest


def batches(session: Session) -> list[Batch]:
    """Every batch, waves and units in the order of their codes, the province's last."""
    counts: dict[tuple[str, str | None], Counter[str]] = {}
    rows = session.execute(
        select(Wave.code, Feedback.unit_code, Feedback.state, func.count())
        .join(Wave, Wave.id == Feedback.wave_id)
        .group_by(Wave.code, Feedback.unit_code, Feedback.state)
    )
    for wave, unit, state, count in rows:
        counts.setdefault((wave, unit), Counter())[state] = count
    ordered = sorted(counts, key=lambda key: (key[0], key[1] is None, key[1] or ""))
    return [Batch(*key, *(counts[key][state] for state in (WAITING, RELEASED, WITHHELD))) for key in ordered]


def waiting(session: Session, wave: Wave, unit: str | None) -> list[Feedback]:
    """The comments that nobody decided on yet, in an order that tells nothing."""
    return list(session.scalars(_of(wave, unit, WAITING)))


def released(session: Session, unit: str | None) -> dict[str, list[str]]:
    """The released comments on a unit, or of the province's batches, by the wave's code."""
    found: dict[str, list[str]] = {}
    rows = session.execute(
        select(Wave.code, Feedback.text)
        .join(Wave, Wave.id == Feedback.wave_id)
        .where(Feedback.state == RELEASED, _about(unit))
        .order_by(Wave.code, Feedback.id)
    )
    for wave, text in rows:
        found.setdefault(wave, []).append(text)
    return found


def release(
    session: Session, wave: Wave, unit: str | None, *, withhold: Collection[bytes], actor: str, now: datetime
) -> None:
    """Decide once on all that waits: what is not withheld is released, at least ten together or none."""
    session.refresh(wave, with_for_update=True)
    ids = {row.id for row in waiting(session, wave, unit)}
    kept_back = ids & set(withhold)
    shown = len(ids) - len(kept_back)
    if 0 < shown < PRIVACY_FLOOR:
        raise TooFewToRelease(released=shown, floor=PRIVACY_FLOOR)
    if not ids:
        return  # decided meanwhile
    held = (Feedback.wave_id == wave.id) & _about(unit) & (Feedback.state == WAITING)
    session.execute(update(Feedback).where(held, Feedback.id.in_(kept_back)).values(state=WITHHELD))
    session.execute(update(Feedback).where(held).values(state=RELEASED))
    detail = {"unit": unit, "released": shown, "withheld": len(kept_back)}
    audit.record(session, actor=actor, action=ACTION, subject=wave.code, detail=detail, now=now)


def release_log(session: Session) -> list[Release]:
    """Who released how many, the newest first; read from the audit log, so that it outlives the comments."""
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == ACTION).order_by(AuditEntry.number.desc()))
    return [Release(entry.at, entry.actor, entry.subject, **json.loads(entry.detail)) for entry in entries]


def _about(unit: str | None) -> Any:
    return Feedback.unit_code.is_(None) if unit is None else Feedback.unit_code == unit


def _of(wave: Wave, unit: str | None, state: str) -> Any:
    return (
        select(Feedback).where(Feedback.wave_id == wave.id, _about(unit), Feedback.state == state).order_by(Feedback.id)
    )
