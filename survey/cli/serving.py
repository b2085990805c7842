"""`hailong serve`, `work` and `staff`: a running site."""

from __future__ import annotations

import click

from survey.cli.context import actor, open_site, refuses, say
from survey.cli.database import DATABASE
from survey.jobs import calendar, daily, deliver, mix
from survey.queue import open_queue
from survey.stages import accounts, factors
from survey.stages import staff as people
from survey.stages.accounts import Purpose


@click.command()
@DATABASE
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=2, show_default=True)
@refuses
def serve(database: str | None, host: str, port: int, workers: int) -> None:
    """Serve the site."""
    from survey.cli.server import run_server  # needs all pages; the other commands do not

    site = open_site(database)
    site.database.close()
    say(f"{host}:{port}")
    run_server(site.settings, host=host, port=port, workers=workers)


@click.command()
@DATABASE
@click.option("--once", is_flag=True, help="Do what is due this minute, then stop.")
@refuses
def work(database: str | None, once: bool) -> None:
    """Work off the pages: compute scores that were asked for; every minute keep the waves' calendar, send
    messages, let answers out.
    """
    from survey.jobs import worker  # needs the statistics; the other commands do not

    site = open_site(database)
    if once:
        say(f"calendar {dict(calendar.run(site.database, site.keys, now=site.now()))}")
        daily.run(site.database, now=site.now())
        say(f"mixed {mix.run(site.database, site.keys, now=site.now())}")
        say(f"sent {deliver.due(site.database, site.keys, site.settings, clock=site.now)['sent']}")
        return
    waiting = open_queue(site.settings)
    worker.prepare(waiting, site.database, site.keys, site.settings, clock=site.now)
    worker.run(waiting)


@click.group()
def staff() -> None:
    """Accounts of those who run the survey."""


@staff.command()
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--agency", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in people.Role]))
@click.option("--unit", help="The unit of the agency, when it is itself rated.")
@click.password_option(help="Asked for when left out.")
@DATABASE
@refuses
def create(
    email: str, name: str, agency: str, roles: tuple[str, ...], unit: str | None, password: str, database: str | None
) -> None:
    """Create an account."""
    if len(password) < people.SHORTEST_PASSWORD:
        raise click.UsageError(f"a password has at least {people.SHORTEST_PASSWORD} characters")
    site = open_site(database)
    with site.database.begin() as session:
        accounts.create(
            session, email=email, name=name, agency=agency, roles=roles, password=password, now=site.now(), unit=unit,
            actor=actor(),
        )  # fmt: skip


@staff.command()
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--agency", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in people.Role]))
@click.option("--unit", help="The unit that the account speaks for: a rated unit, the lead agency.")
@DATABASE
@refuses
def invite(email: str, name: str, agency: str, roles: tuple[str, ...], unit: str | None, database: str | None) -> None:
    """Make an account without a password, and print the link that sets one (once, within seven days)."""
    site = open_site(database)
    with site.database.begin() as session:
        _account, token = accounts.invite(
            session, email=email, name=name, agency=agency, roles=roles, unit=unit, actor=actor(), now=site.now()
        )
    click.echo(f"{site.settings.base_url}/staff/link/{token}")


@staff.command()
@click.argument("email")
@click.option("--none", is_flag=True, help="Forget the one that was set.")
@DATABASE
@refuses
def phone(email: str, none: bool, database: str | None) -> None:
    """Ask for an interviewer's telephone, of which a keyed hash is kept: dossiers under it come on no list."""
    site = open_site(database)
    number = None if none else click.prompt("Telephone")
    with site.database.begin() as session:
        accounts.set_phone(
            session, accounts.of_address(session, email), number, installation=site.keys.installation, actor=actor(),
            now=site.now(),
        )  # fmt: skip


@staff.command()
@click.argument("email")
@click.option("--lost-telephone", is_flag=True, help="Take the second factor away too.")
@DATABASE
@refuses
def recover(email: str, lost_telephone: bool, database: str | None) -> None:
    """Print a link that sets the password of an account anew (once, within an hour)."""
    site = open_site(database)
    with site.database.begin() as session:
        account = accounts.of_address(session, email)
        if lost_telephone:
            factors.forget(session, account, actor=actor(), now=site.now())
            accounts.end_sessions(session, account.id)
        token = accounts.issue_link(session, account, Purpose.RECOVERY, actor=actor(), now=site.now())
    click.echo(f"{site.settings.base_url}/staff/link/{token}")
