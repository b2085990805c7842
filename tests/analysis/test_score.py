"""Scores of citizens' waves: what each row says, and a documented result for every kind of bad luck."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from analysis.components.scheme import parse_scheme
from analysis.components.tables import InputRow
from analysis.extract import Scores, make_extract, score, write_scores

GOOD, BAD, MIXED = ["5", "4", "5", "4"], ["1", "2", "3", "1"], ["5", "2", "4", "1"]
OVERALL = {"level_of": "overall", "rule": "top2box", "weighting": "design", "answers": "all"}


def assert_sound(scores: Scores) -> None:
    """No NaN anywhere, limits enclose the value, no interval of zero width for a sample."""
    for row in scores.rows:
        assert "nan" not in [str(cell).lower() for cell in row.cells()]
        value = row.points if row.points is not None else row.index
        if row.ci_low is not None:
            assert value is not None
            assert float(row.ci_low) <= float(value) <= float(str(row.ci_high))
            assert float(str(row.ci_high)) - float(row.ci_low) > 0, row
        if row.status == "empty":
            assert row.index is None
            assert row.reason


def test_every_unit_has_items_factors_group_whole_and_points_under_its_scheme(make: Any) -> None:
    tables = make.two_units([MIXED] * 15)
    tables.units["d1"] = "department"
    tables.cell("d1", [GOOD] * 11 + [BAD])
    tables.schemes = [make.scheme("department", "department"), make.scheme("commune", "commune")]
    scores = score(tables.extract())
    assert_sound(scores)
    levels = {(row.scheme, row.unit, row.level) for row in scores.rows}
    assert levels == {("department", "75", "province"), ("department", "d1", "department"),
                      ("commune", "u1", "commune"), ("commune", "u2", "commune")}  # fmt: skip
    index_rows = [row for row in scores.rows if row.unit == "u1" and row.points is None and row.max is None]
    assert len(index_rows) == (4 + 2 + 1 + 1) * 3 * 2
    official = [row for row in scores.rows if row.unit == "u1" and row.is_official == "yes"]
    assert {(row.rule, row.weighting, row.answers) for row in official} == {("top2box", "design", "all")}
    assert make.find(scores, unit="d1", **OVERALL).rank == "1"


def test_satisfaction_and_typed_in_figures_add_up_unrounded_to_area_and_total(make: Any) -> None:
    tables = make.two_units([MIXED] * 15)
    for code, value in (("8.2.1", 75), ("8.2.2", 100), ("8.2.3", 95), ("8.2.4", 1.3), ("1.1", 60), ("1.10.1", 9),
                        ("1.10.2", 8)):  # fmt: skip
        tables.input("u1", code, value)
    scores = score(tables.extract())
    official = {"unit": "u1", "is_official": "yes"}
    overall = make.find(scores, level_of="overall", **official)
    assert overall.index == "50.000000"
    satisfaction = make.find(scores, level_of="criterion", code="8.1", **official)
    assert (satisfaction.points, satisfaction.max, satisfaction.index) == ("5.000000", "10.000000", "50.000000")
    area = make.find(scores, level_of="area", code="8", **official)
    assert area.points == f"{5 + 0.75 + 0.75 + 1 + 1.3:.6f}"
    assert area.ci_low is not None
    assert satisfaction.ci_low is not None
    assert float(area.ci_low) == pytest.approx(float(satisfaction.ci_low) + 3.8, abs=2e-6)
    total = make.find(scores, level_of="total", **official)
    assert (total.points, total.grade, total.status) == ("85.800000", "T", "ok")
    assert total.reason == "imported=1.10.1,1.10.2; no_variance"
    typed = make.find(scores, level_of="component", code="8.2.1", **official)
    assert (typed.points, typed.se, typed.ci_low, typed.reason) == ("0.750000", None, None, "typed_in")
    lacking = make.find(scores, unit="u2", level_of="total", is_official="yes")
    assert (lacking.status, lacking.reason, lacking.index, lacking.rank) == ("not_ranked", "missing=1,8.2", None, None)


def test_the_standard_error_of_area_eight_is_that_of_the_index_times_max_over_one_hundred(make: Any) -> None:
    scores = score(make.drawn(5)[0].extract())
    for unit in ("u000", "u003"):
        overall = make.find(scores, unit=unit, **OVERALL)
        area = make.find(scores, unit=unit, level_of="area", code="8", weighting="design")
        assert overall.se is not None
        assert area.se is not None
        assert float(area.se) == pytest.approx(float(overall.se) / 10, abs=1e-6)


def test_an_empty_unit_one_answer_and_an_unanswered_item_are_results_that_say_so(make: Any) -> None:
    tables = make.two_units([["5", "4", "3", "."]] * 12)
    tables.cell("u3", [], population=50, invited=10)
    tables.cell("u4", [GOOD], population=50, invited=10)
    tables.units["u5"] = "commune"
    scores = score(tables.extract())
    assert_sound(scores)
    empty = make.find(scores, unit="u3", **OVERALL)
    assert (empty.status, empty.reason, empty.n_invited, empty.n_valid) == ("empty", "no_forms", "10", "0")
    assert make.find(scores, unit="u5", **OVERALL).reason == "not_surveyed"
    assert make.find(scores, unit="u5", code="8.1", weighting="design").reason == "missing=8.1; not_surveyed"
    assert make.find(scores, unit="u3", code="8.1", weighting="design").reason == "missing=8.1; no_forms"
    one = make.find(scores, unit="u4", **OVERALL)
    assert (one.status, one.reason, one.n_valid) == ("suppressed", "few_respondents=10", "1")
    assert (one.index, one.se, one.ci_low, one.rank) == (None, None, None, None)
    item = make.find(scores, unit="u1", level_of="item", code="S4", rule="top2box", weighting="design")
    assert (item.status, item.n_valid) == ("empty", "0")
    factor = make.find(scores, unit="u1", level_of="factor", code="II", rule="top2box", weighting="design")
    assert "items_left_out=S4" in str(factor.reason)
    province = make.find(scores, unit="75", **OVERALL)
    assert province.reason == "cells_left_out=1; units_without_answers=1"  # u5 has no dossier


def test_forms_without_an_answer_are_not_called_no_forms(make: Any) -> None:
    tables = make.two_units([[".", ".", ".", "."]] * 12)
    scores = score(tables.extract())
    row = make.find(scores, unit="u1", **OVERALL)
    assert (row.status, row.reason, row.n_valid, row.response_rate) == ("empty", "no_answers", "0", "1.000000")
    points = make.find(scores, unit="u1", code="8.1", weighting="design")
    assert (points.reason, points.n_valid, points.n_invited) == ("missing=8.1; no_answers", "0", "12")


def test_dossiers_that_nobody_could_reach_are_shown_beside_the_score(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.cell("u3", [], population=4, invited=0)
    tables.sample["drawn"], tables.sample["kept"] = [15, 20, 4], [15, 20, 4]  # of u1 three had no phone
    tables.sample["weight_sum"][0] *= 15 / 12
    scores = score(tables.extract())
    row = make.find(scores, unit="u1", **OVERALL)
    assert (row.response_rate, row.reason) == ("1.000000", "no_variance; not_reached=3")
    assert "not_reached=3" in str(make.find(scores, unit="u1", code="8.1", weighting="calibrated").reason)
    assert make.find(scores, unit="u2", **OVERALL).reason is None
    assert make.find(scores, unit="u3", **OVERALL).reason == "not_surveyed"  # too few to be asked, not out of reach
    assert make.find(scores, unit="75", **OVERALL).reason == "units_without_answers=1; not_reached=3"


def test_a_wave_without_any_answer_is_a_table_of_empty_rows(make: Any) -> None:
    tables = make.tables()
    tables.cell("u1", [], population=50, invited=10)
    scores = score(tables.extract())
    assert_sound(scores)
    assert {row.status for row in scores.rows if row.max is None} == {"empty"}


def test_everybody_satisfied_has_wilson_limits_and_no_standard_error(make: Any) -> None:
    scores = score(make.two_units([GOOD] * 20).extract())
    assert_sound(scores)
    row = make.find(scores, unit="u1", **OVERALL)
    assert (row.index, row.ci_high, row.se, row.status) == ("100.000000", "100.000000", None, "ok")
    assert 80 < float(str(row.ci_low)) < 99
    everybody = make.tables()
    everybody.cell("u1", [GOOD] * 20, population=200)
    lone = make.find(score(everybody.extract()), unit="u1", **OVERALL)
    assert lone.ci_method == "wilson_kish"
    assert float(str(lone.ci_low)) < 90


def test_a_stratum_of_one_answer_is_joined_and_said(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.cell("u1", [BAD], stratum="u1|F2", population=20)
    row = make.find(score(tables.extract()), unit="u1", **OVERALL)
    assert row.reason == "strata_joined=1"
    assert row.se is not None


def test_a_unit_where_everybody_answered_is_complete_without_an_interval(make: Any) -> None:
    tables = make.two_units([MIXED] * 200)
    row = make.find(score(tables.extract()), unit="u1", **OVERALL)
    assert (row.status, row.reason, row.ci_method) == ("complete", "complete", "complete")
    assert (row.se, row.ci_low, row.ci_high, row.n_effective) == (None, None, None, None)
    assert row.rank is not None


def test_fewer_answers_than_the_schemes_minimum_keep_their_value_unranked(make: Any) -> None:
    tables = make.two_units([MIXED] * 14)
    tables.schemes = [make.scheme(min_valid_unit=15)]
    scores = score(tables.extract())
    row = make.find(scores, unit="u1", **OVERALL)
    assert (row.status, row.index, row.rank, row.grade) == ("not_ranked", "50.000000", None, None)
    assert row.reason == "few_answers=15; no_variance"
    assert make.find(scores, unit="u2", **OVERALL).rank == "1"


def test_a_question_that_applies_to_nobody_is_not_a_question_without_answers(make: Any) -> None:
    scores = score(make.two_units([["5", "4", "", "."]] * 12).extract())
    item = {"unit": "u1", "level_of": "item", "rule": "top2box", "weighting": "design"}
    assert make.find(scores, code="S3", **item).reason == "not_applicable"
    assert make.find(scores, code="S4", **item).reason == "no_answers"
    scores = score(make.two_units([["5", "4", "", "."]] * 9).extract())
    assert make.find(scores, code="S3", **item).reason == "no_answers"  # it would tell what nine people said


def test_a_census_is_not_complete_for_a_question_that_half_skipped(make: Any) -> None:
    answers = [["5", "4", "5", "5"]] * 60 + [["1", "4", "2", "."]] * 40
    tables = make.tables()
    tables.cell("u1", answers, population=100)
    tables.cell("u2", [GOOD] * 12 + [BAD] * 4 + [MIXED] * 4, population=300)
    scores = score(tables.extract())
    assert_sound(scores)
    item = {"unit": "u1", "level_of": "item", "rule": "top2box", "weighting": "design"}
    whole, half = (make.find(scores, code=code, **item) for code in ("S3", "S4"))
    assert (whole.status, whole.reason, whole.ci_low) == ("complete", "complete", None)
    assert (half.status, half.reason, half.se) == ("ok", "partly_answered", None)
    assert (half.index, half.ci_high) == ("100.000000", "100.000000")
    assert 60 <= float(str(half.ci_low)) < 100
    assert make.find(scores, unit="u1", **OVERALL).status == "ok"


def test_self_selected_answers_are_counted_apart_and_change_no_figure(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    before = score(tables.extract())
    for mode in ("counter", "kiosk", "open", "open"):
        tables.answer("u1", BAD, stratum="u1|F1", code="u1|F1|c", fpc=200, weight=1, mode=mode)
    after = score(tables.extract())
    assert after.facts["self_selected"] == {"u1": {"counter": 1, "kiosk": 1, "open": 2}}
    row = make.find(after, unit="u1", **OVERALL)
    assert row.reason == "no_variance; self_selected_apart=4"
    assert [r.index for r in before.rows] == [r.index for r in after.rows]


def test_flagged_answers_are_scored_with_and_without(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    assert {row.answers for row in score(tables.extract()).rows} == {"all"}
    tables.answers["flag"][:2] = ["confirmed", "suspected"]
    scores = score(tables.extract())
    rows = [make.find(scores, unit="u1", **{**OVERALL, "answers": used}) for used in ("all", "unflagged")]
    assert [(row.n_valid, row.is_official) for row in rows] == [("12", "yes"), ("10", "no")]


def test_a_rehearsal_and_a_foreign_scheme_say_so(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.keys = {"kind": "rehearsal"}
    extract = tables.extract()
    scores = score(extract)
    assert all(str(row.reason).startswith("rehearsal") for row in scores.rows)
    assert any(row.is_official == "yes" for row in scores.rows)
    foreign = score(extract, parse_scheme(make.scheme("other", min_valid_unit=5)))
    assert all(row.is_official == "no" and "other_scheme" in str(row.reason) for row in foreign.rows)
    same = score(extract, extract.schemes[0])
    assert same.rows == scores.rows


def test_mean_indices_keep_to_their_own_range(make: Any) -> None:
    scores = score(make.two_units([["1", "1", "1", "1"]] * 20).extract())
    found = {rule: make.find(scores, unit="u1", **{**OVERALL, "rule": rule}) for rule in ("mean5", "mean4", "top2box")}
    assert {rule: row.index for rule, row in found.items()} == {
        "mean5": "20.000000", "mean4": "0.000000", "top2box": "0.000000"}  # fmt: skip
    assert found["mean5"].ci_low == "20.000000"
    assert float(str(found["mean5"].ci_high)) > 21


def test_units_that_no_scheme_serves_are_named_and_have_no_rows(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.units["h1"] = "district"
    tables.cell("h1", [GOOD] * 12)
    scores = score(tables.extract())
    assert scores.facts["units_without_scheme"] == ["h1"]
    assert "h1" not in {row.unit for row in scores.rows}


def test_service_items_alone_are_not_called_sipas(make: Any) -> None:
    assert score(make.two_units([MIXED] * 12).extract()).facts["index_name_en"] == (
        "Satisfaction index of public administrative services")  # fmt: skip
    both = make.instrument().replace('code = "I"\ngroup = "SERVICE"', 'code = "I"\ngroup = "POLICY"')
    tables = make.two_units([MIXED] * 12)
    extract = tables.extract()
    columns: Mapping[str, Any] = {name: [] for name in extract.answers.header()}
    none: dict[str, list[Any]] = {name: [] for name in tables.sample}
    empty = make_extract(
        answers=columns, sample=none, margins={name: [] for name in ("margin", "unit", "level", "total")},
        inputs={name: [] for name in ("unit", "code", "value", "source")}, instrument=both,
        schemes=[make.scheme()], manifest=make.manifest({"u1": "commune"}),
    )  # fmt: skip
    assert score(empty).facts["index_name_en"] == "Satisfaction index (SIPAS)"


def test_weights_and_what_was_joined_stand_in_the_manifest(make: Any, tmp_path: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.cell("u1", [], code="u1|F1|d", stratum="u1|F1", population=20, invited=5)
    tables.answers["fpc"] = [220 if unit == "u1" else 300 for unit in tables.answers["unit"]]
    write_scores(score(tables.extract()), tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())["weighting"]["all"]["calibrated"]["u1"]
    assert told["classes_joined"] == [["u1|F1|d", "u1|F1|c"]]
    assert told["kish"] == dict.fromkeys(("base", "nonresponse", "calibrated"), "1.000000")
    assert told["sum_of_weights"] == "220.000000"


def test_a_formula_in_a_units_name_is_text_for_a_spreadsheet(make: Any, tmp_path: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.names = {"u1": "=HYPERLINK(1)"}
    write_scores(score(tables.extract()), tmp_path)
    assert b",'=HYPERLINK(1)," in (tmp_path / "scores.csv").read_bytes()


def test_inputs_of_a_code_that_another_scheme_has_pass_in_a_rehearsal_only(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.input("u1", "8.2.4", 1)
    extract = tables.extract()
    assert extract.inputs == (InputRow("u1", "8.2.4", 1.0, "test"),)
    other = parse_scheme(make.scheme("other").replace('code = "8.2.4"', 'code = "8.2.9"'))
    assert score(extract, other).rows


def test_intervals_cover_the_truth_of_drawn_waves(make: Any) -> None:
    covered: dict[str, list[bool]] = {"design": [], "calibrated": []}
    for seed in range(30):
        tables, truth = make.drawn(seed, units=12, drawn=44)
        scores = score(tables.extract())
        for row in scores.rows:
            if row.level_of == "overall" and row.rule == "top2box" and row.unit in truth:
                inside = float(str(row.ci_low)) <= truth[row.unit] <= float(str(row.ci_high))
                covered[row.weighting].append(inside)
    # 360 intervals at 95 %: 0.92 to 0.98 is three standard errors; late dossiers answer less, so only the calibrated
    # weights are unbiased here
    assert 0.92 <= np.mean(covered["calibrated"]) <= 0.985
    assert np.mean(covered["design"]) > 0.85


def test_the_average_of_a_level_is_named_as_the_scheme_makes_it(make: Any) -> None:
    tables = make.two_units([GOOD] * 20)
    values = {"u1": 100.0, "u2": (12 + 4 / 2) / 20 * 100}
    for rule, expected in (("plain", (100 + values["u2"]) / 2), ("dossiers", (200 * 100 + 300 * values["u2"]) / 500)):
        tables.schemes = [make.scheme(level_average=rule)]
        told = score(tables.extract()).facts["level_averages"]
        found = next(one for one in told if one["level_of"] == "overall")
        assert (found["average"], found["units"], found["value"]) == (rule, 2, f"{expected:.6f}")
        assert next(one for one in told if one["level_of"] == "total")["units"] == 0


def test_a_provincial_scheme_gives_an_internal_estimate_that_is_never_official(make: Any) -> None:
    tables = make.two_units([MIXED] * 12)
    tables.schemes = [make.scheme(), make.scheme("national", "province")]
    tables.input("75", "8.2.4", 1.5)
    scores = score(tables.extract())
    area = make.find(scores, scheme="national", unit="75", level_of="area", code="8", weighting="design")
    province = make.find(scores, unit="75", **OVERALL)
    assert area.points == f"{float(str(province.index)) / 10 + 1.5:.6f}"
    assert "internal_estimate" in str(area.reason)
    assert {row.is_official for row in scores.rows if row.scheme == "national"} == {"no"}


def test_scaling_all_base_weights_changes_no_figure(make: Any) -> None:
    tables, _ = make.drawn(9)
    before = score(tables.extract())
    tables.answers["weight_base"] = [4 * weight for weight in tables.answers["weight_base"]]
    tables.sample["weight_sum"] = [4 * weight for weight in tables.sample["weight_sum"]]
    after = score(tables.extract())
    assert [row.cells() for row in before.rows] == [row.cells() for row in after.rows]
