"""Screening: honest units stay unflagged, fabricators are found, every flag carries its evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.components.tables import make_answers
from analysis.errors import ColumnMissing, LengthMismatch, OptionInvalid, Undefined
from analysis.screening.doors import Door
from analysis.screening.findings import Finding, Signal, flagged
from analysis.screening.lines import long_runs, straight
from analysis.screening.nulls import standardised
from analysis.screening.screen import Options, Screening, screen
from analysis.screening.sheets import STANDARD, Grouping, Sheets, groupings, make_sheets, read_sheets
from analysis.screening.study import SETTINGS, TARGET, Fabrication, honest_wave, plant, screening_study

OPTIONS = Options(fdr=0.05, least=10)
SMALL = replace(TARGET, units=40, answers=30, items=12)


def by_unit(units: int, answers: int) -> Grouping:
    codes = np.repeat(np.arange(units), answers)
    return Grouping("unit", codes, tuple(f"u{unit}" for unit in range(units)))


def screened(sheets: Sheets, units: int, seed: int = 1, door: tuple[Door, ...] = ()) -> Screening:
    grouping = by_unit(units, sheets.rows // units)
    return screen(sheets, [grouping], OPTIONS, rng=np.random.default_rng(seed), door=door)


def test_honest_units_are_flagged_in_at_most_one_of_a_hundred_and_fabricators_are_found() -> None:
    rng = np.random.default_rng(20250701)
    shares = [one for setting in SETTINGS for one in screening_study(rng, 1, setting=setting)]
    honest = [one for one in shares if one.sort.startswith("honest")]
    planted = [one for one in shares if not one.sort.startswith("honest")]
    assert sum(one.flagged for one in honest) / sum(one.units for one in honest) <= 0.01
    assert sum(one.flagged for one in planted) / sum(one.units for one in planted) >= 0.9


def test_near_copies_are_named_answer_by_answer_with_their_evidence() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(2))
    rows = np.arange(30, 42)  # 12 of the 30 answers of unit 1
    found = screened(plant(wave, rows, Fabrication.COPIES, np.random.default_rng(3)), SMALL.units)
    flag = next(one for one in found.flags if one.signal is Signal.COPIES)
    assert (flag.kind, flag.group, flag.n) == ("unit", "u1", 30)
    assert flag.statistic > flag.quantile > flag.expected
    assert flag.adjusted_p <= OPTIONS.fdr
    assert set(rows) <= set(flag.rows)
    assert np.flatnonzero(found.suspected).tolist() == sorted({row for one in found.flags for row in one.rows})


def test_the_same_seed_gives_the_same_findings() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(4))
    assert screened(wave, SMALL.units, seed=7).findings == screened(wave, SMALL.units, seed=7).findings


def test_a_good_unit_with_many_sincere_fives_is_not_flagged() -> None:
    rng = np.random.default_rng(5)
    plain = replace(SMALL, item_sd=0.0)
    wave = honest_wave(plain, rng)
    good = honest_wave(replace(plain, units=2, frequencies=(0.002, 0.008, 0.03, 0.26, 0.70)), rng)
    values = wave.values.copy()
    values[:30] = good.values[:30]  # 96 % satisfied where the others have 80 %
    found = screened(replace(wave, values=values), SMALL.units)
    lines = next(one for one in found.findings if one.signal is Signal.STRAIGHT and one.group == "u0")
    assert lines.statistic >= 4
    assert not [one for one in found.flags if one.group == "u0"]


def test_the_85_percent_rule_would_have_flagged_what_is_honest_here() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(6))
    values = wave.values[:300]
    same = (values[:, None, :] == values[None, :, :]).mean(axis=2) - np.eye(300)
    assert (same.max(axis=1) > 0.85).mean() > 0.05
    assert len(screened(wave, SMALL.units).flags) == 0


@pytest.mark.parametrize("value", [1, 5])
def test_a_wave_of_identical_answers_has_no_flag_and_no_missing_number(value: int) -> None:
    shape = (120, 8)
    wave = make_sheets(np.full(shape, value, dtype=np.int8), np.zeros(shape, dtype=np.bool_), np.zeros(120, dtype=int))
    found = screened(wave, 6)
    assert not found.flags
    assert all(np.isfinite([one.statistic, one.expected, one.quantile, one.p]).all() for one in found.findings)


@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(0, 0.6))
@settings(max_examples=6, deadline=None)
def test_any_answers_give_p_values_between_0_and_1_and_rows_of_the_group(seed: int, steps: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(1, steps + 1, (80, 6)).astype(np.int8)
    empty = rng.random(values.shape) < holes
    wave = make_sheets(np.where(empty, 0, values).astype(np.int8), empty, rng.integers(0, 2, 80))
    codes = rng.integers(-1, 5, 80)
    found = screen(wave, [Grouping("batch", codes, tuple("abcde"))], OPTIONS, rng=rng)
    for one in found.findings:
        assert 0 < one.p <= 1
        assert one.p <= one.adjusted_p <= 1
        assert {int(codes[row]) for row in one.rows} <= {"abcde".index(one.group)}


def test_straight_lines_and_long_runs_skip_cells_without_an_answer() -> None:
    values = np.array([[5, 0, 5, 5, 5, 5, 5, 5, 5, 5], [5, 5, 5, 5, 0, 5, 5, 5, 5, 4], [5, 4] * 5, [5, 5, 5] + [0] * 7],
                      dtype=np.int8)  # fmt: skip
    wave = Sheets(values, values == 0, np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.bool_))
    assert straight(wave).tolist() == [True, False, False, False]
    assert long_runs(wave).tolist() == [True, True, False, False]


def test_standard_scores_of_all_groups_have_the_permutation_moments() -> None:
    rng = np.random.default_rng(8)
    scores, strata = rng.exponential(size=(600, 1)), rng.integers(0, 3, 600)
    codes = np.repeat(np.arange(20), 30)
    z = [standardised(scores, strata, rng.permuted(codes), 20, np.arange(600)) for _ in range(400)]
    assert np.mean(z) == pytest.approx(0, abs=0.03)
    assert np.std(z) == pytest.approx(1, abs=0.03)


def test_groups_too_small_are_listed_and_the_same_rows_are_not_tested_twice() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(9))
    codes = np.repeat(np.arange(SMALL.units), 30)
    codes[:22] = -1  # eight answers are left to unit 0
    units = Grouping("unit", codes, tuple(f"u{unit}" for unit in range(SMALL.units)))
    found = screen(wave, [units, replace(units, kind="collector")], OPTIONS, rng=np.random.default_rng(1))
    assert found.too_small == (("unit", "u0"), ("collector", "u0"))
    assert {one.kind for one in found.findings} == {"unit"}


def test_what_cannot_be_screened_is_refused() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(10))
    rng = np.random.default_rng(1)
    with pytest.raises(Undefined):
        make_sheets(np.ones((20, 8), dtype=np.int8), np.zeros((20, 8), dtype=np.bool_), np.zeros(20, dtype=int))
    with pytest.raises(Undefined):
        make_sheets(np.zeros((90, 8), dtype=np.int8), np.zeros((90, 8), dtype=np.bool_), np.zeros(90, dtype=int))
    with pytest.raises(OptionInvalid):
        screen(wave, [], Options(fdr=1.5, least=10), rng=rng)
    with pytest.raises(LengthMismatch):
        screen(wave, [by_unit(2, 3)], OPTIONS, rng=rng)


def test_sheets_are_read_from_an_extracts_columns() -> None:
    size = 60
    columns = {
        "phase": ["1", "2"] * 30, "mode": ["link", "counter"] * 30, "unit": ["A"] * 30 + ["B"] * 30,
        "stratum": [""] * size, "psu": [""] * size, "fpc": [""] * size, "weight_base": [1.0] * size,
        "class": [""] * size, "flag": [""] * size, **{f"S{i}": ["5", ".", "", "4"] * 15 for i in range(6)},
    }  # fmt: skip
    table = make_answers(columns, [f"S{i}" for i in range(6)], raters=False, file="answers.csv")
    wave = read_sheets(table, [f"S{i}" for i in range(6)], context="mode")
    assert wave.values.sum() == 15 * 6 * 9
    assert wave.unanswered.sum() == 15 * 6
    kinds = {one.kind: one for one in groupings(table, STANDARD)}
    assert kinds["unit"].names == ("A", "B")
    assert kinds["collector"].names == ("A|counter", "A|link", "B|counter", "B|link")
    assert kinds["batch"].sizes.tolist() == [15, 15, 15, 15]
    with pytest.raises(ColumnMissing):
        read_sheets(table, ["S9"], context="mode")


def doors(**changes: np.ndarray) -> Door:
    """Forty honest counters of units: 30 forms over 80 hours (half of them office hours), gaps, speeds, refusals."""
    rng = np.random.default_rng(11)
    hours = np.tile(np.where(np.arange(80) % 2 == 0, 0.02, 0.005), 1)
    tables = {
        "slots": rng.multinomial(30, hours / hours.sum(), 40),
        "gaps": rng.multinomial(29, [0.05, 0.25, 0.7], 40),
        "speeds": rng.multinomial(30, [0.05, 0.35, 0.6], 40),
        "asked": np.full(40, 60),
        "refused": rng.binomial(60, 0.3, 40),
        **changes,
    }
    first = np.array([True, False, False])
    names, context, office = (
        tuple(f"u{unit}" for unit in range(40)),
        np.zeros(40, dtype=np.int64),
        np.arange(80) % 2 == 0,
    )
    return Door("unit", names, context, by_day=True, office=office, short=first, fast=first, **tables)


def test_honest_counters_raise_no_flag() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(12))
    found = screened(wave, SMALL.units, door=(doors(),))
    assert not [one for one in found.flags if one.rows == ()]


@pytest.mark.parametrize(("signal", "table", "row"), [
    (Signal.OUT_OF_HOURS, "slots", np.where(np.arange(80) % 2 == 0, 0, np.where(np.arange(80) < 60, 1, 0))),
    (Signal.BURST, "slots", np.where(np.arange(80) == 78, 30, 0)),
    (Signal.SHORT_GAPS, "gaps", np.array([20, 5, 4])),
    (Signal.NO_REFUSALS, "refused", np.array(0)),
])  # fmt: skip
def test_a_counter_that_differs_is_flagged(signal: Signal, table: str, row: np.ndarray) -> None:
    wave = honest_wave(SMALL, np.random.default_rng(13))
    changed = getattr(doors(), table).copy()
    changed[4] = row
    found = screened(wave, SMALL.units, door=(doors(**{table: changed}),))
    assert [(one.group, one.signal) for one in found.flags if one.signal is signal] == [("u4", signal)]


def test_speed_is_a_flag_only_beside_another_one() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(14))
    speeds = doors().speeds.copy()
    speeds[4] = [28, 1, 1]
    alone = screened(wave, SMALL.units, door=(doors(speeds=speeds),))
    fast = next(one for one in alone.findings if one.signal is Signal.FAST and one.group == "u4")
    assert fast.adjusted_p < 0.001
    assert not fast.flagged
    copied = plant(wave, np.arange(120, 132), Fabrication.COPIES, np.random.default_rng(15))
    beside = screened(copied, SMALL.units, door=(doors(speeds=speeds),))
    assert {one.signal for one in beside.flags if one.group == "u4"} >= {Signal.FAST, Signal.COPIES}


def test_counters_that_do_not_fit_are_refused() -> None:
    wave = honest_wave(SMALL, np.random.default_rng(16))
    with pytest.raises(OptionInvalid):
        screened(wave, SMALL.units, door=(doors(refused=np.full(40, 61)),))
    with pytest.raises(LengthMismatch):
        screened(wave, SMALL.units, door=(doors(gaps=np.zeros((39, 3), dtype=np.int64)),))


def test_flags_bound_the_share_of_honest_groups_and_signals_share_one_group() -> None:
    p = {"u0": (1e-6, 0.004), "u1": (0.004, 0.9), "u2": (0.02, 0.5), "u3": (0.5, 0.9)}
    signals = (Signal.MADE_UP, Signal.COPIES)
    each = [(unit, *pair) for unit, two in p.items() for pair in zip(signals, two, strict=True)]
    tests = [Finding("unit", unit, signal, 0, 0, 0, one, 30, ()) for unit, signal, one in each]
    told = flagged(tests, fdr=0.05)
    assert [(one.group, one.signal.value) for one in told if one.flagged] == [
        ("u0", "made_up"), ("u0", "copies"), ("u1", "made_up")]  # u2: Simes 0.04, adjusted 0.053  # fmt: skip
    assert told[2].adjusted_p == pytest.approx(0.004 * 2 * 4 / 2)
    assert {one.group for one in flagged(tests, fdr=0.06) if one.flagged} == {"u0", "u1", "u2"}
    assert flagged([], fdr=0.05) == ()


def test_doubted_groups_take_no_part_in_the_measure_of_the_others() -> None:
    rng = np.random.default_rng(17)
    scores, codes = rng.normal(size=(300, 1)), np.repeat(np.arange(10), 30)
    one = np.zeros(300, dtype=np.int64)
    apart = scores.copy()
    apart[codes == 0] += 50
    z = standardised(apart, one, codes, 10, np.flatnonzero(codes > 0))
    np.testing.assert_allclose(z[1:], standardised(scores[30:], one[30:], codes[30:], 10, np.arange(270))[1:])
    assert z[0, 0] > 100


@pytest.mark.parametrize("skipping", [False, True])
def test_made_up_answers_are_found_whether_they_skip_items_or_not(skipping: bool) -> None:
    wave = honest_wave(SMALL, np.random.default_rng(18))
    made = plant(wave, np.arange(12), Fabrication.PICKED, np.random.default_rng(19), skipping=skipping)
    assert made.unanswered[:12].any() == skipping
    found = screened(made, SMALL.units)
    assert [one.group for one in found.flags if one.signal is Signal.MADE_UP] == ["u0"]
