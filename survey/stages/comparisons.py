"""Two runs of a wave side by side: every line that differs, with what made it differ.

A run names the hash of each of its parts, so what is the same in both is known; which typed-in figures changed, by whom
and from where stands in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.model.audit import AuditEntry
from survey.model.result import Run
from survey.model.wave import Wave
from survey.stages import results, waves

KEY = ("scheme", "unit", "level_of", "code", "rule", "weighting", "answers")
ANSWERS, INPUTS = "answers.csv", "inputs.csv"
PART_LEVELS = frozenset({"component", "criterion", "area", "group", "total"})


class Cause(StrEnum):
    """What can make a line differ."""

    ANSWERS = "answers"
    FRAME = "frame"
    FLAGS = "flags"
    INPUTS = "inputs"
    SCHEME = "scheme"
    INSTRUMENT = "instrument"
    PREVIOUS = "previous"
    CODE = "code"
    OTHERS = "others"  # nothing of the unit itself: the other units of its level moved
    UNKNOWN = "unknown"


CAUSES = {"sample.csv": Cause.FRAME, "margins.csv": Cause.FRAME, "instrument.toml": Cause.INSTRUMENT}


@dataclass(frozen=True)
class Typed:
    """A typed-in figure that changed between two runs."""

    unit: str
    code: str
    before: str | None
    after: str
    source: str
    by: str


@dataclass(frozen=True)
class Line:
    """A line that is not the same in both runs: which columns, from what to what, and why."""

    key: Mapping[str, str]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed: tuple[str, ...]
    causes: tuple[Cause, ...]
    typed: tuple[Typed, ...]


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs as wholes."""

    causes: tuple[Cause, ...]
    typed: tuple[Typed, ...]
    versions: tuple[str, str]


def compare(session: Session, wave: Wave, before: Run, after: Run) -> Comparison:
    """What the two runs were made from differently."""
    typed = tuple(_typed(session, wave, before, after))
    return Comparison(tuple(_causes(before, after)), typed, (before.code_version, after.code_version))


def lines(session: Session, wave: Wave, before: Run, after: Run, found: Comparison) -> Iterator[Line]:
    """Every line that differs, in the order of the results."""
    parts = {one.code: _parents(one) for one in waves.schemes_of(session, wave)}
    old = {_key(row): row for row in results.figures(session, before)}
    new = {_key(row): row for row in results.figures(session, after)}
    for key in dict.fromkeys((*old, *new)):
        first, second = old.get(key), new.get(key)
        if first == second:
            continue
        named = dict(zip(KEY, key, strict=True))
        changed = tuple(name for name in (first or second or {}) if (first or {}).get(name) != (second or {}).get(name))
        typed = tuple(one for one in found.typed if _concerns(one, named, parts.get(named["scheme"], {})))
        yield Line(named, first, second, changed, _why(found, named, changed, typed), typed)


def _why(
    found: Comparison, key: Mapping[str, str], changed: Sequence[str], typed: Sequence[Typed]
) -> tuple[Cause, ...]:
    """The causes that can have moved this line: typed-in figures move their own sums, flags the scores without them."""
    causes: list[Cause] = [cause for cause in found.causes if cause is not Cause.INPUTS]
    if Cause.FLAGS in causes and key["answers"] != "unflagged":
        causes.remove(Cause.FLAGS)
    if typed:
        causes.append(Cause.INPUTS)
    if not causes:
        return (Cause.OTHERS,) if found.causes else (Cause.UNKNOWN,)
    return tuple(causes)


def _causes(before: Run, after: Run) -> Iterator[Cause]:
    old, new = (dict(run.options.get("parts", {})) for run in (before, after))
    flags = before.options.get("flags") != after.options.get("flags")
    told = set()
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        told.add(_cause_of(name, flags))
    if before.code_version != after.code_version:
        told.add(Cause.CODE)
    yield from (cause for cause in Cause if cause in told)


def _cause_of(name: str, flags: bool) -> Cause:
    if name == ANSWERS:
        return Cause.FLAGS if flags else Cause.ANSWERS
    if name == INPUTS:
        return Cause.INPUTS
    if name.startswith("scheme"):
        return Cause.SCHEME
    return CAUSES.get(name, Cause.PREVIOUS)


def _typed(session: Session, wave: Wave, before: Run, after: Run) -> Iterator[Typed]:
    """The typed-in figures that changed between the two, by the log: the first value before, the last after."""
    start, end = sorted((before.made_at, after.made_at))
    wanted = select(AuditEntry).where(AuditEntry.subject == wave.code, AuditEntry.action == "input.set")
    wanted = wanted.where(AuditEntry.at >= start, AuditEntry.at <= end).order_by(AuditEntry.number)
    found: dict[tuple[str, str], Typed] = {}
    for entry in session.scalars(wanted):
        told = json.loads(entry.detail)
        key = told["unit"], told["code"]
        first = found[key].before if key in found else told["before"]
        found[key] = Typed(*key, first, told["value"], told["source"], entry.actor)
    for key, one in found.items():
        was, stands = (None if text is None else f"{Decimal(text).normalize():f}" for text in (one.before, one.after))
        if was != stands:
            yield Typed(*key, was, str(stands), one.source, one.by)


def _concerns(typed: Typed, key: Mapping[str, str], parents: Mapping[str, frozenset[str]]) -> bool:
    if typed.unit != key["unit"] or key["level_of"] not in PART_LEVELS:
        return False
    return key["level_of"] in {"total", "group"} or key["code"] in parents.get(typed.code, frozenset())


def _parents(scheme: Any) -> dict[str, frozenset[str]]:
    """Each component with the codes of the sums that hold it, its own code among them."""
    found = {}
    for area in scheme.areas:
        for criterion in area.criteria:
            for one in (criterion.own,) if criterion.own else criterion.components:
                found[one.code] = frozenset({one.code, criterion.code, area.code})
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def told(line: Line) -> list[tuple[str, Any, Any]]:
    """The columns that differ with both values."""
    return [(name, (line.before or {}).get(name), (line.after or {}).get(name)) for name in line.changed]
