"""Administrative units (đơn vị hành chính): imported whole or not at all, found by their official code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from survey import cells, resources, sheet
from survey.cells import CellRefused, Flaw, RowFault, RowsRefused, take
from survey.db import in_one_text
from survey.errors.common import UnitUnknown
from survey.memory import keep
from survey.model.unit import Unit
from survey.sheet import Columns, Row
from survey.stages import audit
from survey.statements import Prepared

HEADER = ("code", "name_vi", "name_en", "type", "parent", "valid_from", "valid_to", "successor", "rated")
COLUMNS = Columns(HEADER, frozenset({"code", "name_vi", "name_en", "type", "parent", "rated"}))
PROVINCE, IMPORT = "province", "units.import"
COMMUNES = ("commune", "ward", "special_zone")
TYPES = (PROVINCE, "department", "vertical", *COMMUNES, "district")
WORD_OF_TYPE = {word: word for word in TYPES}
YES_NO = {"yes": "yes", "no": "no"}
DIGITS_OF_COMMUNE = 5  # a spreadsheet drops leading zeros

STANDING = in_one_text(tuple(Unit.__table__.columns)).label("unit_standing")  # all of a unit that may change
_STANDING_OF = Prepared(select(STANDING).where(Unit.code == bindparam("held")))
_WHOLE = select(Unit.__table__, STANDING).where(Unit.code == bindparam("held"))
_met: dict[str, Unit] = {}  # by their standing

Values = dict[str, Any]


@dataclass(frozen=True)
class UnitsReport:
    """What a units file held, against what was there."""

    rows: int
    created: int
    updated: int
    unchanged: int
    dry_run: bool

    def as_dict(self) -> dict[str, int | bool]:
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "dry_run": self.dry_run,
        }


def find(session: Session, code: str) -> Unit:
    unit = session.get(Unit, code)
    if unit is None:
        raise UnitUnknown(unit=code)
    return unit


def to_read(session: Session, code: str, standing: str | None = None) -> Unit:
    """A unit that no session holds, as it stands (`STANDING`; asked for where it is not given); UnitUnknown if none."""
    if standing is None:
        found = _STANDING_OF.first(session, held=code)
        standing = found.unit_standing if found else ""
    known = _met.get(standing)
    if known is not None:
        return known
    row = session.connection().execute(_WHOLE, {"held": code}).first()
    if row is None:
        raise UnitUnknown(unit=code)
    parts = row._asdict()
    return keep(_met, parts.pop("unit_standing"), Unit(**parts))


def all_units(session: Session) -> list[Unit]:
    """Every unit, by code."""
    return list(session.scalars(select(Unit).order_by(Unit.code)))


def of_codes(session: Session, codes: Iterable[str]) -> dict[str, Unit]:
    """The units with these codes; codes that none has are left out."""
    return {unit.code: unit for unit in session.scalars(select(Unit).where(Unit.code.in_(set(codes))))}


def import_units(session: Session, file: Path, *, actor: str, now: datetime, dry_run: bool = False) -> UnitsReport:
    """Take a units file whole; known codes are brought up to date, units that it does not name stay.

    RowsRefused names every flaw by row and column; a parent may stand below its child.
    """
    return _take_rows(session, sheet.read(file, COLUMNS), actor=actor, now=now, dry_run=dry_run)


def import_builtin(
    session: Session, province_code: str, *, actor: str, now: datetime, dry_run: bool = False
) -> UnitsReport:
    """Take one province and its communes from the facts that come with the program; UnitUnknown for another code."""
    rows = [row for row in _facts("provinces.csv") if row.values["code"] == province_code]
    if not rows:
        raise UnitUnknown(unit=province_code)
    rows += [row for row in _facts("communes.csv") if row.values["parent"] == province_code]
    return _take_rows(session, rows, actor=actor, now=now, dry_run=dry_run)


def commune_codes(session: Session) -> frozenset[str]:
    """The communes that an applicant may come from: those of the whole country, and those that were imported."""
    imported = session.scalars(select(Unit.code).where(Unit.type.in_(COMMUNES)))
    return _country_communes() | frozenset(imported)


@cache
def old_provinces() -> tuple[tuple[str, str], ...]:
    """The provinces of before 1 July 2025 with the code of the one that each became."""
    return tuple((row.values["name_vi"], row.values["successor"]) for row in _facts("provinces_before_2025.csv"))


def match(code: str, known: Iterable[str]) -> str | None:
    """The known code that is meant, leading zeros that a spreadsheet dropped put back; None when there is none."""
    if code in known:
        return code
    padded = code.zfill(DIGITS_OF_COMMUNE) if code.isdecimal() else code
    return padded if padded in known else None


def _facts(name: str) -> Iterator[Row]:
    return sheet.read(resources.data("facts", name), COLUMNS)


@cache
def _country_communes() -> frozenset[str]:
    return frozenset(row.values["code"] for row in _facts("communes.csv"))


def _take_rows(session: Session, rows: Iterable[Row], *, actor: str, now: datetime, dry_run: bool) -> UnitsReport:
    stored = {unit.code: unit for unit in session.scalars(select(Unit))}
    listed = _read_rows(rows, stored)
    new = [values for values in listed if values["code"] not in stored]
    changed = [values for values in listed if values["code"] in stored and _differs(stored[values["code"]], values)]
    same = len(listed) - len(new) - len(changed)
    report = UnitsReport(len(listed), len(new), len(changed), same, dry_run)
    if dry_run or not (new or changed):
        return report
    for generation in _parents_first(new, stored):
        session.execute(insert(Unit), generation)
    detail = {
        **report.as_dict(),
        "changed": {values["code"]: _change(stored[values["code"]], values) for values in changed},
    }
    audit.record(session, actor=actor, action=IMPORT, subject="units", detail=detail, now=now)
    session.flush()
    return report


def _differs(unit: Unit, values: Values) -> bool:
    return any(getattr(unit, column) != value for column, value in values.items())


def _change(unit: Unit, values: Values) -> dict[str, str | bool | None]:
    """Bring a unit up to date; its new values, for the log: a sealed wave still shows it by its name."""
    told = {column: value for column, value in values.items() if getattr(unit, column) != value}
    for column, value in told.items():
        setattr(unit, column, value)
    return {column: value.isoformat() if isinstance(value, date) else value for column, value in told.items()}


def _parents_first(new: list[Values], stored: dict[str, Unit]) -> Iterator[list[Values]]:
    """New units in an order in which each parent is there before its children."""
    there = set(stored)
    while new:
        generation = [values for values in new if values["parent"] is None or values["parent"] in there]
        yield generation
        there.update(values["code"] for values in generation)
        new = [values for values in new if values["code"] not in there]


# --- reading


def _read_rows(rows: Iterable[Row], stored: dict[str, Unit]) -> list[Values]:
    """Read every row, then what rows say of each other; RowsRefused with all flaws found."""
    faults: list[RowFault] = []
    listed: dict[str, tuple[int, Values]] = {}
    folded: set[str] = set()
    for row in rows:
        values = _read_row(row, faults)
        code = values.get("code", "")
        if code.casefold() in folded:
            faults.append(RowFault(row.number, "code", Flaw.DUPLICATE))
        elif code:
            folded.add(code.casefold())
            listed[code] = (row.number, values)
    faults += _relation_faults(listed, stored)
    if faults:
        raise RowsRefused(tuple(sorted(faults, key=lambda fault: (fault.row, fault.column))))
    return [values for _number, values in listed.values()]


def _read_row(row: Row, faults: list[RowFault]) -> Values:
    """Every column that can be read; the others are reported."""
    if row.fault is not None:
        faults.append(row.fault)
        return {}
    values: Values = {}
    for column, read in READERS.items():
        try:
            values[column] = take(row.values, column, read)
        except CellRefused as refused:
            faults.append(RowFault(row.number, column, refused.flaw))
    values["rated"] = values.get("rated") == "yes"
    faults += [RowFault(row.number, column, flaw) for column, flaw in _inner_flaws(values)]
    return values


READERS: dict[str, Callable[[str], str | date | None]] = {
    "code": cells.required(cells.code),
    "name_vi": cells.required(cells.name),
    "name_en": cells.required(cells.name),
    "type": cells.one_of(WORD_OF_TYPE),
    "parent": cells.optional(cells.code),
    "valid_from": cells.optional(cells.day),
    "valid_to": cells.optional(cells.day),
    "successor": cells.optional(cells.code),
    "rated": cells.one_of(YES_NO),
}


def _inner_flaws(values: Values) -> Iterator[tuple[str, Flaw]]:
    """What the columns of one row say against each other."""
    begins, ends = values.get("valid_from"), values.get("valid_to")
    if begins is not None and ends is not None and ends < begins:
        yield "valid_to", Flaw.BEFORE_START
    kind = values.get("type")
    if kind == PROVINCE and values.get("parent") is not None:
        yield "parent", Flaw.NOT_ALLOWED
    if kind not in (None, PROVINCE) and "parent" in values and values["parent"] is None:
        yield "parent", Flaw.MISSING


def _relation_faults(listed: dict[str, tuple[int, Values]], stored: dict[str, Unit]) -> Iterator[RowFault]:
    """Parents and successors that nobody knows, and units that are their own ancestors."""
    parents: dict[str, str | None] = {code: unit.parent for code, unit in stored.items()}
    parents |= {code: values.get("parent") for code, (_number, values) in listed.items()}
    for code, (number, values) in listed.items():
        for column in ("parent", "successor"):
            if values.get(column) is not None and values[column] not in parents:
                yield RowFault(number, column, Flaw.UNKNOWN_UNIT)
        if _is_own_ancestor(code, parents):
            yield RowFault(number, "parent", Flaw.PARENT_CYCLE)


def _is_own_ancestor(code: str, parents: dict[str, str | None]) -> bool:
    seen: set[str] = set()
    above = parents.get(code)
    while above is not None and above not in seen:
        if above == code:
            return True
        seen.add(above)
        above = parents.get(above)
    return False
