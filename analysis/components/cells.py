"""Calibration cells of a unit: classes with answers enough, the rest as one, and factors that keep within their caps.

A cell's total is met by one factor for all its answers, as long as every final / base weight stays within FACTORS times
the unit's mean; where a cap binds, the factors are `clip(s x factor)` with the s that still meets the total (truncated
raking, a calibration with bounds). A cell whose total lies outside its caps altogether is joined to the nearest cell of
the unit, by the stored rule of `joining`, until the caps allow the sum; what each then misses is told.
References: Deville and Särndal (1992); Deville, Särndal, Sautory (1993); Holt and Smith (1979) on collapsing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.grouping import Group
from analysis.components.joining import nearest
from analysis.design import FloatArray, IntArray
from analysis.errors import CountsDisagree, MarginMissing

CLASS_LEAST = 10  # answers that a class needs for a margin of its own (METHOD.md section 4)
PART_LEAST = 5  # answers of what weighting treats by itself: official and adjusted figure together would tell fewer to
# somebody who knows every weight, and for that the hard floor holds (STATISTICS.md, disclosure)
FACTORS = (0.3, 3.0)  # limits of final / base weight, as a multiple of the unit's mean (STATISTICS.md, nonresponse)
SLACK = 1e-9  # relative difference up to which two sums of weights count as equal


@dataclass(frozen=True)
class Unmet:
    """A cell whose frame total the caps do not allow: what is wanted and what its answers add up to."""

    cell: str
    wanted: float
    reached: float


@dataclass(frozen=True, eq=False)
class Cells:
    """Cell code int64[g] of each group, the total of each cell float64[C], the cells' names and units."""

    codes: IntArray
    totals: FloatArray
    names: tuple[str, ...]
    units: tuple[str, ...]


def make_cells(
    groups: Sequence[Group], populations: Mapping[str, float], class_totals: Mapping[str, Mapping[str, float]]
) -> Cells:
    """The cells of every unit with answers. Raises MarginMissing, CountsDisagree (answers of no dossier)."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group in groups:
        counts[group.unit][group.class_] += group.count
    cell_of: dict[tuple[str, str], tuple[str, str]] = {}
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for unit, found in sorted(counts.items()):
        if unit not in populations:
            raise MarginMissing("unit", unit)
        if populations[unit] <= 0:
            raise CountsDisagree("dossiers and answers", f"unit {unit}", populations[unit], sum(found.values()))
        frame = class_totals.get(unit, {})
        for code, cell in _targets(found, frame).items():
            cell_of[unit, code] = (unit, cell)
            totals[unit, cell] += frame.get(code, 0.0)
        if not frame:  # a frame without classes: the unit is one cell
            totals[cell_of[unit, next(iter(found))]] = populations[unit]
    place = {key: number for number, key in enumerate(totals)}
    codes = np.array([place[cell_of[group.unit, group.class_]] for group in groups], dtype=np.int64)
    names = tuple(cell for _, cell in totals)
    return Cells(codes, np.array(list(totals.values())), names, tuple(unit for unit, _ in totals))


def bounded(base: FloatArray, before: FloatArray, cells: Cells) -> tuple[FloatArray, Cells, dict[str, list[Unmet]]]:
    """Weight sums float64[g] that meet the cells' totals within FACTORS, the cells that could be met, and by unit those
    that could not.

    `base`, `before` float64[g]: the groups' sums of base weights, and of weights before the calibration.
    """
    unit, mean = _mean_factors(base, cells)
    joined = _joined(np.bincount(cells.codes, base) * mean[unit], cells)
    heads, number = np.unique(joined, return_inverse=True)
    totals = np.asarray(np.bincount(number, cells.totals), dtype=np.float64)
    names, units = (tuple(one[head] for head in heads.tolist()) for one in (cells.names, cells.units))
    new = Cells(number[cells.codes].astype(np.int64), totals, names, units)
    after = before * (totals / np.bincount(new.codes, before))[new.codes]
    relative = after / base / mean[unit][cells.codes]
    outside = (relative < FACTORS[0] * (1 - SLACK)) | (relative > FACTORS[1] * (1 + SLACK))
    for cell in np.unique(new.codes[outside]).tolist():
        own = np.flatnonzero(new.codes == cell)
        after[own] *= within_caps(relative[own], base[own]) / relative[own]
    return after, new, _unmet(after, cells, joined)


def within_caps(factors: FloatArray, mass: FloatArray) -> FloatArray:
    """`clip(s x factors)` with the s that keeps their sum by `mass` (which has to lie within FACTORS times the mass):
    the sum over s is linear between the points where one more factor meets a cap."""
    points = np.sort(np.concatenate([bound / factors for bound in FACTORS]))
    sums = np.clip(points[:, None] * factors, *FACTORS) @ mass
    return np.asarray(np.clip(np.interp(factors @ mass, sums, points) * factors, *FACTORS))


def _targets(counts: Mapping[str, int], frame: Mapping[str, float]) -> dict[str, str]:
    """The cell of every class of a unit: itself with CLASS_LEAST answers, else the rest, which is called by its first
    code; a rest with fewer than PART_LEAST answers, or without dossiers, joins the class nearest to that code."""
    own = {code for code, n in counts.items() if n >= CLASS_LEAST and code in frame}
    rest = sorted({*counts, *frame} - own)
    few = sum(counts.get(code, 0) for code in rest) < PART_LEAST
    name = rest[0] if rest else ""
    if own and rest and (few or not any(frame.get(code) for code in rest)):
        name = nearest(rest[0], sorted(own))
    return {**{code: code for code in sorted(own)}, **dict.fromkeys(rest, name)}


def _mean_factors(base: FloatArray, cells: Cells) -> tuple[IntArray, FloatArray]:
    """The unit's number of each cell, and the mean factor over the base weights that each unit's total asks for."""
    number = {unit: place for place, unit in enumerate(dict.fromkeys(cells.units))}
    unit = np.array([number[one] for one in cells.units], dtype=np.int64)
    return unit, np.bincount(unit, cells.totals) / np.bincount(unit[cells.codes], base)


def _joined(mass: FloatArray, cells: Cells) -> IntArray:
    """The cell that each cell becomes, int64[C]; `mass` float64[C]: what each adds up to at its unit's mean factor."""
    heads = np.arange(len(mass), dtype=np.int64)
    by_unit: dict[str, list[int]] = defaultdict(list)
    for cell, unit in enumerate(cells.units):
        by_unit[unit].append(cell)
    off = _off(cells.totals, mass)
    for unit in dict.fromkeys(cells.units[cell] for cell in np.flatnonzero(off > 0).tolist()):
        sets = {cell: (float(cells.totals[cell]), float(mass[cell])) for cell in by_unit[unit]}
        while len(sets) > 1:
            misses = {cell: float(_off(*map(np.asarray, one))) for cell, one in sets.items()}
            worst = max(sets, key=lambda cell: (misses[cell], cells.names[cell]))
            if misses[worst] <= 0:
                break
            names = {cells.names[cell]: cell for cell in sets if cell != worst}
            target = names[nearest(cells.names[worst], list(names))]
            total, weight = sets.pop(worst)
            sets[target] = (sets[target][0] + total, sets[target][1] + weight)
            heads[heads == worst] = target
    return heads


def _off(total: FloatArray, mass: FloatArray) -> FloatArray:
    """How far totals lie outside what the caps allow, as logarithms of a ratio; 0 inside."""
    ratio = np.log(np.maximum(total, 1e-300)) - np.log(np.maximum(mass, 1e-300))
    low, high = (float(np.log(bound)) for bound in FACTORS)
    return np.where((ratio < low - SLACK) | (ratio > high + SLACK), np.maximum(low - ratio, ratio - high), 0.0)


def _unmet(after: FloatArray, cells: Cells, joined: IntArray) -> dict[str, list[Unmet]]:
    """The cells that share a total, each with its own and what was reached of it."""
    shared = np.bincount(joined, minlength=len(joined))[joined] > 1
    reached = np.bincount(cells.codes, after, len(joined))
    found: dict[str, list[Unmet]] = defaultdict(list)
    for cell in np.flatnonzero(shared).tolist():
        found[cells.units[cell]].append(Unmet(cells.names[cell], float(cells.totals[cell]), float(reached[cell])))
    return dict(found)
