"""The sample design: weights, stages of clusters and strata, population sizes, calibrations and a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.errors import (
    ClusterAcrossStrata,
    LengthMismatch,
    NegativeWeight,
    NotFinite,
    OptionInvalid,
    PopulationTooSmall,
    PopulationVaries,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Column = NDArray[Any]
Choice = TypeVar("Choice", bound=StrEnum)


class LonelyPsu(StrEnum):
    """What a stratum with one sampled unit adds to the variance; there is no default."""

    FAIL = "fail"
    REMOVE = "remove"
    CERTAINTY = "certainty"
    ADJUST = "adjust"
    AVERAGE = "average"


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of sampling, each array by row: unit codes (None: every row is its own unit), stratum codes
    (None: one stratum), and the number of units in the stratum's population or, where units were drawn with unequal
    probabilities without replacement, each unit's inclusion probability (both None: drawn with replacement)."""

    ids: IntArray | None
    strata: IntArray | None
    population: FloatArray | None
    probabilities: FloatArray | None = None

    @property
    def with_replacement(self) -> bool:
        return self.population is None and self.probabilities is None


class PairRule(StrEnum):
    """How the variance is estimated from joint inclusion probabilities."""

    HORVITZ_THOMPSON = "HT"
    YATES_GRUNDY = "YG"


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is known of every two units of the only stage, in the order of their codes (rows where a row is a unit):
    `1 - pi_i pi_j / pi_ij` float64[m, m] with `1 - pi_i` on the diagonal; make it with `analysis.pps`."""

    matrix: FloatArray
    rule: PairRule


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a calibration step leaves behind for the variance: weights before and after, and the auxiliaries
    (category codes of each margin, -1 for a row outside it, and numeric columns float64[n, q])."""

    before: FloatArray
    after: FloatArray
    margins: tuple[IntArray, ...]
    numeric: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Design:
    """A declared design; make it with `declare`. A domain keeps every row: outside it `in_domain` is False."""

    weights: FloatArray
    stages: tuple[Stage, ...]
    lonely_psu: LonelyPsu
    calibrations: tuple[Calibration, ...] = ()
    in_domain: BoolArray | None = None
    adjust_domain_lonely: bool = False
    pairs: Pairs | None = None

    @property
    def rows(self) -> int:
        return len(self.weights)

    @property
    def domain_weights(self) -> FloatArray:
        """Weights with zero outside the domain, float64[n]."""
        return self.weights if self.in_domain is None else np.where(self.in_domain, self.weights, 0.0)

    @property
    def counted(self) -> BoolArray:
        """Rows inside the domain with a weight (linear calibration may have made it negative), bool[n]."""
        return np.asarray(self.domain_weights != 0)


def declare(
    weights: Column | None = None,
    *,
    lonely_psu: LonelyPsu,
    ids: Sequence[Column] = (),
    strata: Sequence[Column] = (),
    population: Sequence[Column] = (),
    probabilities: Sequence[Column] = (),
    nest: bool = False,
    adjust_domain_lonely: bool = False,
) -> Design:
    """Declare a sample design from columns of n rows.

    `ids`, `strata`, `population` hold one column per stage (the first stage first; later ones may be left out).
    Without ids every row is its own unit of the only stage. `population` counts units (N), constant in a stratum.
    `probabilities` stand in its place where units were drawn with unequal ones: above 0, up to 1, one a unit.
    `nest` says that unit codes repeat between strata. Without weights they are the product of N/n (or of 1 over the
    probability) over the stages. Raises NegativeWeight, NotFinite, LengthMismatch, ClusterAcrossStrata,
    PopulationTooSmall, PopulationVaries, OptionInvalid.
    Reference: Lumley, Complex Surveys (2010), ch. 2-3; for probabilities the variance is Brewer's (2002) approximation,
    see `analysis.pps` for better ones.
    """
    columns = [*ids, *strata, *population, *probabilities] + ([] if weights is None else [weights])
    if not columns:
        raise OptionInvalid("design", None, "weights, ids, strata, population sizes or probabilities")
    if population and probabilities:
        raise OptionInvalid("population", f"{len(population)} columns", "population sizes or probabilities, not both")
    rows = len(columns[0])
    for column in columns:
        if len(column) != rows:
            raise LengthMismatch("a column of the design", rows, len(column))
    stages = _stages(ids, strata, population or probabilities, nest, rows, unequal=bool(probabilities))
    final = _weights_from_population(stages, rows) if weights is None else checked_weights(weights)
    rule = chosen(LonelyPsu, lonely_psu, "lonely_psu")
    return Design(final, stages, rule, adjust_domain_lonely=adjust_domain_lonely)


def chosen(kind: type[Choice], value: str, option: str) -> Choice:
    """An option from its member or its text; any other text is refused instead of meaning another option."""
    try:
        return kind(value)
    except ValueError:
        raise OptionInvalid(option, str(value), ", ".join(kind)) from None


def checked_weights(weights: Column) -> FloatArray:
    """Weights as float64[n], refused when not finite or negative."""
    values = finite_weights(weights)
    if (values < 0).any():
        row = int(np.argmax(values < 0))
        raise NegativeWeight(row, float(values[row]))
    return values


def numbers(what: str, values: Column) -> FloatArray:
    """Numbers as float64 of any shape; text and objects that are none are refused. Raises OptionInvalid."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionInvalid(what, "not numbers", "numbers") from None


def column_of_numbers(what: str, values: Column) -> FloatArray:
    """One number a row, float64[n]. Raises OptionInvalid."""
    found = numbers(what, values)
    if found.ndim != 1:
        raise OptionInvalid(what, found.shape, "one dimension")
    return found


def whole_codes(what: str, values: Column) -> IntArray:
    """Whole numbers as codes int64[n]; text and fractions are refused. Raises OptionInvalid."""
    found = column_of_numbers(what, values)
    if not np.isfinite(found).all() or (found != np.floor(found)).any():
        wrong = ~np.isfinite(found) | (found != np.floor(found))
        raise OptionInvalid(f"{what}, row {int(np.argmax(wrong))},", float(found[wrong][0]), "whole numbers")
    return found.astype(np.int64)


def finite_weights(weights: Column) -> FloatArray:
    """Weights as float64[n], refused when not finite; what linear calibration without bounds makes may be negative."""
    values = column_of_numbers("weights", weights)
    bad = ~np.isfinite(values)
    if bad.any():
        raise NotFinite("weight", int(np.argmax(bad)))
    return values


def domain(design: Design, keep: BoolArray) -> Design:
    """The same design looking at the rows in `keep` (bool[n]) only; units and strata stay as they were drawn."""
    mask = yes_or_no(keep, design.rows, "domain")
    return replace(design, in_domain=mask if design.in_domain is None else design.in_domain & mask)


def yes_or_no(column: Column, rows: int, what: str) -> BoolArray:
    """A mask bool[n] from booleans or 0 and 1; a missing or other value is refused, not taken for a yes."""
    values = np.asarray(column)
    if len(values) != rows:
        raise LengthMismatch(what, rows, len(values))
    if values.ndim != 1:
        raise OptionInvalid(what, values.shape, "one dimension")
    if values.dtype.kind != "b":
        bad = ~np.isin(column_of_numbers(what, values), (0.0, 1.0))
        if bad.any():
            raise NotFinite(f"{what} (yes or no)", int(np.argmax(bad)))
    return values.astype(np.bool_)


def reweighted(design: Design, weights: Column, calibration: Calibration | None = None) -> Design:
    """The same design with other final weights and, when they come from a calibration, its record."""
    values = finite_weights(weights) if calibration is not None else checked_weights(weights)
    if len(values) != design.rows:
        raise LengthMismatch("weights", design.rows, len(values))
    added = () if calibration is None else (calibration,)
    return replace(design, weights=values, calibrations=design.calibrations + added)


def degrees_of_freedom(design: Design) -> int:
    """Number of first-stage units less number of strata, both counted where the domain has weight."""
    counted = design.counted
    first = design.stages[0]
    units = int(counted.sum()) if first.ids is None else len(np.unique(first.ids[counted]))
    strata = min(units, 1) if first.strata is None else len(np.unique(first.strata[counted]))
    return units - strata


def codes(column: Column) -> IntArray:
    """Codes 0..L-1 of a column's sorted distinct values, int64[n]; a missing (None, NaN) value is refused."""
    values = np.asarray(column)
    if values.ndim != 1:
        raise OptionInvalid("a column of categories", values.shape, "one dimension")
    if values.dtype.kind in "fmM" and (values != values).any():  # NaN and NaT
        raise NotFinite("a category", int(np.argmax(values != values)))
    if values.dtype.kind == "O":
        missing = np.array([value is None or value != value for value in values], dtype=np.bool_)
        if missing.any():
            raise NotFinite("a category", int(np.argmax(missing)))
        values = values.astype(str)
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def crossed(first: IntArray, second: IntArray) -> IntArray:
    """Codes of the pairs of two code columns, int64[n]."""
    width = int(second.max(initial=0)) + 1
    return np.asarray(np.unique(first * width + second, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def units_in_stratum(stage: Stage, rows: int) -> IntArray:
    """Number of sampled units in each row's stratum, int64[n]."""
    strata = np.zeros(rows, dtype=np.int64) if stage.strata is None else stage.strata
    if stage.ids is None:
        return np.asarray(np.bincount(strata)[strata])
    first_rows = np.unique(stage.ids, return_index=True)[1]
    return np.asarray(np.bincount(strata[first_rows], minlength=int(strata.max(initial=0)) + 1)[strata])


def _stages(
    ids: Sequence[Column],
    strata: Sequence[Column],
    sizes: Sequence[Column],
    nest: bool,
    rows: int,
    *,
    unequal: bool,
) -> tuple[Stage, ...]:
    count = max(len(ids), 1)
    for name, columns in (("strata", strata), ("probabilities" if unequal else "population", sizes)):
        if len(columns) > count:
            raise OptionInvalid(name, f"{len(columns)} columns", f"at most one for each of the {count} stages of ids")
    stages: list[Stage] = []
    parent: IntArray | None = None
    for number in range(count):
        own = codes(strata[number]) if number < len(strata) else None
        units = codes(ids[number]) if number < len(ids) else None
        if own is not None and units is not None and nest:
            units = crossed(own, units)
        if parent is not None and units is not None:
            units = crossed(parent, units)
            own = parent if own is None else crossed(parent, own)
        if own is not None and units is not None:
            _check_nested(units, own, number + 1)
        known = number < len(sizes)
        stage = Stage(
            units,
            own,
            _population(sizes[number]) if known and not unequal else None,
            _probabilities(sizes[number], units) if known and unequal else None,
        )
        _check_population(stage, rows, number + 1)
        stages.append(stage)
        parent = units
    return tuple(stages)


def _population(column: Column) -> FloatArray:
    values = column_of_numbers("population sizes", column)
    bad = np.isnan(values) | (values <= 0)
    if bad.any():
        raise NotFinite("population size", int(np.argmax(bad)))
    return values


def _probabilities(column: Column, units: IntArray | None) -> FloatArray:
    values = column_of_numbers("probabilities", column)
    bad = ~((values > 0) & (values <= 1))
    if bad.any():
        raise NotFinite("probability (above 0, up to 1)", int(np.argmax(bad)))
    if units is not None:
        of_unit = np.empty(int(units.max(initial=0)) + 1)
        of_unit[units] = values
        varies = of_unit[units] != values
        if varies.any():
            raise NotFinite("probability of a unit, the same in all its rows,", int(np.argmax(varies)))
    return values


def _check_nested(units: IntArray, strata: IntArray, stage: int) -> None:
    owner = np.empty(int(units.max(initial=0)) + 1, dtype=np.int64)
    owner[units] = strata
    across = owner[units] != strata
    if across.any():
        raise ClusterAcrossStrata(stage, int(np.argmax(across)))


def _check_population(stage: Stage, rows: int, number: int) -> None:
    if stage.population is None:
        return
    strata = np.zeros(rows, dtype=np.int64) if stage.strata is None else stage.strata
    reference = np.empty(int(strata.max(initial=0)) + 1)
    reference[strata] = stage.population
    varies = reference[strata] != stage.population
    if varies.any():
        raise PopulationVaries(number, int(np.argmax(varies)))
    sampled = units_in_stratum(stage, rows)
    short = stage.population < sampled
    if short.any():
        row = int(np.argmax(short))
        raise PopulationTooSmall(number, row, float(stage.population[row]), int(sampled[row]))


def _weights_from_population(stages: tuple[Stage, ...], rows: int) -> FloatArray:
    weights = np.ones(rows)
    for stage in stages:
        if stage.probabilities is not None:
            weights /= stage.probabilities
            continue
        if stage.population is None:
            raise OptionInvalid("weights", None, "weights, or population sizes or probabilities of every stage")
        if not np.isfinite(stage.population).all():
            raise OptionInvalid("population", float("inf"), "finite sizes, or weights of their own")
        weights *= stage.population / units_in_stratum(stage, rows)
    return weights
