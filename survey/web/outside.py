"""Figures that others measured (PAPI, Decision 766), typed in one by one or sent as a file, each with its source."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.cells import Flaw, RowsRefused
from survey.errors.common import FileRefused, SurveyError
from survey.errors.files import Refusal
from survey.i18n import mark as _n
from survey.sentences.refusals import FLAWS, sentences
from survey.stages import outside as stored
from survey.stages import units
from survey.stages.outside import OutsideReport
from survey.web import wording
from survey.web.site import gettext, now, signed_in, site, translations

blueprint = Blueprint("outside", __name__, url_prefix="/outside")
LABELS = {
    "unit": _n("Unit"),
    "source": _n("Source"),
    "year": _n("Year"),
    "name_vi": _n("Name of the figure in Vietnamese"),
    "name_en": _n("Name of the figure in English"),
    "code": _n("Code"),
    "value": _n("Value"),
    "max": _n("Maximum, when there is one"),
    "document": _n("Document: number, date, or report and page"),
}
OF_A_FIELD = {
    Flaw.MISSING: _n("Please fill this in."),
    Flaw.TOO_LONG: _n("This is too long."),
    Flaw.UNKNOWN_UNIT: _n("Please choose one."),
    Flaw.NOT_ONE_OF: _n("Please choose one."),
    Flaw.TOO_MANY_POINTS: _n("More than the maximum, {}."),
}


@blueprint.get("")
def page() -> str:
    """What is there, a form for one figure, a form for a file."""
    with site().database.read() as session:
        return shown(session)


@blueprint.post("")
def enter() -> str | Response | tuple[str, int]:
    """Store one figure; one that is there already is replaced, the value before stays in the log."""
    try:
        with site().database.begin() as session:
            stored.enter(session, request.form, actor=signed_in().email, now=now())
    except RowsRefused as refused:
        wrong = {fault.column: field_sentence(fault.reason, fault.detail) for fault in refused.faults}
        with site().database.read() as session:
            return shown(session, typed=written(), wrong=wrong), 422
    return redirect(url_for("outside.page", saved=1), 303)


@blueprint.post("/file")
def send() -> str | Response | tuple[str, int]:
    """Take a file whole, or tell what it holds."""
    file, is_trial = request.files.get("file"), "trial" in request.form
    try:
        if file is None or not file.filename:
            raise FileRefused(Refusal.EMPTY)
        with tempfile.TemporaryDirectory(prefix="hailong-") as folder:
            place = Path(folder) / "file"
            file.save(place)
            with site().database.begin() as session:
                report = stored.import_figures(session, place, actor=signed_in().email, now=now(), dry_run=is_trial)
    except SurveyError as refusal:
        with site().database.read() as session:
            return shown(session, refusal=refusal), 422
    if not is_trial:
        return redirect(url_for("outside.page", saved=1), 303)
    with site().database.read() as session:
        return shown(session, report=report)


def written() -> dict[str, str]:
    """What was typed in, as it may stand on a page again."""
    return {name: "".join(sign for sign in text if sign.isprintable()) for name, text in request.form.items()}


def field_sentence(flaw: Flaw, detail: str) -> str:
    """What is wrong with a field of the form."""
    return gettext(OF_A_FIELD.get(flaw, FLAWS[flaw])).format(detail)


def shown(
    session: Session,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    refusal: SurveyError | None = None,
    report: OutsideReport | None = None,
) -> str:
    every = units.all_units(session)
    return render_template(
        "results/outside.html",
        figures=stored.every(session),
        units={unit.code: wording.text_of_unit(unit) for unit in every if unit.rated or unit.type == "province"},
        names={unit.code: wording.text_of_unit(unit) for unit in every},
        typed=typed or {},
        wrong=dict.fromkeys(LABELS, "") | dict(wrong or {}),
        labels={name: gettext(text) for name, text in LABELS.items()},
        sources={source: gettext(text) for source, text in wording.OUTSIDE.items()},
        columns=stored.HEADER,
        refusal=None if refusal is None else sentences(refusal, translations()),
        report=report,
        is_saved="saved" in request.args and request.method == "GET",
        words=wording,
    )
