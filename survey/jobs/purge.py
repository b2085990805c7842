"""Deletes what has had its time and leaves nothing of it in the files; keys of waves that never opened go too."""

from __future__ import annotations

from datetime import datetime

from survey.db import Database
from survey.jobs import close
from survey.keys import Keys
from survey.stages import retention, waves
from survey.stages.retention import Purged


def run(database: Database, keys: Keys, *, actor: str, now: datetime, dry_run: bool) -> Purged:
    """One transaction, then the files are cleaned."""
    if dry_run:
        with database.read() as session:
            return retention.purge(session, actor=actor, now=now, dry_run=True)
    with database.begin() as session:
        told = retention.purge(session, actor=actor, now=now, dry_run=False)
        forgotten = [waves.find(session, code).id for code in told.unopened]
    if told.rows:
        close.overwrite(database, retention.EMPTIED)
    for wave_id in forgotten:
        keys.destroy_wave(wave_id)
    return told
