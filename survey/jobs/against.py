"""Holds a site's database against a sealed bundle: what was sealed must stand there still, row by row."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.components.rows import COLUMNS
from analysis.errors import AnalysisError, CellInvalid
from analysis.extract import MANIFEST, Extract
from survey.custody import archive, bundles, checking, marks, statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import Opened
from survey.db import Database
from survey.errors.common import SurveyError
from survey.jobs import against_log as log
from survey.jobs import against_tables as tables
from survey.jobs import extract
from survey.jobs.seal import DECISIONS, EXTRACT, options_of, signed
from survey.model.release import Release
from survey.model.result import Run
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.stages import receipts, results, reviews, seals, waves

TABLES = {
    "answers.csv": "answer",
    "inputs.csv": "input_figure",
    "sample.csv": "class_cell",
    "margins.csv": "class_cell",
    "instrument.toml": "wave.instrument",
}


def run(database: Database, bundle: Opened, told: Mapping[str, Any]) -> int:
    """Number of entries of the log, when everything fits. AuditBroken or BundleBroken name the first that does not.

    The log must go on from the sealed head. An earlier seal is held against its own rows alone: what it was made from
    may have been corrected since.
    """
    with database.read() as session, tables.readable(session, bundle):
        return _require(session, bundle, told)


def _require(session: Session, bundle: Opened, told: Mapping[str, Any]) -> int:
    entries = log.require(session, bundle, told, archive.sha256(bundle.folder / statements.FILE))
    wave, seal = _sealed(session, told, bundle)
    run = session.get(Run, bytes.fromhex(told["run"]))
    if run is None:
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, "run", found=told["run"])
    _require_run(session, run, bundle, told)
    _require_signed(session, wave, seal, bundle, told)
    listed = told.get("receipts")  # a seal of before there were any has none
    if listed is not None and receipts.told(session, wave) != listed:
        raise _changed(bundle, "receipt", expected=statements.short(listed))
    newest = seals.newest(session, wave)
    counts = newest is not None and newest.number == told["number"]
    if counts:
        tables.require_manifest(session, wave, bundle, told)
        _require_wave(session, wave, bundle)
    tables.require_tables(session, wave, seal, bundle, told, every=counts)
    return entries


def _sealed(session: Session, told: Mapping[str, Any], bundle: Opened) -> tuple[Wave, Seal]:
    """The wave and its seal, which must say what the bundle says, and whose pieces must be the bundle."""
    wave = waves.find(session, told["wave"])
    if wave.state not in {waves.SEALED, waves.PURGED}:
        raise _changed(bundle, "wave", field="state", expected=waves.SEALED, found=wave.state)
    seal = next((one for one in seals.of_wave(session, wave) if one.number == told["number"]), None)
    if seal is None:
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, "seal", field="number", expected=str(told["number"]))
    stated = (bundle.folder / statements.FILE).read_text(encoding="utf-8")
    if seal.statement != stated:
        field = _first_field(json.loads(stated), seal.statement)
        raise _changed(bundle, "seal", field=f"statement.{field}")
    for name, sealed, stands in (
        ("digest", hashlib.sha256(stated.encode()).hexdigest(), seal.digest),
        ("run_id", told["run"], seal.run_id.hex()),
        ("document", told["document"], seal.document),
        ("reason", told["reason"], seal.reason),
    ):
        if sealed != stands:
            raise _changed(bundle, "seal", field=name, expected=str(sealed), found=str(stands))
    tables.require_seal(seal, bundle)
    _require_before(session, told, bundle)
    require_pieces(lambda stream: seals.write(session, seal, stream), "seal_part", told)
    return wave, seal


def require_pieces(write: Callable[[IO[bytes]], None], table: str, told: Mapping[str, Any]) -> None:
    """The stored pieces of a seal are a bundle of the same key that holds."""
    with TemporaryDirectory(prefix="hailong-seal-") as folder:
        path = Path(folder) / table
        with path.open("wb") as stream:
            write(stream)
        with bundles.opened(path) as stored:
            checking.check(stored, public=bytes.fromhex(told["key"]))


def _require_before(session: Session, told: Mapping[str, Any], bundle: Opened) -> None:
    """The seal of the site that this one names as the one before it is still there."""
    before = told["previous"]
    if before is not None and session.scalar(select(Seal.id).where(Seal.digest == before)) is None:
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, "seal", field="previous", expected=before)


def _first_field(sealed: Mapping[str, Any], statement: str) -> str:
    try:
        found = json.loads(statement)
    except ValueError:
        return ""
    return next((name for name in sorted({*sealed, *found}) if sealed.get(name) != found.get(name)), "")


def _require_run(session: Session, run: Run, bundle: Opened, told: Mapping[str, Any]) -> None:
    if run.extract_digest != told["extract"]:
        raise _changed(bundle, "run", field="extract_digest", expected=told["extract"], found=run.extract_digest)
    options = options_of(run)
    if options != told["options"]:
        raise _changed(bundle, "run", field=f"options.{_first_field(told['options'], json.dumps(options))}")
    with (bundle.folder / "scores.csv").open(encoding="utf-8-sig", newline="") as text:
        nothing: dict[str, str] = {}
        pairs = zip_longest(csv.DictReader(text), results.figures(session, run), fillvalue=nothing)
        for number, (sealed, stands) in enumerate(pairs, start=2):
            if not sealed or not stands:
                raise BundleBroken(
                    bundle.name, Fault.RECORD_MISSING if sealed else Fault.RECORD_CHANGED, "figure", number
                )
            for column in COLUMNS:
                if sealed[column].removeprefix("'") != str("" if stands[column] is None else stands[column]):
                    raise _changed(bundle, "figure", number, column, sealed[column], str(stands[column]))
    tables.require_columns(session, run, bundle)
    tables.require_descriptions(session, run, bundle)


def _require_signed(session: Session, wave: Wave, seal: Seal, bundle: Opened, told: Mapping[str, Any]) -> None:
    release = session.get_one(Release, seal.release_id)
    if release.released_at is None:
        raise _changed(bundle, "release", field="released_at")
    if signed(session, wave, release) != told["signed"]:
        raise _changed(bundle, "approval", expected=statements.short(told["signed"]))


def _require_wave(session: Session, wave: Wave, bundle: Opened) -> None:
    """The newest seal: the wave's own data give the sealed extract still, and the same decisions stand."""
    sealed = json.loads((bundle.folder / DECISIONS).read_bytes())
    stands = json.loads(statements.canonical(reviews.record(session, wave)))
    if sealed != stands:
        raise _changed(bundle, "screening", field=_first_case(sealed, stands))
    try:
        taken = extract.build(session, wave)
    except CellInvalid as error:  # changed to what no extract may hold
        table = f"{TABLES.get(error.file, 'wave')} ({EXTRACT}/{error.file})"
        raise _changed(bundle, table, error.row, error.column, found=error.value) from error
    except (SurveyError, AnalysisError) as error:
        raise _changed(bundle, EXTRACT, found=str(error)) from error
    for name, data in _files(taken):
        place = bundle.folder / EXTRACT / name
        if not place.is_file() or place.read_bytes() != data:
            raise in_file(bundle, name, data, TABLES.get(name, "wave"))


def _first_case(sealed: Mapping[str, Any], stands: Mapping[str, Any]) -> str:
    nothing: dict[str, Any] = {}
    for before, after in zip_longest(sealed["cases"], stands["cases"], fillvalue=nothing):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                return f"{(before or after).get('name', '')} {key}"
    return "screening"


def _files(taken: Extract) -> Iterator[tuple[str, bytes]]:
    """The files that the database gives; what only names the program's version is left to the statement."""
    for name, data in taken.files.items():
        if name != MANIFEST:
            yield name, data


def in_file(bundle: Opened, name: str, data: bytes, table: str) -> BundleBroken:
    """The first row and column in which what the database gives is not what was sealed."""
    made = json.loads((bundle.folder / bundles.MARKS).read_bytes())["files"].get(f"{EXTRACT}/{name}")
    with TemporaryDirectory(prefix="hailong-seal-") as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        found = marks.difference(path, made) if made else marks.Difference(Fault.CHANGED)
        was, now = (_cell(file, found.row, found.field) for file in (bundle.folder / EXTRACT / name, path))
    return _changed(bundle, f"{table} ({EXTRACT}/{name})", found.row, found.field, was, now)


def _cell(table: Path, row: int | None, column: str) -> str:
    if row is None or table.suffix != ".csv":
        return ""
    with table.open(encoding="utf-8-sig", newline="") as text:
        rows: Sequence[dict[str, str]] = list(islice(csv.DictReader(text), row - 2, row - 1))
    return rows[0].get(column, "") if rows else ""


def _changed(
    bundle: Opened, table: str, row: int | None = None, field: str = "", expected: str = "", found: str = ""
) -> BundleBroken:
    return BundleBroken(bundle.name, Fault.RECORD_CHANGED, table, row, field, expected, found)
