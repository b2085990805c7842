"""`hailong outside`: figures that others measured (PAPI, Decision 766), shown beside the survey's."""

from __future__ import annotations

from pathlib import Path

import click

from survey.cli.context import actor, open_site, put, refuses
from survey.cli.database import DATABASE
from survey.stages import outside as figures


@click.group()
def outside() -> None:
    """Figures of other sources: beside the survey's, in no score."""


@outside.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@DATABASE
@refuses
def import_figures(file: Path, dry_run: bool, as_json: bool, database: str | None) -> None:
    """Load FILE: unit, source (papi, decision_766, other), year, code, name_vi, name_en, value, max, document."""
    site = open_site(database)
    with site.database.begin() as session:
        report = figures.import_figures(session, file, actor=actor(), now=site.now(), dry_run=dry_run)
    data = report.as_dict()
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])
