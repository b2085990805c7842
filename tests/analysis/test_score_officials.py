"""Scores of officials' waves: groups, points, shared raters, the finite population of raters."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from analysis.components.ratings import Ratings, combined, covariance, make_influence
from analysis.design import LonelyPsu, declare
from analysis.errors import CellInvalid, CodeUnknown, CountsDisagree, DuplicateKey, KeyInvalid
from analysis.extract import read_extract, score, write_extract
from analysis.variance import covariance as design_covariance

BEST, WORST, MIDDLE = ["5", "5", "5", "5"], ["1", "1", "1", "1"], ["3", "3", "3", "3"]


def test_points_are_the_maximum_times_the_weighted_mean_of_the_groups(make: Any) -> None:
    tables = make.officials()
    for number in range(10):
        tables.rate(f"h{number}", "HDND", "u1", ["5", "3", "4", "1"])
        tables.rate(f"x{number}", "XA", "u1", ["1", ".", "", "2"])
    scores = score(tables.extract())
    component = make.find(scores, unit="u1", code="1.10.1", weighting="design")
    assert component.points == f"{12 * ((1 + 0.5) / 2 + 0) / 2:.6f}"  # HDND: S1 1, S2 .5; XA: S1 0, S2 not judged
    other = make.find(scores, unit="u1", code="1.10.2", weighting="design")
    assert other.points == f"{10 * 0.75:.6f}"  # XA did not judge S3: left out of both sums
    criterion = make.find(scores, unit="u1", code="1.10", weighting="design")
    assert criterion.points == f"{4.5 + 7.5:.6f}"
    assert (criterion.n_valid, criterion.n_invited, criterion.response_rate) == ("20", "100", "0.200000")
    heavy = make.officials()
    heavy.answers = tables.answers
    heavy.units = tables.units
    heavy.schemes = [make.scheme().replace("HDND = 1", "HDND = 3")]
    weighted = make.find(score(heavy.extract()), unit="u1", code="1.10.1", weighting="design")
    assert weighted.points == f"{12 * (3 * 0.75 + 0) / 4:.6f}"


def test_a_group_that_did_not_judge_the_unit_is_left_out_and_named(make: Any) -> None:
    tables = make.officials()
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", BEST if number else MIDDLE)
        tables.rate(f"x{number}", "XA", "u2", MIDDLE)
        tables.rate(f"x{number}", "XA", "u3", WORST)
        tables.rate(f"h{number}", "HDND", "u3", BEST)
    tables.schemes = [make.scheme().replace("XA = 1\n", "")]
    scores = score(tables.extract())
    assert make.find(scores, unit="u1", code="1.10.1", weighting="design").reason is None
    assert (
        make.find(scores, unit="u3", code="1.10.1", weighting="design").reason
        == "no_variance; groups_without_weight=XA"
    )
    assert make.find(scores, unit="u2", code="1.10.1", weighting="design").status == "empty"
    assert make.find(scores, unit="u3", code="1.10.1", weighting="design").points == "12.000000"
    tables.schemes = [make.scheme()]
    scores = score(tables.extract())
    assert make.find(scores, unit="u1", code="1.10.1", weighting="design").reason == "groups_without_ratings=XA"
    assert make.find(scores, unit="u3", code="1.10.1", weighting="design").points == "6.000000"


def ratings_of(values: Any, groups: Any, units: Any, raters: Any, population: list[float]) -> Ratings:
    return Ratings(
        tuple(f"u{u}" for u in range(max(units) + 1)), ("A", "B"), ("S1",), np.array(units), np.array(groups),
        np.array(raters), np.array(values, dtype=float).reshape(-1, 1), np.ones(len(units)), np.array(population),
        np.ones(2),
    )  # fmt: skip


def test_complete_blocks_give_the_stratified_cluster_covariance_of_all_units() -> None:
    rng = np.random.default_rng(1)
    judged = rng.random((15, 3))  # 15 raters x 3 units, 6 of group A (N = 10), 9 of group B (N = 30)
    group = np.repeat([0, 1], [6, 9])
    units, raters = np.tile(np.arange(3), 15), np.repeat(np.arange(15), 3)
    ratings = ratings_of(judged.ravel(), group[raters], units, raters, [10.0, 30.0])
    made = make_influence(ratings, [["S1"]])
    found = covariance(made, np.ones((3, 1)))
    design = declare(
        np.ones(15), lonely_psu=LonelyPsu.FAIL, strata=[group], population=[np.where(group == 0, 10.0, 30.0)]
    )
    share = np.where(group == 0, 0.5 / 6, 0.5 / 9)[:, None]
    np.testing.assert_allclose(found, design_covariance(design, judged * share), rtol=1e-10)
    own = combined(made, np.ones((3, 1, 1)))
    np.testing.assert_allclose(own.variance[:, 0], np.diag(found))
    assert own.df[:, 0].tolist() == [13, 13, 13]


def test_a_units_own_variance_is_that_of_a_random_part_of_each_group() -> None:
    values, groups = [1.0, 0.5, 0.75, 0.0, 1.0], [0, 0, 0, 1, 1]
    ratings = ratings_of([*values, 0.25], [*groups, 0], [0, 0, 0, 0, 0, 1], [0, 1, 2, 3, 4, 0], [20.0, 8.0])
    made = make_influence(ratings, [["S1"]])
    expected = sum(
        0.25 * (1 - len(part) / size) * np.var(part, ddof=1) / len(part)
        for part, size in ((values[:3], 20), (values[3:], 8))
    )
    assert combined(made, np.ones((2, 1, 1))).variance[0, 0] == pytest.approx(expected)
    assert combined(made, np.ones((2, 1, 1))).variance[1, 0] == 0  # one rating, and no unit that may be told


@pytest.mark.parametrize("lone", [WORST, BEST, ["4", "4", "4", "4"]])  # the last is the mean of the others
def test_one_rating_of_a_group_is_as_uncertain_as_the_ratings_of_the_others(make: Any, lone: list[str]) -> None:
    tables = make.officials()
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", BEST if number % 2 else MIDDLE)
        tables.rate(f"h{number}", "HDND", "u2", BEST)
    tables.rate("x1", "XA", "u1", lone)
    tables.rate("x1", "XA", "u2", lone)
    row = make.find(score(tables.extract()), unit="u1", code="1.10.2", weighting="design")
    assert row.reason == "lone_ratings=XA"
    spread = np.var([1.0, 0.5] * 6, ddof=1)
    expected = 0.25 * (1 - 12 / 40) * spread / 12 + 0.25 * (1 - 1 / 60) * spread
    assert float(str(row.se)) == pytest.approx(10 * np.sqrt(expected), abs=1e-6)
    same = make.find(score(tables.extract()), unit="u2", code="1.10.2", weighting="design")
    assert float(str(same.se)) == pytest.approx(10 * np.sqrt(0.25 * (1 - 1 / 60) * spread / 2), abs=1e-6)


def test_the_variance_of_a_lone_rating_is_right_on_average() -> None:
    rng = np.random.default_rng(4)
    units, raters = np.repeat(np.arange(40), 13), np.arange(40 * 13)
    groups = np.tile([0] * 12 + [1], 40)
    estimated, values = [], []
    for _ in range(60):
        judged = rng.choice([0.0, 0.5, 0.75, 1.0], len(units), p=[0.1, 0.3, 0.3, 0.3]) - 0.1 * groups
        made = make_influence(ratings_of(judged, groups, units, raters, [1e6, 1e6]), [["S1"]])
        estimated.append(combined(made, np.ones((40, 1, 1))).variance[:, 0])
        values.append(made.value[:, 0])
    assert np.mean(estimated) == pytest.approx(np.var(values), rel=0.1)


@pytest.mark.parametrize("said", [[], [["", "", "", ""]] * 12])
def test_a_unit_that_nobody_could_judge_has_no_answers_and_says_so(make: Any, said: list[list[str]]) -> None:
    tables = make.officials()
    tables.units["u2"] = "commune"
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", BEST)
    for number, row in enumerate(said):
        tables.rate(f"h{number}", "HDND", "u2", row)
    row = make.find(score(tables.extract()), unit="u2", code="1.10", weighting="design")
    assert (row.status, row.n_valid, row.n_invited) == ("empty", "0", "100")
    assert str(row.reason).startswith("missing=1.10; no_answers")
    nobody = make.officials()
    nobody.units = tables.units
    row = make.find(score(nobody.extract()), unit="u2", code="1.10", weighting="design")
    assert (row.reason, row.n_valid) == ("missing=1.10; no_forms", "0")


def lone_wave(make: Any, said: dict[str, list[str]]) -> Any:
    """Twelve deputies who differ and one lone rater of XA, who says what is `said` of each unit."""
    tables = make.officials()
    for number in range(12):
        for unit in ("u1", "u2", "u3"):
            tables.rate(f"h{number}", "HDND", unit, BEST if number % 2 else MIDDLE)
    for unit, row in said.items():
        tables.rate("x1", "XA", unit, row)
    return tables


@pytest.mark.parametrize("other", [["1", "1", "5", "1"], WORST, ["5", "5", "1", "5"]])
def test_no_error_tells_what_a_lone_rater_said(make: Any, other: list[str]) -> None:
    first, second = (score(lone_wave(make, {"u1": row, "u2": BEST}).extract()).rows for row in (BEST, other))
    codes = ("1.10.1", "1.10.2", "1.10")
    errors = [[row.se for row in rows if row.unit == "u1" and row.code in codes] for rows in (first, second)]
    assert errors[0] == errors[1]
    one, two, both = (float(str(make.find(score(lone_wave(make, {"u1": other}).extract()), unit="u1", code=code,
                                          weighting="design").se)) for code in codes)  # fmt: skip
    assert both == pytest.approx(one + two, abs=2e-6)  # one person's errors add up, whatever he said


def test_units_with_the_same_lone_rater_vary_apart_and_a_group_lone_in_one_component_adds_in_full() -> None:
    rng = np.random.default_rng(7)
    judged = rng.random((14, 2))
    judged[12:, 0] = [0.2, np.nan]  # of group B rater 12 alone judges the first item at unit 0
    lone = [[0.9, 0.1], [0.1, 0.9]]
    found = []
    for own in lone:
        values = np.vstack([judged, [own]])
        ratings = Ratings(
            ("u0", "u1"), ("A", "B"), ("S1", "S2"), np.array([0] * 14 + [1]), np.array([0] * 12 + [1] * 3),
            np.array([*range(14), 12]), values, np.ones(15), np.array([1e6, 1e6]), np.ones(2),
        )  # fmt: skip
        made = make_influence(ratings, [["S1"], ["S2"]])
        halves = np.tile([0.5, 0.5], (2, 1))
        matrix = covariance(made, halves)
        assert matrix[0, 1] == matrix[1, 0] == 0
        figures = combined(made, np.stack([np.stack([halves[0], [1.0, 0.0], [0.0, 1.0]])] * 2))
        np.testing.assert_allclose(np.diag(matrix), figures.variance[:, 0])
        found.append(figures.variance)
        assert figures.variance[0, 0] > (figures.variance[0, 1] + figures.variance[0, 2]) / 4
    np.testing.assert_allclose(found[0], found[1])


def test_everybody_of_the_best_opinion_is_no_certainty_but_a_census_is(make: Any) -> None:
    tables = make.officials()
    for number in range(20):
        tables.rate(f"h{number}", "HDND", "u1", BEST)
        tables.rate(f"h{number}", "HDND", "u2", MIDDLE if number % 2 else BEST)
        tables.rate(f"x{number}", "XA", "u1", BEST)
        tables.rate(f"x{number}", "XA", "u2", WORST)
    row = make.find(score(tables.extract()), unit="u1", code="1.10.1", weighting="design")
    assert (row.points, row.ci_high, row.se, row.reason) == ("12.000000", "12.000000", None, "no_variance")
    assert float(str(row.ci_low)) < 12
    tables.groups = {"HDND": (20, 20), "XA": (20, 20)}
    tables.answers["fpc"] = [20] * 80
    whole = make.find(score(tables.extract()), unit="u2", code="1.10.1", weighting="design")
    assert (whole.status, whole.ci_low, whole.ci_method) == ("complete", None, "complete")


def test_a_folder_of_ratings_reads_back_to_the_same_scores(make: Any, tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    tables = make.officials()
    for rater in range(30):
        for unit in rng.choice(6, 3, replace=False):
            row = [str(code) for code in rng.integers(1, 6, 4)]
            tables.rate(str(rater), "HDND" if rater < 12 else "XA", f"u{unit}", row)
    extract = tables.extract()
    write_extract(extract, tmp_path)
    assert score(read_extract(tmp_path)).rows == score(extract).rows


def test_tables_of_raters_that_disagree_are_refused(make: Any) -> None:
    tables = make.officials()
    tables.rate("h1", "HDND", "u1", BEST)
    tables.rate("h1", "HDND", "u1", WORST)
    with pytest.raises(DuplicateKey, match="rater h1, unit u1"):
        score(tables.extract())
    tables = make.officials()
    tables.rate("h1", "HDND", "u1", BEST)
    tables.rate("h1", "XA", "u2", BEST)
    with pytest.raises(CountsDisagree, match="raters"):
        score(tables.extract())
    tables = make.officials()
    tables.groups["HDND"] = (1, 1)
    tables.rate("h1", "HDND", "u1", BEST)
    tables.rate("h2", "HDND", "u1", BEST)
    with pytest.raises(CellInvalid, match=r"row 2 column .population. is .1.; allowed: 2 or more, as were drawn"):
        score(tables.extract())
    tables = make.officials()
    tables.rate("h1", "HDND", "u1", BEST)
    tables.schemes = [make.scheme().replace('["S3"]', '["L9"]')]
    with pytest.raises(CodeUnknown, match="L9"):
        score(tables.extract())


@pytest.mark.parametrize("code", ["7", "0", "-1", "x", "nan", "4.0", " 4", "4 ", "4 5", "04", "٤", "na"])
def test_a_rating_off_its_scale_is_refused_with_row_and_column(make: Any, code: str) -> None:
    tables = make.officials()
    tables.rate("h2", "HDND", "u2", ["5", "", ".", "1"])
    tables.rate("h1", "HDND", "u1", ["5", "4", code, "1"])
    with pytest.raises(CellInvalid) as refused:
        tables.extract()
    assert (refused.value.file, refused.value.row, refused.value.column) == ("answers.csv", 3, "S3")


def test_a_rating_off_its_scale_in_a_folder_is_refused_too(make: Any, tmp_path: Any) -> None:
    tables = make.officials()
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", BEST)
    write_extract(tables.extract(), tmp_path)
    data = (tmp_path / "answers.csv").read_bytes().replace(b"5,5,5,5", b"5,5,7,5", 1)
    (tmp_path / "answers.csv").write_bytes(data)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["hashes"]["answers.csv"] = sha256(data).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CellInvalid, match=r"answers.csv row 2 column 'S3' is '7'"):
        read_extract(tmp_path)


def test_a_scheme_that_leaves_a_code_of_the_scale_without_a_value_is_refused(make: Any) -> None:
    tables = make.officials()
    tables.rate("h1", "HDND", "u1", BEST)
    tables.schemes = [make.scheme().replace("2 = 0.25\n", "")]
    with pytest.raises(KeyInvalid) as refused:
        score(tables.extract())
    assert (refused.value.place, refused.value.key) == ("officials_values", "2")


def test_one_row_with_another_population_than_its_group_is_refused(make: Any) -> None:
    tables = make.officials()
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", BEST)
    tables.answers["fpc"][0] = 41
    with pytest.raises(CountsDisagree, match="HDND"):
        score(tables.extract())
