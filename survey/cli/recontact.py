"""`hailong recontact`: a random share of the field work is called again, by oversight."""

from __future__ import annotations

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.waves import DOCUMENT, JSON
from survey.stages import recontacts, waves
from survey.stages.recontacts import Share


@click.group()
def recontact() -> None:
    """Calls that check the field work (phúc tra)."""


@recontact.command()
@click.argument("wave")
@click.option("--seed", type=int, required=True, help="The published seed: the same one gives the same list.")
@click.option(
    "--share", type=click.FloatRange(0.05, 0.10), default=0.05, show_default=True, help="Of each list and each unit."
)
@DOCUMENT
@DATABASE
@JSON
@refuses
def draw(wave: str, seed: int, share: float, document: str | None, database: str | None, as_json: bool) -> None:
    """Draw who is called, before the wave is closed; people are told on the first page that some are called."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.hold(session, wave)
        drawn = recontacts.draw(
            session, found, site.keys, seed=seed, share=share, document=document, actor=actor(), now=site.now()
        )
    lines = [f"{group:<32} {count:>5}" for group, count in drawn.items()]
    put({"wave": wave, "seed": seed, "drawn": drawn}, as_json=as_json, lines=lines)


@recontact.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def status(wave: str, database: str | None, as_json: bool) -> None:
    """Count the calls by how they ended, and what people said of how they were asked."""
    site = open_site(database)
    with site.database.read() as session:
        told = recontacts.counts(session, waves.find(session, wave))
    rows = {about: words for about, words in sorted(told.items()) if about in ("call", "asked", "filed")}
    lines = [f"{about:<8} {word:<12} {count:>5}" for about, words in rows.items() for word, count in words.items()]
    put({"wave": wave, **rows}, as_json=as_json, lines=lines)


@recontact.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def report(wave: str, database: str | None, as_json: bool) -> None:
    """Print shares with their 95 % intervals: lists that agree with people, answers beside calls, and, of people who
    agreed to a comparison, how many gave the same answer twice (`same`); none below 10."""
    site = open_site(database)
    with site.database.read() as session:
        told = recontacts.report(session, waves.find(session, wave))
    rows = [
        {"about": about, "people": one.total}
        | ({"share": one.count / one.total, "interval": list(one.interval)} if one.is_told else {})
        for about, one in told.items()
    ]
    lines = [f"{about:<40} {one.total:>5} {_told(one)}" for about, one in told.items()]
    put({"wave": wave, "shares": rows}, as_json=as_json, lines=lines)


def _told(share: Share) -> str:
    if not share.is_told:
        return reader().gettext("fewer than 10")
    low, high = share.interval
    return f"{share.count / share.total:.1%} [{low:.1%}, {high:.1%}]"
