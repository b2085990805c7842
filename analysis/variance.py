"""The design-based covariance of linearised statistics: stages, strata, clusters, population sizes, calibration."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from analysis.design import BoolArray, Calibration, Design, FloatArray, IntArray, LonelyPsu, Stage, units_in_stratum
from analysis.errors import LengthMismatch, LonelyStratum, NotFinite, Undefined

CERTAIN = 1e-7  # a stratum sampled up to this remaining share adds nothing


def covariance(design: Design, scores: FloatArray) -> FloatArray:
    """Multistage stratified cluster variance of linearised totals, with calibration residuals.

    `scores` float64[n, k] (or [n]): influence value of each row times its final weight, zero outside the domain.
    Returns float64[k, k] in squared units of the statistic. Each stage adds, by stratum,
    `(1 - n/N) n/(n-1) sum (t_i - mean t)^2` times the sampling fractions of the stages above it; a stage without
    population sizes ends the sum (with-replacement approximation). Raises LonelyStratum, NotFinite, LengthMismatch.
    Reference: Särndal, Swensson, Wretman (1992) 4.3 and 6.6; Lumley (2010) ch. 2-3 and 7.
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values.reshape(len(values), -1)
    if len(values) != design.rows:
        raise LengthMismatch("scores", design.rows, len(values))
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise NotFinite("score", int(np.argmax(bad)))
    for calibration in design.calibrations:
        values = residuals(calibration, values)
    total = np.zeros((values.shape[1], values.shape[1]))
    above = np.ones(design.rows)
    for number, stage in enumerate(design.stages, start=1):
        total += _stage(design, stage, number, values, above)
        if stage.population is None:
            break
        above = above * units_in_stratum(stage, design.rows) / stage.population
    return total


def standard_errors(matrix: FloatArray) -> FloatArray:
    """Square roots of a covariance's diagonal, float64[k]; rounding below zero counts as zero."""
    return np.asarray(np.sqrt(np.maximum(np.diag(matrix), 0.0)))


def residuals(calibration: Calibration, scores: FloatArray) -> FloatArray:
    """GREG residuals of scores float64[n, k]: `w_after (y - x B)` with B the regression of y on the auxiliaries
    weighted by the weights before calibration. Reference: Deville and Särndal (1992); Särndal et al. (1992) 6.6."""
    after = calibration.after[:, None]
    y = np.divide(scores, after, out=np.zeros_like(scores), where=after != 0)
    if len(calibration.margins) == 1 and calibration.numeric is None:
        return np.asarray(after * (y - _cell_means(calibration.margins[0], calibration.before, y)))
    matrix = auxiliary_matrix(calibration.margins, calibration.numeric)
    scale = np.sqrt(np.asarray(matrix.multiply(matrix).T @ calibration.before))
    matrix = matrix @ sparse.diags(np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0))
    gram = np.asarray((matrix.T @ matrix.multiply(calibration.before[:, None]).tocsr()).todense())
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)  # dependent margins drop out
    for _ in range(3):  # the later rounds refine the first solution
        y = y - matrix @ (inverse @ (matrix.T @ (calibration.before[:, None] * y)))
    return np.asarray(after * y)


def auxiliary_matrix(margins: tuple[IntArray, ...], numeric: FloatArray | None) -> sparse.csr_matrix:
    """Indicators of every margin's categories and the numeric columns side by side, sparse[n, q]."""
    blocks = []
    for column in margins:
        inside = np.flatnonzero(column >= 0)
        shape = (len(column), int(column.max(initial=-1)) + 1)
        blocks.append(sparse.csr_matrix((np.ones(len(inside)), (inside, column[inside])), shape=shape))
    if numeric is not None:
        blocks.append(sparse.csr_matrix(numeric))
    return sparse.csr_matrix(sparse.hstack(blocks, format="csr"))


def group_sums(groups: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Sums of values float64[n, k] by group code 0..size-1, float64[size, k]."""
    columns = [np.bincount(groups, weights=values[:, j], minlength=size) for j in range(values.shape[1])]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _cell_means(cells: IntArray, weights: FloatArray, y: FloatArray) -> FloatArray:
    inside = cells >= 0
    place = np.where(inside, cells, 0)
    size = int(cells.max(initial=-1)) + 1
    kept = np.where(inside, weights, 0.0)
    mass = np.bincount(place, weights=kept, minlength=size)[:, None]
    sums = group_sums(place, kept[:, None] * y, size)
    means = np.divide(sums, mass, out=np.zeros_like(sums), where=mass > 0)
    return np.where(inside[:, None], means[place], 0.0)


def _stage(design: Design, stage: Stage, number: int, values: FloatArray, above: FloatArray) -> FloatArray:
    units, first_rows = _units(stage, design.rows)
    strata = (np.zeros(design.rows, dtype=np.int64) if stage.strata is None else stage.strata)[first_rows]
    size = int(strata.max(initial=0)) + 1
    totals = values if stage.ids is None else group_sums(units, values, len(first_rows))
    drawn = np.bincount(strata, minlength=size)
    remaining = np.ones(size)
    if stage.population is not None:
        remaining[strata] = 1.0 - drawn[strata] / stage.population[first_rows]
    weight = np.where(drawn > 1, remaining * drawn / np.maximum(drawn - 1, 1), remaining)
    weight[remaining < CERTAIN] = 0.0
    means = group_sums(strata, totals, size) / np.maximum(drawn, 1)[:, None]
    lonely = (drawn == 1) & (remaining >= CERTAIN)
    thin = _thin(design, units, strata, drawn)
    inflate = _lonely(design, number, lonely, thin, means, weight, totals, (strata, first_rows))
    deviations = totals - means[strata]
    return np.asarray((deviations * (weight[strata] * above[first_rows])[:, None]).T @ deviations * inflate)


def _units(stage: Stage, rows: int) -> tuple[IntArray, IntArray]:
    if stage.ids is None:
        every = np.arange(rows, dtype=np.int64)
        return every, every
    return stage.ids, np.unique(stage.ids, return_index=True)[1].astype(np.int64)


def _thin(design: Design, units: IntArray, strata: IntArray, drawn: IntArray) -> BoolArray:
    """Strata of several drawn units of which the domain holds exactly one (only when these are to be adjusted)."""
    if design.in_domain is None or not design.adjust_domain_lonely:
        return np.zeros(len(drawn), dtype=np.bool_)
    present = np.bincount(units[design.in_domain], minlength=len(strata)) > 0
    return np.asarray((np.bincount(strata[present], minlength=len(drawn)) == 1) & (drawn > 1))


def _lonely(
    design: Design,
    number: int,
    lonely: BoolArray,
    thin: BoolArray,
    means: FloatArray,
    weight: FloatArray,
    totals: FloatArray,
    place: tuple[IntArray, IntArray],
) -> float:
    """Apply the lonely rule to stratum means and weights in place; returns the factor for the whole stage."""
    strata, first_rows = place
    rule = design.lonely_psu
    if lonely.any() and rule is LonelyPsu.FAIL:
        raise LonelyStratum(number, int(first_rows[np.argmax(lonely[strata])]))
    if rule is LonelyPsu.ADJUST:
        means[lonely | thin] = totals.mean(axis=0) if number == 1 else 0.0
    if rule is not LonelyPsu.AVERAGE:
        return 1.0
    left_out = lonely | thin
    weight[left_out] = 0.0
    present = len(np.unique(strata))
    if left_out.sum() >= present:
        raise Undefined("the average rule for lonely units", "no stratum has two units")
    return present / (present - float(left_out.sum()))
