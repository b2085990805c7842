"""What a sample planner assumes and wants (giả định của phương án mẫu); kept with each plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

USUAL = 30  # the forms that are asked for today
LEVEL, POWER = 0.95, 0.8


class Rule(StrEnum):
    """What the number of answers follows from."""

    TARGETS = "targets"  # as the wave file wants
    MINISTRY = "ministry"  # n = N / (1 + N e²)
    WIDTH = "width"  # a wanted half-width of the index
    APART = "apart"  # two units that differ so much shall be told apart
    TOTAL = "total"  # a number for the province, shared out


class Shares(StrEnum):
    """How a total is shared out; the rules of `analysis.planning.allocation` by name."""

    EQUAL = "equal"
    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"
    POWER = "power"


@dataclass(frozen=True)
class Options:
    """One set of wishes and assumptions. None: what the wave before showed, unit by unit."""

    rule: Rule
    points: float  # half-width (ministry, width) or difference (apart), in points
    total: int
    shares: Shares
    response: float | None
    share: float | None  # expected share of satisfied answers
    correlation: float  # of two items' answers
    items: int
    deff: float
    level: float = LEVEL
    power: float = POWER

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Options:
        """The options as a plan or a task keeps them."""
        return cls(**{**kept, "rule": Rule(kept["rule"]), "shares": Shares(kept["shares"])})
