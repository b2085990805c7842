"""The form's token and the signed cookie that it goes with: checked at every request, signed and unsigned once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from hmac import compare_digest
from typing import Any

from flask import Flask, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.wrappers import Request, Response
from flask_wtf.csrf import generate_csrf, validate_csrf
from itsdangerous import URLSafeTimedSerializer
from wtforms.validators import ValidationError

from survey.memory import keep
from survey.web.forms import CSRF
from survey.web.site import one_of

_tokens: dict[str, str] = {}


class Sessions(SecureCookieSessionInterface):
    """Flask's own signed cookie; the signer is made once for an application, not twice at every request."""

    signer: URLSafeTimedSerializer | None = None

    def __init__(self) -> None:
        self.opened: dict[tuple[str, date], dict[str, Any]] = {}

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self.signer is None:
            self.signer = super().get_signing_serializer(app)
        return self.signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a cookie; its signature and age are checked once a day, not at every request."""
        key = (one_of(request.cookies, self.get_cookie_name(app)) or "", datetime.now(UTC).date())
        if key in self.opened:
            return self.session_class(self.opened[key])
        found = super().open_session(app, request)
        return found if not found else self.session_class(keep(self.opened, key, dict(found)))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie where it changed; no cache keeps a page, so none need be told that pages differ by it."""
        if session.modified:
            super().save_session(app, session, response)


def form_token() -> str:
    """The token of this browser's forms; signed once for a browser."""
    known = _tokens.get(session.get(CSRF, ""))
    if known is None:
        known = generate_csrf()  # it makes the session's part too
        keep(_tokens, session[CSRF], known)
    return known


def is_form_token(given: str | None) -> bool:
    """Whether a form was sent with this browser's token."""
    if given and compare_digest(given.encode(), _tokens.get(session.get(CSRF, ""), "").encode()):
        return True
    try:
        validate_csrf(given)
    except ValidationError:
        return False
    return True
