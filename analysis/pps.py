"""Units drawn with unequal probabilities without replacement: what is known, or taken, of every two of them.

With the joint probabilities pi_ij of the drawing at hand the variance of a total is estimated without an assumption
(`given_pairs`); without them by an approximation from the single ones (`hartley_rao`, `overton`; or Brewer's, which
needs no pairs and goes through several stages: `declare(probabilities=...)`). Each returns the design with its pairs,
and every estimate of it then uses them. A unit drawn for certain (pi = 1) adds nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from analysis.design import Design, FloatArray, IntArray, PairRule, Pairs, Stage, chosen
from analysis.errors import JointInvalid, LengthMismatch, LonelyStratum, OptionInvalid

SAME = 1e-6  # relative difference up to which a weight is 1 over the probability, or two probabilities are one
CERTAIN = 1e-7


def given_pairs(design: Design, joint: ArrayLike, rule: PairRule) -> Design:
    """The design with joint inclusion probabilities of its units.

    `joint` float64[m, m]: pi_ij, pi_i on the diagonal, in the order of the units' sorted codes (of the rows where a row
    is a unit). `HT`: `sum_ij (1 - pi_i pi_j / pi_ij) t_i t_j`, t the unit's weighted total; `YG` for a fixed sample
    size: `-1/2 sum_ij (1 - pi_i pi_j / pi_ij) (t_i - t_j)^2`. Raises JointInvalid (a pair that is no probability, is
    not symmetric, or cannot occur together: then no unbiased estimate exists), LengthMismatch, OptionInvalid.
    Reference: Horvitz and Thompson (1952); Yates and Grundy (1953); Särndal, Swensson, Wretman (1992) 2.8.
    """
    matrix = np.asarray(joint, dtype=np.float64)
    stage, first_rows = _only_stage(design)
    units = len(first_rows)
    if matrix.shape != (units, units):
        raise LengthMismatch("joint probabilities", units, len(matrix))
    single = np.diag(matrix)
    largest = np.minimum(single[:, None], single[None, :]) * (1 + SAME)
    fits = (matrix > 0) & (matrix <= np.minimum(largest, 1.0)) & (np.abs(matrix - matrix.T) <= SAME * matrix)
    if not fits.all():  # NaN fits nothing
        row, column = np.argwhere(~fits)[0].tolist()
        raise JointInvalid(row, column, float(matrix[row, column]))
    _check_weights(design, stage, single)
    pairs = 1.0 - np.outer(single, single) / matrix
    return _with(design, stage, pairs, 1.0 - single, rule)


def hartley_rao(design: Design, rule: PairRule, *, mean_square: ArrayLike | None = None) -> Design:
    """The design with Hartley and Rao's pairs, for a fixed number n of units in each stratum, drawn systematically from
    a list in random order (or nearly so): `1 - (n - pi_i - pi_j + q) / (n - 1)`, q = `sum over the population of pi^2`
    over n, by row (`mean_square`, [n] or one number); without it the sample's mean of pi. Needs `probabilities`.
    Raises OptionInvalid, LonelyStratum (n = 1). Reference: Hartley and Rao (1962), Ann. Math. Statist. 33.
    """
    stage, first_rows = _only_stage(design)
    single, strata, sure = _single(stage, first_rows, design.rows)
    _check_weights(design, stage, single)
    drawn = np.bincount(strata[~sure], minlength=int(strata.max(initial=0)) + 1)
    if mean_square is None:
        q = (np.bincount(strata, np.where(sure, 0, single), len(drawn)) / np.maximum(drawn, 1))[strata]
    else:
        q = np.broadcast_to(np.asarray(mean_square, dtype=np.float64), (design.rows,))[first_rows]
        wrong = ~((q > 0) & (q <= 1))  # NaN is neither
        if wrong.any():
            raise OptionInvalid("mean_square", float(q[np.argmax(wrong)]), "above 0 and at most 1")
    n = _several(drawn, strata, sure, first_rows)
    pairs = 1.0 - (n[:, None] - single[:, None] - single[None, :] + q[:, None]) / (n[:, None] - 1)
    return _with(design, stage, _inside(pairs, strata, sure), 1.0 - single, rule)


def overton(design: Design, rule: PairRule) -> Design:
    """The design with Overton's pairs `1 - (n - (pi_i + pi_j) / 2) / (n - 1)`, for a fixed number n of units in each
    stratum. Needs `probabilities`. Raises OptionInvalid, LonelyStratum (n = 1).
    Reference: Overton (1985); Stehman and Overton (1994), JASA 89.
    """
    stage, first_rows = _only_stage(design)
    single, strata, sure = _single(stage, first_rows, design.rows)
    _check_weights(design, stage, single)
    n = _several(np.bincount(strata[~sure], minlength=int(strata.max(initial=0)) + 1), strata, sure, first_rows)
    pairs = 1.0 - (n[:, None] - (single[:, None] + single[None, :]) / 2) / (n[:, None] - 1)
    return _with(design, stage, _inside(pairs, strata, sure), 1.0 - single, rule)


def _only_stage(design: Design) -> tuple[Stage, IntArray]:
    """The stage and the first row of each unit; pairs of later stages are not known."""
    if len(design.stages) != 1 or design.calibrations or design.in_domain is not None or design.pairs is not None:
        raise OptionInvalid("design", "not as drawn", "one stage; joint probabilities before calibrations and domains")
    (stage,) = design.stages
    units = np.arange(design.rows) if stage.ids is None else stage.ids
    return stage, np.unique(units, return_index=True)[1].astype(np.int64)


def _single(stage: Stage, first_rows: IntArray, rows: int) -> tuple[FloatArray, IntArray, np.typing.NDArray[np.bool_]]:
    if stage.probabilities is None:
        raise OptionInvalid("probabilities", None, "the inclusion probability of each unit")
    strata = np.zeros(rows, dtype=np.int64) if stage.strata is None else stage.strata
    single = stage.probabilities[first_rows]
    return single, strata[first_rows], single >= 1 - CERTAIN


def _several(drawn: IntArray, strata: IntArray, sure: np.typing.NDArray[np.bool_], first_rows: IntArray) -> FloatArray:
    """Units drawn by chance in the stratum of each unit, float64[m]."""
    alone = ~sure & (drawn[strata] == 1)
    if alone.any():
        raise LonelyStratum(1, int(first_rows[np.argmax(alone)]))
    return np.asarray(np.maximum(drawn[strata], 2), dtype=np.float64)


def _inside(pairs: FloatArray, strata: IntArray, sure: np.typing.NDArray[np.bool_]) -> FloatArray:
    """Pairs of two strata, or with a certain unit, are independent."""
    free = (strata[:, None] != strata[None, :]) | sure[:, None] | sure[None, :]
    return np.where(free, 0.0, pairs)


def _check_weights(design: Design, stage: Stage, single: FloatArray) -> None:
    """All rows' weights are 1 over the probabilities, as the formulas have it (sampling inside units needs more)."""
    units = np.arange(design.rows) if stage.ids is None else np.unique(stage.ids, return_inverse=True)[1].reshape(-1)
    wrong = np.abs(design.weights * single[units] - 1) > SAME
    if wrong.any():
        row = int(np.argmax(wrong))
        raise OptionInvalid("weight", float(design.weights[row]), f"1 / {single[units[row]]:.6g}")


def _with(design: Design, stage: Stage, pairs: FloatArray, diagonal: FloatArray, rule: PairRule) -> Design:
    matrix = pairs.copy()
    np.fill_diagonal(matrix, diagonal)
    ids = None if stage.ids is None else np.unique(stage.ids, return_inverse=True)[1].reshape(-1).astype(np.int64)
    own = replace(stage, ids=ids)
    return replace(design, stages=(own,), pairs=Pairs(matrix, chosen(PairRule, rule, "rule")))
