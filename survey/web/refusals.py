"""Every refusal as a page in the reader's language: what happened, what to do, and nothing of the inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, SecurityError

from survey.cells import RowsRefused
from survey.errors.common import (
    DatabaseUnavailable,
    FileRefused,
    NotScored,
    ReferenceMissing,
    SheetUnknown,
    StoredMeanwhile,
    SurveyError,
    UnitUnknown,
    UnknownScheme,
    ValueForbidden,
    WaveUnknown,
    WrongState,
)
from survey.errors.field import CaseUnknown, TopUpUnknown
from survey.errors.index import IndexNotScored, IndexNotSealed, IndexUnknown, SchemeChanged, SchemeNotOfYear
from survey.errors.seals import ComplaintUnknown, GroupUnknown, RunUnknown, SealUnknown, TaskRuns
from survey.errors.staff import AccountUnknown, LinkOver, OwnAccount, SignOnRefused
from survey.i18n import mark as _n
from survey.web.api.problems import is_api, of_error, problem
from survey.web.forms import CSRF
from survey.web.site import gettext

RETRY_SECONDS = 5


@dataclass(frozen=True)
class Refusal:
    """What a reader is told: a heading and one sentence on what to do."""

    heading: str
    advice: str


BAD = Refusal(_n("This could not be understood"), _n("Go back to the page before and try again."))
STALE = Refusal(
    _n("This page has grown too old"),
    _n("Nothing was stored. Go back, load the page again and send it once more. Your browser must accept cookies."),
)
FAILED = Refusal(_n("Something went wrong here"), _n("It is our fault, not yours. Please try again in a few minutes."))
REFUSALS = {
    400: BAD,
    403: Refusal(_n("This page is not for your account"), _n("Ask your administrator if you need it for your work.")),
    404: Refusal(_n("There is no such page"), _n("Check the address, or scan the code of the invitation once more.")),
    405: Refusal(_n("This page cannot be opened this way"), _n("Go back to the page before and try again.")),
    409: Refusal(_n("This was sent before with other content"), _n("What was sent first counts; nothing was changed.")),
    410: Refusal(_n("This page is closed"), _n("It is no longer in use.")),
    413: Refusal(_n("What was sent is too large"), _n("Nothing was stored. Go back and send less text.")),
    422: Refusal(_n("Some of it cannot be accepted"), _n("Nothing was stored. Go back and check what was entered.")),
    429: Refusal(_n("Too many tries"), _n("Please wait a few minutes and try again.")),
    500: FAILED,
    503: Refusal(
        _n("The site is busy"),
        _n("Nothing was lost. Please wait a few seconds and open the page again."),
    ),
}
SEND_AGAIN = Refusal(
    _n("The site is busy"),
    _n("Your answers stand on this page. Please wait a few seconds, then press “Send again”."),
)
LINK_OVER = Refusal(
    _n("This link cannot be used any more"),
    _n("It was used, replaced by a newer one, or too old. Ask for a new one on the sign-in page."),
)
TRY_AGAIN = Refusal(
    _n("The site is busy"),
    _n("Nothing was lost. Please wait a few seconds, then press “Try again”."),
)
STATUS: dict[type[SurveyError], int] = {
    AccountUnknown: 404,
    OwnAccount: 403,
    WaveUnknown: 404,
    UnitUnknown: 404,
    NotScored: 404,
    IndexUnknown: 404,
    IndexNotScored: 404,
    IndexNotSealed: 404,
    SheetUnknown: 404,
    CaseUnknown: 404,
    TopUpUnknown: 404,
    SealUnknown: 404,
    RunUnknown: 404,
    GroupUnknown: 404,
    ComplaintUnknown: 404,
    TaskRuns: 409,
    UnknownScheme: 404,
    FileRefused: 422,
    RowsRefused: 422,
    SchemeNotOfYear: 422,
    SchemeChanged: 409,
    WrongState: 409,
    StoredMeanwhile: 503,  # a second try looks again and is told what there is
    ValueForbidden: 422,
    SignOnRefused: 503,  # the issuer cannot be reached
    ReferenceMissing: 422,
}
FOR_PROGRAMS = {
    404: Refusal(_n("There is no such address"), _n("/api/v1/openapi.json lists those that there are.")),
    405: Refusal(_n("This address takes no such request"), _n("/api/v1/openapi.json says what each address takes.")),
}


def page(status: int, refusal: Refusal | None = None) -> Response:
    """The page of a refusal."""
    told = refusal or REFUSALS.get(status) or (FAILED if status >= 500 else BAD)
    if is_api():
        told = FOR_PROGRAMS.get(status, told)
        return _for_programs(status, problem(status, f"{gettext(told.heading)}. {gettext(told.advice)}"))
    again = posted() if status == 503 else None
    if again is not None:
        told = SEND_AGAIN if again else TRY_AGAIN  # who only pressed Start has no answers yet
    text = render_template("errors/error.html", refusal=told, status=status, again=again)
    response = make_response(text, status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _for_programs(status: int, response: Response) -> Response:
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def posted() -> list[tuple[str, str]] | None:
    """What a respondent just posted, for a form that sends it once more; pages of staff repeat no password."""
    if request.method != "POST" or request.blueprint != "respond":
        return None
    try:
        return [(name, value) for name, value in request.form.items(multi=True) if name != CSRF]
    except RequestEntityTooLarge:
        return None


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, lambda _error: page(400, STALE))
    app.register_error_handler(DatabaseUnavailable, lambda _error: page(503))
    app.register_error_handler(PoolTimeout, lambda _error: page(503))
    app.register_error_handler(LinkOver, lambda _error: page(410, LINK_OVER))
    for leaf, status in STATUS.items():
        app.register_error_handler(leaf, _leaf(status))


def _leaf(status: int) -> Callable[[SurveyError], Response]:
    return lambda error: of_error(status, error) if is_api() else page(status)


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, SecurityError):  # a foreign host name: no page of ours is made for it
        return Response("Bad Request\n", status=400, mimetype="text/plain")
    status = error.code or 500
    if status < 400 or error.response is not None:  # one that was made for this very refusal
        return error
    response = page(status)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response
