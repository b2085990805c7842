"""`hailong inputs`, `score` and `results`: from answers to files."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import click
from sqlalchemy.orm import Session

from survey import numerals, sheet
from survey.cells import CellRefused, Flaw, RowFault, RowsRefused, plain, take
from survey.cli.context import actor, open_site, put, refuses, say
from survey.cli.database import DATABASE
from survey.errors.common import InputRefused
from survey.import_layout import read_layout
from survey.jobs import bundles as seals
from survey.model.wave import Wave
from survey.numerals import Numerals
from survey.sheet import Columns, Row
from survey.stages import exports, import_table, waves
from survey.stages import results as figures

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NAMES = ("unit", "code", "value", "source")
COLUMNS = Columns(NAMES, frozenset(NAMES))
FLAWS = {
    ("unknown_unit", False): ("unit", Flaw.NOT_IN_WAVE),
    ("unknown_code", False): ("code", Flaw.UNKNOWN_CODE),
    ("out_of_range", True): ("value", Flaw.TOO_MANY_POINTS),
    ("out_of_range", False): ("value", Flaw.NOT_A_NUMBER),
    ("no_source", False): ("source", Flaw.MISSING),
}  # by the reason, and whether it is about points


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
    rows = list(sheet.named(file, sheet.read(file, COLUMNS)))
    site = open_site(database)
    with site.database.begin() as session:
        faults = _take(session, waves.find(session, wave), rows, site.now())
        if faults:
            raise RowsRefused(tuple(faults), file.name)
    click.echo(f"{len(rows)}")


def _take(session: Session, wave: Wave, rows: list[Row], now: datetime) -> list[RowFault]:
    """Set every figure of a file; what is wrong with its rows."""
    faults: list[RowFault] = []
    seen: set[tuple[str, str]] = set()
    numbers, by_rule, offered = Numerals(), figures.by_rule(session, wave), figures.inputs_of(session, wave)
    for row in rows:
        unit, code, source = (plain(row.values[name]) for name in ("unit", "code", "source"))
        figure = {"unit": unit, "code": code, "source": source, "actor": actor()}
        flaw, is_new = row.fault, (unit, code) not in seen
        seen.add((unit, code))
        try:
            if flaw is None:
                take(row.values, "code", numerals.code)
                value = take(row.values, "value", partial(numbers.read, are_points=code not in by_rule))
                flaw = None if is_new else RowFault(row.number, "code", Flaw.DUPLICATE)
            if flaw is None:
                figures.set_input(session, wave, **figure, value=value, now=now, offered=offered)
        except CellRefused as refused:
            flaw = RowFault(row.number, refused.column, refused.flaw)
        except InputRefused as refused:
            flaw = RowFault(row.number, *FLAWS[refused.reason, bool(refused.most)], refused.most or "")
        faults += [flaw] if flaw else []
    return faults


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


@click.group()
def results() -> None:
    """Result files of a scored wave."""


@results.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--extract", "with_extract", is_flag=True, help="Also DIR/extract, to compute the same digits elsewhere.")
@click.option("--decimal-comma", is_flag=True, help="Also scores.comma.csv: decimals with a comma, semicolons between.")
@DATABASE
@refuses
def export(wave: str, out: Path, with_extract: bool, decimal_comma: bool, database: str | None) -> None:
    """Write scores.json, .csv, .xlsx, the tables beside them, manifest.json into DIR; after a seal, what it holds."""
    from survey.jobs import extract
    from survey.jobs import score as job

    site = open_site(database)
    out.mkdir(parents=True, exist_ok=True)
    if seals.lay_out(site.database, wave, out):
        click.echo(str(out))
        return
    if with_extract:
        extract.write(site.database, wave, out / "extract")
    job.write_results(site.database, wave, out)
    if decimal_comma:
        job.add_comma(site.database, wave, out)
    click.echo(str(out))


@results.command()
@click.argument("wave")
@click.option("--layout", type=FILE, required=True, metavar="FILE", help="The columns that the other software expects.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@DATABASE
@refuses
def table(wave: str, layout: Path, out: Path, database: str | None) -> None:
    """Write the import table of WAVE as a workbook in another layout: headings, groups, decimal comma."""
    wanted, site = read_layout(layout), open_site(database)
    with site.database.read() as session, out.open("wb") as stream:
        found = waves.find(session, wave)
        run = figures.latest(session, found)
        told = exports.about(found, run, waves.schemes_of(session, found))
        import_table.write(told, exports.rows_of(session, run), wanted, stream)
    click.echo(str(out))


@results.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option(
    "--format", "kinds", multiple=True, default=("csv", "sav", "dta", "parquet"), show_default=True,
    type=click.Choice(["csv", "sav", "dta", "parquet"]), help="May be repeated.",
)  # fmt: skip
@DATABASE
@refuses
def answers(wave: str, out: Path, kinds: tuple[str, ...], database: str | None) -> None:
    """Write the anonymised answers of WAVE and their codebook into DIR: for statisticians, not to be published."""
    from survey.jobs import answer_files

    site = open_site(database)
    for path in answer_files.write(site.database, wave, out, kinds):
        click.echo(str(path))
