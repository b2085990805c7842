"""Backs a site's database up into one signed file while it serves; keys are never in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from survey.custody import archive, copies
from survey.db import Database
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.stages import audit

Say = Callable[[str], None]


def run(
    database: Database, keys: Keys, file: Path, *, passphrase: str | None, actor: str, now: datetime, say: Say
) -> dict[str, Any]:
    """Write the backup; what it holds. The log of the site names it by its hash."""
    key = keys.require_installation().signing
    with archive.beside(file) as parts:
        say("copying the database …")
        copy, copied = copies.take(database, parts)
        told = {
            "engine": database.writer.dialect.name,
            "revision": copied.revision,
            "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "version": version("hailong"),
            "rows": copied.rows,
        }
        say("packing …")
        archive.write(file, copy, told, key, parts=parts, passphrase=passphrase)
    made = told | {"file": str(file), "bytes": file.stat().st_size, "sha256": archive.sha256(file)}
    made["sealed"] = passphrase is not None
    if AuditEntry.__tablename__ in copied.rows:
        detail = {"sha256": made["sha256"], "revision": copied.revision, "rows": sum(copied.rows.values())}
        with database.begin() as session:
            audit.record(session, actor=actor, action="database.backup", subject=file.name, detail=detail, now=now)
    return made
