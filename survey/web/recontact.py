"""Oversight's calls: whom to call, what to ask, and how it ended; no answer of before is shown or known."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from survey.datafile import Words
from survey.errors.field import CaseEnded
from survey.i18n import mark as _n
from survey.instrument import Item
from survey.model.wave import Wave
from survey.stages import recontacts, waves
from survey.stages.recontacts import Asked, Call
from survey.web.contacts import note_shown
from survey.web.site import language, site

blueprint = Blueprint("recontact", __name__, url_prefix="/staff/recontact")
CALLS = {
    Call.DONE: _n("answered the questions"),
    Call.NO_CONTACT: _n("nobody reached"),
    Call.REFUSED: _n("refused"),
}
ASKED = {
    Asked.LINK: _n("by the link, on the own phone or computer"),
    Asked.INTERVIEWER: _n("an interviewer asked the questions"),
    Asked.OTHER: _n("on a form that somebody handed over, or somebody else answered"),
    Asked.NOT: _n("not at all"),
}
SAVED = {
    "call": _n("The call is recorded."),
    "ended": _n("There is nothing more to record for this person."),
    "odd": _n("Choose how the survey was answered."),
}


@blueprint.get("")
def people() -> str:
    """Everybody drawn for a call."""
    with site().database.read() as session:
        found = recontacts.cases(session, site().keys)
        items = {case.wave.code: questions(case.wave) for case in found}
    note_shown(case.wave.code for case in found)
    return render_template(
        "field/recontact.html", cases=found, items=items, calls=CALLS, asked=ASKED, language=language(),
        told=SAVED.get(request.args.get("told", ""), ""),
    )  # fmt: skip


def questions(wave: Wave) -> list[tuple[Words, Item]]:
    """What is asked again, each under the words that led to it in the form."""
    factor = waves.instrument_of(wave).factor
    return [(factor(item.factor).lead, item) for item in recontacts.items_of(wave)]


@blueprint.post("/<case>")
def record(case: str) -> Response:
    """Count one call."""
    form = request.form
    call = next((one for one in Call if one == form.get("call")), None)
    asked = next((one for one in Asked if one == form.get("asked")), None)
    if call is None or (call is Call.DONE and asked is None):
        return told("odd")
    has_filed = {"yes": True, "no": False}.get(form.get("filed", ""))
    try:
        with site().database.begin() as session:
            found = recontacts.find(session, site().keys, case)
            recontacts.record(session, found, call, asked=asked, has_filed=has_filed, said=form)
    except CaseEnded:
        return told("ended")
    return told("call")


def told(word: str) -> Response:
    return current_app.make_response(redirect(url_for("recontact.people", told=word), 303))
