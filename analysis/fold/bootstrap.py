"""Rao-Wu bootstrap of composites by domain, worked out on cells: rows are read once, whatever the replicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import sparse

from analysis.design import FloatArray, IntArray, LonelyPsu, chosen
from analysis.errors import EmptyDomain, LonelyStratum, OptionInvalid, Undefined
from analysis.fold.coding import Label, Measure, Scale
from analysis.fold.raking import Targets, Totals, fit, make_targets
from analysis.fold.sources import Source
from analysis.fold.stage import FirstStage, Units, find_units
from analysis.fold.table import Cells
from analysis.fold.tally import AHEAD, Plan, fold

BLOCK = 1 << 22  # numbers worked on at once


class Centre(StrEnum):
    """What replicates are compared with: the full sample's estimate (over R) or their own mean (over R - 1)."""

    ESTIMATE = "estimate"
    MEAN = "mean"


@dataclass(frozen=True)
class Composite:
    """Items pooled within the answer: the ratio of all their satisfied (or valued) answers to all their valid ones.
    `groups` maps a composite's name to its items."""

    groups: Mapping[str, Sequence[str]]
    scale: Scale
    numerator: Measure

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item for items in self.groups.values() for item in items))

    def plan(self, keys: tuple[str, ...], weight: str) -> Plan:
        numerator = chosen(Measure, self.numerator, "composite")
        if numerator not in (Measure.SATISFIED, Measure.VALUE) or not all(self.groups.values()):
            raise OptionInvalid("composite", str(self.numerator), "satisfied or value, of at least one item")
        place = {item: number for number, item in enumerate(self.items)}
        pools = tuple(tuple(place[item] for item in items) for items in self.groups.values())
        return Plan(keys, weight, self.items, self.scale, (numerator, Measure.VALID), pools)


@dataclass(frozen=True, eq=False)
class Replicated:
    """Estimates float64[D, G] of G composites in D domains and their replicates float64[R, D, G]; a replicate in
    which a domain has no valid answer is NaN there and left out of its standard error."""

    domains: tuple[Label, ...]
    composites: tuple[str, ...]
    values: FloatArray
    replicates: FloatArray

    def se(self, centre: Centre) -> FloatArray:
        """Bootstrap standard errors float64[D, G]. Raises Undefined where no (or, about the mean, one) replicate is."""
        centre, usable = chosen(Centre, centre, "centre"), np.isfinite(self.replicates)
        count = usable.sum(axis=0)
        mean = np.where(usable, self.replicates, 0.0).sum(axis=0) / np.maximum(count, 1)
        middle, divisor = (self.values, count) if centre is Centre.ESTIMATE else (mean, count - 1)
        if (divisor < 1).any():
            raise Undefined("the bootstrap's standard error", "a domain is empty in (nearly) every replicate")
        deviations = np.where(usable, self.replicates - middle, 0.0)
        return np.asarray(np.sqrt((deviations**2).sum(axis=0) / divisor))


def bootstrap(
    source: Source,
    design: FirstStage,
    *,
    domain: str,
    composite: Composite,
    replicates: int,
    rng: np.random.Generator,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> Replicated:
    """Composites by domain in R replicates of the Rao-Wu rescaled bootstrap of the first-stage units.

    Sufficient sums: w y and w v (y, v pooled over the composite's items) by unit x domain; a replicate multiplies
    units. Raises EmptyDomain, LonelyStratum (`fail`), OptionInvalid (no `psu`) and the refusals of `fold`.
    Reference: Rao, Wu, Yue (1992), Survey Methodology 18(2).
    """
    plan = composite.plan((*design.keys, domain), design.weight)
    (cells,) = fold(source, [plan], executor=executor, ahead=ahead)
    units = find_units(cells, design)
    factors = unit_factors(units, design, replicates, rng)
    domains = len(cells.names(domain))
    shape = (domains, len(units.stratum_of_unit))
    totals = [_table(values, (cells.code(domain), units.unit), shape) @ factors for values in cells.sums[1:]]
    return _replicated(totals, cells.names(domain), composite)


def bootstrap_raked(
    source: Source,
    design: FirstStage,
    margins: Totals,
    *,
    domain: str,
    composite: Composite,
    replicates: int,
    rng: np.random.Generator,
    tolerance: float = 1e-8,
    max_iterations: int = 500,
    executor: Executor | None = None,
    ahead: int = AHEAD,
) -> Replicated:
    """The same with the weights raked to margins (column -> level -> total), anew in every replicate.

    Sufficient sums: w, w y, w v by unit x domain x joint margin cell; a replicate multiplies units and its raking
    multiplies margin cells, so `sum_cells g(cell) sum_units m(unit) (w y)` needs no row again. Memory grows with the
    cells that occur, not with rows beyond them. Raises MarginLevelAbsent when a replicate loses a level, NotConverged,
    and the refusals of `bootstrap` and `rake`. Reference: Rao, Wu, Yue (1992); Lumley (2010) 2.3 and 7.
    """
    plan = composite.plan((*design.keys, *margins, domain), design.weight)
    (cells,) = fold(source, [plan], executor=executor, ahead=ahead)
    units = find_units(cells, design)
    targets = make_targets(cells, margins)
    factors = unit_factors(units, design, replicates, rng)
    joint, levels = _joint_cells(cells, targets)
    shape = (len(levels[0]), len(units.stratum_of_unit))
    before = _table(cells.sums[0], (joint, units.unit), shape) @ factors
    mass = before.copy()
    fit(mass, levels, targets, tolerance, max_iterations)
    ratio = np.divide(mass, before, out=np.ones_like(mass), where=before > 0)
    totals = [_raked_totals(values, cells.code(domain), joint, units, factors, ratio) for values in cells.sums[1:]]
    return _replicated(totals, cells.names(domain), composite)


def unit_factors(units: Units, design: FirstStage, replicates: int, rng: np.random.Generator) -> FloatArray:
    """Weight factors float64[P, 1 + R] of the units: ones for the full sample, then R replicates.

    `1 - s + s hits n/(n - 1)` with n - 1 draws with replacement in each stratum, strata in the order of their labels,
    and s the root of the share left unsampled. A lonely unit keeps its weight unless the rule is `fail`.
    """
    if replicates < 2:
        raise OptionInvalid("replicates", replicates, "at least 2")
    if design.psu is None:
        raise OptionInvalid("psu", None, "a column of units: replicates of single rows are not worked out on cells")
    rule = chosen(LonelyPsu, design.lonely_psu, "lonely_psu")
    factors = np.ones((len(units.stratum_of_unit), 1 + replicates))
    for stratum in range(units.strata):
        members = np.flatnonzero(units.stratum_of_unit == stratum)
        n = len(members)
        if n == 1:
            if rule is LonelyPsu.FAIL:
                raise LonelyStratum(1, int(units.first[stratum]))
            continue
        hits = rng.multinomial(n - 1, np.full(n, 1.0 / n), size=replicates).T
        shrink = np.sqrt(units.remaining[stratum])
        factors[members, 1:] = 1.0 - shrink + shrink * hits * n / (n - 1)
    return factors


def _table(values: FloatArray, place: tuple[IntArray, IntArray], shape: tuple[int, int]) -> sparse.csr_array:
    """Values by row and unit as a sparse matrix; several values of one place are added up."""
    return sparse.csr_array(sparse.coo_array((values, place), shape=shape))


def _joint_cells(cells: Cells, targets: Targets) -> tuple[IntArray, list[IntArray]]:
    """Joint margin cell of each cell, and the level of each margin in each joint cell."""
    packed = np.zeros(len(cells.counts), dtype=np.int64)
    for name, labels in zip(targets.names, targets.levels, strict=True):
        packed = packed * len(labels) + cells.code(name)
    kept, joint = np.unique(packed, return_inverse=True)
    levels: list[IntArray] = []
    for labels in reversed(targets.levels):
        kept, level = np.divmod(kept, len(labels))
        levels.insert(0, level)
    return joint.reshape(-1), levels


def _raked_totals(
    values: FloatArray, domain: IntArray, joint: IntArray, units: Units, factors: FloatArray, ratio: FloatArray
) -> FloatArray:
    """Raked totals by domain float64[D, 1 + R]: values x unit factors added up by domain and joint cell, then times
    the joint cells' ratios float64[K, 1 + R]; a few domains at a time."""
    domains, width = int(domain.max()) + 1, len(ratio)
    table = _table(values, (domain * width + joint, units.unit), (domains * width, len(factors)))
    out = np.empty((domains, factors.shape[1]))
    for part in _slices(domains, max(BLOCK // (width * factors.shape[1]), 1)):
        rows = table[part.start * width : part.stop * width] @ factors
        out[part] = np.einsum("dkr,kr->dr", rows.reshape(-1, width, factors.shape[1]), ratio)
    return out


def _slices(length: int, step: int) -> Iterator[slice]:
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def _replicated(totals: Sequence[FloatArray], domains: tuple[Label, ...], composite: Composite) -> Replicated:
    top, bottom = np.stack(totals[0::2], axis=-1), np.stack(totals[1::2], axis=-1)  # [D, 1 + R, G]
    ratios = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    if not np.isfinite(ratios[:, 0]).all():
        raise EmptyDomain(str(domains[int(np.argwhere(~np.isfinite(ratios[:, 0]))[0, 0])]))
    return Replicated(domains, tuple(composite.groups), ratios[:, 0], np.moveaxis(ratios[:, 1:], 0, 1))
