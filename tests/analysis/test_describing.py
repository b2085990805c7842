"""What describes a wave: shares, differences and slopes against hand figures, and what may not be told."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from analysis.components.instrument import parse_instrument
from analysis.components.tables import Answers, Mode, make_answers
from analysis.describing.drivers import drivers_table
from analysis.describing.modes import hidden_modes, modes_table
from analysis.describing.people import satisfied, scaled
from analysis.describing.questions import questions_table

FORM = parse_instrument("""
code = "mini"
version = "1"
audience = "citizens"
satisfied = ["4", "5"]
[[group]]
code = "SERVICE"
[[factor]]
code = "I"
group = "SERVICE"
[[factor]]
code = "II"
group = "SERVICE"
[[factor]]
code = "NEED"
[[options]]
code = "sat5"
choices = [{ code = "5" }, { code = "4" }, { code = "3" }, { code = "2" }, { code = "1" }]
[[options]]
code = "need3"
choices = [{ code = "very" }, { code = "much" }, { code = "little" }]
[[item]]
code = "S1"
factor = "I"
type = "single"
options = "sat5"
[[item]]
code = "S2"
factor = "II"
type = "single"
options = "sat5"
[[item]]
code = "N1"
factor = "NEED"
type = "single"
options = "need3"
scored = false
""")
Person = tuple[str, str, str, str, str, float]  # unit, mode, S1, S2, N1, weight


def answers(people: list[Person]) -> Answers:
    unit, mode, *items, weight = (list(one) for one in zip(*people, strict=True))
    columns = {name: [cell] * len(people) for name, cell in (("phase", "1"), ("psu", ""), ("fpc", ""), ("flag", ""))}
    columns |= {"unit": unit, "mode": mode, "stratum": unit, "class": unit, "weight_base": weight}
    columns |= dict(zip(("S1", "S2", "N1"), items, strict=True))
    return make_answers(columns, ("S1", "S2", "N1"), raters=False, file="answers.csv")


def test_shares_of_a_question_are_weighted_and_told_from_ten_answers_on() -> None:
    people = [("A", "link", "5", "5", "very", 3.0)] * 5 + [("A", "link", "5", "5", "little", 1.0)] * 5
    people += [("A", "link", "5", "5", ".", 1.0)] * 5 + [("B", "link", "5", "5", "very", 1.0)] * 12
    people += [("C", "link", "5", "5", "much", 1.0)] * 9
    rows = questions_table(answers(people), FORM, ("A", "B", "C"), "98").rows
    found = {(row["unit"], row["option"]): row for row in rows}
    assert {row["unit"] for row in rows} == {"98", "A", "B"}
    assert found["A", "very"]["share"] == "0.750000"
    assert found["A", "very"]["answers"] == "10"
    assert found["98", "very"]["answers"] == "22", "C alone would be what the province has and the units have not"
    assert found["98", "very"]["share"] == f"{27 / 32:.6f}"
    share, size, c2 = 0.75, 20**2 / (5 * 9 + 5), 1.959964**2  # Wilson at Kish's effective size
    low = (share + c2 / size / 2 - sqrt(c2 / size * share * (1 - share) + (c2 / size) ** 2 / 4)) / (1 + c2 / size)
    assert float(found["A", "very"]["low"] or 0) == pytest.approx(low, abs=1e-5)


def test_small_cells_that_are_ten_together_stay_in_the_provinces_share() -> None:
    people = [("A", "link", "5", "5", "very", 1.0)] * 6 + [("B", "link", "5", "5", "much", 1.0)] * 6
    rows = questions_table(answers(people), FORM, ("A", "B"), "98").rows
    assert {(row["unit"], row["answers"]) for row in rows} == {("98", "12")}


def of_modes(people: list[Person]) -> dict[str, dict[str, str | None]]:
    told = answers(people)
    return {str(row["mode"]): dict(row) for row in modes_table(told, satisfied(told, FORM)).rows}


def test_ways_of_answering_are_compared_inside_the_same_units() -> None:
    """Paper is used where people are less satisfied: as a whole it is 50 points below, inside each unit 20 above."""
    good, bad = ("5", "5"), ("1", "1")

    def unit(name: str, mode: str, satisfied_ones: int, of: int) -> list[Person]:
        return [(name, mode, *(good if n < satisfied_ones else bad), ".", 1.0) for n in range(of)]

    people = (
        unit("A", "link", 72, 90) + unit("A", "paper", 10, 10) + unit("B", "link", 0, 10) + unit("B", "paper", 18, 90)
    )
    found = of_modes(people)
    assert found["link"]["level"] == "72.000000"
    assert found["paper"]["level"] == "28.000000"
    assert found["paper"]["difference"] == "20.000000"
    assert float(found["paper"]["difference_low"] or 0) < 20 < float(found["paper"]["difference_high"] or 0)
    assert (found["link"]["difference"], found["link"]["basis"]) == (None, "sampled")


def test_a_way_of_fewer_than_ten_takes_the_smallest_other_one_with_it() -> None:
    assert hidden_modes({Mode.LINK: 50, Mode.PAPER: 12, Mode.KIOSK: 3}) == {Mode.KIOSK, Mode.PAPER}
    assert hidden_modes({Mode.LINK: 50, Mode.PAPER: 5, Mode.KIOSK: 6}) == {Mode.KIOSK, Mode.PAPER}
    assert hidden_modes({Mode.LINK: 50, Mode.PAPER: 10}) == frozenset()
    people: list[Person] = [("A", "link", "5", "5", ".", 1.0)] * 40 + [("A", "kiosk", "1", "1", ".", 1.0)] * 3
    told = of_modes(people)
    assert {row["level"] for row in told.values()} == {None}
    assert {row["answers"] for row in told.values()} == {None}
    assert of_modes(people[:40]) == {}, "one way alone has nothing to compare"


def test_a_factors_pull_is_the_slope_of_the_others_on_it() -> None:
    rng = np.random.default_rng(4)
    first = rng.integers(1, 6, 400)
    second = np.clip(first + rng.integers(-1, 2, 400), 1, 5)
    people = [("A", "link", str(a), str(b), ".", 1.0) for a, b in zip(first, second, strict=True)]
    told = answers(people)
    rows = {row["factor"]: row for row in drivers_table(told, scaled(told, FORM)).rows}
    slope, _constant = np.polyfit(first, second, 1)
    assert float(rows["I"]["pull"] or 0) == pytest.approx(slope, abs=1e-6)
    assert float(rows["I"]["pull_low"] or 0) < slope < float(rows["I"]["pull_high"] or 0)
    few = answers(people[:99])
    assert drivers_table(few, scaled(few, FORM)).rows == ()


def test_no_share_that_is_told_or_left_over_is_of_fewer_than_ten() -> None:
    """What the province has and the units told have not: nobody, or ten and more, whatever the units' sizes are."""
    rng = np.random.default_rng(7)
    for _ in range(60):
        sizes = rng.integers(0, 15, rng.integers(1, 6))
        names = [f"U{number}" for number in range(len(sizes))]
        people = [
            (name, "link", "5", "5", "very", 1.0) for name, size in zip(names, sizes, strict=True) for _ in range(size)
        ]
        if not people:
            continue
        rows = [row for row in questions_table(answers(people), FORM, names, "98").rows if row["option"] == "very"]
        told = Counter({str(row["unit"]): int(row["answers"] or 0) for row in rows})
        rest = told["98"] - sum(count for unit, count in told.items() if unit != "98")
        assert rest == 0 or rest >= 10
        assert all(count >= 10 for count in told.values())
