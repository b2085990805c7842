"""Clustered household design: a few communes, 30 people in each, communes differ (intraclass correlation 0.05).

Paths: `make_extract` with clusters, then `components.level` (`index_sheet`, `province_sheet`) on the units' moments;
and the library alone (`design.declare`, `estimates.moments.ratio`, `intervals`), the usual intervals for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from scipy import special, stats

from analysis import intervals
from analysis.components.index import index_codes
from analysis.components.level import index_sheet, province_sheet
from analysis.components.moments import Sampling, make_moments
from analysis.components.remarks import LevelData
from analysis.components.scheme import Scheme, WeightingRule
from analysis.components.sheet import About, Notes, Sheet, SheetKey, Used
from analysis.components.strata import make_strata
from analysis.components.tables import Cells
from analysis.components.weighting import design_weights, make_frame
from analysis.coverage.people import ITEMS, LOADING, Codes, item_shifts, likert
from analysis.coverage.tally import Held, Line, Run, Tally, in_chunks
from analysis.coverage.waves import SAMPLE, instrument, item_columns, manifest, scheme
from analysis.design import Design, FloatArray, LonelyPsu, declare
from analysis.estimates.moments import Estimate, Missing, ratio
from analysis.extract import Extract, make_extract
from analysis.weights import kish_deff

ICC = 0.05
PEOPLE = 30  # a commune
COMMUNES = (2, 3, 6, 15)
LEVEL, CHUNK = 20, 200
WEIGHTS = (0.5, 1.0, 1.5)  # equally likely: coefficient of variation 0.41
DOSSIERS = 1e6
ALONE = "a province or unit that stands alone: no level to pool with"
COMPARED = "for comparison, not published"


def clustered(run: Run) -> Iterator[Line]:
    """The published limits by number of communes, in a level of 20 units and for a unit that stands alone."""
    for wanted in (0.85, 0.99):
        for communes in COMMUNES:
            tally = Tally(f"clustered, {communes} communes x {PEOPLE}, {100 * wanted:g} %")
            _published(run, tally, wanted, communes)
            yield from tally.lines({what: ALONE for what in tally.parts if what.endswith("alone")})


def library(run: Run) -> Iterator[Line]:
    """Items at 99 % by the library's intervals from one sample."""
    for communes in COMMUNES:
        tally = Tally(f"clustered, {communes} communes x {PEOPLE}, items at 99 %, library")
        truth = np.array(item_truths(0.99))
        for done in range(run.waves):
            codes = household(0.99, 1, communes, run.rng)[0]
            for what, low, high, value in item_intervals(*sampled(codes, run.rng)):
                tally.add(what, Held(*(100 * one[None, :] for one in (value, low, high, truth))))
            if done % 200 == 199:
                run.tell(tally.case, done + 1, run.waves)
        notes = {what: COMPARED for what in tally.parts if "Wilson" not in what}
        yield from tally.lines(notes)


def household(wanted: float, units: int, communes: int, rng: np.random.Generator) -> Codes:
    """Codes int8[units, communes x people, k]: each commune's share of satisfied people is a beta variable."""
    size = 1 / ICC - 1
    shares = rng.beta(size * wanted, size * (1 - wanted), (units, communes))
    return people(np.repeat(special.ndtri(shares), PEOPLE, axis=1), rng)


def people(level: FloatArray, rng: np.random.Generator) -> Codes:
    """Codes of people whose commune has the latent `level`, one person an entry."""
    return likert(level + LOADING * rng.standard_normal(level.shape), rng)


@lru_cache
def item_truths(wanted: float) -> tuple[float, ...]:
    """Each item's share over all communes: the mean of `Phi(Phi^-1(beta) + shift)` by quadrature."""
    size = 1 / ICC - 1
    grid = stats.beta.ppf((np.arange(100_000) + 0.5) / 100_000, size * wanted, size * (1 - wanted))
    level = special.ndtri(grid)
    return tuple(float(special.ndtr(level + shift).mean()) for shift in item_shifts())


def sampled(codes: Codes, rng: np.random.Generator) -> tuple[Design, Codes]:
    """One unit's people as a declared design: weights, communes as clusters drawn with replacement."""
    commune = np.repeat(np.arange(len(codes) // PEOPLE), PEOPLE)
    return declare(rng.choice(WEIGHTS, len(codes)), ids=[commune], lonely_psu=LonelyPsu.FAIL), codes


def item_intervals(design: Design, codes: Codes) -> Iterator[tuple[str, FloatArray, FloatArray, FloatArray]]:
    """Limits of the items by five methods: (name, low, high, value), float64[k] each."""
    made = shares_of(design, codes)
    n, v = (codes > 0).sum(axis=0).astype(np.float64), np.diag(made.covariance)
    p, df, se = made.values, float(made.df), made.se
    own = intervals.effective_size(p, v)
    base = n / kish_deff(design.weights)
    pooled = base * min(intervals.pooled_ratio(p, v, base, np.full(len(p), df)), 1.0)
    yield "Wald, t", *intervals.wald(p, se, 0.95, df), p
    low, high = intervals.logit(p, se, 0.95, df)
    low, high = np.where(np.isnan(low), p, low), np.where(np.isnan(high), p, high)
    yield "logit, t (none at 100 %: taken as a point)", low, high, p
    yield "Korn-Graubard, capped at n", *intervals.korn_graubard(p, own, 0.95, n=n, df=df), p
    yield "Wilson, items pooled", *intervals.wilson(p, pooled, 0.95), p
    yield "Wilson, items pooled, t", *intervals.wilson(p, pooled, 0.95, df), p


def shares_of(design: Design, codes: Codes) -> Estimate:
    """The items' shares with their covariance."""
    return ratio(design, (codes >= 4).astype(np.float64), (codes > 0).astype(np.float64), missing=Missing.FAIL)


def household_extract(codes: Codes, rng: np.random.Generator) -> Extract:
    """The extract of a household wave: communes as clusters of each unit, all weights of one class."""
    units = [f"u{number:05d}" for number in range(len(codes))]
    people = codes.shape[1]
    rows = len(units) * people
    unit = np.repeat(np.arange(len(units)), people)
    commune = np.tile(np.repeat(np.arange(people // PEOPLE), PEOPLE), len(units))
    weight = rng.choice(WEIGHTS, rows) * DOSSIERS / people
    named = [units[u] for u in unit]
    answers = {
        "phase": ["main"] * rows, "mode": ["interviewer"] * rows, "unit": named,
        "stratum": [f"{u}|F" for u in named], "class": [f"{u}|F|0" for u in named], "flag": [""] * rows,
        "psu": [f"{u}|{c}" for u, c in zip(named, commune, strict=True)],
        "fpc": [DOSSIERS] * rows, "weight_base": weight, **item_columns(codes.reshape(rows, ITEMS), rng, 0.0),
    }  # fmt: skip
    heads, classes = [f"{u}|F" for u in units], [f"{u}|F|0" for u in units]
    counts = [[people] * len(units)] * 4
    cells: list[Cells] = [units, heads, classes, [DOSSIERS] * len(units), *counts, np.bincount(unit, weights=weight)]
    margins: dict[str, Cells] = {"margin": ["class"] * len(units) + ["unit"] * len(units), "unit": units * 2,
               "level": [*classes, *units], "total": [DOSSIERS] * 2 * len(units)}  # fmt: skip
    empty: dict[str, list[str]] = {name: [] for name in ("unit", "code", "value", "source")}
    return make_extract(
        answers=answers, sample=dict(zip(SAMPLE, cells, strict=True)), margins=margins, inputs=empty,
        instrument=instrument(), schemes=[scheme()], manifest=manifest(units, "citizens"),
    )  # fmt: skip


def _published(run: Run, tally: Tally, wanted: float, communes: int) -> None:
    """Levels of 20 units, then each of these units as a province of its own."""
    done, level = 0, min(LEVEL, run.waves)
    for size in in_chunks(run.waves, CHUNK, level):
        codes = household(wanted, size, communes, run.rng)
        extract = household_extract(codes, run.rng)
        data, key = level_data(extract), _key(extract.schemes[0])
        for start in range(0, size, level):
            units = range(start, start + level)
            _add(tally, "level of 20", [index_sheet(_part(data, units), key)], wanted)
            _add(tally, "alone", [province_sheet(_part(data, [unit]), key) for unit in units], wanted)
        done += size
        run.tell(tally.case, done, run.waves)


def level_data(extract: Extract) -> LevelData:
    """The moments of all units by design weights, as `score_citizens` makes them."""
    groups, frame, units = extract.groups, make_frame(extract.sample, extract.margins), extract.manifest.rated()
    place = {unit: number for number, unit in enumerate(units)}
    codes = index_codes(extract.instrument)
    sampling = Sampling(design_weights(groups), make_strata(groups, frame))
    sizes = np.array([frame.populations[unit] for unit in units])
    own = np.array([place[group.unit] for group in groups.groups], dtype=np.int64)
    moments = make_moments(groups, own, sizes, sampling)
    invited = np.array([float(frame.invited(unit)) for unit in units])
    return LevelData(About(units, invited, np.ones(len(units)), Notes()), moments, codes)


def _part(data: LevelData, units: Sequence[int]) -> LevelData:
    about, rows = data.about, list(units)
    some = About(tuple(about.units[u] for u in rows), about.invited[rows], about.response_rate[rows], about.notes)
    return LevelData(some, data.moments.take(rows), data.codes)


def _key(scheme: Scheme) -> SheetKey:
    return SheetKey(scheme, scheme.level, scheme.index_rule, WeightingRule.DESIGN, Used.ALL)


def _add(tally: Tally, label: str, sheets: Sequence[Sheet], wanted: float) -> None:
    """The whole (last line) and the items (first lines) of some sheets, all units as one group."""
    truth = 100 * np.array(item_truths(wanted))
    value, low, high = (np.concatenate([getattr(one, name) for one in sheets]) for name in ("index", "low", "high"))
    items = np.broadcast_to(truth, (len(value), ITEMS))
    parts = [one[:, :ITEMS] for one in (value, low, high)]
    tally.add(f"overall, {label}", Held(*(one[None, :, -1] for one in (value, low, high, 0 * value + truth.mean()))))
    tally.add(f"items, {label}", Held(*(one.reshape(1, -1) for one in (*parts, items))))
