"""`hailong topups`: systematic intercepts at a counter, for units where too few can be reached."""

from __future__ import annotations

import click

from survey.cli.context import actor, open_site, put, refuses
from survey.cli.database import DATABASE
from survey.cli.fieldwork import JSON
from survey.stages import topups as intercepts
from survey.stages import waves

COUNTS = ("every", "start", "visitors", "chosen", "refused", "not_eligible", "completed", "stated")


@click.group()
def topups() -> None:
    """Every k-th visitor of a counter, asked by somebody independent; a stratum of its own, never a free QR."""


@topups.command()
@click.argument("wave")
@click.option("--unit", required=True, metavar="CODE", help="The rated unit.")
@click.option("--point-of-service", metavar="CODE", help="Where the visitors come, when that is another unit.")
@click.option("--every", type=click.IntRange(min=1), required=True, help="Every so many visitors one is asked.")
@click.option("--enumerator", required=True, metavar="EMAIL", help="An interviewer who belongs to no rated unit.")
@click.option("--seed", type=int, required=True, help="The published seed: it gives the first visitor.")
@DATABASE
@JSON
@refuses
def create(
    wave: str, unit: str, point_of_service: str | None, every: int, enumerator: str, seed: int, database: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a top-up; its enumerator finds it at /staff/topups. The wave's file must name the mode intercept."""
    site = open_site(database)
    with site.database.begin() as session:
        row = intercepts.create(
            session, waves.find(session, wave), unit=unit, point_of_service=point_of_service, every=every,
            email=enumerator, seed=seed, actor=actor(), now=site.now(),
        )  # fmt: skip
        data = {"wave": wave, "unit": unit, "every": row.every, "start": row.start, "enumerator": enumerator}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@topups.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def show(wave: str, database: str | None, as_json: bool) -> None:
    """List the top-ups of WAVE: visitors counted, chosen, refused, not eligible, completed."""
    site = open_site(database)
    with site.database.read() as session:
        rows = [
            {"code": row.id.hex(), "unit": row.unit_code, "enumerator": email}
            | {name: getattr(row, name) for name in COUNTS}
            for row, email in intercepts.of_wave(session, waves.find(session, wave))
        ]
    head = " ".join(f"{name:>12}" for name in COUNTS)
    lines = [f"{row['code']:<32} {row['unit']:<12} " + " ".join(f"{row[name]:>12}" for name in COUNTS) for row in rows]
    put(rows, as_json=as_json, lines=[f"{'':<45} {head}", *lines])


@topups.command()
@click.argument("wave")
@click.argument("code")
@click.option("--visitors", type=click.IntRange(min=1), required=True, help="How many came, by the tally sheet.")
@DATABASE
@refuses
def count(wave: str, code: str, visitors: int, database: str | None) -> None:
    """Enter the visitors of a top-up (CODE as `show` lists it) where nobody counted them; until the close."""
    site = open_site(database)
    with site.database.begin() as session:
        intercepts.state_count(session, waves.find(session, wave), code, visitors, actor=actor(), now=site.now())
