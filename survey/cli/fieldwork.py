"""`hailong sample` and `hailong invitations`: who is asked."""

from __future__ import annotations

import click

from survey.cli.context import actor, open_site, put, refuses
from survey.cli.database import DATABASE
from survey.stages import invitations as register
from survey.stages import samples, waves

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
RATE = click.option(
    "--response-rate",
    type=click.FloatRange(min=0.01, max=1),
    default=0.25,
    show_default=True,
    help="Share of the invited that is expected to answer: invitations = target / rate.",
)


@click.group()
def sample() -> None:
    """Plan and draw the sample."""


@sample.command()
@click.argument("wave")
@RATE
@DATABASE
@JSON
@refuses
def plan(wave: str, response_rate: float, database: str | None, as_json: bool) -> None:
    """Show what a draw would invite, without drawing."""
    site = open_site(database)
    with site.database.read() as session:
        strata = samples.plan(session, waves.find(session, wave), response_rate=response_rate)
    rows = [{"stratum": s.code, "unit": s.unit, "dossiers": s.population, "invitations": s.size} for s in strata]
    lines = [f"{row['stratum']:<24} {row['dossiers']:>8} {row['invitations']:>6}" for row in rows]
    put(rows, as_json=as_json, lines=[*lines, f"{sum(s.size for s in strata)} of {sum(s.population for s in strata)}"])


@sample.command()
@click.argument("wave")
@click.option("--seed", type=int, required=True, help="The published seed: the same seed gives the same sample.")
@RATE
@DATABASE
@JSON
@refuses
def draw(wave: str, seed: int, response_rate: float, database: str | None, as_json: bool) -> None:
    """Draw the sample of WAVE, once."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        record = samples.draw(session, found, seed=seed, response_rate=response_rate, actor=actor(), now=site.now())
        data = {"wave": wave, "seed": seed, "strata": len(record.allocation["strata"]), "digest": record.digest}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@click.group()
def invitations() -> None:
    """Issue the personal links."""


@invitations.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def issue(wave: str, database: str | None, as_json: bool) -> None:
    """Give everybody who was drawn and can be reached a personal link."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        new = register.issue(session, found, key=site.keys.wave(found.id), actor=actor(), now=site.now())
    put({"wave": wave, "new": new}, as_json=as_json, lines=[f"{new}"])
