"""Two years compared in the same units: the earlier one's figures regrouped, every break in the method named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.components.changes import with_changes
from analysis.components.result_rows import IDENTITY
from analysis.components.rows import Row
from analysis.errors import AnalysisError
from analysis.regrouping import Share, masses, read_shares, regrouped, turned
from survey.errors.common import ScoringRefused
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import breaks, results, waves
from survey.stages.breaks import Break

INDEX = ("item", "factor", "group", "overall")
WHOLE = 1.0


@dataclass(frozen=True)
class Compared:
    """The later year's rows with their change, or the breaks for which there is none; `before` are the earlier year's
    rows in the same units."""

    breaks: tuple[Break, ...]
    before: tuple[Mapping[str, Any], ...]
    rows: tuple[Mapping[str, Any], ...]


def compare(session: Session, before: Wave, after: Wave, *, shares: Path | None = None, back: bool = False) -> Compared:
    """Both waves' official index in the units of the later one, or (`back`) of the earlier one.

    Without a file of shares units lead to their successors wholly. ScoringRefused for a file that does not fit.
    """
    old, new = _rows(session, before), _rows(session, after)
    found = breaks.between(breaks.method(session, before, old), breaks.method(session, after, new))
    try:
        table = (
            tuple(_successors(session, before, after))
            if shares is None
            else read_shares(shares.read_bytes(), shares.name)
        )
    except AnalysisError as error:
        raise ScoringRefused(wave=before.code, reason=str(error)) from error
    dossiers = _dossiers(session, before)
    if back:
        new = regrouped(new, turned(table, dossiers), masses(table, dossiers))
    else:
        old = regrouped(old, table, dossiers)
    if found:
        return Compared(found, tuple(old), tuple(new))
    previous = {tuple(str(row[name]) for name in IDENTITY): row for row in old}
    changed = with_changes([Row(**row) for row in new], previous)
    return Compared((), tuple(old), tuple(row.as_dict() for row in changed))


def _rows(session: Session, wave: Wave) -> Sequence[dict[str, Any]]:
    found = results.figures(session, results.latest(session, wave), levels_of=INDEX, official_only=True)
    return [row for row in found if row["unit"] != wave.province]


def _successors(session: Session, before: Wave, after: Wave) -> list[Share]:
    """Units of the earlier wave that are not in the later one, with those that they became."""
    every = {unit.code: unit for unit in session.scalars(select(Unit))}
    there = {unit.code for unit, _target in waves.units_of(session, after)}
    found = []
    for unit, _target in waves.units_of(session, before):
        code, seen = unit.code, {unit.code}
        while code not in there and (following := every[code].successor) in every and following not in seen:
            code = str(following)
            seen.add(code)
        if code != unit.code:
            found.append(Share(unit.code, code, WHOLE))
    became = {one.becomes for one in found}
    kept = {unit.code for unit, _target in waves.units_of(session, before)} & became
    return sorted([*found, *(Share(code, code, WHOLE) for code in kept)])


def _dossiers(session: Session, wave: Wave) -> dict[str, float]:
    wanted = select(ClassCell.unit_code, func.sum(ClassCell.population)).where(ClassCell.wave_id == wave.id)
    return {str(unit): float(number) for unit, number in session.execute(wanted.group_by(ClassCell.unit_code))}


def counted(found: Compared) -> Counter[str]:
    """How many of the later year's overall figures moved up or down clearly, or not clearly."""
    told: Counter[str] = Counter()
    for row in found.rows:
        if row["level_of"] == "overall" and row["change"] is not None:
            word = "up" if float(str(row["change"])) > 0 else "down"
            told[word if row["change_clear"] == "yes" else "not_clear"] += 1
    return told
