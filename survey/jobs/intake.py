"""Reads a dossier list that a page sent, as `hailong frame import` does; its pieces go, whatever was found."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from survey.db import Database
from survey.errors.common import SurveyError
from survey.keys import Keys
from survey.mapping import PLAIN, read_mapping
from survey.stages import frames, uploads, waves
from survey.stages.dossiers import COLUMNS


def run(
    database: Database, keys: Keys, wave_code: str, identity: bytes, *, actor: str, now: datetime,
    say: Callable[[str], None] = lambda _step: None,
) -> None:  # fmt: skip
    """Take the list in, all that can be used of it or nothing; a list that is refused is forgotten."""
    say("reading")
    with tempfile.TemporaryDirectory(prefix="hailong-") as folder:
        file = Path(folder) / "list"
        mapping = _write(database, keys, wave_code, identity, file)
        say("storing")
        try:
            with database.begin() as session:
                wave = waves.find(session, wave_code)
                upload = uploads.find(session, wave, identity)
                report = frames.import_frame(
                    session, wave, file, installation=keys.installation, actor=actor, now=now,
                    mapping=read_mapping(mapping, COLUMNS.known) if mapping else PLAIN, dry_run=upload.is_trial,
                )  # fmt: skip
                uploads.settle(session, upload, report.as_dict())
        except SurveyError:
            with database.begin() as session:
                uploads.settle(session, uploads.find(session, waves.find(session, wave_code), identity), None)
            raise


def _write(database: Database, keys: Keys, wave_code: str, identity: bytes, file: Path) -> str:
    """Put the pieces together in a file that only this account can read; how it is to be read."""
    with database.read() as session, file.open("xb") as stream:
        upload = uploads.find(session, waves.find(session, wave_code), identity)
        for piece in uploads.pieces(session, upload, keys.installation):
            stream.write(piece)
        return upload.mapping
