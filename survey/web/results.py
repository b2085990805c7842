"""The scores of closed waves: the league table of a level, a unit's sheet, and the files for Home Affairs."""

from __future__ import annotations

import io
import tempfile

from flask import Blueprint, Response, abort, redirect, render_template, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue
from survey.model.wave import Wave
from survey.stages import audit, descriptions, exports, feedback, index_sheets, outside, releases, seals, tasks, units
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.stages.tasks import Job
from survey.web import figures, kept, wording
from survey.web.figures import Own
from survey.web.routes import may_open
from survey.web.site import now, signed_in, site

blueprint = Blueprint("results", __name__, url_prefix="/results")
FILES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "json": "application/json",
}


@blueprint.get("")
def waves() -> str:
    """The waves that are scored."""
    with site().database.read() as session:
        return render_template(
            "results/waves.html",
            waves=stored.scored_waves(session),
            audiences=wording.AUDIENCES,
            sheets=[(sheet, index_sheets.scheme_of(sheet)) for sheet in index_sheets.computed(session)],
            may_type_in=may_open("outside.page", signed_in().roles),
        )


@blueprint.post("/<wave>/compute")
def compute(wave: str) -> BaseResponse:
    """Ask the worker for a new run: answers and typed-in figures as they are now; earlier runs stay."""
    with site().database.begin() as session:
        found = wave_list.hold(session, wave)
        wave_list.require(found, *wave_list.OVER)
        task = tasks.ask(session, found, Job.SCORE, by=signed_in().email, now=now())
    queue.enqueue(site().settings, "score", wave=wave, actor=signed_in().email, task=task.id.hex())
    return redirect(url_for("release.page", wave=wave), 303)


@blueprint.get("/<wave>")
def league(wave: str) -> str:
    """The units of each level by rank, with what is known of every figure's uncertainty."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        run = stored.latest(session, found, stored.WITHOUT_OPTIONS)
        own, log = own_unit(session, found), audit.head(session)
    tables, may_compute = kept.league(run.id, own), may_open("results.compute", signed_in().roles)
    return render_template(
        "results/league.html",
        wave=found,
        run=run,
        tables=tables.html,
        may_compute=may_compute,
        may_type_in=may_open("inputs.units", signed_in().roles),
        is_outdated=may_compute and kept.is_outdated(found.id, log, tables.made_from),
        words=wording,
    )


@blueprint.get("/<wave>/<unit>")
def unit(wave: str, unit: str) -> str:
    """One unit's sheet: index, factors and items, and the points by component."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        run = stored.latest(session, found, stored.WITHOUT_OPTIONS)
        named = units.find(session, unit)
        beside_it = outside.of_unit(session, unit)
        own, newest_seal = own_unit(session, found), seals.newest_digest(session)
        comments = feedback.released(session, unit).get(wave, [])
    tables = kept.unit(run.id, unit, own, newest_seal)
    if tables is None:
        abort(404)
    return render_template(
        "results/unit.html",
        wave=found,
        unit=named,
        tables=tables,
        comments=comments,
        outside=beside_it,
        words=wording,
    )


@blueprint.get("/<wave>/scores.<any(xlsx, csv, json):kind>")
def download(wave: str, kind: str) -> Response:
    """The results folder's files, with the rows that this account may have."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        run = stored.latest(session, found)
        own = own_unit(session, found)
        schemes = wave_list.schemes_of(session, found)
        told = exports.about(found, run, schemes, withheld=own.unit if own else None)
        exports.WRITERS[kind](told, figures.visible(exports.rows_of(session, run), own), stream)
    with site().database.begin() as session:  # who took what away stands in the log
        me, detail = signed_in(), {"kind": kind}
        audit.record(session, actor=me.email, action="results.download", subject=found.code, detail=detail, now=now())
    stream.seek(0)
    name = f"{'ban-thu-' if found.kind == 'rehearsal' else ''}{found.code}-scores.{kind}"
    return send_file(stream, mimetype=FILES[kind], as_attachment=True, download_name=name)


@blueprint.get("/<wave>/<any(grades, small_units, items):table>.csv")
def beside(wave: str, table: str) -> Response:
    """A table beside the scores; a rated unit's account has none of its own level, whose errors it would solve for."""
    stream = io.BytesIO()
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        run = stored.latest(session, found)
        own = own_unit(session, found)
        found_table = {**run.options.get("beside", {}), **descriptions.whole(session, run, only=table)}.get(table)
    if not found_table or not found_table["rows"]:
        abort(404)
    exports.write_table(found_table, stream, without=own.schemes if own else ())
    stream.seek(0)
    named = f"{'ban-thu-' if found.kind == 'rehearsal' else ''}{found.code}-{table}.csv"
    return send_file(stream, mimetype=FILES["csv"], as_attachment=True, download_name=named)


def own_unit(session: Session, wave: Wave) -> Own | None:
    """The rated unit of the wave that the account belongs to; its row is withheld until two agencies let it out."""
    return None if releases.shown(session, wave) else figures.own_of(session, wave, signed_in().unit)
