"""Sample plans (phương án mẫu): sizes computed by a rule, kept version by version; the newest one sets the targets.

A plan is saved while the wave is in preparation: `wave plan` freezes what stands then.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from survey.model.frame import Dossier
from survey.model.response import Tally
from survey.model.sample import ClassCell, SamplePlan
from survey.model.wave import Wave, WaveUnit
from survey.stages import audit, coverage, waves


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
