"""Ways of answering compared: how satisfied those of each way are, and the difference inside the same units.

Who answers on paper is not who answers by link: differences mix the way with the people, and are no reason to move a
figure (de Leeuw 2005; Vannieuwenhuyze, Loosveldt and Molenberghs 2010).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.components.beside import Table
from analysis.components.decimals import six
from analysis.components.disclosure import FEWEST
from analysis.components.limits import CONFIDENCE
from analysis.components.tables import SELF_SELECTED, Answers, Mode
from analysis.describing.people import design_of
from analysis.design import FloatArray, IntArray, domain
from analysis.errors import AnalysisError
from analysis.estimates.moments import Missing, mean
from analysis.intervals import wald
from analysis.testing.regression import Family, glm

COLUMNS = ("mode", "basis", "answers", "level", "low", "high", "difference", "difference_low", "difference_high")
SAMPLED, SELF = "sampled", "self_selected"
Range = tuple[float | None, float | None, float | None]
NOTHING: Range = (None, None, None)


def modes_table(answers: Answers, level: FloatArray) -> Table:
    """One row a way in, by the mean `level` float64[n] of its people (0..100); empty where all answered one way.

    A way of fewer than ten people tells nothing, and then the smallest other one does not either.
    """
    counts = {mode: int((answers["mode"].among([mode]) & np.isfinite(level)).sum()) for mode in Mode}
    counts = {mode: count for mode, count in counts.items() if count}
    if len(counts) < 2:
        return Table(COLUMNS, ())
    hidden = hidden_modes(counts)
    return Table(COLUMNS, tuple(_row(answers, level, mode, counts, hidden) for mode in sorted(counts)))


def hidden_modes(counts: Mapping[Mode, int]) -> frozenset[Mode]:
    """The ways of 1 to 9 people, with as many others as make ten of them together."""
    hidden = {mode for mode, count in counts.items() if count < FEWEST}
    others = iter(sorted(counts.keys() - hidden, key=lambda mode: (counts[mode], mode)))
    while hidden and sum(counts[mode] for mode in hidden) < FEWEST:
        more = next(others, None)
        if more is None:
            break
        hidden.add(more)
    return frozenset(hidden)


def _row(
    answers: Answers, level: FloatArray, mode: Mode, counts: Mapping[Mode, int], hidden: frozenset[Mode]
) -> dict[str, str | None]:
    shown = mode not in hidden
    own = answers["mode"].among([mode])
    found = _mean(answers, level, own) if shown else NOTHING
    apart = NOTHING
    if shown and mode is not Mode.LINK and counts.get(Mode.LINK, 0) >= FEWEST and Mode.LINK not in hidden:
        apart = _difference(answers, level, own)
    cells = [None if one is None else six(one) for one in (*found, *apart)]
    head = (str(mode), SELF if mode in SELF_SELECTED else SAMPLED, str(counts[mode]) if shown else None)
    return dict(zip(COLUMNS, (*head, *cells), strict=True))


def _mean(answers: Answers, level: FloatArray, own: NDArray[np.bool_]) -> Range:
    rows = np.flatnonzero(own & np.isfinite(level))
    try:
        found = mean(domain(design_of(answers), own & np.isfinite(level)), np.nan_to_num(level), missing=Missing.FAIL)
    except AnalysisError:
        return float(np.average(level[rows], weights=answers.weight_base[rows])), None, None
    return _range(float(found.values[0]), float(found.se[0]), found.df)


def _difference(answers: Answers, level: FloatArray, own: NDArray[np.bool_]) -> Range:
    """Weighted mean difference from those who answered by link, among the people of the same units.

    Both columns are centred on their unit first, which gives the same slope and the same residuals as a column for
    each unit would (Frisch and Waugh 1933; Lovell 1963).
    """
    both = answers.take(np.flatnonzero((own | answers["mode"].among([Mode.LINK])) & np.isfinite(level)))
    kept = (own | answers["mode"].among([Mode.LINK])) & np.isfinite(level)
    units, weights = both["unit"].codes.astype(np.int64), both.weight_base
    y = _centred(level[kept], weights, units)
    x = _centred(own[kept].astype(np.float64), weights, units)
    try:
        fit = glm(design_of(both), y, x[:, None], Family.GAUSSIAN)
    except AnalysisError:  # no unit has people of both ways
        return NOTHING
    return _range(float(fit.estimate.values[0]), float(fit.estimate.se[0]), fit.estimate.df)


def _centred(values: FloatArray, weights: FloatArray, units: IntArray) -> FloatArray:
    mass = np.bincount(units, weights)
    total = np.bincount(units, weights * values)
    return np.asarray(values - np.divide(total, mass, out=np.zeros(len(mass)), where=mass > 0)[units])


def _range(value: float, se: float, df: int) -> Range:
    low, high = wald(value, se, CONFIDENCE, df)
    return value, float(low), float(high)
