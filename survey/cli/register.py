"""`hailong units`, `wave`, `frame` and `officials`: what is rated, when, and who could be asked."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.config import PROVINCE_TIME
from survey.jobs import close as closing
from survey.sentences import quarantine_sentences
from survey.stages import board, frames, raters, waves
from survey.stages import privacy as privacies
from survey.stages import units as places
from survey.stages.classes import PRIVACY_FLOOR
from survey.wavefile import read_wave_file

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def units() -> None:
    """Load the units that are rated."""


@units.command("import")
@click.argument("file", type=FILE, required=False)
@click.option("--province", metavar="CODE", help="Without FILE: a province and its communes of today, as shipped.")
@DRY_RUN
@DATABASE
@JSON
@refuses
def import_units(file: Path | None, province: str | None, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Load FILE (units file), or the shipped units of a province."""
    if (file is None) == (province is None):
        raise click.UsageError("give FILE or --province CODE")
    site = open_site(database)
    with site.database.begin() as session:
        if file is not None:
            report = places.import_units(session, file, actor=actor(), now=site.now(), dry_run=dry_run)
        else:
            report = places.import_builtin(session, province or "", actor=actor(), now=site.now(), dry_run=dry_run)
    data = report.as_dict()
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@click.group()
def wave() -> None:
    """Create, open, extend and close a wave."""


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


@wave.command("open")
@click.argument("code")
@click.option("--document", metavar='"NUMBER, DATE, SIGNER"', help="The decision that opens the wave.")
@DATABASE
@refuses
def open_(code: str, document: str | None, database: str | None) -> None:
    """Let answers in, between the times that the wave states."""
    site = open_site(database)
    with site.database.begin() as session:
        waves.open_wave(session, waves.find(session, code), actor=actor(), now=site.now(), document=document)


@wave.command()
@click.argument("code")
@click.option(
    "--closes",
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
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
        found = waves.find(session, code)
        waves.extend(session, found, closes=until, document=document, actor=actor(), now=site.now())
    click.echo(f"{code}: {until:%Y-%m-%d %H:%M}")


@wave.command()
@click.argument("code")
@DATABASE
@refuses
def close(code: str, database: str | None) -> None:
    """Take no more answers, forget who could answer, and let the last answers out of the spool."""
    site = open_site(database)
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


@click.group()
def frame() -> None:
    """Load the list of finished dossiers."""


@frame.command("import")
@click.argument("wave")
@click.argument("file", type=FILE)
@DRY_RUN
@DATABASE
@JSON
@refuses
def import_frame(wave: str, file: Path, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Load FILE into WAVE; rows that cannot be used are named and set aside, none is edited."""
    site = open_site(database)
    with site.database.begin() as session:
        report = frames.import_frame(
            session, waves.find(session, wave), file, installation=site.keys.installation, actor=actor(),
            now=site.now(), dry_run=dry_run,
        )  # fmt: skip
    put(report.as_dict(), as_json=as_json, lines=quarantine_sentences(report, reader()))


@click.group()
def officials() -> None:
    """Load the list of officials who judge."""


@officials.command("import")
@click.argument("wave")
@click.argument("file", type=FILE)
@DRY_RUN
@DATABASE
@JSON
@refuses
def import_officials(wave: str, file: Path, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Load FILE (officials' list) into WAVE."""
    site = open_site(database)
    with site.database.begin() as session:
        report = raters.import_raters(
            session, waves.find(session, wave), file, installation=site.keys.installation, actor=actor(),
            now=site.now(), dry_run=dry_run,
        )  # fmt: skip
    data = report.as_dict()
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])
