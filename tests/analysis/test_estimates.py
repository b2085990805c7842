"""Estimates and their covariance: invariants that every design must keep, and missing values."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import design as designs
from analysis import replicates as replications
from analysis.design import Design, LonelyPsu, declare
from analysis.errors import (
    EmptyDomain,
    LengthMismatch,
    LonelyStratum,
    NegativeWeight,
    NotFinite,
    NoWeight,
    OptionInvalid,
    Undefined,
)
from analysis.estimates.composite import composite, composite_change
from analysis.estimates.moments import Missing, by_domain, design_effect, linear, mean, ratio, total, variance
from analysis.estimates.quantiles import Interval, Rule, quantiles, weighted_quantile
from analysis.variance import covariance
from analysis.weights import calibrate, margin, poststratify

quick = settings(max_examples=25, deadline=None)


def clusters(seed: int, order: np.ndarray | None = None, scale: float = 1.0) -> tuple[Design, np.ndarray]:
    """Two-stage design of 60 rows: 4 strata, 3 clusters each, 5 rows in a cluster."""
    rng = np.random.default_rng(seed)
    strata, units = np.repeat(np.arange(4), 15), np.repeat(np.arange(12), 5)
    weights, y = rng.uniform(1, 4, 60) * scale, rng.normal(3, 1, 60) + units / 5
    order = np.arange(60) if order is None else order
    design = declare(
        weights[order],
        lonely_psu=LonelyPsu.FAIL,
        ids=[units[order], np.arange(60)[order]],
        strata=[strata[order]],
        population=[np.repeat(np.array([6.0, 9, 12, 30]), 15)[order], np.full(60, 20.0)],
    )
    return design, y[order]


@quick
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(60)
    one, other = mean(*clusters(seed), missing=Missing.FAIL), mean(*clusters(seed, order), missing=Missing.FAIL)
    assert one.values == pytest.approx(other.values, rel=1e-12)
    assert one.se == pytest.approx(other.se, rel=1e-10)


@quick
@given(st.integers(0, 10_000), st.floats(0.01, 1000))
def test_scaling_the_weights_scales_totals_and_leaves_means(seed: int, scale: float) -> None:
    small, large = clusters(seed), clusters(seed, scale=scale)
    one, other = mean(*small, missing=Missing.FAIL), mean(*large, missing=Missing.FAIL)
    assert (other.values[0], other.se[0]) == pytest.approx((one.values[0], one.se[0]), rel=1e-9)
    sums = total(*small, missing=Missing.FAIL), total(*large, missing=Missing.FAIL)
    assert sums[1].se[0] == pytest.approx(sums[0].se[0] * scale, rel=1e-9)


@quick
@given(st.integers(0, 10_000))
def test_splitting_a_row_inside_its_cluster_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units, weights, y = np.repeat(np.arange(6), 4), rng.uniform(1, 3, 24), rng.normal(size=24)
    whole = declare(weights, lonely_psu=LonelyPsu.FAIL, ids=[units])
    row, part = int(rng.integers(24)), float(rng.uniform(0.1, 0.9))
    split = np.append(weights, weights[row] * part)
    split[row] *= 1 - part
    halves = declare(split, lonely_psu=LonelyPsu.FAIL, ids=[np.append(units, units[row])])
    one = mean(whole, y, missing=Missing.FAIL)
    other = mean(halves, np.append(y, y[row]), missing=Missing.FAIL)
    assert (other.values[0], other.se[0]) == pytest.approx((one.values[0], one.se[0]), rel=1e-10)


@quick
@given(st.integers(0, 10_000))
def test_linearization_and_jackknife_agree_exactly_for_totals_and_nearly_for_means(seed: int) -> None:
    design, y = clusters(seed)
    first = replace(design, stages=design.stages[:1])
    copies = replications.jackknife(first)
    assert total(copies, y, missing=Missing.FAIL).se == pytest.approx(total(first, y, missing=Missing.FAIL).se)
    assert mean(copies, y, missing=Missing.FAIL).se == pytest.approx(mean(first, y, missing=Missing.FAIL).se, rel=0.15)


def test_a_calibrated_total_of_its_own_margin_has_no_variance() -> None:
    design, _ = clusters(3)
    sex = np.where(np.arange(60) % 2 == 0, "F", "M")
    step = poststratify(design.weights, margin("sex", sex, {"F": 500, "M": 400}))
    calibrated = designs.reweighted(design, step.weights, step.calibration)
    found = total(calibrated, (sex == "F").astype(float), missing=Missing.FAIL)
    assert found.values[0] == pytest.approx(500)
    assert found.se[0] == pytest.approx(0, abs=1e-9)


def test_a_domain_mean_is_the_ratio_with_its_indicator() -> None:
    design, y = clusters(4)
    inside = np.arange(60) % 3 == 0
    part = mean(designs.domain(design, inside), y, missing=Missing.FAIL)
    asked = ratio(design, y * inside, inside.astype(float), missing=Missing.FAIL)
    assert (part.values[0], part.se[0]) == pytest.approx((asked.values[0], asked.se[0]), rel=1e-12)


def test_means_by_domain_carry_the_covariance_of_shared_clusters() -> None:
    design, y = clusters(5)
    groups = np.arange(60) % 2
    both = by_domain(design, y, groups, missing=Missing.FAIL)
    assert abs(both.covariance[0, 1]) > 1e-6
    gap = linear(both, np.array([1.0, -1.0]))
    assert gap.covariance[0, 0] == pytest.approx(
        both.covariance[0, 0] + both.covariance[1, 1] - 2 * both.covariance[0, 1]
    )


def test_a_missing_answer_is_refused_or_left_out_as_asked() -> None:
    design, y = clusters(6)
    y[7] = np.nan
    with pytest.raises(NotFinite):
        mean(design, y, missing=Missing.FAIL)
    assert mean(design, y, missing=Missing.DROP).n == 59
    y[8] = np.inf
    with pytest.raises(NotFinite):
        mean(design, y, missing=Missing.DROP)


def test_all_missing_and_an_empty_domain_are_refused() -> None:
    design, y = clusters(7)
    with pytest.raises(EmptyDomain):
        mean(design, np.full(60, np.nan), missing=Missing.DROP)
    with pytest.raises(EmptyDomain):
        mean(designs.domain(design, np.zeros(60, dtype=bool)), y, missing=Missing.FAIL)
    with pytest.raises(EmptyDomain):
        ratio(design, y, np.zeros(60), missing=Missing.FAIL)


def test_the_lonely_rules_order_as_they_should() -> None:
    rng = np.random.default_rng(8)
    strata, y = np.array([0] * 5 + [1] * 5 + [2]), rng.normal(size=11)
    found = {}
    for rule in (LonelyPsu.REMOVE, LonelyPsu.CERTAINTY, LonelyPsu.AVERAGE, LonelyPsu.ADJUST):
        design = declare(np.ones(11), lonely_psu=rule, strata=[strata])
        found[rule] = covariance(design, y)[0, 0]
    assert found[LonelyPsu.REMOVE] == found[LonelyPsu.CERTAINTY]
    assert found[LonelyPsu.AVERAGE] == pytest.approx(found[LonelyPsu.REMOVE] * 3 / 2)
    assert found[LonelyPsu.ADJUST] == pytest.approx(found[LonelyPsu.REMOVE] + (y[10] - y.mean()) ** 2)
    alone = declare(np.ones(2), lonely_psu=LonelyPsu.AVERAGE, strata=[np.arange(2)])
    with pytest.raises(Undefined):
        covariance(alone, np.array([1.0, 2.0]))


def test_the_variance_of_a_simple_sample_is_the_textbook_one() -> None:
    y = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    design = declare(np.full(8, 5.0), lonely_psu=LonelyPsu.FAIL, population=[np.full(8, 40.0)])
    assert mean(design, y, missing=Missing.FAIL).se[0] ** 2 == pytest.approx((1 - 8 / 40) * y.var(ddof=1) / 8)
    assert variance(design, y, missing=Missing.FAIL).values[0] == pytest.approx(y.var(ddof=1))


def test_quantile_limits_enclose_the_value_and_the_median_of_equal_weights_is_the_usual_one() -> None:
    design = declare(np.ones(101), lonely_psu=LonelyPsu.FAIL)
    y = np.random.default_rng(9).normal(size=101)
    for interval in Interval:
        (found,) = quantiles(design, y, (0.5,), rule=Rule.MATH, interval=interval, level=0.95, missing=Missing.FAIL)
        assert found.value == np.median(y)
        assert found.lower < found.value < found.upper
    for rule in (Rule.HF4, Rule.HF5, Rule.HF6, Rule.HF7, Rule.HF8, Rule.HF9):
        (found,) = quantiles(design, y, (0.3,), rule=rule, interval=Interval.MEAN, level=0.9, missing=Missing.FAIL)
        method = {
            "hf4": "interpolated_inverted_cdf",
            "hf5": "hazen",
            "hf6": "weibull",
            "hf7": "linear",
            "hf8": "median_unbiased",
            "hf9": "normal_unbiased",
        }[rule.value]
        assert found.value == pytest.approx(np.quantile(y, 0.3, method=method))


def test_the_index_variance_is_that_of_its_own_influence_values() -> None:
    design, _ = clusters(10)
    rng = np.random.default_rng(10)
    valid = (rng.uniform(size=(60, 3)) < 0.9).astype(float)
    yes = valid * (rng.uniform(size=(60, 3)) < 0.8)
    weights = np.array([0.5, 0.3, 0.2])
    found = composite(design, yes, valid, weights)
    shares = (design.weights @ yes) / (design.weights @ valid)
    influence = design.weights * (((yes - shares * valid) / (design.weights @ valid)) @ weights)
    assert found.index.values[0] == pytest.approx(weights @ shares)
    assert found.index.covariance[0, 0] == pytest.approx(covariance(design, influence)[0, 0])
    with pytest.raises(EmptyDomain):
        composite(design, np.zeros_like(yes), np.zeros_like(valid), weights)
    for wrong in ((yes + 1, valid, weights), (yes, valid, -weights), (yes, valid, 2 * weights)):
        with pytest.raises(OptionInvalid):
            composite(design, *wrong)


def test_a_change_between_years_uses_the_covariance_of_shared_clusters() -> None:
    design, _ = clusters(11)
    rng = np.random.default_rng(11)
    late = np.arange(60) % 2 == 1
    valid = np.ones((60, 2))
    yes = (rng.uniform(size=(60, 2)) < 0.5).astype(float)
    found = composite_change(design, yes, valid, np.array([0.5, 0.5]), (~late, late))
    both = found.covariance
    assert found.values[2] == pytest.approx(found.values[1] - found.values[0])
    assert both[2, 2] == pytest.approx(both[0, 0] + both[1, 1] - 2 * both[0, 1])


def test_balanced_replicates_give_the_stratified_variance_of_a_total() -> None:
    rng = np.random.default_rng(12)
    strata, y = np.repeat(np.arange(7), 2), rng.normal(size=14)
    design = declare(np.full(14, 3.0), lonely_psu=LonelyPsu.FAIL, strata=[strata])
    exact = total(design, y, missing=Missing.FAIL).se
    for fay in (0.0, 0.3):
        copies = replications.balanced(design, fay=fay)
        assert total(copies, y, missing=Missing.FAIL).se == pytest.approx(exact, rel=1e-10)
    with pytest.raises(OptionInvalid):
        replications.balanced(declare(np.ones(3), lonely_psu=LonelyPsu.FAIL))


@pytest.mark.parametrize("order", [2, 4, 8, 12, 20, 24, 28, 36])
def test_hadamard_matrices_are_orthogonal(order: int) -> None:
    matrix = replications.hadamard(order)
    assert matrix.shape[0] >= order
    assert np.array_equal(matrix @ matrix.T, len(matrix) * np.eye(len(matrix)))
    assert (matrix[0] == 1).all()


def test_the_bootstrap_agrees_with_linearization_within_its_noise() -> None:
    design, y = clusters(13)
    first = replace(design, stages=design.stages[:1])
    copies = replications.bootstrap(first, 2000, np.random.default_rng(1))
    assert mean(copies, y, missing=Missing.FAIL).se == pytest.approx(mean(first, y, missing=Missing.FAIL).se, rel=0.1)


def test_recalibrated_replicates_hit_the_margin_in_every_column() -> None:
    design, _ = clusters(14)
    sex = np.where(np.arange(60) % 2 == 0, "F", "M")
    cells = margin("sex", sex, {"F": 500, "M": 400})
    copies = replications.recalibrated(replications.jackknife(design), lambda weights: poststratify(weights, cells))
    assert copies.replicates[sex == "F"].sum(axis=0) == pytest.approx(np.full(12, 500.0))
    found = total(copies, (sex == "F").astype(float), missing=Missing.FAIL)
    assert found.se[0] == pytest.approx(0, abs=1e-9)


def test_a_lonely_unit_stops_the_jackknife_unless_a_rule_is_named() -> None:
    strata = np.array([0, 0, 1])
    with pytest.raises(LonelyStratum):
        replications.jackknife(declare(np.ones(3), lonely_psu=LonelyPsu.FAIL, strata=[strata]))
    left = replications.jackknife(declare(np.ones(3), lonely_psu=LonelyPsu.REMOVE, strata=[strata]))
    assert left.replicates.shape == (3, 2)
    whole = replications.jackknife(declare(np.ones(3), lonely_psu=LonelyPsu.ADJUST, strata=[strata]))
    assert whole.replicates[:, 2].tolist() == [2.0, 2.0, 0.0]


def test_a_replicate_that_loses_one_domain_still_counts_for_the_others() -> None:
    units = np.arange(300) // 10
    y = np.random.default_rng(0).normal(size=300)
    design = declare(np.ones(300), lonely_psu=LonelyPsu.FAIL, ids=[units])
    copies = replications.bootstrap(design, 500, np.random.default_rng(2))
    groups = np.where(units < 20, 0, 1 + (units - 20) // 2)
    together = by_domain(copies, y, groups, missing=Missing.FAIL)
    alone = [mean(replications.domain(copies, groups == one), y, missing=Missing.FAIL) for one in range(6)]
    assert together.se == pytest.approx([one.se[0] for one in alone], rel=1e-10)
    assert together.lost == tuple(one.lost[0] for one in alone)
    assert together.lost[0] == 0 < min(together.lost[1:])
    exact = by_domain(design, y, groups, missing=Missing.FAIL)
    assert together.se == pytest.approx(exact.se, rel=0.12)


def test_lost_replicates_are_made_up_for_by_their_share() -> None:
    copies = replications.supplied(np.ones(4), np.ones((4, 4)), scale=0.25, rscales=1, mse=False)
    thetas = np.array([[1.0, 1.0], [3.0, 3.0], [1.0, np.nan], [3.0, np.nan]])
    found = replications.covariance(copies, thetas, np.array([2.0, 2.0]))
    assert found == pytest.approx(np.ones((2, 2)))
    assert replications.lost(copies, thetas) == (0, 2)
    with pytest.raises(Undefined):
        replications.covariance(copies, np.array([[1.0], [np.nan], [np.nan], [np.nan]]), np.array([1.0]))


def test_options_given_as_text_mean_what_they_say() -> None:
    design = declare(np.ones(40), lonely_psu=LonelyPsu.FAIL)
    y = np.arange(40.0)
    with pytest.raises(NotFinite):
        mean(design, np.where(y == 3, np.nan, y), missing="fail")  # type: ignore[arg-type]
    ask = lambda interval, rule: quantiles(  # noqa: E731
        design, y, (0.4,), rule=rule, interval=interval, level=0.9, missing=Missing.FAIL
    )
    for interval in Interval:
        assert ask(interval.value, "hf7") == ask(interval, Rule.HF7)
    for wrong in (lambda: ask("zz", "hf7"), lambda: ask("mean", "zz"), lambda: mean(design, y, missing="zz")):  # type: ignore[arg-type]
        with pytest.raises(OptionInvalid):
            wrong()


def test_groups_without_an_answer_are_named() -> None:
    design, y = clusters(15)
    with pytest.raises(EmptyDomain) as refused:
        by_domain(design, y, np.arange(60) % 2 * 3, missing=Missing.FAIL)
    assert refused.value.domain == "group 1, 2"
    with pytest.raises(LengthMismatch):
        by_domain(design, y, np.zeros(59, dtype=np.int64), missing=Missing.FAIL)


def test_negative_calibrated_weights_cannot_enter_a_quantile_but_zero_ones_may() -> None:
    step = calibrate(np.ones(40), numeric={"x": (np.arange(40.0), 100.0)}, population=40)
    assert (step.weights < 0).any()
    design = designs.reweighted(declare(np.ones(40), lonely_psu=LonelyPsu.FAIL), step.weights, step.calibration)
    how = {"rule": Rule.MATH, "interval": Interval.MEAN, "level": 0.95, "missing": Missing.FAIL}
    with pytest.raises(NegativeWeight):
        quantiles(design, np.arange(40.0), (0.5,), **how)  # type: ignore[arg-type]
    values, weights = np.arange(5.0), np.array([0.0, 1, 1, 1, 0])
    assert weighted_quantile(values, weights, 0.5, Rule.MATH) == 2.0
    for leaf, wrong in ((NoWeight, np.zeros(5)), (NegativeWeight, -weights), (NotFinite, weights * np.nan)):
        with pytest.raises(leaf):
            weighted_quantile(values, wrong, 0.5, Rule.MATH)


def test_a_composite_or_design_effect_that_has_no_meaning_is_refused() -> None:
    design, y = clusters(16)
    ones = np.ones((60, 2))
    with pytest.raises(NotFinite):
        composite(design, ones, ones, np.array([np.nan, 0.5]))
    with pytest.raises(LengthMismatch):
        composite(design, ones[:, 0], ones[:, 0], np.array([1.0]))
    one = designs.domain(declare(np.ones(60), lonely_psu=LonelyPsu.FAIL), np.arange(60) == 2)
    with pytest.raises(Undefined):
        design_effect(one, y, mean(one, y, missing=Missing.FAIL), missing=Missing.FAIL, replace=True)
