"""Points, decimals, grades, ranks, limits and changes of the scheme, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.components.census import hypergeometric
from analysis.components.decimals import six
from analysis.components.fixed import fixed_points, points_of
from analysis.components.index import Figures
from analysis.components.limits import CONFIDENCE, Method, item_limits, pooled_limits
from analysis.components.ranks import joint_level, plain_ranks, rank_sets, rank_sets_joint
from analysis.components.scheme import Kind, Rule, parse_scheme
from analysis.components.tables import InputRow
from analysis.errors import CellInvalid, CodeUnknown, KeyInvalid


def figures(value: list[float], variance: list[float], n: list[float], **other: Any) -> Figures:
    """One code of several units."""

    def column(cells: Any) -> Any:
        return np.array(cells, dtype=float).reshape(-1, 1)

    size = len(value)
    given = {"kish": [1.0] * size, "remaining": [1.0] * size, "df": [k - 1 for k in n], **other}
    return Figures(
        column(value), column(variance), column(n), column(other.get("low", [0.0] * size)),
        column(other.get("high", [1.0] * size)), column(given["kish"]), column(given["remaining"]), column(given["df"]),
        np.array(other.get("complete", [False] * size)).reshape(-1, 1), np.ones((size, 1)),
    )  # fmt: skip


def test_numbers_have_six_decimals_half_to_even_and_no_minus_zero() -> None:
    assert six(1 / 3) == "0.333333"
    assert (six(0.0000005), six(0.0000015), six(-1e-9), six(-2.5)) == ("0.000000", "0.000002", "0.000000", "-2.500000")
    assert (six(None), six(float("nan"))) == (None, None)
    assert six(0.5**7) == "0.007812"  # 0.0078125 lies in the middle: the even digit
    with pytest.raises(ValueError, match="infinite"):
        six(float("inf"))


def test_typed_in_figures_earn_points_by_their_rule() -> None:
    linear = Rule(Kind.LINEAR, floor=50, target=100)
    assert [points_of(linear, 1.5, x) for x in (40, 50, 75, 100, 120)] == [0, 0, 0.75, 1.5, 1.5]
    falling = Rule(Kind.LINEAR, floor=10, target=0)  # a small figure is the better one
    assert [points_of(falling, 2, x) for x in (12, 5, 0)] == [0, 1, 2]
    assert [points_of(Rule(Kind.LINEAR_CAP, target=200), 1.5, x) for x in (-3, 100, 300)] == [0, 0.75, 1.5]
    bands = Rule(Kind.BANDS, bands=((100, 1.5), (90, 1.0)))
    assert [points_of(bands, 1.5, x) for x in (89.9, 90, 100)] == [0, 1.0, 1.5]
    assert points_of(Rule(Kind.MANUAL), 2, 1.25) == 1.25


def test_points_past_the_maximum_or_of_an_unknown_part_are_refused(make: Any) -> None:
    scheme, served = parse_scheme(make.scheme()), frozenset({"u1"})
    with pytest.raises(CellInvalid, match=r"8\.2\.4"):
        fixed_points(scheme, [InputRow("u1", "8.2.4", 2.5, "")], served, strict=True)
    with pytest.raises(CodeUnknown, match=r"9\.9"):
        fixed_points(scheme, [InputRow("u1", "9.9", 1, "")], served, strict=True)
    assert fixed_points(scheme, [InputRow("u1", "9.9", 1, "")], served, strict=False) == {}
    bonus = parse_scheme(make.scheme(bonus_penalty="true"))
    assert fixed_points(bonus, [InputRow("u1", "8.2.4", -0.5, "")], served, strict=True) == {("u1", "8.2.4"): -0.5}


def test_grades_follow_what_is_printed_or_what_is_stored(make: Any) -> None:
    printed, stored = parse_scheme(make.scheme()), parse_scheme(make.scheme(grade_on="unrounded"))
    cut = parse_scheme(make.scheme(rounding="truncate"))
    assert [one.grade("89.997000") for one in (printed, stored, cut)] == ["XS", "T", "T"]
    assert cut.published("99.846154") == Decimal("99.84")
    with pytest.raises(KeyInvalid, match="rounding"):
        parse_scheme(make.scheme(rounding="bankers"))


def test_codes_of_the_scheme_are_text_and_its_parts_add_up(make: Any) -> None:
    scheme = parse_scheme(make.scheme())
    assert [part.code for part in scheme.parts()][:4] == ["total", "1", "1.1", "1.10"]
    assert [part.maximum for part in scheme.parts() if part.level_of == "area"] == [83.5, 16.5]
    assert scheme.total.maximum == 100


def test_equal_values_share_a_rank_and_absent_ones_have_none() -> None:
    ranks = plain_ranks(np.array([1, np.nan, 3, 3, 2]))
    np.testing.assert_array_equal(ranks, [4, np.nan, 1, 1, 3])


def test_rank_sets_hold_everybody_who_cannot_be_told_apart() -> None:
    low, high = np.array([80.0, 70, 60, 10]), np.array([90.0, 85, 75, 20])
    first, last = rank_sets(low, high, np.array([True, True, True, True]))
    np.testing.assert_array_equal(first, [1, 1, 2, 4])
    np.testing.assert_array_equal(last, [2, 3, 3, 4])
    first, last = rank_sets(low, high, np.array([True, False, True, True]))
    np.testing.assert_array_equal(first, [1, np.nan, 2, 3])
    assert joint_level(0.95, 4) == pytest.approx(0.95**0.25)


def test_shared_raters_sharpen_rank_sets() -> None:
    value, apart = np.array([10.0, 9.0]), np.eye(2)
    together = np.array([[1.0, 0.99], [0.99, 1.0]])
    both = np.array([True, True])
    assert rank_sets_joint(value, apart, both, 0.95)[1].tolist() == [2, 2]
    assert rank_sets_joint(value, together, both, 0.95)[1].tolist() == [1, 2]


def test_everybody_satisfied_has_limits_below_one_hundred_never_plus_minus_zero() -> None:
    lone = figures([1.0], [0.0], [30])
    assert item_limits(lone, ["G"], CONFIDENCE).method[0, 0] == Method.CLOPPER_PEARSON
    assert item_limits(lone, ["G"], CONFIDENCE).lower[0, 0] == pytest.approx(0.8843, abs=1e-4)
    assert pooled_limits(lone, CONFIDENCE).method[0, 0] == Method.WILSON_KISH
    assert pooled_limits(lone, CONFIDENCE).lower[0, 0] == pytest.approx(1 / (1 + 1.96**2 / 30), abs=1e-4)


def test_an_index_is_as_precise_as_its_levels_pooled_ratio_without_a_cap() -> None:
    # each unit's variance is half that of one item: n_eff = 2 n
    found = pooled_limits(figures([0.8, 1.0, 0.6], [0.16 / 60, 0.0, 0.24 / 60], [30, 30, 30]), CONFIDENCE)
    pooled = (0.16 + 0.24) / (0.16 / 2 + 0.24 / 2)
    np.testing.assert_allclose(found.n_eff[:, 0], 30 * pooled)
    assert found.lower[1, 0] < 1 == found.upper[1, 0]


def test_one_item_is_capped_at_its_answers_and_exact_near_one_hundred() -> None:
    precise = item_limits(figures([0.5], [0.25 / 90], [30]), ["G"], CONFIDENCE)
    assert (precise.method[0, 0], precise.n_eff[0, 0]) == (Method.WILSON_OWN, 30)
    rare = item_limits(figures([29 / 30], [29 / 30**3], [30]), ["G"], CONFIDENCE)
    assert rare.method[0, 0] == Method.KORN_GRAUBARD
    assert rare.lower[0, 0] == pytest.approx(0.8278, abs=1e-3)


def test_a_complete_unit_has_no_interval_and_a_near_census_stays_within_what_is_unseen() -> None:
    whole = figures([0.9], [0.0], [20], complete=[True], remaining=[0.0])
    found = pooled_limits(whole, CONFIDENCE)
    assert found.method[0, 0] == Method.COMPLETE
    assert np.isnan([found.lower[0, 0], found.upper[0, 0], found.n_eff[0, 0]]).all()
    near = figures([0.9], [0.09 / 20 * 0.2], [20], remaining=[0.2], low=[18 / 25], high=[23 / 25])
    limits = pooled_limits(near, CONFIDENCE)
    assert 18 / 25 <= limits.lower[0, 0] <= 0.9 <= limits.upper[0, 0] <= 23 / 25


def test_the_few_unseen_dossiers_are_counted_exactly() -> None:
    one = np.ones((1, 1))
    lower, upper = hypergeometric(one, 95 * one, 0.95 * one, one, 0.95, one > 0)
    assert hypergeometric(one, 60 * one, 60 / 61 * one, one, 0.95, one > 0)[0][0, 0] == 60 / 61
    # 99 of 100: all 95 drawn satisfied has probability 5/100; 98 of 100: 5 x 4 / (100 x 99) = 0.2 %
    assert (lower[0, 0], upper[0, 0]) == (0.99, 1.0)


@given(st.integers(1, 40), st.integers(0, 40), st.floats(0.05, 1), st.floats(0.3, 3))
def test_limits_enclose_the_value_and_stay_inside_the_range(n: int, yes: int, left: float, deff: float) -> None:
    p = min(yes, n) / n
    one = figures([p], [deff * left * p * (1 - p) / n], [n], remaining=[left])
    for found in (item_limits(one, ["G"], CONFIDENCE), pooled_limits(one, CONFIDENCE)):
        assert 0 <= found.lower[0, 0] <= p <= found.upper[0, 0] <= 1
        assert found.upper[0, 0] - found.lower[0, 0] > 0
