"""Weighted item totals of each unit and their covariance: all that the index, its parts and its points are made of.

One respondent gives one vector x = (valid, satisfied, value) over the items. A unit is its total T = sum w x and the
design covariance of T; every index is a smooth function of T, so its variance is the delta method on one covariance,
which is the same as one influence value per respondent (STATISTICS.md, composite index). Memory does not grow with
rows, units add up to the province, and a later pass over chunks only has to fill the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.components.instrument import ScoredItem
from analysis.components.strata import Strata
from analysis.components.tables import NOT_ANSWERED, NOT_APPLICABLE, Answers, Text
from analysis.components.weighting import Weighted
from analysis.design import BoolArray, Calibration, Design, FloatArray, IntArray, LonelyPsu, Stage
from analysis.errors import CellInvalid
from analysis.variance import covariance
from analysis.weights import kish_deff


@dataclass(frozen=True, eq=False)
class Cells:
    """Coded item cells of n answers and k items: scale values int8[n, k] (0: none), and which are not applicable."""

    values: NDArray[np.int8]
    inapplicable: BoolArray
    satisfied: BoolArray


@dataclass(frozen=True, eq=False)
class Sampling:
    """How the answers were drawn and weighted."""

    weighted: Weighted
    strata: Strata
    psu: Text


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of U units (or one province) over k items; p = 3k as valid, satisfied, value."""

    totals: FloatArray  # [U, p] weighted
    omega: FloatArray  # [U, p, p] design covariance of the totals
    counts: FloatArray  # [U, p] unweighted
    inapplicable: FloatArray  # [U, k] answers "not applicable"
    touched: FloatArray  # [U, C] respondents with at least one valid item of a code
    respondents: IntArray  # [U]
    population: FloatArray  # [U] dossiers
    kish: FloatArray  # [U] Kish's design effect of the final weights
    remaining: FloatArray  # [U] 1 - f, averaged over the respondents by squared weight
    df: FloatArray  # [U] units sampled less strata

    @property
    def items(self) -> int:
        return int(self.inapplicable.shape[1])

    @property
    def valid(self) -> FloatArray:
        """Valid answers by unit and item, [U, k]."""
        return self.counts[:, : self.items]

    def take(self, units: Sequence[int]) -> Moments:
        """The moments of some units."""
        rows = np.array(units, dtype=np.intp)
        return Moments(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def complete(self) -> BoolArray:
        """Units where every dossier of the frame was answered, bool[U]."""
        everybody = (self.respondents >= self.population) | (self.remaining <= 0)
        return np.asarray((self.respondents > 0) & everybody)


def item_cells(answers: Answers, items: Sequence[ScoredItem], satisfied: frozenset[str]) -> Cells:
    """Code the answers of the scored items; an answer outside its scale is refused (CellInvalid)."""
    shape = (answers.rows, len(items))
    cells = Cells(np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_))
    for place, item in enumerate(items):
        column = answers.items[item.code]
        values = np.array([_value(level, item, column) for level in column.levels], dtype=np.int8)
        if answers.rows:
            cells.values[:, place] = values[column.codes]
            cells.inapplicable[:, place] = column.among([NOT_APPLICABLE])
            cells.satisfied[:, place] = column.among(satisfied)
    return cells


def make_moments(
    cells: Cells,
    members: BoolArray,
    units: IntArray,
    populations: FloatArray,
    sampling: Sampling,
) -> Moments:
    """The moments of units 0..U-1. `members` bool[C, k] says which items each code of results is made of.

    The covariance is `analysis.variance.covariance` of each unit's weighted answers (strata, clusters, finite
    population, calibration residual), so a unit costs n p^2 and units are independent of each other.
    """
    size, items = len(populations), cells.values.shape[1]
    sums = Moments(
        np.zeros((size, 3 * items)), np.zeros((size, 3 * items, 3 * items)), np.zeros((size, 3 * items)),
        np.zeros((size, items)), np.zeros((size, len(members))), np.zeros(size, dtype=np.int64), populations,
        np.ones(size), np.ones(size), np.zeros(size),
    )  # fmt: skip
    order = np.argsort(units, kind="stable")
    cuts = np.searchsorted(units[order], np.arange(size + 1))
    for unit in range(size):
        rows = order[cuts[unit] : cuts[unit + 1]]
        if len(rows):
            _fill(sums, unit, rows, cells, members, sampling)
    return sums


def province(moments: Moments, kish: float, remaining: float) -> Moments:
    """The units added up: strata and cells lie inside units, so covariances add."""

    def total(part: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(part.sum(axis=0, keepdims=True))

    answered = np.where(moments.respondents > 0, moments.population, 0.0)
    return Moments(
        total(moments.totals), total(moments.omega), total(moments.counts), total(moments.inapplicable),
        total(moments.touched), total(moments.respondents), total(answered),
        np.array([kish]), np.array([remaining]), total(moments.df),
    )  # fmt: skip


def remaining_share(weights: FloatArray, strata: Strata, rows: NDArray[np.intp]) -> float:
    """`sum w^2 (1 - f) / sum w^2` with f = answers / population of the (joined) stratum."""
    codes = np.unique(strata.codes[rows], return_inverse=True)[1].reshape(-1)
    fraction = np.bincount(codes)[codes] / strata.population[rows]
    squared = weights[rows] ** 2
    total = float(squared.sum())
    return float((squared * (1.0 - fraction)).sum()) / total if total > 0 else 1.0


def _fill(
    sums: Moments, unit: int, rows: NDArray[np.intp], cells: Cells, members: BoolArray, sampling: Sampling
) -> None:
    values = cells.values[rows]
    valid = values > 0
    x = np.concatenate([valid, cells.satisfied[rows] & valid, values], axis=1).astype(np.float64)
    weights = sampling.weighted.weights[rows]
    design, drawn, df = _design(rows, sampling)
    sums.counts[unit] = x.sum(axis=0)
    sums.inapplicable[unit] = cells.inapplicable[rows].sum(axis=0)
    sums.touched[unit] = ((valid @ members.T.astype(np.int16)) > 0).sum(axis=0)
    sums.respondents[unit] = len(rows)
    scores = x * weights[:, None]
    sums.totals[unit] = scores.sum(axis=0)
    if drawn > 1:  # one answer says nothing of its variance: zero, and df 0 says so
        sums.omega[unit] = covariance(design, scores)
        sums.df[unit] = df
    sums.kish[unit] = kish_deff(weights)
    sums.remaining[unit] = _remaining(weights, design, len(rows))


def _remaining(weights: FloatArray, design: Design, drawn: int) -> float:
    """`sum w^2 (1 - f) / sum w^2`, f the answered part of the stratum (a cell, when calibrated)."""
    stage = design.stages[0]
    codes = np.zeros(drawn, dtype=np.int64) if stage.strata is None else stage.strata
    population = np.ones(drawn) if stage.population is None else stage.population
    squared = weights**2
    return float(squared @ (1.0 - np.bincount(codes)[codes] / population) / squared.sum())


def _design(rows: NDArray[np.intp], sampling: Sampling) -> tuple[Design, int, int]:
    """The design of one unit's rows, its sampled units and degrees of freedom; no stratum is lonely in it (`strata`)
    unless the unit has one answer."""
    weighted, strata = sampling.weighted, sampling.strata
    calibrations: tuple[Calibration, ...] = ()
    if weighted.calibration is not None:
        record = weighted.calibration
        margin = np.unique(record.margins[0][rows], return_inverse=True)[1].astype(np.int64).reshape(-1)
        calibrations = (Calibration(record.before[rows], record.after[rows], (margin,)),)
    codes = np.unique(strata.codes[rows], return_inverse=True)[1].astype(np.int64).reshape(-1)
    ids = _clusters(rows, codes, sampling.psu)
    population = strata.population[rows]
    if calibrations and ids is None:  # given who answered, the cells are strata (Holt and Smith 1979)
        codes = calibrations[0].margins[0]
        population = np.maximum(np.bincount(codes, weights=calibrations[0].after), np.bincount(codes))[codes]
    drawn = len(rows) if ids is None else int(ids.max()) + 1
    stage = Stage(ids, codes, population)
    design = Design(weighted.weights[rows], (stage,), LonelyPsu.FAIL, calibrations)
    return design, drawn, drawn - int(codes.max()) - 1


def _clusters(rows: NDArray[np.intp], strata: IntArray, psu: Text) -> IntArray | None:
    """Cluster codes inside strata; None when every answer is its own unit."""
    if psu.levels in ((), ("",)):
        return None
    alone = psu.among([""])[rows]
    keys = np.column_stack([strata, psu.codes[rows], np.where(alone, np.arange(len(rows)), -1)])
    return np.unique(keys, axis=0, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _value(level: str, item: ScoredItem, column: Text) -> int:
    if level in (NOT_APPLICABLE, NOT_ANSWERED):
        return 0
    if level.isascii() and level.isdigit() and str(int(level)) == level and 1 <= int(level) <= item.steps:
        return int(level)
    row = int(np.argmax(column.codes == column.levels.index(level))) + 2
    raise CellInvalid("answers.csv", row, item.code, level, f"1 to {item.steps}, empty or {NOT_ANSWERED}")
