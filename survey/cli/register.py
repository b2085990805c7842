"""`hailong units`, `frame` and `officials`: what is rated, and who could be asked."""

from __future__ import annotations

from pathlib import Path

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.sentences import quarantine_sentences
from survey.stages import frames, raters, waves
from survey.stages import units as places

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
