"""`hailong units`, `frame` and `officials`: what is rated, and who could be asked."""

from __future__ import annotations

from pathlib import Path

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.mapping import PLAIN, read_mapping
from survey.sentences.frames import coverage_sentences, quarantine_sentences
from survey.stages import coverage, frames, raters, waves
from survey.stages import units as places
from survey.stages.dossiers import COLUMNS

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
@click.option("--mapping", type=FILE, help="A mapping file (TOML) for another office's layout.")
@DRY_RUN
@DATABASE
@JSON
@refuses
def import_frame(
    wave: str, file: Path, mapping: Path | None, dry_run: bool, database: str | None, as_json: bool
) -> None:
    """Load FILE into WAVE; rows that cannot be used are named and set aside, none is edited."""
    layout = read_mapping(mapping, COLUMNS.known) if mapping else PLAIN
    site = open_site(database)
    with site.database.begin() as session:
        report = frames.import_frame(
            session, waves.find(session, wave), file, installation=site.keys.installation, actor=actor(),
            now=site.now(), dry_run=dry_run, mapping=layout,
        )  # fmt: skip
    put(report.as_dict(), as_json=as_json, lines=quarantine_sentences(report, reader()))


@frame.command("coverage")
@click.argument("wave")
@DATABASE
@JSON
@refuses
def show_coverage(wave: str, database: str | None, as_json: bool) -> None:
    """Show what the lists of WAVE cover, by unit, against the year before."""
    site = open_site(database)
    with site.database.read() as session:
        seen = coverage.look(session, waves.find(session, wave))
    put(seen.as_dict(), as_json=as_json, lines=coverage_sentences(seen, reader()))


@frame.command()
@click.argument("wave")
@click.option("--by", metavar="NAME", required=True, help="The person who answers for what the list covers.")
@click.option("--document", metavar='"NUMBER, DATE, SIGNER"', help="The note's number; a real wave needs it.")
@DATABASE
@JSON
@refuses
def sign(wave: str, by: str, document: str | None, database: str | None, as_json: bool) -> None:
    """Sign the coverage note of WAVE as it stands: nothing is drawn without it, a later list needs a new one."""
    site = open_site(database)
    with site.database.begin() as session:
        seen = coverage.sign(
            session, waves.hold(session, wave), by=by, document=document, actor=actor(), now=site.now()
        )
    put(seen.as_dict(), as_json=as_json, lines=coverage_sentences(seen, reader()))


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
