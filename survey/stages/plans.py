"""Sample plans (phương án mẫu): sizes computed by a rule, kept version by version; the newest one sets the targets.

A plan is saved while the wave is in preparation: `wave plan` freezes what stands then. A real wave is drawn only as a
plan says that two agencies agreed to, while its lists are those that the plan was made for.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from survey.errors.waves import PlanMissing, PlanOutdated
from survey.model.frame import Dossier
from survey.model.response import Tally
from survey.model.sample import ClassCell, SamplePlan
from survey.model.wave import Wave, WaveUnit
from survey.stages import approvals, audit, coverage, waves
from survey.wavefile import Kind


def populations(session: Session, wave: Wave) -> dict[str, int]:
    """The dossiers of each unit of the wave that has any, by code."""
    found = session.execute(
        select(Dossier.unit_code, func.count()).where(Dossier.wave_id == wave.id).group_by(Dossier.unit_code)
    )
    return {str(unit): int(number) for unit, number in sorted(found)}


def last_responses(session: Session, wave: Wave) -> tuple[str | None, dict[str, tuple[int, int]]]:
    """The wave before, and how many of each unit it invited and how many answered their link."""
    before = coverage.wave_before(session, wave)
    if before is None:
        return None, {}
    invited = Counter[str]()
    for unit, number in session.execute(
        select(ClassCell.unit_code, ClassCell.invited).where(ClassCell.wave_id == before.id)
    ):
        invited[str(unit)] += number
    answered = dict(
        session.execute(
            select(Tally.cell, func.sum(Tally.completed))
            .where(Tally.wave_id == before.id, Tally.mode.in_(("link", "paper", "interviewer")))
            .group_by(Tally.cell)
        ).all()
    )
    return before.code, {
        unit: (number, int(answered.get(unit, 0))) for unit, number in sorted(invited.items()) if number
    }


def last_populations(session: Session, before: Wave) -> dict[str, int]:
    """The dossiers of each unit in an earlier wave's frame, as its register keeps them."""
    return coverage.population(session, before)


def save(
    session: Session, wave: Wave, *, options: dict[str, Any], rows: list[dict[str, Any]], actor: str, now: datetime
) -> SamplePlan:
    """Keep a plan as the next version, and want of each unit what it says."""
    waves.require(wave, waves.DRAFT)
    waves.require_targets(wave.code, {row["unit"]: row["answers_wanted"] for row in rows})
    version = 1 + (session.scalar(select(func.max(SamplePlan.version)).where(SamplePlan.wave_id == wave.id)) or 0)
    text = json.dumps({"options": options, "rows": rows}, sort_keys=True)
    plan = SamplePlan(
        wave_id=wave.id, version=version, made_at=now, made_by=actor, options=options, rows=rows,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip
    session.add(plan)
    for row in rows:
        of_unit = (WaveUnit.wave_id == wave.id) & (WaveUnit.unit_code == row["unit"])
        session.execute(update(WaveUnit).where(of_unit).values(target=row["answers_wanted"]))
    detail = {"version": version, "digest": plan.digest, "options": options}
    audit.record(session, actor=actor, action="sample.plan", subject=wave.code, detail=detail, now=now)
    session.flush()
    return plan


def versions(session: Session, wave: Wave) -> list[SamplePlan]:
    """Every version, the newest first: that one counts."""
    mine = select(SamplePlan).where(SamplePlan.wave_id == wave.id)
    return list(session.scalars(mine.order_by(SamplePlan.version.desc())))


def newest(session: Session, wave: Wave) -> SamplePlan:
    """The version that counts; PlanMissing when there is none."""
    mine = select(SamplePlan).where(SamplePlan.wave_id == wave.id)
    found = session.scalars(mine.order_by(SamplePlan.version.desc()).limit(1)).first()
    if found is None:
        raise PlanMissing(wave=wave.code)
    return found


def take_again(session: Session, wave: Wave, version: int, *, actor: str, now: datetime) -> SamplePlan:
    """An earlier version counts again: it is kept once more as the newest."""
    earlier = session.get(SamplePlan, (wave.id, version))
    if earlier is None:
        raise PlanMissing(wave=wave.code)
    return save(session, wave, options=earlier.options, rows=earlier.rows, actor=actor, now=now)


def subject(wave: Wave) -> str:
    """What two agencies agree to."""
    return f"sample-plan:{wave.code}"


def approve(session: Session, wave: Wave, *, seen: str, by: str, document: str, now: datetime) -> None:
    """One agency's agreement to the version that counts; `seen` is the digest that the person looked at."""
    waves.require(wave, *waves.COMING)
    plan = newest(session, wave)
    approvals.check_seen(subject(wave), seen=seen, stands=plan.digest)
    require_fresh(session, wave, plan)
    approvals.give(session, subject(wave), plan.digest, by=by, document=document, now=now)


def is_fresh(session: Session, wave: Wave, plan: SamplePlan) -> bool:
    """Whether the lists hold the dossiers that the plan was made for, unit by unit."""
    return populations(session, wave) == {row["unit"]: row["dossiers"] for row in plan.rows}


def require_fresh(session: Session, wave: Wave, plan: SamplePlan) -> None:
    if not is_fresh(session, wave, plan):
        raise PlanOutdated(wave=wave.code, version=plan.version)


def to_draw(session: Session, wave: Wave) -> dict[str, int]:
    """The invitations of each unit as the newest plan says; a real wave's plan must be agreed to."""
    plan = newest(session, wave)
    require_fresh(session, wave, plan)
    if wave.kind == Kind.REAL:
        approvals.require(session, subject(wave), plan.digest)
    return {row["unit"]: row["invitations"] for row in plan.rows}
