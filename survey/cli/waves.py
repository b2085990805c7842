"""`hailong wave`: a wave from its file to its end, step by step, each with its decision."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.config import PROVINCE_TIME
from survey.jobs import close as closing
from survey.sentences.copies import PARTS
from survey.stages import board, copies, orders, steps, waves
from survey.stages import privacy as privacies
from survey.stages.classes import PRIVACY_FLOOR
from survey.wavefile import read_wave_file

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
DOCUMENT = click.option(
    "--document", metavar='"NUMBER, DATE, SIGNER"', help="The decision behind this step; a real wave needs one."
)


@click.group()
def wave() -> None:
    """Create, plan, open, pause, extend and close a wave."""


@wave.command()
@click.argument("file", type=FILE)
@DRY_RUN
@DATABASE
@refuses
def create(file: Path, dry_run: bool, database: str | None) -> None:
    """Create a wave from FILE (wave.toml)."""
    plan = read_wave_file(file)
    if dry_run:
        click.echo(plan.code)
        return
    site = open_site(database)
    with site.database.begin() as session:
        waves.create(session, plan, keys=site.keys, actor=actor(), now=site.now())
    click.echo(plan.code)


def _step(code: str, database: str | None, take: Callable[..., None], **details: Any) -> None:
    """Take one step of a wave and say in which state it is now."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.hold(session, code)
        take(session, found, actor=actor(), now=site.now(), **details)
        click.echo(f"{code}: {found.state}")


@wave.command()
@click.argument("code")
@click.option("--withdraw", is_flag=True, help="Take the plan back, before the wave opens.")
@DOCUMENT
@DATABASE
@refuses
def plan(code: str, withdraw: bool, document: str | None, database: str | None) -> None:
    """The plan is decided: the worker opens the wave at its hour, if somebody can answer it by then."""
    _step(code, database, steps.withdraw if withdraw else steps.plan, document=document)


@wave.command("open")
@click.argument("code")
@DOCUMENT
@DATABASE
@refuses
def open_(code: str, document: str | None, database: str | None) -> None:
    """Let answers in, between the times that the wave states."""
    _step(code, database, waves.open_wave, document=document)


@wave.command()
@click.argument("code")
@click.option("--until", type=MOMENT, required=True, help="When answers are taken again, the province's time.")
@DOCUMENT
@DATABASE
@refuses
def pause(code: str, until: datetime, document: str | None, database: str | None) -> None:
    """Take no answers and send no messages until then; what was begun is kept, and the worker goes on at that hour."""
    _step(code, database, steps.pause, until=until.replace(tzinfo=PROVINCE_TIME), document=document)


@wave.command()
@click.argument("code")
@DOCUMENT
@DATABASE
@refuses
def resume(code: str, document: str | None, database: str | None) -> None:
    """Take answers again before the pause is over."""
    _step(code, database, steps.resume, document=document)


@wave.command()
@click.argument("code")
@click.option(
    "--closes",
    type=MOMENT,
    required=True,
    help="The new end, the province's time, as in 2026-07-27T17:00.",
)
@click.option("--document", metavar='"NUMBER, DATE, SIGNER"', required=True, help="The decision that extends it.")
@DATABASE
@refuses
def extend(code: str, closes: datetime, document: str, database: str | None) -> None:
    """Take answers for longer; never shorter."""
    site = open_site(database)
    until = closes.replace(tzinfo=PROVINCE_TIME)
    with site.database.begin() as session:
        found = waves.hold(session, code)
        waves.extend(session, found, closes=until, document=document, actor=actor(), now=site.now())
    click.echo(f"{code}: {until:%Y-%m-%d %H:%M}")


@wave.command()
@click.argument("code")
@DOCUMENT
@DATABASE
@refuses
def close(code: str, document: str | None, database: str | None) -> None:
    """Take no more answers, forget who could answer, and let the last answers out of the spool.

    The worker does so at the hour that the wave states; before it, a real wave needs a decision.
    """
    site = open_site(database)
    with site.database.begin() as session:
        steps.end(session, waves.hold(session, code), actor=actor(), now=site.now(), document=document)
    moved = closing.run(site.database, site.keys, code, actor=actor(), now=site.now())
    click.echo(f"{moved}")


@wave.command()
@click.argument("code")
@DATABASE
@JSON
@refuses
def status(code: str, database: str | None, as_json: bool) -> None:
    """Show the board: target, invited, completed, left."""
    site = open_site(database)
    with site.database.read() as session:
        found = waves.find(session, code)
        cells = board.progress(session, found)
    name = f"name_{reader().language}"
    rows = [
        {"code": c.code, "target": c.target, "invited": c.invited, "completed": c.completed, "left": c.left}
        for c in cells
    ]
    lines = [
        f"{c.code:<12} {c.target:>6} {c.invited:>6} {c.completed:>6} {c.left:>6}  {getattr(c, name)}" for c in cells
    ]
    put({"wave": code, "state": found.state, "cells": rows}, as_json=as_json, lines=[f"{code}: {found.state}", *lines])


@wave.command()
@click.argument("code")
@DATABASE
@JSON
@refuses
def privacy(code: str, database: str | None, as_json: bool) -> None:
    """Join register and answers on all that they share: how many people may stand behind an answer?"""
    site = open_site(database)
    with site.database.read() as session:
        found = privacies.hiding(session, waves.find(session, code))
    data = {"wave": code, "answers": found.answers, "smallest": found.smallest}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])
    if found.smallest is not None and found.smallest < PRIVACY_FLOOR:
        sys.exit(1)


@wave.command()
@click.argument("code")
@DATABASE
@JSON
@refuses
def order(code: str, database: str | None, as_json: bool) -> None:
    """After the close: the mean of each item that was shown in random order, by the place in which it stood.

    `slope` is how much the mean moves from one place to the next; a z beyond 2 may be chance in one item of twenty.
    """
    site = open_site(database)
    with site.database.read() as session:
        found = orders.effects(session, waves.find(session, code))
    rows = [
        {
            "item": one.item, "answers": one.answers, "slope": f"{one.slope:.4f}", "se": f"{one.se:.4f}",
            "z": f"{one.z:.2f}", "means": {str(place): f"{mean:.3f}" for place, _answers, mean in one.means},
        }
        for one in found
    ]  # fmt: skip
    lines = [f"{one['item']:<12} {one['answers']:>6} {one['slope']:>8} {one['se']:>7} {one['z']:>6}" for one in rows]
    put({"wave": code, "items": rows}, as_json=as_json, lines=lines)


@wave.command("copy")
@click.argument("old")
@click.argument("new")
@click.option("--opens", type=MOMENT, help="Left out: a year after the old wave's.")
@click.option("--closes", type=MOMENT, help="Left out: a year after the old wave's.")
@click.option("--period-from", type=DAY, help="Left out: a year after the old wave's.")
@click.option("--period-to", type=DAY, help="Left out: a year after the old wave's.")
@DRY_RUN
@DATABASE
@JSON
@refuses
def copy_wave(
    old: str, new: str, opens: datetime | None, closes: datetime | None, period_from: datetime | None,
    period_to: datetime | None, dry_run: bool, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the wave NEW like OLD, a year later, and list what changed; lists, plans and decisions are not copied."""
    site = open_site(database)
    first, last = (one.replace(tzinfo=PROVINCE_TIME) if one else None for one in (opens, closes))
    start, end = (one.date() if one else None for one in (period_from, period_to))
    dates = copies.Dates(start, end, first, last)
    with site.database.begin() as session:
        found = waves.find(session, old)
        if dry_run:
            changes = copies.compare(session, found, code=new, dates=dates)
        else:
            _made, changes = copies.copy(
                session, found, code=new, dates=dates, keys=site.keys, actor=actor(), now=site.now()
            )
    words = reader()
    lines = [f"{words.gettext(PARTS[one.part])}: {one.before or '-'} → {one.after or '-'}" for one in changes]
    data = {"from": old, "wave": new, "dry_run": dry_run, "changes": [asdict(one) for one in changes]}
    put(data, as_json=as_json, lines=[new, *lines])
