"""The door of the API: whose key it is, what it may do, and how often."""

from __future__ import annotations

from functools import cache
from typing import cast

from flask import Flask, Response, abort, g, request
from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from survey.i18n import DEFAULT
from survey.stages import api_keys
from survey.stages.api_keys import Holder, Scope
from survey.web.api.problems import NO_KEY, NO_SCOPE, TOO_MANY, is_api, problem
from survey.web.site import all_languages, gettext, known_language, now, site, use_language

SCHEME = "Bearer "
RATE: RateLimitItem = parse("240/minute")


def register(app: Flask) -> None:
    app.before_request(speak)
    app.after_request(name_language)


def speak() -> None:
    """A program's language is the one that it asks for."""
    if is_api():
        wanted = request.accept_languages.best_match(list(all_languages()))
        use_language(known_language(wanted) or DEFAULT)


def name_language(response: Response) -> Response:
    if is_api():
        response.vary.update(["Accept-Language", "Authorization"])
    return response


def admit() -> None:
    """Let in who holds a key, so often a minute; nobody learns without one which waves there are."""
    found = _holder()
    if found is None:
        refused = problem(401, gettext(NO_KEY))
        refused.headers["WWW-Authenticate"] = 'Bearer realm="api"'
        abort(refused)
    _slow_down(found)
    g.api_holder = found


def require(scope: Scope) -> None:
    """Refuse a key without the scope."""
    if scope not in holder().scopes:
        abort(problem(403, gettext(NO_SCOPE, scope=scope.value)))


def holder() -> Holder:
    """Who is asking; only behind `admit`."""
    found: Holder = g.api_holder
    return found


def _holder() -> Holder | None:
    text = request.headers.get("Authorization", "")
    if not text.startswith(SCHEME):
        return None
    with site().database.read() as session:
        return api_keys.holder(session, text.removeprefix(SCHEME).strip(), now())


def _slow_down(found: Holder) -> None:
    limiter = _limiter(site().settings.redis)
    if limiter.hit(RATE, found.id):
        return
    refused = problem(429, gettext(TOO_MANY))
    refused.headers["Retry-After"] = str(RATE.get_expiry())
    abort(refused)


@cache
def _limiter(redis: str | None) -> MovingWindowRateLimiter:
    """Counted in Redis where the site has one, else by each process."""
    return MovingWindowRateLimiter(cast(Storage, storage_from_string(redis or "memory://")))
