"""The province's own figure: units of about 30 answers together, late dossiers mostly silent and less content.

Path: `score_citizens` on a province at a time, by design weights, calibrated to units and classes alone, and to the
late dossiers of all units as well (`traits`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analysis.components.citizens import Rating, make_wave, score_citizens
from analysis.components.scheme import IndexRule
from analysis.components.tables import TraitRow
from analysis.components.weighting import make_frame
from analysis.coverage.people import PersonClass, Stratum, make_population, truths
from analysis.coverage.tally import Held, Line, Run, Tally
from analysis.coverage.waves import take, wave_extract
from analysis.extract import Extract

UNITS = 20
CLASSES = (PersonClass(0.7, 0.1, 0.75), PersonClass(0.3, -0.5, 0.35))  # on time and late
STRATA = (Stratum(240, 23, CLASSES), Stratum(160, 23, CLASSES))
SHARE = 10  # a wave of a province is as long as this many of a unit
BIASED = "design weights do not know that late dossiers answered less: bias, which no interval shows"


def province(run: Run) -> Iterator[Line]:
    """One tenth of the waves: each is a province of 20 units."""
    waves = max(run.waves // SHARE, 1)
    tally = Tally(f"province of {UNITS} units, n = 30 each, 85 %")
    for done in range(waves):
        population = make_population(STRATA, 0.85, run.rng.normal(0, 0.2, UNITS), run.rng)
        extract = wave_extract(population, take(population, run.rng), run.rng)
        truth = float(truths(population.codes)["top2box", "overall"].mean())  # units of one size
        for what, weighting, one in (
            ("design", "design", extract),
            ("calibrated to units and classes", "calibrated", extract),
            ("calibrated to late dossiers too", "calibrated", traced(extract)),
        ):
            tally.add(what, _held(one, weighting, truth))
        run.tell(tally.case, done, waves)
    yield from tally.lines({"design": BIASED})


def traced(extract: Extract) -> Extract:
    """The extract with what the classes of every unit share."""
    levels = {"0": "on_time", "1": "late"}
    rows = tuple(TraitRow(row.unit, row.class_, "timing", levels[row.class_[-1]]) for row in extract.sample)
    return replace(extract, traits=rows)


def _held(extract: Extract, weighting: str, truth: float) -> Held:
    frame = make_frame(extract.sample, extract.margins, extract.traits)
    units = extract.manifest.rated()
    wave = make_wave(extract.groups, frame, extract.instrument, units)
    rating = Rating(extract.schemes[0], units, extract.inputs, True)
    sheets = score_citizens(wave, [rating], extract.manifest.province).sheets
    sheet = next(one for one in sheets if one.key.level == "province" and one.key.weighting == weighting
                 and one.key.rule is IndexRule.TOP2BOX)  # fmt: skip
    cells = (sheet.index[:, -1:], sheet.low[:, -1:], sheet.high[:, -1:], np.array([[truth]]))
    return Held(*cells)
