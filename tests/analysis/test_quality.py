"""The instrument's quality: shares, reliability and drivers against hand figures and a simulated truth."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.components.instrument import Instrument, parse_instrument
from analysis.components.tables import Answers, make_answers
from analysis.design import LonelyPsu
from analysis.errors import EmptyDomain, Undefined
from analysis.quality import instrument_quality, item_rest, pairwise_covariance, scale_quality
from analysis.testing.reliability import alpha

FORM = """
code = "mini"
version = "1"
languages = ["vi"]
audience = "citizens"
status = "sample"
satisfied = ["4", "5"]
[[group]]
code = "SERVICE"
[[factor]]
code = "I"
group = "SERVICE"
[[factor]]
code = "II"
group = "SERVICE"
[[options]]
code = "sat5"
choices = [{ code = "5" }, { code = "4" }, { code = "3" }, { code = "2" }, { code = "1" }]
""" + "".join(
    f'[[item]]\ncode = "S{place}"\nfactor = "{factor}"\ntype = "single"\noptions = "sat5"\n'
    for place, factor in enumerate(("I", "I", "I", "II", "II"), start=1)
)


def form() -> Instrument:
    return parse_instrument(FORM)


def answers(cells: list[list[str]], weights: list[float] | None = None) -> Answers:
    size = len(cells)
    head = {
        "phase": "1",
        "mode": "link",
        "unit": "A",
        "stratum": "A|F1",
        "psu": "",
        "fpc": "",
        "class": "c",
        "flag": "",
    }
    columns: dict[str, list[str] | list[float]] = {name: [cell] * size for name, cell in head.items()}
    columns["weight_base"] = weights or [1.0] * size
    columns |= {f"S{item + 1}": [row[item] for row in cells] for item in range(5)}
    return make_answers(columns, [f"S{item}" for item in range(1, 6)], raters=False, file="answers.csv")


def test_an_item_tells_how_its_scale_is_used_by_weight() -> None:
    cells = [["5", "4", "5", "5", "4"], ["1", "2", "1", "2", "1"], ["4", "4", "3", "3", "4"], [".", "5", "5", "4", "5"],
             ["", "3", "2", "1", "2"]]  # fmt: skip
    found = instrument_quality(answers(cells, [2.0, 1.0, 1.0, 1.0, 3.0]), form(), lonely_psu=LonelyPsu.FAIL).items[0]
    assert (found.code, found.factor, found.valid) == ("S1", "I", 3)
    assert found.left_empty == pytest.approx(1 / 5)  # of those to whom it applies
    assert found.inapplicable == pytest.approx(3 / 8)
    assert found.mean == pytest.approx((2 * 5 + 1 + 4) / 4)
    assert (found.floor, found.ceiling, found.satisfied) == pytest.approx((0.25, 0.5, 0.75))
    assert found.very == pytest.approx(2 / 3)


def one_factor(rows: int, loading: float, items: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, np.sqrt(1 - loading**2), (rows, items))
    return np.asarray(loading * rng.standard_normal((rows, 1)) + noise)


def test_alpha_and_omega_of_a_one_factor_scale_are_those_of_the_model() -> None:
    values = one_factor(20_000, 0.7, 5)
    found = scale_quality("I", list("abcde"), values, np.ones(len(values)))
    truth = 5 * 0.49 / (1 + 4 * 0.49)
    assert found.alpha == pytest.approx(truth, abs=0.01)
    assert found.omega == pytest.approx(truth, abs=0.01)
    assert len(found.alpha_without) == 5
    assert max(found.alpha_without) < found.alpha
    values[:, 0] *= -1
    turned = scale_quality("I", list("abcde"), values, np.ones(len(values)))
    assert turned.omega < found.omega - 0.15  # a reversed item is no part of a reliable scale


def test_missing_cells_leave_the_pairs_that_have_them_and_weights_act_as_copies() -> None:
    values = one_factor(300, 0.7, 4)
    covariance, n = pairwise_covariance(values, np.ones(300))
    assert covariance == pytest.approx(np.cov(values.T))
    assert n == 300
    holes = values.copy()
    holes[:200, 0] = np.nan
    left, n = pairwise_covariance(holes, np.ones(300))
    assert n == 100
    assert left[1:, 1:] == pytest.approx(np.cov(values[:, 1:].T))
    assert left[0, 1] == pytest.approx(np.cov(values[200:, :2].T)[0, 1])
    weights = np.where(np.arange(300) < 100, 3.0, 1.0)
    copied = np.vstack([values, values[:100], values[:100]])
    heavy, _ = pairwise_covariance(values, weights)
    assert heavy * 299 / 300 == pytest.approx(np.cov(copied.T, bias=True))


def test_two_items_have_an_alpha_but_no_omega_and_one_has_neither() -> None:
    values = one_factor(500, 0.8, 2)
    found = scale_quality("A", ["a", "b"], values, np.ones(500))
    assert found.alpha == pytest.approx(alpha(np.cov(values.T)))
    assert found.omega is None
    with pytest.raises(Undefined):
        scale_quality("A", ["a"], values[:, :1], np.ones(500))
    assert item_rest(values, np.ones(500), 0, [0]) is None
    assert item_rest(values, np.ones(500), 0, [0, 1]) == pytest.approx(np.corrcoef(values.T)[0, 1])


def rounded(seed: int) -> list[list[str]]:
    """Five items of one opinion; those of factor II are worse by one step."""
    latent = one_factor(400, 0.8, 5, seed) * 0.9 + np.array([4.2, 4.2, 4.2, 3.2, 3.2])
    return [[str(int(cell)) for cell in row] for row in np.clip(np.rint(latent), 1, 5)]


def test_losses_add_up_to_what_the_index_lacks_and_the_worst_factor_comes_first() -> None:
    found = instrument_quality(answers(rounded(2)), form(), lonely_psu=LonelyPsu.FAIL)
    assert found.undefined == {}
    assert [one.factor for one in found.drivers] == ["II", "I"]
    index = 100 * np.mean([one.satisfied or 0.0 for one in found.items])
    assert sum(one.lost for one in found.drivers) == pytest.approx(100 - index)
    assert {one.factor: one.weight for one in found.drivers} == pytest.approx({"I": 0.6, "II": 0.4})
    for one in found.drivers:
        assert one.r2 is not None
        assert one.pull is not None
        assert one.pull_se is not None
        assert 0.4 < one.r2 < 0.9
        assert 0 < one.pull_se < 0.06
        assert one.pull > 10 * one.pull_se
    assert [one.code for one in found.scales] == ["I", "II", "overall"]


def test_what_does_not_vary_is_named_and_the_rest_is_there() -> None:
    cells = [["5", "5", "5", *row[3:]] for row in rounded(3)]
    found = instrument_quality(answers(cells), form(), lonely_psu=LonelyPsu.FAIL)
    assert set(found.undefined) == {"I", "overall", "pull of I", "pull of II"}
    assert [one.code for one in found.scales] == ["II"]
    assert [one.item_rest for one in found.items[:3]] == [None, None, None]
    assert [one.factor for one in found.drivers] == ["II", "I"]
    assert sum(one.lost for one in found.drivers) == pytest.approx(
        100 * (1 - np.mean([o.satisfied or 0.0 for o in found.items]))
    )


def test_an_item_that_nobody_answered_is_named_and_lowers_no_level() -> None:
    cells = [["5", ".", "4", "4", "4"]] * 9 + [["2", ".", "4", "5", "4"]] * 3
    found = instrument_quality(answers(cells), form(), lonely_psu=LonelyPsu.FAIL)
    first = next(one for one in found.drivers if one.factor == "I")
    assert (first.level, first.weight) == pytest.approx((100 * (0.75 + 1) / 2, 2 / 4))
    assert (found.items[1].satisfied, found.items[1].mean, found.items[1].very) == (None, None, None)
    assert "item S2" in found.undefined


def test_a_factor_that_nobody_answered_has_no_level_and_no_answers_at_all_are_refused() -> None:
    found = instrument_quality(answers([[*row[:3], ".", "."] for row in rounded(4)]), form(), lonely_psu=LonelyPsu.FAIL)
    assert [one.factor for one in found.drivers] == ["I"]
    assert found.drivers[0].weight == 1
    assert "level of II" in found.undefined
    with pytest.raises(EmptyDomain):
        instrument_quality(answers([["."] * 5] * 3), form(), lonely_psu=LonelyPsu.FAIL)
