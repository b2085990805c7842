"""Reliability of a set of items from their covariance matrix: alpha, omega, item-rest correlations, factorability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from analysis.design import FloatArray
from analysis.errors import NotConverged, NotFinite, Undefined


@dataclass(frozen=True, eq=False)
class Reliability:
    """All figures of one scale of k items; arrays float64[k]."""

    alpha: float
    alpha_standardised: float
    alpha_without: FloatArray
    item_rest: FloatArray
    omega: float
    loadings: FloatArray
    eigenvalues: FloatArray
    kmo: float
    bartlett: float
    bartlett_df: int
    bartlett_p: float


def reliability(covariance: FloatArray, n: int) -> Reliability:
    """Reliability figures from a covariance matrix float64[k, k] of n complete answers.

    Alpha (Cronbach 1951), also of standardised items and without each item; correlation of each item with the sum of
    the others; omega total of one factor fitted by maximum likelihood (McDonald 1999); eigenvalues of the
    correlations; Kaiser-Meyer-Olkin measure (1974); Bartlett's test of sphericity (1951). Raises NotFinite, Undefined.
    """
    k = len(covariance)
    bad = ~np.isfinite(covariance).all(axis=1)
    if bad.any():
        raise NotFinite("a covariance of items", int(np.argmax(bad)))
    if covariance.shape != (k, k) or not np.allclose(covariance, covariance.T, rtol=1e-8, atol=0.0):
        raise Undefined("reliability", "the covariance matrix is not symmetric")
    if k < 3 or (np.diag(covariance) <= 0).any():
        raise Undefined("reliability", "it needs three items that all vary")
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    logdet = np.linalg.slogdet(correlation)[1]
    if np.linalg.eigvalsh(correlation)[0] <= 0:
        raise Undefined("reliability", "an item is a combination of the others")
    loadings = one_factor(correlation)
    common = float(loadings.sum()) ** 2
    chisq = -(n - 1 - (2 * k + 5) / 6) * float(logdet)
    df = k * (k - 1) // 2
    others = [np.delete(np.delete(covariance, i, 0), i, 1) for i in range(k)]
    return Reliability(
        alpha(covariance),
        alpha(correlation),
        np.array([alpha(one) for one in others]),
        _item_rest(covariance),
        common / (common + float((1 - loadings**2).sum())),
        loadings,
        np.linalg.eigvalsh(correlation)[::-1],
        _kmo(correlation),
        chisq,
        df,
        float(stats.chi2.sf(chisq, df)),
    )


def alpha(covariance: FloatArray) -> float:
    """Cronbach's alpha `k/(k-1) (1 - trace / sum)` of a covariance or correlation matrix."""
    k, whole = len(covariance), float(covariance.sum())
    if k < 2 or whole <= 0:
        raise Undefined("alpha", "it needs two items and a sum that varies")
    return k / (k - 1) * (1 - float(np.trace(covariance)) / whole)


def one_factor(correlation: FloatArray) -> FloatArray:
    """Loadings float64[k] of one factor by maximum likelihood (Lawley and Maxwell 1971, on uniquenesses); their sum is
    not negative, a reversed item's own is."""
    k = len(correlation)
    start = np.clip(0.5 / np.diag(np.linalg.inv(correlation)), 0.01, 0.99)

    def split(unique: FloatArray) -> tuple[FloatArray, FloatArray]:
        root = 1 / np.sqrt(unique)
        return np.linalg.eigh(correlation * np.outer(root, root))

    def misfit(unique: FloatArray) -> float:
        rest = split(unique)[0][:-1]
        return float((rest - np.log(rest)).sum() - (k - 1))

    def gradient(unique: FloatArray) -> FloatArray:
        loading = _loading(unique, *split(unique))
        return np.asarray((loading**2 + unique - np.diag(correlation)) / unique**2)

    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    limits = [(0.005, 1.0)] * k
    found = optimize.minimize(misfit, start, jac=gradient, method="L-BFGS-B", bounds=limits, options=options)
    if not np.isfinite(found.fun):
        raise NotConverged("the one-factor model", "its likelihood", float(found.fun), int(found.nit))
    loading = _loading(found.x, *split(found.x))
    return loading if loading.sum() >= 0 else -loading


def _loading(unique: FloatArray, values: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(unique) * vectors[:, -1] * np.sqrt(max(float(values[-1]) - 1, 0.0)))


def _item_rest(covariance: FloatArray) -> FloatArray:
    own = np.diag(covariance)
    shared = covariance.sum(axis=1) - own
    rest = covariance.sum() - 2 * covariance.sum(axis=1) + own
    return np.asarray(shared / np.sqrt(own * rest))


def _kmo(correlation: FloatArray) -> float:
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diag(inverse))
    partial = inverse / np.outer(scale, scale)
    off = ~np.eye(len(correlation), dtype=np.bool_)
    plain, rest = float((correlation[off] ** 2).sum()), float((partial[off] ** 2).sum())
    return plain / (plain + rest)
