"""What describes a wave beside its figures (what moves satisfaction, ways of answering, other questions), run by run.

Append-only as the figures are; the tables are cut into one piece a unit, so that a unit's page reads its own alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.model.result import Description, Run

Table = Mapping[str, Any]  # columns and rows, as `analysis` tells a table
Line = Mapping[str, str | None]
UNIT = "unit"


def store(session: Session, run: Run, tables: Mapping[str, Table], *, province: str) -> None:
    """Keep the tables of a run; what has no column of units is of the whole province."""
    pieces = [
        {"run_id": run.id, "name": name, "position": position, "unit_code": unit,
         "content": {"columns": table["columns"], "rows": rows}}
        for name, table in tables.items()
        for position, (unit, rows) in enumerate(_by_unit(table, province).items())
    ]  # fmt: skip
    if pieces:
        session.execute(insert(Description), pieces)


def _by_unit(table: Table, province: str) -> dict[str, list[list[str | None]]]:
    if UNIT not in table["columns"]:
        return {province: table["rows"]} if table["rows"] else {}
    place = table["columns"].index(UNIT)
    found: dict[str, list[list[str | None]]] = defaultdict(list)
    for row in table["rows"]:
        found[row[place]].append(row)
    return found


def of_unit(session: Session, run: Run, unit: str) -> dict[str, list[Line]]:
    """The lines of one unit, or of the province, by table."""
    mine = (Description.run_id == run.id) & (Description.unit_code == unit)
    wanted = select(Description.name, Description.content).where(mine)
    return {
        name: [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
        for name, content in session.execute(wanted)
    }


def names(session: Session, run: Run) -> list[str]:
    """The tables of a run that have rows."""
    return list(session.scalars(select(Description.name).where(Description.run_id == run.id).distinct()))


def whole(session: Session, run: Run, *, only: str | None = None) -> dict[str, Table]:
    """Every table of a run as it was computed, or one of them."""
    wanted = select(Description.name, Description.content).where(Description.run_id == run.id)
    if only is not None:
        wanted = wanted.where(Description.name == only)
    found: dict[str, dict[str, Any]] = {}
    for name, content in session.execute(wanted.order_by(Description.name, Description.position)):
        table = found.setdefault(name, {"columns": content["columns"], "rows": []})
        table["rows"] += content["rows"]
    return dict(found)
