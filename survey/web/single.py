"""The province's single sign-on: out to its issuer, and back with a code."""

from __future__ import annotations

import os
from dataclasses import asdict

from flask import Blueprint, abort, current_app, make_response, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from survey.errors.staff import SignOnRefused
from survey.sso import Issuer, Person, Started
from survey.stages import sign_on, staff
from survey.stages.staff import Opened
from survey.web import account, journal, who
from survey.web.chrome import own_path
from survey.web.site import now, site

blueprint = Blueprint("single", __name__, url_prefix="/staff/sso")
COOKIE, LIFE = "sso", 600


@blueprint.get("")
def go() -> Response:
    """Send the browser to the issuer; what it must bring back stays here in a signed cookie."""
    address, started = issuer().start(back_address())
    response = current_app.make_response(redirect(address, 303))
    value = _serializer().dumps({**asdict(started), "next": own_path(request.args.get("next"))})
    response.set_cookie(
        COOKIE, value, max_age=LIFE, secure=site().is_https, httponly=True, samesite="Lax", path="/staff/sso"
    )
    return response


@blueprint.get("/back")
def back() -> Response:
    """Take in whom the issuer vouches for; everything that does not fit ends in one refusal."""
    issuer()  # no such page where nobody signs on
    try:
        kept = _serializer().loads(request.cookies.get(COOKIE, ""), max_age=LIFE)
        target = kept.pop("next")
        response = account.let_in(_open(Started(**kept)), target)
    except BadSignature:
        response = refused("cookie")
    except SignOnRefused as error:
        response = refused(error.what)
    response.delete_cookie(COOKIE, path="/staff/sso", secure=site().is_https, httponly=True, samesite="Lax")
    return response


def _open(started: Started) -> Opened:
    if request.args.get("state", "") != started.state:
        raise SignOnRefused("state")
    if request.args.get("iss", issuer().url) != issuer().url:  # RFC 9207: the answer of another issuer
        raise SignOnRefused("issuer")
    if "code" not in request.args:
        raise SignOnRefused("code")
    person = issuer().finish(request.args["code"], started, back_address(), now())
    return _session_for(person, asks_ours=issuer().ours)


def _session_for(person: Person, *, asks_ours: bool) -> Opened:
    words = who.browser_words(request.user_agent.string)
    with site().database.begin() as session:
        found = sign_on.account_of(session, site().keys.installation, person, now=now())
        half = asks_ours and staff.has_second_factor(session, found.id)
        return staff.open_session(session, found, now=now(), browser=words, half=half)


def refused(what: str) -> Response:
    """One page for every reason; the log has which check it was."""
    journal.LOG.info(journal.line("sso", refused=what))
    return make_response(render_template("account/sso_refused.html"), 403)


def issuer() -> Issuer:
    found = who.sign_on(site().settings, os.environ)
    return found if found is not None else abort(404)


def back_address() -> str:
    return site().settings.base_url + url_for("single.back")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="sso")
