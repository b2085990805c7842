"""The help pages of staff: guides for coordinators, Home Affairs and administrators, in both languages.

Long prose stands in one template a language, Vietnamese for who reads a third one; titles and the pages' frame go
through gettext.
"""

from __future__ import annotations

import re

from flask import Blueprint, current_app, render_template
from jinja2 import Environment

from survey.web.site import data_language
from survey.web.site import gettext as _

blueprint = Blueprint("help", __name__, url_prefix="/help")
SECTION = re.compile(r'<h2 id="([a-z-]+)">([^<]+)</h2>')


@blueprint.get("")
def index() -> str:
    """What guides there are."""
    guides = (
        ("help.coordinators", _("Guide for survey coordinators"), _("From the dossier list to the close of a wave.")),
        ("help.home_affairs", _("Guide for Home Affairs"), _("What the figures mean, and how they become points.")),
        ("help.administrators", _("Guide for administrators"), _("Installing, backups, keys, the log, upgrades.")),
    )
    return render_template("help/index.html", guides=guides)


@blueprint.get("/coordinators")
def coordinators() -> str:
    """For the survey office: preparing, running and closing a wave."""
    return guide("coordinators", _("Guide for survey coordinators"))


@blueprint.get("/home-affairs")
def home_affairs() -> str:
    """For Home Affairs: reading scores, typing in figures, taking the files over."""
    return guide("home_affairs", _("Guide for Home Affairs"))


@blueprint.get("/administrators")
def administrators() -> str:
    """For whoever runs the server: installing, backups, keys, the audit log, retention."""
    return guide("administrators", _("Guide for administrators"))


def guide(name: str, title: str) -> str:
    page = f"help/{name}.{data_language()}.html"
    return render_template(page, title=title, sections=sections(current_app.jinja_env, page))


def sections(environment: Environment, page: str) -> tuple[tuple[str, str], ...]:
    """The headings of a guide for its table of contents: id and text."""
    if environment.loader is None:
        return ()
    source, _name, _is_fresh = environment.loader.get_source(environment, page)
    return tuple(SECTION.findall(source))
