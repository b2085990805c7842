"""Index sheets (bảng chỉ số): the whole index of a scheme and year, joined from imported points and scored waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey import sheet as files
from survey.errors.index import (
    IndexNotScored,
    IndexUnknown,
    SchemeChanged,
    SchemeNotInWave,
    SchemeNotOfYear,
    WaveOfOtherYear,
)
from survey.import_layout import Layout
from survey.model.base import new_id
from survey.model.index import IndexFigure, IndexInput, IndexRun, IndexSeal, IndexSheet
from survey.model.result import Run
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.scheme import Scheme
from survey.stages import audit, results, waves
from survey.stages.pieces import TOTAL, pieces_of
from survey.stages.points_file import Expected, Point, read_points
from survey.stages.results import CHUNK, Made, Row

POINT_LEVELS = ("component", "criterion", "area", "total", "group")


@dataclass(frozen=True)
class PointsReport:
    """What a file of points held, against what was there."""

    rows: int
    units: int
    created: int
    updated: int
    unchanged: int
    dry_run: bool
    doubtful: tuple[Point, ...]  # raw figures that would be more if they were meant as points

    def as_dict(self) -> dict[str, int | bool]:
        return {name: value for name, value in vars(self).items() if name != "doubtful"} | {
            "doubtful": len(self.doubtful)
        }


def find(session: Session, code: str, year: int) -> IndexSheet:
    found = stored(session, code, year)
    if found is None:
        raise IndexUnknown(scheme=code, year=year)
    return found


def computed(session: Session) -> list[IndexSheet]:
    """The sheets that have a run, the newest year first."""
    with_run = select(IndexRun.sheet_id).distinct()
    found = select(IndexSheet).where(IndexSheet.id.in_(with_run))
    return list(session.scalars(found.order_by(IndexSheet.year.desc(), IndexSheet.code)))


def scheme_of(sheet: IndexSheet) -> Scheme:
    """The scheme as it was frozen into the sheet."""
    return waves.parsed_scheme(sheet.scheme)


def require_year(scheme: Scheme, year: int) -> None:
    if year not in scheme.years:
        raise SchemeNotOfYear(scheme=scheme.code, year=year, years=", ".join(map(str, scheme.years)))


def import_points(
    session: Session, file: Path, scheme: Scheme, year: int, *, source: str, actor: str, now: datetime, dry_run: bool,
    layout: Layout | None = None,
) -> PointsReport:  # fmt: skip
    """Take a file of points whole, in a `layout` of its own or as usual; known figures are brought up to date, those
    that it does not name stay.

    The same file again changes nothing. RowsRefused names every flaw; the values before stay in the audit log.
    """
    require_year(scheme, year)
    found = stored(session, scheme.code, year)
    if found is not None and found.scheme != scheme.source:
        raise SchemeChanged(scheme=scheme.code, year=year)
    units = {unit.code: unit.type for unit in session.scalars(select(Unit))}
    there = {} if found is None else {(row.unit_code, row.code): row for row in inputs(session, found)}
    known = {key: (row.value, row.is_points) for key, row in there.items()}
    points = read_points(file, Expected(scheme, year, units, source.strip()), known, layout)
    new = [one for one in points if (one.unit, one.code) not in there]
    changed = [one for one in points if (one.unit, one.code) in there and _differs(one, there[one.unit, one.code])]
    counts = (len(points), len({one.unit for one in points}), len(new), len(changed))
    doubtful = tuple(one for one in points if one.is_doubtful)
    report = PointsReport(*counts, len(points) - len(new) - len(changed), dry_run, doubtful)
    if dry_run or not (new or changed):
        return report
    subject = f"{scheme.code} {year}"
    if found is None:
        found = IndexSheet(id=new_id(), code=scheme.code, year=year, scheme=scheme.source, created_at=now)
        session.add(found)
        session.flush()
    session.execute(insert(IndexInput), [_values(found, one) for one in new]) if new else None
    for one in changed:
        row = there[one.unit, one.code]
        told: dict[str, Any] = {"unit": one.unit, "code": one.code, "before": str(row.value), "value": str(one.value)}
        if _is_meant_otherwise(one, row):
            told |= {"is_points": one.is_points}
            row.is_points = one.is_points
        row.value, row.source = one.value, one.source
        audit.record(session, actor=actor, action="index.set", subject=subject, detail=told, now=now)
    detail = {**report.as_dict(), "digest": files.digest(file), "scheme": scheme.digest}
    audit.record(session, actor=actor, action="index.import", subject=subject, detail=detail, now=now)
    session.flush()
    return report


def stored(session: Session, code: str, year: int) -> IndexSheet | None:
    """The sheet of a scheme and year, if points were ever loaded into it."""
    return session.scalars(select(IndexSheet).where(IndexSheet.code == code, IndexSheet.year == year)).first()


def _differs(point: Point, row: IndexInput) -> bool:
    return (point.value, point.source) != (row.value, row.source) or _is_meant_otherwise(point, row)


def _is_meant_otherwise(point: Point, row: IndexInput) -> bool:
    """Points where a figure stood, or a figure for points; where no rule turns figures both are points."""
    return point.by_rule and point.is_points != row.is_points


def _values(sheet: IndexSheet, point: Point) -> dict[str, Any]:
    key = {"sheet_id": sheet.id, "unit_code": point.unit, "code": point.code}
    return {**key, "value": point.value, "is_points": point.is_points, "source": point.source}


def inputs(session: Session, sheet: IndexSheet) -> list[IndexInput]:
    """The imported figures of a sheet by unit and code."""
    found = select(IndexInput).where(IndexInput.sheet_id == sheet.id)
    return list(session.scalars(found.order_by(IndexInput.unit_code, IndexInput.code)))


@dataclass(frozen=True)
class WaveResult:
    """What a sheet takes from a wave: the points of a run by the sheet's scheme."""

    wave: Wave
    extract_digest: str
    rows: tuple[Row, ...]


def wave_result(session: Session, wave: Wave, sheet: IndexSheet, run: Run) -> WaveResult:
    """A run of a wave of the year that was scored by the very same scheme; else WaveOfOtherYear, SchemeNotInWave."""
    if wave.period_to.year != sheet.year:
        raise WaveOfOtherYear(wave=wave.code, year=wave.period_to.year, needed=sheet.year)
    if sheet.scheme not in {one.source for one in waves.schemes_of(session, wave)}:
        raise SchemeNotInWave(wave=wave.code, scheme=sheet.code)
    rows = results.figures(session, run, levels_of=POINT_LEVELS)
    own = tuple(row for row in rows if row["scheme"] == sheet.code and row["max"] is not None)
    return WaveResult(wave, run.extract_digest, own)


def units_of(session: Session, codes: Iterable[str]) -> list[Unit]:
    return list(session.scalars(select(Unit).where(Unit.code.in_(sorted(set(codes)))).order_by(Unit.code)))


def before(session: Session, sheet: IndexSheet) -> IndexSheet | None:
    """Last year's sheet: of the same scheme, else of the one scheme that ranked the same kind of units."""
    level = scheme_of(sheet).level
    last = session.scalars(select(IndexSheet).where(IndexSheet.year == sheet.year - 1)).all()
    same = [one for one in last if one.code == sheet.code]
    alike = same or [one for one in last if scheme_of(one).level is level]
    return alike[0] if len(alike) == 1 else None


def store(
    session: Session, sheet: IndexSheet, rows: Sequence[Row], made: Made, *, actor: str, now: datetime
) -> IndexRun:
    """Append a run with its rows; earlier runs stay as they are."""
    run = IndexRun(
        id=new_id(), sheet_id=sheet.id, made_at=now, made_by=actor, extract_digest=made.extract_digest,
        code_version=made.code_version, options=dict(made.options),
    )  # fmt: skip
    session.add(run)
    session.flush()
    kept = [
        {"run_id": run.id, "position": position, "unit_code": row["unit"], "row": dict(row)}
        for position, row in enumerate(rows)
    ]
    for start in range(0, len(kept), CHUNK):
        session.execute(insert(IndexFigure), kept[start : start + CHUNK])
    detail = {"extract": made.extract_digest, "rows": len(kept), "version": made.code_version}
    audit.record(session, actor=actor, action="index.run", subject=f"{sheet.code} {sheet.year}", detail=detail, now=now)
    return run


def latest(session: Session, sheet: IndexSheet) -> IndexRun:
    """The run that counts: that of the newest seal, before any seal the newest; IndexNotScored when there is none."""
    sealed = select(IndexRun).join(IndexSeal, IndexSeal.run_id == IndexRun.id).where(IndexSeal.sheet_id == sheet.id)
    return session.scalars(sealed.order_by(IndexSeal.number.desc())).first() or newest(session, sheet)


def newest(session: Session, sheet: IndexSheet) -> IndexRun:
    """The run that was computed last; after a seal it counts for nothing before it is sealed itself."""
    made = select(IndexRun).where(IndexRun.sheet_id == sheet.id).order_by(IndexRun.made_at.desc(), IndexRun.id)
    run = session.scalars(made).first()
    if run is None:
        raise IndexNotScored(scheme=sheet.code, year=sheet.year)
    return run


def figures(session: Session, run: IndexRun, *, unit: str | None = None) -> list[dict[str, Any]]:
    """The run's rows in their order, all or those of one unit."""
    wanted = select(IndexFigure.row).where(IndexFigure.run_id == run.id).order_by(IndexFigure.position)
    if unit is not None:
        wanted = wanted.where(IndexFigure.unit_code == unit)
    return [dict(row) for row in session.scalars(wanted)]


def chosen(rows: Iterable[Mapping[str, Any]], scheme: Scheme) -> list[Mapping[str, Any]]:
    """The rows of the scheme's own weighting with all answers: one a unit and code."""
    return [row for row in rows if row["weighting"] == scheme.weighting.value and row["answers"] == "all"]


@dataclass(frozen=True)
class Loss:
    """Points that a unit does not have: maximum less points, and between which limits where people were asked."""

    code: str
    max: Decimal
    lost: Decimal
    least: Decimal | None
    most: Decimal | None


def losses(rows: Iterable[Mapping[str, Any]], scheme: Scheme) -> list[Loss]:
    """Where a unit loses points, the most first: by component, and by whole where no more is known."""
    whole = {str(row["code"]): row for row in rows if row["points"] is not None and row["index"] is not None}
    pieces = pieces_of(scheme)
    told: set[str] = set()
    found = []
    for code in sorted(pieces, key=lambda code: len(pieces[code].inside)):
        if code in whole and code != TOTAL and not told & pieces[code].inside:
            told |= pieces[code].inside
            found.append(_loss(whole[code]))
    return sorted(found, key=lambda one: (-one.lost, one.code))


def _loss(row: Mapping[str, Any]) -> Loss:
    most, low, high = Decimal(row["max"]), row["ci_low"], row["ci_high"]
    least = None if high is None else most - Decimal(high)
    return Loss(
        str(row["code"]), most, most - Decimal(row["points"]), least, None if low is None else most - Decimal(low)
    )
