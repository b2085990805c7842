"""The coverage study: its simulated truth is the truth, its counting is right, and small runs reach what they must."""

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.coverage.census import census
from analysis.coverage.clustered import household, item_truths
from analysis.coverage.exact import exact
from analysis.coverage.officials import BLOCK, make_matrix, points
from analysis.coverage.people import PersonClass, Stratum, make_population, truths
from analysis.coverage.study import CASES, run_case
from analysis.coverage.tally import Held, Run, in_chunks, line, share
from analysis.coverage.transaction import STRATA, true_ranks
from analysis.coverage.waves import scheme, take, wave_extract
from analysis.extract import score

ROOM = 3.5  # Monte-Carlo standard errors that a small run may be off


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


def small(rng: np.random.Generator, waves: int) -> Run:
    return Run(waves, rng, lambda case, done, total: None)


@pytest.mark.parametrize("share_wanted", [0.6, 0.995])
def test_simulated_people_are_as_satisfied_as_asked(share_wanted, rng):
    population = make_population(STRATA, share_wanted, rng.normal(0, 0.2, 60), rng)

    assert truths(population.codes)["top2box", "overall"].mean() == pytest.approx(100 * share_wanted, abs=1.5)


def test_items_of_one_person_are_correlated(rng):
    codes = make_population((Stratum(4000, 10, (PersonClass(1.0, 0.0, 1.0),)),), 0.6, np.zeros(1), rng).codes[0]
    both = np.corrcoef(codes[:, 0] >= 4, codes[:, 1] >= 4)[0, 1]

    assert both == pytest.approx(0.33, abs=0.06)  # of two halves with latent correlation 0.49: 2/pi asin 0.49


def test_communes_differ_as_the_intraclass_correlation_says(rng):
    people = household(0.85, 400, 6, rng)[:, :, 0] >= 4
    communes = people.reshape(-1, 30).mean(axis=1)
    p = item_truths(0.85)[0]
    between = communes.var() - p * (1 - p) / 30

    assert communes.mean() == pytest.approx(p, abs=0.02)
    assert between / (p * (1 - p)) == pytest.approx(0.05, abs=0.025)


def test_a_simulated_census_scores_its_own_truth(rng):
    everybody = (Stratum(40, 40, (PersonClass(0.6, 0.0, 1.0), PersonClass(0.4, -0.3, 1.0))),)
    population = make_population(everybody, 0.85, np.zeros(3), rng)
    rows = score(wave_extract(population, take(population, rng), rng, schemes=[scheme()], skipped=0.0)).rows
    found = [row.index for row in rows if (row.level_of, row.rule, row.level) == ("overall", "top2box", "commune")]

    assert np.array(found, dtype=float)[::2] == pytest.approx(truths(population.codes)["top2box", "overall"], abs=1e-6)


def test_every_rater_judges_a_block_without_his_own_unit(rng):
    matrix = make_matrix(0.9, rng)

    assert set(matrix.asked.sum(axis=1)) == {0, BLOCK}
    assert not (matrix.asked & matrix.own).any()
    assert points(matrix)["1.2"].max() <= 22


def test_coverage_is_counted_with_its_error():
    truth = np.full((4, 2), 50.0)
    held = Held(truth, np.array([[40, 60], [40, 40], [40, 40], [40, np.nan]], dtype=float), truth + 10, truth + 1)
    told = line("case", "what", held)

    assert told.reached == pytest.approx(600 / 7)
    assert told.counted == 7
    assert told.bias == -1
    assert share(np.array([[True], [False]]), np.array([[True], [True]])) == pytest.approx((50, 50))


def test_chunks_are_whole_levels():
    assert in_chunks(1000, 400, 12) == [396, 396, 216]


def test_equal_truths_share_the_best_rank():
    assert true_ranks(np.array([[90.0, 95.0, 90.0, 80.0]])).tolist() == [[2, 1, 2, 4]]


def test_one_item_is_never_covered_less_than_promised(rng):
    published = [one for one in exact(small(rng, 1)) if one.what == "published limits"]

    assert all(95 <= one.reached < 100 for one in published)


def test_complete_units_print_the_truth(rng):
    complete = [one for one in census(small(rng, 20)) if one.case.startswith("complete, nobody")]

    assert complete[0].reached == 100
    assert complete[0].width is None


def test_the_index_holds_the_truth_in_a_small_run():
    told = run_case("transaction", 80, 3)
    lines = [one for one in told if one.what in ("overall, design", "factors, design")]

    assert len(lines) == 8
    for one in lines:
        error = max(one.error, 100 * np.sqrt(0.05 * 0.95 / 80))
        assert abs(one.reached - 95.5) < 2 + ROOM * error, one


@pytest.mark.parametrize("name", sorted(set(CASES) - {"transaction", "census", "exact"}))
def test_every_case_runs_small_and_the_same_again(name):
    waves = 4 if name in {"officials", "ranks", "clustered"} else 20
    first = run_case(name, waves, 5)

    assert first
    assert all(one.reached is None or 0 <= one.reached <= 100 for one in first)
    if name == "overlap":
        assert first == run_case(name, waves, 5)


def test_the_command_prints_a_table_and_json(capsys):
    assert main(["coverage", "--only", "exact", "--waves", "1"]) == 0
    assert "| exact, one item, n = 30, 99.5 % | published limits [1] | 95 | 99.01 |" in capsys.readouterr().out

    assert main(["coverage", "--only", "exact", "--waves", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["case"].startswith("exact")


def test_a_case_that_does_not_exist_is_named(capsys):
    assert main(["coverage", "--only", "nothing"]) == 1
    assert "transaction" in capsys.readouterr().err
