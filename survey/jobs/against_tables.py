"""Holds the tables of a site against the inventory and the manifest of a sealed bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.components.beside import table_of
from analysis.extract import MANIFEST
from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import Opened
from survey.jobs import against_log, extract
from survey.jobs.seal import EXTRACT, of_seal
from survey.model.release import Release
from survey.model.result import Figure, Run
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.stages import descriptions, held, inventories
from survey.stages.inventories import Difference, Kind

FAULTS = {
    Kind.CHANGED: Fault.RECORD_CHANGED, Kind.MISSING: Fault.RECORD_MISSING, Kind.ADDED: Fault.RECORD_ADDED,
}  # fmt: skip
NOT_OF_THE_SITE = {"code_version", "hashes"}  # of the extract's manifest: the program's, and of its files
DESCRIBED = ("drivers", "modes", "questions", "items")


def require_seal(seal: Seal, bundle: Opened) -> None:
    """The seal's own row says what it said when it was made, as far as the bundle has an inventory."""
    told = _inventory(bundle)
    own = of_seal(seal.release_id, seal.run_id, seal.sealed_at, seal.sealed_by)
    if told and (field := inventories.seal_differs(seal.id, told, own)):
        found = own[field].hex() if isinstance(own[field], bytes) else str(own[field])
        raise BundleBroken(bundle.name, Fault.RECORD_CHANGED, Seal.__tablename__, field=field, found=found)


def require_tables(
    session: Session, wave: Wave, seal: Seal, bundle: Opened, told: Mapping[str, Any], *, every: bool
) -> None:
    """Every table that may not change after the seal; BundleBroken names the first row and column that did."""
    if not (taken := _inventory(bundle)):
        return
    run, release = session.get_one(Run, seal.run_id), session.get_one(Release, seal.release_id)
    of, gone = held.moment(session, wave, run, release, seal.sealed_at), against_log.purged(session, told)
    for one in inventories.differences(session, of, seal.id, taken, every=every, purged=gone):
        raise broken(bundle, one)


def broken(bundle: Opened, one: Difference) -> BundleBroken:
    """A difference as the bundle's fault; the row is told by its key where it still has one."""
    table = f"{one.table} ({one.key})" if one.key else one.table
    return BundleBroken(bundle.name, FAULTS[one.kind], table, one.row, one.column, found=statements.short(one.found))


def _inventory(bundle: Opened) -> dict[str, Any]:
    """Nothing for a bundle of before there were any."""
    path = bundle.folder / inventories.FILE
    told: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return told


def require_manifest(session: Session, wave: Wave, bundle: Opened, told: Mapping[str, Any]) -> None:
    """What the extract says of the wave: kind, period, seed, province; its units unless a later import says more."""
    sealed = json.loads((bundle.folder / EXTRACT / MANIFEST).read_bytes())
    stands = json.loads(json.dumps(extract.manifest_of(session, wave)))
    since = against_log.renamed(session, told)
    units, others = _by_code(sealed.pop("units")), _by_code(stands.pop("units"))
    for code in sorted({*units, *others}):
        table = f"unit ({code})" if code in units and code in others else f"wave_unit ({code})"
        _require_same(bundle, table, units.get(code, {}), others.get(code, {}), since.get(code, {}))
    province = sealed.pop("province"), stands.pop("province")
    code = province[0]["code"]
    _require_same(bundle, f"unit ({code})", *province, since.get(code, {}))
    for field in sorted({*sealed, *stands} - NOT_OF_THE_SITE):
        if sealed.get(field) != stands.get(field):
            table, name = ("draw", field) if field == "seed" else ("wave", field)
            raise _changed(bundle, table, name, sealed.get(field), stands.get(field))


def _by_code(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in rows}


def _require_same(
    bundle: Opened, table: str, sealed: Mapping[str, Any], stands: Mapping[str, Any], since: Mapping[str, Any]
) -> None:
    for field in sorted({*sealed, *stands}):
        wanted = since.get(field, sealed.get(field)) if stands else sealed.get(field)
        if wanted != stands.get(field):
            raise _changed(bundle, table, field, wanted, stands.get(field))


def require_columns(session: Session, run: Run, bundle: Opened) -> None:
    """The columns by which a page finds a figure say what the figure's row does."""
    columns = Figure.position, Figure.unit_code, Figure.level_of, Figure.code, Figure.is_official, Figure.row
    wanted = select(*columns).where(Figure.run_id == run.id).order_by(Figure.position)
    for place, (position, unit, level, code, official, row) in enumerate(session.execute(wanted)):
        found = {"position": position, "unit_code": unit, "level_of": level, "code": code, "is_official": official}
        told = {
            "position": place, "unit_code": row["unit"], "level_of": row["level_of"], "code": row["code"],
            "is_official": row["is_official"] == "yes",
        }  # fmt: skip
        for field, value in told.items():
            if found[field] != value:
                raise _changed(bundle, Figure.__tablename__, field, value, found[field], place + 2)


def require_descriptions(session: Session, run: Run, bundle: Opened) -> None:
    """The tables beside the figures are the bundle's files."""
    stands = {name: table_of(one).csv() for name, one in descriptions.whole(session, run).items()}
    for name in DESCRIBED:
        path = bundle.folder / f"{name}.csv"
        sealed = path.read_bytes() if path.is_file() else None
        if sealed != stands.get(name) and name not in run.options.get("beside", {}):
            row, before, now = _first_line(sealed or b"", stands.get(name, b""))
            fault = Fault.RECORD_CHANGED if name in stands else Fault.RECORD_MISSING
            raise BundleBroken(
                bundle.name, fault, f"description ({path.name})", row, "", statements.short(before),
                statements.short(now),
            )  # fmt: skip


def _first_line(sealed: bytes, stands: bytes) -> tuple[int | None, str, str]:
    lines = [text.decode("utf-8-sig").splitlines() for text in (sealed, stands)]
    for row in range(max(map(len, lines))):
        before, now = (side[row] if row < len(side) else "" for side in lines)
        if before != now:
            return row + 1, before, now
    return None, "", ""


def _changed(bundle: Opened, table: str, field: str, expected: Any, found: Any, row: int | None = None) -> BundleBroken:
    told = (
        "" if value is None else value if isinstance(value, str) else json.dumps(value) for value in (expected, found)
    )
    return BundleBroken(bundle.name, Fault.RECORD_CHANGED, table, row, field, *map(statements.short, told))


@contextmanager
def readable(session: Session, bundle: Opened) -> Iterator[None]:
    """Name the value that its column cannot hold, when one is met inside. Raises BundleBroken."""
    try:
        yield
    except ValueError as error:
        found = inventories.unreadable(session)
        if found is not None:
            raise broken(bundle, found) from error
        raise
