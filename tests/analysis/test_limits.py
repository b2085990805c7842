"""Limits where clusters are few: a lone figure leans on its items, and these on the planned design effect."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.components.index import Figures
from analysis.components.limits import CONFIDENCE, Method, item_limits, pooled_limits, smoothed_effect
from analysis.intervals import wilson

ALL = np.ones(3, dtype=np.bool_)


def clustered(effect: float, communes: int = 3, people: int = 30, units: int = 1) -> Figures:
    """Three items at 60, 80 and 90 % of units with `communes` clusters, their variance `effect` times the binomial."""
    value = np.tile([0.6, 0.8, 0.9], (units, 1))
    one, n = np.ones_like(value), float(communes * people)
    variance = effect * value * (1 - value) / n
    never = np.zeros(value.shape, dtype=np.bool_)
    return Figures(value, variance, n * one, 0 * one, one, one, one, (communes - 1) * one, never, one)


def test_items_of_few_clusters_lean_on_the_planned_design_effect() -> None:
    planned = 1 + 29 * 0.05
    assert smoothed_effect(clustered(4.0), ALL) == pytest.approx(2 / 8 * 4 + 6 / 8 * planned)
    assert smoothed_effect(clustered(4.0, communes=9), ALL) == pytest.approx(4)
    assert smoothed_effect(clustered(4.0, units=4), ALL) == pytest.approx(4)  # eight degrees of freedom together
    assert smoothed_effect(clustered(0.0), ALL) == pytest.approx(planned)
    assert smoothed_effect(clustered(0.5, communes=9), ALL) == 1


def test_answers_that_are_not_clustered_need_no_plan() -> None:
    assert smoothed_effect(clustered(0.0, communes=30, people=1), ALL) == 1
    assert smoothed_effect(clustered(1.2, communes=30, people=1), ALL) == pytest.approx(1.2)


def test_one_item_of_two_communes_is_less_certain_than_its_answers() -> None:
    found = item_limits(clustered(1.0, communes=2), ["G"] * 3, CONFIDENCE)
    effect = 1 / 8 + 7 / 8 * 2.45
    assert found.n_eff[0] == pytest.approx(60 / effect)
    assert found.method.tolist() == [[Method.WILSON_POOLED, Method.WILSON_POOLED, Method.CLOPPER_PEARSON]]


def test_a_lone_clustered_index_is_half_its_own_and_half_its_items() -> None:
    own = clustered(1.0)
    found = pooled_limits(own, CONFIDENCE, 3.0)
    assert found.n_eff[0] == pytest.approx(90 / 2)
    np.testing.assert_allclose((found.lower, found.upper), wilson(own.value, 45, CONFIDENCE))
    assert found.method[0, 0] == Method.WILSON_OWN
    many = pooled_limits(clustered(1.0, communes=46), CONFIDENCE, 3.0)
    assert many.n_eff[0] == pytest.approx(46 * 30 / (0.75 * 1 + 0.25 * 3))
    alone = pooled_limits(clustered(1.0, communes=61), CONFIDENCE, 3.0)
    np.testing.assert_allclose((alone.lower, alone.upper), wilson(own.value, 61 * 30, CONFIDENCE, 60))


def test_a_clustered_index_without_variation_takes_that_of_its_items() -> None:
    found = pooled_limits(clustered(0.0), CONFIDENCE, 3.0)
    assert found.n_eff[0] == pytest.approx(30)
    assert found.method[0, 0] == Method.WILSON_KISH


def test_an_index_that_is_not_clustered_does_not_lean() -> None:
    found = pooled_limits(clustered(0.5, communes=30, people=1), CONFIDENCE, 3.0)
    assert found.n_eff[0] == pytest.approx(60)
