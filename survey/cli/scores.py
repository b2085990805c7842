"""`hailong inputs`, `score` and `results`: from answers to files."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from survey import sheet
from survey.cells import RowsRefused, plain
from survey.cli.context import actor, open_site, put, refuses, say
from survey.cli.database import DATABASE
from survey.errors import FileChanged, InputRefused
from survey.sheet import Columns
from survey.stages import results as figures
from survey.stages import waves

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NAMES = ("unit", "code", "value", "source")
COLUMNS = Columns(NAMES, frozenset(NAMES))


@click.group()
def inputs() -> None:
    """Figures that are typed in beside the survey."""


@inputs.command("import")
@click.argument("wave")
@click.argument("file", type=FILE)
@DATABASE
@refuses
def import_inputs(wave: str, file: Path, database: str | None) -> None:
    """Load FILE (CSV or XLSX: unit, code, value, source) into WAVE; all of it or nothing."""
    rows = _read_inputs(file)
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        for unit, code, value, source in rows:
            figures.set_input(
                session, found, unit=unit, code=code, value=value, source=source, actor=actor(), now=site.now()
            )
    click.echo(f"{len(rows)}")


def _read_inputs(file: Path) -> list[tuple[str, str, Decimal, str]]:
    rows = list(sheet.read(file, COLUMNS))
    faults = tuple(row.fault for row in rows if row.fault is not None)
    if faults:
        raise RowsRefused(faults)
    return [_typed(*(plain(row.values[name]) for name in COLUMNS.known)) for row in rows]


def _typed(unit: str, code: str, value: str, source: str) -> tuple[str, str, Decimal, str]:
    try:
        return unit, code, Decimal(value), source
    except InvalidOperation as error:
        raise InputRefused(unit=unit, code=code, reason="out_of_range") from error


@click.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def score(wave: str, database: str | None, as_json: bool) -> None:
    """Compute the scores of WAVE and keep them as a new run."""
    from survey.jobs import score as job  # needs the statistics; the other commands do not

    site = open_site(database)
    say(wave)
    run = job.run(site.database, wave, actor=actor(), now=site.now())
    data = {"wave": wave, "run": run.id.hex(), "extract": run.extract_digest, "version": run.code_version}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@refuses
def verify(folder: Path) -> None:
    """Check that no file of a results folder or extract was changed since it was written."""
    try:
        hashes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["hashes"]
    except (OSError, ValueError, KeyError) as error:
        raise FileChanged(file="manifest.json") from error
    for name, expected in sorted(hashes.items()):
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise FileChanged(file=name)
    click.echo(f"{len(hashes)}")


@click.group()
def results() -> None:
    """Result files of a scored wave."""


@results.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--extract", "with_extract", is_flag=True, help="Also DIR/extract, to compute the same digits elsewhere.")
@DATABASE
@refuses
def export(wave: str, out: Path, with_extract: bool, database: str | None) -> None:
    """Write scores.json, scores.csv, scores.xlsx and manifest.json into DIR."""
    from survey.jobs import extract
    from survey.jobs import score as job

    site = open_site(database)
    out.mkdir(parents=True, exist_ok=True)
    job.write_results(site.database, wave, out)
    if with_extract:
        extract.write(site.database, wave, out / "extract")
    click.echo(str(out))
