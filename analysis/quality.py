"""The instrument's quality from a wave: each item's use of the scale, each factor's reliability, what to improve first.

Descriptive figures of the instrument, weighted; a score never depends on them. Values are scale values 1..k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.instrument import Instrument
from analysis.components.tables import Answers, ItemCells, item_cells
from analysis.design import FloatArray, LonelyPsu, checked_weights, declare
from analysis.errors import EmptyDomain, LengthMismatch, Undefined
from analysis.estimates.moments import Sample
from analysis.testing.regression import Family, glm
from analysis.testing.reliability import alpha, reliability

OVERALL = "overall"
HUNDRED = 100.0


@dataclass(frozen=True)
class ItemQuality:
    """How one item is used. Shares 0..1: `left_empty` of those to whom it applies; `inapplicable` of all; the others
    of the valid answers: the lowest code, the highest, the satisfied codes, and "very satisfied" among the satisfied.
    `item_rest`: correlation with the mean of its factor's other items (None for an item that is alone or constant).
    A share or mean of no answers at all is None."""

    code: str
    factor: str
    valid: int
    left_empty: float | None
    inapplicable: float
    mean: float | None
    deviation: float | None
    floor: float | None
    ceiling: float | None
    satisfied: float | None
    very: float | None
    item_rest: float | None


@dataclass(frozen=True)
class ScaleQuality:
    """Reliability of a factor, or of all items (`overall`): Cronbach's alpha, alpha without each item, McDonald's
    omega (None for two items, where it is not identified), and the smallest number of answers behind a covariance."""

    code: str
    items: tuple[str, ...]
    n: int
    alpha: float
    alpha_without: tuple[float, ...]
    omega: float | None


@dataclass(frozen=True)
class Driver:
    """What one factor does to the whole, in points of 0..100: its satisfied share `level`, its `weight` in the index of
    items and `lost` = weight (100 - level), which over all factors adds up to 100 - index; `pull`: slope of the other
    factors' mean value on this one's (both 0..100), with its standard error and share of variance r2 (None where
    a side does not vary). Items that nobody answered count in neither level nor weight."""

    factor: str
    level: float
    weight: float
    lost: float
    pull: float | None
    pull_se: float | None
    r2: float | None


@dataclass(frozen=True)
class InstrumentQuality:
    """Items in the instrument's order, scales, drivers with the largest loss first, and why a figure does not exist."""

    items: tuple[ItemQuality, ...]
    scales: tuple[ScaleQuality, ...]
    drivers: tuple[Driver, ...]
    undefined: Mapping[str, str]


def instrument_quality(answers: Answers, instrument: Instrument, *, lonely_psu: LonelyPsu) -> InstrumentQuality:
    """All figures of an extract's answers by their base weights; standard errors from its strata and clusters.

    Raises CellInvalid for an answer outside its scale, EmptyDomain when no item has one; an item without answers and a
    factor without variation are named in `undefined`.
    """
    cells = item_cells(answers, instrument.scored, instrument.satisfied)
    if not (cells.values > 0).any():
        raise EmptyDomain("of the scored items")
    weights = answers.weight_base
    values = np.where(cells.values > 0, cells.values, np.nan).astype(np.float64)
    factors = {code: _places(instrument, code) for code in instrument.factors}
    sizes = np.array([item.steps for item in instrument.scored], dtype=np.float64)
    items = tuple(
        _item(place, cells, weights, instrument, item_rest(values, weights, place, factors[one.factor]))
        for place, one in enumerate(instrument.scored)
    )
    names = tuple(one.code for one in instrument.scored)
    scales, undefined = _scales(values, weights, names, {**factors, OVERALL: list(range(len(names)))})
    points = (values - 1) / (sizes - 1) * HUNDRED
    drivers, without = _drivers(_sample(answers, lonely_psu), points, factors, items)
    empty = {f"item {one.code}": "nobody answered it" for one in items if one.valid == 0}
    return InstrumentQuality(items, scales, drivers, {**empty, **undefined, **without})


def scale_quality(code: str, names: Sequence[str], values: FloatArray, weights: FloatArray) -> ScaleQuality:
    """Alpha and omega of items float64[n, k] (NaN: none) from their weighted pairwise covariances.

    Raises Undefined for one item, an item that does not vary, or covariances that no data set can have.
    Reference: Cronbach (1951); McDonald (1999), Test Theory, ch. 6.
    """
    covariance, n = pairwise_covariance(values, weights)
    if len(names) == 2:
        return ScaleQuality(code, tuple(names), n, alpha(covariance), (), None)
    found = reliability(covariance, n)
    return ScaleQuality(code, tuple(names), n, found.alpha, tuple(found.alpha_without.tolist()), found.omega)


def pairwise_covariance(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, int]:
    """Weighted covariances float64[k, k] of columns float64[n, k], each from the rows where both are there (weighted
    moments times n/(n - 1)), and the smallest of those numbers of rows. Raises Undefined below 2 rows."""
    w = checked_weights(weights)
    if len(w) != len(values):
        raise LengthMismatch("values", len(w), len(values))
    valid = np.isfinite(values).astype(np.float64)
    x, heavy = np.where(valid > 0, values, 0.0), valid * w[:, None]
    rows, mass = valid.T @ valid, heavy.T @ valid
    if rows.min() < 2 or mass.min() <= 0:
        raise Undefined("a covariance", "two items have fewer than two answers in common")
    first = (heavy * x).T @ valid / mass  # mean of the row's item where the column's is there
    centred = (heavy * x).T @ x / mass - first * first.T
    return np.asarray(centred * rows / (rows - 1)), int(rows.min())


def item_rest(values: FloatArray, weights: FloatArray, place: int, scale: Sequence[int]) -> float | None:
    """Weighted correlation of an item with the mean of its scale's other items, over rows that have both."""
    others = [one for one in scale if one != place]
    if not others:
        return None
    rest = _row_mean(values[:, others])
    try:
        covariance, _ = pairwise_covariance(np.column_stack([values[:, place], rest]), weights)
    except Undefined:
        return None
    spread = covariance[0, 0] * covariance[1, 1]
    return float(covariance[0, 1] / np.sqrt(spread)) if spread > 0 else None


def _item(place: int, cells: ItemCells, weights: FloatArray, instrument: Instrument, rest: float | None) -> ItemQuality:
    item, column = instrument.scored[place], cells.values[:, place]
    valid, none = column > 0, cells.inapplicable[:, place]
    mean = _share(column.astype(np.float64), weights, valid)
    spread = None if mean is None else _share((column - mean) ** 2, weights, valid)
    satisfied = _share(cells.satisfied[:, place], weights, valid)
    top = _share(column == item.steps, weights, valid)
    return ItemQuality(
        item.code, item.factor, int(valid.sum()),
        _share(~valid, weights, ~none), _share(none, weights, np.ones_like(none)) or 0.0,
        mean, None if spread is None else float(np.sqrt(spread)), _share(column == 1, weights, valid), top, satisfied,
        None if top is None or satisfied is None else top / satisfied if satisfied > 0 else 0.0, rest,
    )  # fmt: skip


def _scales(
    values: FloatArray, weights: FloatArray, names: Sequence[str], scales: Mapping[str, list[int]]
) -> tuple[tuple[ScaleQuality, ...], dict[str, str]]:
    found, undefined = [], {}
    for code, places in scales.items():
        try:
            found.append(scale_quality(code, [names[place] for place in places], values[:, places], weights))
        except Undefined as reason:
            undefined[code] = str(reason)
    return tuple(found), undefined


def _drivers(
    sample: Sample, points: FloatArray, factors: Mapping[str, list[int]], items: Sequence[ItemQuality]
) -> tuple[tuple[Driver, ...], dict[str, str]]:
    found, undefined = [], {}
    answered = sum(one.satisfied is not None for one in items)
    for code, places in factors.items():
        shares = [share for place in places if (share := items[place].satisfied) is not None]
        if not shares:
            undefined[f"level of {code}"] = "nobody answered its items"
            continue
        level, weight = HUNDRED * float(np.mean(shares)), len(shares) / answered
        pull: tuple[float, float, float] | tuple[None, None, None] = (None, None, None)
        try:
            pull = _pull(sample, points, places)
        except Undefined as reason:
            undefined[f"pull of {code}"] = str(reason)
        found.append(Driver(code, level, weight, weight * (HUNDRED - level), *pull))
    return tuple(sorted(found, key=lambda one: -one.lost)), undefined


def _pull(sample: Sample, points: FloatArray, places: list[int]) -> tuple[float, float, float]:
    """Slope with standard error, and share of variance, of the mean of the other factors' items on this factor's."""
    others = [place for place in range(points.shape[1]) if place not in places]
    if not others:
        raise Undefined("the pull of a factor", "there is no other one")
    own, rest = _row_mean(points[:, places]), _row_mean(points[:, others])
    covariance, _ = pairwise_covariance(np.column_stack([own, rest]), sample.domain_weights)
    if np.diag(covariance).min() <= 0:
        raise Undefined("the pull of a factor", "its answers, or those of the others, do not vary")
    fit = glm(sample, rest, np.column_stack([np.ones(len(own)), own]), Family.GAUSSIAN)
    r2 = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
    return float(fit.estimate.values[1]), float(fit.estimate.se[1]), float(r2)


def _places(instrument: Instrument, factor: str) -> list[int]:
    return [place for place, item in enumerate(instrument.scored) if item.factor == factor]


def _sample(answers: Answers, lonely_psu: LonelyPsu) -> Sample:
    """Strata and clusters as drawn, without finite populations (the figures describe the instrument)."""
    alone = answers["psu"].among([""])
    ids = np.where(alone, -1 - np.arange(answers.rows), answers["psu"].codes)
    return declare(answers.weight_base, lonely_psu=lonely_psu, ids=[ids], strata=[answers["stratum"].codes], nest=True)


def _row_mean(values: FloatArray) -> FloatArray:
    """Mean of the cells that are there, NaN in a row without any."""
    valid = np.isfinite(values)
    count = valid.sum(axis=1)
    total = np.where(valid, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0))


def _share(
    marks: np.typing.NDArray[np.generic], weights: FloatArray, among: np.typing.NDArray[np.bool_]
) -> float | None:
    mass = float(weights[among].sum())
    return float((weights[among] * marks[among].astype(np.float64)).sum()) / mass if mass > 0 else None
