"""The door of every request: who may pass, and what every answer says to the browser."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from itsdangerous import BadSignature, Signer
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as BaseResponse

from survey.stages import staff
from survey.web import packed
from survey.web.routes import may_open
from survey.web.site import YEAR, cookie, now, site

Headers = tuple[tuple[str, str], ...]

STAFF_COOKIE, DEVICE_COOKIE = "staff", "known"
COMPRESSED = frozenset(
    {"text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml", "application/json", "text/csv"}
)
SMALLEST_COMPRESSED = 500
TOO_LARGE, NOTHING, SEE_OTHER = 413, 204, 303
OPEN_BEFORE = frozenset({"security.factor", "security.begin", "security.confirm", "account.sign_out"})
PLAIN_HEADERS: Headers = (
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
OPENER = ("Cross-Origin-Opener-Policy", "same-origin")  # also where a page leads on: else a browser begins a new group
PARTS_OF_A_PAGE = frozenset({"text/css", "text/javascript", "application/json"})
HEADERS: Headers = (*PLAIN_HEADERS, OPENER)
PAGE_HEADERS: Headers = (  # what only a page heeds
    *HEADERS,
    ("X-Frame-Options", "DENY"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


class Guarded(Response):
    """What every answer says to the browser is put beside its own headers as it leaves, neither checked nor copied."""

    said: Headers = ()

    def get_wsgi_response(self, environ: Any) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        content, status, headers = super().get_wsgi_response(environ)
        return content, status, [*headers, *self.said]


def register(app: Flask) -> None:
    app.response_class = Guarded
    app.before_request(check)
    app.after_request(protect)
    app.after_request(compress)


def check() -> BaseResponse | None:
    """Let pass whom the route table names; show the others the sign-in page or a refusal."""
    if request.endpoint is None or may_open(request.endpoint, None):
        return None
    found = holder()
    if found is None:
        target = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None
        return redirect(url_for("account.sign_in", next=target), 303)
    g.staff = found
    if not may_open(request.endpoint, found.roles):
        abort(403)
    if lacks_second_factor(found) and request.endpoint not in OPEN_BEFORE:
        return redirect(url_for("security.factor"), 303)
    _touch(found)
    return None


def lacks_second_factor(found: staff.SignedIn) -> bool:
    """Whether the account must set up a second factor before it opens anything else."""
    needed = site().settings.asks_second_factor and found.roles & staff.NEEDS_SECOND_FACTOR
    return bool(needed) and not found.has_second_factor


def _touch(found: staff.SignedIn) -> None:
    token = staff_token()
    if token is not None and (found.seen_at is None or now() - found.seen_at > staff.SEEN_EVERY):
        with site().database.begin() as opened:
            staff.touch(opened, token, now())


def holder() -> staff.SignedIn | None:
    """Who holds the staff cookie of this request."""
    token = staff_token()
    if token is None:
        return None
    with site().database.read() as opened:
        return staff.signed_in(opened, token, now())


def staff_token() -> str | None:
    try:
        return _signer().unsign(cookie(STAFF_COOKIE) or "").decode()
    except BadSignature:
        return None


def remember_staff(response: BaseResponse, token: str) -> None:
    """Give the browser a session that ends with it at the latest."""
    value = _signer().sign(token).decode()
    response.set_cookie(STAFF_COOKIE, value, secure=site().is_https, httponly=True, samesite="Lax", path="/")


def forget_staff(response: BaseResponse) -> None:
    response.delete_cookie(STAFF_COOKIE, secure=site().is_https, httponly=True, samesite="Lax", path="/")


def device_token() -> str | None:
    """The mark of a browser that signed in before."""
    try:
        return _signer("device").unsign(cookie(DEVICE_COOKIE) or "").decode()
    except BadSignature:
        return None


def remember_device(response: BaseResponse, token: str) -> None:
    response.set_cookie(
        DEVICE_COOKIE, _signer("device").sign(token).decode(), max_age=int(staff.DEVICE_LIFE.total_seconds()),
        secure=site().is_https, httponly=True, samesite="Strict", path="/staff",
    )  # fmt: skip


def _signer(salt: str = STAFF_COOKIE) -> Signer:
    return Signer(current_app.secret_key or "", salt=salt)


def csp_nonce() -> str:
    """The one-time word that lets this page's own inline script run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def policy() -> str:
    """The Content-Security-Policy of this answer: only our own files, and no inline code without the nonce."""
    inline = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    return (
        f"default-src 'none'; script-src 'self'{inline}; style-src 'self'{inline}; img-src 'self' data:; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def protect(response: Guarded) -> Guarded:
    """Add the security headers; keep every page out of caches, static files and voices in them."""
    endpoint, status = request.endpoint, response.status_code
    if endpoint != "static" and session.modified:
        session.permanent = True  # it holds the form's token alone: a reopened browser may still send the page
    if status == NOTHING or response.mimetype in PARTS_OF_A_PAGE:
        said = PLAIN_HEADERS
    elif status == SEE_OTHER:
        said = HEADERS
    else:
        said = (*PAGE_HEADERS, ("Content-Security-Policy", policy()))
    if site().is_https:
        said = (*said, ("Strict-Transport-Security", f"max-age={YEAR}"))
    if status == TOO_LARGE:
        response.headers["Connection"] = "close"  # nobody reads the rest of a body that was refused
    if is_named_by_content(endpoint, status):
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    elif (endpoint != "static" or status >= 400) and not _has(response, "Cache-Control"):
        said = (*said, ("Cache-Control", "no-store"))
    response.said = said
    return response


def _has(response: Response, header: str) -> bool:
    """As `in`, which makes and drops an exception for a header that is not there."""
    return any(name == header for name, _value in response.headers)


def is_named_by_content(endpoint: str | None, status: int) -> bool:
    """Whether this address can never stand for anything else: a voice, a static file with its digest."""
    if endpoint == "listen.voice":
        return status < 400
    return endpoint == "static" and bool(request.args.get("v")) and status == 200


def takes_gzip() -> bool:
    """Whether the browser takes a packed answer."""
    return _names_gzip(request.headers.get("Accept-Encoding"))


@lru_cache(maxsize=256)
def _names_gzip(accepted: str | None) -> bool:
    return parse_accept_header(accepted).quality("gzip") > 0


_shrunk = lru_cache(maxsize=64)(packed.shrink)  # our own files, which are few and stay the same


def compress(response: Response) -> Response:
    """Shrink text for those who take gzip."""
    is_packed = _has(response, "Content-Encoding")
    if not is_packed and (response.status_code != 200 or response.is_streamed or response.mimetype not in COMPRESSED):
        return response
    if _has(response, "Vary"):
        response.vary.add("Accept-Encoding")
    else:
        response.headers.add("Vary", "Accept-Encoding")
    if is_packed or not takes_gzip():
        return response
    data = response.get_data()
    if len(data) >= SMALLEST_COMPRESSED:
        shrink = _shrunk if request.endpoint == "static" else packed.shrink
        response.set_data(shrink(data))
        response.headers["Content-Encoding"] = "gzip"
        if "ETag" in response.headers:
            response.set_etag(response.get_etag()[0] or "", weak=True)  # the same content, in other bytes
    return response
