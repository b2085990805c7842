"""Replicate weights (jackknife, BRR, Fay, Rao-Wu bootstrap) and the variance they give, the check on linearization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from analysis.design import (
    BoolArray,
    Column,
    Design,
    FloatArray,
    IntArray,
    LonelyPsu,
    checked_weights,
    degrees_of_freedom,
    numbers,
    yes_or_no,
)
from analysis.errors import LengthMismatch, LonelyStratum, NotFinite, OptionInvalid, Undefined
from analysis.weights import Weighting

RANK_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Replicates:
    """Full-sample weights float64[n], replicate weights float64[n, R] (final, not ratios), and the variance rule
    `scale * sum rscales (theta_r - centre)^2`, the centre being the replicates' mean or, with `mse`, the estimate."""

    weights: FloatArray
    replicates: FloatArray
    scale: float
    rscales: FloatArray
    mse: bool
    df: int
    in_domain: BoolArray | None = None

    @property
    def rows(self) -> int:
        return len(self.weights)

    @property
    def domain_weights(self) -> FloatArray:
        return self.weights if self.in_domain is None else np.where(self.in_domain, self.weights, 0.0)

    @property
    def domain_replicates(self) -> FloatArray:
        return self.replicates if self.in_domain is None else np.where(self.in_domain[:, None], self.replicates, 0.0)


def supplied(weights: Column, replicates: Column, *, scale: float, rscales: Column, mse: bool) -> Replicates:
    """Replicate weights that came with the data; df is the rank of the matrix less one."""
    full, matrix = checked_weights(weights), numbers("replicate weights", replicates)
    if matrix.ndim != 2 or matrix.shape[0] != len(full):
        raise LengthMismatch("replicate weights", len(full), len(matrix))
    if not np.isfinite(matrix).all():
        raise NotFinite("replicate weight", int(np.argmin(np.isfinite(matrix).all(axis=1))))
    factors = numbers("rscales", rscales)
    if factors.ndim > 1:
        raise OptionInvalid("rscales", factors.shape, "one number a replicate")
    if factors.ndim and len(factors) != matrix.shape[1]:
        raise LengthMismatch("rscales", matrix.shape[1], len(factors))
    if not (np.isfinite(factors).all() and (factors >= 0).all() and np.isfinite(scale) and scale >= 0):
        raise OptionInvalid("scale and rscales", scale, "finite numbers, not negative")
    factors = np.broadcast_to(factors, (matrix.shape[1],)).copy()
    return Replicates(full, matrix, float(scale), factors, mse, rank(matrix) - 1)


def jackknife(design: Design, *, mse: bool = False) -> Replicates:
    """Delete-one-unit jackknife of the first stage (JK1 without strata, JKn with), with its population correction.

    Reference: Wolter (2007), Introduction to Variance Estimation, ch. 4. Raises LonelyStratum for a lonely unit under
    `fail`; `remove`, `certainty` and `average` leave it out, `adjust` deletes its whole stratum like one of H units.
    """
    units, strata, first_rows, remaining = _first_stage(design)
    drawn = np.bincount(strata)
    lonely = (drawn[strata] == 1) & (remaining > 0)
    if lonely.any() and design.lonely_psu is LonelyPsu.FAIL:
        raise LonelyStratum(1, int(first_rows[np.argmax(lonely)]))
    adjusted = lonely & (design.lonely_psu is LonelyPsu.ADJUST) & (len(drawn) > 1)
    kept = np.flatnonzero(((drawn[strata] > 1) & (remaining > 0)) | adjusted)
    if not len(kept):
        raise Undefined("the jackknife", "every stratum is exhausted or has one unit")
    counts = np.where(adjusted[kept], len(drawn), drawn[strata[kept]])
    reached = (strata[:, None] == strata[kept][None, :]) | adjusted[kept][None, :]
    factor = np.where(reached, counts / (counts - 1), 1.0)
    factor[kept, np.arange(len(kept))] = 0.0
    scale = len(strata) / len(kept) if design.lonely_psu is LonelyPsu.AVERAGE else 1.0
    rscales = remaining[kept] * (counts - 1) / counts
    if len(drawn) == 1:
        scale, rscales = float(rscales[0]), np.ones(len(kept))
    return _expanded(design, units, factor, scale, rscales, mse)


def balanced(design: Design, *, fay: float = 0.0, mse: bool = False) -> Replicates:
    """Balanced repeated replication for two units a stratum (Fay's method with `fay` > 0); ignores population sizes.

    Reference: McCarthy (1969); Judkins (1990); Wolter (2007) ch. 3. Raises OptionInvalid unless every stratum has
    exactly two first-stage units.
    """
    units, strata, _, _ = _first_stage(design)
    if not 0 <= fay < 1:
        raise OptionInvalid("fay", fay, "at least 0 and below 1")
    drawn = np.bincount(strata)
    if (drawn != 2).any():
        raise OptionInvalid("units in a stratum", int(drawn[drawn != 2][0]), "exactly 2 for balanced replication")
    signs = hadamard(len(drawn) + 1)[1 : len(drawn) + 1]
    order = np.argsort(strata, kind="stable")
    second = np.zeros(len(strata), dtype=np.int64)
    second[order[1::2]] = 1
    chosen = (signs[strata] > 0) == (second[:, None] == 0)
    factor = np.where(chosen, 2.0 - fay, fay)
    count = signs.shape[1]
    return _expanded(design, units, factor, 1.0 / (count * (1 - fay) ** 2), np.ones(count), mse)


def bootstrap(design: Design, replicates: int, rng: np.random.Generator, *, mse: bool = False) -> Replicates:
    """Rao-Wu rescaled bootstrap of the first stage: n_h - 1 draws with replacement in each stratum, with its
    population correction; a lonely unit keeps its weight.

    Reference: Rao, Wu, Yue (1992), Survey Methodology 18(2).
    """
    if replicates < 2:
        raise OptionInvalid("replicates", replicates, "at least 2")
    units, strata, _, remaining = _first_stage(design)
    factor = np.ones((len(strata), replicates))
    for stratum in range(int(strata.max()) + 1):
        members = np.flatnonzero(strata == stratum)
        n = len(members)
        if n == 1:
            continue
        hits = rng.multinomial(n - 1, np.full(n, 1.0 / n), size=replicates).T
        shrink = np.sqrt(remaining[members[0]])
        factor[members] = 1.0 - shrink + shrink * hits * n / (n - 1)
    return _expanded(design, units, factor, 1.0 / (replicates - 1), np.ones(replicates), mse)


def recalibrated(replicates: Replicates, step: Callable[[FloatArray], Weighting]) -> Replicates:
    """Repeat a weighting step (calibration, raking, trimming ...) on the full weights and in every replicate."""
    full = step(replicates.weights).weights
    columns = [step(column).weights for column in replicates.replicates.T]
    return replace(replicates, weights=full, replicates=np.column_stack(columns))


def domain(replicates: Replicates, keep: BoolArray) -> Replicates:
    """The same replicates looking at the rows in `keep` only; df becomes the rank of the kept rows less one."""
    mask = yes_or_no(keep, replicates.rows, "domain")
    if replicates.in_domain is not None:
        mask = mask & replicates.in_domain
    return replace(replicates, in_domain=mask, df=rank(replicates.replicates[mask]) - 1)


def covariance(replicates: Replicates, thetas: FloatArray, estimate: FloatArray) -> FloatArray:
    """Variance of the estimate float64[k] from its replicates float64[R, k], returned as float64[k, k].

    A replicate in which one value does not exist (an empty domain) is left out for that value only, and the sum is
    raised by the share of the replicates (by `rscales`) that remains; a covariance takes those that have both values.
    Raises Undefined when no replicate (about their mean: only one) has a value, or none has both of two.
    """
    usable = np.isfinite(thetas) & (replicates.rscales > 0)[:, None]
    present = usable.sum(axis=0)
    if (present < (1 if replicates.mse else 2)).any():
        worst = int(np.argmin(present))
        raise Undefined(f"the replicate variance of value {worst}", "(nearly) no replicate gives it")
    values = np.where(usable, thetas, 0.0)
    centre = estimate if replicates.mse else values.sum(axis=0) / present
    deviations = np.where(usable, values - centre, 0.0) * np.sqrt(replicates.rscales)[:, None]
    found = np.asarray(deviations.T @ deviations * replicates.scale)
    if usable.all():
        return found
    kept = usable.astype(np.float64)
    mass = kept.T @ (kept * replicates.rscales[:, None])
    if (mass <= 0).any():
        raise Undefined("the replicate covariance", "no replicate gives both of two values")
    return np.asarray(found * replicates.rscales.sum() / mass)


def lost(replicates: Replicates, thetas: FloatArray) -> tuple[int, ...]:
    """How many replicates each value's variance leaves out because the value does not exist there."""
    return tuple(((~np.isfinite(thetas)) & (replicates.rscales > 0)[:, None]).sum(axis=0).tolist())


def rank(matrix: FloatArray) -> int:
    """Numerical rank by pivoted QR at a relative tolerance of 1e-5."""
    if not matrix.size:
        return 0
    norms = np.linalg.norm(matrix, axis=0)
    scaled = matrix[:, norms > 0] / norms[norms > 0]
    if not scaled.size:
        return 0
    triangle = np.abs(np.diag(linalg.qr(scaled, mode="r", pivoting=True)[0]))
    return int((triangle > RANK_TOLERANCE).sum())


def hadamard(order: int) -> FloatArray:
    """Smallest Hadamard matrix of at least this order that Paley's and Sylvester's constructions give, first row all
    ones. Reference: Paley (1933); Wolter (2007) appendix A."""
    size = order
    while True:
        found = _hadamard(size)
        if found is not None:
            return np.asarray(found * found[:1])
        size += 1


def _hadamard(size: int) -> FloatArray | None:
    if size <= 2:
        return np.array([[1.0, 1.0], [1.0, -1.0]])[:size, :size]
    if size % 4:
        return None
    if size % 8 == 0 or size == 4:
        half = _hadamard(size // 2)
        if half is not None:
            return np.block([[half, half], [half, -half]])
    if _prime(size - 1):
        skew = np.zeros((size, size))
        skew[0, 1:], skew[1:, 0], skew[1:, 1:] = 1.0, -1.0, _jacobsthal(size - 1)
        return np.asarray(skew + np.eye(size))
    q = size // 2 - 1
    if q % 4 == 1 and _prime(q):
        core = np.ones((q + 1, q + 1))
        core[0, 0], core[1:, 1:] = 0.0, _jacobsthal(q)
        sign = np.array([[1.0, 1.0], [1.0, -1.0]])
        return np.asarray(np.kron(core, sign) + np.kron(np.eye(q + 1), np.array([[1.0, -1.0], [-1.0, -1.0]])))
    return None


def _jacobsthal(q: int) -> FloatArray:
    character = np.full(q, -1.0)
    character[np.unique(np.arange(q) ** 2 % q)] = 1.0
    character[0] = 0.0
    return np.asarray(character[(np.arange(q)[:, None] - np.arange(q)[None, :]) % q])


def _prime(number: int) -> bool:
    return number > 2 and all(number % d for d in range(2, int(number**0.5) + 1))


def _first_stage(design: Design) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Unit of each row, then by unit: stratum, first row and the share of its stratum left unsampled."""
    if not design.stages or design.in_domain is not None or design.calibrations:
        raise OptionInvalid("design", "a domain or a calibrated design", "make replicates first, then calibrate")
    if design.pairs is not None or any(stage.probabilities is not None for stage in design.stages):
        raise OptionInvalid(
            "design", "unequal probabilities without replacement", "linearization: no replicates fit it"
        )
    stage = design.stages[0]
    units = np.arange(design.rows, dtype=np.int64) if stage.ids is None else stage.ids
    first_rows = np.unique(units, return_index=True)[1].astype(np.int64)
    strata = np.zeros(len(first_rows), dtype=np.int64) if stage.strata is None else stage.strata[first_rows]
    remaining = np.ones(len(first_rows))
    if stage.population is not None:
        remaining = 1.0 - np.bincount(strata)[strata] / stage.population[first_rows]
    return units, strata, first_rows, remaining


def _expanded(
    design: Design, units: IntArray, factor: FloatArray, scale: float, rscales: FloatArray, mse: bool
) -> Replicates:
    matrix = design.weights[:, None] * factor[units]
    return Replicates(design.weights, matrix, float(scale), rscales, mse, degrees_of_freedom(design))
