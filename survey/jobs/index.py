"""Computes an index sheet from its imported points and the waves that it joins; writes its results folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from analysis import index_sheet as analysis
from analysis.components.rows import Row, csv_bytes
from analysis.errors import AnalysisError
from analysis.extract import write_scores
from survey.db import Database
from survey.errors.index import IndexNotScored, IndexOutdated, IndexRefused
from survey.jobs.extract import code_version
from survey.jobs.score import add_xlsx, scores_of, told
from survey.model.index import IndexInput, IndexRun, IndexSheet
from survey.model.result import Run
from survey.stages import exports, index_sheets, results, waves
from survey.stages.index_sheets import WaveResult
from survey.stages.results import Made


def run(database: Database, code: str, year: int, *, joined: Sequence[str], actor: str, now: datetime) -> IndexRun:
    """Compute a sheet with the newest results of the waves `joined`; earlier runs stay."""
    with database.read() as session:
        sheet = index_sheets.find(session, code, year)
        made_from = newest(session, sheet, joined)
        try:
            taken = build(session, sheet, made_from)
            scores = analysis.score_index(taken)
        except AnalysisError as error:
            raise IndexRefused(scheme=code, year=year, reason=str(error)) from error
    made = Made(taken.digest, code_version(), {**told(scores), **made_from.told()})
    with database.begin() as session:
        sheet = index_sheets.find(session, code, year)
        return index_sheets.store(session, sheet, [row.as_dict() for row in scores.rows], made, actor=actor, now=now)


@dataclass(frozen=True)
class MadeFrom:
    """The runs that a sheet joins: one of each wave, and that of last year's sheet."""

    runs: Mapping[str, Run]
    previous: IndexRun | None

    def told(self) -> dict[str, Any]:
        """What an index run keeps of them."""
        runs = {code: run.id.hex() for code, run in self.runs.items()}
        return {"waves": list(runs), "runs": runs, "previous": self.previous.id.hex() if self.previous else None}


def newest(session: Session, sheet: IndexSheet, joined: Iterable[str]) -> MadeFrom:
    """Those that count today."""
    last = index_sheets.before(session, sheet)
    try:
        previous = None if last is None else index_sheets.latest(session, last)
    except IndexNotScored:
        previous = None
    return MadeFrom({code: results.latest(session, waves.find(session, code)) for code in joined}, previous)


def of_run(session: Session, sheet: IndexSheet, run: IndexRun) -> MadeFrom:
    """Those that an index run joined, scored or sealed again since or not; an early one says its waves only."""
    if "runs" not in run.options:
        return newest(session, sheet, run.options["waves"])
    before = run.options["previous"]
    return MadeFrom(
        {code: session.get_one(Run, bytes.fromhex(one)) for code, one in run.options["runs"].items()},
        None if before is None else session.get_one(IndexRun, bytes.fromhex(before)),
    )


def build(session: Session, sheet: IndexSheet, made_from: MadeFrom) -> analysis.IndexSheet:
    """What a sheet is made from: its figures, the waves' rows, last year's rows, the frozen scheme, the manifest."""
    joined = [
        index_sheets.wave_result(session, waves.find(session, code), sheet, run) for code, run in made_from.runs.items()
    ]
    rows = index_sheets.inputs(session, sheet)
    given = {f"{analysis.WAVES}{one.wave.code}.csv": _csv(one.rows) for one in joined}
    return analysis.make_index(
        inputs=_columns(row for row in rows if not row.is_points),
        points=_columns(row for row in rows if row.is_points),
        scheme=sheet.scheme,
        manifest=_manifest(session, sheet, joined, {row.unit_code for row in rows}),
        given=given | _previous(session, made_from.previous),
    )


def _columns(inputs: Iterable[IndexInput]) -> dict[str, list[str] | list[float]]:
    rows = list(inputs)
    return {
        "unit": [row.unit_code for row in rows],
        "code": [row.code for row in rows],
        "value": [float(row.value) for row in rows],
        "source": [row.source for row in rows],
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return csv_bytes(Row(**row) for row in rows)


def _previous(session: Session, run: IndexRun | None) -> dict[str, bytes]:
    return {} if run is None else {"previous/scores.csv": _csv(index_sheets.figures(session, run))}


def _manifest(session: Session, sheet: IndexSheet, joined: Sequence[WaveResult], units: set[str]) -> dict[str, Any]:
    scheme = index_sheets.scheme_of(sheet)
    asked = {str(row["unit"]) for one in joined for row in one.rows}
    return {
        "format": 1,
        "audience": analysis.INDEX,
        "year": sheet.year,
        "code_version": code_version(),
        "name_vi": scheme.name("vi"),
        "name_en": scheme.name("en"),
        "waves": [
            {"code": one.wave.code, "kind": one.wave.kind, "audience": one.wave.audience, "extract": one.extract_digest}
            for one in joined
        ],
        "units": [
            {
                "code": unit.code,
                "name_vi": unit.name_vi,
                "name_en": unit.name_en,
                "type": unit.type,
                "rated": unit.rated,
            }
            for unit in index_sheets.units_of(session, units | asked)
        ],
    }


def write_results(database: Database, code: str, year: int, folder: Path, *, with_extract: bool) -> IndexRun:
    """Write the results folder of CONTRACT from a sheet's newest run; `with_extract` also what it was made from."""
    with database.read() as session:
        sheet = index_sheets.find(session, code, year)
        counts = index_sheets.latest(session, sheet)
        write_run(session, sheet, counts, folder, with_extract=with_extract)
    return counts


def write_run(session: Session, sheet: IndexSheet, run: IndexRun, folder: Path, *, with_extract: bool) -> None:
    """Write the results folder of a run; IndexOutdated when what it was made from is not that any more."""
    rows = index_sheets.figures(session, run)
    taken = build(session, sheet, newest(session, sheet, run.options["waves"])) if with_extract else None
    if taken is not None and taken.digest != run.extract_digest:
        raise IndexOutdated(scheme=sheet.code, year=sheet.year)
    write_scores(scores_of(rows, run.options), folder)
    add_xlsx(exports.about_index(sheet, run, index_sheets.scheme_of(sheet)), rows, folder)
    if taken is not None:
        analysis.write_index(taken, folder / "extract")
