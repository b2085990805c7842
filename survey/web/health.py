"""Whether the process is up, and whether it can take answers."""

from __future__ import annotations

from functools import cache

from flask import Blueprint, Response
from sqlalchemy import column, inspect, select, table

from survey import resources
from survey.errors import DatabaseNotReady, DatabaseUnavailable
from survey.web.site import site

blueprint = Blueprint("health", __name__)
REVISIONS = table("alembic_version", column("version_num"))


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
        is_made = inspect(session.connection()).has_table(REVISIONS.name)
        found = (session.scalar(select(REVISIONS.c.version_num)) or "") if is_made else ""
    if found != newest_revision():
        raise DatabaseNotReady(found=found, wanted=newest_revision())


@cache
def newest_revision() -> str:
    """The head by the numbers of the files: a web process does without the migration tool's 10 MiB."""
    files = resources.tree(resources.Tree.MIGRATIONS).joinpath("versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in files)
