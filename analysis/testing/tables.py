"""Tests of independence in a two-way table of weighted counts: Rao-Scott, Wald, and the exact-type corrections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from analysis.design import FloatArray, IntArray, chosen
from analysis.errors import OptionInvalid, Undefined
from analysis.estimates.moments import Estimate, Missing, Sample, mean, total, transformed
from analysis.testing.quadratic import saddlepoint_tail, wald_form


class Statistic(StrEnum):
    """F and Chisq: Rao-Scott second and first order; Wald and adjWald: on the cell residuals; lincom and saddlepoint:
    Pearson's statistic against its asymptotic mixture distribution (saddlepoint approximation in both)."""

    F = "F"
    CHISQ = "Chisq"
    WALD = "Wald"
    ADJUSTED_WALD = "adjWald"
    LINCOM = "lincom"
    SADDLEPOINT = "saddlepoint"


@dataclass(frozen=True)
class Verdict:
    """A test statistic with its degrees of freedom (none for a mixture) and p-value."""

    statistic: float
    parameters: tuple[float, ...]
    p: float


@dataclass(frozen=True, eq=False)
class TableTest:
    """Weighted counts float64[r, c] and the verdicts asked for."""

    table: FloatArray
    verdicts: dict[Statistic, Verdict]


def independence(
    sample: Sample, rows: IntArray, columns: IntArray, statistics: list[Statistic], *, df: float, n: int
) -> TableTest:
    """Test that two categorical variables are independent.

    `rows`, `columns` int64[n] codes 0..r-1 and 0..c-1, -1 for missing (left out); `df` the design's degrees of
    freedom, `n` the number of rows that Pearson's statistic is scaled to. Raises Undefined for a table with fewer than
    two rows or columns or an empty margin, OptionInvalid without degrees of freedom.
    Reference: Rao and Scott (1984); Thomas and Rao (1987); Lumley (2010) 5.
    """
    statistics = [chosen(Statistic, one, "statistic") for one in statistics]
    if not df > 0 or n < 1:
        raise OptionInvalid("df and n", (df, n), "positive numbers")
    shape = int(rows.max(initial=-1)) + 1, int(columns.max(initial=-1)) + 1
    if min(shape) < 2:
        raise Undefined("a test of independence", "the table has fewer than two rows or columns")
    member = _cells(rows, columns, shape)
    counts = total(sample, member, missing=Missing.DROP)
    shares = mean(sample, member, missing=Missing.DROP)
    table = counts.values.reshape(shape, order="F")
    if (table.sum(axis=0) <= 0).any() or (table.sum(axis=1) <= 0).any():
        raise Undefined("a test of independence", "a row or column of the table has no weight")
    pearson = _pearson(table) * n / table.sum()
    found: dict[Statistic, Verdict] = {}
    for one in statistics:
        if one in {Statistic.WALD, Statistic.ADJUSTED_WALD}:
            found[one] = _wald(counts, shape, df, adjusted=one is Statistic.ADJUSTED_WALD)
        else:
            found[one] = _rao_scott(one, pearson, _effects(shares, shape, n), df)
    return TableTest(table, found)


def _cells(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> FloatArray:
    """Cell indicators float64[n, r c], rows running fastest; NaN where a variable is missing."""
    inside = (rows >= 0) & (columns >= 0)
    code = np.where(inside, rows + columns * shape[0], 0)
    member = (code[:, None] == np.arange(shape[0] * shape[1])).astype(np.float64)
    member[~inside] = np.nan
    return np.asarray(member)


def _pearson(table: FloatArray) -> float:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def _effects(shares: Estimate, shape: tuple[int, int], n: int) -> FloatArray:
    """Rao and Scott's generalised design-effect matrix of the interaction contrasts."""
    place = np.indices(shape).reshape(2, -1, order="F")
    main = np.column_stack([np.ones(shape[0] * shape[1]), *_dummies(place, shape)])
    both = [one * other for one in _row_dummies(place, shape) for other in _column_dummies(place, shape)]
    cross = np.column_stack(both)
    contrast = cross - main @ np.linalg.lstsq(main, cross, rcond=None)[0]
    inverse = np.divide(1.0, shares.values, out=np.zeros_like(shares.values), where=shares.values != 0)
    scaled = contrast * inverse[:, None]
    simple = contrast.T @ scaled / n
    return np.asarray(np.linalg.solve(simple, scaled.T @ shares.covariance @ scaled))


def _row_dummies(place: IntArray, shape: tuple[int, int]) -> list[FloatArray]:
    return [(place[0] == level).astype(np.float64) for level in range(1, shape[0])]


def _column_dummies(place: IntArray, shape: tuple[int, int]) -> list[FloatArray]:
    return [(place[1] == level).astype(np.float64) for level in range(1, shape[1])]


def _dummies(place: IntArray, shape: tuple[int, int]) -> list[FloatArray]:
    return _row_dummies(place, shape) + _column_dummies(place, shape)


def _rao_scott(kind: Statistic, pearson: float, effects: FloatArray, df: float) -> Verdict:
    trace = float(np.trace(effects))
    order = trace**2 / float(np.trace(effects @ effects))
    match kind:
        case Statistic.F:
            value = pearson / trace
            return Verdict(value, (order, order * df), float(stats.f.sf(value, order, order * df)))
        case Statistic.CHISQ:
            freedom = len(effects)
            return Verdict(pearson, (float(freedom),), float(stats.chi2.sf(pearson * freedom / trace, freedom)))
        case Statistic.LINCOM | Statistic.SADDLEPOINT:
            weights = np.sort(np.linalg.eigvals(effects).real)
            return Verdict(pearson, (), saddlepoint_tail(pearson, weights, order * df))
    raise OptionInvalid("statistic", kind, "F, Chisq, lincom, saddlepoint")


def _wald(counts: Estimate, shape: tuple[int, int], df: float, *, adjusted: bool) -> Verdict:
    """Wald test that every cell's excess over `row total x column total / total` is zero."""
    r, c = shape
    table = counts.values.reshape(shape, order="F")
    row, column, size = table.sum(axis=1), table.sum(axis=0), table.sum()
    excess = table - np.outer(row, column) / size
    jacobian = np.empty((r, c, r, c))
    for i, j in np.ndindex(r, c):
        slope = np.full((r, c), row[i] * column[j] / size**2)
        slope[i, :] -= column[j] / size
        slope[:, j] -= row[i] / size
        slope[i, j] += 1
        jacobian[i, j] = slope
    inner = jacobian[1:, 1:].transpose(0, 1, 3, 2).reshape((r - 1) * (c - 1), r * c)
    residual = transformed(counts, excess[1:, 1:].reshape(-1), inner)
    value = wald_form(residual.values, residual.covariance)
    numerator = (r - 1) * (c - 1)
    denominator = df - numerator + 1 if adjusted else df
    value *= denominator / (numerator * df) if adjusted else 1 / numerator
    return Verdict(value, (float(numerator), float(denominator)), float(stats.f.sf(value, numerator, denominator)))
