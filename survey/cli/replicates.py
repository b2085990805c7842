"""`hailong release`: the drawn sample in random replicates, each advised with its gain before it goes out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from survey import queue
from survey.cli.context import Site, actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.fieldwork import JSON
from survey.i18n import number
from survey.model.progress import Replicate
from survey.stages import replicates, waves
from survey.stages.replicates import SETTLED

COUNT = click.option("--count", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Invitations.")
GOAL = click.option(
    "--goal",
    type=click.Choice(["units", "province"]),
    default="units",
    show_default=True,
    help="Bring each unit to its wanted precision, or shorten the province's interval.",
)
SETTLE = click.option(
    "--settle",
    type=click.IntRange(min=0),
    default=int(SETTLED.total_seconds() // 3600),
    show_default=True,
    metavar="HOURS",
    help="How long an invitation takes to give its answer; younger ones are expected to answer yet.",
)


@click.group()
def release() -> None:
    """Send the drawn sample out in random replicates."""


@release.command()
@click.argument("wave")
@click.option("--share", type=click.FloatRange(0.01, 1), default=0.5, show_default=True, help="Of each class.")
@DATABASE
@JSON
@refuses
def first(wave: str, share: float, database: str | None, as_json: bool) -> None:
    """Issue the links of the first replicate: a share of each class, at least ten people of it."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        new = replicates.first(
            session, found, key=site.keys.wave(found.id), share=share, actor=actor(), now=site.now()
        )  # fmt: skip
    _write_to_them(site, wave)
    put({"wave": wave, "new": new}, as_json=as_json, lines=[f"{new}"])


@release.command()
@click.argument("wave")
@COUNT
@GOAL
@SETTLE
@DATABASE
@JSON
@refuses
def advise(wave: str, count: int, goal: str, settle: int, database: str | None, as_json: bool) -> None:
    """Show where the next invitations gain most, and keep it for somebody to confirm."""
    made = _advise(wave, count, goal, settle, database)
    put({"release": made.id.hex(), **made.advice}, as_json=as_json, lines=_lines(made.advice))


@release.command("next")
@click.argument("wave")
@COUNT
@GOAL
@SETTLE
@click.option("--yes", is_flag=True, help="Release without asking once more.")
@DATABASE
@JSON
@refuses
def next_(wave: str, count: int, goal: str, settle: int, yes: bool, database: str | None, as_json: bool) -> None:
    """Show the gain of the next invitations, ask, and issue their links. Nobody can pick a person."""
    made = _advise(wave, count, goal, settle, database)
    for line in _lines(made.advice):
        click.echo(line, err=True)
    if not yes:
        click.confirm("Release?", abort=True, err=True)
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        key = site.keys.wave(found.id)
        new = replicates.confirm(session, found, made.id, key=key, actor=actor(), now=site.now())
    _write_to_them(site, wave)
    put({"release": made.id.hex(), "new": new, **made.advice}, as_json=as_json, lines=[f"{new}"])


def _write_to_them(site: Site, wave: str) -> None:
    """The worker writes to those who have their link now, as after a release on the page."""
    queue.enqueue(site.settings, "release.invite", wave=wave, actor=actor())


def _advise(wave: str, count: int, goal: str, settle: int, database: str | None) -> Replicate:
    from analysis.planning.releases import Goal
    from survey.jobs import replicate as advising  # loads the statistics, which other commands do without

    site = open_site(database)
    return advising.advise(
        site.database, wave, count=count, goal=Goal(goal), actor=actor(), now=site.now(),
        settle=timedelta(hours=settle),
    )  # fmt: skip


def _lines(advice: dict[str, Any]) -> list[str]:
    language = reader().language
    rows = [
        f"{one['unit']:<16} {one['invitations']:>4}   ±{number(one['before'], language, 2)} -> "
        f"±{number(one['after'], language, 2)}"
        for one in advice["units"]
    ]
    before, after = advice["above"]
    wanted = number(advice["wanted"], language, 1)
    return [*rows, f"units wider than ±{wanted}: {before} -> {after}", f"not needed: {advice['unspent']}"]
