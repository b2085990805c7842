"""`hailong api-keys`: keys of other offices' programs."""

from __future__ import annotations

from datetime import timedelta

import click

from survey.cli.context import actor, open_site, put, refuses
from survey.cli.database import DATABASE
from survey.stages import api_keys as keys
from survey.stages.api_keys import Scope

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("api-keys")
def api_keys() -> None:
    """Keys of other offices' programs for the API."""


@api_keys.command()
@click.option("--name", required=True, help="Which program, of which office.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([one.value for one in Scope]))
@click.option("--unit", help="The unit of the office, when it is itself rated: it learns its figures at the seal.")
@click.option("--days", type=click.IntRange(1, 1100), default=365, show_default=True, help="How long it holds.")
@JSON
@DATABASE
@refuses
def create(
    name: str, scopes: tuple[str, ...], unit: str | None, days: int, as_json: bool, database: str | None
) -> None:
    """Issue a key and print it, once: only a hash of it is kept."""
    site = open_site(database)
    ends = site.now() + timedelta(days=days)
    with site.database.begin() as session:
        held = [Scope(one) for one in scopes]
        text = keys.issue(
            session, name=name, scopes=held, unit=unit, expires_at=ends, actor=actor(), now=site.now()
        )  # fmt: skip
    put({"key": text, "expires": ends.isoformat()}, as_json=as_json, lines=[text])


@api_keys.command("list")
@JSON
@DATABASE
@refuses
def show(as_json: bool, database: str | None) -> None:
    """Every key: whose, what it may do, until when."""
    site = open_site(database)
    with site.database.read() as session:
        found = [
            {
                "id": one.id.hex(),
                "name": one.name,
                "scopes": " ".join(one.scopes),
                "unit": one.unit_code,
                "expires": one.expires_at.isoformat(),
                "revoked": one.revoked_at and one.revoked_at.isoformat(),
            }
            for one in keys.every(session)
        ]
    lines = ["  ".join(str(value) for value in one.values() if value) for one in found]
    put(found, as_json=as_json, lines=lines)


@api_keys.command()
@click.argument("key", metavar="ID")
@DATABASE
@refuses
def revoke(key: str, database: str | None) -> None:
    """End the key ID at once."""
    site = open_site(database)
    with site.database.begin() as session:
        keys.revoke(session, key, actor=actor(), now=site.now())
    click.echo(key)
