"""An enumerator at a counter: counts the visitors, is told whom to ask, and hands over the form."""

from __future__ import annotations

import secrets

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import KeyReused, LinkClosed
from survey.errors.field import NobodyChosen
from survey.i18n import mark as _n
from survey.keys import Keys
from survey.stages import openings, responses, topups, waves
from survey.stages.openings import Opening
from survey.stages.topups import Place, Settled
from survey.web import forms
from survey.web.interviews import SENDING, body, form_page, is_key, places, said
from survey.web.site import now, signed_in, site

blueprint = Blueprint("topups", __name__, url_prefix="/staff/topups")
STEP, NUMBER, VISITOR = "step", "number", "visitor"
NO = 422
SAVED = {
    "ask": _n("Please ask this visitor."),
    "pass": _n("Counted. This visitor is not asked."),
    "answer": _n("The questionnaire is received. Nobody can see its answers any more."),
    "settled": _n("Recorded."),
    "none": _n("No chosen visitor is waiting: count the visitors first."),
    "closed": _n("No answers are taken now."),
}


@blueprint.get("")
def mine() -> str:
    """The own places in open waves."""
    with site().database.read() as session:
        places = topups.mine(session, signed_in().email)
    return render_template("field/topups.html", places=places)


@blueprint.route("/<topup>", methods=["GET", "POST"])
def place(topup: str) -> str | Response:
    """Count a visitor, or tell what became of one who was chosen."""
    if request.method != "POST":
        with site().database.read() as session:
            found = topups.find(session, topup, email=signed_in().email)
        told = request.args.get("told", "")
        return render_template("field/topup.html", place=found, told=told, saved=SAVED.get(told, ""))
    step, number = request.form.get(STEP, ""), request.form.get(NUMBER, "")
    try:
        with site().database.begin() as session:
            found = topups.find(session, topup, email=signed_in().email)
            if step in set(Settled):
                topups.settle(session, found, Settled(step))
                return told_at(topup, "settled")
            if step != VISITOR or not (number.isascii() and number.isdecimal()):
                return told_at(topup, "")
            is_chosen = topups.count_visitor(session, found, number=int(number), now=now())
    except NobodyChosen:
        return told_at(topup, "none")
    except LinkClosed:
        return told_at(topup, "closed")
    return told_at(topup, "ask" if is_chosen else "pass")


def told_at(topup: str, word: str) -> Response:
    return current_app.make_response(redirect(url_for("topups.place", topup=topup, told=word or None), 303))


@blueprint.route("/<topup>/form", methods=["GET", "POST"])
def form(topup: str) -> str | Response | tuple[str, int]:
    """The whole form on one page for the visitor, and its answer, which takes a chosen visitor's place."""
    here = url_for("topups.form", topup=topup)
    if request.method != "POST":
        with site().database.read() as session:
            found = topups.find(session, topup, email=signed_in().email)
            return form_page(found.wave, None, {}, {}, action=here)
    try:
        with site().database.begin() as session:
            found = topups.find(session, topup, email=signed_in().email)
            pages = forms.pages_of(waves.instrument_of(found.wave), ())
            read, refusals = said(pages)
            if refusals or not is_key(request.form.get(SENDING)):
                return form_page(found.wave, None, read, refusals, action=here), NO
            answer(session, site().keys, found, forms.standing(pages, read), places(pages))
    except NobodyChosen:
        return told_at(topup, "none")
    except (LinkClosed, KeyReused):
        return told_at(topup, "closed")
    return told_at(topup, "answer")


def answer(session: Session, keys: Keys, found: Place, answers: dict[str, str], order: dict[str, int]) -> None:
    """Accept a visitor's answer under the mode and class of the intercept."""
    if not waves.is_answerable(found.wave, now()):
        raise LinkClosed()
    opening = Opening(
        found.wave, waves.instrument_of(found.wave), keys.wave(found.wave.id), openings.INTERCEPT, found.row.id,
        found.unit, f"{found.unit.code}|{openings.INTERCEPT}",
    )  # fmt: skip
    responses.accept(
        session, opening, secret=secrets.token_urlsafe(16), submission_key=request.form[SENDING], answers=answers,
        body=body(), now=now(), order=order,
    )  # fmt: skip
