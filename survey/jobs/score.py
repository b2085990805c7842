"""Computes a closed wave's scores and appends them as a run; writes the results folder of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from analysis.components.beside import ITEMS, table_of
from analysis.components.folder_files import json_bytes
from analysis.components.rows import Row
from analysis.describing.describe import describe, write_tables
from analysis.errors import AnalysisError
from analysis.extract import MANIFEST, Extract, Scores, score, write_scores
from survey.db import Database
from survey.errors.common import ScoringRefused
from survey.jobs import extract
from survey.model.result import Run
from survey.model.wave import Wave
from survey.stages import descriptions, exports, results, reviews, waves
from survey.stages.results import Made

XLSX, COMMA = "scores.xlsx", "scores.comma.csv"


def run(
    database: Database, wave_code: str, *, actor: str, now: datetime, say: Callable[[str], None] = lambda _step: None
) -> Run:
    """Score a wave from its answers as they are now; earlier runs stay."""
    say("extract")
    with database.read() as session:
        wave = waves.find(session, wave_code)
        taken = extract.build(session, wave)
        stands = {"inputs": results.inputs_digest(session, wave), "flags": reviews.flags_digest(session, wave)}
    say("computing")
    try:
        scores = score(taken)
        described = {name: one.as_dict() for name, one in {**describe(taken), ITEMS: scores.beside[ITEMS]}.items()}
    except AnalysisError as error:
        raise ScoringRefused(wave=wave_code, reason=str(error)) from error
    made = Made(taken.digest, extract.code_version(), {**told(scores), "parts": _parts(taken), **stands})
    say("storing")
    with database.begin() as session:
        wave = waves.find(session, wave_code)
        run = results.store(session, wave, [row.as_dict() for row in scores.rows], made, actor=actor, now=now)
        descriptions.store(session, run, described, province=wave.province)
        return run


def _parts(taken: Extract) -> dict[str, str]:
    """What the extract was made of, file by file: two runs are compared by it."""
    hashes: dict[str, str] = json.loads(taken.small_files[MANIFEST])["hashes"]
    return hashes


def write_results(database: Database, wave_code: str, folder: Path) -> Run:
    """Write the results folder of CONTRACT from the wave's newest run."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        newest = results.latest(session, wave)
        write_run(session, wave, newest, folder)
    return newest


def told(scores: Scores) -> dict[str, Any]:
    """What a run keeps beside its rows: the manifest's facts and the small tables beside the scores."""
    beside = {name: one.as_dict() for name, one in scores.beside.items() if name != ITEMS}
    return {"facts": dict(scores.facts), "beside": beside}


def scores_of(rows: Sequence[exports.Row], options: Mapping[str, Any]) -> Scores:
    """The scores of a run as they were computed; an older run has no tables beside."""
    beside = {name: table_of(one) for name, one in options.get("beside", {}).items()}
    return Scores(tuple(Row(**row) for row in rows), options["facts"], beside)


def write_run(session: Session, wave: Wave, run: Run, folder: Path) -> None:
    """Write the results folder of a run."""
    rows = results.figures(session, run)
    write_scores(scores_of(rows, run.options), folder)
    for name in write_tables({name: table_of(one) for name, one in descriptions.whole(session, run).items()}, folder):
        _list_in_manifest(folder, name)
    add_xlsx(exports.about(wave, run, waves.schemes_of(session, wave)), rows, folder)


def add_xlsx(about: exports.About, rows: Sequence[exports.Row], folder: Path) -> None:
    """Write the workbook beside the other files of a results folder."""
    with (folder / XLSX).open("wb") as stream:
        exports.write_xlsx(about, rows, stream)
    _list_in_manifest(folder, XLSX)


def add_comma(database: Database, wave_code: str, folder: Path) -> None:
    """Write the rows once more for spreadsheets set to Vietnamese."""
    with database.read() as session, (folder / COMMA).open("wb") as stream:
        wave = waves.find(session, wave_code)
        newest = results.latest(session, wave)
        about = exports.about(wave, newest, waves.schemes_of(session, wave))
        exports.write_csv(about, exports.rows_of(session, newest), stream, comma=True)
    _list_in_manifest(folder, COMMA)


def _list_in_manifest(folder: Path, name: str) -> None:
    """Add a file's hash to the manifest, so that `hailong verify` watches it too."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["hashes"][name] = sha256((folder / name).read_bytes()).hexdigest()
    path.write_bytes(json_bytes(manifest))
