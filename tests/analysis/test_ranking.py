"""Rank sets and small areas: they hold the truth, honour certainty, and shrink as they should."""

import numpy as np
import pytest

from analysis import ranking, small_area
from analysis.errors import LengthMismatch, NotFinite, OptionInvalid, Undefined
from analysis.ranking import Joint, Side


def test_well_separated_units_have_certain_places() -> None:
    x = np.array([10.0, 30.0, 20.0])
    found = ranking.rank_sets(x, np.eye(3), coverage=0.95, rng=np.random.default_rng(1), draws=2000)
    assert found.rank.tolist() == found.lower.tolist() == found.upper.tolist() == [3, 1, 2]


def test_indistinguishable_units_may_have_any_place() -> None:
    found = ranking.rank_sets(np.zeros(5), np.eye(5), coverage=0.95, rng=np.random.default_rng(2), draws=2000)
    assert found.lower.tolist() == [1] * 5
    assert found.upper.tolist() == [5] * 5
    assert found.rank.tolist() == [1] * 5


def test_units_without_error_are_ranked_by_their_value_alone() -> None:
    found = ranking.rank_sets(
        np.array([1.0, 2.0, 2.0]), np.zeros((3, 3)), coverage=0.95, rng=np.random.default_rng(3), draws=100
    )
    assert (found.lower.tolist(), found.upper.tolist()) == ([3, 1, 1], [3, 2, 2])


def test_stepping_down_and_marginal_sets_never_widen() -> None:
    rng = np.random.default_rng(4)
    x, spread = rng.normal(size=12) * 3, np.diag(rng.uniform(0.5, 1.5, 12))
    make = lambda **how: ranking.rank_sets(x, spread, coverage=0.9, rng=np.random.default_rng(5), draws=4000, **how)  # noqa: E731
    single, steps, alone = make(stepdown=False), make(), make(simultaneous=False)
    assert (steps.lower >= single.lower).all()
    assert (steps.upper <= single.upper).all()
    assert (alone.upper - alone.lower).sum() <= (steps.upper - steps.lower).sum()
    assert (make(side=Side.LOWER).upper == 12).all()
    assert (make(side=Side.UPPER).lower == 1).all()


def test_a_positive_covariance_sharpens_the_comparison() -> None:
    x = np.array([0.0, 1.0])
    apart = ranking.rank_sets(x, np.eye(2), coverage=0.95, rng=np.random.default_rng(6), draws=2000)
    together = ranking.rank_sets(
        x, np.array([[1, 0.99], [0.99, 1]]), coverage=0.95, rng=np.random.default_rng(6), draws=2000
    )
    assert apart.upper[1] == 2
    assert together.upper[1] == 1


def test_simultaneous_sets_hold_all_true_places_nearly_as_often_as_they_say() -> None:
    truth, spread = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), 0.6 * np.eye(6)
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(150):
        x = truth + rng.normal(size=6) * 0.6**0.5
        found = ranking.rank_sets(x, spread, coverage=0.9, rng=rng, draws=400)
        held += bool(((found.lower <= np.arange(6, 0, -1)) & (np.arange(6, 0, -1) <= found.upper)).all())
    assert held / 150 > 0.84


def test_joint_intervals_give_wider_rank_sets_and_their_critical_value() -> None:
    x, se = np.array([5.0, 3.0, 1.0]), np.full(3, 0.5)
    found, z = ranking.joint_ranks(x, se, coverage=0.95, joint=Joint.BONFERRONI)
    assert z == pytest.approx(2.3939797998185)
    assert (found.lower.tolist(), found.upper.tolist()) == ([1, 1, 2], [2, 3, 3])


def test_what_cannot_be_ranked_is_refused() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(LengthMismatch):
        ranking.rank_sets(np.zeros(3), np.eye(2), coverage=0.95, rng=rng)
    with pytest.raises(NotFinite):
        ranking.rank_sets(np.array([0.0, np.nan]), np.eye(2), coverage=0.95, rng=rng)
    with pytest.raises(OptionInvalid):
        ranking.rank_sets(np.zeros(2), np.eye(2), coverage=95, rng=rng)


def areas(seed: int, between: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    d = rng.uniform(0.2, 1.0, 60)
    x = np.column_stack([np.ones(60), rng.normal(size=60)])
    return x @ [5.0, 1.0] + rng.normal(size=60) * between**0.5 + rng.normal(size=60) * d**0.5, d, x


@pytest.mark.parametrize("method", list(small_area.Method))
def test_small_areas_shrink_more_where_the_direct_estimate_is_worse(method: small_area.Method) -> None:
    y, d, x = areas(1, 1.0)
    found = small_area.fay_herriot(y, d, x, method=method)
    assert found.between == pytest.approx(1.0, rel=0.6)
    assert found.shrinkage == pytest.approx(found.between / (found.between + d))
    assert (found.mse < d * 1.05).all()


def test_without_differences_between_units_reml_is_zero_and_the_adjusted_method_is_not() -> None:
    y, d, x = areas(3, 0.0)
    y = x @ [5.0, 1.0] + (y - x @ [5.0, 1.0]) * 0.5
    assert small_area.fay_herriot(y, d, x, method=small_area.Method.REML).between == 0
    assert small_area.fay_herriot(y, d, x, method=small_area.Method.ADJUSTED).between > 0


def test_benchmarked_estimates_add_up_to_the_province() -> None:
    y, d, x = areas(2, 0.5)
    found = small_area.fay_herriot(y, d, x, method=small_area.Method.REML)
    shares = np.full(60, 1 / 60)
    moved = small_area.benchmarked(found.estimates, shares, 6.0, found.mse)
    assert shares @ moved == pytest.approx(6.0)


def test_zero_sampling_variances_and_too_few_units_are_refused() -> None:
    y, d, x = areas(4, 0.5)
    with pytest.raises(Undefined):
        small_area.fay_herriot(y, np.where(np.arange(60) == 5, 0.0, d), x, method=small_area.Method.REML)
    with pytest.raises(Undefined):
        small_area.fay_herriot(y[:2], d[:2], x[:2], method=small_area.Method.REML)


def test_sides_joints_and_methods_given_as_text_are_those_or_refused() -> None:
    x, spread = np.array([0.9, 0.8, 0.1]), np.eye(3) * 1e-4
    make = lambda side: ranking.rank_sets(  # noqa: E731
        x, spread, coverage=0.95, rng=np.random.default_rng(9), draws=500, simultaneous=False, side=side
    )
    assert make("lower").upper.tolist() == make(Side.LOWER).upper.tolist() == [3, 3, 3]
    assert ranking.joint_ranks(x, np.ones(3), coverage=0.95, joint="bonferroni")[1] == pytest.approx(2.3939797998185)  # type: ignore[arg-type]
    y, d, auxiliary = areas(5, 0.5)
    asked = small_area.fay_herriot(y, d, auxiliary, method="adjusted")  # type: ignore[arg-type]
    assert asked.mse == pytest.approx(small_area.fay_herriot(y, d, auxiliary, method=small_area.Method.ADJUSTED).mse)
    for wrong in (
        lambda: make("zz"),
        lambda: ranking.joint_ranks(x, np.ones(3), coverage=0.95, joint="zz"),  # type: ignore[arg-type]
        lambda: small_area.fay_herriot(y, d, auxiliary, method="zz"),  # type: ignore[arg-type]
        lambda: ranking.rank_sets(x, spread, coverage=0.95, rng=np.random.default_rng(9), draws=0),
    ):
        with pytest.raises(OptionInvalid):
            wrong()


@pytest.mark.parametrize(
    "spread",
    [
        np.diag([-1.0, 1, 1]),
        np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]]),
        np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_matrix_that_no_estimates_can_have_is_refused(spread: np.ndarray) -> None:
    with pytest.raises(Undefined):
        ranking.rank_sets(np.arange(3.0), spread, coverage=0.95, rng=np.random.default_rng(10))
    with pytest.raises(Undefined):
        ranking.joint_ranks(np.arange(3.0), np.array([-0.1, 0.1, 0.1]), coverage=0.95, joint=Joint.BONFERRONI)


def test_a_squared_error_is_never_negative_and_says_where_its_correction_was_too_large() -> None:
    marked = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        d = rng.uniform(0.0005, 0.2, 12)
        y = rng.normal(0.9, 0.05, 12) + rng.normal(size=12) * np.sqrt(d) * 0.3
        found = small_area.fay_herriot(y, d, np.ones((12, 1)), method=small_area.Method.ADJUSTED)
        assert (found.mse > 0).all()
        marked += int(found.floored.sum())
    assert marked > 0


def test_a_benchmark_needs_errors_and_shares_that_are_numbers() -> None:
    x, shares = np.array([0.9, 0.8, 0.7]), np.ones(3) / 3
    for leaf, share, mse in (
        (NotFinite, shares, np.array([np.nan, 0.1, 0.1])),
        (LengthMismatch, shares[:2], np.full(3, 0.1)),
        (Undefined, shares, np.array([-0.05, 0.1, 0.1])),
    ):
        with pytest.raises(leaf):
            small_area.benchmarked(x, share, 0.8, mse)
