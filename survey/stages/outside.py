"""Figures of other sources (PAPI, Decision 766): imported whole or not at all, shown beside, in no score."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey import cells, sheet
from survey.cells import CellRefused, Flaw, RowFault, RowsRefused, take
from survey.model.outside import OutsideFigure
from survey.sheet import Columns, Row
from survey.stages import audit, units

HEADER = ("unit", "source", "year", "code", "name_vi", "name_en", "value", "max", "document")
COLUMNS = Columns(HEADER, frozenset(HEADER) - {"max"})
KEY = ("unit_code", "source", "year", "code")
NUMBER = re.compile(r"[0-9]{1,9}([.,][0-9]{1,4})?")
YEARS = range(2009, 2100)  # the first PAPI
Values = dict[str, Any]


class Source(StrEnum):
    """Who measured."""

    PAPI = "papi"
    DECISION_766 = "decision_766"
    OTHER = "other"


@dataclass(frozen=True)
class OutsideReport:
    """What a file held, against what was there."""

    rows: int
    created: int
    updated: int
    unchanged: int
    dry_run: bool

    def as_dict(self) -> dict[str, int | bool]:
        return dict(vars(self))


def import_figures(session: Session, file: Path, *, actor: str, now: datetime, dry_run: bool = False) -> OutsideReport:
    """Take a file whole; known figures are brought up to date, those that it does not name stay. RowsRefused names
    every flaw by file, row and column; the values before stay in the audit log."""
    listed = _read(file, {unit.code for unit in units.all_units(session)})
    return _keep(session, listed, sheet.digest(file), actor=actor, now=now, dry_run=dry_run)


def enter(session: Session, typed: Mapping[str, str], *, actor: str, now: datetime) -> OutsideReport:
    """Take one figure that somebody typed in, by the columns of a file; RowsRefused names every field that is wrong."""
    faults: list[RowFault] = []
    row = sheet.row_of({name: typed.get(name, "") for name in HEADER})
    values = _read_row(row, {unit.code for unit in units.all_units(session)}, faults)
    if faults:
        raise RowsRefused(tuple(faults), "")
    return _keep(session, [values], None, actor=actor, now=now, dry_run=False)


def _keep(
    session: Session, listed: Sequence[Values], digest: str | None, *, actor: str, now: datetime, dry_run: bool
) -> OutsideReport:
    """Store what is new or changed."""
    stored = {_key(row): row for row in session.scalars(select(OutsideFigure))}
    new = [values for values in listed if _of(values) not in stored]
    changed = [values for values in listed if _of(values) in stored and _differs(stored[_of(values)], values)]
    report = OutsideReport(len(listed), len(new), len(changed), len(listed) - len(new) - len(changed), dry_run)
    if dry_run or not (new or changed):
        return report
    if new:
        session.execute(insert(OutsideFigure), new)
    for values in changed:
        row = stored[_of(values)]
        told = {name: str(values[name]) for name in KEY} | {"before": str(row.value), "value": str(values["value"])}
        audit.record(session, actor=actor, action="outside.set", subject="outside", detail=told, now=now)
        for column, value in values.items():
            setattr(row, column, value)
    detail = {**report.as_dict(), "digest": digest}
    audit.record(session, actor=actor, action="outside.import", subject="outside", detail=detail, now=now)
    session.flush()
    return report


def every(session: Session) -> list[OutsideFigure]:
    """All figures: by unit and source, the newest year first."""
    order = (OutsideFigure.unit_code, OutsideFigure.source, OutsideFigure.year.desc(), OutsideFigure.code)
    return list(session.scalars(select(OutsideFigure).order_by(*order)))


def of_unit(session: Session, unit: str) -> list[OutsideFigure]:
    """The figures of a unit, or of the province: by source, the newest year first."""
    found = select(OutsideFigure).where(OutsideFigure.unit_code == unit)
    order = (OutsideFigure.source, OutsideFigure.year.desc(), OutsideFigure.code)
    return list(session.scalars(found.order_by(*order)))


def _key(row: OutsideFigure) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in KEY)


def _of(values: Values) -> tuple[Any, ...]:
    return tuple(values[name] for name in KEY)


def _differs(row: OutsideFigure, values: Values) -> bool:
    return any(getattr(row, column) != value for column, value in values.items())


# --- reading


def _read(file: Path, known: set[str]) -> list[Values]:
    faults: list[RowFault] = []
    listed: dict[tuple[Any, ...], Values] = {}
    for row in sheet.read(file, COLUMNS):
        before = len(faults)
        values = _read_row(row, known, faults)
        if len(faults) > before:
            continue
        if _of(values) in listed:
            faults.append(RowFault(row.number, "code", Flaw.DUPLICATE))
        listed[_of(values)] = values
    if faults:
        raise RowsRefused(tuple(sorted(faults, key=lambda fault: (fault.row, fault.column))), file.name)
    return list(listed.values())


def _read_row(row: Row, known: set[str], faults: list[RowFault]) -> Values:
    if row.fault is not None:
        faults.append(row.fault)
        return {}
    values: Values = {}
    for column, read in READERS.items():
        try:
            values[column] = take(row.values, column, read)
        except CellRefused as refused:
            faults.append(RowFault(row.number, column, refused.flaw))
    faults += [RowFault(row.number, column, flaw, told) for column, flaw, told in _flaws(values, known)]
    values["unit_code"] = units.match(values.pop("unit", ""), known)
    return values


def _flaws(values: Values, known: set[str]) -> Iterator[tuple[str, Flaw, str]]:
    """What the cells of one row say against what is known and against each other."""
    if "unit" in values and units.match(values["unit"], known) is None:
        yield "unit", Flaw.UNKNOWN_UNIT, ""
    value, most = values.get("value"), values.get("max")
    if value is not None and most is not None and value > most:
        yield "value", Flaw.TOO_MANY_POINTS, str(most)


def _number(text: str) -> Decimal:
    """A number of at most four decimals, with a point or a comma."""
    bare = cells.plain(text).replace(" ", "")
    if not NUMBER.fullmatch(bare):
        raise CellRefused(Flaw.NOT_A_NUMBER)
    return Decimal(bare.replace(",", "."))


def _year(text: str) -> int:
    bare = cells.plain(text)
    if not bare.isascii() or not bare.isdecimal() or int(bare) not in YEARS:
        raise CellRefused(Flaw.BAD_YEAR)
    return int(bare)


READERS: dict[str, Callable[[str], Any]] = {
    "unit": cells.required(cells.code),
    "source": cells.one_of({one.value: one.value for one in Source}),
    "year": cells.required(_year),
    "code": cells.required(cells.code),
    "name_vi": cells.required(cells.name),
    "name_en": cells.required(cells.name),
    "value": cells.required(_number),
    "max": cells.optional(_number),
    "document": cells.required(cells.name),
}
