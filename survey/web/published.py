"""What everybody may read without signing in: the figures of sealed waves, and how each was computed.

A page depends on its address alone: no cookie is read or set, so browsers and proxies may keep it. The language stands
in the address, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file, url_for
from sqlalchemy.orm import Session

from survey.i18n import DEFAULT
from survey.model.result import Run
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.rule import Source
from survey.stages import exports, seals, trends
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.web import figures, tiers, trend, wording
from survey.web.figures import HEADLINES, POINT_LEVELS
from survey.web.look import Look
from survey.web.results import FILES
from survey.web.site import known_language, language, site, use_language

blueprint = Blueprint("published", __name__, url_prefix="/published")
KEPT = 300  # seconds that a page may be shown without asking again; a seal that replaces another shows after them
PAGES_KEPT = 512
INDEX_LEVELS = frozenset({"item", "factor", "group", "overall"})
FORMATS = {"csv": FILES["csv"], "json": FILES["json"]}


@dataclass(frozen=True)
class Sealed:
    """A sealed wave with the run and the seal that count."""

    wave: Wave
    run: Run
    seal: Seal


@blueprint.before_request
def speak() -> None:
    """The language of the address; a cookie's would make one address two pages."""
    use_language(known_language(request.args.get("lang")) or DEFAULT)


@blueprint.after_request
def keep(response: Response) -> Response:
    """Let anybody keep what was found, and ask whether it is still the same."""
    if response.status_code in (200, 304):
        response.headers["Cache-Control"] = f"public, max-age={KEPT}"
    if response.status_code == 200 and not response.direct_passthrough:
        response.add_etag()
        response.make_conditional(request)
    return response


@blueprint.app_template_global()
def published_url(endpoint: str, **values: Any) -> str:
    """An address of these pages in the language of the page, or in another."""
    spoken = values.pop("lang", language())
    return url_for(f"published.{endpoint}", lang=None if spoken == DEFAULT else str(spoken), **values)


@blueprint.get("")
def index() -> str:
    """Every sealed wave, the newest first, real ones before rehearsals."""
    with site().database.read() as session:
        found = [one for wave in seals.sealed_waves(session) if (one := _sealed(session, wave)) is not None]
        found.sort(key=lambda one: one.wave.kind)
        lines = [(one, _province(session, one), wave_list.instrument_of(one.wave)) for one in found]
        return _render("index", lines=lines)


@blueprint.get("/<wave>")
def table(wave: str) -> str:
    """The units of a wave by level, in groups that the data can tell apart."""
    return _kept_table(wave, _newest_seal(), language())


@blueprint.get("/<wave>/<unit>")
def unit(wave: str, unit: str) -> str:
    """One unit: its index, factors and questions, over the years, and how the figure came about."""
    return _kept_unit(wave, unit, _newest_seal(), language())


@blueprint.get("/<wave>/figures.<any(csv, json):kind>")
def download(wave: str, kind: str) -> Response:
    """The official figures of the survey as open data, in the columns of the results folder."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    with site().database.read() as session:
        found = _find(session, wave)
        told = exports.about(found.wave, found.run, wave_list.schemes_of(session, found.wave))
        exports.WRITERS[kind](told, filter(is_open, exports.rows_of(session, found.run)), stream)
    stream.seek(0)
    mark = "ban-thu-" if found.wave.kind == "rehearsal" else ""
    name = f"{mark}{found.wave.code}-figures.{kind}"
    tag = f"{found.seal.digest}-{kind}"
    return send_file(stream, mimetype=FORMATS[kind], as_attachment=True, download_name=name, etag=tag)


def is_open(row: Mapping[str, Any]) -> bool:
    """Whether a row is open data: the official figures of the survey, not the appraisal's points."""
    of_survey = row["level_of"] in POINT_LEVELS and row["source"] == Source.SURVEY.value
    return row["is_official"] == "yes" and (row["level_of"] in INDEX_LEVELS or of_survey)


@lru_cache(maxsize=PAGES_KEPT)
def _kept_table(wave: str, _newest: str, _language: str) -> str:
    """What is sealed stays as it is, so a page stays the same until there is another seal."""
    with site().database.read() as session:
        found = _find(session, wave)
        schemes = wave_list.schemes_of(session, found.wave)
        rows = figures.league_rows(session, found.run, schemes)
        tables = [figures.league(one, rows, found.wave.province, figures.surveyed(one)) for one in schemes]
        return _render(
            "wave",
            sealed=found,
            statement=seals.statement_of(found.seal),
            instrument=wave_list.instrument_of(found.wave),
            province=figures.whole_province(rows, found.wave.province),
            tables=[(one, tiers.tiers(one.standings)) for one in tables if one.standings],
            few=_few(found.run),
        )


@lru_cache(maxsize=PAGES_KEPT)
def _kept_unit(wave: str, code: str, _newest: str, _language: str) -> str:
    with site().database.read() as session:
        found = _find(session, wave)
        rows = stored.figures(session, found.run, unit=code, official_only=True)
        if not rows:
            abort(404)
        schemes = wave_list.schemes_of(session, found.wave)
        points = trends.of_unit(session, found.wave, found.run.id, code)
        return _render(
            "unit",
            sealed=found,
            statement=seals.statement_of(found.seal),
            instrument=wave_list.instrument_of(found.wave),
            unit=rows[0],
            sheets=[(one, levels) for one in schemes if (levels := figures.sheet(rows, one))],
            points=points,
            picture=trend.picture(points),
            few=_few(found.run),
        )


def _render(name: str, **values: Any) -> str:
    """A page as everybody sees it: the look, a cookie's matter, stays the usual one."""
    return render_template(f"published/{name}.html", look=Look(), words=wording, **values)


def _find(session: Session, code: str) -> Sealed:
    """A sealed wave; what is not sealed is not here, whoever asks."""
    return _sealed(session, wave_list.find(session, code)) or abort(404)


def _newest_seal() -> str:
    with site().database.read() as session:
        return seals.newest_digest(session)


def _sealed(session: Session, wave: Wave) -> Sealed | None:
    seal = seals.newest(session, wave)
    return None if seal is None else Sealed(wave, session.get_one(Run, seal.run_id), seal)


def _province(session: Session, found: Sealed) -> figures.Standing | None:
    rows = stored.figures(session, found.run, unit=found.wave.province, levels_of=HEADLINES, official_only=True)
    return figures.whole_province(rows, found.wave.province)


def _few(run: Run) -> frozenset[tuple[str, str]]:
    """By scheme and unit the figures that rest on so little that statistical offices advise not to print them alone."""
    told = run.options.get("beside", {}).get("small_units", {"columns": [], "rows": []})
    rows = (dict(zip(told["columns"], row, strict=True)) for row in told["rows"])
    return frozenset((row["scheme"], row["unit"]) for row in rows if row["publication"] == "suppress")
