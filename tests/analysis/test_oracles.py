"""The second oracle: the same figures written again without the package, exactly or over every possible sample."""

from __future__ import annotations

import math
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from analysis.design import LonelyPsu, declare
from analysis.estimates.moments import Missing, ratio, total
from analysis.fold.coding import Measure, Scale
from analysis.fold.ratios import domain_ratios
from analysis.fold.sources import Arrays, Chunk, Task
from analysis.fold.stage import FirstStage
from analysis.fold.tally import Plan, fold
from analysis.weights import margin, poststratify

SCALE = Scale(5, frozenset({4, 5}))
DESIGN = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum")


def test_over_every_sample_of_a_stratified_population_the_variance_is_right_on_average() -> None:
    """3 of 5 and 2 of 4 units: the 60 samples' mean estimate is the variance of the 60 totals, exactly."""
    parts = {"a": np.array([1.0, 4, 4, 6, 9]), "b": np.array([2.0, 3, 7, 7])}
    totals, variances = [], []
    for first, second in product(combinations(range(5), 3), combinations(range(4), 2)):
        y = np.concatenate([parts["a"][list(first)], parts["b"][list(second)]])
        strata, sizes = np.array(list("aaabb")), np.array([5.0, 5, 5, 4, 4])
        design = declare(lonely_psu=LonelyPsu.FAIL, strata=[strata], population=[sizes])
        found = total(design, y, missing=Missing.FAIL)
        totals.append(found.values[0])
        variances.append(found.se[0] ** 2)
    assert np.mean(totals) == pytest.approx(sum(part.sum() for part in parts.values()))
    assert np.mean(variances) == pytest.approx(np.var(totals))


def test_over_every_two_stage_sample_the_variance_is_right_on_average() -> None:
    """2 of 3 clusters, then 2 of 3 people in each: the second stage's share of the variance is there too."""
    people = np.array([[1.0, 2, 6], [4, 4, 7], [3, 8, 10]])
    totals, variances = [], []
    pairs = list(combinations(range(3), 2))
    for clusters, one, other in product(pairs, pairs, pairs):
        y = np.concatenate([people[clusters[0], list(one)], people[clusters[1], list(other)]])
        ids, persons = np.repeat(clusters, 2), np.arange(4)
        sizes = [np.full(4, 3.0), np.full(4, 3.0)]
        found = total(declare(lonely_psu=LonelyPsu.FAIL, ids=[ids, persons], population=sizes), y, missing=Missing.FAIL)
        totals.append(found.values[0])
        variances.append(found.se[0] ** 2)
    assert np.mean(totals) == pytest.approx(people.sum())
    assert np.mean(variances) == pytest.approx(np.var(totals))


def rows(size: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    stratum = np.sort(rng.integers(0, 5, size))
    return {
        "stratum": stratum, "psu": stratum * 10 + rng.integers(0, 6, size), "dom": rng.integers(0, 4, size),
        "w": rng.uniform(0.5, 30, size), "q1": rng.integers(0, 6, size).astype(np.int8),
    }  # fmt: skip


def exact_ratio(data: dict[str, np.ndarray], domain: int) -> tuple[float, float]:
    """Share of satisfied answers and its standard error by rational numbers, cluster by cluster, from the textbook."""
    top, bottom = Fraction(0), Fraction(0)
    columns = [data[name].tolist() for name in ("stratum", "psu", "dom", "w", "q1")]
    records = [(h, i, d, Fraction(w), q) for h, i, d, w, q in zip(*columns, strict=True)]
    for _, _, own, weight, answer in records:
        if own == domain:
            top, bottom = top + weight * (answer >= 4), bottom + weight * (answer > 0)
    share = top / bottom
    sums: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for stratum, psu, own, weight, answer in records:
        inside = own == domain and answer > 0
        sums[stratum][psu] += weight * ((answer >= 4) - share) / bottom if inside else 0
    variance = Fraction(0)
    for units in sums.values():
        n, middle = len(units), sum(units.values()) / len(units)
        variance += Fraction(n, n - 1) * sum((one - middle) ** 2 for one in units.values())
    return float(share), math.sqrt(variance)


@pytest.mark.parametrize("seed", [1, 2])
def test_fold_and_estimates_give_the_textbooks_ratio_and_error_in_exact_arithmetic(seed: int) -> None:
    data = rows(400, seed)
    folded = domain_ratios(Arrays(data), DESIGN, domain="dom", items=("q1",), scale=SCALE, numerator=Measure.SATISFIED)
    design = declare(data["w"], lonely_psu=LonelyPsu.FAIL, ids=[data["psu"]], strata=[data["stratum"]])
    for domain in range(4):
        share, se = exact_ratio(data, domain)
        own = (data["dom"] == domain).astype(float)
        found = ratio(design, own * (data["q1"] >= 4), own * (data["q1"] > 0), missing=Missing.FAIL)
        assert (found.values[0], found.se[0]) == pytest.approx((share, se), rel=1e-12)
        assert (folded.values[domain, 0], folded.se[domain, 0]) == pytest.approx((share, se), rel=1e-12)


def test_a_poststratified_total_has_the_variance_of_its_residuals_from_the_cells_means() -> None:
    data = rows(300, 3)
    design = declare(data["w"], lonely_psu=LonelyPsu.FAIL)
    totals = {str(cell): 1000.0 * (cell + 1) for cell in range(4)}
    step = poststratify(data["w"], margin("dom", data["dom"].astype(str), totals))
    calibrated = design.__class__(step.weights, design.stages, design.lonely_psu, (step.calibration,))  # type: ignore[arg-type]
    y = (data["q1"] >= 4).astype(float)
    means = {cell: np.average(y[data["dom"] == cell], weights=data["w"][data["dom"] == cell]) for cell in range(4)}
    z = step.weights * (y - np.array([means[cell] for cell in data["dom"].tolist()]))
    found = total(calibrated, y, missing=Missing.FAIL)
    assert found.values[0] == pytest.approx(sum(totals[str(cell)] * means[cell] for cell in range(4)))
    assert found.se[0] ** 2 == pytest.approx(300 / 299 * ((z - z.mean()) ** 2).sum())


@dataclass(frozen=True)
class Made:
    """Rows that are made when a task is worked on: nothing is held for rows that were counted."""

    tasks_to_make: int

    def tasks(self, columns: Sequence[str]) -> Iterator[Task]:
        for number in range(self.tasks_to_make):
            yield MadeTask(number, tuple(columns))


@dataclass(frozen=True)
class MadeTask:
    number: int
    columns: tuple[str, ...]

    def chunks(self) -> Iterator[Chunk]:
        data = rows(20_000, self.number)
        yield Chunk("made", self.number * 20_000, 20_000, {name: data[name] for name in self.columns})


def peak(tasks: int) -> int:
    plan = Plan(("stratum", "psu", "dom"), "w", ("q1",), SCALE, (Measure.SATISFIED, Measure.VALID))
    tracemalloc.start()
    try:
        (cells,) = fold(Made(tasks), [plan], ahead=2)
        assert cells.counts.sum() == tasks * 20_000
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_fold_does_not_grow_with_rows() -> None:
    peak(2)
    assert peak(40) < 1.3 * peak(8)
