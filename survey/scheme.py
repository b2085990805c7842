"""The scoring scheme as data: areas, criteria and components with their points, and the rule that gives the points.

A scheme (bộ tiêu chí) is one TOML file, read and checked whole; a wave freezes its canonical text (`source`).
No key that a province decides on has a default here: a file that leaves one out is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from survey import datafile, resources
from survey.datafile import Report, Table, Words
from survey.datafile import Status as Status
from survey.errors.common import UnknownScheme
from survey.faults import Fault, Reason
from survey.groups import Known, PointGroup, read_groups
from survey.rule import Officials, ResultLevel, Rule, Satisfaction, Source, read_rule

LANGUAGES = ("vi", "en")
FULL_MARKS = Decimal(100)


class Level(StrEnum):
    """The kind of units that the scheme ranks together."""

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


class Weighting(StrEnum):
    DESIGN = "design"
    CALIBRATED = "calibrated"


class GradeOn(StrEnum):
    PUBLISHED = "published"
    UNROUNDED = "unrounded"


class Ties(StrEnum):
    SAME_RANK = "same_rank"


class LevelAverage(StrEnum):
    PLAIN = "plain"
    DOSSIERS = "dossiers"


class Rounding(StrEnum):
    HALF_UP = "half_up"
    TRUNCATE = "truncate"


@dataclass(frozen=True)
class Component:
    """A component criterion (tiêu chí thành phần), or a criterion that has none and is scored itself."""

    code: str
    name: Words
    max: Decimal
    source: Source
    rule: Rule


@dataclass(frozen=True)
class Criterion:
    """A criterion (tiêu chí); `own` is set when it is scored itself instead of by components."""

    code: str
    name: Words
    max: Decimal
    components: tuple[Component, ...]
    own: Component | None

    @property
    def scored_by(self) -> tuple[Component, ...]:
        return (self.own,) if self.own else self.components


@dataclass(frozen=True)
class Area:
    """An area (lĩnh vực) of the index."""

    code: str
    name: Words
    max: Decimal
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Grade:
    """A grade (xếp loại) from the value `min` on."""

    code: str
    name: Words
    min: Decimal


@dataclass(frozen=True)
class Scheme:
    """A scheme, checked; `source` is its canonical text and `digest` the SHA-256 of it."""

    code: str
    version: str
    years: tuple[int, ...]
    level: Level
    legal_basis: str
    status: Status
    name: Words
    index_rule: IndexRule
    aggregation: Aggregation
    weighting: Weighting
    grade_on: GradeOn
    ties: Ties
    level_average: LevelAverage
    min_valid_unit: int
    min_valid_item: int
    bonus_penalty: bool
    decimals: int
    rounding: Rounding
    officials_values: tuple[tuple[str, Decimal], ...]
    rater_weights: tuple[tuple[str, Decimal], ...]
    grades: tuple[Grade, ...]
    areas: tuple[Area, ...]
    groups: tuple[PointGroup, ...]
    file: str
    source: str
    digest: str

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(criterion for area in self.areas for criterion in area.criteria)

    @property
    def components(self) -> tuple[Component, ...]:
        """Everything that earns points: components, and criteria that have none."""
        return tuple(component for criterion in self.criteria for component in criterion.scored_by)

    @property
    def typed_in(self) -> tuple[Component, ...]:
        """The components whose figure or points somebody enters."""
        return tuple(component for component in self.components if component.source is not Source.SURVEY)

    def rates(self, unit_type: str) -> bool:
        """Say whether units of this type are scored by the scheme."""
        return unit_type in UNIT_TYPES[self.level]


class AskedItem(Protocol):
    """What a scheme needs to know of an item."""

    @property
    def code(self) -> str: ...
    @property
    def scored(self) -> bool: ...
    @property
    def codes(self) -> tuple[str, ...]: ...


class Coded(Protocol):
    @property
    def code(self) -> str: ...


class Questionnaire(Protocol):
    """What a scheme needs to know of an instrument (which it may not import)."""

    @property
    def audience(self) -> str: ...
    @property
    def groups(self) -> Sequence[Coded]: ...
    @property
    def factors(self) -> Sequence[Coded]: ...
    @property
    def items(self) -> Sequence[AskedItem]: ...


def builtin_schemes() -> tuple[str, ...]:
    """Return the codes of the schemes that are shipped."""
    return tuple(sorted(path.stem for path in resources.data("schemes").glob("*.toml")))


def builtin_scheme(code: str) -> Scheme:
    if code not in builtin_schemes():
        raise UnknownScheme(code)
    return load_scheme(resources.data("schemes", f"{code}.toml"))


def load_scheme(source: Path | str, *, file: str = "scheme.toml") -> Scheme:
    """Read a scheme from a path or from its text; refuse it with all its faults (`FaultyFile`)."""
    name = source.name if isinstance(source, Path) else file
    text = datafile.canonical(source, name)
    report = Report(name)
    report.languages = LANGUAGES
    scheme = _read(datafile.open_table(text, report), text)
    report.settle()
    return scheme


def _read(table: Table, text: str) -> Scheme:
    areas = _read_areas(table)
    scheme = Scheme(
        code=table.code(),
        version=table.text("version"),
        years=table.wholes("years"),
        level=table.word("level", Level),
        legal_basis=table.text("legal_basis"),
        status=table.word("status", Status),
        name=table.words("name"),
        index_rule=table.word("index_rule", IndexRule),
        aggregation=table.word("aggregation", Aggregation),
        weighting=table.word("weighting", Weighting),
        grade_on=table.word("grade_on", GradeOn),
        ties=table.word("ties", Ties),
        level_average=table.word("level_average", LevelAverage),
        min_valid_unit=table.whole("min_valid_unit", least=1),
        min_valid_item=table.whole("min_valid_item", least=1),
        bonus_penalty=table.required_flag("bonus_penalty"),
        decimals=table.whole("decimals", least=0),
        rounding=table.word("rounding", Rounding),
        officials_values=_read_values(table),
        rater_weights=_read_rater_weights(table),
        grades=_read_grades(table),
        areas=areas,
        groups=read_groups(table, _known(areas)),
        file=table.report.file,
        source=text,
        digest=datafile.digest(text),
    )
    table.close()
    if not scheme.officials_values and any(isinstance(one.rule, Officials) for one in scheme.components):
        table.fault("officials_values", Reason.MISSING)
    return scheme


def _read_values(table: Table) -> tuple[tuple[str, Decimal], ...]:
    values = table.numbers("officials_values")
    for code, value in values:
        if not 0 <= value <= 1:
            table.report.add("officials_values", code, Reason.OUT_OF_RANGE, f"{value}, not 0 .. 1")
    return values


def _read_rater_weights(table: Table) -> tuple[tuple[str, Decimal], ...]:
    """Read the weights of the rater groups; none means that the groups weigh the same."""
    weights = table.numbers("rater_weights")
    for code, weight in weights:
        if weight <= 0:
            table.report.add("rater_weights", code, Reason.OUT_OF_RANGE, f"{weight}, not above 0")
    return weights


def _read_grades(table: Table) -> tuple[Grade, ...]:
    read: list[tuple[Table, Grade]] = []
    for row in table.tables("grade"):
        read.append((row, Grade(row.code(), row.words("name"), row.number("min"))))
        row.close()
    datafile.report_repeats((row, grade.code) for row, grade in read)
    datafile.report_order((row, grade.min) for row, grade in read)
    if read and read[-1][1].min != 0:
        read[-1][0].fault("min", Reason.GAP, read[-1][1].min)
    return tuple(grade for _, grade in read)


def _read_areas(table: Table) -> tuple[Area, ...]:
    places: list[tuple[Table, str]] = []
    areas = tuple(_read_area(row, places) for row in table.tables("area"))
    datafile.report_repeats(places)
    _check_sum(table, "area", [area.max for area in areas], FULL_MARKS)
    return areas


def _known(areas: Sequence[Area]) -> dict[str, Known]:
    """Every code of the scheme that a group may name."""
    known: dict[str, Known] = {}
    for area in areas:
        for criterion in area.criteria:
            inner = [(one.code, one.max) for one in criterion.scored_by]
            known |= {code: Known(frozenset({code}), most) for code, most in inner}
            known[criterion.code] = Known(frozenset(code for code, _ in inner), criterion.max)
        held = frozenset().union(*(known[one.code].components for one in area.criteria))
        known[area.code] = Known(held, area.max)
    return known


def _read_area(row: Table, places: list[tuple[Table, str]]) -> Area:
    code, name, most = _read_head(row, places)
    criteria = tuple(_read_criterion(inner, places) for inner in row.tables("criterion"))
    row.close()
    _check_sum(row, "criterion", [criterion.max for criterion in criteria], most)
    return Area(code, name, most, criteria)


def _read_criterion(row: Table, places: list[tuple[Table, str]]) -> Criterion:
    code, name, most = _read_head(row, places)
    if not row.has("component"):
        own = _read_component(row, code, name, most)
        return Criterion(code, name, most, (), own)
    components = tuple(_read_component(inner, *_read_head(inner, places)) for inner in row.tables("component"))
    row.close()
    _check_sum(row, "component", [component.max for component in components], most)
    return Criterion(code, name, most, components, None)


def _read_head(row: Table, places: list[tuple[Table, str]]) -> tuple[str, Words, Decimal]:
    code, name, most = row.code(), row.words("name"), row.number("max")
    places.append((row, code))
    if row.has("max") and most <= 0:
        row.fault("max", Reason.OUT_OF_RANGE, f"{most}, not above 0")
    return code, name, most


def _read_component(row: Table, code: str, name: Words, most: Decimal) -> Component:
    source = row.word("source", Source)
    rule = read_rule(row, source=source, most=most)
    row.close()
    return Component(code, name, most, source, rule)


def _check_sum(row: Table, key: str, parts: Sequence[Decimal], whole: Decimal) -> None:
    if parts and sum(parts) != whole:
        row.fault(key, Reason.WRONG_SUM, f"{sum(parts)} ≠ {whole}")


def check_scheme_against(scheme: Scheme, instrument: Questionnaire) -> tuple[Fault, ...]:
    """Return what the scheme's rules ask of an instrument of their audience and do not find there."""
    report = Report(scheme.file)
    for place, component in _places(scheme):
        match component.rule:
            case Officials() if instrument.audience == "officials":
                _check_officials(report, place, component.rule, scheme, instrument)
            case Satisfaction() if instrument.audience == "citizens":
                _check_satisfaction(report, place, component.rule, instrument)
    return tuple(report.faults)


def _places(scheme: Scheme) -> Iterator[tuple[str, Component]]:
    for first, area in enumerate(scheme.areas, start=1):
        for second, criterion in enumerate(area.criteria, start=1):
            place = f"area[{first}].criterion[{second}]"
            if criterion.own:
                yield f"{place}.rule", criterion.own
            for third, component in enumerate(criterion.components, start=1):
                yield f"{place}.component[{third}].rule", component


def _check_officials(report: Report, place: str, rule: Officials, scheme: Scheme, instrument: Questionnaire) -> None:
    items = {item.code: item for item in instrument.items}
    valued = {code for code, _ in scheme.officials_values}
    for code in rule.items:
        if code not in items:
            report.add(place, "items", Reason.UNKNOWN_ITEM, f'"{code}"')
        elif not items[code].scored:
            report.add(place, "items", Reason.NOT_SCORED, f'"{code}"')
        else:
            for choice in items[code].codes:
                if choice not in valued:
                    report.add("officials_values", choice, Reason.NO_VALUE, f'"{choice}" ({code})')


def _check_satisfaction(report: Report, place: str, rule: Satisfaction, instrument: Questionnaire) -> None:
    match rule.level_of:
        case ResultLevel.GROUP:
            known, reason = [group.code for group in instrument.groups], Reason.UNKNOWN_GROUP
        case ResultLevel.FACTOR:
            known, reason = [factor.code for factor in instrument.factors], Reason.UNKNOWN_FACTOR
        case ResultLevel.ITEM:
            known, reason = [item.code for item in instrument.items if item.scored], Reason.UNKNOWN_ITEM
        case ResultLevel.OVERALL:
            return
    if rule.code not in known:
        report.add(place, "code", reason, f'"{rule.code}"')
