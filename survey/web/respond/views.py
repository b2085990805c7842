"""The respondents' routes: a GET changes nothing, every POST keeps the answers, the last one sends them.

Each POST is one transaction; its page leaves only after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.orm import Session

from survey.errors.common import CellFull, KeyReused, LinkClosed
from survey.errors.waves import WavePaused
from survey.stages import responses, waves
from survey.web import forms, shuffle
from survey.web.forms import FormPage
from survey.web.look import remember_look, use_look
from survey.web.respond import crowd, show, whole
from survey.web.respond.sent import Sent, Trouble, read_form
from survey.web.respond.visit import Door, Visit, begin, clear, enter, forget, keep, kiosk, put_away, remember
from survey.web.site import now, remember_language, site, use_language

SOONEST, LATEST = 60, 3600  # seconds until a script tries again while the wave rests
WRONG_PERSON, NEW, LEAVE, REVIEW = "wrong_person", "new", "leave", "/review"
LINK = "/<any(k, q):door>/<code>"
blueprint = Blueprint("respond", __name__)
blueprint.teardown_request(crowd.go_out)


@blueprint.record_once
def check_token_here(state: BlueprintSetupState) -> None:
    """The form's token is checked in `read_form`: a page that fails it is shown again with its answers."""
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.before_request
def stand_in_line() -> None:
    """Let no poster take all threads."""
    values = request.view_args or {}
    if values.get("door") == Door.COUNTER:
        crowd.come_in(values["code"])


@blueprint.get(LINK)
def first(door: str, code: str) -> Response:
    """The first page; opening it any number of times uses nothing up."""
    with site().database.glance() as session:
        visit = enter(session, door, code)
        province = waves.province_of(session, visit.opening.wave)
    return show.first_page(visit, province, form=whole.with_first(visit), must_ask=whole.must_ask(visit))


@blueprint.post(LINK)
def start(door: str, code: str) -> Response:
    """Begin the form, go on where it was left, or put away what somebody left on this phone."""
    sent = read_form()
    return turning_away(door, code, lambda session: begun(session, door, code, sent))


def begun(session: Session, door: str, code: str, sent: Sent) -> Response:
    visit = enter(session, door, code)
    if sent.trouble:
        return show.first_page(visit, waves.province_of(session, visit.opening.wave), sent.trouble)
    if sent.is_restyled:
        dress(sent)
        return remember_dress(see(visit.first_page), sent)
    wanted = request.form.get(forms.ACTION)
    if visit.may_decline and wanted == WRONG_PERSON:
        return see(visit.first_page + "/not-mine")
    if visit.is_kiosk or (visit.may_start_anew and wanted == NEW):
        visit = put_away(session, visit)
    if visit.is_kiosk and wanted == LEAVE:
        response = see(visit.first_page)
        forget(response, door, code)
        clear(response)
        return response
    visit = begin(session, visit)
    number = forms.resume_at(show.path(visit), visit.answers)
    response = whole.begun(visit, number) if whole.is_asked_for() else see(address(visit, number))
    remember(response, visit)
    return response


@blueprint.get("/<any(k):door>/<code>/not-mine")
def not_mine(door: str, code: str) -> Response:
    """Ask before the link ends."""
    with site().database.glance() as session:
        visit = enter(session, door, code)
    return show.not_mine(visit) if visit.may_decline else see(visit.first_page)


@blueprint.post("/<any(k):door>/<code>/not-mine")
def decline(door: str, code: str) -> Response:
    """End the link of somebody who did not file."""
    sent = read_form()
    dress(sent)
    with site().database.begin() as session:
        visit = enter(session, door, code)
        if not visit.may_decline:
            return see(visit.first_page)
        if sent.is_restyled:
            return remember_dress(see(visit.first_page + "/not-mine"), sent)
        if sent.trouble:
            return show.not_mine(visit, sent.trouble)
        responses.decline(session, visit.opening, now=now())
        return show.ending(show.DECLINED)


@blueprint.get(LINK + "/<int:number>")
def page(door: str, code: str, number: int) -> Response:
    """A page of questions with the answers that the draft holds."""
    with site().database.glance() as session:
        visit = enter(session, door, code)
    shown = shown_page(visit, number)
    if visit.draft is None:
        return see(visit.first_page)
    return show.question_page(visit, shown, visit.answers) if shown.fields else see(address(visit, number + 1))


@blueprint.get(LINK + "/review")
def review(door: str, code: str) -> Response:
    """All answers once more before they are sent."""
    with site().database.glance() as session:
        visit = enter(session, door, code)
    return show.review_page(visit) if visit.draft else see(visit.first_page)


@blueprint.post(LINK + "/review")
def send(door: str, code: str) -> Response:
    """Send the form that was looked through."""
    return settle(door, code, send_form)


@blueprint.post(LINK + "/<int:number>")
def answer(door: str, code: str, number: int) -> Response:
    """Keep a page's answers and go on."""
    return settle(door, code, lambda session, visit, sent: take(session, visit, number, sent))


def settle(door: str, code: str, act: Callable[[Session, Visit, Sent], Response]) -> Response:
    """Do what a posted page asks for, in one transaction; a form that was accepted before is thanked again."""
    sent = read_form()
    dress(sent)

    def settled(session: Session) -> Response:
        visit = arrive(session, door, code, sent)
        if visit is None and door == Door.COUNTER:
            with suppress(LinkClosed):
                enter(session, door, code)  # a kiosk goes back to its start after a second press too
        return act(session, visit, sent) if visit else thank(session, door, code, sent)

    try:
        return remember_dress(turning_away(door, code, settled), sent)
    except WavePaused:
        keep_for_later(door, code, sent)
        raise


def keep_for_later(door: str, code: str, sent: Sent) -> None:
    """Keep what was written when the wave was paused under somebody's hands: it stands there afterwards."""
    if sent.trouble:
        return
    with suppress(CellFull, LinkClosed), site().database.begin() as session:
        visit = enter(session, door, code, while_paused=True)
        if visit.draft is None and visit.needs_this_browser:
            return
        form = forms.together(visit.pages)
        given = forms.chosen_by_writing(form, forms.read(form, sent.values).answers)
        keep(session, visit, {**visit.answers, **given})


def turning_away(door: str, code: str, act: Callable[[Session], Response]) -> Response:
    """Do it in one transaction; where no place is left, count the form that was open, store nothing, give thanks."""
    try:
        with site().database.begin() as session:
            return act(session)
    except CellFull:
        with site().database.begin() as session:
            visit = enter(session, door, code)
            if visit.secret is not None:
                responses.turn_away(session, visit.opening, secret=visit.secret)
        return ended(show.FULL, retry=True)


def dress(sent: Sent) -> None:
    """Write the answer in the language and look that a button asked for."""
    if sent.switch:
        use_language(sent.switch)
    if sent.look:
        use_look(sent.look)


def remember_dress(response: Response, sent: Sent) -> Response:
    if sent.switch:
        remember_language(response, sent.switch)
    if sent.look:
        remember_look(response)
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

    The buttons of the receipt for another language or look post the key alone.
    """
    if not sent.key or sent.trouble:
        return False
    try:
        return responses.seen_in_any_wave(session, site().keys, sent.key, sent.body)
    except KeyReused:
        if not sent.is_restyled:
            raise
        return True


def take(session: Session, visit: Visit, number: int, sent: Sent) -> Response:
    """Read one page: refuse it and show it again, or keep it and lead on."""
    shown = shown_page(visit, number)
    posted = forms.read(visit.page(number), sent.values)
    taken_back = [field for field in shown.fields if field.name == sent.cleared]
    written = forms.without(forms.chosen_by_writing(shown, posted.answers), taken_back)
    given = forms.agreed(shown, written) if sent.is_forward or sent.is_back else written
    refusals = dict(posted.refusals)
    if sent.is_forward and not sent.trouble:
        refusals = {**forms.missing(shown, given), **refusals}
    if refusals or sent.trouble:
        stand = forms.merged(visit.answers, shown, written) if sent.values else visit.answers
        return show.question_page(visit, shown, stand, refusals, sent.trouble)
    was_lost = visit.draft is None
    kept = keep(session, visit, forms.merged(visit.answers, shown, given))
    if whole.is_asked_for():
        response = Response(status=204)
    else:
        response = see(address(kept, next_number(kept, shown, sent, was_lost=was_lost)))
    remember(response, kept)
    return response


def send_form(session: Session, visit: Visit, sent: Sent) -> Response:
    return send_whole(session, visit, sent) if sent.is_whole else send_reviewed(session, visit, sent)


def send_reviewed(session: Session, visit: Visit, sent: Sent) -> Response:
    """Accept the whole form; the receipt is the same for an empty and a full one.

    What changed since it was looked through (in another window) is shown once more.
    """
    if visit.draft is None or visit.secret is None:
        return see(visit.first_page)
    pages = show.path(visit)
    if sent.is_back:
        return see(address(visit, pages[-1].number))
    if sent.is_restyled and not sent.trouble:
        return see(visit.first_page + REVIEW)
    gap = forms.first_gap(pages, visit.answers)
    if gap is not None:
        return see(address(visit, gap))
    seen = dict(sent.values).get(forms.SEEN)
    if sent.trouble or sent.key != visit.draft.key or seen != [forms.digest(visit.answers)]:
        return show.review_page(visit, sent.trouble or Trouble.CHANGED, agrees=sent.agrees)
    accept(session, visit, visit.draft.key, forms.standing(visit.pages, visit.answers), sent)
    return thank(session, visit.door, visit.code, sent)


def send_whole(session: Session, visit: Visit, sent: Sent) -> Response:
    """Accept the form that a script sends whole, under a key that it made; what cannot be taken is shown on its page.

    A counter's form without its draft was sent or put away before: there it is the draft that has the place.
    """
    if not sent.key or (visit.door is Door.COUNTER and visit.draft is None):
        return see(visit.first_page)
    form = forms.together(visit.pages)
    posted = forms.read(form, sent.values)
    written = forms.chosen_by_writing(form, posted.answers)
    given = forms.agreed(form, written)
    pages = forms.path(visit.pages, visit.opening.instrument, given)
    refusals = {**{name: why for page in pages for name, why in forms.missing(page, given).items()}, **posted.refusals}
    if not refusals and not sent.trouble:
        begun = begin(session, visit)
        if visit.draft is None and was_accepted(session, sent):  # its twin's draft was waited for
            session.rollback()
        else:
            accept(session, begun, sent.key, forms.standing(visit.pages, given), sent)
        return thank(session, visit.door, visit.code, sent)
    kept = visit if sent.trouble else keep(session, visit, given)
    at = next((page for page in pages if not page.names.isdisjoint(refusals)), pages[-1])
    response = show.question_page(kept, at, written, refusals, sent.trouble)
    remember(response, kept)
    return response


def accept(session: Session, visit: Visit, key: str, answers: Mapping[str, str], sent: Sent) -> None:
    if visit.secret is None:
        raise RuntimeError("a visit that has begun has a secret")
    responses.accept(
        session,
        visit.opening,
        secret=visit.secret,
        submission_key=key,
        answers=answers,
        body=sent.body,
        now=now(),
        order=shuffle.places(visit.pages, visit.draft.key) if visit.draft else None,
        agrees=sent.agrees,
    )


def shown_page(visit: Visit, number: int) -> FormPage:
    """The page with the questions that the answers so far lead to."""
    return forms.asked(visit.page(number), visit.opening.instrument, visit.answers)


def address(visit: Visit, number: int) -> str:
    """The path of a page; past the last one lies the review."""
    return visit.first_page + REVIEW if number > len(visit.pages) else visit.address(number)


def thank(session: Session, door: str, code: str, sent: Sent) -> Response:
    """The receipt; this browser keeps nothing of the form."""
    key = None if kiosk() else sent.key
    taken = responses.receipt_of(session, site().keys, key) if key else None
    is_officials = taken == responses.NO_CODE
    response = show.ending(show.RECEIPT_ONCE if is_officials else show.RECEIPT, key=key, code=taken or "")
    forget(response, door, code)
    if kiosk():
        clear(response)
    return response


def next_number(visit: Visit, shown: FormPage, sent: Sent, *, was_lost: bool) -> int:
    """Where a kept page leads: the same one in another guise, one back, one on; a lost draft begins anew."""
    pages = show.path(visit)
    if sent.is_restyled or sent.cleared is not None:
        return shown.number
    if sent.is_back:
        return forms.before(pages, shown.number)
    following = forms.after(pages, shown.number)
    return 1 if was_lost and following > pages[-1].number else following


def see(address: str) -> Response:
    """Lead the browser to a page with a GET (303), so that going back sends nothing twice."""
    return Response(status=303, headers={"Location": address})


@blueprint.errorhandler(LinkClosed)
def closed(_error: LinkClosed) -> Response:
    """One page for unknown, used, expired and closed links."""
    return ended(show.CLOSED)


@blueprint.errorhandler(WavePaused)
def paused(error: WavePaused) -> Response:
    """The wave rests: when to come back."""
    response = show.pause(error.until)
    left = int((error.until - now()).total_seconds())
    response.headers["Retry-After"] = str(min(max(left, SOONEST), LATEST))
    response.headers["X-State"] = "paused"
    return response


@blueprint.errorhandler(KeyReused)
def sent_before(_error: KeyReused) -> Response:
    """The form was sent with other answers before."""
    return ended(show.SENT_BEFORE)


def ended(what: show.Ending, *, retry: bool = False) -> Response:
    values = request.view_args or {}
    response = show.ending(what, again=f"/{values['door']}/{values['code']}" if retry else None)
    forget(response, values["door"], values["code"])
    return response
