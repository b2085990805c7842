"""A dry run of a scheme: a closed wave scored by it beside its newest run, nothing of either changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from analysis.components.scheme import parse_scheme
from analysis.errors import AnalysisError
from analysis.extract import score
from survey.db import Database
from survey.errors.common import ScoringRefused
from survey.errors.schemes import SchemeServesNone
from survey.jobs import extract
from survey.scheme import Scheme
from survey.stages import results, schemes, units, waves

LEVELS = ("total", "overall")
TOLD = ("index", "points", "grade", "rank", "status")


def run(database: Database, digest: str, wave_code: str, *, actor: str, now: datetime) -> list[dict[str, Any]]:
    """A line a unit: value, grade and rank by the wave's own scheme and by this one."""
    with database.read() as session:
        wave, scheme = waves.find(session, wave_code), schemes.find(session, digest).scheme
        taken, newest = extract.build(session, wave), results.latest(session, wave)
        stored = results.figures(session, newest, levels_of=LEVELS, official_only=True)
        named = units.of_codes(session, {row["unit"] for row in stored})
    rated = {unit.code for unit in named.values() if scheme.rates(unit.type)}
    if not rated:
        raise SchemeServesNone(code=scheme.code, wave=wave_code)
    try:
        scored = [row.as_dict() for row in score(taken, parse_scheme(scheme.source)).rows]
    except AnalysisError as error:
        raise ScoringRefused(wave=wave_code, reason=str(error)) from error
    own = [row for row in scored if row["unit"] in rated and row["level_of"] in LEVELS and _is_chosen(row, scheme)]
    lines = _lines([row for row in stored if row["unit"] in rated], own)
    with database.begin() as session:
        schemes.store_trial(session, scheme, waves.find(session, wave_code), lines, by=actor, now=now)
    return lines


def _is_chosen(row: dict[str, Any], scheme: Scheme) -> bool:
    """Whether the row is what the scheme would call official."""
    names_rule = row["rule"] in (None, "", scheme.index_rule.value)
    return row["answers"] == "all" and row["weighting"] == scheme.weighting.value and names_rule


def _lines(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    was = {(row["unit"], row["level_of"]): row for row in before}
    now = {(row["unit"], row["level_of"]): row for row in after}
    return [
        {
            "unit": unit,
            "level_of": level_of,
            "unit_name_vi": now[unit, level_of]["unit_name_vi"],
            "unit_name_en": now[unit, level_of]["unit_name_en"],
            "before": {name: was.get((unit, level_of), {}).get(name) for name in TOLD},
            "after": {name: now[unit, level_of][name] for name in TOLD},
        }
        for unit, level_of in sorted(now)
    ]
