"""Weights of a citizens' wave: non-response in classes, raking to the frame, strata and their joins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.components.cells import FACTORS, Cells, bounded, within_caps
from analysis.components.joining import join_small, nearest
from analysis.components.strata import make_strata
from analysis.components.weighting import calibrated_weights, check_counts, design_weights, make_frame
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


def test_what_the_official_and_the_adjusted_figure_tell_apart_are_five_answers_or_more(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 20, code="u1|F1|time", population=120, invited=30)
    tables.cell("u1", [ROW] * 4, code="u1|F1|late", population=60, invited=30)
    extract = tables_with_one_fpc(tables, 180)
    groups = extract.groups
    weights = calibrated_weights(groups, make_frame(extract.sample, extract.margins)).weights
    ratios = weights / design_weights(groups).weights
    assert ratios.max() == pytest.approx(ratios.min())  # else two equations would give the four late answers


def tables_with_one_fpc(tables: Any, fpc: int) -> Extract:
    tables.answers["fpc"] = [fpc] * len(tables.answers["fpc"])
    return tables.extract()


def test_a_class_without_answers_joins_the_nearest_of_its_stratum_and_is_named(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [ROW] * 10, stratum="u1|F1", code="u1|F1|late", population=50, invited=20)
    tables.cell("u1", [], stratum="u1|F1", code="u1|F1|later", population=20, invited=8)
    tables.cell("u1", [ROW] * 10, stratum="u1|F2", code="u1|F2|late", population=50, invited=20)
    extract = tables.extract()
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    assert result.classes_joined == {"u1": (("u1|F1|later", "u1|F1|late"),)}
    sums = dict.fromkeys(("u1|F1", "u1|F2"), 0.0)
    for group, weight in zip(extract.groups.groups, result.steps["nonresponse"], strict=True):
        sums[group.stratum] += group.count * weight
    assert sums == pytest.approx({"u1|F1": 20 * 2.5 + 8 * 2.5, "u1|F2": 50.0})


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
    assert largest == pytest.approx(1 / 23)  # alone, one answer of 23 would weigh 37 % of the unit


def capped_wave(make: Any, dossiers: int) -> Extract:
    """A class of 12 answers and one of 10 behind many dossiers of which few answered."""
    tables = make.tables()
    tables.cell("u1", [ROW] * 60, code="u1|F1|a", population=100, invited=60, weight=1.0)
    tables.cell("u1", [ROW] * 10, code="u1|F1|b", population=dossiers, invited=50, weight=1.0)
    tables.cell("u1", [ROW] * 30, code="u1|G1|c", population=60, invited=40, weight=1.0)
    tables.answers["fpc"] = [160 + dossiers] * 100
    return tables.extract()


def test_caps_and_frame_totals_hold_together_where_they_can(make: Any) -> None:
    extract = capped_wave(make, 60)
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    sums = {
        group.class_: weight * group.count
        for group, weight in zip(extract.groups.groups, result.weights.tolist(), strict=True)
    }
    assert sums == pytest.approx({"u1|F1|a": 100, "u1|F1|b": 60, "u1|G1|c": 60})
    assert result.unmet == {}


def test_a_total_that_the_caps_do_not_allow_is_shared_with_the_nearest_cell_and_named(make: Any) -> None:
    extract = capped_wave(make, 240)
    result = calibrated_weights(extract.groups, make_frame(extract.sample, extract.margins))
    by_class = {group.class_: weight for group, weight in zip(extract.groups.groups, result.weights, strict=True)}
    assert by_class["u1|F1|b"] == pytest.approx(3 * 4)  # 24 would meet its 240 dossiers; the unit's mean is 4
    assert 60 * by_class["u1|F1|a"] + 10 * by_class["u1|F1|b"] == pytest.approx(340)
    assert by_class["u1|G1|c"] == pytest.approx(2)  # nobody else is touched
    told = [(one.cell, one.wanted, round(one.reached, 6)) for one in result.unmet["u1"]]
    assert told == [("u1|F1|a", 100, 220), ("u1|F1|b", 240, 120)]


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.1, 50)), min_size=1, max_size=9))
def test_factors_within_caps_keep_their_limits_and_their_mean(pairs: list[tuple[float, float]]) -> None:
    factors, mass = (np.array(column) for column in zip(*pairs, strict=True))
    factors = factors / (factors @ mass / mass.sum())
    found = within_caps(factors, mass)
    assert found.min() >= 0.3
    assert found.max() <= 3.0
    assert found @ mass == pytest.approx(mass.sum())


@given(st.lists(st.tuples(st.floats(0.5, 40), st.floats(0.1, 10), st.floats(1, 900)), min_size=1, max_size=7))
def test_calibration_within_caps_meets_the_unit_and_every_total_that_it_does_not_name(
    cells: list[tuple[float, float, float]],
) -> None:
    base, factor, totals = (np.array(column) for column in zip(*cells, strict=True))
    names = tuple(f"c{number}" for number in range(len(cells)))
    after, _, unmet = bounded(base, base * factor, Cells(np.arange(len(cells)), totals, names, ("u",) * len(cells)))
    relative = after / base / (totals.sum() / base.sum())
    assert relative.min() >= FACTORS[0] * (1 - 1e-6)
    assert relative.max() <= FACTORS[1] * (1 + 1e-6)
    assert after.sum() == pytest.approx(totals.sum(), rel=1e-6)
    named = {one.cell for one in unmet.get("u", ())}
    for name, wanted, reached in zip(names, totals, after, strict=True):
        assert name in named or reached == pytest.approx(wanted, rel=1e-6)
