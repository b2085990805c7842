"""How sure a grade is: confidence that agrees with the published limits, and the table of it beside the scores."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from analysis.components.scheme import parse_scheme
from analysis.errors import LengthMismatch, NotFinite, OptionInvalid
from analysis.extract import score, write_scores
from analysis.grading import band_confidence
from analysis.intervals import wilson

BOUNDS = (90.0, 80.0, 70.0, 50.0)
SCALE: dict[str, Any] = {"level": 0.95, "ends": (0.0, 100.0)}
GOOD, MIXED = ["5", "4", "5", "4"], ["5", "2", "4", "4"]


def of(value: float, low: float, high: float, bounds: Any = BOUNDS) -> Any:
    return band_confidence(np.array([value]), np.array([low]), np.array([high]), bounds, **SCALE)[0]


def test_a_symmetric_interval_is_the_normal_distribution() -> None:
    reached = of(87.0, 87 - 1.959964 * 2, 87 + 1.959964 * 2).cumsum()[:4]
    assert reached == pytest.approx(special.ndtr((87 - np.array(BOUNDS)) / 2), abs=1e-6)


def test_at_its_limits_a_figure_is_as_sure_as_the_limits_say() -> None:
    assert of(93.0, 90.0, 95.0, (90.0,))[0] == pytest.approx(0.975)
    assert of(87.0, 80.0, 90.0, (90.0,))[0] == pytest.approx(0.025)


@given(st.floats(0.3, 1.0), st.floats(20, 300))
def test_two_limits_give_what_the_score_test_gives_at_every_bound(p: float, n: float) -> None:
    low, high = (float(one) for one in wilson(p, n, 0.95))
    reached = of(100 * p, 100 * min(low, p), 100 * max(high, p)).cumsum()[:4]
    bounds = np.array(BOUNDS) / 100
    score_test = special.ndtr((p - bounds) / np.sqrt(bounds * (1 - bounds) / n))
    near = (score_test > 0.002) & (score_test < 0.998)  # within three standard errors
    assert np.abs(reached - score_test)[near] == pytest.approx(0, abs=0.025)


SIDE = st.one_of(st.just(0.0), st.floats(0.01, 30))
FIGURE = {"value": st.floats(0, 100), "below": SIDE, "above": SIDE}


@given(**FIGURE, bounds=st.lists(st.floats(1, 99), max_size=5).map(lambda found: sorted(found, reverse=True)))
def test_bands_share_all_the_confidence_and_each_bound_has_what_the_limits_give_it(
    value: float, below: float, above: float, bounds: list[float]
) -> None:
    low, high = value - below, value + above
    found = of(value, low, high, bounds)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    for bound, reached in zip(bounds, found.cumsum(), strict=False):
        least = 0.0 if bound > value else 0.975 if below and bound <= low else 0.5
        most = 1.0 if bound <= value else 0.025 if above and bound >= high else 0.5
        assert least - 1e-6 <= reached <= most + 1e-6


@given(**FIGURE, bound=st.floats(1, 99))
def test_a_scale_turned_round_gives_the_other_side_the_same_confidence(
    value: float, below: float, above: float, bound: float
) -> None:
    assume(below or above)
    reached = of(value, value - below, value + above, (bound,))[0]
    turned = of(100 - value, 100 - value - above, 100 - value + below, (100 - bound,))[0]
    assert reached + turned == pytest.approx(1, abs=1e-6)


@given(st.floats(40, 100), st.floats(0.5, 30), st.floats(0.5, 30))
def test_at_both_limits_the_confidence_is_the_levels_whatever_their_distances(
    value: float, below: float, above: float
) -> None:
    ends = {"level": 0.95, "ends": (-100.0, 200.0)}
    for bound, expected in ((value - below, 0.975), (value, 0.5), (value + above, 0.025)):
        cells = [np.array([one]) for one in (value, value - below, value + above)]
        assert band_confidence(*cells, (bound,), **ends)[0, 0] == pytest.approx(expected, abs=1e-6)


def test_an_exact_figure_is_sure_of_its_band_and_a_bound_outside_the_scale_decides_itself() -> None:
    assert of(90.0, np.nan, np.nan).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert of(40.0, 30.0, 50.0, (101.0, 0.0)).tolist() == [0.0, 1.0, 0.0]


def test_limits_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LengthMismatch):
        band_confidence(np.array([1.0]), np.zeros(2), np.zeros(2), (1.0,), **SCALE)
    with pytest.raises(NotFinite):
        of(np.nan, 1.0, 2.0)
    with pytest.raises(NotFinite):
        of(1.0, np.nan, 2.0)
    with pytest.raises(OptionInvalid, match="limits that hold"):
        of(3.0, 1.0, 2.0)
    with pytest.raises(OptionInvalid, match="falling"):
        of(1.0, 0.0, 2.0, (1.0, 2.0))


@pytest.mark.parametrize(
    ("keys", "edge"),
    [
        ({"grade_on": "published", "rounding": "half_up", "decimals": 2}, 89.995),
        ({"grade_on": "published", "rounding": "truncate", "decimals": 2}, 90.0),
        ({"grade_on": "published", "rounding": "half_up", "decimals": 0}, 89.5),
        ({"grade_on": "unrounded"}, 90.0),
    ],
)
def test_the_edge_of_a_grade_is_where_the_schemes_rounding_puts_it(make: Any, keys: Any, edge: float) -> None:
    scheme = parse_scheme(make.scheme(**keys))
    assert scheme.edge(Decimal(90)) == edge
    assert (scheme.grade(f"{edge:.6f}"), scheme.grade(f"{edge - 1e-6:.6f}")) == ("XS", "T")


def test_the_table_says_of_every_graded_overall_how_sure_its_bands_are(make: Any, tmp_path: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [GOOD] * 20 + [MIXED] * 20)
    tables.cell("u2", [GOOD] * 12)
    tables.cell("u3", [GOOD] * 9)
    scores = score(tables.extract())
    write_scores(scores, tmp_path)
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8-sig")
    told = [row for row in csv.DictReader(io.StringIO(text)) if row["weighting"] == "design"]
    assert {row["unit"] for row in told} == {"u1", "u2"}  # nobody is told of u3, who has nine answers
    mine = {row["band"]: float(row["confidence"]) for row in told if row["unit"] == "u1"}
    row = make.find(scores, unit="u1", level_of="overall", rule="top2box", weighting="design")
    expected = of(float(str(row.index)), float(str(row.ci_low)), float(str(row.ci_high)), (89.995, 79.995, 0.0))
    assert list(mine.values()) == pytest.approx(expected[:3], abs=1e-6)
    assert {(one["rank"], one["rank_low"], one["rank_high"]) for one in told if one["unit"] == "u1"} == {
        (row.rank, row.rank_low, row.rank_high)
    }
