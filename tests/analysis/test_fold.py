"""The fold against the row-by-row engine, and its promise: chunks, order and workers do not change a bit."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import design as designs
from analysis import weights as weighting
from analysis.design import Calibration, Design, LonelyPsu, Stage
from analysis.errors import LonelyStratum
from analysis.estimates import moments as estimates
from analysis.fold.bootstrap import Centre, Composite, bootstrap, bootstrap_raked, unit_factors
from analysis.fold.coding import Measure, Scale
from analysis.fold.exact import ExactSums, digits
from analysis.fold.moments import ClassWeights, Wanted, fold_moments, weighted_totals
from analysis.fold.raking import rake, raked_weights
from analysis.fold.ratios import domain_ratios
from analysis.fold.sources import Arrays, Csv, Parquet, Source
from analysis.fold.stage import FirstStage, find_units
from analysis.fold.tally import Plan, fold
from analysis.variance import covariance

ITEMS = ("q1", "q2", "q3")
SCALE = Scale(5, frozenset({4, 5}))
CLUSTERS = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum")
ELEMENTS = FirstStage("w", LonelyPsu.FAIL, None, "stratum")
POOLED = Composite({"all": ITEMS, "first": ("q1",)}, SCALE, Measure.SATISFIED)


def survey(n: int = 400, seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, 24, n)
    columns: dict[str, Any] = {
        "psu": psu, "stratum": psu // 6, "dom": rng.integers(0, 4, n), "sex": rng.integers(0, 2, n),
        "age": rng.integers(0, 3, n), "w": 20 * np.exp(rng.normal(0, 0.6, n)), "N": 30.0 + 10 * (psu // 6),
        "class": (psu // 6) * 2 + rng.integers(0, 2, n),
    }  # fmt: skip
    for item in ITEMS:
        answers = np.clip(np.round(3.6 + rng.normal(0, 1.2, n) + 0.4 * np.sin(psu)), 1, 5).astype(np.int8)
        columns[item] = np.where(rng.random(n) < 0.1, 0, answers).astype(np.int8)
    return columns


DATA = survey()
MARGINS = {"sex": {0: 5000.0, 1: 5500.0}, "age": {0: 3000.0, 1: 4000.0, 2: 3500.0}}


def answers(columns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    y = np.column_stack([columns[item] for item in ITEMS])
    return (y >= 4).astype(float), (y > 0).astype(float)


def ratios(source: Source, design: FirstStage = CLUSTERS, **options: Any) -> Any:
    told = {"domain": "dom", "items": ITEMS, "scale": SCALE, "numerator": Measure.SATISFIED, **options}
    return domain_ratios(source, design, **told)


# exact sums


@given(st.lists(st.floats(0, 1e15, allow_subnormal=False).filter(lambda w: w == 0 or w > 1e-12), max_size=30))
def test_digits_put_together_again_are_the_very_weights(weights: list[float]) -> None:
    found = digits(np.array(weights))
    for place, weight in enumerate(weights):
        again = sum((Fraction(int(d[place])) * Fraction(2) ** (36 * k - 56) for k, d in found.items()), Fraction(0))
        assert again == Fraction(weight)


@given(st.lists(st.floats(0.0625, 60_000.0), min_size=1, max_size=60), st.randoms())
def test_a_sum_of_weights_is_the_exact_sum_rounded_once(weights: list[float], random: Any) -> None:
    shuffled = random.sample(weights, len(weights))
    cut = random.randint(0, len(weights))
    table = Arrays({"w": np.array(shuffled), "k": np.zeros(len(weights), int)}, max(cut, 1), max(cut // 2, 1))
    (cells,) = fold(table, [Plan(("k",), "w")])
    assert cells.sums[0, 0] == float(sum(map(Fraction, weights)))


def test_a_digit_carries_before_it_can_lose_a_bit() -> None:
    top = np.full((1, 1), 2.0**53 - 2.0**37)
    total = ExactSums((1, 1))
    for _ in range(5):
        total.add(ExactSums((1, 1), {0: top.copy()}, 2**17 - 2), slice(None))
    out = np.empty((1, 1))
    total.write(out, slice(None), slice(None))
    assert out[0, 0] == 5 * float(top[0, 0]) * 2.0**-56


def test_many_rows_of_one_cell_with_large_values_stay_exact() -> None:
    n = 70_000
    weights = np.full(n, 0.1)
    columns = {"k": np.zeros(n, int), "w": weights, **{item: np.full(n, 5, np.int8) for item in ITEMS}}
    plan = Plan(("k",), "w", ITEMS, SCALE, (Measure.VALUE,), pools=((0, 1, 2),))
    (cells,) = fold(Arrays(columns, n, n), [plan])
    assert cells.sums[:, 0].tolist() == [float(n * Fraction(0.1)), float(15 * n * Fraction(0.1))]


# the same bits


@dataclass
class Bits:
    """Every figure that the fold makes, as bytes."""

    columns: dict[str, Any]
    rows_a_task: int
    rows_a_chunk: int
    executor: Executor

    def all(self) -> list[bytes]:
        source = Arrays(self.columns, self.rows_a_task, self.rows_a_chunk)
        one, other = ratios(source, executor=self.executor), ratios(source, ELEMENTS, executor=self.executor)
        raked = rake(source, "w", MARGINS, executor=self.executor)
        options: dict[str, Any] = {"domain": "dom", "composite": POOLED, "replicates": 5, "executor": self.executor}
        boot = bootstrap(source, CLUSTERS, **options, rng=np.random.default_rng(1))
        again = bootstrap_raked(source, CLUSTERS, MARGINS, **options, rng=np.random.default_rng(1))
        wanted = Wanted(ITEMS, (SCALE,) * 3, (Measure.VALID, Measure.SATISFIED, Measure.VALUE), ((0, 1),))
        counted = fold_moments(source, wanted, keys=("stratum", "class"), psu=None, executor=self.executor).alone
        arrays = [one.values, one.se, one.n, one.df, other.values, other.se, raked.factors, boot.values]
        arrays += [boot.replicates, again.values, again.replicates, counted.counts, *counted.whole.values()]
        return [np.ascontiguousarray(array).tobytes() for array in arrays]


SMALL = survey(150, seed=8)


@given(st.permutations(range(150)), st.integers(20, 160), st.integers(15, 160), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_chunks_order_and_workers_do_not_change_a_bit(order: list[int], task: int, chunk: int, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        shuffled = {name: column[order] for name, column in SMALL.items()}
        assert Bits(shuffled, task, chunk, pool).all() == Bits(SMALL, 150, 150, pool).all()


def test_processes_give_the_same_bits_as_threads() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes, ThreadPoolExecutor(1) as threads:
        one, other = (ratios(Arrays(DATA, 150, 70), executor=pool) for pool in (processes, threads))
    assert one.se.tobytes() == other.se.tobytes()


def test_a_dask_cluster_gives_the_same_bits_as_threads() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        one = ratios(Arrays(DATA, 150, 70), executor=client.get_executor())
    assert one.se.tobytes() == ratios(Arrays(DATA)).se.tobytes()


def test_memory_parquet_and_csv_give_the_same_digits(tmp_path: Path) -> None:
    columns = {name: column for name, column in DATA.items() if name not in ITEMS}
    columns["psu"] = np.char.zfill(DATA["psu"].astype(str), 2)
    table = pa.table({**columns, **{item: pa.array(DATA[item], mask=DATA[item] == 0) for item in ITEMS}})
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pa_parquet.write_table(table.slice(0, 250), files[0], row_group_size=90)
    pa_parquet.write_table(table.slice(250), files[1], use_dictionary=False)
    text = {item: np.where(DATA[item] == 0, ".", DATA[item].astype(str)) for item in ITEMS}
    pa_csv.write_csv(pa.table({**columns, **text}), tmp_path / "all.csv")
    read = ratios(Parquet(tuple(files), 64))
    written = ratios(Csv((tmp_path / "all.csv",), frozenset({"w"}), block=4000))
    held = ratios(Arrays(DATA))
    assert held.se.tobytes() == read.se.tobytes() == written.se.tobytes()
    assert held.n.tolist() == read.n.tolist() == written.n.tolist()
    assert (read.domains, written.domains) == ((0, 1, 2, 3), ("0", "1", "2", "3"))


# the same figures as row by row


def declared(lonely: LonelyPsu, *, psu: bool, population: bool, columns: dict[str, Any]) -> Design:
    return designs.declare(
        columns["w"], lonely_psu=lonely, ids=[columns["psu"]] if psu else [], strata=[columns["stratum"]],
        population=[columns["N"] * (1 if psu else 40)] if population else [],
    )  # fmt: skip


@pytest.mark.parametrize("psu", [True, False])
@pytest.mark.parametrize("population", [True, False])
@pytest.mark.parametrize("numerator", [Measure.SATISFIED, Measure.VALUE])
def test_domain_ratios_equal_the_row_by_row_engine(psu: bool, population: bool, numerator: Measure) -> None:
    columns = {**DATA, "M": DATA["N"] * (1 if psu else 40)}
    stage = FirstStage("w", LonelyPsu.FAIL, "psu" if psu else None, "stratum", "M" if population else None)
    found = ratios(Arrays(columns, 150, 70), stage, numerator=numerator)
    design = declared(LonelyPsu.FAIL, psu=psu, population=population, columns=DATA)
    satisfied, valid = answers(DATA)
    top = satisfied if numerator is Measure.SATISFIED else np.column_stack([DATA[item] for item in ITEMS])
    for place, domain in enumerate(found.domains):
        inside = designs.domain(design, DATA["dom"] == domain)
        expected = estimates.ratio(inside, top, valid, missing=estimates.Missing.FAIL)
        np.testing.assert_allclose(found.values[place], expected.values, rtol=1e-12)
        np.testing.assert_allclose(found.se[place], expected.se, rtol=1e-10)
        assert found.df[place] == expected.df
        assert found.n[place].tolist() == valid[DATA["dom"] == domain].sum(axis=0).tolist()


@pytest.mark.parametrize("rule", [LonelyPsu.REMOVE, LonelyPsu.CERTAINTY, LonelyPsu.ADJUST, LonelyPsu.AVERAGE])
@pytest.mark.parametrize("psu", [True, False])
def test_the_lonely_unit_follows_the_stated_rule(rule: LonelyPsu, psu: bool) -> None:
    kept = (DATA["stratum"] < 3) | ((DATA["psu"] == 20) if psu else (np.arange(400) == np.argmax(DATA["stratum"] == 3)))
    columns = {name: column[kept] for name, column in DATA.items()}
    with pytest.raises(LonelyStratum):
        ratios(Arrays(columns), CLUSTERS if psu else ELEMENTS)
    found = ratios(Arrays(columns), FirstStage("w", rule, "psu" if psu else None, "stratum"))
    design = declared(rule, psu=psu, population=False, columns=columns)
    for place, domain in enumerate(found.domains):
        inside = designs.domain(design, columns["dom"] == domain)
        expected = estimates.ratio(inside, *answers(columns), missing=estimates.Missing.FAIL)
        np.testing.assert_allclose(found.se[place], expected.se, rtol=1e-9)


def test_an_item_that_everybody_is_satisfied_with_has_no_variance_and_no_negative_one() -> None:
    columns = {**DATA, "q1": np.full(400, 5, np.int8)}
    for design in (CLUSTERS, ELEMENTS):
        found = ratios(Arrays(columns), design)
        assert found.values[:, 0].tolist() == [1.0] * 4
        assert found.se[:, 0].tolist() == [0.0] * 4


def test_raking_hits_its_margins_and_equals_raking_row_by_row() -> None:
    source = Arrays(DATA, 150, 70)
    raked = rake(source, "w", MARGINS)
    weights = np.concatenate(list(raked.weights(source, "w")))
    assert raked_weights(source, "w", MARGINS)[1].tobytes() == weights.tobytes()
    for name, totals in MARGINS.items():
        np.testing.assert_allclose(np.bincount(DATA[name], weights), list(totals.values()), rtol=1e-9)
    margins = [weighting.margin(name, DATA[name], {str(k): t for k, t in MARGINS[name].items()}) for name in MARGINS]
    np.testing.assert_allclose(weights, weighting.rake(DATA["w"], margins).weights, rtol=1e-8)


def replicated(raked: bool) -> tuple[Any, np.ndarray]:
    """The fold's replicates and the same factors applied row by row."""
    source, options = Arrays(DATA, 150, 70), {"domain": "dom", "composite": POOLED, "replicates": 12}
    call = (
        (lambda **more: bootstrap_raked(source, CLUSTERS, MARGINS, **more))
        if raked
        else (lambda **more: bootstrap(source, CLUSTERS, **more))
    )
    found = call(**options, rng=np.random.default_rng(1))
    (cells,) = fold(source, [Plan(CLUSTERS.keys, "w")])
    factors = unit_factors(find_units(cells, CLUSTERS), CLUSTERS, 12, np.random.default_rng(1))
    return found, DATA["w"][:, None] * factors[DATA["psu"]]


@pytest.mark.parametrize("raked", [False, True])
def test_bootstrap_replicates_equal_those_made_row_by_row(raked: bool) -> None:
    found, weights = replicated(raked)
    if raked:
        margins = [
            weighting.margin(name, DATA[name], {str(k): t for k, t in MARGINS[name].items()}) for name in MARGINS
        ]
        weights = np.column_stack([weighting.rake(column, margins).weights for column in weights.T])
    satisfied, valid = answers(DATA)
    for place, domain in enumerate(found.domains):
        inside = np.where((DATA["dom"] == domain)[:, None], weights, 0.0)
        expected = (inside.T @ satisfied.sum(axis=1)) / (inside.T @ valid.sum(axis=1))
        np.testing.assert_allclose(found.values[place, 0], expected[0], rtol=1e-7)
        np.testing.assert_allclose(found.replicates[:, place, 0], expected[1:], rtol=1e-7)
    estimate, mean = found.se(Centre.ESTIMATE), found.se(Centre.MEAN)
    np.testing.assert_allclose(mean, found.replicates.std(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(estimate, np.sqrt(((found.replicates - found.values) ** 2).mean(axis=0)), rtol=1e-12)


def test_bootstrap_and_linearization_tell_about_the_same_standard_error() -> None:
    found = bootstrap(Arrays(DATA), CLUSTERS, domain="dom", composite=POOLED, replicates=800,
                      rng=np.random.default_rng(5))  # fmt: skip
    np.testing.assert_allclose(found.se(Centre.MEAN)[:, 1], ratios(Arrays(DATA)).se[:, 0], rtol=0.2)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("calibrated", [False, True])
def test_totals_and_their_covariance_equal_the_row_by_row_engine(clustered: bool, calibrated: bool) -> None:
    labels = np.where(DATA["stratum"] < 2, DATA["psu"].astype(str), "")  # strata 2 and 3: rows of their own
    columns = {**DATA, "label": labels}
    wanted = Wanted(ITEMS, (SCALE,) * 3, (Measure.VALID, Measure.SATISFIED, Measure.VALUE), ((0, 1, 2),))
    psu = "label" if clustered else None
    moments = fold_moments(Arrays(columns, 150, 70), wanted, keys=("stratum", "class"), psu=psu)
    cells = [moments.alone, moments.clusters]
    stratum = np.concatenate([one.column("stratum") for one in cells]).astype(int)
    code = np.concatenate([one.column("class") for one in cells]).astype(int)
    before, after = 10.0 + np.arange(8), 12.0 + np.arange(8) ** 1.5
    weights = ClassWeights(
        stratum // 2, stratum, before[code], after[code], code if calibrated else np.full(len(code), -1)
    )
    population = np.array([300.0, 400.0, 500.0, np.inf])
    found = weighted_totals(moments, weights, populations=population, groups=2)
    y = np.column_stack([DATA[item] for item in ITEMS]).astype(float)
    x = np.hstack([y > 0, y >= 4, y]).astype(float)
    ids = None
    if clustered:
        own = np.where(labels == "", np.char.add("row", np.arange(400).astype(str)), labels)
        ids = np.unique(own, return_inverse=True)[1]
    record = (Calibration(before[DATA["class"]], after[DATA["class"]], (DATA["class"],)),) if calibrated else ()
    sizes = np.array([300.0, 400.0, 500.0, 1e300])[DATA["stratum"]]
    design = Design(after[DATA["class"]], (Stage(ids, DATA["stratum"], sizes),), LonelyPsu.FAIL, record)
    for group in range(2):
        scores = np.where((DATA["stratum"] // 2 == group)[:, None], x * after[DATA["class"]][:, None], 0.0)
        np.testing.assert_allclose(found.totals[group], scores.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.covariance[group], covariance(design, scores), rtol=1e-9, atol=1e-6)
    assert moments.alone.whole["touched"].sum() + (moments.clusters.whole["touched"].sum() if clustered else 0) == (
        (y > 0).any(axis=1).sum()
    )


def test_keys_with_very_many_labels_are_told_apart() -> None:
    n = 3000
    rng = np.random.default_rng(4)
    columns = {f"k{number}": rng.permutation(n) // 2 * 10**12 for number in range(6)}
    keys = tuple(columns)
    for some in (keys[:5], keys):  # 55 and 66 bits: one whole number holds 62
        (cells,) = fold(Arrays({**columns, "w": np.ones(n)}, 700, 300), [Plan(some, "w")])
        expected = np.unique(np.column_stack([columns[key] for key in some]), axis=0, return_counts=True)
        assert np.column_stack([cells.column(key) for key in some]).tolist() == expected[0].tolist()
        assert cells.sums[0].tolist() == expected[1].tolist()
