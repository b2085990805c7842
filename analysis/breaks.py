"""Breaks between years: what keeps two years' figures from being compared, and which years may be.

A figure is only ever compared with a year that it stands beside without a break; changes are never added up across one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Break(StrEnum):
    """Why two years do not measure the same."""

    AUDIENCE = "audience"
    QUESTIONS = "questions"  # other questions make the index, or they are grouped otherwise
    SCALE = "scale"  # another number of steps, or others of them are satisfied
    RULE = "rule"  # another way from answers to the index
    WEIGHTING = "weighting"


@dataclass(frozen=True)
class Basis:
    """How a year was measured: `questions` are the scored items with their factors, `steps` those of their scales."""

    year: int
    audience: str
    questions: frozenset[tuple[str, str]]
    steps: frozenset[tuple[str, int]]
    satisfied: frozenset[str]
    rule: str
    weighting: str


def breaks(before: Basis, after: Basis) -> tuple[Break, ...]:
    """Every break between two years, the gravest first; none means that they may be compared."""
    differ = {
        Break.AUDIENCE: before.audience != after.audience,
        Break.QUESTIONS: before.questions != after.questions,
        Break.SCALE: (before.steps, before.satisfied) != (after.steps, after.satisfied),
        Break.RULE: before.rule != after.rule,
        Break.WEIGHTING: before.weighting != after.weighting,
    }
    return tuple(one for one, found in differ.items() if found)


def runs(years: Sequence[Basis]) -> tuple[tuple[Basis, ...], ...]:
    """The years in order, cut wherever one does not go on as the one before it: a line is drawn within a part alone."""
    parts: list[list[Basis]] = []
    for one in sorted(years, key=lambda basis: basis.year):
        if parts and not breaks(parts[-1][-1], one):
            parts[-1].append(one)
        else:
            parts.append([one])
    return tuple(tuple(part) for part in parts)
