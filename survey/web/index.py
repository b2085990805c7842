"""The year's index: its table of units with movements and averages, and where one unit loses points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, render_template
from sqlalchemy.orm import Session

from survey.datafile import Words
from survey.errors.index import IndexNotScored
from survey.model.index import IndexRun, IndexSheet
from survey.scheme import Scheme
from survey.stages import index_seals, index_sheets, results, units
from survey.web import figures, wording
from survey.web.figures import Own, Part, Row
from survey.web.site import signed_in, site

blueprint = Blueprint("index", __name__, url_prefix="/index")
IMPROVED = 3
GROUP, AREA, TOTAL = "group", "area", "total"


@dataclass(frozen=True)
class Line:
    """A unit in the table: its total, its areas and groups by code, its rank a year ago."""

    total: Row
    parts: Mapping[tuple[str, str], Row]
    rank_before: str | None

    @property
    def unit(self) -> str:
        return str(self.total["unit"])


@blueprint.get("/<scheme>/<int:year>")
def table(scheme: str, year: int) -> str:
    """The units by rank, who moved most, the level's average and grades."""
    with site().database.read() as session:
        sheet = index_sheets.find(session, scheme, year)
        run = index_sheets.latest(session, sheet)
        rules = index_sheets.scheme_of(sheet)
        read = index_sheets.chosen(index_sheets.figures(session, run), rules)
        own = own_unit(session, sheet, read)
        lines = lines_of(list(figures.visible(read, own)), ranks_before(session, sheet, own))
    return render_template(
        "index/table.html",
        sheet=sheet,
        scheme=rules,
        run=run,
        own=own,
        lines=lines,
        improved=improved(lines),
        grades=None if own else Counter(line.total["grade"] for line in lines if line.total["grade"]),
        average=None if own else average_of(run),
        sure=results.sureness(run.options),
        words=wording,
    )


@blueprint.get("/<scheme>/<int:year>/<unit>")
def unit(scheme: str, year: int, unit: str) -> str:
    """One unit: areas, both readings of the impact, and where it loses points."""
    with site().database.read() as session:
        sheet = index_sheets.find(session, scheme, year)
        run = index_sheets.latest(session, sheet)
        rules = index_sheets.scheme_of(sheet)
        read = index_sheets.chosen(index_sheets.figures(session, run, unit=unit), rules)
        own = own_unit(session, sheet, read)
        named = units.find(session, unit)
        shown = list(figures.visible(read, own))
        lines = lines_of(shown, ranks_before(session, sheet, own))
    if not read:
        abort(404)
    return render_template(
        "index/unit.html",
        sheet=sheet,
        scheme=rules,
        unit=named,
        line=lines[0] if lines else None,
        losses=index_sheets.losses(shown, rules),
        rows={str(row["code"]): row for row in shown},
        names=names_of(rules),
        sure=results.sureness(run.options),
        words=wording,
    )


def own_unit(session: Session, sheet: IndexSheet, rows: Sequence[Row]) -> Own | None:
    """The unit that the account belongs to when the sheet rates it: its row is withheld until the seal lets it out."""
    code = signed_in().unit
    if code is None or all(row["unit"] != code for row in rows) or index_seals.newest(session, sheet) is not None:
        return None
    return Own(code, "", frozenset({sheet.code}))


def lines_of(rows: Iterable[Row], before: Mapping[str, str]) -> list[Line]:
    """The units, ranked ones first; then by points, then by code."""
    by_unit: dict[str, dict[tuple[str, str], Row]] = {}
    for row in rows:
        by_unit.setdefault(str(row["unit"]), {})[str(row["level_of"]), str(row["code"])] = row
    lines = [Line(parts[TOTAL, TOTAL], parts, before.get(code)) for code, parts in by_unit.items()]

    def place(line: Line) -> tuple[Decimal, Decimal, str]:
        return (Decimal(line.total["rank"] or "1e9"), -Decimal(line.total["points"] or "-1"), line.unit)

    return sorted(lines, key=place)


def ranks_before(session: Session, sheet: IndexSheet, own: Own | None) -> dict[str, str]:
    """Ranks in last year's sheet by unit; none for who could find the own rank by the gap."""
    last = index_sheets.before(session, sheet)
    if last is None or own is not None:
        return {}
    try:
        rows = index_sheets.figures(session, index_sheets.latest(session, last))
    except IndexNotScored:
        return {}
    totals = [row for row in index_sheets.chosen(rows, index_sheets.scheme_of(last)) if row["level_of"] == TOTAL]
    return {str(row["unit"]): str(row["rank"]) for row in totals if row["rank"] is not None}


def improved(lines: Sequence[Line]) -> list[Line]:
    """The units that gained most against last year."""
    moved = [line for line in lines if line.total["change"] is not None and Decimal(line.total["change"]) > 0]
    return sorted(moved, key=lambda line: (-Decimal(line.total["change"]), line.unit))[:IMPROVED]


def average_of(run: IndexRun) -> Mapping[str, Any] | None:
    """The level's average of the total, as the scheme names it."""
    found = [one for one in run.options["facts"]["level_averages"] if one["level_of"] == TOTAL and one["value"]]
    return found[0] if found else None


def names_of(scheme: Scheme) -> dict[str, Words]:
    """The names of everything that has a code in the scheme."""
    parts: tuple[Sequence[Part], ...] = (scheme.areas, scheme.criteria, scheme.components, scheme.groups)
    return {part.code: part.name for some in parts for part in some}
