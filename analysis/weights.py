"""Weighting steps: non-response classes, post-stratification, raking, calibration, trimming, each with diagnostics."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analysis.design import (
    BoolArray,
    Calibration,
    Column,
    FloatArray,
    IntArray,
    checked_weights,
    chosen,
    whole_codes,
    yes_or_no,
)
from analysis.distances import Distance, solved
from analysis.errors import (
    EmptyDomain,
    LengthMismatch,
    MarginLevelAbsent,
    MarginLevelUnknown,
    MarginsContradict,
    MarginTotalInvalid,
    NegativeWeight,
    NotConverged,
    NotFinite,
    OptionInvalid,
)

AGREE = 1e-6  # relative difference up to which two margins' sums count as the same total


@dataclass(frozen=True, eq=False)
class Margin:
    """One population margin: level code of each row int64[n] (-1: outside it), level names, totals float64[L]."""

    name: str
    codes: IntArray
    levels: tuple[str, ...]
    totals: FloatArray


@dataclass(frozen=True)
class Diagnostics:
    """What one step did to the weights: range of ratios after/before, Kish design effects, rounds, worst misfit."""

    smallest_ratio: float
    largest_ratio: float
    kish_before: float
    kish_after: float
    iterations: int = 0
    worst_margin: str = ""
    worst_misfit: float = 0.0


@dataclass(frozen=True, eq=False)
class Weighting:
    """The result of a step: weights float64[n], diagnostics and, for calibrations, the record for the variance."""

    weights: FloatArray
    diagnostics: Diagnostics
    calibration: Calibration | None = None


def margin(name: str, column: Column, totals: Mapping[str, float]) -> Margin:
    """A margin from a column of category names and the population total of each; raises the margin leaves."""
    values = np.asarray(column).astype(str)
    levels = tuple(str(level) for level in totals)
    for level, total in totals.items():
        if not isinstance(total, numbers.Real) or not np.isfinite(total) or total < 0:
            raise MarginTotalInvalid(name, str(level), total)
    found, inverse = np.unique(values, return_inverse=True)
    place = {level: number for number, level in enumerate(levels)}
    for level in found.tolist():
        if level not in place:
            raise MarginLevelUnknown(name, level)
    table = np.array([place[level] for level in found.tolist()], dtype=np.int64)
    return Margin(name, table[inverse.reshape(-1)], levels, np.array([float(t) for t in totals.values()]))


def kish_deff(weights: FloatArray) -> float:
    """Kish's design effect of unequal weighting `n sum w^2 / (sum w)^2` over the weights that are not zero (calibrated
    ones may be negative); 1.0 without rows. Raises NotFinite. Reference: Kish (1965) 11.7, Survey Sampling."""
    if not np.isfinite(weights).all():
        raise NotFinite("a weight", int(np.argmin(np.isfinite(weights))))
    counted = weights if len(weights) and weights.min() > 0 else weights[weights != 0]
    total = float(counted.sum())
    return float(len(counted) * (counted @ counted) / total**2) if total > 0 else 1.0


def nonresponse_in_classes(weights: Column, classes: IntArray, responded: BoolArray) -> Weighting:
    """Weighting-class adjustment: in each class `w * sum(w all) / sum(w respondents)`, zero for non-respondents.

    `classes` int64[n] codes 0..L-1, `responded` bool[n]. Raises EmptyDomain naming a class without respondents.
    Reference: Oh and Scheuren (1983); Särndal, Swensson, Wretman (1992) 15.6.
    """
    before, classes = checked_weights(weights), whole_codes("classes", classes)
    factors = class_factors(before, classes, responded)
    after = np.where(responded, before * factors[classes], 0.0)
    return Weighting(after, _diagnostics(before, after))


def class_factors(weights: FloatArray, classes: IntArray, responded: BoolArray) -> FloatArray:
    """Non-response factor of each class code, float64[L]; 1.0 for a code without weight."""
    responded = yes_or_no(responded, len(weights), "responded")
    if len(classes) != len(weights):
        raise LengthMismatch("weighting classes", len(weights), len(classes))
    if classes.min(initial=0) < 0:
        raise OptionInvalid("weighting class", int(classes.min()), "codes from 0")
    size = int(classes.max(initial=-1)) + 1
    everybody = np.bincount(classes, weights=weights, minlength=size)
    answered = np.bincount(classes, weights=np.where(responded, weights, 0.0), minlength=size)
    empty = (everybody > 0) & (answered <= 0)
    if empty.any():
        raise EmptyDomain(f"weighting class {int(np.argmax(empty))}")
    return np.divide(everybody, answered, out=np.ones(size), where=answered > 0)


def poststratify(weights: Column, cells: Margin) -> Weighting:
    """Post-stratification: in each cell `w * N / sum(w)`. Raises the margin leaves.
    Reference: Holt and Smith (1979); Särndal, Swensson, Wretman (1992) 7.6."""
    before = checked_weights(weights)
    sums = _checked_sums(before, cells)
    ratio = np.divide(cells.totals, sums, out=np.ones_like(sums), where=sums > 0)
    after = np.where(cells.codes >= 0, before * ratio[cells.codes], before)
    return Weighting(after, _diagnostics(before, after), Calibration(before, after, (cells.codes,)))


def rake(
    weights: Column, margins: Sequence[Margin], *, tolerance: float = 1e-10, max_iterations: int = 2000
) -> Weighting:
    """Raking ratio (iterative proportional fitting) to several margins, on the table of their joint cells.

    Stops when every total is hit to `tolerance` relative to the population. Raises the margin leaves, and
    NotConverged naming the worst margin. Reference: Deming and Stephan (1940); Deville, Särndal, Sautory (1993).
    """
    before = checked_weights(weights)
    if not margins:
        raise OptionInvalid("margins", (), "at least one margin")
    for one in margins:
        _check_length(before, one)
        _check_agreement(one, margins[0].name, float(margins[0].totals.sum()))
    whole = [float(one.totals.sum()) for one in margins]
    if not max(whole) > 0:
        raise OptionInvalid("totals of the margins", 0.0, "above 0 in all")
    cells, place = _joint_cells(margins)
    mass = np.asarray(np.bincount(cells, weights=before, minlength=len(place[0])), dtype=np.float64)
    for one, level in zip(margins, place, strict=True):
        _check_present(one, np.bincount(level, weights=mass, minlength=len(one.levels) + 1))
    start = mass.copy()
    limit = (
        tolerance * whole[0] + max(whole) - min(whole)
    )  # margins that differ by rounding are met as far as they agree
    for iteration in range(1, max_iterations + 1):
        name, misfit = _rake_once(mass, place, margins)
        if misfit <= limit:
            ratio = np.divide(mass, start, out=np.ones_like(mass), where=start > 0)
            after = before * ratio[cells]
            record = Calibration(before, after, tuple(one.codes for one in margins))
            return Weighting(after, _diagnostics(before, after, iteration, name, misfit), record)
    raise NotConverged("raking", name, misfit, max_iterations)


def calibrate(
    weights: Column,
    margins: Sequence[Margin] = (),
    *,
    numeric: Mapping[str, tuple[Column, float]] | None = None,
    population: float | None = None,
    distance: Distance = Distance.LINEAR,
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 500,
) -> Weighting:
    """Calibration weights `w F(x lambda)` that hit margins, numeric totals and the population size.

    `numeric` maps a name to (float64[n] column, total); `bounds` keep the ratio after/before inside (logit needs
    them). Newton's method on the calibration equations with step halving. Raises the margin leaves, OptionInvalid and
    NotConverged (naming what cannot be met and by how much).
    Reference: Deville and Särndal (1992), cases 1, 2, 6 and 7.
    """
    before, distance = checked_weights(weights), chosen(Distance, distance, "distance")
    low, high = _checked_bounds(distance, bounds)
    for one in margins:
        _checked_sums(before, one)
        _check_agreement(one, margins[0].name, float(margins[0].totals.sum()))
        if population is not None:
            _check_agreement(one, "the population size", population)
    matrix, totals, names, columns = _auxiliaries(before, margins, numeric or {}, population)
    if not totals.any():
        raise OptionInvalid("totals", 0.0, "some other than 0")
    ratio, iterations, misfit = solved(before, matrix, totals, (distance, low, high), tolerance, max_iterations)
    worst = int(np.argmax(np.abs(misfit) / (1 + np.abs(totals))))
    if not np.isfinite(misfit).all() or np.max(np.abs(misfit) / (1 + np.abs(totals))) > max(tolerance, 1e-9):
        raise NotConverged(f"{distance} calibration", names[worst], float(misfit[worst]), iterations)
    after = before * ratio
    record = Calibration(before, after, tuple(one.codes for one in margins), columns)
    return Weighting(after, _diagnostics(before, after, iterations, names[worst], float(misfit[worst])), record)


def trim(weights: Column, *, lower: float = -np.inf, upper: float = np.inf, strict: bool = False) -> Weighting:
    """Clip weights to [lower, upper] and share the trimmed mass equally among the others, keeping the sum. A weight of
    zero (a non-respondent) stays zero.

    `strict` repeats until none lies outside; then only weights still inside take the mass, so the cap holds. Raises
    OptionInvalid, NotConverged (every weight at a bound), NegativeWeight (lifting small weights takes all of another).
    Reference: Potter (1990), A study of procedures to identify and trim extreme sampling weights.
    """
    before = checked_weights(weights)
    if not (lower <= upper and upper > 0):
        raise OptionInvalid("bounds", (lower, upper), "numbers, lower at most upper and upper positive")
    after = before.copy()
    silent = before == 0
    fixed = silent.copy()
    rounds = 0
    while True:
        outside = ((after < lower) | (after > upper)) & ~silent
        if not outside.any():
            break
        rounds += 1
        fixed = silent | outside | (fixed & strict)
        clipped = np.where(silent, 0.0, np.clip(after, lower, upper))
        spare = float((after - clipped).sum())
        if fixed.all():
            raise NotConverged("trimming", "the sum of weights", spare, rounds)
        after = np.where(fixed, clipped, clipped + spare / float((~fixed).sum()))
        if (after < 0).any():
            raise NegativeWeight(int(np.argmin(after)), float(after.min()))
        if not strict:
            break
    return Weighting(after, _diagnostics(before, after, rounds))


def _diagnostics(
    before: FloatArray, after: FloatArray, iterations: int = 0, worst: str = "", misfit: float = 0.0
) -> Diagnostics:
    used = (before > 0) & (after != 0)
    ratio = after[used] / before[used] if used.any() else np.ones(1)
    effects = kish_deff(before), kish_deff(after)
    return Diagnostics(float(ratio.min()), float(ratio.max()), *effects, iterations, worst, float(misfit))


def _checked_sums(weights: FloatArray, one: Margin) -> FloatArray:
    """Weighted sample totals of a margin's levels, float64[L]; refuses a wanted level that the sample lacks."""
    _check_length(weights, one)
    inside = one.codes >= 0
    sums = np.bincount(one.codes[inside], weights=weights[inside], minlength=len(one.levels))
    _check_present(one, sums)
    return np.asarray(sums, dtype=np.float64)


def _check_length(weights: FloatArray, one: Margin) -> None:
    if len(one.codes) != len(weights):
        raise LengthMismatch(f"margin {one.name}", len(weights), len(one.codes))
    if one.codes.min(initial=0) < -1 or one.codes.max(initial=-1) >= len(one.levels):
        raise OptionInvalid(f"codes of margin {one.name}", "outside its levels", f"-1 to {len(one.levels) - 1}")


def _check_present(one: Margin, sums: FloatArray | IntArray) -> None:
    absent = (sums[: len(one.levels)] <= 0) & (one.totals > 0)
    if absent.any():
        level = int(np.argmax(absent))
        raise MarginLevelAbsent(one.name, one.levels[level], float(one.totals[level]))


def _check_agreement(one: Margin, other: str, reference: float) -> None:
    total = float(one.totals.sum())
    if abs(total - reference) > AGREE * max(abs(total), abs(reference)):
        raise MarginsContradict(one.name, total, other, reference)


def _joint_cells(margins: Sequence[Margin]) -> tuple[IntArray, list[IntArray]]:
    """Each row's joint cell and each margin's level (last place: outside) in every joint cell."""
    joint = np.zeros(len(margins[0].codes), dtype=np.int64)
    size = 1
    for one in margins:
        width = len(one.levels) + 1
        joint *= width
        joint += one.codes if one.codes.min(initial=0) >= 0 else np.where(one.codes >= 0, one.codes, width - 1)
        size *= width
    if size <= max(4 * len(joint), 1 << 20):
        kept = np.flatnonzero(np.bincount(joint, minlength=size))
        number = np.zeros(size, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        cells = number[joint]
    else:
        kept, inverse = np.unique(joint, return_inverse=True)
        cells = inverse.astype(np.int64).reshape(-1)
    place: list[IntArray] = []
    rest = kept.astype(np.int64)
    for one in reversed(margins):
        rest, level = np.divmod(rest, len(one.levels) + 1)
        place.insert(0, level)
    return cells, place


def _rake_once(mass: FloatArray, place: list[IntArray], margins: Sequence[Margin]) -> tuple[str, float]:
    """One sweep over the margins in place; returns the margin that was furthest off before its own step."""
    worst, name = -1.0, ""
    for level, one in zip(place, margins, strict=True):
        size = len(one.levels)
        sums = np.bincount(level, weights=mass, minlength=size + 1)
        misfit = float(np.max(np.abs(sums[:size] - one.totals), initial=0.0))
        if misfit > worst:
            worst, name = misfit, one.name
        ratio = np.ones(size + 1)
        np.divide(one.totals, sums[:size], out=ratio[:size], where=sums[:size] > 0)
        mass *= ratio[level]
    return name, worst


def _checked_bounds(distance: Distance, bounds: tuple[float, float] | None) -> tuple[float, float]:
    if bounds is None:
        if distance is Distance.LOGIT:
            raise OptionInvalid("bounds", None, "logit calibration needs bounds below and above 1")
        return -np.inf, np.inf
    low, high = float(bounds[0]), float(bounds[1])
    if not low < 1 < high:
        raise OptionInvalid("bounds", bounds, "a lower bound below 1 and an upper bound above 1")
    return low, high


def _auxiliaries(
    weights: FloatArray,
    margins: Sequence[Margin],
    numeric: Mapping[str, tuple[Column, float]],
    population: float | None,
) -> tuple[sparse.csr_matrix, FloatArray, list[str], FloatArray | None]:
    """Sparse auxiliaries [n, q], their totals and names, and the dense numeric block (the constant included)."""
    rows = len(weights)
    dense: list[FloatArray] = []
    totals: list[float] = []
    names: list[str] = []
    if population is not None:
        if not 0 < population < np.inf:
            raise OptionInvalid("population", population, "a positive number")
        dense, totals, names = [np.ones(rows)], [float(population)], ["the population size"]
    for name, (column, total) in numeric.items():
        values = np.asarray(column, dtype=np.float64)
        if len(values) != rows:
            raise LengthMismatch(name, rows, len(values))
        if not np.isfinite(values).all():
            raise NotFinite(name, int(np.argmin(np.isfinite(values))))
        if not np.isfinite(total):
            raise MarginTotalInvalid(name, "", float(total))
        dense.append(values)
        totals.append(float(total))
        names.append(name)
    blocks = [sparse.csr_matrix(np.column_stack(dense))] if dense else []
    for one in margins:
        inside = np.flatnonzero(one.codes >= 0)
        shape = (rows, len(one.levels))
        blocks.append(sparse.csr_matrix((np.ones(len(inside)), (inside, one.codes[inside])), shape=shape))
        totals.extend(one.totals.tolist())
        names.extend(f"{one.name} = {level}" for level in one.levels)
    if not blocks:
        raise OptionInvalid("margins", (), "at least one margin, numeric total or population size")
    matrix = sparse.csr_matrix(sparse.hstack(blocks, format="csr"))
    return matrix, np.array(totals), names, np.column_stack(dense) if dense else None
