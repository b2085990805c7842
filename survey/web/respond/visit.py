"""One visit to an open link: what it opens, the form's pages, and the draft that this browser may see.

A citizen's draft is read with the link's code, so that the same link goes on anywhere. Counters and officials get a
random secret in a cookie of the link's own path: a link that others could have read opens nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from flask import abort, g, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.keys import normalise_code
from survey.stages import drafts, matches, openings, quotas, responses
from survey.stages.drafts import DraftBody
from survey.stages.openings import Opening
from survey.web import forms
from survey.web.forms import FormPage
from survey.web.look import LOOK_COOKIE
from survey.web.respond import crowd
from survey.web.site import LANGUAGE_COOKIE, cookie, now, offer_languages, site

DRAFT_COOKIE = "draft"
DRAFT_LIFE = timedelta(hours=24)
_citizens_pages: dict[str, tuple[FormPage, ...]] = {}


class Door(StrEnum):
    """The two kinds of links; the word stands in the path."""

    PERSONAL = "k"
    COUNTER = "q"


@dataclass(frozen=True)
class Visit:
    """What one request on an open link has to do with."""

    door: Door
    code: str
    opening: Opening
    pages: tuple[FormPage, ...]
    secret: str | None
    draft: DraftBody | None

    @property
    def needs_this_browser(self) -> bool:
        return self.door is Door.COUNTER or self.opening.is_officials

    @property
    def may_decline(self) -> bool:
        return not self.needs_this_browser

    @property
    def may_start_anew(self) -> bool:
        """Whether the next person may start on this phone, where a form was left open."""
        return self.door is Door.COUNTER

    @property
    def is_kiosk(self) -> bool:
        """Whether this is a tablet of the office that passes from hand to hand: nobody meets what was there before."""
        return self.opening.mode == quotas.KIOSK

    @property
    def asks_to_compare(self) -> bool:
        """Whether some are called in this wave: everybody is asked to agree, so that no page tells who is drawn."""
        setting = self.opening.wave.settings.get(matches.SETTING, {})
        return not self.needs_this_browser and matches.PUBLIC in setting

    @property
    def answers(self) -> Mapping[str, str]:
        return self.draft.answers if self.draft else {}

    @property
    def first_page(self) -> str:
        return f"/{self.door}/{self.code}"

    def address(self, number: int) -> str:
        """The path of a page; below the first one lies the link's first page."""
        if number < 1:
            return self.first_page
        return f"{self.first_page}/{number}"

    def page(self, number: int) -> FormPage:
        if not 1 <= number <= len(self.pages):
            abort(404)
        return self.pages[number - 1]

    def is_last(self, page: FormPage) -> bool:
        return page.number == len(self.pages)


def enter(session: Session, door: str, code: str, *, while_paused: bool = False) -> Visit:
    """Open the link; LinkClosed when it is unknown, used, expired or closed, WavePaused while the wave rests."""
    kind = Door(door)
    opens = openings.open_counter if kind is Door.COUNTER else openings.open_link
    opening = opens(session, site().keys, code, now=now(), while_paused=while_paused)
    offer_languages(opening.instrument.languages)
    visit = Visit(kind, code, opening, pages_of(opening), None, None)
    if visit.is_kiosk:
        g.kiosk = visit.first_page
    if not visit.needs_this_browser:
        secret = normalise_code(code)
        return replace(visit, secret=secret, draft=drafts.reveal(opening.key, secret, opening.left))
    kept = cookie(DRAFT_COOKIE)
    return replace(visit, secret=kept, draft=drafts.load(session, opening.key, kept)) if kept else visit


def pages_of(opening: Opening) -> tuple[FormPage, ...]:
    """The form's pages; those of citizens are the same for all who answer one questionnaire."""
    if opening.block:
        return forms.pages_of(opening.instrument, opening.block)
    digest = opening.instrument.digest
    if digest not in _citizens_pages:
        _citizens_pages[digest] = forms.pages_of(opening.instrument, ())
    return _citizens_pages[digest]


def begin(session: Session, visit: Visit) -> Visit:
    """The visit with a draft: the open one, or a new one; a counter's form holds a place from here on."""
    if visit.draft is not None and visit.secret is not None:
        hold_place(session, visit, visit.secret)
        return visit
    secret = secrets.token_urlsafe(32) if visit.needs_this_browser else normalise_code(visit.code)
    hold_place(session, visit, secret)
    opening = visit.opening
    if visit.door is Door.COUNTER:
        crowd.begin_at(opening.subject, now())
    draft, is_first = drafts.start(session, opening.wave.id, opening.key, secret, now=now())
    if is_first:
        responses.opened(session, opening)
    return replace(visit, secret=secret, draft=draft)


def put_away(session: Session, visit: Visit) -> Visit:
    """Drop the open draft and give its place back: somebody else starts on the same phone."""
    if visit.draft is None or visit.secret is None:
        return visit
    drafts.drop(session, visit.opening.key, visit.secret)
    quotas.release(session, visit.opening.subject, drafts.mark_of(visit.opening.key, visit.secret))
    return replace(visit, secret=None, draft=None)


def keep(session: Session, visit: Visit, answers: Mapping[str, str]) -> Visit:
    """Keep the answers given so far, in the open draft or in a new one when the old one is gone."""
    begun = begin(session, visit)
    if begun.draft is None or begun.secret is None:
        raise RuntimeError("a visit that has begun has a draft")
    body = replace(begun.draft, answers=dict(answers))
    drafts.save(session, begun.opening.wave.id, begun.opening.key, begun.secret, body, now=now())
    return replace(begun, draft=body)


def hold_place(session: Session, visit: Visit, secret: str) -> None:
    """Hold or renew the form's place in a counter's cell; CellFull when there is none. Personal links need none."""
    if visit.door is Door.COUNTER:
        quotas.reserve(session, visit.opening.subject, drafts.mark_of(visit.opening.key, secret), now())


def remember(response: Response, visit: Visit) -> None:
    """Let this browser find its draft again, for a day and never past the wave's close."""
    if visit.needs_this_browser and visit.secret:
        until: datetime = min(now() + DRAFT_LIFE, visit.opening.wave.closes)
        response.set_cookie(
            DRAFT_COOKIE,
            visit.secret,
            max_age=max(0, int((until - now()).total_seconds())),
            path=visit.first_page,
            secure=site().is_https,
            httponly=True,
            samesite="Lax",
        )


def kiosk() -> str | None:
    """The start page to go back to, when this request is a kiosk's."""
    start: str | None = g.get("kiosk")
    return start


def clear(response: Response) -> None:
    """Leave nothing on a kiosk for the next in line: no language, no look, no copy of a page.

    What its script keeps it clears itself (`kiosk.js`): a form may still wait there for the network.
    """
    for name in (LANGUAGE_COOKIE, LOOK_COOKIE):
        if name in request.cookies:
            response.delete_cookie(name, path="/", secure=site().is_https, httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"cache"'


def forget(response: Response, door: str, code: str) -> None:
    """Take the draft's cookie out of this browser."""
    if DRAFT_COOKIE in request.cookies:
        path = f"/{door}/{code}"
        response.delete_cookie(DRAFT_COOKIE, path=path, secure=site().is_https, httponly=True, samesite="Lax")
