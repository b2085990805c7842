"""The scoring scheme as the statistics need it: how the index is made, what earns points, and what is rounded when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Any

from analysis.components.instrument import load_toml
from analysis.errors import KeyInvalid


class Level(StrEnum):
    DEPARTMENT = "department"
    COMMUNE = "commune"
    PROVINCE = "province"


UNIT_TYPES = {
    Level.DEPARTMENT: frozenset({"department", "vertical"}),
    Level.COMMUNE: frozenset({"commune", "ward", "special_zone"}),
    Level.PROVINCE: frozenset({"province"}),
}


class IndexRule(StrEnum):
    TOP2BOX = "top2box"
    MEAN5 = "mean5"
    MEAN4 = "mean4"


class Aggregation(StrEnum):
    ITEM_MEAN = "item_mean"
    COMPONENT_MEAN = "component_mean"
    POOLED_ANSWERS = "pooled_answers"


class WeightingRule(StrEnum):
    DESIGN = "design"
    CALIBRATED = "calibrated"


class Kind(StrEnum):
    """How a component earns its points."""

    OFFICIALS = "officials"
    SATISFACTION = "satisfaction"
    LINEAR = "linear"
    LINEAR_CAP = "linear_cap"
    BANDS = "bands"
    MANUAL = "manual"


@dataclass(frozen=True)
class Rule:
    """One component's rule; only the fields of its kind are set."""

    kind: Kind
    items: tuple[str, ...] = ()
    level_of: str = ""
    code: str = ""
    floor: float = 0.0
    target: float = 0.0
    bands: tuple[tuple[float, float], ...] = ()  # (from this figure on, points), falling


@dataclass(frozen=True)
class Component:
    """A component criterion (tiêu chí thành phần), or a criterion that is scored itself."""

    code: str
    maximum: float
    source: str
    rule: Rule


@dataclass(frozen=True)
class Part:
    """A row of points: a component, or a criterion, area or total that adds components up."""

    level_of: str
    code: str
    maximum: float
    source: str | None
    components: tuple[Component, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Scheme:
    """A scheme; `text` is the file as it was frozen, `digest` its SHA-256."""

    code: str
    version: str
    level: Level
    index_rule: IndexRule
    aggregation: Aggregation
    weighting: WeightingRule
    published_grades: bool
    level_average: str
    min_valid_unit: int
    min_valid_item: int
    bonus_penalty: bool
    decimals: int
    half_up: bool
    officials_values: Mapping[str, float]
    rater_weights: Mapping[str, float]
    grades: tuple[tuple[str, Decimal], ...]
    total: Part
    groups: tuple[Part, ...]
    text: str
    digest: str

    @property
    def components(self) -> tuple[Component, ...]:
        return self.total.components

    def serves(self, unit_type: str) -> bool:
        return unit_type in UNIT_TYPES[self.level]

    def published(self, value: str) -> Decimal:
        """A stored figure (six decimals) as it is printed."""
        return Decimal(value).quantize(self._printed, rounding=ROUND_HALF_UP if self.half_up else ROUND_DOWN)

    @cached_property
    def _printed(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)

    def compared(self, value: str) -> Decimal:
        """A stored figure as grades and ranks see it (`grade_on`)."""
        return self.published(value) if self.published_grades else Decimal(value)

    def edge(self, least: Decimal) -> float:
        """The smallest figure that grades see as `least` or more: 89.995 is printed 90.00, where half goes up."""
        if not self.published_grades:
            return float(least)
        printed = least.quantize(self._printed, rounding=ROUND_CEILING)
        return float(printed - self._printed / 2 if self.half_up else printed)

    def grade(self, value: str) -> str | None:
        """Code of the grade of a percentage; None when the scheme has no grade that low."""
        seen = self.compared(value)
        for code, least in self.grades:
            if seen >= least:
                return code
        return None

    def parts(self) -> tuple[Part, ...]:
        """Every row of points: the total first, then each area followed by what it is made of, then the groups."""
        found: list[Part] = []

        def walk(part: Part) -> None:
            found.append(part)
            for inner in part.parts:
                walk(inner)

        walk(self.total)
        return (*found, *self.groups)


def parse_scheme(text: str, *, file: str = "scheme.toml") -> Scheme:
    """Read a scheme's text; no key that a province decides on has a default. Raises KeyInvalid naming file and key."""
    read = _Reader(load_toml(text, file), file, "")
    values, weights = read.numbers("officials_values"), read.numbers("rater_weights")
    grades = [(str(one.value("code")), Decimal(repr(one.number("min")))) for one in read.each("grade")]
    areas = tuple(_area(inner) for inner in read.each("area"))
    total = _sum("total", "total", areas, sum(area.maximum for area in areas))
    return Scheme(
        code=str(read.value("code")),
        version=str(read.value("version")),
        level=Level(read.word("level", Level)),
        index_rule=IndexRule(read.word("index_rule", IndexRule)),
        aggregation=Aggregation(read.word("aggregation", Aggregation)),
        weighting=WeightingRule(read.word("weighting", WeightingRule)),
        published_grades=read.word("grade_on", ("published", "unrounded")) == "published",
        level_average=read.word("level_average", ("plain", "dossiers")),
        min_valid_unit=read.whole("min_valid_unit"),
        min_valid_item=read.whole("min_valid_item"),
        bonus_penalty=bool(read.value("bonus_penalty")),
        decimals=read.whole("decimals"),
        half_up=read.word("rounding", ("half_up", "truncate")) == "half_up",
        officials_values=values,
        rater_weights=weights,
        grades=tuple(sorted(grades, key=lambda one: one[1], reverse=True)),
        total=total,
        groups=tuple(_group(inner, total) for inner in read.each("group")),
        text=text,
        digest=sha256(text.encode()).hexdigest(),
    )


@dataclass(frozen=True)
class _Reader:
    table: Mapping[str, Any]
    file: str
    place: str

    def value(self, key: str) -> Any:
        if key not in self.table:
            raise KeyInvalid(self.file, self.place, key, None, "a value: the key is missing")
        return self.table[key]

    def word(self, key: str, allowed: Any) -> str:
        value = self.value(key)
        if value not in list(allowed):
            raise KeyInvalid(self.file, self.place, key, value, ", ".join(allowed))
        return str(value)

    def number(self, key: str) -> float:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise KeyInvalid(self.file, self.place, key, value, "a number")
        return float(value)

    def numbers(self, key: str) -> dict[str, float]:
        inner = _Reader(self.table.get(key, {}), self.file, key)
        return {str(code): inner.number(code) for code in inner.table}

    def whole(self, key: str) -> int:
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise KeyInvalid(self.file, self.place, key, value, "a whole number, 0 or more")
        return value

    def each(self, key: str) -> list[_Reader]:
        rows = self.table.get(key, [])
        return [_Reader(row, self.file, f"{self.place} {key} {row.get('code', '?')}".strip()) for row in rows]


def _sum(level_of: str, code: str, parts: tuple[Part, ...], maximum: float) -> Part:
    components = tuple(one for part in parts for one in part.components)
    sources = {one.source for one in components}
    return Part(level_of, code, maximum, sources.pop() if len(sources) == 1 else None, components, parts)


def _area(read: _Reader) -> Part:
    criteria = tuple(_criterion(inner) for inner in read.each("criterion"))
    return _sum("area", str(read.value("code")), criteria, read.number("max"))


def _criterion(read: _Reader) -> Part:
    parts = tuple(_component(inner) for inner in read.each("component"))
    if parts:
        return _sum("criterion", str(read.value("code")), parts, read.number("max"))
    own = _component(read)
    return Part("criterion", own.code, own.maximum, own.source, own.components)


def _component(read: _Reader) -> Part:
    table = read.table.get("rule", {"kind": Kind.MANUAL})
    inner = _Reader(table, read.file, f"{read.place} rule")
    kind = Kind(inner.word("kind", Kind))
    rule = _rule(kind, inner)
    code, source = str(read.value("code")), str(read.value("source"))
    component = Component(code, read.number("max"), source, rule)
    return Part("component", component.code, component.maximum, component.source, (component,))


def _group(read: _Reader, total: Part) -> Part:
    """Points that are added up across the areas, beside them."""
    known: dict[str, Part] = {}

    def walk(part: Part) -> None:
        known[part.code] = part
        for inner in part.parts:
            walk(inner)

    walk(total)
    codes = [str(code) for code in read.value("parts")]
    for code in codes:
        if code not in known:
            raise KeyInvalid(read.file, read.place, "parts", code, "codes of areas, criteria and components")
    parts = tuple(known[code] for code in codes)
    return _sum("group", str(read.value("code")), parts, read.number("max"))


def _rule(kind: Kind, read: _Reader) -> Rule:
    if kind is Kind.OFFICIALS:
        return Rule(kind, items=tuple(str(item) for item in read.value("items")))
    if kind is Kind.SATISFACTION:
        return Rule(kind, level_of=str(read.value("level_of")), code=str(read.value("code")))
    if kind is Kind.LINEAR:
        floor, target = read.number("floor"), read.number("target")
        if floor == target:
            raise KeyInvalid(read.file, read.place, "target", target, "a figure other than the floor")
        return Rule(kind, floor=floor, target=target)
    if kind is Kind.LINEAR_CAP:
        target = read.number("target")
        if target <= 0:
            raise KeyInvalid(read.file, read.place, "target", target, "a positive figure")
        return Rule(kind, target=target)
    if kind is Kind.BANDS:
        bands = [(one.number("min"), one.number("points")) for one in read.each("bands")]
        return Rule(kind, bands=tuple(sorted(bands, reverse=True)))
    return Rule(kind)
