"""The scores of closed waves: the league table of a level, a unit's sheet, and the files for Home Affairs."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from survey import queue
from survey.model.result import Run
from survey.model.wave import Wave
from survey.rule import Source
from survey.scheme import Component, Scheme
from survey.stages import audit, descriptions, exports, feedback, index_sheets, outside, releases, tasks, trends, units
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.stages.tasks import Job
from survey.web import figures, tiers, trend, wording
from survey.web.figures import Own
from survey.web.routes import may_open
from survey.web.site import now, signed_in, site

blueprint = Blueprint("results", __name__, url_prefix="/results")
LEAGUE_LEVELS = ("overall", "total")
POINT_LEVELS = ("component", "criterion")
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
        run = stored.latest(session, found)
        own = own_unit(session, found)
        schemes = wave_list.schemes_of(session, found)
        rows = list(figures.visible(league_rows(session, run, schemes), own))
        is_outdated = stored.is_outdated(session, found, run)
        described = descriptions.names(session, run)
    tables = [figures.league(scheme, rows, found.province, surveyed(scheme)) for scheme in schemes]
    scored = [one.code for one in wave_list.instrument_of(found).scored_items]
    unranked = [figures.left_out_of_ranks(table.standings, scored) for table in tables]
    return render_template(
        "results/league.html",
        wave=found,
        run=run,
        own=own,
        may_compute=may_open("results.compute", signed_in().roles),
        may_type_in=may_open("inputs.units", signed_in().roles),
        index_name=wording.index_name(wave_list.instrument_of(found)),
        province=figures.whole_province(rows, found.province),
        tables=tables,
        unranked=unranked,
        is_outdated=is_outdated,
        sure=stored.sureness(run.options),
        beside=[*described, *(name for name, table in run.options.get("beside", {}).items() if table["rows"])],
        words=wording,
        tiers=tiers.tiers,
        raters=wording.rater_groups(wave_list.instrument_of(found)),
    )


@blueprint.get("/<wave>/<unit>")
def unit(wave: str, unit: str) -> str:
    """One unit's sheet: index, factors and items, and the points by component."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        run = stored.latest(session, found)
        named = units.find(session, unit)
        beside_it = outside.of_unit(session, unit)
        read = stored.figures(session, run, unit=unit)
        own = own_unit(session, found)
        rows = list(figures.visible(read, own))
        schemes = wave_list.schemes_of(session, found)
        points = trends.of_unit(session, found, run.id, unit) if own is None else []
        comments = feedback.released(session, unit).get(wave, [])
    if not read:
        abort(404)
    sheets = [(scheme, figures.sheet(rows, scheme)) for scheme in schemes]
    shown = [(scheme, levels, figures.in_order(scheme, levels, found.audience)) for scheme, levels in sheets if levels]
    return render_template(
        "results/unit.html",
        wave=found,
        unit=named,
        is_withheld=not rows,
        is_masked=own is not None and any(row["scheme"] in own.schemes for row in rows),
        sheets=shown,
        points=points,
        picture=trend.picture(points),
        comments=comments,
        instrument=wave_list.instrument_of(found),
        outside=beside_it,
        words=wording,
        groups=wording.rater_groups(wave_list.instrument_of(found)),
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


def league_rows(session: Session, run: Run, schemes: Sequence[Scheme]) -> list[dict[str, Any]]:
    """What league tables are made of: the headlines, and the official points of what is surveyed."""
    codes = {one.code for scheme in schemes for one in surveyed(scheme)}
    points = stored.figures(session, run, levels_of=POINT_LEVELS, codes=codes, official_only=True)
    return [*stored.figures(session, run, levels_of=LEAGUE_LEVELS), *points]


def surveyed(scheme: Scheme) -> list[Component]:
    return [one for one in scheme.components if one.source is Source.SURVEY]


def own_unit(session: Session, wave: Wave) -> Own | None:
    """The rated unit of the wave that the account belongs to; its row is withheld until two agencies let it out."""
    return None if releases.shown(session, wave) else figures.own_of(session, wave, signed_in().unit)
