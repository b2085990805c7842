"""`hailong db`: the tables."""

from __future__ import annotations

import click

from survey import revision, schema
from survey.cli.context import open_site, put, refuses, say
from survey.errors.common import DatabaseNotReady

DATABASE = click.option("--database", metavar="URL", help="Another database than HAILONG_DATABASE names.")


@click.group()
def db() -> None:
    """Make, change and check the tables."""


@db.command()
@DATABASE
@refuses
def upgrade(database: str | None) -> None:
    """Bring the tables to this version; all of it or nothing."""
    site = open_site(database, ready=False, make=True)
    before = revision.current(site.database)
    schema.upgrade(site.database)
    say(f"{before or '-'} -> {revision.current(site.database)}")


@db.command()
@click.argument("to", metavar="REVISION")
@DATABASE
@refuses
def downgrade(to: str, database: str | None) -> None:
    """Bring the tables back to REVISION ("base" for none). Data of newer tables is lost."""
    site = open_site(database, ready=False)
    before = revision.current(site.database)
    schema.downgrade(site.database, to)
    say(f"{before or '-'} -> {revision.current(site.database) or '-'}")


@db.command()
@DATABASE
@click.option("--json", "as_json", is_flag=True)
@refuses
def check(database: str | None, as_json: bool) -> None:
    """Say whether the tables are those of this version."""
    site = open_site(database, ready=False)
    found, wanted = revision.current(site.database), revision.newest()
    differences = schema.differences(site.database) if found == wanted else []
    data = {"found": found, "wanted": wanted, "differences": differences}
    put(data, as_json=as_json, lines=[f"{found or '-'} (wanted {wanted})", *differences])
    if found != wanted or differences:
        raise DatabaseNotReady(found=found, wanted=wanted)
