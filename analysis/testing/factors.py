"""Confirmatory factor analysis by maximum likelihood from a covariance matrix (factors of variance one)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from analysis.design import FloatArray, IntArray
from analysis.errors import ColumnMissing, NotConverged, Undefined


@dataclass(frozen=True)
class Loading:
    factor: str
    item: str
    estimate: float
    se: float


@dataclass(frozen=True)
class FactorCovariance:
    first: str
    second: str
    estimate: float
    se: float


@dataclass(frozen=True)
class FactorModel:
    """Fit measures, loadings (items in their own units) and covariances between factors (correlations)."""

    chisq: float
    df: int
    p: float
    cfi: float
    tli: float
    rmsea: float
    srmr: float
    loadings: tuple[Loading, ...]
    covariances: tuple[FactorCovariance, ...]


@dataclass(frozen=True, eq=False)
class _Shape:
    rows: IntArray  # item of each loading
    columns: IntArray  # factor of each loading
    pairs: tuple[IntArray, IntArray]  # factors of each covariance
    items: int
    factors: int

    def matrices(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        count, crossed = len(self.rows), len(self.pairs[0])
        loading = np.zeros((self.items, self.factors))
        loading[self.rows, self.columns] = theta[:count]
        between = np.eye(self.factors)
        between[self.pairs] = theta[count : count + crossed]
        between[self.pairs[::-1]] = theta[count : count + crossed]
        return loading, between, theta[count + crossed :]

    def jacobian(self, theta: FloatArray) -> FloatArray:
        """Derivatives of the implied covariance by each parameter, float64[parameters, items, items]."""
        loading, between, unique = self.matrices(theta)
        crossed = loading @ between
        slopes = np.zeros((len(theta), self.items, self.items))
        for place, (row, column) in enumerate(zip(self.rows, self.columns, strict=True)):
            slopes[place, row, :] += crossed[:, column]
            slopes[place, :, row] += crossed[:, column]
        for place, (a, b) in enumerate(zip(*self.pairs, strict=True), start=len(self.rows)):
            outer = np.outer(loading[:, a], loading[:, b])
            slopes[place] = outer + outer.T
        start = len(theta) - len(unique)
        slopes[start + np.arange(self.items), np.arange(self.items), np.arange(self.items)] = 1.0
        return slopes


def confirmatory(
    model: Mapping[str, Sequence[str]], items: Sequence[str], covariance: FloatArray, n: int
) -> FactorModel:
    """Fit factors (name -> items) to a sample covariance float64[k, k] (divisor n - 1) of n complete answers.

    Minimises `log|S| + tr(S^-1 C) - log|C| - k` with C rescaled to the divisor n; standard errors from the expected
    information. Raises ColumnMissing, Undefined, NotConverged. Reference: Jöreskog (1969); Bollen (1989) ch. 4 and 7;
    near-ceiling ordinal items break its normality, so read it as a specialist.
    """
    place = {name: number for number, name in enumerate(items)}
    used = [(factor, item) for factor, members in model.items() for item in members]
    for _, item in used:
        if item not in place:
            raise ColumnMissing(item, "the items")
    names = list(model)
    chosen = np.array(sorted({place[item] for _, item in used}), dtype=np.int64)
    number = {int(one): position for position, one in enumerate(chosen)}
    shape = _Shape(
        np.array([number[place[item]] for _, item in used], dtype=np.int64),
        np.array([names.index(factor) for factor, _ in used], dtype=np.int64),
        tuple(np.triu_indices(len(names), 1)),  # type: ignore[arg-type]
        len(chosen),
        len(names),
    )
    sample = np.asarray(covariance, dtype=np.float64)[np.ix_(chosen, chosen)] * (n - 1) / n
    theta = _fitted(shape, sample)
    return _report(shape, theta, sample, n, names, used)


def _fitted(shape: _Shape, sample: FloatArray) -> FloatArray:
    k = shape.items
    spread = np.sqrt(np.diag(sample))
    start = np.concatenate([0.6 * spread[shape.rows], np.full(len(shape.pairs[0]), 0.5), 0.6 * np.diag(sample)])
    sign, logdet = np.linalg.slogdet(sample)
    if sign <= 0:
        raise Undefined("the factor model", "the covariance matrix is not positive definite")

    def misfit(theta: FloatArray) -> tuple[float, FloatArray]:
        implied = _implied(shape, theta)
        sign, size = np.linalg.slogdet(implied)
        if sign <= 0 or (np.linalg.eigvalsh(implied) <= 0).any():
            return 1e10, np.zeros_like(theta)
        inverse = np.linalg.inv(implied)
        slope = inverse - inverse @ sample @ inverse
        value = size + float(np.trace(inverse @ sample)) - logdet - k
        return float(value), np.einsum("pij,ij->p", shape.jacobian(theta), slope)

    found = optimize.minimize(misfit, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    steep = float(np.abs(misfit(found.x)[1]).max())
    if not steep < 1e-5:
        raise NotConverged("the factor model", "its steepest slope", steep, int(found.nit))
    return np.asarray(found.x)


def _implied(shape: _Shape, theta: FloatArray) -> FloatArray:
    loading, between, unique = shape.matrices(theta)
    return np.asarray(loading @ between @ loading.T + np.diag(unique))


def _report(
    shape: _Shape, theta: FloatArray, sample: FloatArray, n: int, names: list[str], used: list[tuple[str, str]]
) -> FactorModel:
    k = shape.items
    implied = _implied(shape, theta)
    inverse = np.linalg.inv(implied)
    logdet = float(np.linalg.slogdet(sample)[1])
    chisq = n * float(np.linalg.slogdet(implied)[1] + np.trace(inverse @ sample) - logdet - k)
    df = k * (k + 1) // 2 - len(theta)
    base = n * (float(np.log(np.diag(sample)).sum()) - logdet)
    base_df = k * (k - 1) // 2
    cfi = 1 - max(chisq - df, 0.0) / max(chisq - df, base - base_df, 1e-300)
    tli = 1 - (chisq / df - 1) / (base / base_df - 1) if df else 1.0
    rmsea = float(np.sqrt(max(chisq - df, 0.0) / (n * df))) if df else 0.0
    scaled = (sample - implied) / np.sqrt(np.outer(np.diag(sample), np.diag(sample)))
    srmr = float(np.sqrt((scaled[np.tril_indices(k)] ** 2).mean()))
    slopes = shape.jacobian(theta) @ inverse
    information = n / 2 * np.einsum("pij,qji->pq", slopes, slopes)
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    signs = [np.sign(theta[: len(used)][shape.columns == factor].sum()) for factor in range(len(names))]
    loadings = tuple(
        Loading(factor, item, float(value * signs[names.index(factor)]), float(error))
        for (factor, item), value, error in zip(used, theta, se, strict=False)
    )
    covariances = tuple(
        FactorCovariance(names[a], names[b], float(value * signs[a] * signs[b]), float(error))
        for a, b, value, error in zip(*shape.pairs, theta[len(used) :], se[len(used) :], strict=False)
    )
    return FactorModel(chisq, df, float(stats.chi2.sf(chisq, df)), cfi, tli, rmsea, srmr, loadings, covariances)
