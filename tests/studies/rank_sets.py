"""Holds rank sets and grade probabilities of simulated provinces against the truth.

    python tests/studies/rank_sets.py [--seeds 200] [--first 1] [--invited 50] [--json]

Each seed is a province of the demonstration (13 departments, 95 communes) whose dossiers and true index are known: of
every unit a simple random sample of dossiers is invited, those answer whom the province's own response model picks, and
the product scores the extract. A line for each level: how often the true rank lay inside the printed rank set, unit by
unit and for all units of a level at once, and how wide the sets are. Then how often a grade was right against how sure
it was said to be: of the grade that was given, and of every band. The error is that of the simulation, by seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.components.rows import Row
from analysis.components.scheme import Scheme
from analysis.components.tables import NOT_ANSWERED
from analysis.extract import Extract, Scores, make_extract, score
from survey.demo.respondents import SKIPPED
from survey.demo.world import World, make_world
from survey.instrument import Instrument, builtin_instrument
from survey.scheme import builtin_scheme

PERIOD = (date(2025, 7, 1), date(2025, 12, 31))
SCHEMES = ("local-department-sample", "local-commune-sample")
FEWEST = 10  # invited of a class (HOUSE rule 5): fewer and the unit is one class
EDGES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0001)
GIVEN, ANY = "the grade that was given", "any band"
Stated = tuple[float, bool]


@dataclass
class Found:
    """What was counted, by level: a list for each seed."""

    inside: dict[str, list[list[bool]]] = field(default_factory=lambda: defaultdict(list))
    width: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    stated: dict[str, list[list[Stated]]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1, help="The first seed.")
    parser.add_argument("--invited", type=int, default=50, help="Of each unit; a little over 30 of them answer.")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    instrument, found, start = builtin_instrument("service-2025"), Found(), time.perf_counter()
    for done, seed in enumerate(range(told.first, told.first + told.seeds), start=1):
        one_province(found, instrument, seed, told.invited)
        if done % 10 == 0 or done == told.seeds:
            sys.stderr.write(f"{done} of {told.seeds} provinces, {time.perf_counter() - start:.0f} s\n")
    lines = [*rank_lines(found), *grade_lines(found)]
    if told.json:
        print(json.dumps({"seeds": told.seeds, "first": told.first, "invited": told.invited, "lines": lines}, indent=1))
    else:
        print("\n".join(as_text(line) for line in lines))


def one_province(found: Found, instrument: Instrument, seed: int, invited: int) -> None:
    world = make_world(instrument, seed=seed, scale=1.0, period=PERIOD)
    extract = taken(world, instrument, np.random.default_rng([seed, 7]), invited, seed)
    scores = score(extract)
    truth = dict(zip((unit.code for unit in world.units), world.true_index().tolist(), strict=True))
    for scheme in extract.schemes:
        overall = [row for row in scores.rows if is_headline(row, scheme) and row.rank is not None]
        values = np.array([truth[row.unit] for row in overall])
        place = 1 + (values[None, :] > values[:, None]).sum(axis=1)
        limits = np.array([(int(str(row.rank_low)), int(str(row.rank_high))) for row in overall])
        level = str(scheme.level)
        found.inside[level].append(((limits[:, 0] <= place) & (place <= limits[:, 1])).tolist())
        found.width[level].append(float((limits[:, 1] - limits[:, 0] + 1).mean()))
    for what, stated in graded(scores, extract.schemes, truth).items():
        found.stated[what].append(stated)


def is_headline(row: Row, scheme: Scheme) -> bool:
    return (row.scheme, row.level_of, row.is_official) == (scheme.code, "overall", "yes")


def graded(scores: Scores, schemes: Sequence[Scheme], truth: Mapping[str, float]) -> dict[str, list[Stated]]:
    """How sure the bands of the official overall index were said to be, and whether the truth lies in each."""
    bounds = {one.code: [(code, float(scheme_edge)) for code, scheme_edge in edges(one)] for one in schemes}
    stated: dict[str, list[Stated]] = {GIVEN: [], ANY: []}
    for row in scores.beside["grades"].rows:
        if row["level_of"] != "overall" or row["is_official"] != "yes" or row["unit"] not in truth:
            continue
        true = next((code for code, edge in bounds[str(row["scheme"])] if truth[str(row["unit"])] >= edge), "")
        said = (float(str(row["confidence"])), row["band"] == true)
        stated[ANY].append(said)
        if row["band"] == row["grade"]:
            stated[GIVEN].append(said)
    return stated


def edges(scheme: Scheme) -> Iterator[tuple[str, float]]:
    """The grades with the value from which each is given, the best first."""
    return ((code, scheme.edge(least)) for code, least in scheme.grades)


def taken(world: World, instrument: Instrument, rng: np.random.Generator, invited: int, seed: int) -> Extract:
    """The extract of a wave: so many dossiers of each unit drawn at random, the answers of those who respond."""
    d, units = world.dossiers, [unit.code for unit in world.units]
    keys = rng.random(len(d))
    order = np.lexsort((keys, d.unit))
    sizes = np.bincount(d.unit, minlength=len(units))
    within = np.arange(len(d)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = np.zeros(len(d), dtype=np.bool_)
    drawn[order] = within < invited
    answered = drawn & (rng.random(len(d)) < d.response)
    late = d.late & splits(d.unit, d.late, drawn, len(units))
    names = [f"{units[u]}|{'late' if is_late else 'rest'}" for u, is_late in zip(d.unit, late, strict=True)]
    weight = sizes / np.minimum(sizes, invited)
    rows = np.flatnonzero(answered)
    answers: dict[str, Any] = {
        "phase": ["main"] * len(rows), "mode": ["link"] * len(rows), "psu": [""] * len(rows), "flag": [""] * len(rows),
        "unit": [units[d.unit[row]] for row in rows], "stratum": [units[d.unit[row]] for row in rows],
        "class": [names[row] for row in rows], "fpc": sizes[d.unit[rows]].astype(float),
        "weight_base": weight[d.unit[rows]],
    }  # fmt: skip
    skipped = rng.random((len(rows), len(world.items))) < SKIPPED
    for item in instrument.answer_items:
        answers[item.code] = [""] * len(rows)
    for column, code in enumerate(world.items):
        said = d.answers[rows, column].tolist()
        answers[code] = [
            NOT_ANSWERED if is_left else str(value or "")
            for value, is_left in zip(said, skipped[:, column], strict=True)
        ]
    sample, margins = frame_of(names, d.unit, units, drawn, answered, weight)
    inputs: dict[str, list[Any]] = {"unit": [], "code": [], "value": [], "source": []}
    return make_extract(
        answers=answers, sample=sample, margins=margins, inputs=inputs, instrument=instrument.source,
        schemes=[builtin_scheme(code).source for code in SCHEMES], manifest=manifest(world, seed),
    )  # fmt: skip


def splits(unit: np.ndarray, late: np.ndarray, drawn: np.ndarray, size: int) -> np.ndarray:
    """Whether a dossier's unit has ten invited on both sides of lateness."""
    fewest = np.minimum(*(np.bincount(unit, drawn & one, size) for one in (late, ~late)))
    return np.asarray(fewest[unit] >= FEWEST)


def frame_of(
    names: Sequence[str], unit: np.ndarray, units: Sequence[str], drawn: np.ndarray, answered: np.ndarray, weight: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`sample.csv` and `margins.csv` by class."""
    codes, place = np.unique(names, return_inverse=True)
    counts = [np.bincount(place, one, len(codes)).astype(int) for one in (np.ones(len(place)), drawn, answered)]
    owner = np.zeros(len(codes), dtype=int)
    owner[place] = unit
    of_class = [units[number] for number in owner]
    sample = {
        "unit": of_class, "stratum": of_class, "class": codes.tolist(), "population": counts[0], "drawn": counts[1],
        "kept": counts[1], "invited": counts[1], "answered": counts[2], "weight_sum": counts[1] * weight[owner],
    }  # fmt: skip
    totals = np.bincount(unit, minlength=len(units)).tolist()
    margins = {
        "margin": ["class"] * len(codes) + ["unit"] * len(units), "unit": [*of_class, *units],
        "level": [*codes.tolist(), *units], "total": [*counts[0].tolist(), *totals],
    }  # fmt: skip
    return sample, margins


def manifest(world: World, seed: int) -> dict[str, Any]:
    told = [
        {"code": one.code, "name_vi": one.name_vi, "name_en": one.name_en, "type": one.type, "rated": True}
        for one in world.units
    ]
    return {
        "format": 1, "wave": f"study-{seed}", "kind": "rehearsal", "audience": "citizens", "year": 2025, "seed": seed,
        "period_from": PERIOD[0].isoformat(), "period_to": PERIOD[1].isoformat(), "code_version": "study",
        "units": told, "province": {"code": "98", "name_vi": "Tỉnh Minh Họa", "name_en": "Sample Province"},
    }  # fmt: skip


def rank_lines(found: Found) -> Iterator[dict[str, Any]]:
    """By level: ranks held one by one and all at once, places in a set, units that were ranked."""
    for level, seeds in found.inside.items():
        each, error = clustered([[(1.0, hit) for hit in one] for one in seeds])
        jointly, _error = clustered([[(1.0, all(one))] for one in seeds])
        yield {
            "rank sets of": level, "units": float(np.mean([len(one) for one in seeds])), "each_percent": each,
            "each_error": error, "all_at_once_percent": jointly, "provinces": len(seeds),
            "places_in_a_set": float(np.mean(found.width[level])),
        }  # fmt: skip


def grade_lines(found: Found) -> Iterator[dict[str, Any]]:
    """By how sure a band was said to be: the mean of what was said, how often it was so."""
    for what, seeds in found.stated.items():
        for low, high in pairwise(EDGES):
            chosen = [[one for one in seed if low <= one[0] < high] for seed in seeds]
            if any(chosen):
                reached, error = clustered(chosen)
                stated = [one[0] for seed in chosen for one in seed]
                yield {
                    "grades": what, "said": f"{100 * low:.0f} to {min(100 * high, 100):.0f} %", "counted": len(stated),
                    "stated_percent": 100 * float(np.mean(stated)), "reached_percent": reached, "error": error,
                }  # fmt: skip


def clustered(seeds: Sequence[Sequence[Stated]]) -> tuple[float, float]:
    """The share that held in percent and its standard error, a province as one cluster."""
    counts = np.array([len(one) for one in seeds], dtype=float)
    hits = np.array([sum(hit for _stated, hit in one) for one in seeds], dtype=float)
    share = hits.sum() / counts.sum()
    gaps = hits - share * counts
    scale = len(seeds) / max(len(seeds) - 1, 1)
    return 100 * float(share), 100 * float(np.sqrt(scale * (gaps**2).sum()) / counts.sum())


def as_text(line: Mapping[str, Any]) -> str:
    if "grades" in line:
        return (
            f"{line['grades']:25} said {line['said']:12} {line['counted']:7}  mean {line['stated_percent']:6.2f} %"
            f"  right {line['reached_percent']:6.2f} % (+- {line['error']:.2f})"
        )
    return (
        f"{line['rank sets of']}: {line['units']:.1f} units ranked, each true rank inside "
        f"{line['each_percent']:.2f} % (+- {line['each_error']:.2f}), all at once {line['all_at_once_percent']:.1f} % "
        f"of {line['provinces']} provinces, {line['places_in_a_set']:.1f} places in a set"
    )


if __name__ == "__main__":
    main()
