"""Mixing: sealed answers leave the spool in random order, ten of a class at least, the rest at the wave's end.

Whoever keeps daily copies sees which answers came in between two of them. So no cell is ever emptied before the end:
ten stay behind, picked at random, and what comes out last is never a remainder of a few. Facts and words carry no class
to wait in and come out at the end alone: the few of one day would tell the unit of who told them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from survey.keys import WaveKey
from survey.model.base import new_id
from survey.model.response import Answer, Facts, Judgement, Spooled
from survey.model.wave import Wave
from survey.stages import feedback, orders
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.responses import ORDER_CELL, WORDS_CELL

CHUNK = 2000


def mix(session: Session, wave: Wave, key: WaveKey, *, rng: Random, final: bool) -> int:
    """Move what may go from every cell (all of it when `final`); the number moved."""
    waiting = session.execute(
        select(Spooled.kind, Spooled.cell, func.count())
        .where(Spooled.wave_id == wave.id)
        .group_by(Spooled.kind, Spooled.cell)
    ).all()
    numbers = {(kind, cell): count if final else _may_go(kind, count) for kind, cell, count in waiting}
    return sum(
        _move(session, wave, key, kind, cell, number, rng) for (kind, cell), number in sorted(numbers.items()) if number
    )


def _may_go(kind: str, waiting: int) -> int:
    """How many of a cell may go before the end: ten at least, and ten stay."""
    return waiting - PRIVACY_FLOOR if kind == "answer" and waiting >= 2 * PRIVACY_FLOOR else 0


def waiting(session: Session, wave: Wave) -> Counter[str]:
    """How much waits, by cell."""
    found = session.execute(select(Spooled.cell, func.count()).where(Spooled.wave_id == wave.id).group_by(Spooled.cell))
    return Counter({str(cell): int(count) for cell, count in found})


def _move(session: Session, wave: Wave, key: WaveKey, kind: str, cell: str, number: int, rng: Random) -> int:
    """Move so many answers of a cell, picked at random, in random order."""
    rows = session.execute(
        select(Spooled.id, Spooled.sealed).where(Spooled.wave_id == wave.id, Spooled.kind == kind, Spooled.cell == cell)
    ).all()
    rows = rng.sample(rows, number)
    contents = [json.loads(key.open(sealed)) for _id, sealed in rows]
    if cell == ORDER_CELL:
        orders.receive(session, wave, contents)  # counts alone stay of them
        contents = []
    if cell == WORDS_CELL:
        contents = feedback.receive(session, wave, contents)  # some go to their unit, apart from all else
    table, unpack = _UNPACK["judgement" if kind == "answer" and wave.audience == "officials" else kind]
    moved = [row for content in contents for row in unpack(wave, cell, content)]
    for start in range(0, len(moved), CHUNK):
        session.execute(insert(table), moved[start : start + CHUNK])
    ids = [identity for identity, _sealed in rows]
    for start in range(0, len(ids), CHUNK):
        session.execute(delete(Spooled).where(Spooled.id.in_(ids[start : start + CHUNK])))
    return len(rows)


def _answer(wave: Wave, cell: str, content: dict[str, Any]) -> list[dict[str, Any]]:
    shared = {"wave_id": wave.id, "phase": content["phase"], "mode": content["mode"]}
    return [{"id": new_id(), **shared, "unit_code": content["unit"], "class_code": cell, "items": content["items"]}]


def _judgements(wave: Wave, cell: str, content: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each unit that the rater said something of, under a fresh random number."""
    rater = new_id()
    by_unit: dict[str, dict[str, str]] = {}
    for name, value in content["items"].items():
        unit, _, code = name.rpartition(":")
        by_unit.setdefault(unit, {})[code] = value
    shared = {"rater": rater, "wave_id": wave.id, "phase": content["phase"], "mode": content["mode"], "group": cell}
    return [{**shared, "unit_code": unit, "items": items} for unit, items in by_unit.items()]


def _facts(wave: Wave, _cell: str, content: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": new_id(), "wave_id": wave.id, "phase": content["phase"], "items": content["items"]}]


Unpack = Callable[[Wave, str, dict[str, Any]], list[dict[str, Any]]]
_UNPACK: dict[str, tuple[type[Answer] | type[Judgement] | type[Facts], Unpack]] = {
    "answer": (Answer, _answer),
    "judgement": (Judgement, _judgements),
    "facts": (Facts, _facts),
}
