"""The respondents' pages as they are shown: words, progress, problems and endings in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Response, make_response, render_template
from markupsafe import Markup

from survey.answers import Wrong
from survey.i18n import DEFAULT, EN
from survey.i18n import mark as _n
from survey.instrument import Instrument
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.pipes import PIPE
from survey.stages import matches
from survey.web import forms, shuffle
from survey.web.forms import Field, FormPage, Reasons, Refusal
from survey.web.respond.drawn import CODE, KEY, REPLIES, SEEN, drawn_page
from survey.web.respond.sent import STATUS, Trouble
from survey.web.respond.visit import Visit, kiosk
from survey.web.site import gettext as _
from survey.web.site import language

UNPROCESSABLE, PAUSED = 422, 503
SENTENCES: dict[Refusal | Wrong, str] = {
    Refusal.REQUIRED: _n("Please answer this question."),
    Wrong.NOT_OFFERED: _n("Please choose one of the answers."),
    Wrong.TWICE: _n("Please choose one answer only."),
    Wrong.NOT_ALONE: _n("One of these answers does not go with others. Please change your choice."),
    Wrong.NOT_A_NUMBER: _n("Please write a whole number in digits."),
    Wrong.OUT_OF_RANGE: _n("Please write a number from %(least)s to %(most)s."),
    Wrong.NOT_A_DAY: _n("Please write a date, such as 31/12/2025."),
    Wrong.TOO_LONG: _n("This is too long. Please write it shorter."),
}
FOREIGN = _n("Something was sent that this page does not ask. Please check your answers and go on.")
TROUBLES = {
    Trouble.TOO_LARGE: _n("Too much was sent. Please check your answers and go on."),
    Trouble.CHANGED: _n("Your answers were changed in another window. Please look through them and send them again."),
    Trouble.STALE: _n(
        "This page had been open for long, or the browser takes no cookies. "
        "Your answers are still here: please press the button again."
    ),
}


@dataclass(frozen=True)
class Problem:
    """One line of the error summary: what is wrong, with which question, and where the line leads."""

    text: str
    about: str = ""
    target: str = ""


@dataclass(frozen=True)
class Part:
    """One part of the review: its questions with the answers in words, empty where nothing was answered."""

    heading: str
    place: str
    address: str
    replies: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ending:
    """A page without questions on which a visit ends."""

    state: str
    status: int
    heading: str
    sentences: tuple[str, ...]


LEAVE = _n("You may close this page.")
RECEIPT = Ending("done", 200, _n("Thank you"), (_n("Your opinion has been received."), LEAVE))
RECEIPT_ONCE = replace(
    RECEIPT,
    sentences=(_n("Your opinion has been received."), _n("Of each link, only the first form sent counts."), LEAVE),
)
FULL = Ending(
    "full",
    200,
    _n("Enough answers already"),
    (_n("This place has received all the answers it needs. Thank you for being ready to answer."), LEAVE),
)
CLOSED = Ending(
    "closed",
    410,
    _n("This link takes no answers"),
    (
        _n("It may have been used, it may be too early or too late, or a letter of the address may be wrong."),
        _n("If you have answered already, there is nothing more to do. Thank you."),
    ),
)
DECLINED = Ending(
    "declined",
    200,
    _n("Thank you for telling us"),
    (_n("This link has ended. You will be asked nothing more about it."), LEAVE),
)
SENT_BEFORE = Ending(
    "closed",
    409,
    _n("These answers were sent before"),
    (_n("What was sent first counts and stays as it was."), LEAVE),
)


def ending(what: Ending, *, key: str | None = None, code: str = "", again: str | None = None) -> Response:
    """The page of an ending; with the key of a sending it can be shown again in another language.

    `code` is the receipt's, for citizens.

    `again` is the address of a first page where a second try may find a place.
    """
    if key:  # every receipt is the same but for key and code
        own = {KEY: key, CODE: code}
        shown = CODE if code else ""
        same = (what.heading, what.sentences, shown)
        response = drawn_page("respond/end.html", same, own, ending=what, key=KEY, code=shown, again=again)
        response.status_code = what.status
        return response
    if kiosk():  # nobody closes it
        what = replace(what, sentences=tuple(one for one in what.sentences if one != LEAVE))
    text = render_template("respond/end.html", ending=what, key=key, code="", again=again)
    return make_response(text, what.status)


def pause(until: datetime) -> Response:
    """The page of a wave that rests: nothing is lost, and when to come back."""
    return make_response(render_template("respond/paused.html", until=until), PAUSED)


def first_page(
    visit: Visit, province: Unit, trouble: Trouble | None = None, *, form: str = "", must_ask: bool = True
) -> Response:
    """Who asks, about what, how long, and what happens with the answers; status 200 unless in trouble.

    `form` is the whole form for a script, which asks before it begins when it must or has none.
    """
    wave = visit.opening.wave
    values = {
        "title": title(visit),
        "sender": _set(wave, "sender") or _sender(province),
        "unit": name(visit.opening.unit),
        "is_officials": visit.opening.is_officials,
        "units": len(visit.opening.block),
        "is_rehearsal": wave.kind == "rehearsal",
        "minutes": forms.minutes(visit.pages),
        "contact": _set(wave, "contact"),
        "needs_this_browser": visit.needs_this_browser,
        "may_decline": visit.may_decline,
        "is_begun": bool(visit.answers) and not visit.is_kiosk,
        "may_start_anew": visit.may_start_anew,
        "must_ask": must_ask,
        "must_answer": any(field.item.required for page in visit.pages for field in page.fields),
        "are_some_called": matches.SETTING in wave.settings,
        "form": form,
    }
    if trouble:
        text = render_template("respond/first.html", problems=_troubles(trouble), **values)
        return make_response(text, STATUS[trouble])
    return drawn_page("respond/first.html", tuple(values.values()), {}, problems=(), **values)


def not_mine(visit: Visit, trouble: Trouble | None = None) -> Response:
    """Ask once more before a link ends for good."""
    text = render_template(
        "respond/not_mine.html", title=title(visit), first_page=visit.first_page, problems=_troubles(trouble)
    )
    return make_response(text, STATUS[trouble] if trouble else 200)


def question_page(
    visit: Visit,
    page: FormPage,
    answers: Mapping[str, str],
    refusals: Reasons | None = None,
    trouble: Trouble | None = None,
) -> Response:
    """A page of questions with the answers that stand; with refusals or trouble, the error summary first."""
    fields = {field.name: field for field in page.fields}
    texts = {name: wording(visit.opening.instrument, field, answers) for name, field in fields.items()}
    told = {name: _told(reason, fields[name]) for name, reason in (refusals or {}).items() if name in fields}
    problems = [Problem(text, texts[name], fields[name].first_id) for name, text in told.items()]
    if any(name not in fields for name in refusals or {}):
        problems.append(Problem(_(FOREIGN)))
    problems += _troubles(trouble)
    values = {
        "title": title(visit),
        "step": step(visit, page),
        "heading": heading(page),
        "page": shuffle.shuffled(page, visit.draft.key if visit.draft else ""),
        "texts": texts,
        "answers": answers,
        "faults": told,
        "problems": problems,
    }
    if problems:
        status = STATUS[trouble] if trouble else UNPROCESSABLE
        return make_response(render_template("respond/questions.html", **values), status)
    if page.is_shuffled or not page.names.isdisjoint(answers):
        return make_response(render_template("respond/questions.html", **values))
    key = (visit.opening.instrument.digest, page.number, values["step"], values["heading"], *texts.items())
    return drawn_page("respond/questions.html", key, {}, **values)


def review_page(visit: Visit, trouble: Trouble | None = None, *, agrees: bool = False) -> Response:
    """Every answer by parts, each part with a way back to it, and the button that sends them."""
    instrument, answers = visit.opening.instrument, visit.answers
    parts = [
        Part(
            heading(page),
            page.place,
            visit.address(page.number),
            tuple((wording(instrument, one, answers), forms.reply(one, answers, language())) for one in page.fields),
        )
        for page in path(visit)
    ]
    told = {"title": title(visit), "asks_to_compare": visit.asks_to_compare, "agrees": agrees}
    own = {
        "replies": Markup(render_template("macros/replies.html", parts=parts)),  # noqa: S704 our own template's
        "key": visit.draft.key if visit.draft else "",
        "seen": forms.digest(answers),
    }
    if trouble:
        text = render_template("respond/review.html", problems=_troubles(trouble), **told, **own)
        return make_response(text, STATUS[trouble])
    marks = {"replies": REPLIES, "key": KEY, "seen": SEEN}
    words = {mark: own[name] for name, mark in marks.items()}
    return drawn_page("respond/review.html", tuple(told.values()), words, problems=(), **told, **marks)


def path(visit: Visit) -> tuple[FormPage, ...]:
    """The pages that this visit's answers lead through."""
    return forms.path(visit.pages, visit.opening.instrument, visit.answers)


def wording(instrument: Instrument, field: Field, answers: Mapping[str, str]) -> str:
    """The question's text, with the answers to earlier questions that it takes in."""
    text = field.item.text(language())
    if "{" not in text:
        return text

    def taken_in(found: re.Match[str]) -> str:
        unit = f"{field.name.rpartition(':')[0]}:" if ":" in field.name else ""
        earlier = Field(unit + found[1], instrument.item(found[1]))
        return forms.reply(earlier, answers, language()) or "…"

    return PIPE.sub(taken_in, text)


def _told(reason: Refusal | Wrong, field: Field) -> str:
    return _(SENTENCES[reason], least=field.item.least, most=field.item.most)


def title(visit: Visit) -> str:
    """What the survey is called to those who answer it."""
    if visit.opening.is_officials:
        return _("Survey of officials and civil servants")
    return _("Survey of people and organisations")


def _set(wave: Wave, key: str) -> str:
    """Words of the wave's file in the reader's language, else in Vietnamese."""
    words: Mapping[str, str] = wave.settings.get(key, {})
    return words.get(language()) or words.get(DEFAULT, "")


def name(unit: Unit | None) -> str:
    if unit is None:
        return ""
    return unit.name_en if language() == EN else unit.name_vi


def _sender(province: Unit) -> str:
    """Who asks, where the wave file names nobody: the province's Department of Home Affairs."""
    told = name(province)
    if language() != EN and told.startswith(("Tỉnh ", "Thành phố ")):
        told = told[0].lower() + told[1:]
    return _("The Department of Home Affairs of %(province)s", province=told)


def step(visit: Visit, page: FormPage) -> str:
    """Progress in words."""
    if page.unit:
        units = list(dict.fromkeys(one.unit.code for one in visit.pages if one.unit))
        return _("Unit %(number)s of %(total)s:", number=units.index(page.unit.code) + 1, total=len(units))
    numbers = [one.number for one in path(visit)]
    place = numbers.index(page.number) + 1 if page.number in numbers else page.number
    return _("Part %(number)s of %(total)s:", number=place, total=len(numbers))


def heading(page: FormPage) -> str:
    if page.unit:
        return name(page.unit)
    names = [section.factor.name(language()) for section in page.sections if section.factor]
    if page.share != page.place:
        names[0] += f" {page.share}"
    return "; ".join(names) or _("A few facts about you")


def _troubles(trouble: Trouble | None) -> list[Problem]:
    return [Problem(_(TROUBLES[trouble]))] if trouble else []
