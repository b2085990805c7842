"""Questionnaires as those who answer will see them: every question in both languages, at the width of a phone."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request, url_for

from survey.errors.common import UnknownInstrument
from survey.instrument import Instrument, Item, Page, builtin_instrument, builtin_instruments
from survey.pipes import PIPE
from survey.stages import waves
from survey.web.forms import Field
from survey.web.site import gettext as _
from survey.web.site import language, site

blueprint = Blueprint("preview", __name__, url_prefix="/staff/questionnaires")
WIDTHS = ("320", "360", "768")


@dataclass(frozen=True)
class Shown:
    """A question in one language; its control has a name of its own on the page."""

    field: Field
    text: str
    condition: str


@blueprint.get("/")
def instruments() -> str:
    """The questionnaires that are installed, and those of the waves."""
    forms = [builtin_instrument(code) for code in builtin_instruments()]
    with site().database.read() as session:
        asked = [(wave, waves.instrument_of(wave)) for wave in waves.all_waves(session)]
    return render_template("preview/list.html", instruments=forms, asked=asked)


@blueprint.get("/<code>")
def instrument(code: str) -> str:
    """One questionnaire page by page, its languages side by side."""
    try:
        return shown(builtin_instrument(code))
    except UnknownInstrument:
        abort(404)


@blueprint.get("/waves/<wave>")
def of_wave(wave: str) -> str:
    """The questionnaire of a wave, as it was frozen into it: a shipped one or the province's own."""
    with site().database.read() as session:
        return shown(waves.instrument_of(waves.find(session, wave)), wave)


def shown(form: Instrument, wave: str = "") -> str:
    width = request.args.get("width", "")
    return render_template(
        "preview/instrument.html",
        form=form,
        wave=wave,
        here=url_for("preview.of_wave", wave=wave) if wave else url_for("preview.instrument", code=form.code),
        pages=[(page, [(lang, _shown(form, page, lang)) for lang in form.languages]) for page in form.pages()],
        widths=WIDTHS,
        width=width if width in WIDTHS else "",
    )


def _shown(form: Instrument, page: Page, lang: str) -> list[Shown]:
    return [
        Shown(Field(f"{lang}.{item.code}", item), PIPE.sub("[…]", item.text(lang)), _condition(form, item))
        for item in page.items
    ]


def _condition(form: Instrument, item: Item) -> str:
    """Who is asked, where not everybody is."""
    if item.route is None:
        return ""
    before = form.item(item.route.item)
    taken = [choice.text(language()) for choice in before.choices if choice.code in item.route.choices]
    return _("Asked after “%(question)s” only for: %(answers)s", question=before.code, answers="; ".join(taken))
