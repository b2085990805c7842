"""Seals an index sheet: the year's table with its points, its waves' rows and the scheme, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.orm import Session

from survey.custody import bundles, statements
from survey.db import Database
from survey.errors.index import IndexOutdated
from survey.jobs import index, provenance
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.index import IndexRun, IndexSeal, IndexSheet
from survey.stages import audit, index_inventories, index_seals, index_sheets
from survey.stages.audit import Head


def run(
    database: Database, keys: Keys, code: str, year: int, *, actor: str, now: datetime, reason: str | None = None,
    say: Callable[[str], None] = lambda _step: None,
) -> IndexSeal:  # fmt: skip
    """Seal the newest run, to which two agencies agreed. With a `reason` this seal replaces the one before."""
    identity = new_id()
    with TemporaryDirectory(prefix="hailong-seal-") as parts:
        folder, whole = Path(parts) / "bundle", Path(parts) / "bundle.zip"
        with database.read() as session:
            sheet = index_sheets.find(session, code, year)
            taken, _agreed = index_seals.require_sealable(session, sheet, reason=reason)
            say("files")
            index.write_run(session, sheet, taken, folder, with_extract=True)
            stands = index_inventories.stands(session, sheet, taken, at=now, by=actor)
            (folder / bundles.INVENTORY).write_bytes(statements.canonical(index_inventories.take(identity, stands)))
        say("packing")
        bundles.add_marks(folder)
        bundles.pack(folder, whole)
        say("sealing")
        with database.begin() as session:
            head, sheet = audit.hold(session), index_sheets.find(session, code, year)
            newest, _agreed = index_seals.require_sealable(session, sheet, reason=reason)
            if newest.id != taken.id:
                raise IndexOutdated(scheme=code, year=year)
            told = _told(session, sheet, newest, head, now=now, reason=reason) | {"files": bundles.list_files(folder)}
            statement = statements.sign(told, keys.sealing)
            bundles.finish(whole, statement)
            return index_seals.store(session, sheet, statement, whole, identity=identity, actor=actor, now=now)


def _told(
    session: Session, sheet: IndexSheet, run: IndexRun, head: Head, *, now: datetime, reason: str | None
) -> dict[str, Any]:
    """What the statement says besides the files' hashes."""
    before = index_seals.newest(session, sheet)
    scheme = index_sheets.scheme_of(sheet)
    return {
        "index": sheet.code,
        "year": sheet.year,
        "number": before.number + 1 if before else 1,
        "reason": reason,
        "replaces": {"number": before.number, "seal": before.digest} if before else None,
        "sealed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "run": run.id.hex(),
        "made_at": run.made_at.astimezone(UTC).isoformat(),
        "extract": run.extract_digest,
        "waves": list(run.options["waves"]),
        "schemes": {scheme.code: scheme.digest},
        "code": provenance.code(),
        "rules": provenance.rules(),
        "signed": index_seals.signed(session, sheet, run, until=now),
        "audit": {"count": head.count, "hash": head.hash.hex()},
    }


def write(database: Database, code: str, year: int, number: int | None, target: Path) -> None:
    """Write a seal's bundle, byte for byte: an archive where the name ends in `.zip`, else a folder."""
    with TemporaryDirectory(prefix="hailong-bundle-") as folder:
        whole = Path(folder) / "bundle.zip"
        with database.read() as session, whole.open("wb") as stream:
            sheet = index_sheets.find(session, code, year)
            index_seals.write(session, index_seals.find(session, sheet, number), stream)
        bundles.place(whole, target)
