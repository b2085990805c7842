"""`hailong results years`: two waves compared in the same units, across mergers; breaks in the method are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from survey.cli.context import open_site, put, refuses
from survey.cli.database import DATABASE
from survey.cli.scores import results
from survey.stages import waves

REGROUPED = frozenset({"made_of", "part_of", "without_units"})
COLUMNS = ("unit", "before", "made_of", "after", "change", "low", "high", "clear")


@results.command()
@click.argument("before")
@click.argument("after")
@click.option(
    "--shares",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CSV unit, becomes, share: what BEFORE's units became; default: their successors, wholly.",
)
@click.option("--back", is_flag=True, help="Compare in the units of BEFORE instead of AFTER.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@DATABASE
@refuses
def years(before: str, after: str, shares: Path | None, back: bool, as_json: bool, database: str | None) -> None:
    """Compare the index of the waves BEFORE and AFTER by unit; across a break in the method nothing is compared."""
    from survey.jobs import years as job  # needs the statistics; the other commands do not

    site = open_site(database)
    with site.database.read() as session:
        first, second = waves.find(session, before), waves.find(session, after)
        found = job.compare(session, first, second, shares=shares, back=back)
    told = _lines(found.before, found.rows)
    data: dict[str, Any] = {"breaks": list(found.breaks), "units": told, **dict(job.counted(found))}
    lines = [f"break: {one}" for one in found.breaks]
    lines += ["\t".join(COLUMNS), *("\t".join(str(one[name] or "") for name in COLUMNS) for one in told)]
    put(data, as_json=as_json, lines=lines)


def _lines(before: Any, rows: Any) -> list[dict[str, Any]]:
    """One line a unit: both overall figures and what lies between them."""
    then = {row["unit"]: row for row in before if row["level_of"] == "overall"}
    now = {row["unit"]: row for row in rows if row["level_of"] == "overall"}
    lines = []
    for unit in sorted({*then, *now}):
        old, new = then.get(unit), now.get(unit)
        told = {
            "unit": unit,
            "before": old and old["index"],
            "made_of": old and _made_of(old["reason"]),
            "after": new and new["index"],
        }
        change = {"change": "change", "low": "change_low", "high": "change_high", "clear": "change_clear"}
        lines.append({**told, **{name: new[column] if new else None for name, column in change.items()}})
    return lines


def _made_of(reason: str | None) -> str | None:
    """What a row says of the units that it was put together from."""
    told = [one for one in (reason or "").split("; ") if one.partition("=")[0] in REGROUPED]
    return "; ".join(told) or None
