"""How sure a grade is, against how often it is right: units whose truths lie on both sides of the bands' edges.

Path: `score_citizens` by levels, then `grading.band_confidence` on the published limits, as the results folder does.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.components.limits import CONFIDENCE
from analysis.coverage.people import make_population, truths
from analysis.coverage.scored import score_levels
from analysis.coverage.tally import Line, Run, in_chunks, share
from analysis.coverage.transaction import CHUNK, LEVEL, STRATA
from analysis.coverage.waves import take, wave_extract
from analysis.design import FloatArray
from analysis.grading import band_confidence

BANDS = (90.0, 80.0, 70.0, 50.0)
STATED = ((0.5, 0.8), (0.8, 0.95), (0.95, 1.01))
SPREAD = 0.35  # of the units on the latent scale: their indices lie in three bands
NOTE = "nominal: mean of what was stated of the grade that was given; reached: share whose truth lies in it"


def grades(run: Run) -> Iterator[Line]:
    """Grades of units of about 30 answers by how sure they were said to be."""
    for wanted in (0.85, 0.93):
        case = f"grades, n = 30, {100 * wanted:g} %"
        stated: list[FloatArray] = []
        right: list[FloatArray] = []
        done = 0
        for size in in_chunks(run.waves, CHUNK, LEVEL):
            population = make_population(STRATA, wanted, run.rng.normal(0, SPREAD, size), run.rng)
            extract = wave_extract(population, take(population, run.rng), run.rng)
            found = score_levels(extract, LEVEL)["plain", "top2box", "calibrated"]
            value, low, high = (found.of(name, "overall", "overall").ravel() for name in ("index", "low", "high"))
            shares = band_confidence(value, np.minimum(low, value), np.maximum(high, value), BANDS,
                                     level=CONFIDENCE, ends=(0.0, 100.0))  # fmt: skip
            given, truth = _band(value), _band(truths(population.codes)["top2box", "overall"])
            stated.append(shares[np.arange(size), given])
            right.append((given == truth).astype(np.float64))
            done += size
            run.tell(case, done, run.waves)
        yield from _lines(case, np.concatenate(stated), np.concatenate(right))


def _band(value: FloatArray) -> FloatArray:
    return np.asarray((value[:, None] < np.array(BANDS)).sum(axis=1))


def _lines(case: str, stated: FloatArray, right: FloatArray) -> Iterator[Line]:
    for low, high in STATED:
        inside = (stated >= low) & (stated < high)
        if inside.any():
            yes = right[inside, None] > 0
            reached, error = share(yes, np.ones_like(yes))
            what = f"grade stated as {100 * low:g} to {min(100 * high, 100):g} % sure"
            nominal = 100 * float(stated[inside].mean())
            yield Line(case, what, nominal, reached, error, None, None, int(inside.sum()), NOTE)
