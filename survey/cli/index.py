"""`hailong index`: the year's whole index of a scheme, from imported points and scored waves."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from survey.cli.context import actor, open_site, put, reader, refuses, say
from survey.cli.database import DATABASE
from survey.i18n import Translator
from survey.import_layout import read_layout
from survey.scheme import Scheme, builtin_scheme, load_scheme
from survey.stages import index_sheets
from survey.stages.points_file import Point

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
SCHEME = click.option("--scheme", required=True, metavar="CODE", help="Code of the scheme.")
YEAR = click.option("--year", required=True, type=int)


@click.group()
def index() -> None:
    """The year's whole index by unit: points, grades, ranks, movements, losses."""


@index.command("import")
@click.argument("file", type=FILE)
@click.option("--scheme", required=True, metavar="CODE|FILE", help="Code of a shipped scheme, or a scheme file.")
@YEAR
@click.option("--source", default="", help="Document, number, date: of all rows that name none.")
@click.option("--layout", type=FILE, metavar="FILE", help="The layout of the import table, as for `results table`.")
@click.option("--dry-run", is_flag=True, help="Check only; nothing is stored.")
@JSON
@DATABASE
@refuses
def import_points(
    file: Path, scheme: str, year: int, source: str, layout: Path | None, dry_run: bool, as_json: bool,
    database: str | None,
) -> None:  # fmt: skip
    """Load FILE: unit, code, value or points, source; or the import table of the scoring software. All or nothing.

    In `value` the figure of a component with a rule is the raw one; `points` and the import table hold points.
    """
    site, laid = open_site(database), None if layout is None else read_layout(layout)
    with site.database.begin() as session:
        report = index_sheets.import_points(
            session, file, _scheme(scheme), year, source=source, actor=actor(), now=site.now(), dry_run=dry_run,
            layout=laid,
        )  # fmt: skip
    data = report.as_dict()
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])
    for one in report.doubtful:
        say(_doubt(one, reader()))


def _doubt(one: Point, told: Translator) -> str:
    """What may have been meant as points."""
    return told.gettext(
        "row %(row)s: %(unit)s %(code)s: the figure %(value)s earns %(earned)s of %(max)s points by the scheme's rule. "
        "If %(value)s are points, write them in the column points."
    ) % {
        "row": one.row, "unit": one.unit, "code": one.code, "value": f"{one.value.normalize():f}",
        "earned": f"{one.earned.normalize():f}", "max": one.max,
    }  # fmt: skip


def _scheme(name: str) -> Scheme:
    return load_scheme(Path(name)) if name.endswith(".toml") else builtin_scheme(name)


@index.command()
@SCHEME
@YEAR
@click.option("--wave", "waves", multiple=True, help="A scored wave whose points count; may be repeated.")
@JSON
@DATABASE
@refuses
def score(scheme: str, year: int, waves: tuple[str, ...], as_json: bool, database: str | None) -> None:
    """Compute the index and keep it as a new run."""
    from survey.jobs import index as job  # needs the statistics; the other commands do not

    site = open_site(database)
    run = job.run(site.database, scheme, year, joined=waves, actor=actor(), now=site.now())
    data = {"scheme": scheme, "year": year, "run": run.id.hex(), "extract": run.extract_digest}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@index.command()
@SCHEME
@YEAR
@click.option("--unit", help="One unit: where it loses points.")
@JSON
@DATABASE
@refuses
def show(scheme: str, year: int, unit: str | None, as_json: bool, database: str | None) -> None:
    """Print the table of units, or where one unit loses points."""
    site = open_site(database)
    with site.database.read() as session:
        sheet = index_sheets.find(session, scheme, year)
        rules = index_sheets.scheme_of(sheet)
        rows = index_sheets.figures(session, index_sheets.latest(session, sheet), unit=unit)
    told = index_sheets.chosen(rows, rules)
    data: list[dict[str, Any]] = [dict(row) for row in told if row["level_of"] == "total"]
    columns: tuple[str, ...] = (
        "rank", "unit", "unit_name_vi", "points", "ci_low", "ci_high", "grade", "change", "reason",
    )  # fmt: skip
    if unit is not None:
        data = [dict(vars(one)) for one in index_sheets.losses(told, rules)]
        columns = ("code", "max", "lost", "least", "most")
    else:
        data.sort(key=lambda row: (int(row["rank"] or 10**9), str(row["unit"])))
    lines = ["\t".join(columns), *("\t".join(_cell(row[name]) for name in columns) for row in data)]
    put(data, as_json=as_json, lines=lines)


def _cell(value: Decimal | str | None) -> str:
    return "" if value is None else str(value)


@index.command()
@SCHEME
@YEAR
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--extract", "with_extract", is_flag=True, help="Also DIR/extract, to compute the same digits elsewhere.")
@DATABASE
@refuses
def export(scheme: str, year: int, out: Path, with_extract: bool, database: str | None) -> None:
    """Write scores.json, scores.csv, scores.xlsx, grades.csv and manifest.json into DIR."""
    from survey.jobs import index as job

    site = open_site(database)
    out.mkdir(parents=True, exist_ok=True)
    job.write_results(site.database, scheme, year, out, with_extract=with_extract)
    click.echo(str(out))
