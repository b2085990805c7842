"""The design-based covariance of linearised statistics: stages, strata, clusters, population sizes, calibration."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from analysis.design import (
    BoolArray,
    Calibration,
    Design,
    FloatArray,
    IntArray,
    LonelyPsu,
    PairRule,
    Pairs,
    Stage,
    units_in_stratum,
)
from analysis.errors import LengthMismatch, LonelyStratum, NotFinite, Undefined

CERTAIN = 1e-7  # a stratum sampled up to this remaining share adds nothing
NEGLIGIBLE = 1e-12  # of the sum of squares: a variance this far below zero is rounding


def covariance(design: Design, scores: FloatArray) -> FloatArray:
    """Multistage stratified cluster variance of linearised totals, with calibration residuals.

    `scores` float64[n, k] (or [n]): influence value of each row times its final weight, zero outside the domain.
    Returns float64[k, k] in squared units of the statistic. Each stage adds, by stratum,
    `(1 - n/N) n/(n-1) sum (t_i - mean t)^2` times the sampling fractions of the stages above it, with each unit's own
    `1 - pi_i` for `1 - n/N` where units were drawn with unequal probabilities; a stage without population sizes and
    probabilities ends the sum (with-replacement approximation). Joint probabilities (`analysis.pps`) take the place of
    all that: `t' D t` (Horvitz-Thompson) or `-1/2 sum D_ij (t_i - t_j)^2` (Yates-Grundy).
    Raises LonelyStratum, NotFinite, LengthMismatch, Undefined (a paired variance below zero).
    Reference: Särndal, Swensson, Wretman (1992) 2.8, 4.3 and 6.6; Lumley (2010) ch. 2-3 and 7; Brewer (2002) ch. 9.
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
    if design.pairs is not None:
        return _paired(design.stages[0], design.pairs, values)
    total = np.zeros((values.shape[1], values.shape[1]))
    above = np.ones(design.rows)
    for number, stage in enumerate(design.stages, start=1):
        total += _stage(design, stage, number, values, above)
        if stage.with_replacement:
            break
        above = above * fractions(stage, design.rows)
    return total


def fractions(stage: Stage, rows: int) -> FloatArray:
    """Share of each row's unit that was drawn, float64[n]: its probability or n/N."""
    if stage.probabilities is not None:
        return stage.probabilities
    population = np.full(rows, np.inf) if stage.population is None else stage.population
    return np.asarray(units_in_stratum(stage, rows) / population)


def _paired(stage: Stage, pairs: Pairs, values: FloatArray) -> FloatArray:
    """The variance of the only stage by what is known of every two of its units."""
    totals = values if stage.ids is None else group_sums(stage.ids, values, len(pairs.matrix))
    matrix = totals.T @ pairs.matrix @ totals
    if pairs.rule is PairRule.YATES_GRUNDY:
        matrix = matrix - (totals * pairs.matrix.sum(axis=1)[:, None]).T @ totals
    lowest = np.diag(matrix) + NEGLIGIBLE * (totals**2).sum(axis=0)
    if (lowest < 0).any():
        raise Undefined(f"the variance by rule {pairs.rule}", "these joint probabilities make it negative")
    return np.asarray((matrix + matrix.T) / 2)


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
    left = np.ones(len(first_rows)) if stage.with_replacement else 1.0 - fractions(stage, design.rows)[first_rows]
    left[left < CERTAIN] = 0.0
    sure = np.zeros(len(left), dtype=np.bool_) if stage.probabilities is None else left == 0
    drawn = np.bincount(strata[~sure], minlength=size)  # a unit taken for certain was not drawn by chance
    remaining = np.zeros(size)
    np.maximum.at(remaining, strata, left)
    weight = np.where(drawn > 1, drawn / np.maximum(drawn - 1, 1), 1.0)
    means = group_sums(strata, np.where(sure[:, None], 0.0, totals), size) / np.maximum(drawn, 1)[:, None]
    lonely = (drawn == 1) & (remaining > 0)
    thin = _thin(design, units, strata, drawn)
    inflate = _lonely(design, number, lonely, thin, means, weight, totals, (strata, first_rows))
    deviations = totals - means[strata]
    return np.asarray((deviations * (left * weight[strata] * above[first_rows])[:, None]).T @ deviations * inflate)


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
