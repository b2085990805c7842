""" "Write to me no more": for whoever holds a personal link, used or not; the page is the same for every code."""

from __future__ import annotations

from flask import Blueprint, render_template

from survey.stages import optouts
from survey.web.site import site

blueprint = Blueprint("stop", __name__)


@blueprint.get("/k/<code>/stop")
def ask(code: str) -> str:
    """Ask first: scanners of messages open every link."""
    return render_template("respond/stop.html", is_done=False)


@blueprint.post("/k/<code>/stop")
def stop(code: str) -> str:
    """Write no more to the phone and the e-mail behind this link, in this survey and in later ones."""
    with site().database.begin() as session:
        optouts.stop_by_link(session, site().keys, code)
    return render_template("respond/stop.html", is_done=True)
