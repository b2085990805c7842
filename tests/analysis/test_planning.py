"""Planning: sizes, expected intervals, allocation and the next invitations against hand figures and brute force."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import LengthMismatch, OptionInvalid
from analysis.intervals import clopper_pearson, wilson
from analysis.planning.allocation import Rule, allocate, measures
from analysis.planning.clusters import best_cluster_size, cluster_deff, index_ratio, mark_correlation
from analysis.planning.comparison import Pair, chance_to_tell_apart, size_to_tell_apart, visible_difference
from analysis.planning.precision import Aim, Figure, expectation, expected_limits, half_width, size_for_half_width
from analysis.planning.releases import Goal, Standing, next_invitations
from analysis.planning.sizes import invitations, ministry_size, smoothed_response

LEVEL = 0.95
ITEM = Aim(Figure.ITEM, 0.85, 1.0)
INDEX = Aim(Figure.INDEX, 0.85, index_ratio(19, mark_correlation(0.85, 0.5)))


def test_the_ministrys_rule_gives_286_to_400_answers_a_unit_at_five_points() -> None:
    assert ministry_size([1000, 400, 10**9, 1], 0.05, deff=1).tolist() == [286, 200, 400, 1]


def test_a_design_effect_enters_the_ministrys_rule_and_never_asks_for_more_than_there_are() -> None:
    assert int(ministry_size(1000, 0.05, deff=2)) == 445  # 2000 / 4.5 = 444.4
    assert int(ministry_size(40, 0.05, deff=30)) == 40


@given(st.integers(1, 10**6), st.sampled_from([0.01, 0.03, 0.05, 0.1]), st.sampled_from([1.0, 1.5, 3.0]))
@settings(max_examples=50, deadline=None)
def test_the_ministrys_rule_is_the_next_whole_number_of_the_exact_fraction(n: int, e: float, deff: float) -> None:
    effect, square = Fraction(str(deff)), Fraction(str(e)) ** 2
    exact = effect * n / (effect + n * square)
    assert int(ministry_size(n, e, deff=deff)) == -(-exact.numerator // exact.denominator)


def test_invitations_stop_at_the_population_and_say_so() -> None:
    plan = invitations([30, 30], 0.25, [500, 100])
    assert plan.count.tolist() == [120, 100]
    assert plan.take_all.tolist() == [False, True]
    assert plan.answers.tolist() == [30, 25]


@pytest.mark.parametrize("call", [
    lambda: ministry_size(0, 0.05, deff=1), lambda: ministry_size(100, 5, deff=1),
    lambda: ministry_size(float("nan"), 0.05, deff=1), lambda: invitations(30, 0, 100),
    lambda: half_width(Aim(Figure.ITEM, 1.2, 1), 30, 100, deff=1, level=LEVEL),
    lambda: cluster_deff(0.5, 0.05, weight_cv=0, size_cv=0), lambda: index_ratio(19, 2.0),
    lambda: size_for_half_width(ITEM, 0.05, np.inf, deff=1, level=LEVEL),
])  # fmt: skip
def test_what_cannot_be_planned_is_refused_with_its_name(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionInvalid):
        call()


def test_thirty_answers_give_an_item_14_points_and_an_index_6_to_9() -> None:
    low, high = expected_limits(ITEM, 30, np.inf, deff=1, level=LEVEL)
    exact = clopper_pearson(0.85, 30, LEVEL)
    assert (float(low), float(high)) == pytest.approx((float(exact[0]), float(exact[1])))  # 4.5 dissatisfied: exact
    assert 0.12 < float(half_width(ITEM, 30, np.inf, deff=1, level=LEVEL)) < 0.145
    widths = [
        float(half_width(Aim(Figure.INDEX, 0.85, ratio), 30, 1e9, deff=1, level=LEVEL))
        for ratio in (index_ratio(19, mark_correlation(0.85, r)) for r in (0.3, 0.7))
    ]
    assert widths == pytest.approx([0.06, 0.09], abs=0.005)  # METHOD.md section 3: "about 6 to 9"


def test_expected_limits_are_those_of_the_score_at_the_effective_size() -> None:
    low, high = expected_limits(INDEX, [30, 200], [300, 400], deff=1.2, level=LEVEL)
    n_eff = np.array([30 / 0.9, 200 / 0.5]) * INDEX.ratio / 1.2
    wanted = wilson(0.85, n_eff, LEVEL)
    assert low == pytest.approx(np.maximum(wanted[0], [0.085, 0.425]))
    assert high == pytest.approx(wanted[1])


def test_no_answer_says_nothing_and_a_complete_unit_has_no_width() -> None:
    low, high = expected_limits(ITEM, [0, 50], 50, deff=1, level=LEVEL)
    assert low.tolist() == [0, 0.85]
    assert high.tolist() == [1, 0.85]


@pytest.mark.parametrize("share", [0.6, 0.85, 0.97, 0.995, 1.0])
@pytest.mark.parametrize("figure", list(Figure))
def test_the_size_for_a_half_width_is_the_smallest_that_reaches_it(share: float, figure: Figure) -> None:
    aim = Aim(figure, share, 1.0 if figure is Figure.ITEM else 3.0)
    population = np.array([60, 800, 20_000])
    size = size_for_half_width(aim, 0.03, population, deff=1.3, level=LEVEL)
    assert (half_width(aim, size, population, deff=1.3, level=LEVEL) <= 0.03).all()
    assert (half_width(aim, size - 1, population, deff=1.3, level=LEVEL) > 0.03).all()


def test_near_one_hundred_percent_the_size_is_far_from_the_textbook_one() -> None:
    textbook = 1.96**2 * 0.995 * 0.005 / 0.02**2
    assert textbook < 50
    assert int(size_for_half_width(Aim(Figure.ITEM, 0.995, 1.0), 0.02, 10**6, deff=1, level=LEVEL)) > 2 * textbook


def test_thirty_invitations_at_one_in_four_are_mostly_no_score_at_all() -> None:
    found = expectation([30, 120], 0.25, 400, item=ITEM, index=INDEX, deff=1, level=LEVEL, least=10)
    assert found.answers.tolist() == [7.5, 30]
    assert found.chance_of_score == pytest.approx([1 - stats.binom.cdf(9, 30, 0.25), 1], abs=1e-3)
    assert found.chance_of_score[0] < 0.2


def test_clusters_cost_what_kish_says() -> None:
    assert float(cluster_deff(31, 0.05, weight_cv=0, size_cv=0)) == pytest.approx(2.5)
    assert float(cluster_deff(31, 0.05, weight_cv=0.5, size_cv=0)) == pytest.approx(3.125)
    assert best_cluster_size(19, 1, 0.05) == pytest.approx(19)


def test_the_best_cluster_size_has_the_smallest_variance_for_its_cost() -> None:
    rho, cluster, answer = 0.1, 50.0, 2.0
    best = best_cluster_size(cluster, answer, rho)

    def cost_times_variance(m: float) -> float:
        return (cluster / m + answer) * float(cluster_deff(m, rho, weight_cv=0, size_cv=0))

    assert cost_times_variance(best) <= min(cost_times_variance(best * 1.1), cost_times_variance(best / 1.1))


def test_the_correlation_of_marks_is_that_of_simulated_pairs() -> None:
    rng = np.random.default_rng(7)
    first = rng.standard_normal((400_000, 2)) @ np.linalg.cholesky(np.array([[1, 0.5], [0.5, 1]])).T
    marks = first < stats.norm.ppf(0.85)
    assert mark_correlation(0.85, 0.5) == pytest.approx(np.corrcoef(marks.T)[0, 1], abs=0.006)


def test_the_size_that_tells_two_units_apart_has_the_power_in_simulation() -> None:
    pair = Pair(Aim(Figure.ITEM, 0.9, 1.0), Aim(Figure.ITEM, 0.8, 1.0), (1e8, 1e8), 1.0)
    first, second = size_to_tell_apart(pair, level=LEVEL, power=0.8)
    assert (first, second) == (199, 199)  # R: power.prop.test(p1 = 0.9, p2 = 0.8, power = 0.8) says n = 198.96
    rng = np.random.default_rng(3)
    a, b = rng.binomial(first, 0.9, 40_000) / first, rng.binomial(second, 0.8, 40_000) / second
    pooled = (a + b) / 2
    z = (a - b) / np.sqrt(2 * pooled * (1 - pooled) / first)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.02)
    assert chance_to_tell_apart(pair, (first, second), level=LEVEL) == pytest.approx(0.8, abs=0.005)
    assert visible_difference(pair, (first, second), level=LEVEL, power=0.8) == pytest.approx(0.1, abs=0.001)


def test_a_fall_from_a_hundred_per_cent_is_not_seen_by_five_answers() -> None:
    pair = Pair(Aim(Figure.ITEM, 1.0, 1.0), Aim(Figure.ITEM, 0.9, 1.0), (1000, 1000), 1.0)
    few, many = (visible_difference(pair, (n, n), level=LEVEL, power=0.8) for n in (5, 500))
    assert few > 0.5
    assert 0 < many < 0.05


def test_a_small_unit_is_taken_whole_and_the_other_gives_the_rest() -> None:
    pair = Pair(Aim(Figure.ITEM, 0.9, 1.0), Aim(Figure.ITEM, 0.8, 1.0), (40, 5000), 1.0)
    first, second = size_to_tell_apart(pair, level=LEVEL, power=0.8)
    assert (first, second) == (40, 114)  # the complete unit has no error
    assert chance_to_tell_apart(pair, (40, 5000), level=LEVEL) == 1
    with pytest.raises(OptionInvalid):
        size_to_tell_apart(Pair(ITEM, ITEM, (100, 100), 1.0), level=LEVEL, power=0.8)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 4), st.integers(0, 6)), min_size=2, max_size=4),
    st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_an_allocation_is_the_best_of_all_whole_numbers(units: list[tuple[int, int, int]], place: float) -> None:
    measure, least = [one[0] for one in units], [one[1] for one in units]
    most = [one[1] + one[2] for one in units]
    total = sum(least) + round(place * (sum(most) - sum(least)))
    found = allocate(total, measure, least=least, most=most)
    loss = [sum(v * v / n for v, n in zip(measure, sizes, strict=True)) for sizes in
            product(*(range(a, b + 1) for a, b in zip(least, most, strict=True))) if sum(sizes) == total]  # fmt: skip
    assert found.sizes.sum() == total
    assert sum(v * v / n for v, n in zip(measure, found.sizes.tolist(), strict=True)) == pytest.approx(min(loss))


def test_rules_of_allocation_lie_between_equal_and_neyman() -> None:
    population, spread = np.array([100.0, 400.0, 1600.0]), np.array([0.3, 0.3, 0.3])

    def sizes(rule: Rule, exponent: float = 1.0) -> list[int]:
        measure = measures(rule, population, spread=spread, exponent=exponent)
        return list(allocate(210, measure, least=10, most=population).sizes.tolist())

    assert sizes(Rule.EQUAL) == [70, 70, 70]
    assert sizes(Rule.PROPORTIONAL) == sizes(Rule.NEYMAN) == [10, 40, 160]
    assert sizes(Rule.POWER, 0.5) == [30, 60, 120]
    assert sizes(Rule.POWER, 0.0) == [70, 70, 70]


def test_a_unit_smaller_than_the_minimum_is_taken_whole_and_a_total_out_of_bounds_is_refused() -> None:
    found = allocate(100, [1, 1, 1], least=30, most=[12, 500, 500])
    assert found.sizes.tolist() == [12, 44, 44]
    assert found.at_most.tolist() == [True, False, False]
    with pytest.raises(OptionInvalid, match="72 to 1012"):
        allocate(60, [1, 1, 1], least=30, most=[12, 500, 500])


def _standing(answers: list[float], response: list[float], population: list[float]) -> Standing:
    people, came = np.array(population), np.array(answers)
    return Standing(people, came, people - came, np.array(response))


def test_the_next_invitations_go_where_they_shorten_most_and_no_other_split_is_better() -> None:
    standing = _standing([10, 20, 40], [0.5, 0.25, 0.5], [200, 400, 2000])
    release = next_invitations(standing, 24, INDEX, goal=Goal.PROVINCE, wanted=0.0, deff=1.0, level=LEVEL)
    assert release.invitations.sum() == 24
    assert release.province_after < release.province_before

    def whole(split: tuple[int, ...]) -> float:
        n = standing.answers + np.array(split) * standing.response
        a = 1.959964**2 / INDEX.ratio * (1 - n / standing.population)
        squares = (a * 0.85 * 0.15 * n + a * a / 4) / (n + a) ** 2
        return float(((standing.population / 2600) ** 2 * squares).sum())

    splits = [(i, j, 24 - i - j) for i in range(25) for j in range(25 - i)]
    assert whole(tuple(release.invitations.tolist())) == pytest.approx(min(map(whole, splits)), rel=1e-6)
    assert release.province_after == pytest.approx(whole(tuple(release.invitations.tolist())) ** 0.5, rel=1e-6)


def test_invitations_stop_when_every_unit_has_its_margin() -> None:
    standing = _standing([200, 5, 30], [0.25, 0.25, 1.0], [1000, 1000, 31])
    release = next_invitations(standing, 5000, INDEX, goal=Goal.UNITS, wanted=0.05, deff=1.0, level=LEVEL)
    assert release.invitations[0] == 0  # has it already
    assert release.invitations[1] > 100
    assert (release.after <= 0.05).all()
    assert release.unspent == 5000 - release.invitations.sum()
    fewer = next_invitations(standing, int(release.invitations.sum()) - 1, INDEX, goal=Goal.UNITS, wanted=0.05,
                             deff=1.0, level=LEVEL)  # fmt: skip
    assert fewer.after.max() > 0.05


def test_a_unit_without_anybody_left_gets_none_and_columns_must_fit() -> None:
    standing = Standing(np.array([50.0, 50.0]), np.array([5.0, 5.0]), np.array([0.0, 3.0]), np.array([0.5, 0.5]))
    release = next_invitations(standing, 10, INDEX, goal=Goal.UNITS, wanted=0.01, deff=1.0, level=LEVEL)
    assert release.invitations.tolist() == [0, 3]
    assert release.unspent == 7
    with pytest.raises(LengthMismatch):
        next_invitations(Standing(np.ones(2), np.ones(2), np.ones(3), np.ones(2)), 1, INDEX, goal=Goal.UNITS,
                         wanted=0.1, deff=1.0, level=LEVEL)  # fmt: skip


def test_response_rates_of_small_units_lean_on_the_common_rate() -> None:
    rates = smoothed_response([400, 4], [100, 0], strength=20)
    assert rates == pytest.approx([(100 + 20 * 100 / 404) / 420, 20 * 100 / 404 / 24])
    with pytest.raises(OptionInvalid):
        smoothed_response([10, 10], [0, 0], strength=20)


def test_the_smallest_fall_from_a_hundred_percent_is_not_nothing() -> None:
    pair = Pair(Aim(Figure.ITEM, 1.0, 1.0), Aim(Figure.ITEM, 0.9, 1.0), (1000, 1000), 1.0)
    fall = visible_difference(pair, (5, 5), level=LEVEL, power=0.8)
    seen = Pair(pair.first, Aim(Figure.ITEM, 1.0 - fall, 1.0), pair.populations, 1.0)
    assert fall > 0.5
    assert chance_to_tell_apart(seen, (5, 5), level=LEVEL) == pytest.approx(0.8, abs=0.005)


def test_measures_that_are_all_nothing_are_refused() -> None:
    with pytest.raises(OptionInvalid):
        allocate(20, np.zeros(2), least=1, most=100)


def test_even_a_hundred_against_nothing_takes_more_than_one_answer() -> None:
    pair = Pair(Aim(Figure.ITEM, 1.0, 1.0), Aim(Figure.ITEM, 0.0, 1.0), (1000, 1000), 1.0)
    assert size_to_tell_apart(pair, level=LEVEL, power=0.8) == (2, 2)  # R's power.prop.test near it: n = 1.92
    assert chance_to_tell_apart(pair, (1, 1), level=LEVEL) == 0


def test_a_unit_planned_at_a_hundred_percent_still_gets_its_share_of_answers() -> None:
    spread = [0.4, 0.4, 0.0]
    measure = measures(Rule.NEYMAN, [1000, 1000, 1000], spread=spread, exponent=1)
    sizes = allocate(210, measure, least=1, most=1000).sizes
    assert sizes.tolist() == [100, 100, 10]  # a tenth of what the others get, not the least
    assert len(set(measures(Rule.NEYMAN, [5, 5], spread=[0, 0], exponent=1))) == 1
