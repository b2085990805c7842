"""Transaction design: strata, non-response at random given the frame's classes; index, items, composite, points.

Path: `make_extract`, then `score_citizens` by levels (`scored`). A wave is one unit's sample of about 30 answers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.components.scheme import Aggregation
from analysis.coverage.people import FACTORS, ITEMS, PersonClass, Stratum, make_population, truths
from analysis.coverage.scored import Figures, Key, score_levels
from analysis.coverage.tally import Held, Line, Run, Tally, beside, in_chunks, share
from analysis.coverage.waves import NAMES, TYPED_IN, scheme, take, wave_extract
from analysis.design import BoolArray, FloatArray

SHARES = (0.60, 0.85, 0.97, 0.995)
CLASSES = (PersonClass(0.65, 0.1, 0.75), PersonClass(0.35, -0.2, 0.5))  # on time and late
STRATA = (Stratum(240, 23, CLASSES), Stratum(160, 23, CLASSES))  # 46 invited, 30 answers
STRONG = (PersonClass(0.6, 0.3, 0.8), PersonClass(0.4, -0.5, 0.3))
LARGE = (Stratum(1500, 120, STRONG), Stratum(1000, 120, STRONG))  # 144 answers, the late ones mostly silent
UNIT_SD = 0.2  # units differ on the latent scale
LEVEL, CHUNK = 20, 400  # units of a level; units of an extract
WEIGHTINGS = ("design", "calibrated")
BIASED = "design weights do not know that late dossiers answered less: bias, which no interval shows"

Truths = dict[tuple[str, str], FloatArray]


def transaction(run: Run) -> Iterator[Line]:
    """The index and the items at every share; the composite of the same waves is the case `composite`."""
    for wanted in SHARES:
        tally = Tally(f"transaction, n = 30, {100 * wanted:g} %")
        for found, truth in _scored(run, tally.case, wanted, STRATA, LEVEL, [scheme()]):
            for weighting in WEIGHTINGS:
                _index(tally, found["plain", "top2box", weighting], truth, weighting)
            mean5 = found["plain", "mean5", "calibrated"].held("overall", "overall", truth["mean5", "overall"])
            tally.add("overall mean5, calibrated", mean5)
        yield from tally.lines()


def small_levels(run: Run) -> Iterator[Line]:
    """Levels of three units: the pooled effective size has little to pool."""
    for wanted in SHARES:
        tally = Tally(f"levels of 3 units, n = 30, {100 * wanted:g} %")
        for found, truth in _scored(run, tally.case, wanted, STRATA, 3, [scheme()]):
            for weighting in WEIGHTINGS:
                held = found["plain", "top2box", weighting].held("overall", "overall", truth["top2box", "overall"])
                tally.add(f"overall, {weighting}", held)
        yield from tally.lines()


def raked(run: Run) -> Iterator[Line]:
    """Strong non-response by class: weights calibrated to the frame against design weights."""
    for wanted in (0.85, 0.97):
        tally = Tally(f"raked under non-response, n = 144, {100 * wanted:g} %")
        for found, truth in _scored(run, tally.case, wanted, LARGE, LEVEL, [scheme()]):
            for weighting in reversed(WEIGHTINGS):
                _index(tally, found["plain", "top2box", weighting], truth, weighting)
        named = [name for name in tally.parts if name.endswith("design")]
        yield from tally.lines(dict.fromkeys(named, BIASED))


def composite(run: Run) -> Iterator[Line]:
    """The mean of factor means, area 8 (two survey components of the same people, one typed in) and the total."""
    schemes = [scheme("parts", Aggregation.COMPONENT_MEAN), scheme("pooled", Aggregation.POOLED_ANSWERS)]
    for wanted in SHARES:
        tally = Tally(f"composite, n = 30, {100 * wanted:g} %")
        for found, truth in _scored(run, tally.case, wanted, STRATA, LEVEL, schemes):
            for weighting in WEIGHTINGS:
                made = found["parts", "top2box", weighting]
                tally.add(f"mean of factors, {weighting}",
                          made.held("overall", "overall", truth["top2box", "components"]))  # fmt: skip
                earned = 0.04 * truth["top2box", "factor III"] + 0.06 * truth["top2box", "components"]
                typed = dict(TYPED_IN)
                tally.add(f"area 8, points, {weighting}", made.held("area", "8", earned + typed["8.2"]))
                tally.add(f"total, points, {weighting}",
                          made.held("total", "total", earned + sum(typed.values())))  # fmt: skip
            pooled = found["pooled", "top2box", "calibrated"].held("overall", "overall", truth["top2box", "pooled"])
            tally.add("pooled answers, calibrated", pooled)
        yield from tally.lines()


def dependent(run: Run) -> Iterator[Line]:
    """Who is satisfied answers more, in every class: shown as bias, because no weight knows it."""
    for strata, size in ((STRATA, 30), (LARGE, 144)):
        tally = Tally(f"response depends on satisfaction, n = {size}, 85 %")
        for found, truth in _scored(run, tally.case, 0.85, strata, LEVEL, [scheme()], dissatisfied=0.5):
            held = found["plain", "top2box", "calibrated"].held("overall", "overall", truth["top2box", "overall"])
            tally.add("overall, calibrated", held)
        yield from tally.lines({"overall, calibrated": "bias, not sampling error: no weighting or interval repairs it"})


def ranks(run: Run) -> Iterator[Line]:
    """Rank sets of 12 units that differ; a wave is a level, and it counts when all 12 true ranks lie in their sets."""
    level = 12
    for wanted, spread, differ in ((0.85, 0.35, "little"), (0.97, 1.0, "much")):
        case = f"rank sets, {level} units that differ {differ}, n = 30, {100 * wanted:g} %"
        inside: list[BoolArray] = []
        sizes: list[FloatArray] = []
        drawn = _scored(run, case, wanted, STRATA, level, [scheme()], waves=run.waves * level, spread=spread)
        for found, truth in drawn:
            place = true_ranks(truth["top2box", "overall"].reshape(-1, level))
            made = found["plain", "top2box", "calibrated"]
            low, high = made.of("rank_low", "overall", "overall"), made.of("rank_high", "overall", "overall")
            inside.append(((low <= place) & (place <= high)) | np.isnan(low))
            sizes.append(high - low + 1)
        yield from rank_lines(case, np.concatenate(inside), np.concatenate(sizes))


def rank_lines(case: str, inside: BoolArray, size: FloatArray) -> Iterator[Line]:
    """Two lines from bool[G, U]: all true ranks of a wave held at once, and each one; the width is places in a set."""
    together: BoolArray = np.asarray(inside.all(axis=1, keepdims=True))
    for what, yes in (("all ranks at once", together), ("each rank", inside)):
        reached, error = share(yes, np.ones_like(yes))
        note = "width: ranks in a set; joint sets are conservative by design"
        yield Line(case, what, 95.0, reached, error, float(np.nanmean(size)), None, yes.size, note)


def true_ranks(truth: FloatArray) -> FloatArray:
    """Ranks float64[G, U] inside each group, 1 the largest; equal truths share the best place."""
    return np.asarray(1.0 + (truth[:, None, :] > truth[:, :, None]).sum(axis=2))


def item_held(found: Figures, truth: Truths) -> Held:
    """All items side by side."""
    return beside([found.held("item", NAMES[k], truth["top2box", f"item {k}"]) for k in range(ITEMS)])


def _index(tally: Tally, found: Figures, truth: Truths, weighting: str) -> None:
    tally.add(f"overall, {weighting}", found.held("overall", "overall", truth["top2box", "overall"]))
    factors = [found.held("factor", name, truth["top2box", f"factor {name}"]) for name, _ in FACTORS]
    tally.add(f"factors, {weighting}", beside(factors))
    tally.add(f"items, {weighting}", item_held(found, truth))


def _scored(
    run: Run, case: str, wanted: float, strata: tuple[Stratum, ...], level: int, schemes: list[str], *,
    waves: int | None = None, spread: float = UNIT_SD, dissatisfied: float = 0.0,
) -> Iterator[tuple[dict[Key, Figures], Truths]]:  # fmt: skip
    total, done = waves or run.waves, 0
    for size in in_chunks(total, CHUNK * 46 // sum(one.drawn for one in strata), level):
        population = make_population(strata, wanted, run.rng.normal(0, spread, size), run.rng)
        taken = take(population, run.rng, dissatisfied=dissatisfied)
        extract = wave_extract(population, taken, run.rng, schemes=schemes)
        yield score_levels(extract, level), truths(population.codes)
        done += size
        run.tell(case, done, total)
