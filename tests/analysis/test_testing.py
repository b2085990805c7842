"""Tests, models, multiple testing and reliability, against textbook results on simple samples."""

import numpy as np
import pytest
from scipy import stats

from analysis.design import LonelyPsu, declare, reweighted
from analysis.errors import (
    ColumnMissing,
    LengthMismatch,
    NegativeWeight,
    NotConverged,
    NotFinite,
    OptionInvalid,
    Undefined,
)
from analysis.testing import factors, groups, multiple, regression, reliability, tables
from analysis.weights import calibrate

RNG = np.random.default_rng(20)
N = 400
SIMPLE = declare(np.ones(N), lonely_psu=LonelyPsu.FAIL)
GROUP = np.arange(N) % 2
Y = RNG.normal(size=N) + 0.3 * GROUP


def test_a_weighted_regression_on_equal_weights_is_least_squares() -> None:
    x = np.column_stack([np.ones(N), GROUP, RNG.normal(size=N)])
    fit = regression.glm(SIMPLE, Y, x, regression.Family.GAUSSIAN)
    assert fit.estimate.values == pytest.approx(np.linalg.lstsq(x, Y, rcond=None)[0])
    assert fit.df_residual == N - 3
    with pytest.raises(Undefined):
        regression.glm(SIMPLE, Y, np.column_stack([x, x[:, 1]]), regression.Family.GAUSSIAN)
    with pytest.raises(LengthMismatch):
        regression.glm(SIMPLE, Y[1:], x, regression.Family.GAUSSIAN)


def test_t_and_rank_tests_come_near_their_simple_counterparts() -> None:
    found = groups.t_test(SIMPLE, Y, GROUP)
    plain = stats.ttest_ind(Y[GROUP == 1], Y[GROUP == 0], equal_var=False)
    assert found.statistic == pytest.approx(plain.statistic, rel=0.01)
    ranks = groups.rank_test(SIMPLE, Y, GROUP, groups.Score.WILCOXON)
    plain_ranks = stats.mannwhitneyu(Y[GROUP == 1], Y[GROUP == 0])
    assert ranks.p == pytest.approx(plain_ranks.pvalue, rel=0.2)
    three = groups.rank_test(SIMPLE, Y, np.arange(N) % 3, groups.Score.KRUSKAL_WALLIS)
    assert three.numerator_df == 2
    with pytest.raises(OptionInvalid):
        groups.t_test(SIMPLE, Y, np.arange(N) % 3)
    with pytest.raises(Undefined):
        groups.rank_test(SIMPLE, Y, np.zeros(N, dtype=np.int64), groups.Score.MEDIAN)


def test_rao_scott_on_a_simple_sample_is_nearly_pearson() -> None:
    columns = (RNG.uniform(size=N) < 0.3 + 0.1 * GROUP).astype(np.int64)
    wanted = list(tables.Statistic)
    found = tables.independence(SIMPLE, GROUP, columns, wanted, df=N - 1, n=N)
    counts = np.array([[((r == GROUP) & (columns == c)).sum() for c in (0, 1)] for r in (0, 1)])
    pearson = stats.chi2_contingency(counts, correction=False)
    assert np.array_equal(found.table, counts)
    assert found.verdicts[tables.Statistic.CHISQ].statistic == pytest.approx(pearson.statistic)
    for one in wanted:
        assert found.verdicts[one].p == pytest.approx(pearson.pvalue, rel=0.25)
    with pytest.raises(Undefined):
        tables.independence(SIMPLE, GROUP, np.zeros(N, dtype=np.int64), wanted, df=N - 1, n=N)


def test_adjusted_p_values_are_in_order_and_never_smaller() -> None:
    p = np.array([0.01, 0.01, 0.02, 0.5, 1.0, 0.03])
    assert multiple.adjusted(p, multiple.Correction.HOLM) == pytest.approx([0.06, 0.06, 0.08, 1, 1, 0.09])
    assert multiple.adjusted(p, multiple.Correction.BH) == pytest.approx([0.03, 0.03, 0.04, 0.6, 1, 0.045])
    assert multiple.adjusted(p, multiple.Correction.HOMMEL) == pytest.approx([0.05, 0.05, 0.06, 1, 1, 0.09])
    for correction in multiple.Correction:
        assert (multiple.adjusted(p, correction) >= p).all()
        assert multiple.adjusted(np.array([]), correction).size == 0
    with pytest.raises(NotFinite):
        multiple.adjusted(np.array([0.5, 1.5]), multiple.Correction.HOLM)


def test_rubin_s_rules_add_the_variance_between_imputations() -> None:
    found = multiple.rubin(np.array([83.1, 84, 82.7, 83.5, 83.9]), np.array([1.21, 1.18, 1.3, 1.25, 1.2]))
    assert (found.estimate, found.se, found.df) == pytest.approx((83.44, 1.25920609909578, 78.641582711489))
    same = multiple.rubin(np.full(3, 5.0), np.full(3, 4.0))
    assert (same.se, same.missing_information) == (2.0, 0.0)
    with pytest.raises(LengthMismatch):
        multiple.rubin(np.array([1.0]), np.array([1.0]))


def test_items_of_one_factor_are_found_reliable_as_they_were_made() -> None:
    loading = np.array([0.8, 0.7, 0.6, 0.5])
    made = np.outer(loading, loading) + np.diag(1 - loading**2)
    found = reliability.reliability(made, 1000)
    assert found.loadings == pytest.approx(loading, rel=1e-5)
    assert found.omega == pytest.approx(loading.sum() ** 2 / made.sum(), rel=1e-5)
    assert found.alpha < found.omega
    with pytest.raises(Undefined):
        reliability.reliability(np.ones((3, 3)), 100)


def test_a_factor_model_recovers_the_covariance_it_was_made_from() -> None:
    loading = np.zeros((6, 2))
    loading[:3, 0], loading[3:, 1] = (0.9, 0.8, 0.7), (0.6, 0.9, 0.8)
    made = loading @ np.array([[1, 0.4], [0.4, 1]]) @ loading.T + 0.5 * np.eye(6)
    names = list("abcdef")
    found = factors.confirmatory({"A": names[:3], "B": names[3:]}, names, made * 300 / 299, 300)
    assert [one.estimate for one in found.loadings] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.9, 0.8], rel=1e-5)
    assert found.covariances[0].estimate == pytest.approx(0.4, rel=1e-5)
    assert (found.chisq, found.df) == (pytest.approx(0, abs=1e-6), 8)
    with pytest.raises(ColumnMissing):
        factors.confirmatory({"A": ["tea"]}, names, made, 300)


@pytest.mark.parametrize("part", [GROUP, np.arange(N) // 200])
def test_columns_that_separate_the_outcomes_are_refused(part: np.ndarray) -> None:
    x = np.column_stack([np.ones(N), part])
    with pytest.raises(NotConverged):
        regression.glm(SIMPLE, part.astype(float), x, regression.Family.BINOMIAL)
    half = np.where(part == 1, 1.0, RNG.integers(0, 2, N))
    for family in (regression.Family.BINOMIAL, regression.Family.POISSON):
        with pytest.raises(NotConverged):
            regression.glm(SIMPLE, 1 - half, x, family)


def test_rare_outcomes_are_no_separation() -> None:
    x = np.column_stack([np.ones(N), GROUP])
    y = np.isin(np.arange(N), [0, 1]).astype(float)
    fit = regression.glm(SIMPLE, y, x, regression.Family.BINOMIAL)
    assert fit.estimate.values == pytest.approx([np.log(1 / 199), 0.0], abs=1e-9)


def test_outcomes_that_cannot_be_tested_are_refused_with_a_leaf() -> None:
    x = np.column_stack([np.ones(N), GROUP])
    for outcome, family in (
        (np.ones(N), regression.Family.GAUSSIAN),
        (np.ones(N), regression.Family.BINOMIAL),
        (np.where(GROUP == 1, 7.0, Y > 0), regression.Family.BINOMIAL),
        (Y - 5, regression.Family.POISSON),
    ):
        with pytest.raises(Undefined):
            regression.glm(SIMPLE, outcome, x, family)
    for test in (
        lambda: groups.one_sample_t_test(SIMPLE, np.full(N, 0.1)),
        lambda: groups.t_test(SIMPLE, np.full(N, 0.1), GROUP),
        lambda: groups.t_test(SIMPLE, GROUP.astype(float), GROUP),
        lambda: groups.rank_test(SIMPLE, np.full(N, 0.1), GROUP, groups.Score.WILCOXON),
    ):
        with pytest.raises(Undefined):
            test()


def test_negative_calibrated_weights_are_refused_by_models_and_rank_tests() -> None:
    step = calibrate(np.ones(N), numeric={"x": (np.arange(float(N)), 10_000.0)}, population=N)
    design = reweighted(SIMPLE, step.weights, step.calibration)
    with pytest.raises(NegativeWeight):
        regression.glm(design, Y, np.ones((N, 1)), regression.Family.GAUSSIAN)
    with pytest.raises(NegativeWeight):
        groups.rank_test(design, Y, GROUP, groups.Score.WILCOXON)


def test_corrections_given_as_text_are_those_and_senseless_numbers_are_refused() -> None:
    p = np.array([0.01, 0.02, 0.3])
    for one in multiple.Correction:
        assert multiple.adjusted(p, one.value).tolist() == multiple.adjusted(p, one).tolist()  # type: ignore[arg-type]
    with pytest.raises(OptionInvalid):
        multiple.adjusted(p, "zz")  # type: ignore[arg-type]
    with pytest.raises(NotFinite):
        multiple.rubin(np.array([np.nan, 1.0]), np.ones(2))
    with pytest.raises(Undefined):
        multiple.rubin(np.array([2.0, 1.0]), -np.ones(2))
    with pytest.raises(OptionInvalid):
        tables.independence(SIMPLE, GROUP, (Y > 0).astype(np.int64), [tables.Statistic.F], df=0, n=N)
    with pytest.raises(NotFinite):
        reliability.reliability(np.full((3, 3), np.nan), 30)
