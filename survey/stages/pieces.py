"""The codes of a scheme that a row of points may name, and what a whole can be by the figures known inside it.

A known figure is rounded: it stands for every figure that is printed so. A whole fits when it can
be a sum of what its parts can be; a group that is known inside it is another way to add it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from survey.numerals import LAST_PLACE
from survey.rule import Rule, points_of, turns_figures
from survey.scheme import Rounding, Scheme

TOTAL = "total"
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Piece:
    """A code of a scheme: its points, the components behind it, its parts, and a component's rule."""

    max: Decimal
    inside: frozenset[str]
    parts: tuple[str, ...] = ()
    rule: Rule | None = None

    @property
    def by_rule(self) -> bool:
        return turns_figures(self.rule)

    def earned(self, value: Decimal, *, is_points: bool) -> Decimal:
        """The points, to the places that are stored."""
        return value if is_points else points_of(self.rule, self.max, value).quantize(LAST_PLACE)


Pieces = Mapping[str, Piece]


def pieces_of(scheme: Scheme) -> dict[str, Piece]:
    """Every code that a row may name."""
    found: dict[str, Piece] = {}

    def whole(code: str, most: Decimal, parts: Iterable[str]) -> None:
        codes = tuple(parts)
        found.setdefault(code, Piece(most, NOTHING.union(*(found[part].inside for part in codes)), codes))

    for area in scheme.areas:
        for criterion in area.criteria:
            for one in criterion.scored_by:
                found[one.code] = Piece(one.max, frozenset({one.code}), rule=one.rule)
            whole(criterion.code, criterion.max, (one.code for one in criterion.scored_by))
        whole(area.code, area.max, (criterion.code for criterion in area.criteria))
    for group in scheme.groups:
        whole(group.code, group.max, group.parts)
    whole(TOTAL, sum((area.max for area in scheme.areas), Decimal(0)), (area.code for area in scheme.areas))
    return found


class Range(NamedTuple):
    """The least and the most that a figure can be."""

    low: Decimal
    high: Decimal

    def meets(self, other: Range) -> bool:
        return self.low <= other.high and other.low <= self.high


class Reach(NamedTuple):
    """How far below and above a printed figure the true one may be."""

    below: Decimal
    above: Decimal


def reach_of(scheme: Scheme) -> Reach:
    """Half a unit of the last place, a whole one above where the scheme cuts off; its files may round all the same."""
    last = Decimal(1).scaleb(-scheme.decimals)
    return Reach(last / 2, last if scheme.rounding is Rounding.TRUNCATE else last / 2)


def told(code: str, known: Mapping[str, Decimal], pieces: Pieces, reach: Reach) -> Range:
    """What a known figure stands for."""
    return Range(max(known[code] - reach.below, Decimal(0)), min(known[code] + reach.above, pieces[code].max))


def sum_of(code: str, known: Mapping[str, Decimal], pieces: Pieces, reach: Reach) -> Range | None:
    """What a whole can be by its parts, and by each group known inside it; None for a code that has no parts."""
    whole = pieces[code]
    if not whole.parts:
        return None
    ways = [_added(_range(part, known, pieces, reach) for part in whole.parts)]
    for group in known:
        inside = pieces[group].inside
        if group != code and pieces[group].parts and inside < whole.inside:
            rest = (_range(part, known, pieces, reach, inside) for part in whole.parts)
            ways.append(_added((told(group, known, pieces, reach), *rest)))
    return Range(max(way.low for way in ways), min(way.high for way in ways))


def _range(
    code: str, known: Mapping[str, Decimal], pieces: Pieces, reach: Reach, without: frozenset[str] = NOTHING
) -> Range:
    """What a part can be, less the components of `without`: its own figure where known, else by its parts."""
    piece = pieces[code]
    if piece.inside <= without:
        return Range(Decimal(0), Decimal(0))
    if code in known and piece.inside.isdisjoint(without):
        return told(code, known, pieces, reach)
    if not piece.parts:
        return Range(Decimal(0), piece.max)
    return _added(_range(part, known, pieces, reach, without) for part in piece.parts)


def _added(ranges: Iterable[Range]) -> Range:
    lows, highs = zip(*ranges, strict=True)
    return Range(sum(lows, Decimal(0)), sum(highs, Decimal(0)))
