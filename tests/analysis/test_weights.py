"""Weighting steps: totals hit, bounds and caps kept, and refusals that say which margin and by how much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import (
    EmptyDomain,
    LengthMismatch,
    MarginLevelAbsent,
    MarginLevelUnknown,
    MarginsContradict,
    MarginTotalInvalid,
    NegativeWeight,
    NotConverged,
    NotFinite,
    NoWeight,
    OptionInvalid,
)
from analysis.testing.response import propensity, propensity_classes
from analysis.weights import (
    Distance,
    Margin,
    calibrate,
    kish_deff,
    margin,
    nonresponse_in_classes,
    poststratify,
    rake,
    trim,
)

quick = settings(max_examples=25, deadline=None)
SEX = np.array(["F", "F", "M", "M", "F", "M"])
AGE = np.array(["old", "young", "old", "young", "old", "old"])
SIX = np.array([1.0, 2.0, 1.0, 1.5, 3.0, 1.0])


def people(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = np.concatenate([["a", "b", "c"], rng.choice(["a", "b", "c"], n - 3)])
    second = np.concatenate([["x", "y", "x"], rng.choice(["x", "y"], n - 3)])
    return rng.uniform(1, 5, n), first, second, rng.normal(50, 10, n)


def tally(column: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    return {str(level): float(weights[column == level].sum()) for level in np.unique(column)}


@quick
@given(st.integers(0, 10_000))
def test_raking_hits_every_margin_and_keeps_zero_sums_apart(seed: int) -> None:
    weights, first, second, _ = people(seed)
    wanted = weights * np.random.default_rng(seed).uniform(0.5, 2, len(weights))
    margins = [margin("first", first, tally(first, wanted)), margin("second", second, tally(second, wanted))]
    found = rake(weights, margins)
    for column, one in ((first, margins[0]), (second, margins[1])):
        assert list(tally(column, found.weights).values()) == pytest.approx(one.totals.tolist(), rel=1e-8)
    assert found.diagnostics.kish_after >= 1


@quick
@given(st.integers(0, 10_000), st.sampled_from(list(Distance)))
def test_calibration_hits_margins_numbers_and_size(seed: int, distance: Distance) -> None:
    weights, first, second, y = people(seed)
    wanted = weights * np.random.default_rng(seed).uniform(0.8, 1.25, len(weights))
    bounds = (0.2, 5.0) if distance is Distance.LOGIT else None
    found = calibrate(
        weights,
        [margin("first", first, tally(first, wanted)), margin("second", second, tally(second, wanted))],
        numeric={"y": (y, float(wanted @ y))},
        population=float(wanted.sum()),
        distance=distance,
        bounds=bounds,
    )
    assert tally(first, found.weights) == pytest.approx(tally(first, wanted), rel=1e-9)
    assert tally(second, found.weights) == pytest.approx(tally(second, wanted), rel=1e-9)
    assert found.weights @ y == pytest.approx(wanted @ y, rel=1e-9)
    if bounds:
        assert bounds[0] <= found.diagnostics.smallest_ratio <= found.diagnostics.largest_ratio <= bounds[1]


def test_negative_weights_of_a_calibration_stand_in_its_diagnostics() -> None:
    x = np.array([1.0, 2, 3, 4, 5, 100])
    found = calibrate(SIX, [], numeric={"x": (x, 10.0)}, population=float(SIX.sum()))
    assert found.weights.min() < 0
    assert found.diagnostics.smallest_ratio == pytest.approx((found.weights / SIX).min())
    assert found.diagnostics.kish_after == pytest.approx(6 * (found.weights**2).sum() / found.weights.sum() ** 2)


def test_margins_that_differ_by_rounding_are_raked_and_empty_ones_refused() -> None:
    margins = [margin("sex", SEX, {"F": 6e5, "M": 4e5}), margin("age", AGE, {"old": 5e5, "young": 5e5 + 0.5})]
    weights = rake(SIX, margins).weights
    assert weights.sum() == pytest.approx(1e6, abs=0.6)
    with pytest.raises(OptionInvalid, match="totals"):
        rake(SIX, [margin("sex", SEX, {"F": 0, "M": 0})])


def test_raking_and_raking_calibration_are_the_same_weights() -> None:
    margins = [margin("sex", SEX, {"F": 30, "M": 20}), margin("age", AGE, {"old": 35, "young": 15})]
    iterated = rake(SIX, margins).weights
    assert calibrate(SIX, margins, distance=Distance.RAKING).weights == pytest.approx(iterated, rel=1e-8)


def test_bounds_that_cannot_be_met_say_which_margin_and_by_how_much() -> None:
    with pytest.raises(NotConverged) as refused:
        calibrate(SIX, [margin("sex", SEX, {"F": 60, "M": 20})], distance=Distance.LOGIT, bounds=(0.9, 1.1))
    assert refused.value.margin == "sex = F"
    assert refused.value.misfit > 0


def test_margins_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(MarginsContradict) as refused:
        rake(SIX, [margin("sex", SEX, {"F": 30, "M": 20}), margin("age", AGE, {"old": 35, "young": 16})])
    assert (refused.value.margin, refused.value.total, refused.value.other_total) == ("age", 51, 50)


def test_a_margin_that_names_an_absent_category_is_refused() -> None:
    with pytest.raises(MarginLevelAbsent) as refused:
        poststratify(SIX, margin("sex", SEX, {"F": 30, "M": 20, "X": 1}))
    assert refused.value.level == "X"


def test_a_category_without_a_total_is_refused() -> None:
    with pytest.raises(MarginLevelUnknown):
        margin("sex", SEX, {"F": 30})


@pytest.mark.parametrize("total", [-1.0, float("nan"), float("inf")])
def test_a_total_that_is_no_count_is_refused(total: float) -> None:
    with pytest.raises(MarginTotalInvalid):
        margin("sex", SEX, {"F": total, "M": 1})


def test_contradicting_joint_cells_do_not_converge() -> None:
    first, second = np.array(["a", "a", "b"]), np.array(["x", "x", "y"])
    margins = [margin("1", first, {"a": 2, "b": 1}), margin("2", second, {"x": 1, "y": 2})]
    with pytest.raises(NotConverged):
        rake(np.ones(3), margins, max_iterations=50)


@quick
@given(st.integers(0, 10_000), st.booleans())
def test_trimming_keeps_the_sum_and_strictly_its_cap(seed: int, strict: bool) -> None:
    weights = np.random.default_rng(seed).lognormal(0, 0.8, 40)
    low, high = np.quantile(weights, [0.1, 0.9])
    found = trim(weights, lower=low, upper=high, strict=strict).weights
    assert found.sum() == pytest.approx(weights.sum())
    if strict:
        assert found.min() >= low * (1 - 1e-9)
        assert found.max() <= high * (1 + 1e-9)


def test_a_cap_below_the_mean_cannot_be_kept() -> None:
    with pytest.raises(NotConverged):
        trim(np.array([1.0, 2.0, 3.0]), upper=1.5, strict=True)


def test_nonresponse_in_classes_keeps_each_class_total() -> None:
    classes, responded = np.array([0, 0, 0, 1, 1, 1]), np.array([True, False, True, True, False, False])
    found = nonresponse_in_classes(SIX, classes, responded)
    assert found.weights[:3].sum() == pytest.approx(SIX[:3].sum())
    assert found.weights[4:].tolist() == [0, 0]
    with pytest.raises(EmptyDomain):
        nonresponse_in_classes(SIX, classes, np.array([True, True, True, False, False, False]))


def test_propensity_classes_follow_the_fitted_score() -> None:
    rng = np.random.default_rng(5)
    age = rng.uniform(18, 80, 500)
    responded = rng.uniform(size=500) < 1 / (1 + np.exp(-(age - 50) / 10))
    scores = propensity(np.ones(500), responded, np.column_stack([np.ones(500), age]))
    classes = propensity_classes(scores, np.ones(500))
    assert np.bincount(classes).tolist() == [100] * 5
    assert np.all(np.diff([age[classes == one].mean() for one in range(5)]) > 0)


def test_kish_is_one_for_equal_weights_and_scale_free() -> None:
    assert kish_deff(np.full(7, 3.0)) == 1.0
    assert kish_deff(SIX) == pytest.approx(kish_deff(1000 * SIX))
    assert kish_deff(np.zeros(2)) == 1.0


def test_negative_weights_and_senseless_options_are_refused() -> None:
    with pytest.raises(NegativeWeight):
        poststratify(-SIX, margin("sex", SEX, {"F": 1, "M": 1}))
    with pytest.raises(OptionInvalid):
        calibrate(SIX, [margin("sex", SEX, {"F": 1, "M": 1})], distance=Distance.LOGIT)
    with pytest.raises(OptionInvalid):
        trim(SIX, lower=3, upper=2)


def test_a_distance_given_as_text_is_that_distance_or_refused() -> None:
    margins, numeric = [margin("sex", SEX, {"F": 20, "M": 9})], {"x": (np.arange(6.0), 60.0)}
    for distance in (Distance.LINEAR, Distance.RAKING):
        asked = calibrate(SIX, margins, numeric=numeric, distance=distance.value).weights  # type: ignore[arg-type]
        assert asked.tolist() == calibrate(SIX, margins, numeric=numeric, distance=distance).weights.tolist()
    with pytest.raises(OptionInvalid):
        calibrate(SIX, margins, distance="zz")  # type: ignore[arg-type]


def test_trimming_leaves_the_weights_of_those_who_did_not_answer_at_zero() -> None:
    found = trim(np.array([0.0, 0, 1, 1, 10]), lower=0.5, upper=5).weights
    assert found.tolist() == [0, 0, 3.5, 3.5, 5]
    assert trim(np.array([0.0, 2, 3]), lower=1, strict=True).weights.tolist() == [0, 2, 3]
    with pytest.raises(OptionInvalid):
        trim(SIX, upper=float("nan"))
    with pytest.raises(NegativeWeight):
        trim(np.array([0.1, 0.1, 0.1, 1.0]), lower=0.9)


def test_classes_and_margins_with_senseless_codes_are_refused() -> None:
    everybody = np.ones(6, dtype=bool)
    with pytest.raises(OptionInvalid):
        nonresponse_in_classes(SIX, np.array([0, 0, 1, 1, -1, -1]), everybody)
    with pytest.raises(LengthMismatch):
        nonresponse_in_classes(SIX, np.array([0, 0, 1]), everybody)
    with pytest.raises(OptionInvalid):
        poststratify(SIX, Margin("m", np.array([0, 1, 0, 1, 0, 9]), ("a", "b"), np.array([1.0, 2.0])))


def test_auxiliaries_that_separate_those_who_answered_are_refused() -> None:
    x = np.column_stack([np.ones(20), np.arange(20.0)])
    with pytest.raises(NotConverged):
        propensity(np.ones(20), np.arange(20) > 9, x)
    nobody_in_a_group = np.column_stack([np.ones(20), np.arange(20) < 5])
    with pytest.raises(NotConverged):
        propensity(np.ones(20), (np.arange(20) >= 5) & (np.arange(20) % 2 == 0), nobody_in_a_group)
    with pytest.raises(NotFinite):
        propensity_classes(np.array([0.1, np.nan]), np.ones(2))
    with pytest.raises(NoWeight):
        propensity_classes(np.array([0.1, 0.2]), np.zeros(2))
