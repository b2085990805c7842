"""Result rows made ready for a page: whose they are to see, which stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from survey.groups import PointGroup
from survey.model.result import Run
from survey.model.wave import Wave
from survey.rule import Source
from survey.scheme import Area, Component, Criterion, Scheme
from survey.stages import results as stored
from survey.stages import waves
from survey.stages.results import Gap, gap, schemes_for

Row = Mapping[str, Any]
Part = Area | Criterion | Component | PointGroup
BLOCK = "block"  # a group of points, beside the groups of the index
COMPARING = ("ranked_on_", "change_not_")  # the reasons that tell what a rank or a change compares
TOLD = frozenset({  # what a rated unit may know of the others of its level before the release
    "year", "scheme", "wave", "unit", "level_of", "code", "rule", "weighting", "answers", "is_official",
    "unit_name_vi", "unit_name_en", "level", "max", "source", "status", "reason", "index", "points",
    "n_invited", "n_valid", "response_rate", "grade",
})  # fmt: skip
HEADLINES = ("overall", "total")
POINT_LEVELS = ("component", "criterion")
TEN = Decimal(10)


@dataclass(frozen=True)
class Own:
    """The rated unit that an account belongs to; it learns its own figures at the release like everybody else."""

    unit: str
    province: str
    schemes: frozenset[str]

    def may_see(self, row: Row) -> bool:
        """Neither its own rows nor the province's, whose mean would give them away."""
        return row["unit"] not in {self.unit, self.province}

    def shown(self, row: Row) -> Row:
        """Of its own level the values and counts alone.

        Every error, interval and effective size rests on a design effect pooled over the level, so those of the others
        solve for the one that is missing; so does the gap in the ranks, and a change that they share.
        """
        if row["scheme"] not in self.schemes:
            return row
        told = {key: value if key in TOLD else None for key, value in row.items()}
        reasons = [one for one in str(row["reason"] or "").split("; ") if one and not one.startswith(COMPARING)]
        return {**told, "reason": "; ".join(reasons) or None}


def own_of(session: Session, wave: Wave, unit: str | None) -> Own | None:
    """The unit that a reader belongs to, when the wave rates it."""
    if unit is None:
        return None
    rated = {one.code: one.type for one, _target in waves.units_of(session, wave)}
    if unit not in rated:
        return None
    schemes = schemes_for(session, wave, rated[unit])
    return Own(unit, wave.province, frozenset(scheme.code for scheme in schemes))


def visible(rows: Iterable[Row], own: Own | None) -> Iterator[Row]:
    """The rows that an account may have, in files as on pages."""
    return iter(rows) if own is None else (own.shown(row) for row in rows if own.may_see(row))


@dataclass(frozen=True)
class Standing:
    """One line of a table: the official figure and the same by the other weighting (METHOD section 5)."""

    official: Row
    other: Row | None

    @property
    def code(self) -> str:
        return str(self.official["code"])

    @property
    def unit(self) -> str:
        return str(self.official["unit"])

    @property
    def value(self) -> str | None:
        return headline_value(self.official)

    @property
    def other_value(self) -> str | None:
        return None if self.other is None else headline_value(self.other)


def headline_value(row: Row) -> str | None:
    value = row["points"] if row["max"] is not None else row["index"]
    return None if value is None else str(value)


def side_by_side(rows: Sequence[Row]) -> list[Standing]:
    """Official rows in their order, each with the row of the other weighting."""
    others = {_pair(row): row for row in rows if row["is_official"] != "yes"}
    return [Standing(row, others.get(_pair(row))) for row in rows if row["is_official"] == "yes"]


def _pair(row: Row) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("scheme", "unit", "level_of", "code", "rule", "answers"))


def by_rank(standings: Iterable[Standing]) -> list[Standing]:
    """Ranked units first, the best on top; then by value, then by code."""

    def place(one: Standing) -> tuple[Decimal, Decimal, str]:
        rank = one.official["rank"]
        return (Decimal(rank or "1e9"), -Decimal(one.value or "-1"), one.unit)

    return sorted(standings, key=place)


@dataclass(frozen=True)
class League:
    """The table of one scheme: its units by rank, and the survey's points by component."""

    scheme: Scheme
    standings: list[Standing]
    components: list[Component]
    points: dict[str, dict[str, Row]]

    @property
    def is_points(self) -> bool:
        """Whether the table is of points, as it is where no index is computed."""
        return bool(self.standings) and self.standings[0].official["max"] is not None

    @property
    def top(self) -> Decimal:
        """Where the scale ends: all the points that the survey gives, or 100 per cent."""
        return sum((one.max for one in self.components), Decimal(0)) if self.is_points else Decimal(100)

    @property
    def bottom(self) -> Decimal:
        """Where the pictures of an index begin: the ten below the lowest limit, so that differences can be seen."""
        lowest = [Decimal(one.official["ci_low"]) for one in self.standings if one.official["ci_low"] is not None]
        return Decimal(0) if self.is_points or not lowest else min(lowest) // TEN * TEN


def league_rows(session: Session, run: Run, schemes: Sequence[Scheme]) -> list[dict[str, Any]]:
    """What league tables are made of: the headlines, and the official points of what is surveyed."""
    codes = {one.code for scheme in schemes for one in surveyed(scheme)}
    points = stored.figures(session, run, levels_of=POINT_LEVELS, codes=codes, official_only=True)
    return [*stored.figures(session, run, levels_of=HEADLINES), *points]


def surveyed(scheme: Scheme) -> list[Component]:
    return [one for one in scheme.components if one.source is Source.SURVEY]


def league(scheme: Scheme, rows: Sequence[Row], province: str, components: Sequence[Component]) -> League:
    """The table of a scheme by the index, or by points where the wave has no index (officials)."""
    own = [row for row in rows if row["scheme"] == scheme.code]
    found = {row["level_of"] for row in own}
    headline = next((level_of for level_of in HEADLINES if level_of in found), HEADLINES[0])
    standings = side_by_side([row for row in own if row["level_of"] == headline])
    points: dict[str, dict[str, Row]] = {}
    for row in own:
        if row["is_official"] == "yes" and row["level_of"] in POINT_LEVELS:
            points.setdefault(str(row["unit"]), {})[str(row["code"])] = row
    scored = {code for row in points.values() for code, one in row.items() if one["points"] is not None}
    return League(
        scheme,
        by_rank(one for one in standings if one.unit != province),
        [one for one in components if one.code in scored],
        points,
    )


def left_out_of_ranks(standings: Iterable[Standing], items: Sequence[str]) -> list[str]:
    """The scored questions (`items`) that a table's ranks do not compare: too few answered them somewhere."""
    for one in standings:
        for reason in str(one.official["reason"] or "").split("; "):
            word, _sign, values = reason.partition("=")
            if word == "ranked_on_items":
                return [code for code in items if code not in values.split(",")]
    return []


def is_ranked_on_pooled(standings: Iterable[Standing]) -> bool:
    """Whether a table's ranks compare all answers put together, so that they may not follow the printed index."""
    return any("ranked_on_pooled_answers" in str(one.official["reason"] or "").split("; ") for one in standings)


def whole_province(rows: Iterable[Row], province: str) -> Standing | None:
    """The index of all units together, whichever scheme it stands under."""
    found = side_by_side([row for row in rows if row["unit"] == province and row["level_of"] == "overall"])
    return found[0] if found and found[0].value is not None else None


def sheet(rows: Sequence[Row], scheme: Scheme) -> dict[str, list[Standing]]:
    """A unit's figures of one scheme by what they are of."""
    levels: dict[str, list[Standing]] = {}
    for one in side_by_side([row for row in rows if row["scheme"] == scheme.code]):
        is_block = one.official["level_of"] == "group" and one.official["max"] is not None
        levels.setdefault(BLOCK if is_block else str(one.official["level_of"]), []).append(one)
    return levels


@dataclass(frozen=True)
class SheetLine:
    """One line of points: the area, criterion or component, its figure, and why a component has none."""

    part: Part
    one: Standing
    gap: Gap | None


def in_order(scheme: Scheme, levels: Mapping[str, Sequence[Standing]], audience: str) -> list[SheetLine]:
    """The points of a sheet in the scheme's order."""
    parts: list[tuple[str, Part, Component | None]] = []
    for area in scheme.areas:
        parts.append(("area", area, None))
        for criterion in area.criteria:
            parts.append(("criterion", criterion, criterion.own))
            parts.extend(("component", one, one) for one in criterion.components)
    parts.extend((BLOCK, group, None) for group in scheme.groups)
    found = {(level, one.code): one for level, ones in levels.items() for one in ones}
    return [
        SheetLine(part, one, None if scored is None else gap(scored, one.official, audience))
        for level, part, scored in parts
        for one in [found.get((level, part.code))]
        if one is not None
    ]
