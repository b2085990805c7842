"""`hailong interviewers`: people of the drawn sample come on interviewers' lists by a seed; how far each list is."""

from __future__ import annotations

import click

from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.cli.fieldwork import JSON
from survey.stages import assignments, dispositions, interviews, recontacts, waves


@click.group()
def interviewers() -> None:
    """Interviewers on a phone: their lists, and how the work goes."""


@interviewers.command()
@click.argument("wave")
@click.option("--seed", type=int, required=True, help="The same seed over the same register gives the same lists.")
@click.option("--unit", "units", multiple=True, metavar="CODE", help="Only people of this unit; may be repeated.")
@click.option("--interviewer", "emails", multiple=True, metavar="EMAIL", help="Only these; all of them when left out.")
@click.option("--most", type=click.IntRange(min=1), help="At most so many people for each; they are taken at random.")
@click.option("--dry-run", is_flag=True, help="Show how many each would get; store nothing.")
@DATABASE
@JSON
@refuses
def assign(
    wave: str, seed: int, units: tuple[str, ...], emails: tuple[str, ...], most: int | None, dry_run: bool,
    database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Share out everybody invited who is on no list yet; nobody picks a person."""
    site = open_site(database)
    with site.database.begin() as session:
        found = waves.find(session, wave)
        key, accounts = site.keys.wave(found.id), assignments.interviewers(session, emails)
        portions = assignments.plan(session, found, key, seed=seed, units=units, accounts=accounts, most=most)
        if not dry_run:
            assignments.assign(session, found, key, portions, seed=seed, actor=actor(), now=site.now())
            recontacts.follow(session, found, key, actor=actor(), now=site.now())
        rows = [
            {"interviewer": one.account.email, "people": len(one.people), "units": dict(sorted(one.by_unit.items()))}
            for one in portions
        ]
    lines = [f"{row['interviewer']:<32} {row['people']:>5}" for row in rows]
    put(
        {"wave": wave, "seed": seed, "dry_run": dry_run, "lists": rows},
        as_json=as_json,
        lines=[*lines, *([reader().gettext("Nothing was stored.")] if dry_run else [])],
    )


@interviewers.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def status(wave: str, database: str | None, as_json: bool) -> None:
    """Count people and attempts by interviewer and outcome, and the response rates (AAPOR RR1-RR4) by unit."""
    site = open_site(database)
    with site.database.read() as session:
        found = waves.find(session, wave)
        lists = dispositions.by_interviewer(session, found)
        rates = dispositions.by_unit(session, found) if found.audience == "citizens" else {}
    rows = [
        {"interviewer": one.email, "people": one.people, "attempts": one.attempts, "outcomes": dict(one.outcomes)}
        for one in lists
    ]
    by_unit = {
        unit: {f"rr{number}": one.rate(number) for number in range(1, 5)} | {"counts": one.counts}
        for unit, one in rates.items()
    }
    head = " ".join(f"{outcome:>12}" for outcome in interviews.Outcome)
    lines = [f"{'':<32} {head} {'attempts':>9}"]
    for one in lists:
        told = " ".join(f"{one.outcomes.get(outcome, 0):>12}" for outcome in interviews.Outcome)
        lines.append(f"{one.email:<32} {told} {one.attempts:>9}")
    lines += [
        f"{unit:<16} {' '.join(_percent(one.rate(number)) for number in range(1, 5))}" for unit, one in rates.items()
    ]
    put({"wave": wave, "interviewers": rows, "units": by_unit}, as_json=as_json, lines=lines)


def _percent(rate: float | None) -> str:
    return "     -" if rate is None else f"{100 * rate:>5.1f}%"
