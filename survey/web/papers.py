"""Typing in paper sheets: found by their number, typed twice by two people, settled where they read them differently.

Lists show numbers and steps, never an answer; who types a second time does not see what the first one typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.answers import NOT_APPLICABLE, Wrong
from survey.errors.common import SheetUnknown
from survey.i18n import mark as _n
from survey.instrument import Factor, Instrument, ItemType
from survey.model.wave import Wave
from survey.paper import typed
from survey.paper.numbers import spaced
from survey.paper.typed import TICKED, TICKS, Line, Part, Typed
from survey.stages import papers, sheets
from survey.stages.papers import Sheet
from survey.stages.staff import Role
from survey.web.site import gettext as _
from survey.web.site import language, now, signed_in, site
from survey.web.wording import text_of_unit

blueprint = Blueprint("papers", __name__, url_prefix="/staff/papers")
MOST_LISTED = 60
PREFIX = "a."  # before the names of a sheet's lines, apart from the form's own controls
SAVE = "save"
LEFT_OPEN = "."
STEPS = {
    sheets.PRINTED: _n("Waiting for the first entry"),
    sheets.ONCE: _n("Waiting for the second entry, by another person"),
    sheets.DIFFER: _n("The two entries differ"),
    sheets.DONE: _n("Done"),
    sheets.OVERTAKEN: _n("Not counted: answered online before, or given back"),
}
TOLD = {
    sheets.PRINTED: _n("This sheet has not been typed in yet."),
    sheets.ONCE: _n("The first entry is kept. Another person must now type the sheet in once more."),
    sheets.DIFFER: _n("The two entries differ. The survey office settles them with the sheet in hand."),
    sheets.DONE: _n("The sheet is done: its answer counts, and what was typed is destroyed."),
    sheets.OVERTAKEN: _n(
        "This sheet does not count: its link was answered online meanwhile, or given back. Nothing of it is stored."
    ),
}
WRONG = {
    Wrong.NOT_OFFERED: _n("There is no such box at this question."),
    Wrong.TWICE: _n("A box was given twice."),
    Wrong.NOT_ALONE: _n("One of these boxes cannot go with others."),
    Wrong.NOT_A_NUMBER: _n("Write a whole number in digits."),
    Wrong.OUT_OF_RANGE: _n("This number is out of range."),
    Wrong.NOT_A_DAY: _n("Write a day like 31/12/2025."),
    Wrong.TOO_LONG: _n("This is too long."),
}


@dataclass(frozen=True)
class Shown:
    """One text box of the entry: what it is for, what may be typed, what stands in it, what is wrong with it."""

    line: Line
    label: str
    takes: str
    value: str
    error: str
    has_focus: bool = False

    @property
    def control(self) -> str:
        return PREFIX + self.line.name

    @property
    def is_long(self) -> bool:
        return self.line.part is Part.WORDS or self.line.item.type in (ItemType.TEXT, ItemType.COMMENT)


@dataclass(frozen=True)
class WaveSheets:
    """The sheets of one wave by step: how many, and some of their numbers."""

    wave: Wave
    counts: Mapping[str, int]
    numbers: Mapping[str, list[str]]


@dataclass(frozen=True)
class Compared:
    """A line that was read in two ways, as each would be typed, in words, and as it is to be."""

    shown: Shown
    first: str
    second: str


@blueprint.route("", methods=["GET", "POST"])
def index() -> str | Response | tuple[str, int]:
    """Where a number is typed or a code scanned, and how far the sheets of each open wave are."""
    text, is_unknown = request.form.get("number", "").strip(), False
    with site().database.read() as session:
        if request.method == "POST":
            try:
                sheet = papers.find(session, site().keys, text)
                return redirect(url_for("papers.sheet", number=sheet.number), 303)
            except SheetUnknown:
                is_unknown = True
        listed = [_listed(session, wave) for wave in papers.open_with_sheets(session)]
    page = render_template(
        "paper/index.html", listed=listed, steps=STEPS, most=MOST_LISTED, spaced=spaced, text=text,
        is_unknown=is_unknown, told=_just_done(), can_settle=_can_settle(),
    )  # fmt: skip
    return (page, 422) if is_unknown else page


def _listed(session: Session, wave: Wave) -> WaveSheets:
    key = site().keys.wave(wave.id)
    found = {step: papers.numbers(session, wave, key, step, most=MOST_LISTED) for step in sheets.STATES}
    return WaveSheets(wave, papers.counts(session, wave), found)


def _just_done() -> str:
    """What became of the sheet that this browser came from; the state alone is in the address, no number."""
    return TOLD.get(request.args.get("state", ""), "") if request.method == "GET" else ""


def _can_settle() -> bool:
    return Role.SURVEY_OFFICE in signed_in().roles


@blueprint.route("/<number>", methods=["GET", "POST"])
def sheet(number: str) -> str | Response | tuple[str, int]:
    """One entry of a sheet: shown empty, checked at each Enter, kept by its button."""
    if request.method == "GET":
        with site().database.read() as session:
            found = papers.find(session, site().keys, number)
            if papers.may_enter(found, signed_in().email):
                return _entry_page(found, Typed({}, {}), {})
        return render_template(
            "paper/told.html", sheet=found, told=TOLD[found.state], spaced=spaced, can_settle=_can_settle()
        )
    with site().database.begin() as session:
        found = papers.find(session, site().keys, number, lock=True)
        if not papers.may_enter(found, signed_in().email):  # sent twice, or by two people at once: what is kept stands
            return redirect(url_for("papers.sheet", number=found.number), 303)
        given = _given(request.form)
        read = typed.read(found.instrument, given)
        if read.faults or request.form.get("step") != SAVE:
            page = _entry_page(found, read, given)
            return (page, 422) if read.faults else page
        state = papers.enter(session, found, read.answers, by=signed_in().email, now=now())
    return redirect(url_for("papers.index", state=state), 303)


@blueprint.route("/<number>/differences", methods=["GET", "POST"])
def differences(number: str) -> str | Response | tuple[str, int]:
    """The lines that two people read differently, side by side; what the sheet says in truth is typed beside them."""
    if request.method == "GET":
        with site().database.read() as session:
            found = papers.find(session, site().keys, number)
            if found.state != sheets.DIFFER:
                return redirect(url_for("papers.sheet", number=found.number), 303)
            return _differences_page(found, {}, {})
    with site().database.begin() as session:
        found = papers.find(session, site().keys, number, lock=True)
        if found.state != sheets.DIFFER:
            return redirect(url_for("papers.sheet", number=found.number), 303)
        given = _given(request.form)
        read = typed.read(found.instrument, {name: text for name, text in given.items() if text.strip() != LEFT_OPEN})
        errors = {name: _(WRONG[fault]) for name, fault in read.faults.items()}
        if request.form.get("step") == SAVE:
            undecided = (one.name for one in papers.differences(found) if not given.get(one.name, "").strip())
            errors |= dict.fromkeys(undecided, _("Type what the sheet says; a full stop where it leaves this open."))
        if errors or request.form.get("step") != SAVE:
            page = _differences_page(found, given, errors)
            return (page, 422) if errors else page
        state = papers.resolve(session, found, read.answers, actor=signed_in().email, now=now())
    return redirect(url_for("papers.index", state=state), 303)


def _differences_page(found: Sheet, given: Mapping[str, str], errors: Mapping[str, str]) -> str:
    differing = {one.name: one for one in papers.differences(found)}
    lines = [line for line in typed.lines_of(found.instrument) if line.name in differing]
    compared = [
        Compared(
            one,
            _in_words(one.line, differing[one.line.name].first),
            _in_words(one.line, differing[one.line.name].second),
        )
        for one in _with_focus([_shown(line, given, errors) for line in lines])
    ]
    return render_template(
        "paper/differences.html", sheet=found, compared=compared, spaced=spaced, unit=text_of_unit(found.unit),
        wrong=[one.shown for one in compared if one.shown.error],
    )  # fmt: skip


def _given(form: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}


def _entry_page(found: Sheet, read: Typed, given: Mapping[str, str]) -> str:
    errors = {name: _(WRONG[fault]) for name, fault in read.faults.items()}
    shown = _with_focus([_shown(line, given, errors) for line in typed.lines_of(found.instrument)])
    return render_template(
        "paper/entry.html", sheet=found, sections=_sections(found.instrument, shown), spaced=spaced,
        unit=text_of_unit(found.unit), wrong=[one for one in shown if one.error],
    )  # fmt: skip


def _sections(instrument: Instrument, shown: list[Shown]) -> list[tuple[Factor | None, list[Shown]]]:
    """The lines under the headings of the sheet."""
    factors = {factor.code: factor for factor in instrument.factors}
    found: dict[str, list[Shown]] = {}
    for one in shown:
        found.setdefault(one.line.item.factor, []).append(one)
    return [(factors.get(code), lines) for code, lines in found.items()]


def _with_focus(shown: list[Shown]) -> list[Shown]:
    """Enter brings the next line: the first one that is wrong, else the one after the last that was filled in."""
    filled = [place for place, one in enumerate(shown) if one.value]
    wrong = [place for place, one in enumerate(shown) if one.error]
    place = wrong[0] if wrong else min(filled[-1] + 1, len(shown) - 1) if filled else 0
    return [
        Shown(one.line, one.label, one.takes, one.value, one.error, has_focus=number == place)
        for number, one in enumerate(shown)
    ]


def _shown(line: Line, given: Mapping[str, str], errors: Mapping[str, str]) -> Shown:
    return Shown(line, _label(line), _takes(line), given.get(line.name, ""), errors.get(line.name, ""))


def _label(line: Line) -> str:
    item, lang = line.item, language()
    if line.part in TICKS:
        return (item.consent if line.part is Part.CONSENT else item.forward)(lang)
    if line.part is Part.WORDS:
        choice = next(one for one in item.choices if one.code == line.choice)
        return _("%(answer)s, please say:", answer=choice.text(lang))
    return item.text(lang)


def _takes(line: Line) -> str:
    """What may be typed, in the shortest words."""
    item, lang = line.item, language()
    if line.part in TICKS:
        return _("%(number)s if ticked", number=TICKED)
    if line.part is Part.WORDS or item.type in (ItemType.TEXT, ItemType.COMMENT):
        return _("as written; names, phone and file numbers left out")
    if item.type is ItemType.DATE:
        return _("day/month/year")
    if item.type is ItemType.NUMBER:
        return f"{item.least}–{item.most}"
    numbers = typed.box_numbers(item)
    if item.options and item.options.is_scale:  # a clerk who types hundreds needs no words for it
        told = [f"1–{len(numbers)}"]
    else:
        told = [f"{numbers[choice.code]} {choice.text(lang)}" for choice in item.choices]
    told += [f"{typed.not_applicable_sign(item)} {item.na(lang)}"] if item.na else []
    several = [_("several with a space between")] if item.type is ItemType.MULTIPLE else []
    return "; ".join([*told, *several])


def _in_words(line: Line, value: str) -> str:
    """An entry as it was typed, with its words: "4 Satisfied"."""
    text = typed.shown(line, value)
    if not value or not line.item.is_choosing or line.part is not Part.ANSWER:
        return text
    named = {choice.code: choice.text(language()) for choice in line.item.choices}
    named[NOT_APPLICABLE] = line.item.na(language())
    return f"{text} – {', '.join(named[code] for code in value.split(' '))}"
