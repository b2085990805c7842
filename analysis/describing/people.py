"""The probability sample one by one: each person's satisfaction in percent, and the sample's design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.components.instrument import Instrument
from analysis.components.tables import SELF_SELECTED, Answers
from analysis.design import BoolArray, Design, FloatArray, LonelyPsu, declare

HUNDRED = 100.0
Worth = Callable[[str, int], float]  # what an answer is worth, by its code and the steps of its scale


@dataclass(frozen=True, eq=False)
class Sums:
    """Of every person and factor the sum of the scored answers and their number, float64[n, F]."""

    factors: tuple[str, ...]
    total: FloatArray
    count: FloatArray

    def mean(self, places: Sequence[int] | None = None) -> FloatArray:
        """Mean of the answers of some factors (all when left out), NaN where a person gave none."""
        chosen = list(range(len(self.factors))) if places is None else list(places)
        total, count = self.total[:, chosen].sum(axis=1), self.count[:, chosen].sum(axis=1)
        return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def sampled(answers: Answers) -> Answers:
    """Without those who chose themselves to answer."""
    return kept(answers, ~answers["mode"].among(SELF_SELECTED))


def kept(answers: Answers, rows: BoolArray) -> Answers:
    """Some answers; all of them are not copied, since a million take memory."""
    return answers if rows.all() else answers.take(np.flatnonzero(rows))


def satisfied(answers: Answers, instrument: Instrument) -> FloatArray:
    """The mean of each person's answers float64[n]: 100 for a satisfied one, 0 for another, as the index counts."""
    one = replace(instrument, factors=("",), scored=tuple(replace(item, factor="") for item in instrument.scored))
    return _sums(answers, one, lambda code, _steps: HUNDRED * (code in instrument.satisfied)).mean()


def scaled(answers: Answers, instrument: Instrument) -> Sums:
    """Scale values 1..k as 0..100."""
    return _sums(answers, instrument, lambda code, steps: HUNDRED * (int(code) - 1) / (steps - 1))


def design_of(answers: Answers) -> Design:
    """Strata and clusters as drawn, without finite populations: what describes people, not the list, is a little wide.

    A stratum of one answer takes its share from the mean of all, which is wide rather than narrow.
    """
    alone = answers["psu"].among([""])
    ids = np.where(alone, -1 - np.arange(answers.rows), answers["psu"].codes)
    strata = [answers["stratum"].codes]
    return declare(answers.weight_base, lonely_psu=LonelyPsu.ADJUST, ids=[ids], strata=strata, nest=True)


def _sums(answers: Answers, instrument: Instrument, worth: Worth) -> Sums:
    shape = (answers.rows, len(instrument.factors))
    total, count = np.zeros(shape), np.zeros(shape)
    for item in instrument.scored:
        column, place = answers.items[item.code], instrument.factors.index(item.factor)
        known = [level in instrument.choices[item.code] for level in column.levels]
        points = [worth(level, item.steps) if fits else 0.0 for level, fits in zip(column.levels, known, strict=True)]
        if column.levels:
            total[:, place] += np.array(points, dtype=np.float64)[column.codes]
            count[:, place] += np.array(known, dtype=np.float64)[column.codes]
    return Sums(instrument.factors, total, count)
