"""Change between two years: the same units with new samples, and household communes of which some are drawn twice.

Paths: the whole of `analysis.extract.score` with last year's `scores.csv` in `previous/`; and the library's
`estimates.composite.composite_change` on one design that holds both years, where shared communes give covariance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import special

from analysis.components.rows import Row, csv_bytes
from analysis.coverage.clustered import ICC, PEOPLE, WEIGHTS, people
from analysis.coverage.people import ITEMS, Population, make_population, truths
from analysis.coverage.tally import Held, Line, Run, Tally, in_chunks
from analysis.coverage.transaction import STRATA, UNIT_SD
from analysis.coverage.waves import scheme, take, wave_extract
from analysis.design import FloatArray, LonelyPsu, declare
from analysis.estimates.composite import composite_change
from analysis.extract import Extract, score
from analysis.intervals import wald

LEVEL = 100  # units of the level that is scored as a whole
DRAWN, SHARED = 15, 10  # communes a year; drawn in both
KEPT = 0.8  # correlation of a commune's satisfaction in the two years


def change(run: Run) -> Iterator[Line]:
    """Rated units in two years: `change` of the overall index and of the points of area 8."""
    for wanted in (0.85, 0.97):
        tally = Tally(f"change between years, n = 30 each, {100 * wanted:g} %")
        done, level = 0, min(LEVEL, run.waves)
        for size in in_chunks(run.waves, level, level):
            effects = run.rng.normal(0, UNIT_SD, size)
            first = make_population(STRATA, wanted, effects, run.rng)
            second = make_population(STRATA, wanted, effects + run.rng.normal(0.05, 0.15, size), run.rng)
            rows = score(_extract(first, run, 2024)).rows
            told = score(_extract(second, run, 2025, {"previous/scores.csv": csv_bytes(rows)})).rows
            before, after = truths(first.codes), truths(second.codes)
            for weighting in ("design", "calibrated"):
                gaps = {key: after[key] - before[key] for key in before}
                overall = gaps["top2box", "overall"]
                earned = 0.04 * gaps["top2box", "factor III"] + 0.06 * overall
                tally.add(f"overall, {weighting}", _held(told, ("overall", "overall", weighting), overall))
                tally.add(f"area 8, points, {weighting}", _held(told, ("area", "8", weighting), earned))
            done += size
            run.tell(tally.case, done, run.waves)
        yield from tally.lines()


def overlap(run: Run) -> Iterator[Line]:
    """A household index in two years, 10 of 15 communes drawn in both: joint design against ignoring what is shared."""
    for wanted in (0.85, 0.97):
        tally = Tally(f"change, {SHARED} of {DRAWN} communes in both years, {100 * wanted:g} %")
        for done in range(run.waves):
            for what, value, low, high in _joint(wanted, run.rng):
                tally.add(what, Held(*(np.full((1, 1), 100 * one) for one in (value, low, high, 0.0))))
            if done % 200 == 199:
                run.tell(tally.case, done + 1, run.waves)
        yield from tally.lines({"overall, years as if independent": "wider than needed when communes are shared"})


def _joint(wanted: float, rng: np.random.Generator) -> Iterator[tuple[str, float, float, float]]:
    """The change of the mean of the items, truly zero over all communes, with two sets of limits."""
    communes = 2 * DRAWN - SHARED
    level = _two_years(wanted, communes, rng)
    year_of = np.concatenate([np.zeros(DRAWN, dtype=int), np.ones(DRAWN, dtype=int)])
    commune_of = np.concatenate([np.arange(DRAWN), np.arange(communes - DRAWN, communes)])
    codes = people(np.repeat(level[year_of, commune_of], PEOPLE), rng)
    commune, year = np.repeat(commune_of, PEOPLE), np.repeat(year_of, PEOPLE)
    design = declare(rng.choice(WEIGHTS, len(codes)), ids=[commune], lonely_psu=LonelyPsu.FAIL)
    made = composite_change(
        design, (codes >= 4).astype(float), (codes > 0).astype(float), np.full(ITEMS, 1 / ITEMS), (year == 0, year == 1)
    )
    value, se = float(made.values[2]), float(made.se[2])
    apart = float(np.hypot(made.se[0], made.se[1]))
    for what, error in (("overall, one joint design", se), ("overall, years as if independent", apart)):
        low, high = wald(value, error, 0.95, made.df)
        yield what, value, float(low), float(high)


def _two_years(wanted: float, communes: int, rng: np.random.Generator) -> FloatArray:
    """Latent levels [2, communes] with the same beta law of shares in both years and correlation KEPT."""
    first = rng.standard_normal(communes)
    second = KEPT * first + np.sqrt(1 - KEPT**2) * rng.standard_normal(communes)
    size = 1 / ICC - 1
    shares = special.betaincinv(size * wanted, size * (1 - wanted), special.ndtr(np.stack([first, second])))
    return np.asarray(special.ndtri(shares))


def _extract(population: Population, run: Run, year: int, previous: dict[str, bytes] | None = None) -> Extract:
    taken = take(population, run.rng)
    return wave_extract(population, taken, run.rng, schemes=[scheme()], year=year, previous=previous)


def _held(rows: Sequence[Row], wanted: tuple[str, str, str], truth: FloatArray) -> Held:
    """The change of one line (level_of, code, weighting) in all units, as one group."""
    found = {
        row.unit: (row.change, row.change_low, row.change_high) for row in rows
        if (row.level_of, row.code, row.weighting) == wanted and row.rule == "top2box" and row.level == "commune"
    }  # fmt: skip
    cells = np.array([[np.nan if cell is None else float(cell) for cell in found[unit]] for unit in sorted(found)])
    value, low, high = (one[None, :] for one in cells.T)
    return Held(value, low, high, truth[None, :])
