"""Sheets of a citizens' wave: the index of every unit and of the province, and the points that it earns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.decimals import six
from analysis.components.fixed import fixed_points
from analysis.components.grouping import make_groups
from analysis.components.index import Codes, index_codes
from analysis.components.instrument import Instrument
from analysis.components.level import LevelData, index_sheet, points_sheet, province_sheet
from analysis.components.moments import Cells, Sampling, item_cells, make_moments, province, remaining_share
from analysis.components.scheme import IndexRule, Level, Scheme
from analysis.components.sheet import About, Notes, Reason, Sheet, SheetKey, Used, because
from analysis.components.strata import make_strata
from analysis.components.tables import SELF_SELECTED, Answers, InputRow, Mode
from analysis.components.weighting import (
    Frame,
    Weighted,
    calibrated_weights,
    check_counts,
    design_weights,
    kish_by_unit,
)
from analysis.design import FloatArray, IntArray
from analysis.weights import kish_deff


@dataclass(frozen=True, eq=False)
class Wave:
    """A citizens' wave ready to be scored: the probability sample of the rated units."""

    answers: Answers
    frame: Frame
    instrument: Instrument
    units: tuple[str, ...]
    self_selected: Mapping[str, Mapping[str, int]]  # answers by unit and mode


@dataclass(frozen=True)
class Rating:
    """Which units a scheme serves, what was typed in for them, and whether the scheme is the extract's own."""

    scheme: Scheme
    units: tuple[str, ...]
    inputs: tuple[InputRow, ...]
    own: bool


@dataclass(frozen=True, eq=False)
class Scored:
    """The sheets and, for the manifest, what every weighting did: answers used -> weighting -> unit -> facts."""

    sheets: tuple[Sheet, ...]
    weighting: Mapping[str, Mapping[str, Mapping[str, object]]]
    self_selected: Mapping[str, Mapping[str, int]]


def make_wave(answers: Answers, frame: Frame, instrument: Instrument, units: Sequence[str]) -> Wave:
    """Set self-selected answers apart (counted, in no figure) and keep the rated units' probability sample."""
    rated = answers["unit"].among(frozenset(units))
    apart = answers["mode"].among(SELF_SELECTED)
    counts: dict[str, dict[str, int]] = {}
    some = answers.take(np.flatnonzero(apart & rated))
    for unit, mode in zip(some["unit"].values(), some["mode"].values(), strict=True):
        found = counts.setdefault(unit, {})
        found[mode] = found.get(mode, 0) + 1
    kept = {unit: frame.classes[unit] for unit in units if unit in frame.classes}
    own = Frame(frame.populations, frame.class_totals, kept)
    return Wave(answers.take(np.flatnonzero(rated & ~apart)), own, instrument, tuple(units), counts)


def score_citizens(wave: Wave, ratings: Sequence[Rating], province_code: str) -> Scored:
    """All sheets of the wave: answers (all, and unflagged when there are flags) x weighting x scheme x rule; the
    province under the first scheme. Raises the leaves of `weighting`, `strata` and `fixed`."""
    check_counts(make_groups(wave.answers), wave.frame)
    codes = index_codes(wave.instrument)
    sheets: list[Sheet] = []
    facts: dict[str, dict[str, Mapping[str, object]]] = {}
    for used, answers in _variants(wave.answers):
        groups = make_groups(answers)
        strata = make_strata(answers, groups, wave.frame)
        cells = item_cells(answers, wave.instrument.scored, wave.instrument.satisfied)
        for weighted in (design_weights(groups), calibrated_weights(groups, wave.frame)):
            sampling = Sampling(weighted, strata, answers["psu"])
            data = _level_data(wave, answers, cells, codes, sampling)
            facts.setdefault(used, {})[weighted.rule] = _facts(wave, data, answers, sampling)
            for rating in ratings:
                sheets += _rating_sheets(data, rating, weighted, used)
            if ratings:
                whole = _province_data(data, answers, sampling, province_code)
                keys = _keys(ratings[0].scheme, "province", weighted, used)
                sheets += [province_sheet(whole, key) for key in keys]
                sheets += _estimates(whole, ratings, weighted, used)
    return Scored(tuple(sheets), facts, wave.self_selected)


def _variants(answers: Answers) -> Iterator[tuple[Used, Answers]]:
    yield Used.ALL, answers
    unflagged = answers["flag"].among([""])
    if not unflagged.all():
        yield Used.UNFLAGGED, answers.take(np.flatnonzero(unflagged))


def _rating_sheets(data: LevelData, rating: Rating, weighted: Weighted, used: Used) -> list[Sheet]:
    scheme = rating.scheme
    about = data.about
    place = {unit: number for number, unit in enumerate(about.units)}
    chosen = [place[unit] for unit in rating.units]
    some = About(rating.units, about.invited[chosen], about.response_rate[chosen], about.notes)
    level = LevelData(some, data.moments.take(chosen), data.codes)
    fixed = fixed_points(scheme, rating.inputs, frozenset(rating.units), strict=rating.own)
    keys = _keys(scheme, scheme.level, weighted, used)
    sheets = [index_sheet(level, key) for key in keys]
    return sheets + [points_sheet(level, key, fixed) for key in keys if key.rule is scheme.index_rule]


def _estimates(whole: LevelData, ratings: Sequence[Rating], weighted: Weighted, used: Used) -> list[Sheet]:
    """Points of the province by schemes of its level, marked as the province's own estimate (METHOD.md section 1)."""
    sheets = []
    code = whole.about.units[0]
    notes = Notes({code: [*whole.about.notes.of(code), because(Reason.INTERNAL_ESTIMATE)]})
    about = About(whole.about.units, whole.about.invited, whole.about.response_rate, notes)
    for rating in ratings:
        scheme = rating.scheme
        if scheme.level is Level.PROVINCE:
            fixed = fixed_points(scheme, rating.inputs, frozenset([code]), strict=rating.own)
            key = SheetKey(scheme, Level.PROVINCE, scheme.index_rule, weighted.rule, used)
            sheets.append(points_sheet(LevelData(about, whole.moments, whole.codes), key, fixed))
    return sheets


def _keys(scheme: Scheme, level: str, weighted: Weighted, used: Used) -> list[SheetKey]:
    return [SheetKey(scheme, level, rule, weighted.rule, used) for rule in IndexRule]


def _level_data(wave: Wave, answers: Answers, cells: Cells, codes: Codes, sampling: Sampling) -> LevelData:
    units = _unit_codes(wave, answers)
    size = len(wave.units)
    populations = np.array([wave.frame.populations.get(unit, np.inf) for unit in wave.units])
    moments = make_moments(cells, codes.members, units, populations, sampling)
    invited = np.array([float(wave.frame.invited(unit)) for unit in wave.units])
    by_invitation = ~answers["mode"].among([Mode.TOPUP])
    answered = np.bincount(units[by_invitation], minlength=size).astype(np.float64)
    rate = np.divide(answered, invited, out=np.full(size, np.nan), where=invited > 0)
    return LevelData(About(wave.units, invited, rate, _notes(wave, sampling)), moments, codes)


def _unit_codes(wave: Wave, answers: Answers) -> IntArray:
    place = {unit: number for number, unit in enumerate(wave.units)}
    table = np.array([place.get(level, -1) for level in answers["unit"].levels], dtype=np.int64)
    return table[answers["unit"].codes] if answers.rows else np.zeros(0, dtype=np.int64)


def _notes(wave: Wave, sampling: Sampling) -> Notes:
    notes = Notes()
    for unit in wave.units:
        if unit not in wave.frame.classes:
            notes.add(unit, because(Reason.NOT_SURVEYED))
        for reason, joined in (
            (Reason.STRATA_JOINED, sampling.strata.joined),
            (Reason.CLASSES_JOINED, sampling.weighted.classes_joined),
        ):
            if unit in joined:
                notes.add(unit, because(reason, [len(joined[unit])]))
        if unit in wave.self_selected:
            notes.add(unit, because(Reason.SELF_SELECTED, [sum(wave.self_selected[unit].values())]))
    return notes


def _province_data(data: LevelData, answers: Answers, sampling: Sampling, code: str) -> LevelData:
    weights = sampling.weighted.weights
    rows = np.arange(answers.rows)
    remaining = remaining_share(weights, sampling.strata, rows) if answers.rows else 1.0
    moments = province(data.moments, kish_deff(weights), remaining)
    notes = Notes()
    silent = int((data.moments.respondents == 0).sum())
    if silent:
        notes.add(code, because(Reason.UNITS_WITHOUT_ANSWERS, [silent]))
    invited = data.about.invited.sum(keepdims=True)
    answered = np.nansum(data.about.response_rate * data.about.invited, keepdims=True)
    rate: FloatArray = np.divide(answered, invited, out=np.full(1, np.nan), where=invited > 0)
    return LevelData(About((code,), invited, rate, notes), moments, data.codes)


def _facts(wave: Wave, data: LevelData, answers: Answers, sampling: Sampling) -> dict[str, object]:
    """What the manifest tells of every unit's weights: each step's Kish design effect, the sum, and what was joined."""
    units = _unit_codes(wave, answers)
    size = len(wave.units)
    kish = kish_by_unit(sampling.weighted, units, size)
    sums = np.bincount(units, weights=sampling.weighted.weights, minlength=size)
    facts: dict[str, object] = {}
    for number, unit in enumerate(wave.units):
        facts[unit] = {
            "answers": int(data.moments.respondents[number]),
            "sum_of_weights": six(float(sums[number])),
            "kish": {step: six(values[number]) for step, values in kish.items()},
            "strata_joined": [list(pair) for pair in sampling.strata.joined.get(unit, ())],
            "classes_joined": [list(pair) for pair in sampling.weighted.classes_joined.get(unit, ())],
        }
    return facts
