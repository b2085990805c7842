"""Whether the process is up, and whether it can take answers."""

from __future__ import annotations

from flask import Blueprint, Response

from survey import revision
from survey.errors.common import DatabaseNotReady, DatabaseUnavailable
from survey.web.site import site

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def ready() -> Response:
    """The database answers and has the tables of this version."""
    try:
        revision.require_newest(site().database)
    except (DatabaseUnavailable, DatabaseNotReady) as error:
        return Response(f"{type(error).__name__}\n", status=503, mimetype="text/plain", headers={"Retry-After": "5"})
    return Response("ready\n", mimetype="text/plain")
