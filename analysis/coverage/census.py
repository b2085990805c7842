"""Small populations: half, nine tenths or all of a unit's dossiers answered.

Path: `make_extract`, then `score_citizens` by levels. A wave is one unit's survey; everybody is invited.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.coverage.people import PersonClass, Stratum, make_population, truths
from analysis.coverage.scored import Figures, score_levels
from analysis.coverage.tally import Line, Run, Tally, in_chunks, share
from analysis.coverage.transaction import CHUNK, LEVEL, UNIT_SD, WEIGHTINGS, Truths, item_held
from analysis.coverage.waves import SKIPPED, scheme, take, wave_extract

COMPLETE = (Stratum(35, 35, (PersonClass(0.7, 0.05, 1.0), PersonClass(0.3, -0.12, 1.0))),)


def census(run: Run) -> Iterator[Line]:
    """Near-census units at 85 and 97 %, complete units with skipped items, and without."""
    for wanted in (0.85, 0.97):
        for label, strata in (("50 %", _strata(60, 0.6, 0.3)), ("90 %", _strata(40, 0.95, 0.8))):
            yield from _limits(run, f"near-census, {label} answered, {100 * wanted:g} %", wanted, strata)
        yield from _limits(run, f"complete, some skip items, {100 * wanted:g} %", wanted, COMPLETE)
    yield _complete(run)


def _limits(run: Run, case: str, wanted: float, strata: tuple[Stratum, ...]) -> Iterator[Line]:
    tally = Tally(case)
    for found, truth in _scored(run, case, wanted, strata, SKIPPED):
        for weighting in WEIGHTINGS:
            made = found["top2box", weighting]
            tally.add(f"overall, {weighting}", made.held("overall", "overall", truth["top2box", "overall"]))
            tally.add(f"items, {weighting}", item_held(made, truth))
    yield from tally.lines()


def _complete(run: Run) -> Line:
    """Complete units without a skipped item: the value is the truth and no limits are given."""
    case = "complete, nobody skips, 85 %"
    gaps, bare = [], []
    for found, truth in _scored(run, case, 0.85, COMPLETE, 0.0):
        made = found["top2box", "calibrated"]
        value = made.of("index", "overall", "overall")
        gaps.append(value - truth["top2box", "overall"].reshape(value.shape))
        bare.append(np.isnan(made.of("low", "overall", "overall")))
    gap = np.concatenate(gaps)
    reached, error = share(np.abs(gap) < 5e-7, np.concatenate(bare))
    note = "complete units have no interval; reached: printed value equals the truth"
    return Line(case, "overall", None, reached, error, None, float(gap.mean()), gap.size, note)


def _strata(population: int, on_time: float, late: float) -> tuple[Stratum, ...]:
    classes = (PersonClass(0.7, 0.05, on_time), PersonClass(0.3, -0.12, late))
    return (Stratum(population, population, classes),)


def _scored(
    run: Run, case: str, wanted: float, strata: tuple[Stratum, ...], skipped: float
) -> Iterator[tuple[dict[tuple[str, str], Figures], Truths]]:
    done = 0
    for size in in_chunks(run.waves, CHUNK, LEVEL):
        population = make_population(strata, wanted, run.rng.normal(0, UNIT_SD, size), run.rng)
        extract = wave_extract(population, take(population, run.rng), run.rng, schemes=[scheme()], skipped=skipped)
        found = score_levels(extract, LEVEL)
        yield {(rule, weighting): one for (_, rule, weighting), one in found.items()}, truths(population.codes)
        done += size
        run.tell(case, done, run.waves)
