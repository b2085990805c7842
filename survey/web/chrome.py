"""The few pages that belong to nobody in particular: the front page and the choice of language."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from survey.web.look import known_wish, remember_look, use_look
from survey.web.site import known_language, remember_language

blueprint = Blueprint("chrome", __name__)


@blueprint.get("/")
def home() -> str:
    """The front page: says how to answer, opens nothing."""
    return render_template("home.html")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Search engines may know what is published, and nothing else."""
    return Response("User-agent: *\nAllow: /published\nDisallow: /\n", mimetype="text/plain")


@blueprint.post("/lang")
def choose_language() -> BaseResponse:
    """Remember the reader's language or look and show the same page again."""
    chosen, wish = known_language(request.form.get("lang")), known_wish(request.form.get("look"))
    if chosen is None and wish is None:
        abort(400)
    response = current_app.make_response(redirect(own_path(request.form.get("next")) or url_for("chrome.home"), 303))
    if chosen is not None:
        remember_language(response, chosen)
    if wish is not None:
        use_look(wish)
        remember_look(response)
    return response


def own_path(target: str | None) -> str | None:
    """The path if it is one of this site's pages, else None: nobody is sent elsewhere."""
    path = (target or "").partition("?")[0]
    if not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return None
    try:
        current_app.url_map.bind("localhost").match(path, method="GET")
    except HTTPException:
        return None
    return target
