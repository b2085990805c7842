"""Whether the process is up, and whether it can take answers."""

from __future__ import annotations

from functools import cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response

from survey import resources
from survey.errors import DatabaseNotReady, DatabaseUnavailable
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
        check_database()
    except (DatabaseUnavailable, DatabaseNotReady) as error:
        return Response(f"{type(error).__name__}\n", status=503, mimetype="text/plain", headers={"Retry-After": "5"})
    return Response("ready\n", mimetype="text/plain")


def check_database() -> None:
    with site().database.read() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision() or ""
    if found != newest_revision():
        raise DatabaseNotReady(found=found, wanted=newest_revision())


@cache
def newest_revision() -> str:
    return ScriptDirectory(str(resources.tree(resources.Tree.MIGRATIONS))).get_current_head() or ""
