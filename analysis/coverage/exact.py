"""The exact coverage of one item's limits: discrete, so above 95 % near 100 % whatever the method, and computed.

Path: `components.limits.item_limits` on every possible count of a simple random sample, weighed by the binomial law.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from analysis.components.index import Figures
from analysis.components.limits import CONFIDENCE, item_limits
from analysis.coverage.tally import NOMINAL, Line, Run
from analysis.design import FloatArray
from analysis.intervals import wilson

ANSWERS = 30
SHARES = (0.85, 0.95, 0.97, 0.99, 0.995)


def exact(run: Run) -> Iterator[Line]:
    """Published limits and, beside them, Wilson's at n for 30 answers; no random numbers."""
    counts = np.arange(ANSWERS + 1)
    value = counts / ANSWERS
    published = item_limits(_figures(value), ["SERVICE"], CONFIDENCE)
    plain = wilson(value, ANSWERS, CONFIDENCE)
    for wanted in SHARES:
        weight = stats.binom.pmf(counts, ANSWERS, wanted)
        case = f"exact, one item, n = {ANSWERS}, {100 * wanted:g} %"
        yield _line(case, "published limits", (published.lower[:, 0], published.upper[:, 0]), wanted, weight)
        yield _line(case, "Wilson at n = 30, for comparison", plain, wanted, weight)


def _line(case: str, what: str, limits: tuple[FloatArray, FloatArray], wanted: float, weight: FloatArray) -> Line:
    low, high = limits
    inside = (low <= wanted) & (wanted <= high)
    width = 100 * float(weight @ (high - low))
    return Line(case, what, NOMINAL, 100 * float(weight @ inside), 0.0, width, 0.0, ANSWERS + 1, "exact, no simulation")


def _figures(value: FloatArray) -> Figures:
    """One item of units with every possible count, each a simple random sample from a large population."""
    column = value[:, None]
    one = np.ones_like(column)
    variance = column * (1 - column) / (ANSWERS - 1)
    return Figures(
        column, variance, ANSWERS * one, 0 * one, one, one, one, (ANSWERS - 1) * one,
        np.zeros(column.shape, dtype=np.bool_), one,
    )  # fmt: skip
