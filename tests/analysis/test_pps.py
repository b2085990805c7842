"""Unequal probabilities without replacement: R's numbers, the exact expectation over all samples, what is refused."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import design as designs
from analysis.design import Design, LonelyPsu, PairRule, declare
from analysis.errors import (
    AnalysisError,
    JointInvalid,
    LengthMismatch,
    LonelyStratum,
    NotFinite,
    OptionInvalid,
    Undefined,
)
from analysis.estimates.moments import Missing, mean, ratio, total
from analysis.pps import given_pairs, hartley_rao, overton
from analysis.replicates import jackknife
from analysis.variance import covariance

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "pps.json").read_text(encoding="utf-8"))
COMMUNES = {name: np.array(column) for name, column in GOLDEN["communes"].items()}
JOINT = np.array(GOLDEN["joint"])


def communes() -> Design:
    return declare(lonely_psu=LonelyPsu.FAIL, strata=[COMMUNES["stratum"]], probabilities=[COMMUNES["p"]])


def made(name: str) -> Design:
    rule = PairRule(name[-2:]) if name != "brewer" else PairRule.YATES_GRUNDY
    match name.rsplit("_", 1)[0]:
        case "joint":
            return given_pairs(communes(), JOINT, rule)
        case "hartley_rao":
            return hartley_rao(communes(), rule, mean_square=COMMUNES["q"])
        case "hartley_rao_sample":
            return hartley_rao(communes(), rule)
        case "overton":
            return overton(communes(), rule)
    return communes()


def compared(design: Design, columns: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
    y = np.column_stack([columns["satisfied"], columns["dossiers"]]).astype(float)
    part = designs.domain(design, columns["rural"] == 1)
    sums, means = total(design, y, missing=Missing.FAIL), mean(design, y, missing=Missing.FAIL)
    share, some = (ratio(one, y[:, 0], y[:, 1], missing=Missing.FAIL) for one in (design, part))
    assert sums.values == pytest.approx(expected["total"], rel=1e-10)
    assert sums.covariance == pytest.approx(np.array(expected["total_vcov"]), rel=1e-8)
    assert means.values == pytest.approx(expected["mean"], rel=1e-10)
    assert means.covariance == pytest.approx(np.array(expected["mean_vcov"]), rel=1e-7, abs=1e-12)
    assert (share.values[0], share.se[0]) == pytest.approx((expected["ratio"], expected["ratio_se"]), rel=1e-9)
    assert some.se[0] == pytest.approx(expected["domain_ratio_se"], rel=1e-9)
    assert total(part, y[:, 0], missing=Missing.FAIL).se[0] == pytest.approx(expected["domain_total_se"], rel=1e-9)


@pytest.mark.parametrize("name", [one for one in GOLDEN["expected"] if one not in ("two_stages", "overton_HT")])
def test_every_rule_gives_the_numbers_of_r(name: str) -> None:
    compared(made(name), COMMUNES, GOLDEN["expected"][name])


def test_brewers_rule_goes_through_the_stages_as_in_r() -> None:
    people = {name: np.array(column) for name, column in GOLDEN["people"].items()}
    design = declare(
        lonely_psu=LonelyPsu.FAIL, ids=[people["commune"], people["person"]], strata=[people["stratum"]],
        probabilities=[people["p"], people["p2"]],
    )  # fmt: skip
    compared(design, people, GOLDEN["expected"]["two_stages"])


def test_a_variance_that_comes_out_negative_is_not_called_zero() -> None:
    assert min(np.diag(GOLDEN["expected"]["overton_HT"]["total_vcov"])) < 0  # R prints NaN for its root
    with pytest.raises(Undefined):
        total(made("overton_HT"), COMMUNES["dossiers"].astype(float), missing=Missing.FAIL)


@pytest.mark.parametrize("rule", list(PairRule))
def test_joint_probabilities_estimate_the_variance_without_bias(rule: PairRule) -> None:
    """Over all samples of 3 of 6 units the mean of the estimates is the variance of the totals, exactly."""
    size, y = np.array([1.0, 2, 3, 4, 5, 9]), np.array([3.0, 1, 4, 1, 5, 9])
    samples = [np.array(one) for one in combinations(range(6), 3)]
    chance = np.array([size[one].prod() for one in samples])
    chance /= chance.sum()
    inside = np.array([[unit in one for unit in range(6)] for one in samples], dtype=float)
    joint = (inside * chance[:, None]).T @ inside
    totals, estimates = [], []
    for one in samples:
        own = joint[np.ix_(one, one)]
        scores = y[one] / np.diag(own)
        totals.append(float(scores.sum()))
        design = given_pairs(declare(1 / np.diag(own), lonely_psu=LonelyPsu.FAIL), own, rule)
        assert design.pairs is not None
        estimates.append(float(scores @ design.pairs.matrix @ scores))  # a Horvitz-Thompson one may be below zero
        if rule is PairRule.YATES_GRUNDY:
            estimates[-1] = float(covariance(design, scores)[0, 0])
    assert chance @ np.array(totals) == pytest.approx(y.sum())
    truth = float(chance @ (np.array(totals) - y.sum()) ** 2)
    assert chance @ np.array(estimates) == pytest.approx(truth)


def test_equal_probabilities_are_a_simple_random_sample() -> None:
    y = np.array([3.0, 1, 4, 1, 5])
    plain = declare(lonely_psu=LonelyPsu.FAIL, population=[np.full(5, 20.0)])
    same = declare(lonely_psu=LonelyPsu.FAIL, probabilities=[np.full(5, 0.25)])
    joint = np.full((5, 5), 5 * 4 / (20 * 19))
    np.fill_diagonal(joint, 0.25)
    wanted = total(plain, y, missing=Missing.FAIL).se[0]
    paired = (given_pairs(plain, joint, PairRule.YATES_GRUNDY), hartley_rao(same, PairRule.YATES_GRUNDY))
    for design in (same, *paired):
        assert total(design, y, missing=Missing.FAIL).se[0] == pytest.approx(wanted)


def test_clusters_are_paired_in_the_order_of_their_codes_and_certain_ones_add_nothing() -> None:
    ids, p = np.array(["b", "b", "a", "c", "c"]), np.array([0.5, 0.5, 0.4, 1.0, 1.0])
    y = np.array([1.0, 2, 3, 4, 5])
    design = declare(lonely_psu=LonelyPsu.FAIL, ids=[ids], probabilities=[p])
    for paired in (hartley_rao(design, PairRule.YATES_GRUNDY), overton(design, PairRule.YATES_GRUNDY)):
        moved = total(paired, np.where(ids == "c", y * 7, y), missing=Missing.FAIL)
        assert moved.se[0] == pytest.approx(total(paired, y, missing=Missing.FAIL).se[0])
    joint = np.array([[0.4, 0.15, 0.4], [0.15, 0.5, 0.5], [0.4, 0.5, 1.0]])
    given = given_pairs(design, joint, PairRule.YATES_GRUNDY)
    expected = (0.4 * 0.5 / 0.15 - 1) * (3 / 0.4 - 3 / 0.5) ** 2
    assert total(given, y, missing=Missing.FAIL).se[0] == pytest.approx(np.sqrt(expected))


def bad(row: int, column: int, value: float) -> np.ndarray:
    joint = JOINT.copy()
    joint[row, column] = value
    return joint


@pytest.mark.parametrize(
    ("joint", "leaf"),
    [(bad(0, 1, 0.0), JointInvalid), (bad(0, 1, 0.9), JointInvalid), (bad(2, 1, np.nan), JointInvalid),
     (JOINT[:4, :4], LengthMismatch), (bad(3, 3, 0.5), OptionInvalid)],
)  # fmt: skip
def test_joint_probabilities_that_are_none_are_refused(joint: np.ndarray, leaf: type[AnalysisError]) -> None:
    with pytest.raises(leaf):
        given_pairs(communes(), joint, PairRule.YATES_GRUNDY)


def test_a_pair_that_cannot_occur_together_is_named() -> None:
    with pytest.raises(JointInvalid) as refused:
        given_pairs(communes(), bad(0, 1, 0.0), PairRule.YATES_GRUNDY)
    assert (refused.value.row, refused.value.column, refused.value.value) == (0, 1, 0.0)


def test_what_pairs_cannot_describe_is_refused() -> None:
    two = declare(np.ones(4), lonely_psu=LonelyPsu.FAIL, ids=[np.array([1, 1, 2, 2]), np.arange(4)])
    plain = declare(np.ones(2), lonely_psu=LonelyPsu.FAIL)
    part = designs.domain(communes(), COMMUNES["rural"] == 1)
    for design, leaf in ((two, OptionInvalid), (plain, OptionInvalid), (part, OptionInvalid)):
        with pytest.raises(leaf):
            overton(design, PairRule.YATES_GRUNDY)
    alone = declare(lonely_psu=LonelyPsu.FAIL, strata=[np.array([1, 1, 2])], probabilities=[np.array([0.5, 0.5, 0.2])])
    with pytest.raises(LonelyStratum):
        hartley_rao(alone, PairRule.YATES_GRUNDY)
    with pytest.raises(LonelyStratum):
        covariance(alone, np.ones(3))
    with pytest.raises(OptionInvalid):
        jackknife(communes(), mse=True)


@pytest.mark.parametrize("p", [[0.5, 0.0], [0.5, 1.2], [0.5, np.nan]])
def test_a_probability_that_is_none_is_refused_with_its_row(p: list[float]) -> None:
    with pytest.raises(NotFinite) as refused:
        declare(lonely_psu=LonelyPsu.FAIL, probabilities=[np.array(p)])
    assert refused.value.row == 1


def test_a_probability_belongs_to_a_unit_and_not_beside_population_sizes() -> None:
    with pytest.raises(NotFinite):
        declare(lonely_psu=LonelyPsu.FAIL, ids=[np.array([1, 1, 2])], probabilities=[np.array([0.5, 0.4, 0.5])])
    with pytest.raises(OptionInvalid):
        declare(lonely_psu=LonelyPsu.FAIL, population=[np.full(2, 9.0)], probabilities=[np.full(2, 0.5)])


def test_a_unit_drawn_for_certain_changes_no_brewer_variance() -> None:
    y = np.array([5.0, 5.0, 2.0, 3.0, 1000.0])
    p = np.array([0.5, 0.5, 0.5, 0.5, 1.0])

    def spread(rows: int) -> float:
        design = declare(lonely_psu=LonelyPsu.FAIL, probabilities=[p[:rows]])
        return float(covariance(design, y[:rows] / p[:rows])[0, 0])

    assert spread(5) == pytest.approx(spread(4))


@pytest.mark.parametrize("rule", [hartley_rao, overton])
def test_weights_that_are_not_one_over_the_probability_are_refused_in_every_row(rule: Any) -> None:
    ids, p = np.array([1, 1, 2, 2]), np.full(4, 0.5)
    design = declare(np.array([2.0, 3.0, 2.0, 2.0]), lonely_psu=LonelyPsu.FAIL, ids=[ids], probabilities=[p])
    with pytest.raises(OptionInvalid):
        rule(design, PairRule.YATES_GRUNDY)


@pytest.mark.parametrize("q", [np.nan, 1e9, 0.0])
def test_a_mean_square_that_no_probabilities_have_is_refused(q: float) -> None:
    with pytest.raises(OptionInvalid):
        hartley_rao(communes(), PairRule.YATES_GRUNDY, mean_square=q)
