"""Fay-Herriot estimates for small units: the direct estimate drawn towards a regression, and its squared error."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import optimize

from analysis.design import BoolArray, FloatArray, chosen
from analysis.errors import LengthMismatch, NotFinite, Undefined


class Method(StrEnum):
    """How the variance between units is estimated: REML, ML, the Fay-Herriot moment equation, or the adjusted REML of
    Li and Lahiri, which is never zero."""

    REML = "REML"
    ML = "ML"
    MOMENT = "FH"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, eq=False)
class SmallArea:
    """Model-based estimates float64[m] with their MSE, beside the model: between-unit variance, coefficients. Where the
    bias correction takes more than all that the model leaves unexplained, `floored` bool[m] marks that the MSE is the
    one with the between-unit variance known (`g1 + g2`)."""

    estimates: FloatArray
    mse: FloatArray
    between: float
    beta: FloatArray
    beta_se: FloatArray
    log_likelihood: float
    shrinkage: FloatArray
    floored: BoolArray


def fay_herriot(direct: FloatArray, variance: FloatArray, x: FloatArray, *, method: Method) -> SmallArea:
    """EBLUP of the area model `direct = x beta + u + e`, u ~ (0, A), e ~ (0, variance known).

    `direct`, `variance` float64[m] (variances positive: smooth them first), `x` float64[m, p] with its constant.
    MSE: Datta and Lahiri (2000) for REML and ML, Datta, Rao, Smith (2005) for the moment method.
    Raises NotFinite, Undefined, LengthMismatch. Reference: Fay and Herriot (1979); Rao and Molina (2015) ch. 6;
    Li and Lahiri (2010) for the adjusted method.
    """
    y, d, design = (np.asarray(one, dtype=np.float64) for one in (direct, variance, x))
    method = chosen(Method, method, "method")
    _check(y, d, design)
    a = _between(y, d, design, method)
    inverse = 1 / (a + d)
    q = np.asarray(np.linalg.inv((design * inverse[:, None]).T @ design), dtype=np.float64)
    beta = q @ (design * inverse[:, None]).T @ y
    residual = y - design @ beta
    kept = a * inverse
    estimates = design @ beta + kept * residual
    log_likelihood = -0.5 * float((np.log(2 * np.pi * (a + d)) + residual**2 * inverse).sum())
    mse, floored = _mse(a, d, design, q, method)
    return SmallArea(estimates, mse, a, beta, np.sqrt(np.diag(q)), log_likelihood, kept, floored)


def benchmarked(estimates: FloatArray, shares: FloatArray, total: float, mse: FloatArray) -> FloatArray:
    """Estimates float64[m] moved so that `sum shares estimates = total`, each in proportion to its share times MSE.
    Raises LengthMismatch, NotFinite, Undefined.
    Reference: You and Rao (2002); Wang, Fuller, Qu (2008), Survey Methodology 34(1)."""
    for other in (shares, mse):
        if len(other) != len(estimates):
            raise LengthMismatch("a benchmark", len(estimates), len(other))
    bad = ~np.isfinite(estimates) | ~np.isfinite(shares) | ~np.isfinite(mse)
    if bad.any() or not np.isfinite(total):
        raise NotFinite("an estimate, share, squared error or the total", int(np.argmax(bad)))
    if (mse < 0).any() or (shares < 0).any():
        raise Undefined("a benchmark", "a share or squared error is negative")
    weight = shares * mse
    scale = float(shares @ weight)
    if scale <= 0:
        raise Undefined("a benchmark", "no estimate has an error to move")
    return np.asarray(estimates + weight * (total - float(shares @ estimates)) / scale)


def _check(y: FloatArray, d: FloatArray, x: FloatArray) -> None:
    if x.ndim != 2 or len(x) != len(y) or len(d) != len(y):
        raise LengthMismatch("the area model", len(y), len(x))
    bad = ~np.isfinite(y) | ~np.isfinite(d) | ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise NotFinite("an estimate, variance or auxiliary", int(np.argmax(bad)))
    if (d <= 0).any():
        raise Undefined("the area model", f"the sampling variance of unit {int(np.argmax(d <= 0))} is not positive")
    if len(y) <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
        raise Undefined("the area model", "too few units for its auxiliaries")


def _between(y: FloatArray, d: FloatArray, x: FloatArray, method: Method) -> float:
    """The between-unit variance A: the root (or the end at zero) of its estimating equation."""
    if method is Method.ADJUSTED:
        return _adjusted(y, d, x)
    equation = {Method.REML: _reml_score, Method.ML: _ml_score, Method.MOMENT: _moment}[method]
    if equation(0.0, y, d, x) <= 0:
        return 0.0
    high = float(np.var(y) + d.max())
    while equation(high, y, d, x) > 0:
        high *= 2
    return float(optimize.brentq(equation, 0.0, high, args=(y, d, x), xtol=1e-15, rtol=1e-14))


def _projected(a: float, y: FloatArray, d: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """1/(A+d), GLS residuals over (A+d), and the leverage matrix' diagonal x Q x' / (A+d)^2."""
    inverse = 1 / (a + d)
    weighted = x * inverse[:, None]
    q = np.linalg.inv(weighted.T @ x)
    residual = y - x @ (q @ (weighted.T @ y))
    return inverse, residual * inverse, np.einsum("ij,jk,ik->i", weighted, q, weighted)


def _reml_score(a: float, y: FloatArray, d: FloatArray, x: FloatArray) -> float:
    inverse, scaled, leverage = _projected(a, y, d, x)
    return float((scaled**2).sum() - (inverse - leverage).sum())


def _ml_score(a: float, y: FloatArray, d: FloatArray, x: FloatArray) -> float:
    inverse, scaled, _ = _projected(a, y, d, x)
    return float((scaled**2).sum() - inverse.sum())


def _moment(a: float, y: FloatArray, d: FloatArray, x: FloatArray) -> float:
    inverse, scaled, _ = _projected(a, y, d, x)
    return float((scaled**2 / inverse).sum() - (len(y) - x.shape[1]))


def _adjusted(y: FloatArray, d: FloatArray, x: FloatArray) -> float:
    """Maximum of A times the residual likelihood (on the logarithm of A)."""

    def minus(log_a: float) -> float:
        a = float(np.exp(log_a))
        inverse, scaled, _ = _projected(a, y, d, x)
        gram = np.linalg.slogdet((x * inverse[:, None]).T @ x)[1]
        return float(0.5 * (-np.log(inverse).sum() + gram + (scaled**2 / inverse).sum()) - log_a)

    middle = float(np.log(np.median(d)))
    bounds = middle - 20, middle + 20
    found = optimize.minimize_scalar(minus, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def _mse(a: float, d: FloatArray, x: FloatArray, q: FloatArray, method: Method) -> tuple[FloatArray, BoolArray]:
    """Squared errors, and where the bias correction is left out because nothing of g1 would remain."""
    inverse = 1 / (a + d)
    shrunk = d * inverse
    first, second = float(inverse.sum()), float((inverse**2).sum())
    g1 = d * (1 - shrunk)
    g2 = shrunk**2 * np.einsum("ij,jk,ik->i", x, q, x)
    if method is Method.MOMENT:
        spread, bias = 2 * len(d) / first**2, 2 * (len(d) * second - first**2) / first**3
    elif method is Method.ML:
        spread = 2 / second
        bias = -float(np.trace(q @ ((x * (inverse**2)[:, None]).T @ x))) / second
    elif method is Method.REML:
        spread, bias = 2 / second, 0.0
    else:
        spread, bias = 2 / second, 2 / a / second if a > 0 else 0.0
    g3 = shrunk**2 * spread * inverse
    unexplained = g1 + 2 * g3 - bias * shrunk**2
    floored = np.asarray(unexplained <= 0, dtype=np.bool_)
    return g2 + np.where(floored, g1, unexplained), floored
