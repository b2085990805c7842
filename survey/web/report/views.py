"""The pages of the reports: the whole wave's, and one unit's."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from survey.paper.document import Document
from survey.stages import waves as wave_list
from survey.web.report import compose
from survey.web.results import own_unit
from survey.web.site import site

blueprint = Blueprint("report", __name__, url_prefix="/results")


@blueprint.get("/<wave>/report")
def province(wave: str) -> str:
    """The whole wave: the province and every level."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        return page(compose.province(session, found, own_unit(session, found)))


@blueprint.get("/<wave>/<unit>/report")
def unit(wave: str, unit: str) -> str:
    """One unit."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        report = compose.unit(session, found, unit, own_unit(session, found))
    return page(report) if report else abort(404)


def page(report: Document) -> str:
    """A report as a page; the PDF is made of the same text."""
    return render_template("report/document.html", report=report)
