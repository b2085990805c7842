"""Refusals of the API: problem+json (RFC 9457) in the caller's language."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, request
from pydantic import BaseModel, Field, ValidationError

from survey.cells import RowsRefused
from survey.errors.common import SurveyError
from survey.i18n import mark as _n
from survey.sentences.refusals import sentences
from survey.sentences.values import unfit
from survey.web.site import gettext, translations

TYPE = "application/problem+json"
PREFIX = "/api/v1"
NOT_FITTING = _n("A value of the request does not fit; see errors.")
NO_KEY = _n("This needs a key: send it as Authorization: Bearer KEY. It may have ended or been withdrawn.")
NO_SCOPE = _n("This key may not do that; it needs the scope %(scope)s.")
TOO_MANY = _n("Too many requests with this key; wait as long as Retry-After says.")


class Fault(BaseModel):
    """One thing that is wrong: where it stands, and a sentence."""

    where: str
    told: str


class Problem(BaseModel):
    """A refusal (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = Field(default_factory=list)


def is_api() -> bool:
    """Whether this request is one of a program."""
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def problem(status: int, detail: str, errors: list[Fault] | None = None) -> Response:
    """The answer of a refusal; `detail` is already in the caller's language."""
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return Response(told.model_dump_json(), status=status, content_type=TYPE)


def of_values(error: ValidationError) -> Response:
    """A request whose values do not fit the description."""
    reader = translations()
    faults = [
        Fault(where=_where(one), told=unfit(one["type"], one.get("ctx", {}), reader))
        for one in json.loads(error.json(include_input=False))
    ]
    return problem(422, gettext(NOT_FITTING), faults)


def _where(one: dict[str, Any]) -> str:
    return ".".join(str(part) for part in one["loc"]) or "body"


def of_error(status: int, error: SurveyError) -> Response:
    """A refusal of the stages, in sentences; a refused file names every row."""
    told = sentences(error, translations())
    if isinstance(error, RowsRefused):
        places = [f"{fault.row}:{fault.column}" for fault in error.faults]
        faults = [Fault(where=place, told=one) for place, one in zip(places, told[-len(places) :], strict=False)]
        return problem(status, told[0], faults)
    return problem(status, " ".join(told))
