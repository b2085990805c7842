"""Copies a wave for the year after: the same questions, units and ways of answering, with what changed listed.

What was decided, listed or drawn for the old wave is not copied: lists, plans, documents, links are each wave's own.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.datafile import Words
from survey.errors.waves import NothingToCopy
from survey.instrument import Audience
from survey.keys import Keys
from survey.model.unit import Unit
from survey.model.wave import Wave, WaveScheme
from survey.precision import aim_of
from survey.scheme import load_scheme
from survey.stages import schemes as kept_schemes
from survey.stages import waves
from survey.wavefile import ALL_UNITS, Kind, Mode, WavePlan

LEAP_DAY = (2, 29)


class Part(StrEnum):
    """What may differ between a wave and its copy."""

    PERIOD = "period"
    OPENS = "opens"
    CLOSES = "closes"
    SCHEME = "scheme"
    UNIT_GONE = "unit_gone"
    UNIT_MERGED = "unit_merged"
    UNIT_NEW = "unit_new"
    DOCUMENTS = "documents"


@dataclass(frozen=True)
class Change:
    """One difference; empty where there was nothing before, or is nothing now."""

    part: Part
    before: str
    after: str


@dataclass(frozen=True)
class Dates:
    """The copy's own dates; None: a year after those of the wave that is copied."""

    period_from: date | None = None
    period_to: date | None = None
    opens: datetime | None = None
    closes: datetime | None = None


def compare(session: Session, old: Wave, *, code: str, dates: Dates) -> list[Change]:
    """What a copy would change; nothing is stored."""
    return _changes(session, old, _plan(session, old, code, dates, Path()))


def copy(
    session: Session, old: Wave, *, code: str, dates: Dates, keys: Keys, actor: str, now: datetime
) -> tuple[Wave, list[Change]]:
    """A wave in draft like an old one, and what is different. WaveExists, NothingRated as for any new wave."""
    with tempfile.TemporaryDirectory(prefix="hailong-") as folder:
        plan = _plan(session, old, code, dates, Path(folder))
        changes = _changes(session, old, plan)
        (plan.folder / plan.instrument).write_text(old.instrument, encoding="utf-8")
        for name, (_code, source) in zip(plan.schemes, _schemes(session, old), strict=True):
            (plan.folder / name).write_text(source, encoding="utf-8")
        return waves.create(session, plan, keys=keys, actor=actor, now=now), changes


def _plan(session: Session, old: Wave, code: str, dates: Dates, folder: Path) -> WavePlan:
    """The wave file that the copy would have."""
    start = dates.period_from or _next_year(old.period_from)
    targets = _targets(session, old, start)
    if not targets:
        raise NothingToCopy(wave=old.code)
    settings: dict[str, Any] = old.settings
    return WavePlan(
        code=code, kind=Kind(old.kind), audience=Audience(old.audience), instrument="instrument.toml",
        schemes=tuple(f"scheme-{n}.toml" for n, _scheme in enumerate(_schemes(session, old))), province=old.province,
        period_from=start, period_to=dates.period_to or _next_year(old.period_to),
        opens=dates.opens or _a_year_on(old.opens), closes=dates.closes or _a_year_on(old.closes),
        units=(ALL_UNITS,) if _is_whole(session, old) else tuple(targets),
        target=_usual(session, old), targets=tuple(targets.items()),
        modes=tuple(Mode(mode) for mode in settings["modes"]), block=settings["block"], documents=(),
        sender=_words(settings.get("sender")), contact=_words(settings.get("contact")), precision=aim_of(settings),
        folder=folder,
    )  # fmt: skip


def _words(kept: dict[str, str] | None) -> Words:
    return Words(tuple((kept or {}).items()))


def _schemes(session: Session, old: Wave) -> list[tuple[str, str]]:
    """Code and text of each scheme: the newest version that two agencies agreed to, else the old wave's own."""
    agreed = kept_schemes.approved(session)
    rows = session.scalars(select(WaveScheme).where(WaveScheme.wave_id == old.id).order_by(WaveScheme.position))
    return [(row.code, agreed.get(row.code, row.source)) for row in rows]


def _targets(session: Session, old: Wave, start: date) -> dict[str, int]:
    """What is wanted of each unit that is still there; of one that took others in, what was wanted of them together."""
    wanted = Counter[str]()
    for unit, target in waves.units_of(session, old):
        heir = _heir(session, unit, start)
        if heir is not None:
            wanted[heir.code] += target
    return dict(sorted(wanted.items()))


def _usual(session: Session, old: Wave) -> int:
    """What was wanted of most units: that is wanted of a new one."""
    return Counter(target for _unit, target in waves.units_of(session, old)).most_common(1)[0][0]


def _heir(session: Session, unit: Unit, start: date) -> Unit | None:
    """The unit itself, or the one that took its place before this day; None when nothing rated did."""
    found: Unit | None = unit
    seen: set[str] = set()
    while found is not None and found.valid_to is not None and found.valid_to < start and found.code not in seen:
        seen.add(found.code)
        found = session.get(Unit, found.successor) if found.successor else None
    is_there = found is not None and found.code not in seen and found.rated
    return found if is_there else None


def _is_whole(session: Session, old: Wave) -> bool:
    """Whether the old wave asked about every rated unit of its kinds: then so does the copy, new ones included."""
    listed = {unit.code for unit, _target in waves.units_of(session, old)}
    return {unit.code for unit in _candidates(session, old, old.period_from, old.period_to)} <= listed


def _candidates(session: Session, old: Wave, start: date, end: date) -> list[Unit]:
    kinds = {unit.type for unit, _target in waves.units_of(session, old)}
    mine = select(Unit).where(Unit.parent == old.province, Unit.rated, Unit.type.in_(kinds)).order_by(Unit.code)
    return [
        unit for unit in session.scalars(mine)
        if (unit.valid_from is None or unit.valid_from <= end) and (unit.valid_to is None or unit.valid_to >= start)
    ]  # fmt: skip


def _changes(session: Session, old: Wave, plan: WavePlan) -> list[Change]:
    found = [
        Change(Part.PERIOD, _days(old.period_from, old.period_to), _days(plan.period_from, plan.period_to)),
        Change(Part.OPENS, waves.told(old.opens), waves.told(plan.opens)),
        Change(Part.CLOSES, waves.told(old.closes), waves.told(plan.closes)),
        *_changed_schemes(session, old),
        *_changed_units(session, old, plan),
        *(Change(Part.DOCUMENTS, str(document), "") for document in old.documents),
    ]
    return [one for one in found if one.before != one.after]


def _changed_schemes(session: Session, old: Wave) -> list[Change]:
    before = {scheme.code: scheme for scheme in waves.schemes_of(session, old)}
    now = {code: load_scheme(source) for code, source in _schemes(session, old)}
    return [
        Change(Part.SCHEME, f"{code} {before[code].version}", f"{code} {scheme.version}")
        for code, scheme in now.items()
        if scheme.digest != before[code].digest
    ]


def _changed_units(session: Session, old: Wave, plan: WavePlan) -> list[Change]:
    changes, kept = [], set()
    for unit, _target in waves.units_of(session, old):
        heir = _heir(session, unit, plan.period_from)
        kept.add(heir.code if heir else "")
        if heir is None:
            changes.append(Change(Part.UNIT_GONE, unit.code, ""))
        elif heir.code != unit.code:
            changes.append(Change(Part.UNIT_MERGED, unit.code, heir.code))
    if plan.units == (ALL_UNITS,):
        new = _candidates(session, old, plan.period_from, plan.period_to)
        changes += [Change(Part.UNIT_NEW, "", unit.code) for unit in new if unit.code not in kept]
    return changes


def _days(start: date, end: date) -> str:
    return f"{start:%d/%m/%Y} – {end:%d/%m/%Y}"


def _next_year(day: date) -> date:
    return (
        day.replace(year=day.year + 1, day=28) if (day.month, day.day) == LEAP_DAY else day.replace(year=day.year + 1)
    )


def _a_year_on(moment: datetime) -> datetime:
    """The same civil day and hour of the province, a year later."""
    here = moment.astimezone(PROVINCE_TIME)
    day = _next_year(here.date())
    return here.replace(year=day.year, month=day.month, day=day.day)
