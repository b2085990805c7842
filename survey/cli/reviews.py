"""`hailong review`: suspicious answers are looked for; two people of two agencies decide on the pages."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from survey.cli.context import actor, open_site, put, reader, refuses, say
from survey.cli.database import DATABASE
from survey.sentences.refusals import word
from survey.stages import reviews, waves

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def review() -> None:
    """Suspicious answers: looked for after the close, decided by two people, never deleted."""


@review.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def screen(wave: str, database: str | None, as_json: bool) -> None:
    """Screen the answers of WAVE; every flag is kept with its evidence."""
    from survey.jobs import screen as job  # needs the statistics; the other command does not

    site = open_site(database)
    made = job.run(site.database, wave, actor=actor(), now=site.now(), say=say)
    with site.database.read() as session:
        cases = len(reviews.cases(session, made))
    data = {"wave": wave, "screening": made.id.hex(), "answers": made.answers, "cases": cases}
    put(data, as_json=as_json, lines=[f"{name}: {value}" for name, value in data.items()])


@review.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def show(wave: str, database: str | None, as_json: bool) -> None:
    """List the cases of WAVE with their evidence and what was decided."""
    site = open_site(database)
    with site.database.read() as session:
        told = reviews.record(session, waves.find(session, wave))
    put(told, as_json=as_json, lines=[_line(case) for case in told["cases"]] or ["-"])


@review.command()
@click.argument("wave")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@DATABASE
@refuses
def export(wave: str, out: Path, database: str | None) -> None:
    """Write what the screening of WAVE reads into DIR, the counts at the doors too, and print how to repeat it."""
    from survey.jobs import screen as job  # needs the statistics

    seed = job.write(open_site(database).database, wave, out)
    files = (str(out / job.EXTRACT), "--door", str(out / job.DOOR))
    click.echo(shlex.join(("python", "-m", "analysis", "screen", *files, "--seed", str(seed))))


def _line(case: dict[str, Any]) -> str:
    said = reader()
    verdict = word(case["verdict"] or "undecided", said)
    signals = ", ".join(word(signal, said) for signal in case["evidence"])
    return f"{word(case['kind'], said)} {case['name']}: {case['flagged']}/{case['answers']} [{signals}] {verdict}"
