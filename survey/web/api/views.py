"""What other offices' programs may read and load: waves, units, progress, figures, points."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Info, SecurityScheme, Tag
from sqlalchemy.orm import Session

from survey.db import Database
from survey.model.seal import Seal
from survey.model.wave import Wave as StoredWave
from survey.scheme import Scheme, builtin_scheme
from survey.stages import audit, board, exports, index_sheets, results, seals
from survey.stages import units as unit_list
from survey.stages import waves as wave_list
from survey.stages.api_keys import Scope
from survey.web import figures
from survey.web import progress as board_lines
from survey.web.api import bodies, door
from survey.web.api.problems import PREFIX, TYPE
from survey.web.site import now, site

INFO = Info(
    title="Hài Lòng",
    version="1",
    description=(
        "Waves, units, progress, scores and sealed bundles of a province's surveys; appraised points in. Errors are "
        "problem+json in the language of Accept-Language (vi, en). Numbers are decimal text, absent is null, instants "
        "are UTC."
    ),
)
SECURITY: dict[str, Any] = {"key": SecurityScheme(type="http", scheme="bearer", description="A key of an office.")}
LARGEST_IMPORT = 8 * 1024 * 1024
REFUSED: Any = {
    "description": "Refused, in the caller's language.",
    "content": {TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
ARCHIVE: Any = {
    "description": "The archive of a sealed bundle; its ETag is the seal's SHA-256.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}
PRIVATE = "private, no-cache"  # kept by the program alone, and asked for again
blueprint = APIBlueprint(
    "api",
    __name__,
    url_prefix=PREFIX,
    abp_security=[{"key": []}],
    abp_responses={"422": REFUSED, "default": REFUSED},
    abp_tags=[Tag(name="v1")],
)


@blueprint.before_request
def come_in() -> None:
    """A key first; a list of points may be longer than a form."""
    door.admit()
    request.max_content_length = LARGEST_IMPORT


@blueprint.after_request
def keep(response: Response) -> Response:
    """Let a program ask whether an answer is still the same."""
    response.headers["Cache-Control"] = PRIVATE
    if request.method == "GET" and response.status_code == 200 and not response.is_streamed:
        response.add_etag()
        response.make_conditional(request)
    return response


@blueprint.get("/waves", responses={200: bodies.Waves})
def waves() -> Response:
    """Every wave, the newest first."""
    door.require(Scope.WAVES)
    with site().database.read() as session:
        return _json(bodies.Waves(waves=[_wave(session, one) for one in wave_list.all_waves(session)]))


@blueprint.get("/waves/<wave>", responses={200: bodies.Wave})
def wave(path: bodies.WavePath) -> Response:
    """One wave."""
    door.require(Scope.WAVES)
    with site().database.read() as session:
        return _json(_wave(session, wave_list.find(session, path.wave)))


@blueprint.get("/waves/<wave>/units", responses={200: bodies.Units})
def units(path: bodies.WavePath) -> Response:
    """The rated units of a wave."""
    door.require(Scope.WAVES)
    with site().database.read() as session:
        found = wave_list.units_of(session, wave_list.find(session, path.wave))
    told = [
        bodies.Unit(code=one.code, name_vi=one.name_vi, name_en=one.name_en, type=one.type, target=target)
        for one, target in found
    ]
    return _json(bodies.Units(wave=path.wave, units=told))


@blueprint.get("/waves/<wave>/progress", responses={200: bodies.Progress})
def progress(path: bodies.WavePath) -> Response:
    """The counts of the board."""
    door.require(Scope.PROGRESS)
    with site().database.read() as session:
        found = wave_list.find(session, path.wave)
        cells = board.progress(session, found)
    told = [
        bodies.Cell(
            code=one.code, name_vi=one.name_vi, name_en=one.name_en, type=one.type, target=one.target,
            invited=one.invited, completed=one.completed, left=one.left,
        )
        for one in cells
    ]  # fmt: skip
    return _json(bodies.Progress(wave=found.code, state=found.state, cells=told))


@blueprint.get("/waves/<wave>/board", responses={200: bodies.Board})
def board_numbers(path: bodies.WavePath) -> Response:
    """The board with its strata, precision and pace, for a monitoring centre's screen."""
    door.require(Scope.PROGRESS)
    at = now()
    with site().database.read() as session:
        found = wave_list.find(session, path.wave)
        lines = board_lines.lines_of(found, board.progress(session, found, now=at), at)
        counted_on = board.counted_on(session, found) if found.audience == "officials" else None
    return _json(bodies.Board(**board_lines.as_numbers(found, lines, at, counted_on)))


@blueprint.get("/waves/<wave>/scores", responses={200: bodies.Scores})
def scores(path: bodies.WavePath, query: bodies.ScoresQuery) -> Response:
    """The figures of the newest run, a page at a time; before the seal only with the scope scores.provisional."""
    with site().database.read() as session:
        found = _scored(session, path.wave)
        run = results.latest(session, found, results.WITHOUT_OPTIONS)
        if query.unit is not None:
            unit_list.find(session, query.unit)
        read = results.page(
            session, run, after=query.after, limit=query.limit, level_of=query.level_of, unit=query.unit,
            official_only=query.official,
        )  # fmt: skip
        own = figures.own_of(session, found, door.holder().unit)
    rows = list(figures.visible([row for _position, row in read], own))
    return _json(
        bodies.Scores(
            wave=found.code,
            kind=found.kind,
            state=found.state,
            run=run.id.hex(),
            extract=run.extract_digest,
            code_version=run.code_version,
            made_at=run.made_at,
            rows=[bodies.Figure(**{column: row[column] for column in exports.COLUMNS}) for row in rows],
            next=read[-1][0] if len(read) == query.limit else None,
        )
    )


@blueprint.get("/waves/<wave>/bundles", responses={200: bodies.Bundles})
def bundles(path: bodies.WavePath) -> Response:
    """Every sealed bundle of a wave, the one that counts first."""
    door.require(Scope.BUNDLES)
    with site().database.read() as session:
        found = wave_list.find(session, path.wave)
        told = [_bundle(session, found, seal) for seal in seals.of_wave(session, found)]
    for place, one in enumerate(told):
        one.counts = place == 0
    return _json(bodies.Bundles(wave=found.code, bundles=told))


@blueprint.get("/waves/<wave>/bundles/<int:number>", responses={200: ARCHIVE})
def bundle(path: bodies.BundlePath) -> Response:
    """A bundle's archive, byte for byte as it was sealed; check it with `hailong verify`."""
    door.require(Scope.BUNDLES)
    with site().database.read() as session:
        seal = seals.find(session, wave_list.find(session, path.wave), path.number)
        count, total = seals.size(session, seal)
        name, digest, identity = f"{path.wave}-seal-{seal.number}.zip", seal.digest, seal.id
    response = Response(_pieces(site().database, identity, count), mimetype="application/zip")
    response.content_length = total
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.set_etag(digest)
    response.make_conditional(request)
    if response.status_code == 200:
        _note_taken(path)
    return response


def _note_taken(path: bodies.BundlePath) -> None:
    """Who took what away stands in the log."""
    told = {"kind": "bundle", "number": path.number}
    with site().database.begin() as session:
        actor = f"api: {door.holder().name}"
        audit.record(session, actor=actor, action="results.download", subject=path.wave, detail=told, now=now())


def _pieces(database: Database, seal_id: bytes, count: int) -> Iterator[bytes]:
    """The archive a piece at a time, each read by itself: who loads slowly holds no connection to the database."""
    for position in range(count):
        with database.read() as session:
            piece = seals.piece(session, seal_id, position)
        yield piece


@blueprint.put("/index/<scheme>/<int:year>/points", responses={200: bodies.PointsTaken})
def points(path: bodies.IndexPath, body: bodies.Points) -> Response:
    """Load appraised points into the index of a scheme and year: all or nothing, the same again changes nothing."""
    door.require(Scope.POINTS)
    with tempfile.TemporaryDirectory() as folder, site().database.begin() as session:
        file = Path(folder, "points.csv")
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("unit", "code", "value", "points", "source"))
            writer.writerows((one.unit, one.code, one.value, one.points, one.source) for one in body.rows)
        report = index_sheets.import_points(
            session, file, _scheme(session, path.scheme, path.year), path.year, source=body.source,
            actor=f"api: {door.holder().name}", now=now(), dry_run=body.dry_run,
        )  # fmt: skip
    told = {"rows": report.rows, "units": report.units, "new": report.created, "changed": report.updated}
    doubtful = [one.row for one in report.doubtful]
    return _json(bodies.PointsTaken(**told, unchanged=report.unchanged, dry_run=report.dry_run, doubtful=doubtful))


def _scheme(session: Session, code: str, year: int) -> Scheme:
    """The scheme as the year's sheet froze it, else the shipped one."""
    found = index_sheets.stored(session, code, year)
    return builtin_scheme(code) if found is None else index_sheets.scheme_of(found)


def _scored(session: Session, code: str) -> StoredWave:
    found = wave_list.find(session, code)
    door.require(Scope.SCORES if found.state == wave_list.SEALED else Scope.PROVISIONAL)
    return found


def _wave(session: Session, wave: StoredWave) -> bodies.Wave:
    return bodies.Wave(
        code=wave.code,
        kind=wave.kind,
        audience=wave.audience,
        state=wave.state,
        period_from=wave.period_from,
        period_to=wave.period_to,
        opens=wave.opens,
        closes=wave.closes,
        instrument=wave.instrument_code,
        schemes=[one.code for one in wave_list.schemes_of(session, wave)],
    )


def _bundle(session: Session, wave: StoredWave, seal: Seal) -> bodies.Bundle:
    return bodies.Bundle(
        number=seal.number,
        counts=False,
        sealed_at=seal.sealed_at,
        document=seal.document,
        reason=seal.reason,
        seal=seal.digest,
        key=str(seals.statement_of(seal)["key"]),
        bytes=seals.size(session, seal)[1],
        file=f"{PREFIX}/waves/{wave.code}/bundles/{seal.number}",
    )


def _json(body: Any) -> Response:
    return jsonify(body.model_dump(mode="json"))
