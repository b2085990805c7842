"""An interviewer's phone: the own list, what was tried, and the whole form on one page, which works a day offline.

Who keeps the phone sees no answer again: a form that was sent is gone from the phone, and no page of the site shows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from survey.errors.common import KeyReused, LinkClosed, WaveUnknown
from survey.errors.field import CaseEnded, CaseUnknown, WhenMissing
from survey.errors.waves import WavePaused
from survey.i18n import mark as _n
from survey.instrument import ItemType
from survey.model.wave import Wave
from survey.pipes import PIPE
from survey.stages import interviews, matches, waves
from survey.stages.interviews import Case, Outcome
from survey.web import forms, shuffle
from survey.web.assets import own_file
from survey.web.contacts import note_shown
from survey.web.forms import CSRF, FormPage
from survey.web.respond import show
from survey.web.respond.whole import JSON
from survey.web.site import gettext as _
from survey.web.site import language, now, signed_in, site

blueprint = Blueprint("interviews", __name__, url_prefix="/staff/field")
SENDING, AT, BROKEN_OFF, OUTCOME, WHEN, ORDER = "sending", "at", "broken_off", "outcome", "back", "order"
OWN = frozenset({CSRF, SENDING, AT, BROKEN_OFF, ORDER})
SHORTEST_KEY, LONGEST_KEY = 16, 64
TAKEN, NO, GONE, CHANGED, LATER = 204, 422, 410, 409, 503
OUTCOMES = {
    Outcome.PENDING: _n("not tried yet"),
    Outcome.CALLBACK: _n("call back"),
    Outcome.NO_CONTACT: _n("nobody reached"),
    Outcome.REFUSED: _n("refused"),
    Outcome.UNABLE: _n("cannot take part (ill, away, another language)"),
    Outcome.NOT_FOUND: _n("address or phone not found"),
    Outcome.NOT_ELIGIBLE: _n("not the person who filed"),
    Outcome.COMPLETE: _n("interview done"),
    Outcome.PARTIAL: _n("interview broken off"),
}
ODD = _n("Something on the form cannot be taken. Please look at numbers and dates.")
SAVED = {
    "attempt": _n("The attempt is recorded."),
    "answer": _n("The questionnaire is received. Nobody can see its answers any more."),
    "closed": _n("This was not stored: the wave is closed, or the person is on no list of yours."),
    "paused": _n("The survey rests for now. Please send the questionnaire again when it goes on."),
    "changed": _n("This was sent before with other content; what was sent first counts."),
    "ended": _n("There is nothing more to record for this person."),
    "when": _n("Write when to call back."),
    "odd": ODD,
}


@dataclass(frozen=True)
class Listed:
    """The people of one wave on the list."""

    wave: Wave
    cases: tuple[Case, ...]

    @property
    def left(self) -> int:
        return sum(not one.is_ended for one in self.cases)


@blueprint.get("")
def mine() -> str:
    """The own list: whom to visit or call, how it stands, and a form to record an attempt."""
    with site().database.read() as session:
        found = interviews.cases(session, site().keys, email=signed_in().email)
    note_shown(case.wave.code for case in found)
    by_wave = {case.wave.code: case.wave for case in found}
    listed = [Listed(wave, tuple(one for one in found if one.wave.code == code)) for code, wave in by_wave.items()]
    return render_template(
        "field/mine.html", listed=listed, outcomes=OUTCOMES, recorded=interviews.RECORDED,
        new_key=secrets.token_urlsafe, told=SAVED.get(request.args.get("told", ""), ""), account=account_mark(),
    )  # fmt: skip


def account_mark() -> str:
    """What tells two interviewers apart on one phone, without naming them there."""
    return site().keys.installation.mark("phone", signed_in().email).hex()[:12]


@blueprint.post("/<case>/attempt")
def attempt(case: str) -> AnyResponse:
    """Record one try; a phone that was offline tells when it was."""
    form = request.form
    outcome = next((one for one in interviews.RECORDED if one == form.get(OUTCOME)), None)
    if outcome is None or not is_key(form.get(SENDING)):
        return told(NO, "odd")
    try:
        with site().database.begin() as session:
            found = interviews.find(session, site().keys, case, email=signed_in().email)
            interviews.record(
                session, found, outcome, sending=form[SENDING], at=tried_at(), now=now(), back=form.get(WHEN, "")
            )
    except WhenMissing:
        return told(NO, "when")
    except CaseEnded:
        return told(CHANGED, "ended")
    except (CaseUnknown, LinkClosed):
        return told(GONE, "closed")
    return told(TAKEN, "attempt")


@blueprint.get("/form/<wave>")
def form(wave: str) -> str:
    """The whole form of a wave on one page; the person stands in the address, so that one kept page serves all."""
    with site().database.read() as session:
        found = on_my_list(session, wave)
        case = own_case(session, request.args.get("case", ""))
        return form_page(found, case, {}, {})


def on_my_list(session: Session, code: str) -> Wave:
    wave = waves.find(session, code)
    if wave.state not in waves.RUNNING or wave.audience != "citizens":
        raise WaveUnknown(wave=code)
    return wave


def own_case(session: Session, code: str) -> Case | None:
    """The person of the address; none for the copy that a phone keeps."""
    return interviews.find(session, site().keys, code, email=signed_in().email) if code else None


def form_page(
    wave: Wave, case: Case | None, answers: Mapping[str, str], refusals: forms.Reasons, *, action: str = ""
) -> str:
    """The form of a person, of nobody yet (a phone keeps it so), or of a visitor, whose answer goes to `action`.

    The script fills earlier answers into `wording`, and mixes a kept page anew for each person.
    """
    instrument, key = waves.instrument_of(wave), secrets.token_urlsafe()
    pages = [shuffle.shuffled(page, key) for page in forms.pages_of(instrument, ())]
    fields = {field.name: field for page in pages for field in page.fields}
    texts = {name: show.wording(instrument, field, answers) for name, field in fields.items()}
    return render_template(
        "field/form.html", wave=wave, case=case, pages=[(page, show.heading(page)) for page in pages], texts=texts,
        answers=answers, faults={name: _(ODD) for name in refusals if name in fields},
        key=key, account=account_mark(), action=action, order=" ".join(chain.from_iterable(mixed(pages))),
        wording={name: text for name, one in fields.items() if PIPE.search(text := one.item.text(language()))},
        asks_to_compare=not action and matches.PUBLIC in wave.settings.get(matches.SETTING, {}),
        agrees=forms.COMPARE in request.form,
    )  # fmt: skip


@blueprint.post("/<case>/answer")
def answer(case: str) -> AnyResponse | tuple[str, int]:
    """Accept what a person said, once; a question left open is left open, as on paper."""
    try:
        with site().database.begin() as session:
            found = interviews.find(session, site().keys, case, email=signed_in().email)
            pages = forms.pages_of(waves.instrument_of(found.wave), ())
            read, refusals = said(pages)
            if refusals or not is_key(request.form.get(SENDING)):
                return (form_page(found.wave, found, read, refusals), NO) if not is_asked_for() else told(NO, "odd")
            interviews.answer(
                session, found, forms.standing(pages, read), sending=request.form[SENDING], body=body(),
                broken_off=BROKEN_OFF in request.form, at=tried_at(), now=now(), agrees=forms.COMPARE in request.form,
                order=places(pages),
            )  # fmt: skip
    except KeyReused:
        return told(CHANGED, "changed")
    except WavePaused:  # the phone keeps it and tries again
        return told(LATER, "paused")
    except (CaseUnknown, LinkClosed):
        return told(GONE, "closed")
    return told(TAKEN, "answer")


def said(pages: tuple[FormPage, ...]) -> tuple[Mapping[str, str], forms.Reasons]:
    whole = forms.together(pages)
    posted = forms.read(whole, own_values())
    return forms.chosen_by_writing(whole, posted.answers), posted.refusals


def mixed(pages: Iterable[FormPage]) -> list[list[str]]:
    """The questions that stand in random order, group by group, in the order of these pages."""
    sections = (section for page in pages for section in page.sections if section.factor and section.factor.shuffle)
    return [[field.name for field in section.fields] for section in sections]


def places(pages: tuple[FormPage, ...]) -> dict[str, int]:
    """Where each question of a random order stood, from 1, as the form tells; a group told wrong is left out."""
    told = request.form.get(ORDER, "").split()
    stood: dict[str, int] = {}
    for group in mixed(pages):
        order = [name for name in told if name in group]
        if sorted(order) == sorted(group):
            stood |= {name: place for place, name in enumerate(order, start=1)}
    choosing = {field.name for page in pages for field in page.fields if field.item.type is ItemType.SINGLE}
    return {name: place for name, place in stood.items() if name in choosing}


def own_values() -> tuple[tuple[str, list[str]], ...]:
    """The posted answers, without what the page itself adds."""
    return tuple((name, given) for name, given in request.form.lists() if name not in OWN)


def body() -> bytes:
    return forms.canonical_body(own_values())


def is_key(text: str | None) -> bool:
    return text is not None and SHORTEST_KEY <= len(text) <= LONGEST_KEY


def is_asked_for() -> bool:
    """Whether the phone's script sends what it kept, and wants no page."""
    return request.headers.get("Accept") == JSON


def tried_at() -> datetime:
    """When it was, as a phone that had been offline tells it; else now."""
    try:
        at = datetime.fromisoformat(request.form.get(AT, "").replace("Z", "+00:00"))
    except ValueError:
        return now()
    return at if at.tzinfo else now()


def told(status: int, word: str) -> Response:
    """The list with what became of it; the script gets the status and the sentence alone."""
    if is_asked_for():
        return Response("" if status == TAKEN else _(SAVED[word]), status, mimetype="text/plain")
    return current_app.make_response(redirect(url_for("interviews.mine", told=word), 303))


@blueprint.get("/worker.js")
def worker() -> Response:
    """The part of the script that keeps list and form for a day without a network."""
    response = Response(own_file("field-worker.js"), mimetype="text/javascript")
    response.headers["Service-Worker-Allowed"] = url_for("interviews.mine")
    return response
