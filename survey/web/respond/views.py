"""The respondents' routes: a GET changes nothing, every POST keeps the answers, the last one sends them.

Each POST is one transaction; its page leaves only after the commit.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, redirect, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.orm import Session

from survey.errors import CellFull, KeyReused, LinkClosed
from survey.stages import responses, waves
from survey.web import forms
from survey.web.forms import FormPage
from survey.web.respond import show
from survey.web.respond.sent import Sent, read_form
from survey.web.respond.visit import Visit, begin, enter, forget, keep, remember
from survey.web.site import now, remember_language, site, use_language

WRONG_PERSON = "wrong_person"
LINK = "/<any(k, q):door>/<code>"
blueprint = Blueprint("respond", __name__)


@blueprint.record_once
def check_token_here(state: BlueprintSetupState) -> None:
    """The form's token is checked in `read_form`: a page that fails it is shown again with its answers."""
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.get(LINK)
def first(door: str, code: str) -> Response:
    """The first page; opening it any number of times uses nothing up."""
    with site().database.read() as session:
        visit = enter(session, door, code)
        return show.first_page(visit, waves.province_of(session, visit.opening.wave))


@blueprint.post(LINK)
def start(door: str, code: str) -> Response:
    """Begin the form, or go on where it was left."""
    sent = read_form()
    with site().database.begin() as session:
        visit = enter(session, door, code)
        if sent.trouble:
            return show.first_page(visit, waves.province_of(session, visit.opening.wave), sent.trouble)
        if sent.switch:
            response = see(visit.first_page)
            remember_language(response, sent.switch)
            return response
        if visit.may_decline and request.form.get(forms.ACTION) == WRONG_PERSON:
            return see(visit.first_page + "/not-mine")
        visit = begin(session, visit)
        response = see(visit.address(forms.resume_at(visit.pages, visit.answers)))
        remember(response, visit)
        return response


@blueprint.get("/<any(k):door>/<code>/not-mine")
def not_mine(door: str, code: str) -> Response:
    """Ask before the link ends."""
    with site().database.read() as session:
        visit = enter(session, door, code)
    return show.not_mine(visit) if visit.may_decline else see(visit.first_page)


@blueprint.post("/<any(k):door>/<code>/not-mine")
def decline(door: str, code: str) -> Response:
    """End the link of somebody who did not file."""
    sent = read_form()
    with site().database.begin() as session:
        visit = enter(session, door, code)
        if not visit.may_decline:
            return see(visit.first_page)
        if sent.trouble:
            return show.not_mine(visit, sent.trouble)
        responses.decline(session, visit.opening, now=now())
        return show.ending(show.DECLINED)


@blueprint.get(LINK + "/<int:number>")
def page(door: str, code: str, number: int) -> Response:
    """A page of questions with the answers that the draft holds."""
    with site().database.read() as session:
        visit = enter(session, door, code)
    shown = visit.page(number)
    return show.question_page(visit, shown, visit.answers) if visit.draft else see(visit.first_page)


@blueprint.post(LINK + "/<int:number>")
def answer(door: str, code: str, number: int) -> Response:
    """Keep a page's answers and go on; the last page's form is the sending."""
    sent = read_form()
    if sent.switch:
        use_language(sent.switch)
    with site().database.begin() as session:
        visit = arrive(session, door, code, sent)
        response = take(session, visit, number, sent) if visit else thank(door, code, sent)
    if sent.switch:
        remember_language(response, sent.switch)
    return response


def arrive(session: Session, door: str, code: str, sent: Sent) -> Visit | None:
    """The visit of a page that was not accepted before; None for one that was.

    A twin of this sending may be committed between two reads: what looks closed, or lost its draft, is asked again.
    """
    if was_accepted(session, sent):
        return None
    try:
        visit = enter(session, door, code)
    except LinkClosed:
        if was_accepted(session, sent):
            return None
        raise
    return None if visit.draft is None and was_accepted(session, sent) else visit


def was_accepted(session: Session, sent: Sent) -> bool:
    """Whether this very form was accepted before: asked before the link, which is used up by then.

    The language buttons of the receipt post the key alone.
    """
    if not sent.key or sent.trouble:
        return False
    try:
        return responses.seen_in_any_wave(session, site().keys, sent.key, sent.body)
    except KeyReused:
        if sent.switch is None:
            raise
        return True


def take(session: Session, visit: Visit, number: int, sent: Sent) -> Response:
    """Read one page: refuse it and show it again, send the form, or keep it and lead on."""
    shown = visit.page(number)
    posted = forms.read(shown, sent.values)
    refusals = dict(posted.refusals)
    if sent.is_forward and not sent.trouble:
        refusals |= {
            name: reason for name, reason in forms.missing(shown, posted.answers).items() if name not in refusals
        }
    if refusals or sent.trouble:
        return show.question_page(visit, shown, {**visit.answers, **posted.answers}, refusals, sent.trouble)
    answers = forms.merged(visit.answers, shown, posted.answers)
    is_end = is_sending(visit, shown, sent)
    gap = forms.first_gap(visit.pages, answers) if is_end else None
    if is_end and gap is None:
        return send(session, visit, sent, answers)
    kept = keep(session, visit, answers)
    response = see(kept.address(gap or next_number(visit, shown, sent)))
    remember(response, kept)
    return response


def is_sending(visit: Visit, shown: FormPage, sent: Sent) -> bool:
    """The last page's plain button, with the key of the draft that this browser holds."""
    return visit.is_last(shown) and sent.is_forward and visit.draft is not None and sent.key == visit.draft.key


def send(session: Session, visit: Visit, sent: Sent, answers: dict[str, str]) -> Response:
    """Accept the whole form; the receipt is the same for an empty and a full one."""
    if sent.key is None or visit.secret is None:
        raise RuntimeError("a sending has a key and a draft")
    responses.accept(
        session,
        visit.opening,
        secret=visit.secret,
        submission_key=sent.key,
        answers=forms.standing(visit.pages, answers),
        body=sent.body,
        now=now(),
    )
    return thank(visit.door, visit.code, sent)


def thank(door: str, code: str, sent: Sent) -> Response:
    """The receipt; this browser keeps nothing of the form."""
    response = show.ending(show.RECEIPT, key=sent.key)
    forget(response, door, code)
    return response


def next_number(visit: Visit, shown: FormPage, sent: Sent) -> int:
    """Where a kept page leads: the same one in another language, one back, one on; a lost draft begins anew."""
    if sent.switch:
        return shown.number
    if sent.is_back:
        return shown.number - 1
    if visit.is_last(shown):
        return shown.number if visit.draft else 1
    return shown.number + 1


def see(address: str) -> Response:
    """Lead the browser to a page with a GET (303), so that going back sends nothing twice."""
    return current_app.make_response(redirect(address, 303))


@blueprint.errorhandler(LinkClosed)
def closed(_error: LinkClosed) -> Response:
    """One page for unknown, used, expired and closed links."""
    return ended(show.CLOSED)


@blueprint.errorhandler(CellFull)
def full(_error: CellFull) -> Response:
    """No place is left in the counter's cell: thanked, not stored."""
    return ended(show.FULL, retry=True)


@blueprint.errorhandler(KeyReused)
def sent_before(_error: KeyReused) -> Response:
    """The form was sent with other answers before."""
    return ended(show.SENT_BEFORE)


def ended(what: show.Ending, *, retry: bool = False) -> Response:
    values = request.view_args or {}
    response = show.ending(what, again=f"/{values['door']}/{values['code']}" if retry else None)
    forget(response, values["door"], values["code"])
    return response
