"""The whole form at once, for a browser with scripts: it shows one page at a time and posts each, without a reload."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from flask import Response, jsonify, render_template, request
from markupsafe import Markup

from survey.memory import keep
from survey.web import forms, shuffle
from survey.web.forms import FormPage
from survey.web.respond import show
from survey.web.respond.visit import Visit
from survey.web.site import language

JSON, BETWEEN = "application/json", re.compile(r">\s+<")
VOICE = re.compile(r'<details class="hear">.*?/listen/(\w+)\.mp3.*?</details>')
CHOICES = re.compile(r'<fieldset id="([^"]+)"(.*?</legend>(?:<i [^>]*></i>|<details.*?</details>)?)(.*?)</fieldset>')
MOST_WITH_FIRST = 3584  # compressed bytes of a form that still fits a first page of 14 KB
NO_FORM = Markup()
_drawn: dict[tuple[object, ...], tuple[Markup, int]] = {}


@dataclass(frozen=True)
class Part:
    """A page of the form as it is drawn: its questions' texts still hold the places of earlier answers."""

    page: FormPage
    step: str
    heading: str
    texts: dict[str, str]

    @property
    def may_be_refused(self) -> bool:
        return any(field.may_be_refused for field in self.page.fields)


def is_asked_for() -> bool:
    """Whether the script asks, which wants no page in reply."""
    return request.headers.get("Accept") == JSON


def with_first(visit: Visit) -> Markup:
    """The form where the first page has room for it, else nothing: it comes with the first press."""
    markup, size = drawn(visit)
    return markup if size <= MOST_WITH_FIRST else NO_FORM


def must_ask(visit: Visit) -> bool:
    """Whether the form begins with a question to the site: a place to hold, a draft to go on with, an order to know."""
    return visit.needs_this_browser or bool(visit.answers) or any(page.is_shuffled for page in visit.pages)


def drawn(visit: Visit) -> tuple[Markup, int]:
    """The form's markup and its compressed size, drawn once for the same questions in a language."""
    units = tuple((unit.code, show.name(unit)) for unit in visit.opening.block)
    key = (visit.opening.instrument.digest, language(), units, visit.asks_to_compare)
    if key not in _drawn:
        texts = {field.name: field.item.text(language()) for page in visit.pages for field in page.fields}
        parts = [Part(page, show.step(visit, page), show.heading(page), texts) for page in visit.pages]
        asks = visit.asks_to_compare
        text = render_template("macros/form.html", title=show.title(visit), parts=parts, asks_to_compare=asks)
        markup = Markup(short(BETWEEN.sub("><", text)))  # noqa: S704 our own template's
        keep(_drawn, key, (markup, len(zlib.compress(markup.encode()))))
    return _drawn[key]


def short(text: str) -> str:
    """The form with each player and each list of choices once: the script copies them (respond.js)."""
    players: set[str] = set()
    lists: dict[str, str] = {}

    def voice(found: re.Match[str]) -> str:
        player = found[0].replace(found[1], "")
        if players and player not in players:
            return found[0]
        is_first = not players
        players.add(player)
        return found[0] if is_first else f'<i data-voice="{found[1]}"></i>'

    def choices(found: re.Match[str]) -> str:
        name, head, rest = found.groups()
        like = lists.setdefault(re.sub(f'"{re.escape(name)}(?=["~-])', '"', rest), name)
        return found[0] if like == name else f'<fieldset id="{name}" data-like="{like}"{head}</fieldset>'

    return CHOICES.sub(choices, VOICE.sub(voice, text)).replace('"', "'")  # JSON writes two signs for each "


def begun(visit: Visit, at: int) -> Response:
    """What the script needs to begin, or to go on where the form was left."""
    order = [
        field.name
        for page in visit.pages
        if page.is_shuffled
        for field in shuffle.shuffled(page, visit.draft.key if visit.draft else "").fields
    ]
    return jsonify(
        form="" if request.form.get(forms.WHOLE) else drawn(visit)[0],
        at=at if at <= len(visit.pages) else "review",
        answers=forms.pairs(visit.pages, visit.answers),
        order=order,
    )
