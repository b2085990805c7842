"""Puts a backup in the place of a site's database, after everything about the file was found in order."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from survey import revision
from survey.custody import archive, placing
from survey.custody.refusals import CarriedFileRefused, Damage
from survey.db import Database
from survey.jobs.backup import Say
from survey.keys import Keys
from survey.stages import audit, retention, waves


def run(
    database: Database, keys: Keys, file: Path, *, passphrase: str | None, replace: bool, dry_run: bool, actor: str,
    now: datetime, say: Say,
) -> dict[str, Any]:  # fmt: skip
    """Check the file, then let its copy be the database; with `dry_run` only say what would be done."""
    public = keys.require_installation().verifying
    say("checking the file …")
    with archive.opened(file, public, _folder(database), passphrase=passphrase) as opened:
        manifest = opened.manifest
        _require_fitting(database, manifest, file)
        if database.is_sqlite:
            placing.check_sqlite(opened.copy, manifest["rows"], file=file.name)
        is_empty = placing.require_room(database, replace=replace)
        told = {name: manifest[name] for name in ("engine", "revision", "made_at", "version", "rows")}
        told |= {"wanted": revision.newest(), "replaces": not is_empty}
        if dry_run:
            return told | {"restored": False}
        say("putting it in place …")
        stamp = f"{now:%Y%m%d_%H%M%S}"
        aside = placing.put(
            database, opened.copy, manifest["rows"], keep=not is_empty, stamp=stamp, file=file.name
        )  # fmt: skip
    after = _after(database, keys, file, aside, manifest["made_at"], actor=actor, now=now)
    return told | {"restored": True, "kept_aside": aside} | after


def _after(
    database: Database, keys: Keys, file: Path, aside: str, made_at: str, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Write it into the log; forget again the keys of waves that were closed; name the waves whose key is not here."""
    if revision.current(database) != revision.newest():
        return {"keyless": []}
    detail = {"sha256": archive.sha256(file), "made_at": made_at, "kept_aside": bool(aside)}
    with database.begin() as session:
        audit.record(session, actor=actor, action="database.restore", subject=file.name, detail=detail, now=now)
        for wave in retention.finished(session):
            keys.destroy_wave(wave.id)
        needed = set(waves.all_waves(session)) - set(retention.finished(session))
    return {"keyless": sorted(wave.code for wave in needed if not keys.has_wave(wave.id))}


def _require_fitting(database: Database, manifest: dict[str, Any], file: Path) -> None:
    """The same engine, and tables that this version knows."""
    if manifest["engine"] != database.writer.dialect.name:
        raise CarriedFileRefused(file.name, Damage.OTHER_ENGINE, manifest["engine"])
    if manifest["revision"] > revision.newest():
        raise CarriedFileRefused(file.name, Damage.TOO_NEW, manifest["revision"])


def _folder(database: Database) -> Path:
    """Where the file is unpacked: on the disk of the database, so that it moves there in one step."""
    if database.is_sqlite:
        return Path(make_url(database.url).database or "").absolute().parent
    return Path(tempfile.gettempdir())
