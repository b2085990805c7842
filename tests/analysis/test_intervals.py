"""Limits of shares: they enclose the value, stay in 0..1, are honest at the ends and match published numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import intervals
from analysis.errors import OptionInvalid
from analysis.intervals import Decision, Flag

quick = settings(max_examples=60, deadline=None)
shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.001, 0.999))


@quick
@given(shares, st.floats(2, 5000), st.sampled_from([0.8, 0.9, 0.95, 0.99]), st.one_of(st.none(), st.floats(1, 200)))
def test_wilson_encloses_the_share_and_stays_inside(p: float, n: float, level: float, df: float | None) -> None:
    lower, upper = intervals.wilson(p, n, level, df)
    assert 0 <= lower <= p <= upper <= 1
    assert lower < upper


@quick
@given(shares, st.floats(2, 5000), st.integers(2, 5000), st.floats(1, 100))
def test_korn_graubard_encloses_the_share_and_the_cap_never_narrows(p: float, n_eff: float, n: int, df: float) -> None:
    lower, upper = intervals.korn_graubard(p, n_eff, 0.95, n=n, df=df)
    free = intervals.korn_graubard(p, n_eff, 0.95, n=n, df=df, cap=False)
    assert 0 <= lower <= p + 1e-12
    assert p - 1e-12 <= upper <= 1
    assert upper - lower >= free[1] - free[0] - 1e-9


@quick
@given(st.floats(0.01, 0.99), st.floats(0.001, 0.2), st.sampled_from([None, 5.0, 50.0]))
def test_logit_and_likelihood_limits_enclose_the_share(p: float, se: float, df: float | None) -> None:
    for lower, upper in (intervals.logit(p, se, 0.95, df), intervals.likelihood(p, se, 0.95, df)):
        assert 0 <= lower <= p <= upper <= 1


def test_nobody_and_everybody_get_limits_that_are_not_points() -> None:
    assert intervals.wilson(1.0, 30, 0.95)[0] == pytest.approx(0.886486606826)
    assert intervals.clopper_pearson(1.0, 30, 0.95)[0] == pytest.approx(0.884296691778)
    assert intervals.korn_graubard(0.0, np.inf, 0.95, n=12, df=2)[1] == pytest.approx(0.264648469397)
    assert np.isnan(intervals.logit(1.0, 0.0, 0.95)).all()


def test_limits_work_on_arrays() -> None:
    lower, upper = intervals.wilson(np.array([0.0, 0.5, 1.0]), np.array([10, 20, 30]), 0.95)
    assert lower.shape == upper.shape == (3,)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_outside_0_and_1_is_refused(level: float) -> None:
    with pytest.raises(OptionInvalid):
        intervals.wilson(0.5, 10, level)
    with pytest.raises(OptionInvalid):
        intervals.clopper_pearson(0.5, 10, level)


def test_the_index_is_not_capped_at_its_sample_size() -> None:
    ratio = intervals.pooled_ratio(np.array([0.8, 0.9]), np.array([0.16, 0.09]) / 60, 30, 29)
    assert ratio == pytest.approx(2.0)
    found, wanted = intervals.index_interval(0.85, 30, ratio, 0.95), intervals.wilson(0.85, 60, 0.95)
    assert np.array(found) == pytest.approx(np.array(wanted))
    assert intervals.pooled_ratio(np.array([1.0]), np.array([0.0]), 30, 29) == float("inf")


def test_a_near_census_cannot_leave_what_the_unanswered_allow() -> None:
    limits = intervals.within_census(intervals.wilson(0.9, 20, 0.95), satisfied=18, answered=20, population=22)
    assert limits[0] >= 18 / 22
    assert limits[1] <= 20 / 22


@pytest.mark.parametrize(
    ("p", "se", "n", "df", "decision", "flags"),
    [
        (0.5, 0.1, 40, 20, Decision.SUPPRESS, (Flag.FEW_ANSWERS,)),
        (0.6, 0.05, 100, 30, Decision.SHOW, ()),
        (0.9, 0.03, 100, 30, Decision.SHOW, (Flag.COMPLEMENT_WIDE,)),
        (0.96, 0.02, 100, 5, Decision.REVIEW, (Flag.FEW_DEGREES, Flag.COMPLEMENT_WIDE)),
        (0.98, 0.004, 2000, 5, Decision.REVIEW, (Flag.FEW_DEGREES,)),
        (0.98, 0.004, 2000, 30, Decision.SHOW, ()),
        (1.0, 0.0, 40, 20, Decision.REVIEW, (Flag.BOUNDARY, Flag.COMPLEMENT_WIDE)),
        (1.0, 0.0, 29, 20, Decision.SUPPRESS, (Flag.FEW_ANSWERS, Flag.BOUNDARY)),
        (0.9, 0.01, 1, 20, Decision.SUPPRESS, (Flag.FEW_ANSWERS,)),
        (0.05, 0.03, 100, 30, Decision.SUPPRESS, (Flag.RELATIVELY_WIDE,)),
    ],
)
def test_the_rule_of_what_may_be_shown(
    p: float, se: float, n: int, df: float, decision: Decision, flags: tuple[Flag, ...]
) -> None:
    found = intervals.presentation(p, se, n, df)
    assert (found.decision, found.flags) == (decision, flags)


@pytest.mark.parametrize("p", [float("nan"), -0.1, 1.2, 90.0])
def test_what_is_no_share_has_no_limits(p: float) -> None:
    for limits in (
        lambda: intervals.wilson(p, 30, 0.95),
        lambda: intervals.clopper_pearson(p, 30, 0.95),
        lambda: intervals.jeffreys(p, 30, 0.95),
        lambda: intervals.korn_graubard(p, 20, 0.95, n=30, df=3),
        lambda: intervals.logit(p, 0.1, 0.95),
        lambda: intervals.likelihood(p, 0.1, 0.95),
        lambda: intervals.presentation(p, 0.01, 100, 20),
        lambda: intervals.effective_size(p, 0.01),
    ):
        with pytest.raises(OptionInvalid):
            limits()


@pytest.mark.parametrize("n", [float("nan"), 0.0, -5.0, float("inf")])
def test_what_is_no_size_has_no_limits(n: float) -> None:
    for limits in (intervals.wilson, intervals.clopper_pearson, intervals.jeffreys):
        with pytest.raises(OptionInvalid):
            limits(0.9, n, 0.95)
    with pytest.raises(OptionInvalid):
        intervals.presentation(0.9, 0.01, n, 20)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [float("nan"), -1.0])
def test_a_missing_or_negative_error_is_never_shown(wrong: float) -> None:
    with pytest.raises(OptionInvalid):
        intervals.presentation(0.9, wrong, 100, 20)
    with pytest.raises(OptionInvalid):
        intervals.likelihood(0.9, wrong, 0.95)
    with pytest.raises(OptionInvalid):
        intervals.effective_size(0.9, wrong)
    with pytest.raises(OptionInvalid):
        intervals.pooled_ratio([0.9, 0.8], [wrong, 0.01], [30, 30], [29, 29])
    with pytest.raises(OptionInvalid):
        intervals.wilson(0.9, 30, 0.95, wrong)


def test_without_degrees_of_freedom_nothing_is_shown_and_no_limit_given() -> None:
    assert intervals.presentation(0.9, 0.01, 100, 0).decision is Decision.SUPPRESS
    with pytest.raises(OptionInvalid):
        intervals.wilson(0.9, 30, 0.95, 0)
    with pytest.raises(OptionInvalid):
        intervals.korn_graubard(0.9, 20, 0.95, n=30, df=0)


def test_an_index_is_never_without_error_although_no_unit_of_its_level_varies() -> None:
    ratio = intervals.pooled_ratio([1.0, 1.0], [0.0, 0.0], 30, 29)
    lower, upper = intervals.index_interval(1.0, 30, ratio, 0.95)
    assert (float(lower), float(upper)) == (pytest.approx(0.886486606826), 1.0)
