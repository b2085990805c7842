"""The questions that earn no points (needs, expectations, perceptions, ways): the share of each answer.

A unit's share rests on its own answers and is told from ten on. Weighted by the base weights; Wilson limits at Kish's
effective size, which leaves out what stratification gains and so is a little wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.components.beside import Table
from analysis.components.decimals import six
from analysis.components.disclosure import few
from analysis.components.instrument import Instrument
from analysis.components.limits import CONFIDENCE
from analysis.components.tables import NOT_ANSWERED, NOT_APPLICABLE, Answers
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.intervals import wilson

COLUMNS = ("unit", "item", "option", "answers", "share", "low", "high")
APART = " "  # between the codes of a question of which several may be chosen


def questions_table(answers: Answers, instrument: Instrument, units: Sequence[str], province: str) -> Table:
    """One row a unit (the province first), question and option that it can have; units without ten answers are left
    out, and what they leave out of the province's figure when it is of fewer than ten people itself."""
    scored = {item.code for item in instrument.scored}
    asked = [code for code in instrument.columns if code not in scored and instrument.choices[code]]
    place = {unit: number for number, unit in enumerate(units)}
    of = np.array([place.get(level, -1) for level in answers["unit"].levels] or [-1], dtype=np.int64)
    own = of[answers["unit"].codes] if answers.rows else np.zeros(0, dtype=np.int64)
    rows = [row for code in asked for row in _question(answers, instrument, code, own, (*units, province))]
    order = {province: -1} | place
    return Table(COLUMNS, tuple(sorted(rows, key=lambda row: order[str(row["unit"])])))


def _question(
    answers: Answers, instrument: Instrument, code: str, units: IntArray, names: Sequence[str]
) -> Iterator[dict[str, str | None]]:
    column, size = answers.items[code], len(names) - 1
    chosen = [frozenset(level.split(APART)) for level in column.levels]
    valid = np.array([level not in (NOT_ANSWERED, NOT_APPLICABLE) for level in column.levels] or [False])
    said = valid[column.codes] & (units >= 0)
    counts = np.bincount(units[said], minlength=size)
    kept = said & ~_dropped(counts)[units]
    base = _sums(answers, units, kept, size)
    for option in sorted(instrument.choices[code]):
        has = np.array([option in one for one in chosen] or [False])[column.codes] & kept
        share, low, high = _shares(_sums(answers, units, has, size)[0], base)
        for number, name in enumerate(names):
            answered = int(base[2][number])
            if answered >= 10 or (number == size and answered):
                figures = (six(float(one[number])) for one in (share, low, high))
                yield dict(zip(COLUMNS, (name, code, option, str(answered), *figures), strict=True))


def _dropped(counts: IntArray) -> BoolArray:
    """Units whose 1 to 9 answers the province may not hold: with the units shown they would be what is left."""
    small = few(counts.astype(np.float64))
    return np.asarray(small & few(np.where(small, counts, 0).sum(keepdims=True).astype(np.float64)))


Totals = tuple[FloatArray, FloatArray, FloatArray]


def _sums(answers: Answers, units: IntArray, rows: BoolArray, size: int) -> Totals:
    """Sums of weights, of squared weights, and of people, by unit and (last) of all."""
    weights, own = answers.weight_base[rows], units[rows]
    found = [np.bincount(own, one, size) for one in (weights, weights**2, np.ones(len(own)))]
    first, second, third = (np.append(one, one.sum()) for one in found)
    return first, second, third


def _shares(chosen: FloatArray, base: Totals) -> tuple[FloatArray, FloatArray, FloatArray]:
    mass, squares, people = base
    known = people > 0
    share = np.clip(np.divide(chosen, mass, out=np.zeros(len(mass)), where=known), 0.0, 1.0)
    size = np.divide(mass**2, squares, out=np.ones(len(mass)), where=known)
    low, high = wilson(share, size, CONFIDENCE)
    return share, low, high
