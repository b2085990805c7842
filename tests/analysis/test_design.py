"""Declaring a design: what is refused, and what a domain keeps."""

import numpy as np
import pytest

from analysis import design as designs
from analysis.design import LonelyPsu, declare
from analysis.errors import (
    ClusterAcrossStrata,
    LengthMismatch,
    LonelyStratum,
    NegativeWeight,
    NotFinite,
    OptionInvalid,
    PopulationTooSmall,
    PopulationVaries,
)
from analysis.variance import covariance

FOUR = np.ones(4)


def test_a_negative_weight_is_refused_with_its_row() -> None:
    with pytest.raises(NegativeWeight) as refused:
        declare(np.array([1.0, 2.0, -3.0]), lonely_psu=LonelyPsu.FAIL)
    assert (refused.value.row, refused.value.weight) == (2, -3.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(NotFinite):
        declare(np.array([1.0, bad]), lonely_psu=LonelyPsu.FAIL)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(LengthMismatch):
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, strata=[np.array([1, 2])])


def test_a_population_below_its_sample_is_refused() -> None:
    with pytest.raises(PopulationTooSmall) as refused:
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, strata=[np.array([1, 1, 2, 2])], population=[np.array([2, 2, 1, 1])])
    assert (refused.value.row, refused.value.sampled) == (2, 2)


def test_a_population_that_varies_in_a_stratum_is_refused() -> None:
    with pytest.raises(PopulationVaries):
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, population=[np.array([9, 9, 9, 8])])


def test_a_cluster_in_two_strata_needs_nest() -> None:
    ids, strata = np.array([1, 2, 1, 2]), np.array(["a", "a", "b", "b"])
    with pytest.raises(ClusterAcrossStrata):
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, ids=[ids], strata=[strata])
    nested = declare(FOUR, lonely_psu=LonelyPsu.FAIL, ids=[ids], strata=[strata], nest=True)
    assert designs.degrees_of_freedom(nested) == 2


def test_a_missing_cluster_is_refused() -> None:
    with pytest.raises(NotFinite):
        declare(np.ones(2), lonely_psu=LonelyPsu.FAIL, ids=[np.array(["a", None], dtype=object)])


def test_without_weights_they_are_the_product_of_the_stages() -> None:
    design = declare(
        lonely_psu=LonelyPsu.FAIL,
        ids=[np.array([1, 1, 2, 2]), np.arange(4)],
        population=[np.full(4, 10), np.array([6, 6, 8, 8])],
    )
    assert design.weights.tolist() == [15.0, 15.0, 20.0, 20.0]


def test_a_lonely_stratum_fails_and_says_where() -> None:
    design = declare(np.ones(3), lonely_psu=LonelyPsu.FAIL, strata=[np.array([1, 1, 2])])
    with pytest.raises(LonelyStratum) as refused:
        covariance(design, np.array([1.0, 2.0, 3.0]))
    assert (refused.value.stage, refused.value.row) == (1, 2)


def test_a_lonely_unit_of_a_complete_stratum_is_no_problem() -> None:
    design = declare(
        np.ones(3), lonely_psu=LonelyPsu.FAIL, strata=[np.array([1, 1, 2])], population=[np.array([4, 4, 1])]
    )
    assert covariance(design, np.array([1.0, 3.0, 7.0]))[0, 0] == pytest.approx((1 - 2 / 4) * 2 * 2.0)


def test_a_domain_keeps_the_units_of_the_design() -> None:
    design = declare(FOUR, lonely_psu=LonelyPsu.FAIL, ids=[np.array([1, 2, 3, 4])])
    part = designs.domain(design, np.array([True, True, False, False]))
    assert part.rows == 4
    assert designs.degrees_of_freedom(part) == 1
    assert designs.domain(part, np.array([False, True, True, True])).counted.tolist() == [False, True, False, False]


def test_columns_for_stages_that_do_not_exist_are_refused_instead_of_ignored() -> None:
    two = [np.array([1, 1, 2, 2]), np.array([1, 2, 1, 2])]
    with pytest.raises(OptionInvalid):
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, strata=two)
    with pytest.raises(OptionInvalid):
        declare(FOUR, lonely_psu=LonelyPsu.FAIL, ids=[np.arange(4)], population=[np.full(4, 60), np.full(4, 2)])


def test_weights_that_are_no_column_and_rules_that_do_not_exist_are_refused() -> None:
    for wrong in (np.ones((4, 2)), np.array(["a"] * 4)):
        with pytest.raises(OptionInvalid):
            declare(wrong, lonely_psu=LonelyPsu.FAIL)
    with pytest.raises(OptionInvalid):
        declare(lonely_psu=LonelyPsu.FAIL, population=[np.full(4, np.inf)])
    with pytest.raises(OptionInvalid):
        declare(FOUR, lonely_psu="zz")  # type: ignore[arg-type]


def test_a_missing_answer_puts_nobody_in_a_domain() -> None:
    design = declare(FOUR, lonely_psu=LonelyPsu.FAIL)
    assert designs.domain(design, np.array([1.0, 0, 0, 1])).counted.tolist() == [True, False, False, True]  # type: ignore[arg-type]
    with pytest.raises(NotFinite):
        designs.domain(design, np.array([1.0, 0, np.nan, 1]))  # type: ignore[arg-type]
