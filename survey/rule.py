"""The rules by which a component of a scheme earns its points.

A rule is data: the formulas stand here in one line each, `analysis.components` computes them.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from survey import datafile
from survey.datafile import Table
from survey.faults import Reason


class Source(StrEnum):
    """Where the points of a component come from."""

    SURVEY = "survey"
    APPRAISAL = "appraisal"
    SOCIO_ECONOMIC = "socio_economic"


class ResultLevel(StrEnum):
    """The part of the satisfaction index that a rule takes its value from."""

    OVERALL = "overall"
    GROUP = "group"
    FACTOR = "factor"
    ITEM = "item"


@dataclass(frozen=True)
class Officials:
    """points = max x sum(g q) / sum(g) over the rater groups, q the mean value of the items."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Satisfaction:
    """points = max x index / 100."""

    level_of: ResultLevel
    code: str


@dataclass(frozen=True)
class Linear:
    """points = max x clip((x - floor) / (target - floor), 0, 1); a target under the floor rewards a small figure."""

    floor: Decimal
    target: Decimal


@dataclass(frozen=True)
class LinearCap:
    """points = max x min(1, x / target)."""

    target: Decimal


@dataclass(frozen=True)
class Band:
    """From the figure `min` on (up to the band above) the component earns `points`."""

    min: Decimal
    points: Decimal


@dataclass(frozen=True)
class Bands:
    """Bands with falling limits; a figure under the lowest limit earns nothing."""

    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Manual:
    """Points typed in, 0 to max."""


Rule = Officials | Satisfaction | Linear | LinearCap | Bands | Manual


class RuleKind(StrEnum):
    """The word by which a file names a rule."""

    OFFICIALS = "officials"
    SATISFACTION = "satisfaction"
    LINEAR = "linear"
    LINEAR_CAP = "linear_cap"
    BANDS = "bands"
    MANUAL = "manual"


FROM_ANSWERS = frozenset({RuleKind.OFFICIALS, RuleKind.SATISFACTION})


def turns_figures(rule: Rule | None) -> bool:
    """Whether a rule makes points of a raw figure; of all others what is given are the points themselves."""
    return isinstance(rule, Linear | LinearCap | Bands)


def points_of(rule: Rule | None, most: Decimal, figure: Decimal) -> Decimal:
    """Points of a figure, as `analysis` computes them: a file is checked before the statistics are asked."""
    match rule:
        case Linear():
            return most * min(max((figure - rule.floor) / (rule.target - rule.floor), Decimal(0)), Decimal(1))
        case LinearCap():
            return most * min(max(figure / rule.target, Decimal(0)), Decimal(1))
        case Bands():
            return next((band.points for band in rule.bands if figure >= band.min), Decimal(0))
        case _:
            return figure


def read_rule(row: Table, *, source: Source, most: Decimal) -> Rule:
    """Read the rule of a component worth `most` points; a rule from answers goes with the source survey alone."""
    table = row.table("rule")
    if table is None:
        return Manual()
    kind = table.option("kind", RuleKind)
    if kind is None:
        return Manual()
    if row.has("source") and (kind in FROM_ANSWERS) != (source is Source.SURVEY):
        table.fault("kind", Reason.UNFIT, f'source "{source}"')
    rule = _read_kind(table, kind, most)
    table.close()
    return rule


def _read_kind(table: Table, kind: RuleKind, most: Decimal) -> Rule:
    match kind:
        case RuleKind.OFFICIALS:
            return _read_officials(table)
        case RuleKind.SATISFACTION:
            return _read_satisfaction(table)
        case RuleKind.LINEAR:
            return _read_linear(table)
        case RuleKind.LINEAR_CAP:
            return _read_linear_cap(table)
        case RuleKind.BANDS:
            return _read_bands(table, most)
        case RuleKind.MANUAL:
            return Manual()


def _read_officials(table: Table) -> Officials:
    items = table.codes("items")
    for code in sorted({code for code in items if items.count(code) > 1}):
        table.fault("items", Reason.DUPLICATE, f'"{code}"')
    return Officials(items)


def _read_satisfaction(table: Table) -> Satisfaction:
    rule = Satisfaction(table.word("level_of", ResultLevel), table.code())
    if rule.level_of is ResultLevel.OVERALL and rule.code not in {"", "overall"}:
        table.fault("code", Reason.NOT_ONE_OF, "overall")
    return rule


def _read_linear(table: Table) -> Linear:
    rule = Linear(table.number("floor"), table.number("target"))
    if table.has("floor") and table.has("target") and rule.floor == rule.target:
        table.fault("target", Reason.OUT_OF_RANGE, f"floor = target = {rule.target}")
    return rule


def _read_linear_cap(table: Table) -> LinearCap:
    rule = LinearCap(table.number("target"))
    if table.has("target") and rule.target <= 0:
        table.fault("target", Reason.OUT_OF_RANGE, f"{rule.target}, not above 0")
    return rule


def _read_bands(table: Table, most: Decimal) -> Bands:
    read: list[tuple[Table, Band]] = []
    for row in table.tables("bands"):
        band = Band(row.number("min"), row.number("points"))
        if not 0 <= band.points <= most:
            row.fault("points", Reason.OUT_OF_RANGE, f"{band.points}, not 0 .. {most}")
        row.close()
        read.append((row, band))
    datafile.report_order((row, band.min) for row, band in read)
    return Bands(tuple(band for _, band in read))
