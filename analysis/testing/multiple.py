"""Corrections for multiple testing, and the combination of multiply imputed estimates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis.design import FloatArray, chosen
from analysis.errors import LengthMismatch, NotFinite, Undefined


class Correction(StrEnum):
    """Holm, Hommel and Bonferroni bound the chance of any false finding; BH and BY the share of false ones."""

    HOLM = "holm"
    HOCHBERG = "hochberg"
    HOMMEL = "hommel"
    BONFERRONI = "bonferroni"
    BH = "BH"
    BY = "BY"


@dataclass(frozen=True)
class Combined:
    """A multiply imputed estimate: value, standard error, degrees of freedom, fraction of missing information."""

    estimate: float
    se: float
    df: float
    missing_information: float


def adjusted(p: FloatArray, correction: Correction) -> FloatArray:
    """Adjusted p-values float64[m] in the order given.
    Reference: Holm (1979); Hochberg (1988); Hommel (1988); Benjamini, Hochberg (1995); Benjamini, Yekutieli (2001).
    """
    values, correction = np.asarray(p, dtype=np.float64), chosen(Correction, correction, "correction")
    bad = ~((values >= 0) & (values <= 1))
    if bad.any():
        raise NotFinite("a p-value", int(np.argmax(bad)))
    m = len(values)
    order = np.argsort(values, kind="stable")
    raw, left = values[order], np.arange(m, 0, -1)
    match correction:
        case Correction.BONFERRONI:
            found = m * raw
        case Correction.HOLM:
            found = np.maximum.accumulate(left * raw)
        case Correction.HOCHBERG:
            found = np.minimum.accumulate((left * raw)[::-1])[::-1]
        case Correction.HOMMEL:
            found = _hommel(raw)
        case Correction.BH | Correction.BY:
            harmonic = float((1 / left).sum()) if correction is Correction.BY else 1.0
            found = np.minimum.accumulate((harmonic * m / (m + 1 - left) * raw)[::-1])[::-1]
    result = np.empty(m)
    result[order] = np.minimum(found, 1.0)
    return result


def _hommel(p: FloatArray) -> FloatArray:
    """Closed Simes tests, sorted p-values in, adjusted ones out."""
    m = len(p)
    found = np.full(m, (m * p / np.arange(1, m + 1)).min()) if m else p.copy()
    for size in range(m - 1, 1, -1):
        start = m - size + 1
        simes = float((size * p[start:] / np.arange(2, size + 1)).min())
        found[start:] = np.maximum(found[start:], simes)
        found[:start] = np.maximum(found[:start], np.minimum(size * p[:start], simes))
    return np.maximum(found, p)


def rubin(estimates: FloatArray, variances: FloatArray, complete_df: float | None = None) -> Combined:
    """Rubin's rules for m imputations, with Barnard and Rubin's degrees of freedom when the complete data's are given
    (the observed-data part takes the between variance without its factor 1 + 1/m, as R's mitools does).
    Reference: Rubin (1987) 3.1; Barnard and Rubin (1999), Biometrika 86."""
    q, u = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    m = len(q)
    if m < 2 or len(u) != m:
        raise LengthMismatch("imputed estimates", max(m, 2), len(u))
    bad = ~np.isfinite(q) | ~np.isfinite(u)
    if bad.any():
        raise NotFinite("an imputed estimate or its variance", int(np.argmax(bad)))
    within, between = float(u.mean()), float(q.var(ddof=1))
    if (u < 0).any() or (within == 0 and between > 0):
        raise Undefined("a combined estimate", "a variance is negative, or all are zero although estimates differ")
    whole = within + (1 + 1 / m) * between
    if between <= 0:
        return Combined(float(q.mean()), whole**0.5, float("inf") if complete_df is None else float(complete_df), 0.0)
    increase = (1 + 1 / m) * between / within
    df = (m - 1) * (1 + 1 / increase) ** 2
    if complete_df is not None:
        observed = (complete_df + 1) / (complete_df + 3) * complete_df * within / (within + between)
        df = 1 / (1 / observed + 1 / df)
    return Combined(float(q.mean()), whole**0.5, df, (increase + 2 / (df + 3)) / (increase + 1))
