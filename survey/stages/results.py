"""Results: append-only runs of a wave's scores, and the figures that are typed in beside the survey's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, defer
from sqlalchemy.sql.base import ExecutableOption

from survey.errors.common import InputRefused, NotScored
from survey.instrument import Audience
from survey.model.base import new_id
from survey.model.result import Figure, InputFigure, Run
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.rule import Manual, Officials, Satisfaction, Source, turns_figures
from survey.scheme import Component, Scheme
from survey.stages import audit, reviews, waves

CHUNK = 2000
WITHOUT_OPTIONS = defer(Run.options)  # hundreds of kilobytes, for who needs to know which run it is alone
MADE_FROM = ("inputs", "flags")  # what may change after a wave closed
Row = Mapping[str, Any]
Inputs = Mapping[str, Mapping[str, Component]]


class Gap(StrEnum):
    """Why a component of a scheme has no points."""

    NOT_GIVEN = "not_given"  # no survey gives them, and nobody typed them in yet
    OTHER_WAVE = "other_wave"  # a survey of the other audience gives them
    NOT_SURVEYED = "not_surveyed"
    NO_FORMS = "no_forms"
    NO_ANSWERS = "no_answers"


@dataclass(frozen=True)
class Made:
    """What a run was made from and how (HOUSE rule 7)."""

    extract_digest: str
    code_version: str
    options: Mapping[str, Any]


def store(session: Session, wave: Wave, rows: Sequence[Row], made: Made, *, actor: str, now: datetime) -> Run:
    """Append a run with its rows (columns of CONTRACT's results folder); earlier runs stay as they are."""
    run = Run(
        id=new_id(),
        wave_id=wave.id,
        made_at=now,
        made_by=actor,
        extract_digest=made.extract_digest,
        code_version=made.code_version,
        options={**made.options, "rows": rows_digest(rows)},
    )
    session.add(run)
    session.flush()
    figures = [_figure(run.id, position, row) for position, row in enumerate(rows)]
    for start in range(0, len(figures), CHUNK):
        session.execute(insert(Figure), figures[start : start + CHUNK])
    detail = {"extract": made.extract_digest, "rows": len(figures), "version": made.code_version}
    detail |= {"run": run.id.hex(), "figures": run.options["rows"]}
    audit.record(session, actor=actor, action="score.run", subject=wave.code, detail=detail, now=now)
    return run


def _figure(run_id: bytes, position: int, row: Row) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "position": position,
        "unit_code": row["unit"],
        "level_of": row["level_of"],
        "code": row["code"],
        "is_official": row["is_official"] == "yes",
        "row": dict(row),
    }


def gap(component: Component, row: Row, audience: str) -> Gap | None:
    """Why the row of a component is empty; None when it is not."""
    if row["status"] != "empty":
        return None
    asks = {Officials: Audience.OFFICIALS, Satisfaction: Audience.CITIZENS}.get(type(component.rule))
    if component.source is not Source.SURVEY or asks is None:
        return Gap.NOT_GIVEN
    if asks != audience:
        return Gap.OTHER_WAVE
    told = str(row["reason"]).split("; ")
    return next((one for one in (Gap.NOT_SURVEYED, Gap.NO_FORMS) if one in told), Gap.NO_ANSWERS)


def is_hidden_for_others(row: Row) -> bool:
    """Whether a figure is suppressed for what it would tell of other figures, however many answers it rests on."""
    words = {reason.partition("=")[0] for reason in str(row["reason"] or "").split("; ")}
    return row["status"] == "suppressed" and not words.isdisjoint({"would_tell", "holds_suppressed"})


def rows_digest(rows: Iterable[Row]) -> str:
    """SHA-256 of a run's rows in their order, whatever keys stand first in them."""
    found = sha256()
    for row in rows:
        found.update(json.dumps(dict(row), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return found.hexdigest()


def latest(session: Session, wave: Wave, *load: ExecutableOption) -> Run:
    """The run that counts: that of the newest seal, before any seal the newest; NotScored when there is none."""
    sealed = select(Run).join(Seal, Seal.run_id == Run.id).where(Seal.wave_id == wave.id).order_by(Seal.number.desc())
    run = session.scalars(sealed.options(*load)).first() or newest(session, wave, *load)
    if run is None:
        raise NotScored(wave=wave.code)
    return run


def sureness(options: Mapping[str, Any]) -> dict[tuple[str, str, str], Decimal]:
    """By scheme, unit and level_of how sure the official grade of a run is (its table `grades`), where it has an error;
    empty for a run from before there was one."""
    table = options.get("beside", {}).get("grades", {"columns": [], "rows": []})
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return {
        (row["scheme"], row["unit"], row["level_of"]): Decimal(row["confidence"])
        for row in rows
        if row["is_official"] == "yes" and row["band"] == row["grade"] and row["percent_low"] is not None
    }


def newest(session: Session, wave: Wave, *load: ExecutableOption) -> Run | None:
    """The run that was computed last; after a seal it counts for nothing before it is sealed itself."""
    made = select(Run).where(Run.wave_id == wave.id).order_by(Run.made_at.desc(), Run.id)
    return session.scalars(made.options(*load)).first()


def scored_waves(session: Session) -> list[Wave]:
    """The waves that have a run, the newest period first."""
    with_run = select(Run.wave_id).distinct()
    return list(session.scalars(select(Wave).where(Wave.id.in_(with_run)).order_by(Wave.period_to.desc(), Wave.code)))


def figures(
    session: Session,
    run: Run,
    *,
    levels_of: Iterable[str] | None = None,
    codes: Iterable[str] | None = None,
    unit: str | None = None,
    official_only: bool = False,
) -> list[dict[str, Any]]:
    """The run's rows in their order, all or those of some levels, codes, one unit, the official rule and weighting."""
    wanted = select(Figure.row).where(Figure.run_id == run.id).order_by(Figure.position)
    if levels_of is not None:
        wanted = wanted.where(Figure.level_of.in_(list(levels_of)))
    if codes is not None:
        wanted = wanted.where(Figure.code.in_(list(codes)))
    if unit is not None:
        wanted = wanted.where(Figure.unit_code == unit)
    if official_only:
        wanted = wanted.where(Figure.is_official)
    return [dict(row) for row in session.scalars(wanted)]


def page(
    session: Session,
    run: Run,
    *,
    after: int,
    limit: int,
    level_of: str | None = None,
    unit: str | None = None,
    official_only: bool = False,
) -> list[tuple[int, Row]]:
    """At most `limit` rows behind a position, each with its position."""
    wanted = select(Figure.position, Figure.row).where(Figure.run_id == run.id, Figure.position > after)
    if level_of is not None:
        wanted = wanted.where(Figure.level_of == level_of)
    if unit is not None:
        wanted = wanted.where(Figure.unit_code == unit)
    if official_only:
        wanted = wanted.where(Figure.is_official)
    return [(position, row) for position, row in session.execute(wanted.order_by(Figure.position).limit(limit))]


def typed_in(session: Session, wave: Wave, unit_type: str) -> tuple[Component, ...]:
    """The components of the unit's scheme whose figures are typed in."""
    return tuple(one for scheme in schemes_for(session, wave, unit_type) for one in scheme.typed_in)


def by_rule(session: Session, wave: Wave) -> set[str]:
    """The codes whose figures are raw ones, which a rule turns into points."""
    schemes = waves.schemes_of(session, wave)
    return {one.code for scheme in schemes for one in scheme.typed_in if turns_figures(one.rule)}


def schemes_for(session: Session, wave: Wave, unit_type: str) -> tuple[Scheme, ...]:
    return tuple(scheme for scheme in waves.schemes_of(session, wave) if scheme.rates(unit_type))


def inputs_of(session: Session, wave: Wave) -> Inputs:
    """What may be typed in for each unit of a wave: its components by code."""
    units = [one for one, _target in waves.units_of(session, wave)]
    by_type: dict[str, dict[str, Component]] = {one.type: {} for one in units}
    for kind, components in by_type.items():
        for one in typed_in(session, wave, kind):
            components.setdefault(one.code, one)  # the first scheme's rule says what may be typed in
    return {one.code: by_type[one.type] for one in units}


def set_input(
    session: Session,
    wave: Wave,
    *,
    unit: str,
    code: str,
    value: Decimal,
    source: str,
    actor: str,
    now: datetime,
    offered: Inputs | None = None,
) -> None:
    """Type in one figure with its source; the value before stays in the audit log.

    `offered` is `inputs_of` the wave, for who types in many.
    """
    units = offered or inputs_of(session, wave)
    if unit not in units:
        raise InputRefused(unit=unit, code=code, reason="unknown_unit")
    component = units[unit].get(code)
    if component is None:
        raise InputRefused(unit=unit, code=code, reason="unknown_code")
    if not value.is_finite() or abs(value) >= Decimal(10) ** 14:
        raise InputRefused(unit=unit, code=code, reason="out_of_range")
    if isinstance(component.rule, Manual) and not 0 <= value <= component.max:
        raise InputRefused(unit=unit, code=code, reason="out_of_range", most=str(component.max))
    if not source.strip():
        raise InputRefused(unit=unit, code=code, reason="no_source")
    row = session.get(InputFigure, (wave.id, unit, code))
    before = None if row is None else str(row.value)
    if row is None:
        row = InputFigure(wave_id=wave.id, unit_code=unit, code=code, value=value, source=source)
        session.add(row)
    row.value, row.source = value, source.strip()
    detail = {"unit": unit, "code": code, "before": before, "value": str(value), "source": source.strip()}
    audit.record(session, actor=actor, action="input.set", subject=wave.code, detail=detail, now=now)


def inputs_digest(session: Session, wave: Wave) -> str:
    """What is typed in, in short: all that may change a closed wave's scores."""
    columns = InputFigure.unit_code, InputFigure.code, InputFigure.value, InputFigure.source
    found = session.execute(select(*columns).where(InputFigure.wave_id == wave.id).order_by(*columns[:2]))
    told = [[unit, code, f"{value.normalize():f}", source] for unit, code, value, source in found]
    return sha256(json.dumps(told).encode()).hexdigest()


def is_outdated(session: Session, wave: Wave, run: Run) -> bool:
    """Whether figures were typed in, or suspicious answers decided, since a run."""
    return bool(outdated(session, wave, [run]))


def outdated(session: Session, wave: Wave, runs: Iterable[Run]) -> set[bytes]:
    """Which of these runs would come out otherwise now, by id."""
    stands = standing(session, wave)
    return {run.id for run in runs if any(run.options.get(name, found) != found for name, found in stands.items())}


def standing(session: Session, wave: Wave) -> dict[str, str]:
    """What a run of now would be made from beside the answers, in short."""
    return dict(zip(MADE_FROM, (inputs_digest(session, wave), reviews.flags_digest(session, wave)), strict=True))


def inputs(session: Session, wave: Wave) -> list[InputFigure]:
    """The typed-in figures of a wave by unit and code."""
    found = select(InputFigure).where(InputFigure.wave_id == wave.id)
    return list(session.scalars(found.order_by(InputFigure.unit_code, InputFigure.code)))
