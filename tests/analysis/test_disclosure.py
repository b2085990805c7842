"""No result tells what fewer than ten people answered: not a row, not a subtraction, not a flag, not a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from analysis.components.rows import Row
from analysis.extract import Scores, score

ITEMS = ("S1", "S2", "S3", "S4")
FACTORS = {"I": ITEMS[:2], "II": ITEMS[2:], "SERVICE": ITEMS, "overall": ITEMS}
NUMBERS = ("index", "points", "se", "ci_low", "ci_high", "ci_method", "n_effective", "deff", "grade", "rank",
           "rank_low", "rank_high", "change", "change_low", "change_high", "change_clear")  # fmt: skip
GOOD, BAD, MIXED = ["5", "4", "5", "4"], ["1", "2", "3", "1"], ["5", "2", "4", "1"]
SIX, SLACK = 1e-6, 5e-3  # of a share and of a person: what the programme may miss an equation by
SOME = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def told(row: Row) -> dict[str, str]:
    """What a row says of the answers."""
    return {name: value for name in NUMBERS if (value := getattr(row, name)) is not None}


def wave(make: Any, units: list[list[tuple[list[str], bool]]], **keys: Any) -> Any:
    """A wave of units, each a list of (answers, flagged)."""
    tables = make.tables()
    tables.schemes = [make.scheme(**keys)]
    for number, people in enumerate(units):
        tables.cell(f"u{number}", [row for row, _ in people], population=60 + 30 * number, invited=max(len(people), 1))
    tables.answers["flag"] = ["suspected" if flag else "" for people in units for _, flag in people]
    return tables


ANSWER = st.sampled_from(["5", "4", "2", "1", ".", ""])
PERSON = st.tuples(st.lists(ANSWER, min_size=4, max_size=4), st.sampled_from([False, False, False, True]))
UNITS = st.lists(st.lists(PERSON, max_size=26), min_size=2, max_size=4)


@SOME
@given(units=UNITS, aggregation=st.sampled_from(["item_mean", "component_mean", "pooled_answers"]),
       least=st.sampled_from([1, 10, 15]))  # fmt: skip
def test_no_row_of_fewer_than_ten_respondents_says_anything_of_their_answers(
    make: Any, units: Any, aggregation: str, least: int
) -> None:
    assume(any(units))
    tables = wave(make, units, aggregation=aggregation, min_valid_item=least, min_valid_unit=least)
    scores = score(tables.extract())
    shown = {row.unit for row in scores.rows if row.level_of == "overall" and row.index is not None}
    assert {row["unit"] for row in scores.beside["grades"].rows} <= shown
    for beside in scores.beside["small_units"].rows:
        assert (beside["basis"] in ("synthetic", "") and beside["direct"] is None) or beside["unit"] in shown
    for beside in scores.beside["items"].rows:
        hidden = [beside[name] is None for name in ("direct", "direct_low", "kg_low", "kg_high")]
        assert all(hidden) or beside["status"] != "suppressed"
    for row in scores.rows:
        if row.n_valid is not None and 0 < int(row.n_valid) < 10:
            assert (row.status, told(row)) == ("suppressed", {})
        if row.status == "suppressed":
            assert not told(row)
            assert row.reason
            assert not {"no_variance", "complete"} & set(row.reason.split("; "))


@SOME
@given(units=UNITS, small=st.lists(PERSON, min_size=1, max_size=9))
def test_the_answers_of_a_small_unit_reach_no_figure_of_another(make: Any, units: Any, small: Any) -> None:
    assume(any(units))
    turned = [([{"5": "1", "4": "2", "2": "4", "1": "5"}.get(cell, cell) for cell in row], flag) for row, flag in small]
    one, other = (score(wave(make, [*units, one]).extract()) for one in (small, turned))
    first, second = one.rows, other.rows
    alone = sum(len(people) for people in units if len(people) < 10) == 0
    for before, after in zip(first, second, strict=True):
        few = before.level == "province" and not (alone and all(len(people) == 0 for people in units))
        if before.unit != f"u{len(units)}" and not few:
            assert before == after
    assert one.beside == other.beside  # of the small unit itself too: the model knows the others alone


@SOME
@given(units=UNITS)
def test_nobody_can_subtract_his_way_to_what_fewer_than_ten_people_answered(make: Any, units: Any) -> None:
    assume(any(units))
    scores = score(wave(make, units).extract())
    attack = Attack(units, scores)
    known = np.array(attack.equations).reshape(-1, attack.size)
    rank = np.linalg.matrix_rank(known) if len(known) else 0
    for secret in attack.secrets():
        assert np.linalg.matrix_rank(np.vstack([known, secret])) > rank, "a linear combination of rows tells it"


class Attack:
    """All rows of shares by design weights as equations in the satisfied answers of each unit, question, and with or
    without flag, whose numbers of valid answers, weights and rules everybody knows."""

    def __init__(self, units: Any, scores: Scores) -> None:
        self.units = units
        self.size = len(units) * len(ITEMS) * 2
        counts = [[[self.count(u, i, flag) for flag in (False, True)] for i in range(4)] for u in range(len(units))]
        self.counts = np.array(counts)
        self.weights = np.array([(60 + 30 * u) / max(len(people), 1) for u, people in enumerate(units)])
        self.rows = {(row.unit, row.code, row.answers): row for row in scores.rows
                     if row.max is None and row.rule == "top2box" and row.weighting == "design"}  # fmt: skip
        self.means = {(row.unit, row.code, row.answers): row.index for row in scores.rows
                      if row.max is None and row.rule == "mean5" and row.weighting == "design"}  # fmt: skip
        self.equations = [vector for row in self.rows.values() if row.index is not None for vector in [self.of(row)]]

    def count(self, u: int, i: int, flag: bool) -> int:
        return sum(row[i] not in (".", "") and flagged == flag for row, flagged in self.units[u])

    def valid(self, u: int, i: int, answers: str) -> int:
        return int(self.counts[u, i, 0] + (self.counts[u, i, 1] if answers == "all" else 0))

    def cell(self, u: int, i: int, answers: str) -> Any:
        """Satisfied answers of one unit to one question."""
        out = np.zeros((len(self.units), 4, 2))
        out[u, i, : 2 if answers == "all" else 1] = 1
        return out.ravel()

    def item(self, unit: str, i: int, answers: str) -> Any:
        if unit != "75":
            u = int(unit[1:])
            return self.cell(u, i, answers) / max(self.valid(u, i, answers), 1)
        counts = [self.valid(u, i, answers) for u in range(len(self.units))]
        entered = int(str(self.rows[unit, ITEMS[i], answers].n_valid))
        kept = [u for u, n in enumerate(counts) if entered == sum(counts) or not 0 < n < 10]
        assert sum(counts[u] for u in kept) == entered
        held = [u for u in kept if 0 < counts[u] < 10]
        each = sum(self.weights[u] * counts[u] for u in held) / max(sum(counts[u] for u in held), 1)
        weights = {u: each if u in held else self.weights[u] for u in kept}  # held cells weigh alike
        total = sum(weights[u] * counts[u] for u in kept)
        return sum(weights[u] * self.cell(u, i, answers) for u in kept) / max(total, 1)

    def of(self, row: Row) -> Any:
        """The row as a combination of the cells."""
        if row.level_of == "item":
            return self.item(row.unit, ITEMS.index(row.code), row.answers)
        used = [i for i, item in enumerate(ITEMS) if item in FACTORS[row.code]
                and int(str(self.rows[row.unit, item, row.answers].n_valid)) >= 10]  # fmt: skip
        assert used
        return sum(self.item(row.unit, i, row.answers) for i in used) / len(used)

    def secrets(self) -> list[Any]:
        """Cells of 1 to 9 people: all of a unit, its unflagged, its flagged."""
        found = []
        for u in range(len(self.units)):
            for i in range(4):
                every, kept = self.cell(u, i, "all"), self.cell(u, i, "unflagged")
                n, m = self.valid(u, i, "all"), self.valid(u, i, "unflagged")
                found += [one for one, size in ((every, n), (kept, m), (every - kept, n - m)) if 0 < size < 10]
        return found


@settings(SOME, max_examples=12)
@given(units=st.lists(st.lists(PERSON, max_size=16), min_size=2, max_size=3))
def test_nobody_can_bound_what_fewer_than_ten_people_answered_down_to_one_number(make: Any, units: Any) -> None:
    """By a linear programme: shares and means, with and without flagged answers, units and province, parts and wholes.
    Ten people who all say the same may be told (section 10a); whoever is bounded is one of them."""
    assume(any(units))
    bounds = Bounds(Attack(units, score(wave(make, units).extract())))
    for u, i in np.ndindex(len(units), 4):
        for flags in ([0], [1], [0, 1]):
            people = bounds.counts[u, i, flags].sum()
            if 0 < people < 10 and bounds.pinned(u, i, flags):
                assert bounds.of_one_opinion(u, i) >= 10


class Bounds:
    """What a reader of all rows can say at the least and at the most of the satisfied answers of each unit, question,
    and with or without flag. Unknown are these and the sums of the answers' values (1 to 5): they fit every row."""

    def __init__(self, attack: Attack) -> None:
        self.counts, n = attack.counts, attack.counts.ravel().astype(float)
        self.size, one = attack.size, np.eye(attack.size)
        told = [
            (attack.of(row), attack.means[place], row) for place, row in attack.rows.items() if row.index is not None
        ]
        shares = [np.concatenate([vector, 0 * vector]) for vector, _mean, _row in told]
        means = [np.concatenate([0 * vector, vector / 5]) for vector, _mean, _row in told]
        values = [float(str(row.index)) / 100 for _v, _m, row in told] + [
            float(str(mean)) / 100 for _v, mean, _r in told
        ]
        rows, value = np.array(shares + means).reshape(-1, 2 * self.size), np.array(values)
        most, least = np.hstack([-2 * one, one]), np.hstack([3 * one, -one])  # n + 3 s <= sum <= 3 n + 2 s
        self.matrix = np.concatenate([rows, -rows, most, least])
        self.limits = np.concatenate([value + SIX, SIX - value, 3 * n, -n])
        self.box = [(0.0, count) for count in n] + [(count, 5 * count) for count in n]

    def ends(self, u: int, i: int, flags: list[int]) -> tuple[float, float]:
        """The least and the most satisfied people that all rows allow."""
        goal = np.zeros((2, *self.counts.shape))
        goal[0, u, i, flags] = 1
        found = []
        for sign in (1, -1):
            told = linprog(sign * goal.ravel(), A_ub=self.matrix, b_ub=self.limits, bounds=self.box, method="highs")
            assert told.success, told.message  # the truth fits
            found.append(sign * told.fun)
        return found[0], found[1]

    def pinned(self, u: int, i: int, flags: list[int]) -> bool:
        """Whether one whole number alone is left."""
        least, most = self.ends(u, i, flags)
        return bool(np.floor(most + SLACK) <= np.ceil(least - SLACK))

    def of_one_opinion(self, u: int, i: int) -> int:
        """People known to say the same: of this unit and of the small cells that the province holds together."""
        parts = {0: 0, 1: 0}
        for other in range(len(self.counts)):
            small = 0 < self.counts[other, i].sum() < 10
            for flag in (0, 1):
                n = int(self.counts[other, i, flag])
                if n and (other == u or small):
                    least, most = self.ends(other, i, [flag])
                    parts[1] += n if least > n - SLACK else 0
                    parts[0] += n if most < SLACK else 0
        return max(parts.values())


def test_a_sum_with_a_hidden_part_is_hidden_and_typed_in_points_are_not(make: Any) -> None:
    tables = wave(make, [[(MIXED, False)] * 9, [(MIXED, False)] * 12])
    for unit in ("u0", "u1"):
        tables.input(unit, "8.2.4", 1.3)
    scores = score(tables.extract())
    rows = {code: make.find(scores, unit="u0", code=code, weighting="design") for code in ("8.1", "8", "8.2.4", "8.2")}
    assert [rows[code].status for code in ("8.1", "8")] == ["suppressed", "suppressed"]
    assert (rows["8.1"].reason, rows["8"].reason) == (
        "few_respondents=10",
        "missing=8.2.1,8.2.2,8.2.3; holds_suppressed=8.1",
    )
    assert (rows["8.1"].n_valid, rows["8.1"].n_invited) == ("9", "9")
    assert (rows["8.2.4"].points, rows["8.2"].points) == ("1.300000", "1.300000")
    assert make.find(scores, unit="u1", code="8", weighting="design").points == "6.300000"


def test_the_province_takes_small_units_together_or_not_at_all(make: Any) -> None:
    overall = {"unit": "75", "code": "overall", "rule": "top2box", "weighting": "design"}
    shown = [(GOOD, False)] * 12
    alone = make.find(score(wave(make, [shown, [(BAD, False)] * 9]).extract()), **overall)
    assert (alone.index, alone.n_valid, alone.reason) == ("100.000000", "12", "no_variance; cells_left_out=1")
    both = make.find(score(wave(make, [shown, [(BAD, False)] * 5, [(BAD, False)] * 5]).extract()), **overall)
    assert both.n_valid == "22"
    assert float(str(both.index)) < 60


@pytest.mark.parametrize(("flagged", "expected"), [(0, None), (3, "would_tell"), (12, "ok")])
def test_scores_without_a_few_flagged_answers_are_hidden(make: Any, flagged: int, expected: str | None) -> None:
    people = [(MIXED, number < flagged) for number in range(30)]
    scores = score(wave(make, [people, [(GOOD, False)] * 12]).extract())
    rows = [
        row for row in scores.rows if row.answers == "unflagged" and row.unit in ("u0", "75") and row.code != "total"
    ]
    assert bool(rows) == (expected is not None)
    for row in rows:
        if row.code in ("overall", "S1", "8.1"):
            assert row.reason == expected if expected == "would_tell" else row.index is not None
    kept = make.find(scores, unit="u0", code="overall", rule="top2box", weighting="design", answers="all")
    assert kept.index == "50.000000"


def test_officials_points_of_few_raters_are_hidden(make: Any) -> None:
    tables = make.officials()
    for number in range(12):
        tables.rate(f"h{number}", "HDND", "u1", ["5", "3", "4", "1"] if number < 4 else ["5", "3", ".", "1"])
        tables.rate(f"h{number}", "HDND", "u2", MIXED)
    scores = score(tables.extract())
    rows = {code: make.find(scores, unit="u1", code=code, weighting="design") for code in ("1.10.1", "1.10.2", "1.10")}
    assert rows["1.10.1"].points == "9.000000"
    assert (rows["1.10.2"].status, rows["1.10.2"].points) == ("suppressed", None)
    assert (rows["1.10"].status, rows["1.10"].points) == ("suppressed", None)
    assert rows["1.10"].reason == "holds_suppressed=1.10.2; groups_without_ratings=XA"
    assert make.find(scores, unit="u2", code="1.10", weighting="design").rank == "1"


def test_ratings_of_a_hidden_unit_reach_no_figure_of_another(make: Any) -> None:
    def rows(hidden: list[str]) -> list[Row]:
        tables = make.officials()
        for number in range(12):
            tables.rate(f"h{number}", "HDND", "u1", GOOD if number % 2 else MIXED)
            tables.rate(f"h{number}", "HDND", "u2", GOOD)
            if number < 7:
                tables.rate(f"h{number}", "HDND", "u3", hidden if number < 3 else MIXED)
        for unit in ("u1", "u2", "u3"):
            tables.rate("x1", "XA", unit, MIXED)
        return list(score(tables.extract()).rows)

    assert rows(GOOD) == rows(BAD)
