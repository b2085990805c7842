"""The respondents' pages as they are shown: words, progress, problems and endings in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, make_response, render_template

from survey.i18n import Language
from survey.i18n import mark as _n
from survey.model.unit import Unit
from survey.web import forms
from survey.web.forms import FormPage, Refusal
from survey.web.respond.sent import STATUS, Trouble
from survey.web.respond.visit import Visit
from survey.web.site import gettext as _
from survey.web.site import language

UNPROCESSABLE = 422
SENTENCES = {
    Refusal.NOT_OFFERED: _n("Please choose one of the answers."),
    Refusal.TWICE: _n("Please choose one answer only."),
    Refusal.REQUIRED: _n("Please answer this question."),
}
FOREIGN = _n("Something was sent that this page does not ask. Please check your answers and go on.")
TROUBLES = {
    Trouble.TOO_LARGE: _n("Too much was sent. Please check your answers and go on."),
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
class Ending:
    """A page without questions on which a visit ends."""

    state: str
    status: int
    heading: str
    sentences: tuple[str, ...]


LEAVE = _n("You may close this page.")
RECEIPT = Ending("done", 200, _n("Thank you"), (_n("Your opinion has been received."), LEAVE))
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


def ending(what: Ending, *, key: str | None = None, again: str | None = None) -> Response:
    """The page of an ending; with the key of a sending it can be shown again in another language.

    `again` is the address of a first page where a second try may find a place.
    """
    return make_response(render_template("respond/end.html", ending=what, key=key, again=again), what.status)


def first_page(visit: Visit, province: Unit, trouble: Trouble | None = None) -> Response:
    """Who asks, about what, how long, and what happens with the answers; status 200 unless in trouble."""
    wave = visit.opening.wave
    text = render_template(
        "respond/first.html",
        title=title(visit),
        sender=wave.settings.get("sender", {}).get(language()) or _sender(province),
        unit=name(visit.opening.unit),
        opening=visit.opening,
        is_rehearsal=wave.kind == "rehearsal",
        minutes=forms.minutes(visit.pages),
        contact=wave.settings.get("contact", {}).get(language(), ""),
        needs_this_browser=visit.needs_this_browser,
        may_decline=visit.may_decline,
        is_begun=bool(visit.answers),
        problems=_troubles(trouble),
    )
    return make_response(text, STATUS[trouble] if trouble else 200)


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
    refusals: Mapping[str, Refusal] | None = None,
    trouble: Trouble | None = None,
) -> Response:
    """A page of questions with the answers that stand; with refusals or trouble, the error summary first."""
    fields = {field.name: field for field in page.fields}
    told = {name: _(SENTENCES[reason]) for name, reason in (refusals or {}).items() if name in fields}
    problems = [Problem(text, fields[name].item.text(language()), fields[name].first_id) for name, text in told.items()]
    if any(name not in fields for name in refusals or {}):
        problems.append(Problem(_(FOREIGN)))
    problems += _troubles(trouble)
    text = render_template(
        "respond/questions.html",
        title=title(visit),
        step=_step(visit, page),
        heading=_heading(page),
        page=page,
        answers=answers,
        faults=told,
        problems=problems,
        is_last=visit.is_last(page),
        key=visit.draft.key if visit.draft else "",
    )
    status = STATUS[trouble] if trouble else UNPROCESSABLE if problems else 200
    return make_response(text, status)


def title(visit: Visit) -> str:
    """What the survey is called to those who answer it."""
    if visit.opening.is_officials:
        return _("Survey of officials and civil servants")
    return _("Survey of people and organisations")


def name(unit: Unit | None) -> str:
    if unit is None:
        return ""
    return unit.name_vi if language() is Language.VI else unit.name_en


def _sender(province: Unit) -> str:
    """Who asks, where the wave file names nobody: the province's Department of Home Affairs."""
    told = name(province)
    if language() is Language.VI and told.startswith(("Tỉnh ", "Thành phố ")):
        told = told[0].lower() + told[1:]
    return _("The Department of Home Affairs of %(province)s", province=told)


def _step(visit: Visit, page: FormPage) -> str:
    """Progress in words."""
    if page.unit:
        return _("Unit %(number)s of %(total)s:", number=page.number, total=len(visit.pages))
    return _("Part %(number)s of %(total)s:", number=page.number, total=len(visit.pages))


def _heading(page: FormPage) -> str:
    factor = page.sections[0].factor
    if page.unit:
        return name(page.unit)
    return factor.name(language()) if factor else _("A few facts about you")


def _troubles(trouble: Trouble | None) -> list[Problem]:
    return [Problem(_(TROUBLES[trouble]))] if trouble else []
