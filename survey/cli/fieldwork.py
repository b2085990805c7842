"""`hailong sample`, `invitations` and `counters`: who is asked, and how they are reached."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from random import SystemRandom

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.signing import signed, signer
from survey.cli.waves import DOCUMENT
from survey.errors.common import UnitUnknown
from survey.plan_options import Options, Rule, Shares
from survey.sentences.frames import plan_sentences
from survey.sentences.refusals import word
from survey.stages import approvals, audit, plans, quotas, recontacts, samples, waves
from survey.stages import invitations as register
from survey.wavefile import Mode

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
RATE = click.option(
    "--response-rate",
    type=click.FloatRange(min=0.01, max=1),
    help="Invitations = target / rate. Left out: as the newest plan says, in a rehearsal without one 0.25.",
)


@click.group()
def sample() -> None:
    """Plan and draw the sample."""


@sample.command()
@click.argument("wave")
@click.option(
    "--rule",
    type=click.Choice(["targets", "ministry", "width", "apart", "total"]),
    default="width",
    show_default=True,
    help="The wave file's targets; n = N/(1+Ne²); a half-width of the index; to tell units apart; a total shared out.",
)
@click.option("--points", type=click.FloatRange(0.5, 50), default=5.0, show_default=True, help="Half-width, or gap.")
@click.option("--total", type=click.IntRange(min=1), default=3240, show_default=True, help="Answers of all units.")
@click.option(
    "--shares", type=click.Choice(["equal", "proportional", "neyman", "power"]), default="neyman", show_default=True
)
@click.option("--response-rate", type=click.FloatRange(0.01, 1), help="Left out: last wave's, unit by unit.")
@click.option("--satisfied", type=click.FloatRange(0.01, 0.99), help="Left out: last wave's index, unit by unit.")
@click.option("--correlation", type=click.FloatRange(0, 1), default=0.4, show_default=True, help="Between two items.")
@click.option("--deff", type=click.FloatRange(min=1), default=1.1, show_default=True, help="Design effect.")
@click.option("--save", is_flag=True, help="Keep it as the next version and want of each unit what it says.")
@DATABASE
@JSON
@refuses
def size(
    wave: str, rule: str, points: float, total: int, shares: str, response_rate: float | None, satisfied: float | None,
    correlation: float, deff: float, save: bool, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Compute how many answers and invitations each unit needs, and what thirty answers would be worth."""
    from survey.jobs import plan as planning  # needs the statistics; the other commands do not

    site = open_site(database)
    with site.database.read() as session:
        items = len(waves.instrument_of(waves.find(session, wave)).scored_items)
    options = Options(
        Rule(rule), points, total, Shares(shares), response_rate, satisfied, correlation, items, deff
    )  # fmt: skip
    before, rows = planning.run(site.database, wave, options)
    version = planning.keep(site.database, wave, options, actor=actor(), now=site.now()) if save else None
    data = {"wave": wave, "version": version, "rates_from": before, "options": options.as_dict(), "units": rows}
    put(data, as_json=as_json, lines=plan_sentences(rows, reader()))


@sample.command()
@click.argument("wave")
@RATE
@DATABASE
@JSON
@refuses
def plan(wave: str, response_rate: float | None, database: str | None, as_json: bool) -> None:
    """Show what a draw would invite, without drawing."""
    site = open_site(database)
    with site.database.read() as session:
        strata = samples.plan(session, waves.find(session, wave), response_rate=response_rate)
    rows = [{"stratum": s.code, "unit": s.unit, "dossiers": s.population, "invitations": s.size} for s in strata]
    lines = [f"{row['stratum']:<24} {row['dossiers']:>8} {row['invitations']:>6}" for row in rows]
    put(rows, as_json=as_json, lines=[*lines, f"{sum(s.size for s in strata)} of {sum(s.population for s in strata)}"])


@sample.command()
@click.argument("wave")
@click.option("--seed", type=int, required=True, help="The published seed: the same seed gives the same sample.")
@RATE
@DOCUMENT
@DATABASE
@JSON
@refuses
def draw(
    wave: str, seed: int, response_rate: float | None, document: str | None, database: str | None, as_json: bool
) -> None:
    """Draw the sample of WAVE, once."""
    site = open_site(database)
    with site.database.begin() as session:
        record = samples.draw(
            session, waves.hold(session, wave), seed=seed, response_rate=response_rate, document=document,
            actor=actor(), now=site.now(),
        )  # fmt: skip
        data = {"wave": wave, "seed": seed, "strata": len(record.allocation["strata"]), "digest": record.digest}
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@sample.command()
@click.argument("wave")
@click.option("--document", required=True, metavar='"NUMBER, DATE, SIGNER"', help="The decision of your agency.")
@signed
@DATABASE
@refuses
def agree(wave: str, document: str, by: str, password_file: Path | None, database: str | None) -> None:
    """Agree to the newest plan of WAVE for the agency of an account; a real wave is drawn when two agencies did."""
    site = open_site(database)
    email = signer(site, by, password_file)
    with site.database.begin() as session:
        found = waves.hold(session, wave)
        seen = plans.newest(session, found).digest
        plans.approve(session, found, seen=seen, by=email, document=document, now=site.now())
        lacking = approvals.missing(approvals.given(session, plans.subject(found), seen))
    click.echo(f"{wave}: {'agreed' if lacking is None else word(lacking, reader())}")


@click.group()
def invitations() -> None:
    """Issue the personal links."""


@invitations.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def issue(wave: str, database: str | None, as_json: bool) -> None:
    """Give everybody who was drawn and can be reached a personal link."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        key = site.keys.wave(found.id)
        new = register.issue(session, found, key=key, actor=actor(), now=site.now())
        recontacts.follow(session, found, key, actor=actor(), now=site.now())
    put({"wave": wave, "new": new}, as_json=as_json, lines=[f"{new}"])


@invitations.command()
@click.argument("wave")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@DATABASE
@refuses
def export(wave: str, out: Path, database: str | None) -> None:
    """Write FILE (CSV): phone, e-mail and personal link of everybody invited, in random order, for sending.

    The file lets its holder answer for people: only you can read it; delete it when the messages are out.
    """
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        reached = list(register.contacts(session, found, site.keys, actor=actor(), now=site.now()))
    SystemRandom().shuffle(reached)
    with os.fdopen(
        os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(["phone", "email", "link"])
        writer.writerows([phone, email, f"{site.settings.base_url}/k/{code}"] for phone, email, code in reached)
    click.echo(f"{len(reached)}")


@click.group()
def counters() -> None:
    """Posters with a QR at a counter; their answers chose themselves and are counted apart."""


@counters.command()
@click.argument("wave")
@click.option("--unit", required=True, metavar="CODE", help="The rated unit.")
@click.option("--point-of-service", metavar="CODE", help="Where the poster hangs, when that is another unit.")
@click.option("--places", type=click.IntRange(min=1), required=True, help="How many answers are taken at most.")
@click.option(
    "--mode",
    type=click.Choice([Mode.COUNTER.value, Mode.KIOSK.value]),
    default=Mode.COUNTER.value,
    show_default=True,
    help="A poster with a QR, or a tablet of the office that goes back to its start after each form.",
)
@DATABASE
@JSON
@refuses
def create(
    wave: str, unit: str, point_of_service: str | None, places: int, mode: str, database: str | None, as_json: bool
) -> None:
    """Make the link of one poster or kiosk; the wave's file must name the mode."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        if unit not in {one.code for one, _target in waves.units_of(session, found)}:
            raise UnitUnknown(unit=unit)
        _cell, code = quotas.create_cell(
            session, found, key=site.keys.wave(found.id), unit_code=unit, point_of_service=point_of_service,
            mode=mode, target=places,
        )  # fmt: skip
        detail = {"unit": unit, "places": places, "mode": mode}
        audit.record(session, actor=actor(), action="counter.create", subject=wave, detail=detail, now=site.now())
    link = f"{site.settings.base_url}/q/{code}"
    put({"wave": wave, "unit": unit, "places": places, "link": link}, as_json=as_json, lines=[link])


@counters.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def show(wave: str, database: str | None, as_json: bool) -> None:
    """List the posters and kiosks of WAVE: unit, mode, places, taken, forms that followed too fast at a kiosk."""
    site = open_site(database)
    with site.database.read() as session:
        cells = quotas.of_wave(session, waves.find(session, wave))
        rows = [
            {
                "unit": one.unit_code,
                "mode": one.mode,
                "places": one.target,
                "taken": one.taken,
                "too_fast": one.too_fast,
            }
            for one in cells
        ]
    lines = ["{unit:<12} {mode:<8} {places:>6} {taken:>6} {too_fast:>6}".format(**row) for row in rows]
    put(rows, as_json=as_json, lines=lines)
