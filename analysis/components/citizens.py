"""Sheets of a citizens' wave: the index of every unit and of the province, and the points that it earns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.components.decimals import six
from analysis.components.disclosure import for_province
from analysis.components.fixed import fixed_points
from analysis.components.grouping import Groups
from analysis.components.index import Codes, index_codes
from analysis.components.instrument import Instrument
from analysis.components.level import index_sheet, points_sheet, province_sheet
from analysis.components.moments import Sampling, make_moments, province, remaining_share
from analysis.components.remarks import LevelData
from analysis.components.scheme import IndexRule, Level, Scheme
from analysis.components.sheet import About, Notes, Reason, Sheet, SheetKey, Used, because
from analysis.components.strata import make_strata
from analysis.components.tables import InputRow
from analysis.components.traits import province_weights
from analysis.components.weighting import (
    Frame,
    Weighted,
    calibrated_weights,
    check_counts,
    design_weights,
    kish,
)
from analysis.design import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Wave:
    """A citizens' wave ready to be scored: the probability sample of the rated units."""

    groups: Groups
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
    margins: Mapping[str, Mapping[str, object]]  # answers used -> trait -> what the province was calibrated to


def make_wave(groups: Groups, frame: Frame, instrument: Instrument, units: Sequence[str]) -> Wave:
    """Set self-selected answers apart (counted, in no figure) and keep the rated units' probability sample."""
    rated = frozenset(units)
    counts: dict[str, dict[str, int]] = {}
    for group in groups.groups:
        if group.self_selected and group.unit in rated:
            found = counts.setdefault(group.unit, {})
            found[group.mode] = found.get(group.mode, 0) + group.count
    kept = {unit: frame.classes[unit] for unit in units if unit in frame.classes}
    own = replace(frame, classes=kept)
    sampled = groups.chosen(lambda group: group.unit in rated and not group.self_selected)
    return Wave(sampled, own, instrument, tuple(units), counts)


def score_citizens(wave: Wave, ratings: Sequence[Rating], province_code: str) -> Scored:
    """All sheets of the wave: answers (all, and unflagged when there are flags) x weighting x scheme x rule; the
    province under the first scheme. Raises the leaves of `weighting`, `strata` and `fixed`."""
    check_counts(wave.groups, wave.frame)
    codes = index_codes(wave.instrument)
    sheets: list[Sheet] = []
    everybody: FloatArray | None = None  # respondents of every unit and code before any are left out
    facts: dict[str, dict[str, Mapping[str, object]]] = {}
    margins: dict[str, Mapping[str, object]] = {}
    for used, groups in _variants(wave.groups):
        strata = make_strata(groups, wave.frame)
        for weighted in (design_weights(groups), calibrated_weights(groups, wave.frame)):
            sampling = Sampling(weighted, strata)
            data = _level_data(wave, groups, codes, sampling)
            if used is Used.ALL:
                everybody = data.moments.touched
            elif everybody is not None:
                data = replace(data, left_out=everybody - data.moments.touched)
            facts.setdefault(used, {})[weighted.rule] = _facts(wave, data, groups, sampling)
            for rating in ratings:
                sheets += _rating_sheets(data, rating, weighted, used)
            if ratings:
                together, margins[used] = _together(wave, data, groups, sampling)
                whole = _province_data(wave, *together, province_code)
                keys = _keys(ratings[0].scheme, "province", weighted, used)
                sheets += [province_sheet(whole, key) for key in keys]
                sheets += _estimates(whole, ratings, weighted, used)
    return Scored(tuple(sheets), facts, wave.self_selected, margins)


def _variants(groups: Groups) -> Iterator[tuple[Used, Groups]]:
    yield Used.ALL, groups
    if any(group.flagged for group in groups.groups):
        yield Used.UNFLAGGED, groups.chosen(lambda group: not group.flagged)


def _rating_sheets(data: LevelData, rating: Rating, weighted: Weighted, used: Used) -> list[Sheet]:
    scheme = rating.scheme
    about = data.about
    place = {unit: number for number, unit in enumerate(about.units)}
    chosen = [place[unit] for unit in rating.units]
    some = About(rating.units, about.invited[chosen], about.response_rate[chosen], about.notes)
    left_out = None if data.left_out is None else data.left_out[chosen]
    level = LevelData(some, data.moments.take(chosen), data.codes, left_out)
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
            sheets.append(points_sheet(replace(whole, about=about), key, fixed))
    return sheets


def _keys(scheme: Scheme, level: str, weighted: Weighted, used: Used) -> list[SheetKey]:
    return [SheetKey(scheme, level, rule, weighted.rule, used) for rule in IndexRule]


def _level_data(wave: Wave, groups: Groups, codes: Codes, sampling: Sampling) -> LevelData:
    units = _unit_codes(wave, groups)
    size = len(wave.units)
    populations = np.array([wave.frame.populations.get(unit, np.inf) for unit in wave.units])
    moments = make_moments(groups, units, populations, sampling)
    invited = np.array([float(wave.frame.invited(unit)) for unit in wave.units])
    by_invitation = np.array([0 if group.topup else group.count for group in groups.groups])
    answered = np.bincount(units, by_invitation, size)
    rate = np.divide(answered, invited, out=np.full(size, np.nan), where=invited > 0)
    return LevelData(About(wave.units, invited, rate, _notes(wave, sampling)), moments, codes)


def _unit_codes(wave: Wave, groups: Groups) -> IntArray:
    place = {unit: number for number, unit in enumerate(wave.units)}
    return np.array([place[group.unit] for group in groups.groups], dtype=np.int64)


def _notes(wave: Wave, sampling: Sampling) -> Notes:
    notes = Notes()
    for unit in wave.units:
        missed = _not_reached(wave.frame, unit)
        if missed:
            notes.add(unit, because(Reason.NOT_REACHED, [missed]))
        for reason, joined in (
            (Reason.STRATA_JOINED, sampling.strata.joined),
            (Reason.CLASSES_JOINED, sampling.weighted.classes_joined),
            (Reason.TOTALS_NOT_MET, sampling.weighted.unmet),
        ):
            if unit in joined:
                notes.add(unit, because(reason, [len(joined[unit])]))
        if unit in wave.self_selected:
            notes.add(unit, because(Reason.SELF_SELECTED, [sum(wave.self_selected[unit].values())]))
    return notes


def _not_reached(frame: Frame, unit: str) -> int:
    """Dossiers drawn for a unit whose people could not be invited, as far as the unit was surveyed at all."""
    missed = sum(max(row.kept - row.invited, 0) for row in frame.classes.get(unit, ()))
    return missed if frame.invited(unit) else 0


Together = tuple[LevelData, Groups, Sampling]


def _together(wave: Wave, data: LevelData, groups: Groups, sampling: Sampling) -> tuple[Together, Mapping[str, object]]:
    """The units as the province takes them: by the weights that meet its own margins too, and what these are."""
    made, told = province_weights(groups, wave.frame, sampling.weighted)
    if made is sampling.weighted:
        return (data, groups, sampling), told
    own = Sampling(made, sampling.strata)
    moments = make_moments(groups, _unit_codes(wave, groups), data.moments.population, own)
    return (replace(data, moments=moments), groups, own), told


def _province_data(wave: Wave, data: LevelData, groups: Groups, sampling: Sampling, code: str) -> LevelData:
    weights, strata = sampling.weighted.weights, sampling.strata
    together = np.zeros(len(weights), dtype=np.int64)
    remaining = remaining_share(groups, weights, (strata.codes, strata.population), (together, 1))
    spread = kish(weights, groups.counts, together, 1)
    whole = for_province(data.moments, data.codes, data.left_out)
    moments = province(whole.moments, spread, remaining)
    notes = Notes()
    if whole.units:
        notes.add(code, because(Reason.CELLS_LEFT_OUT, [whole.units]))
    has_dossiers = np.array([wave.frame.populations.get(unit, 0.0) > 0 for unit in wave.units], dtype=np.bool_)
    silent = int(((data.moments.respondents == 0) & has_dossiers).sum())
    if silent:
        notes.add(code, because(Reason.UNITS_WITHOUT_ANSWERS, [silent]))
    missed = sum(_not_reached(wave.frame, unit) for unit in wave.units)
    if missed:
        notes.add(code, because(Reason.NOT_REACHED, [missed]))
    invited = data.about.invited.sum(keepdims=True)
    answered = np.nansum(data.about.response_rate * data.about.invited, keepdims=True)
    rate: FloatArray = np.divide(answered, invited, out=np.full(1, np.nan), where=invited > 0)
    left_out = None if data.left_out is None else whole.left_out
    return LevelData(About((code,), invited, rate, notes), moments, data.codes, left_out)


def _facts(wave: Wave, data: LevelData, groups: Groups, sampling: Sampling) -> dict[str, object]:
    """What the manifest tells of every unit's weights: each step's Kish design effect, the sum, and what was joined."""
    units, size, counts = _unit_codes(wave, groups), len(wave.units), groups.counts
    spread = {step: kish(weights, counts, units, size) for step, weights in sampling.weighted.steps.items()}
    sums = np.bincount(units, counts * sampling.weighted.weights, size)
    facts: dict[str, object] = {}
    for number, unit in enumerate(wave.units):
        facts[unit] = {
            "answers": int(data.moments.respondents[number]),
            "sum_of_weights": six(float(sums[number])),
            "kish": {step: six(float(values[number])) for step, values in spread.items()},
            "strata_joined": [list(pair) for pair in sampling.strata.joined.get(unit, ())],
            "classes_joined": [list(pair) for pair in sampling.weighted.classes_joined.get(unit, ())],
            "totals_not_met": [
                {"class": one.cell, "wanted": six(one.wanted), "reached": six(one.reached)}
                for one in sampling.weighted.unmet.get(unit, ())
            ],
        }
    return facts
