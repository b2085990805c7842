"""Complaints about scores: a rated unit sees its sheet and writes; the lead agency answers and enters the decisions."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import SurveyError
from survey.errors.seals import NotYours
from survey.model.result import Run
from survey.model.wave import Wave
from survey.sentences.refusals import sentences
from survey.stages import complaints, releases, results, reviews, units
from survey.stages import waves as wave_list
from survey.stages.staff import Role
from survey.web import figures, wording
from survey.web.site import now, signed_in, site, translations

blueprint = Blueprint("complaints", __name__, url_prefix="/complaints")


@blueprint.get("")
def index() -> str:
    """The waves whose figures were let out, at least provisionally."""
    with site().database.read() as session:
        scored = results.scored_waves(session)
        lines = [(wave, releases.shown(session, wave), complaints.window(session, wave, now())) for wave in scored]
    return render_template(
        "complaints/index.html", lines=[line for line in lines if line[1] is not None], words=wording
    )


@blueprint.get("/<wave>")
def page(wave: str) -> str:
    """The own sheet and the own complaints; for the lead agency, everybody's complaints."""
    with site().database.read() as session:
        return _page(session, wave_list.find(session, wave))


def _page(session: Session, wave: Wave, refusal: SurveyError | None = None) -> str:
    me, release = signed_in(), releases.shown(session, wave)
    if release is None:
        abort(404)
    is_unit, is_lead = Role.RATED_UNIT in me.roles and me.unit is not None, Role.LEAD_AGENCY in me.roles
    unit = units.find(session, me.unit) if is_unit and me.unit else None
    said = complaints.of_wave(session, wave, unit=None if is_lead or unit is None else unit.code)
    rows = results.figures(session, session.get_one(Run, release.run_id), unit=unit.code) if unit else []
    schemes = wave_list.schemes_of(session, wave)
    sheets = [(scheme, figures.sheet(rows, scheme)) for scheme in schemes]
    named = units.of_codes(session, {one.unit_code for one in said})
    return render_template(
        "complaints/page.html",
        wave=wave,
        release=release,
        unit=unit,
        sheets=[
            (scheme, levels, figures.in_order(scheme, levels, wave.audience)) for scheme, levels in sheets if levels
        ],
        share=reviews.shares(session, wave).get(unit.code) if unit else None,
        window=complaints.window(session, wave, now()),
        codes=complaints.codes(session, wave, unit.type) if unit else [],
        complaints=said,
        names={code: wording.text_of_unit(one) for code, one in named.items()},
        is_lead=is_lead,
        refusal=None if refusal is None else sentences(refusal, translations()),
        longest=complaints.LONGEST,
        words=wording,
        groups=wording.rater_groups(wave_list.instrument_of(wave)),
    )


@blueprint.post("/<wave>/file")
def file(wave: str) -> Response | tuple[str, int]:
    """A rated unit's complaint about one part of its own sheet."""
    me = signed_in()
    try:
        with site().database.begin() as session:
            found = wave_list.find(session, wave)
            unit = units.find(session, me.unit) if me.unit else None
            code = request.form.get("code", "")
            if unit is None or code not in {one for one, _vi, _en in complaints.codes(session, found, unit.type)}:
                raise NotYours()
            text = request.form.get("text", "")
            complaints.file(session, found, unit=unit.code, code=code, text=text, by=me.email, now=now())
    except SurveyError as refusal:
        return _refused(wave, refusal)
    return redirect(url_for("complaints.page", wave=wave), 303)


@blueprint.post("/<wave>/<complaint>/<any(answer, decide):step>")
def settle(wave: str, complaint: str, step: str) -> Response | tuple[str, int]:
    """The lead agency's answer, or the council's decision with its document."""
    form, by = request.form, signed_in().email
    try:
        with site().database.begin() as session:
            found = wave_list.hold(session, wave)
            one = complaints.find(session, found, complaint)
            if step == "answer":
                complaints.answer(session, found, one, text=form.get("text", ""), by=by, now=now())
            else:
                document, verdict = form.get("document", ""), form.get("verdict", "")
                complaints.decide(session, found, one, verdict=verdict, document=document, by=by, now=now())
    except SurveyError as refusal:
        return _refused(wave, refusal)
    return redirect(url_for("complaints.page", wave=wave), 303)


def _refused(wave: str, refusal: SurveyError) -> tuple[str, int]:
    with site().database.read() as session:
        return _page(session, wave_list.find(session, wave), refusal), 422
