"""Ranks beside a score: what they compare, and the sets that hold them."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.extract import Scores, score

GOOD, MIXED = ["5", "4", "5", "4"], ["5", "2", "4", "1"]
OVERALL = {"level_of": "overall", "rule": "top2box", "weighting": "design", "answers": "all"}


def test_ranks_compare_the_items_that_every_ranked_unit_has(make: Any) -> None:
    tables = make.two_units([["5", "5", "5", "."]] * 8 + [["1", "1", "1", "5"]] * 9)
    scores = score(tables.extract())
    row = make.find(scores, unit="u1", **OVERALL)
    assert row.reason == "items_left_out=S4; ranked_on_items=S1,S2,S3"
    assert make.find(scores, unit="u2", **OVERALL).reason == "ranked_on_items=S1,S2,S3"
    tables = make.two_units([["5", "5", ".", "."]] * 8 + [["1", "1", "1", "5"]] * 9)
    row = make.find(score(tables.extract()), unit="u1", **OVERALL)
    assert row.reason == "items_left_out=S3,S4; ranked_on_pooled_answers"


def test_exact_figures_of_an_officials_wave_are_ranked_without_doubt(make: Any) -> None:
    tables = make.officials()
    for number, typed in enumerate((40, 45, 60, 60)):
        tables.input(f"u{number}", "1.1", typed)
        for rater in range(10):
            tables.rate(f"h{rater}", "HDND", f"u{number}", MIXED)
    rows = [row for row in score(tables.extract()).rows if row.code == "1.1" and row.weighting == "design"]
    assert [(row.rank, row.rank_low, row.rank_high) for row in rows] == [
        ("4", "4", "4"), ("3", "3", "3"), ("1", "1", "2"), ("1", "1", "2"),
    ]  # fmt: skip


def assert_ranks_lie_in_their_sets(scores: Scores) -> None:
    for row in scores.rows:
        assert (row.rank is None) == (row.rank_low is None) == (row.rank_high is None)
        if row.rank is not None:
            assert int(str(row.rank_low)) <= int(row.rank) <= int(str(row.rank_high)), row


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    units=st.lists(st.tuples(st.integers(10, 16), st.integers(0, 16), st.integers(0, 9)), min_size=2, max_size=6),
    keys=st.fixed_dictionaries(
        {"grade_on": st.sampled_from(["published", "unrounded"]), "rounding": st.sampled_from(["half_up", "truncate"]),
         "decimals": st.integers(0, 2)}
    ),
    official=st.booleans(),
)  # fmt: skip
def test_every_rank_lies_in_its_set(make: Any, units: Any, keys: Any, official: bool) -> None:
    tables = make.officials() if official else make.tables()
    tables.schemes = [make.scheme(**keys)]
    for number, (size, good, typed) in enumerate(units):
        unit = f"u{number}"
        people = [GOOD if place < good else MIXED for place in range(size)]
        if official:
            for place, row in enumerate(people):
                tables.rate(f"h{place}", "HDND", unit, row)
        else:
            tables.cell(unit, people, population=size if good % 2 else 60)
        tables.input(unit, "8.2.4", 1.3 + typed / 1000)  # ties as printed, none as stored
        tables.input(unit, "8.2.1", 75 + typed / 100)
    assert_ranks_lie_in_their_sets(score(tables.extract()))


def test_exact_figures_that_are_printed_alike_share_their_rank_set(make: Any) -> None:
    tables = make.tables()
    for number, typed in enumerate((1.301, 1.304, 1.2, 1.4)):
        tables.cell(f"u{number}", [MIXED] * 12)
        tables.input(f"u{number}", "8.2.4", typed)
    rows = [row for row in score(tables.extract()).rows if row.code == "8.2.4" and row.weighting == "design"]
    assert [(row.rank, row.rank_low, row.rank_high) for row in rows] == [
        ("2", "2", "3"), ("2", "2", "3"), ("4", "4", "4"), ("1", "1", "1"),
    ]  # fmt: skip
