"""The first stage of sampling, read off finished cells: units, strata, population sizes and the lonely-unit rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.design import FloatArray, IntArray, LonelyPsu
from analysis.errors import EmptyDomain, LonelyStratum, NotFinite, NotNested, PopulationTooSmall, Undefined
from analysis.fold.table import Cells

CERTAIN = 1e-7  # a stratum sampled up to this remaining share adds nothing


@dataclass(frozen=True)
class FirstStage:
    """Names of the columns that tell how the rows were drawn.

    `psu` None: every row is its own unit; `stratum` None: one stratum; `population` the number of units in the
    stratum's population (None: drawn with replacement). `nest` says that unit labels repeat between strata.
    """

    weight: str
    lonely_psu: LonelyPsu
    psu: str | None = None
    stratum: str | None = None
    population: str | None = None
    nest: bool = False

    @property
    def strata_keys(self) -> tuple[str, ...]:
        return tuple(key for key in (self.stratum, self.population) if key is not None)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of a unit; as the first keys of a plan they put the cells of a unit side by side."""
        return self.strata_keys if self.psu is None else (*self.strata_keys, self.psu)


@dataclass(frozen=True, eq=False)
class Units:
    """Units 0..P-1 and strata 0..H-1: unit and stratum of each cell, stratum of each unit, units drawn and share left
    unsampled of each stratum, a row in each stratum."""

    unit: IntArray
    stratum: IntArray
    stratum_of_unit: IntArray
    drawn: IntArray
    remaining: FloatArray
    first: IntArray

    @property
    def strata(self) -> int:
        return len(self.drawn)


def find_units(cells: Cells, design: FirstStage) -> Units:
    """Units and strata of cells whose keys begin with `design.keys`; without `psu` a unit is a row, counted but not
    numbered. Raises EmptyDomain (no rows), NotNested, NotFinite, PopulationTooSmall."""
    if not len(cells.counts):
        raise EmptyDomain("of all rows")
    stratum, starts = _runs(cells, design.strata_keys)
    unit, unit_starts = _runs(cells, design.keys)
    strata = len(starts)
    of_unit = stratum[unit_starts]
    if design.psu is None:
        drawn = np.bincount(stratum, weights=cells.counts, minlength=strata).astype(np.int64)
    else:
        drawn = np.bincount(of_unit, minlength=strata)
        _check_nested(cells, design, unit_starts)
    first = np.full(strata, np.iinfo(np.int64).max)
    np.minimum.at(first, stratum, cells.first)
    return Units(unit, stratum, of_unit, drawn, _remaining(cells, design, starts, drawn, first), first)


def multipliers(units: Units, design: FirstStage) -> FloatArray:
    """What a stratum's sum of squared deviations is multiplied by, float64[H]: `(1 - f) n / (n - 1)`; for a lonely
    unit by the rule (its deviation is from its own mean, but from zero under `adjust`, which is the mean of a
    linearised ratio). Raises LonelyStratum under `fail`, Undefined when `average` has nothing to average.
    """
    drawn, remaining = units.drawn, units.remaining
    factor = np.where(drawn > 1, remaining * drawn / np.maximum(drawn - 1, 1), remaining)
    factor[remaining < CERTAIN] = 0.0
    lonely = (drawn == 1) & (remaining >= CERTAIN)
    if lonely.any() and design.lonely_psu is LonelyPsu.FAIL:
        raise LonelyStratum(1, int(units.first[np.argmax(lonely)]))
    if design.lonely_psu is LonelyPsu.AVERAGE:
        if lonely.all():
            raise Undefined("the average rule for lonely units", "no stratum has two units")
        factor[lonely] = 0.0
        factor *= len(drawn) / (len(drawn) - float(lonely.sum()))
    return np.asarray(factor)


def _runs(cells: Cells, keys: tuple[str, ...]) -> tuple[IntArray, IntArray]:
    """Number of the run of equal keys that each cell is in, and the first cell of each run."""
    change = np.zeros(len(cells.counts), dtype=np.bool_)
    change[:1] = True
    for key in keys:
        code = cells.code(key)
        change[1:] |= code[1:] != code[:-1]
    return np.cumsum(change) - 1, np.flatnonzero(change)


def _check_nested(cells: Cells, design: FirstStage, unit_starts: IntArray) -> None:
    if design.nest or design.psu is None or design.stratum is None:
        return
    used = np.bincount(cells.code(design.psu)[unit_starts])
    if (used > 1).any():
        raise NotNested(design.psu, str(cells.names(design.psu)[int(np.argmax(used > 1))]), design.stratum)


def _remaining(cells: Cells, design: FirstStage, starts: IntArray, drawn: IntArray, first: IntArray) -> FloatArray:
    """Share of each stratum's population that was not drawn, float64[H]."""
    if design.population is None:
        return np.ones(len(starts))
    if design.stratum is not None:
        own = np.bincount(cells.code(design.stratum)[starts])
        if (own > 1).any():
            label = cells.names(design.stratum)[int(np.argmax(own > 1))]
            raise NotNested(design.stratum, str(label), design.population)
    elif len(starts) > 1:
        raise NotNested("the only stratum", "", design.population)
    sizes = np.array([_size(label) for label in cells.names(design.population)])
    population = sizes[cells.code(design.population)[starts]]
    if not (population > 0).all():
        raise NotFinite(design.population, int(first[np.argmin(population > 0)]))
    if (population < drawn).any():
        place = int(np.argmax(population < drawn))
        raise PopulationTooSmall(1, int(first[place]), float(population[place]), int(drawn[place]))
    return np.asarray(1.0 - drawn / population)


def _size(label: float | str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")
