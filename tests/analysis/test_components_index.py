"""The index by hand: aggregations, rules, pairwise missing items, variance from one influence per respondent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.components.index import Figures, IndexOptions, index_codes, index_figures
from analysis.components.moments import Moments, Sampling, make_moments
from analysis.components.scheme import Aggregation, IndexRule
from analysis.components.strata import make_strata
from analysis.components.weighting import Weighted, calibrated_weights, design_weights, make_frame
from analysis.design import Calibration, LonelyPsu, declare, reweighted
from analysis.extract import Extract
from analysis.variance import covariance


def moments_of(extract: Extract, *, calibrated: bool = False) -> tuple[Moments, Sampling]:
    frame, groups = make_frame(extract.sample, extract.margins), extract.groups
    weighted: Weighted = calibrated_weights(groups, frame) if calibrated else design_weights(groups)
    sampling = Sampling(weighted, make_strata(groups, frame))
    names = list(frame.populations)
    units = np.array([names.index(group.unit) for group in groups.groups])
    return make_moments(groups, units, np.array(list(frame.populations.values())), sampling), sampling


def by_row(extract: Extract, values: Any) -> Any:
    """What a group has, for each of its answers."""
    place = {(group.stratum, group.class_): number for number, group in enumerate(extract.groups.groups)}
    pairs = zip(extract.answers["stratum"].values(), extract.answers["class"].values(), strict=True)
    return values[[place[pair] for pair in pairs]]


def figures_of(extract: Extract, rule: IndexRule, aggregation: Aggregation, least: int = 1) -> dict[str, float]:
    moments, _ = moments_of(extract)
    codes = index_codes(extract.instrument)
    found = index_figures(moments, codes, IndexOptions(rule, aggregation), moments.valid >= least)
    return {one.code: float(value) for one, value in zip(codes.codes, found.value[0], strict=True)}


def small(make: Any, *rows: list[str]) -> Extract:
    """Four items; S1 and S2 are factor I, S3 and S4 factor II."""
    tables = make.tables()
    tables.cell("u1", rows, population=100)
    return tables.extract()


def test_items_are_pairwise_ratios_that_leave_missing_and_not_applicable_out(make: Any) -> None:
    extract = small(make, ["5", ".", "3", "1"], ["4", "", "2", "4"], ["2", "5", "4", "."])
    found = figures_of(extract, IndexRule.TOP2BOX, Aggregation.ITEM_MEAN)
    items = {"S1": 2 / 3, "S2": 1.0, "S3": 1 / 3, "S4": 1 / 2}
    assert {code: found[code] for code in items} == pytest.approx(items)
    assert found["I"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["overall"] == pytest.approx(sum(items.values()) / 4)


def test_the_three_aggregations_and_three_rules_differ_as_written(make: Any) -> None:
    tables = make.tables()
    tables.items = ("S1", "S2", "S3")  # factor I: S1, S2; factor II: S3
    tables.cell("u1", [["5", "4", "1"], ["4", ".", "2"]])
    extract = tables.extract()
    top = {a: figures_of(extract, IndexRule.TOP2BOX, a)["overall"] for a in Aggregation}
    assert top[Aggregation.ITEM_MEAN] == pytest.approx(2 / 3)
    assert top[Aggregation.COMPONENT_MEAN] == pytest.approx(1 / 2)
    assert top[Aggregation.POOLED_ANSWERS] == pytest.approx(3 / 5)
    means = {r: figures_of(extract, r, Aggregation.ITEM_MEAN)["S3"] for r in IndexRule}
    assert means == pytest.approx({"top2box": 0.0, "mean5": 1.5 / 5, "mean4": 0.5 / 4})


def test_an_item_with_too_few_answers_leaves_the_index_unless_all_have_too_few(make: Any) -> None:
    rows = [["5", "5", "1", "5"], ["5", "5", "1", "."], ["1", "5", "1", "."]]
    extract = small(make, *rows)
    found = figures_of(extract, IndexRule.TOP2BOX, Aggregation.ITEM_MEAN, least=2)
    assert found["overall"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["II"] == 0.0
    everything = figures_of(extract, IndexRule.TOP2BOX, Aggregation.ITEM_MEAN, least=9)
    assert everything["overall"] == pytest.approx((2 / 3 + 1 + 0 + 1) / 4)


@pytest.mark.parametrize("aggregation", list(Aggregation))
@pytest.mark.parametrize("rule", list(IndexRule))
@pytest.mark.parametrize("calibrated", [False, True])
def test_the_variance_is_that_of_one_influence_value_a_respondent(
    make: Any, aggregation: Aggregation, rule: IndexRule, calibrated: bool
) -> None:
    extract = make.drawn(8, units=1, drawn=60)[0].extract()
    moments, sampling = moments_of(extract, calibrated=calibrated)
    codes = index_codes(extract.instrument)
    found = index_figures(moments, codes, IndexOptions(rule, aggregation), moments.valid >= 1)
    weights, calibration = by_row(extract, sampling.weighted.weights), sampling.weighted.calibration
    influence = influences(extract, weights, rule, aggregation)
    strata = by_row(extract, sampling.strata.codes)
    population = sampling.strata.population[strata]
    if calibration is not None:  # given who answered, the calibration's cells are the strata
        strata = by_row(extract, calibration.margins[0])
        population = np.bincount(strata, weights=weights)[strata]
        calibration = Calibration(by_row(extract, calibration.before), weights, (strata,))
    base = extract.answers.weight_base
    design = declare(base, lonely_psu=LonelyPsu.FAIL, strata=[strata], population=[population])
    if calibration is not None:
        design = reweighted(design, weights, calibration)
    expected = float(covariance(design, influence)[0, 0])
    assert found.variance[0, -1] == pytest.approx(expected * raised(extract, found), rel=1e-9)


def influences(extract: Extract, weights: Any, rule: IndexRule, aggregation: Aggregation) -> Any:
    """Final weight times linearised overall index of each respondent, written out answer by answer."""
    items = [item.code for item in extract.instrument.scored]
    answers = np.array([extract.answers.items[code].values() for code in items]).T
    valid = (answers != ".") & (answers != "")
    value = np.where(valid, answers, "0").astype(float)
    scored = {"top2box": (value >= 4) * 1.0, "mean5": value / 5, "mean4": (value - 1) / 4}[rule] * valid
    sums = (weights[:, None] * valid).sum(axis=0)
    ratios = (weights[:, None] * scored).sum(axis=0) / sums
    if aggregation is Aggregation.POOLED_ANSWERS:
        pooled = float((weights[:, None] * scored).sum() / sums.sum())
        return weights * (valid * (scored - pooled)).sum(axis=1) / sums.sum()
    shares = np.full(4, 0.25)  # two factors of two items: both means agree
    return weights * (valid * (scored - ratios) / sums * shares).sum(axis=1)


def raised(extract: Extract, found: Figures) -> float:
    """`(1 - f v) / (1 - f)`: respondents who skipped items count as unanswered dossiers for them."""
    items = [extract.answers.items[item.code].values() for item in extract.instrument.scored]
    share = float(np.mean([sum(cell != "." for cell in column) / len(column) for column in items]))
    assert found.answered[0, -1] == pytest.approx(share, rel=0.02)
    sampled = float((1 - found.remaining[0, -1]) / found.answered[0, -1])
    return float(found.remaining[0, -1] / (1 - sampled))


def test_one_row_in_a_cluster_changes_no_other_unit(make: Any) -> None:
    tables = make.drawn(1)[0]
    plain, _ = moments_of(tables.extract(), calibrated=True)
    tables.answers["psu"] = ["zzz", *[""] * (len(tables.answers["psu"]) - 1)]
    clustered, _ = moments_of(tables.extract(), calibrated=True)
    assert [np.array_equal(clustered.omega[u], plain.omega[u]) for u in range(6)] == [False] + [True] * 5


def test_clusters_count_as_the_sampled_units(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [["5", "5", "5", "5"]] * 4 + [["1", "1", "1", "1"]] * 4, population=1000)
    tables.answers["psu"] = ["a", "b", "a", "b", "c", "d", "c", "d"]
    clustered, _ = moments_of(tables.extract())
    tables.answers["psu"] = [""] * 8
    single, _ = moments_of(tables.extract())
    assert (clustered.df[0], single.df[0]) == (3, 7)
    assert clustered.omega[0, 0, 0] == pytest.approx(0, abs=1e-12)
    ratio = clustered.omega[0, 4, 4] / single.omega[0, 4, 4]
    assert ratio == pytest.approx(1 / (1 - 8 / 1000) * (4 / 3 * 4) / (8 / 7 * 2))
