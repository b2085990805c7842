"""The precision on the board is that of the planning library; the response rates are AAPOR's."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.planning import clusters
from analysis.planning.precision import Aim as PlannedAim
from analysis.planning.precision import Figure
from analysis.planning.releases import squared_half_width
from survey import precision
from survey.precision import Aim
from survey.response_rates import NOBODY, Dispositions, settle, together


@pytest.mark.parametrize("items", [1, 19])
@pytest.mark.parametrize("deff", [1.0, 1.4])
def test_the_boards_half_width_is_the_planning_librarys(items: int, deff: float) -> None:
    aim = Aim(share=85, correlation=0.35, deff=deff)
    planned = PlannedAim(Figure.INDEX, 0.85, clusters.index_ratio(items, 0.35))
    assert aim.ratio(items) == pytest.approx(planned.ratio)
    scale = precision.CRITICAL**2 * deff / planned.ratio
    for answers, people in ((1, 400), (30, 400), (30, 31), (200, 1_000_000)):
        squared = squared_half_width(answers, people, scale, 0.85 * 0.15)
        assert precision.half_width(aim, items, answers, people) == pytest.approx(100 * np.sqrt(squared))
    assert precision.half_width(aim, items, 0, 400) == 50
    assert precision.half_width(aim, items, 40, 40) == 0


def test_the_answers_needed_are_the_fewest_that_give_the_wanted_width() -> None:
    aim = Aim()
    for people in (0, 1, 12, 60, 400, 100_000):
        needed = precision.answers_for(aim, 19, people)
        if people:
            assert precision.half_width(aim, 19, needed, people) <= aim.half_width
            assert needed == 1 or precision.half_width(aim, 19, needed - 1, people) > aim.half_width
    assert precision.answers_for(aim, 19, 400) == 28  # the thirty of today's rounds reach the default


def test_response_rates_are_those_of_the_standard_definitions() -> None:
    found = Dispositions(
        complete=50, partial=10, refused=20, no_contact=15, other=5, unknown=80, not_eligible=25
    )  # e = 100 / 125
    assert found.rate(1) == pytest.approx(50 / 180)
    assert found.rate(2) == pytest.approx(60 / 180)
    assert found.rate(3) == pytest.approx(50 / (100 + 0.8 * 80))
    assert found.rate(4) == pytest.approx(60 / (100 + 0.8 * 80))
    assert Dispositions(0, 0, 0, 0, 0, 0, 0).rate(1) is None


def test_dispositions_add_up_to_the_invitations() -> None:
    found = settle(invited=100, delivered=60, opened=40, answered=30, refused=5, wrong_person=4)
    assert (found.complete, found.not_eligible, found.refused, found.no_contact) == (30, 4, 15, 11)
    assert found.known + found.unknown + found.not_eligible == 100
    crowded = settle(invited=12, delivered=12, opened=12, answered=12, refused=3, wrong_person=0)
    assert (crowded.complete, crowded.unknown, crowded.refused) == (12, 0, 0)
    assert together([found, crowded]).complete == 42
    assert together([]) == NOBODY
