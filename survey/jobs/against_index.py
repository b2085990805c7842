"""Holds a site's database against the sealed bundle of an index sheet, row by row."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from analysis.components.rows import COLUMNS
from analysis.errors import AnalysisError
from survey.custody import archive, bundles, statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import Opened
from survey.db import Database
from survey.errors.common import SurveyError
from survey.jobs import against_log, index
from survey.jobs import against_tables as tables
from survey.jobs.against import in_file, require_pieces
from survey.jobs.against_points import FILES, are_imported
from survey.model.index import IndexFigure, IndexRun, IndexSeal, IndexSheet
from survey.stages import index_inventories, index_seals, index_sheets

EXTRACT, MANIFEST, SCHEME = "extract", "manifest.json", "scheme.toml"
TABLES = {
    "inputs.csv": "index_input",
    "points.csv": "index_input",
    SCHEME: "index_sheet",
    "previous/scores.csv": "index_figure",
}


def run(database: Database, bundle: Opened, told: Mapping[str, Any]) -> int:
    """Number of entries of the log, when everything fits. AuditBroken or BundleBroken name the first that does not.

    An earlier seal is held against its own rows alone: what it was made from may have been corrected since.
    """
    with database.read() as session, tables.readable(session, bundle):
        return _require(session, bundle, told)


def _require(session: Session, bundle: Opened, told: Mapping[str, Any]) -> int:
    entries = against_log.require(session, bundle, told, archive.sha256(bundle.folder / statements.FILE))
    sheet = index_sheets.find(session, told["index"], told["year"])
    seal = _require_seal(session, sheet, bundle, told)
    found = session.get(IndexRun, bytes.fromhex(told["run"]))
    if found is None:
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, "index_run", found=told["run"])
    if found.extract_digest != told["extract"]:
        raise _changed(bundle, "index_run", "extract_digest", told["extract"], found.extract_digest)
    _require_columns(session, sheet, found, seal, bundle)
    _require_figures(session, found, bundle)
    _require_places(session, found, bundle)
    if index_seals.signed(session, sheet, found, until=seal.sealed_at) != told["signed"]:
        raise _changed(bundle, "approval", "", statements.short(told["signed"]), "")
    if index_seals.of_sheet(session, sheet)[0].number == told["number"]:
        _require_sources(session, sheet, found, bundle, told)
    return entries


def _require_seal(session: Session, sheet: IndexSheet, bundle: Opened, told: Mapping[str, Any]) -> IndexSeal:
    seal = index_seals.find(session, sheet, told["number"])
    stated = (bundle.folder / statements.FILE).read_text(encoding="utf-8")
    for name, sealed, stands in (
        ("statement", stated, seal.statement),
        ("digest", hashlib.sha256(stated.encode()).hexdigest(), seal.digest),
        ("run_id", told["run"], seal.run_id.hex()),
        ("reason", told["reason"], seal.reason),
    ):
        if sealed != stands:
            shown = ("", "") if name == "statement" else (str(sealed), str(stands))
            raise _changed(bundle, "index_seal", name, *shown)
    require_pieces(lambda stream: index_seals.write(session, seal, stream), "index_seal_part", told)
    return seal


def _require_columns(session: Session, sheet: IndexSheet, run: IndexRun, seal: IndexSeal, bundle: Opened) -> None:
    """Columns that no file tells are as the inventory marked them; bundles of before have none."""
    path = bundle.folder / bundles.INVENTORY
    if not path.is_file():
        return
    stands = index_inventories.stands(session, sheet, run, at=seal.sealed_at, by=seal.sealed_by)
    for table, name, found in index_inventories.differences(seal.id, json.loads(path.read_bytes()), stands):
        raise _changed(bundle, table, name, "", statements.short(found))


def _require_sources(
    session: Session, sheet: IndexSheet, run: IndexRun, bundle: Opened, told: Mapping[str, Any]
) -> None:
    """The newest seal: points, scheme and waves still give what it was made from, but for later imports in the log."""
    if (scheme := sheet.scheme.encode()) != (bundle.folder / EXTRACT / SCHEME).read_bytes():
        raise in_file(bundle, SCHEME, scheme, TABLES[SCHEME])
    try:
        taken = index.build(session, sheet, index.of_run(session, sheet, run)).files
    except NoResultFound as error:  # a run of a wave, or of last year's sheet
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, "run") from error
    except (SurveyError, AnalysisError) as error:  # changed to what no sheet may hold
        raise _changed(bundle, "index_sheet", "", "", str(error)) from error
    folder = bundle.folder / EXTRACT
    sealed = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    others = [name for name in sorted({*taken, *sealed} - {MANIFEST}) if taken.get(name) != sealed.get(name)]
    is_imported = {*others} & {*FILES} and are_imported(session, bundle, told, sealed, taken)
    for name in others:
        if not (name in FILES and is_imported):
            data = taken.get(name, sealed.get(name, b"").partition(b"\n")[0] + b"\n")  # gone: the header alone
            raise in_file(bundle, name, data, TABLES.get(name, "figure"))


def _require_figures(session: Session, run: IndexRun, bundle: Opened) -> None:
    with (bundle.folder / "scores.csv").open(encoding="utf-8-sig", newline="") as text:
        nothing: dict[str, str] = {}
        pairs = zip_longest(csv.DictReader(text), index_sheets.figures(session, run), fillvalue=nothing)
        for number, (sealed, stands) in enumerate(pairs, start=2):
            if not sealed or not stands:
                fault = Fault.RECORD_MISSING if sealed else Fault.RECORD_CHANGED
                raise BundleBroken(bundle.name, fault, "index_figure", number)
            for column in COLUMNS:
                was, now = sealed[column].removeprefix("'"), str("" if stands[column] is None else stands[column])
                if was != now:
                    raise _changed(bundle, "index_figure", column, was, now, number)


def _require_places(session: Session, run: IndexRun, bundle: Opened) -> None:
    """The columns by which a page finds a figure say what the figure's row does."""
    columns = IndexFigure.position, IndexFigure.unit_code, IndexFigure.row
    wanted = select(*columns).where(IndexFigure.run_id == run.id).order_by(IndexFigure.position)
    for place, (position, unit, row) in enumerate(session.execute(wanted)):
        if (place, row["unit"]) != (position, unit):
            name, was, now = ("unit_code", row["unit"], unit) if place == position else ("position", place, position)
            raise _changed(bundle, "index_figure", name, str(was), str(now), place + 2)


def _changed(bundle: Opened, table: str, field: str, expected: str, found: str, row: int | None = None) -> BundleBroken:
    return BundleBroken(bundle.name, Fault.RECORD_CHANGED, table, row, field, expected, found)
