"""Weights of a citizens' wave: non-response in classes, raking to the frame, strata and their joins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.components.joining import join_small, nearest
from analysis.components.strata import make_strata
from analysis.components.weighting import _bounded, calibrated_weights, check_counts, design_weights, make_frame
from analysis.errors import CodeUnknown, CountsDisagree, MarginMissing, MarginsContradict, NotNested
from analysis.extract import Extract

ROW = ["5", "4", "3", "1"]


def weights_by_class(extract: Extract) -> dict[str, float]:
    weights = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins)).weights
    return {group.class_: weight for group, weight in zip(extract.groups.groups, weights.tolist(), strict=True)}


def test_classes_with_ten_answers_hit_their_own_total_and_the_rest_of_the_unit_its_remainder(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 20, code="u1|F1|a", population=300, invited=40)
    tables.cell("u1", [ROW] * 5, code="u1|F1|b", population=60, invited=10)
    tables.cell("u1", [ROW] * 5, code="u1|F1|c", population=40, invited=10)
    weights = weights_by_class(tables_with_one_fpc(tables, 400))
    assert weights["u1|F1|a"] == pytest.approx(300 / 20)
    # b and c are one cell of 100 dossiers; inside it the class adjustment stands: kept weights 60 and 40
    assert weights["u1|F1|b"] == pytest.approx(60 / 5)
    assert weights["u1|F1|c"] == pytest.approx(40 / 5)


def tables_with_one_fpc(tables: Any, fpc: int) -> Extract:
    tables.answers["fpc"] = [fpc] * len(tables.answers["fpc"])
    return tables.extract()


def test_a_class_without_answers_joins_the_nearest_of_its_stratum_and_is_named(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 5, stratum="u1|F1", code="u1|F1|late", population=50, invited=10)
    tables.cell("u1", [], stratum="u1|F1", code="u1|F1|later", population=20, invited=4)
    tables.cell("u1", [ROW] * 5, stratum="u1|F2", code="u1|F2|late", population=50, invited=10)
    extract = tables.extract()
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    assert result.classes_joined == {"u1": (("u1|F1|later", "u1|F1|late"),)}
    sums = dict.fromkeys(("u1|F1", "u1|F2"), 0.0)
    for group, weight in zip(extract.groups.groups, result.steps["nonresponse"], strict=True):
        sums[group.stratum] += group.count * weight
    assert sums == pytest.approx({"u1|F1": 10 * 5.0 + 4 * 5.0, "u1|F2": 50.0})


def test_calibrated_weights_add_up_to_every_units_dossiers(make: Any) -> None:
    extract = make.drawn(3, units=5)[0].extract()
    frame = make_frame(extract.sample, extract.margins)
    sums = calibrated_weights(extract.groups, frame).weights * extract.groups.counts
    units = np.array([group.unit for group in extract.groups.groups])
    for unit, population in frame.populations.items():
        assert sums[units == unit].sum() == pytest.approx(population, rel=1e-12)
    assert set(design_weights(extract.groups).weights) == set(extract.answers.weight_base)


def test_tables_that_contradict_each_other_are_refused_with_the_place(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 3)
    tables.margin("unit", "u1", "u1", 99)
    tables.all_margins = lambda: dict(tables.margins)
    extract = tables.extract()
    with pytest.raises(MarginsContradict, match="u1"):
        make_frame(extract.sample, extract.margins)
    tables.margins["total"][-1] = 100
    extract = tables.extract()
    frame = make_frame(extract.sample, extract.margins)
    tables.answer("u1", ROW, stratum="u1|F1", code="u1|F1|c", fpc=100, weight=100 / 3)
    with pytest.raises(CountsDisagree, match="c of unit u1"):
        check_counts(tables.extract().groups, frame)
    tables.answers["class"][-1] = "nowhere"
    with pytest.raises(CodeUnknown, match="nowhere"):
        check_counts(tables.extract().groups, frame)


def test_an_answering_unit_without_a_total_is_refused(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 3)
    tables.all_margins = lambda: {name: [] for name in tables.margins}
    extract = tables.extract()
    with pytest.raises(MarginMissing, match="u1"):
        calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))


def test_a_stratum_of_two_units_or_fuller_than_its_population_is_refused(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 3, stratum="F", code="a")
    tables.cell("u2", [ROW] * 3, stratum="F", code="b")
    extract = tables.extract()
    with pytest.raises(NotNested, match="F"):
        make_strata(extract.groups, make_frame(extract.sample, extract.margins))
    tables = make.tables()
    tables.cell("u1", [ROW] * 3, population=3, fpc=2, weight=1.0)
    extract = tables.extract()
    with pytest.raises(CountsDisagree, match=r"u1\|F1"):
        make_strata(extract.groups, make_frame(extract.sample, extract.margins))


def test_a_stratum_of_one_joins_the_nearest_and_an_unanswered_one_adds_its_dossiers(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 6, stratum="u1|A1", code="a", population=60)
    tables.cell("u1", [ROW], stratum="u1|A2", code="b", population=30)
    tables.cell("u1", [], stratum="u1|B1", code="c", population=7)
    tables.cell("u1", [ROW] * 6, stratum="u1|B2", code="d", population=80)
    extract = tables.extract()
    strata = make_strata(extract.groups, make_frame(extract.sample, extract.margins))
    assert strata.joined == {"u1": (("u1|A2", "u1|A1"), ("u1|B1", "u1|B2"))}
    assert set(strata.population.tolist()) == {90.0, 87.0}


def test_a_top_up_is_a_stratum_of_its_own(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 5)
    for _ in range(4):
        tables.answer("u1", ROW, stratum="u1|F1", code="counter", fpc=500, weight=2.0, mode="topup")
    extract = tables.extract()
    frame = make_frame(extract.sample, extract.margins)
    check_counts(extract.groups, frame)
    strata = make_strata(extract.groups, frame)
    assert sorted(set(strata.population.tolist())) == [100.0, 500.0]
    weights = calibrated_weights(extract.groups, frame).weights
    assert (weights * extract.groups.counts).sum() == pytest.approx(100)


def test_nearest_is_the_longest_common_beginning_then_the_fewest_places() -> None:
    assert nearest("75|F1|late", ["75|F2|late", "75|F1|time"]) == "75|F1|time"
    assert nearest("z", ["a", "b"]) == "b"
    assert nearest("c", ["b", "d"]) == "b"


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 6), min_size=1, max_size=8))
def test_joined_sets_are_large_enough_or_alone_whatever_the_order(counts: dict[str, int]) -> None:
    heads = join_small(counts, 2)
    assert heads == join_small(dict(reversed(counts.items())), 2)
    sizes: dict[str, int] = {}
    for code, head in heads.items():
        sizes[head] = sizes.get(head, 0) + counts[code]
    assert set(heads) == set(counts)
    assert len(sizes) == 1 or min(sizes.values()) >= 2
    assert all(heads[head] == head for head in sizes)


def test_a_class_with_few_answers_shares_the_factor_of_its_neighbour(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 20, stratum="u1|F1", code="u1|F1|time", population=60, invited=30)
    tables.cell("u1", [ROW], stratum="u1|F1", code="u1|F1|late", population=40, invited=20)
    tables.cell("u1", [ROW] * 2, stratum="u1|F2", code="u1|F2|time", population=8, invited=4)
    extract = tables_with_one_fpc(tables, 100)
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    assert result.classes_joined == {"u1": (("u1|F1|late", "u1|F1|time"), ("u1|F2|time", "u1|F1|time"))}
    largest = max(result.weights) / float(result.weights @ extract.groups.counts)
    assert largest == pytest.approx(3 / 23)  # neither joined nor trimmed, one answer of 23 weighed 37 % of the unit


def test_no_answer_weighs_more_than_three_times_its_units_mean(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 12, code="u1|F1|a", population=40, invited=15, weight=1.0)
    tables.cell("u1", [ROW] * 2, code="u1|F1|b", population=60, invited=20, weight=1.0)
    tables.cell("u2", [ROW] * 20, code="u2|F1|a", population=80, invited=40, weight=2.0)
    tables.answers["fpc"] = [100] * 14 + [80] * 20
    extract = tables.extract()
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    by_class = dict(zip([group.class_ for group in extract.groups.groups], result.weights.tolist(), strict=True))
    mean = 100 / 14
    assert by_class["u1|F1|b"] == pytest.approx(3 * mean)  # 30 to meet the total of its class
    assert 12 * by_class["u1|F1|a"] + 2 * by_class["u1|F1|b"] == pytest.approx(100)
    assert by_class["u2|F1|a"] == pytest.approx(4)
    assert result.steps["calibrated"].max() == pytest.approx(30)


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.1, 50)), min_size=1, max_size=9))
def test_trimmed_factors_keep_their_limits_and_their_mean(pairs: list[tuple[float, float]]) -> None:
    factors, mass = (np.array(column) for column in zip(*pairs, strict=True))
    factors = factors / (factors @ mass / mass.sum())
    found = _bounded(factors, mass)
    assert found.min() >= 0.3
    assert found.max() <= 3.0
    assert found @ mass == pytest.approx(mass.sum())
