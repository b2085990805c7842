"""Seals a wave: writes the bundle of what was let out, signs it, and keeps it, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.orm import Session

from analysis.extract import Extract, write_extract
from survey.custody import bundles, statements
from survey.db import Database
from survey.errors.common import ScoresOutdated
from survey.jobs import extract, provenance, score
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.release import Release
from survey.model.result import Run
from survey.model.sample import Draw
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.stages import audit, held, inventories, receipts, releases, results, reviews, seals, waves

EXTRACT, DECISIONS = "extract", "decisions.json"
Say = Callable[[str], None]


def run(
    database: Database, keys: Keys, wave_code: str, *, actor: str, now: datetime, reason: str | None = None,
    say: Say = lambda _step: None,
) -> Seal:  # fmt: skip
    """Seal the figures that two agencies let out for good. With a `reason` this seal replaces the one before.

    What takes long is done before the transaction; what may have changed meanwhile is looked at again inside it.
    """
    identity = new_id()
    with TemporaryDirectory(prefix="hailong-seal-") as parts:
        folder, whole = Path(parts) / "bundle", Path(parts) / "bundle.zip"
        with database.read() as session:
            wave = waves.find(session, wave_code)
            release = seals.require_sealable(session, wave, reason=reason)
            say("extract")
            taken = _taken(session, wave, release)
            write_extract(taken, folder / EXTRACT)
            say("files")
            score.write_run(session, wave, session.get_one(Run, release.run_id), folder)
            (folder / DECISIONS).write_bytes(statements.canonical(reviews.record(session, wave)))
            taken_stock = _inventory(session, wave, release, identity, actor=actor, now=now)
            (folder / inventories.FILE).write_bytes(statements.canonical(taken_stock))
        bundles.add_marks(folder)
        say("packing")
        bundles.pack(folder, whole)
        say("sealing")
        with database.begin() as session:
            made = _seal(
                session, keys, wave_code, release, folder, whole, identity=identity, actor=actor, now=now, reason=reason
            )  # fmt: skip
    keys.destroy_wave(made.wave_id)
    return made


def _taken(session: Session, wave: Wave, release: Release) -> Extract:
    """The extract that the released run was made from; ScoresOutdated when the data are not those any more."""
    taken = extract.build(session, wave)
    if taken.digest != session.get_one(Run, release.run_id).extract_digest:
        raise ScoresOutdated(wave=wave.code)
    return taken


def _inventory(
    session: Session, wave: Wave, release: Release, identity: bytes, *, actor: str, now: datetime
) -> dict[str, Any]:
    run = session.get_one(Run, release.run_id)
    own = of_seal(release.id, run.id, now, actor)
    return inventories.take(session, held.moment(session, wave, run, release, now), identity, own)


def of_seal(release: bytes, run: bytes, at: datetime, by: str) -> dict[str, Any]:
    """What the inventory keeps of the seal's own row: who sealed stands in the log, not in the open statement."""
    told = (release, run, at.astimezone(UTC).isoformat(), by)
    return dict(zip(inventories.OF_SEAL, told, strict=True))


def _seal(
    session: Session, keys: Keys, wave_code: str, expected: Release, folder: Path, whole: Path, *, identity: bytes,
    actor: str, now: datetime, reason: str | None,
) -> Seal:  # fmt: skip
    wave = waves.hold(session, wave_code)
    release = seals.require_sealable(session, wave, reason=reason)
    run = session.get_one(Run, release.run_id)
    if release.id != expected.id or results.is_outdated(session, wave, run):
        raise ScoresOutdated(wave=wave.code)
    told = _told(session, wave, release, run, now=now, reason=reason) | {"files": bundles.list_files(folder)}
    statement = statements.sign(told, keys.sealing)
    bundles.finish(whole, statement)
    return seals.store(session, wave, release, statement, whole, identity=identity, actor=actor, now=now)


def _told(
    session: Session, wave: Wave, release: Release, run: Run, *, now: datetime, reason: str | None
) -> dict[str, Any]:
    """What the statement says besides the files' hashes."""
    head = audit.hold(session)
    before, last, draw = seals.newest(session, wave), seals.last_of_all(session), session.get(Draw, wave.id)
    return {
        "wave": wave.code,
        "kind": wave.kind,
        "audience": wave.audience,
        "province": wave.province,
        "year": wave.period_to.year,
        "number": before.number + 1 if before else 1,
        "document": release.document,
        "reason": reason,
        "replaces": {"number": before.number, "seal": before.digest} if before else None,
        "previous": last.digest if last else None,
        "sealed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "run": run.id.hex(),
        "made_at": run.made_at.astimezone(UTC).isoformat(),
        "extract": run.extract_digest,
        "options": options_of(run),
        "seed": str(draw.seed) if draw else None,
        "instrument": waves.instrument_of(wave).digest,
        "schemes": {one.code: one.digest for one in waves.schemes_of(session, wave)},
        "code": provenance.code(),
        "rules": provenance.rules(),
        "signed": signed(session, wave, release),
        "receipts": receipts.told(session, wave),
        "audit": {"count": head.count, "hash": head.hash.hex()},
    }


def signed(session: Session, wave: Wave, release: Release) -> list[dict[str, Any]]:
    """Which agencies let it out, on which documents; people are named in the log."""
    return [
        {"agency": one.agency, "rated": one.rated, "document": one.document, "at": one.given_at.isoformat()}
        for one in releases.signatures(session, wave, release)
    ]


def options_of(run: Run) -> dict[str, Any]:
    """How a run was made; the tables that it holds are files of the bundle."""
    return {name: value for name, value in run.options.items() if name not in {"facts", "beside"}}
