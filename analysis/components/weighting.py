"""Weights of the citizens' answers: design, non-response in classes, raking to the frame (METHOD.md section 4).

Classes lie inside strata and strata inside units, so the margins that are raked (unit totals, totals of classes with
`CLASS_LEAST` answers, the rest of a unit as one cell) are nested and raking is post-stratification on their cells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.grouping import Group, Groups
from analysis.components.joining import nearest
from analysis.components.scheme import WeightingRule
from analysis.components.tables import MarginRow, SampleRow
from analysis.design import Calibration, FloatArray, IntArray
from analysis.errors import CodeUnknown, CountsDisagree, MarginMissing, MarginsContradict
from analysis.weights import Margin, kish_deff, poststratify

CLASS_LEAST = 10  # answers that a class needs for a margin of its own (METHOD.md section 4)
CELL_LEAST = 2  # answers that the rest of a unit needs to stand as a cell: one answer has no residual
SLACK = 1e-9  # relative difference up to which two sums of weights count as equal

Joined = Mapping[str, tuple[tuple[str, str], ...]]  # by unit: (code, the code that it joined)


@dataclass(frozen=True, eq=False)
class Frame:
    """The frame's dossiers by unit and by class, and the sample's classes by unit."""

    populations: Mapping[str, float]
    class_totals: Mapping[str, Mapping[str, float]]
    classes: Mapping[str, tuple[SampleRow, ...]]

    def invited(self, unit: str) -> int:
        return sum(row.invited for row in self.classes.get(unit, ()))


@dataclass(frozen=True, eq=False)
class Weighted:
    """Final weights float64[n] of one rule, the calibration's record (None for design weights), every step kept."""

    rule: WeightingRule
    weights: FloatArray
    calibration: Calibration | None
    classes_joined: Joined
    steps: Mapping[str, FloatArray]


def make_frame(sample: Sequence[SampleRow], margins: Sequence[MarginRow]) -> Frame:
    """Collect the tables by unit; refuses class totals that do not add up to their unit's (MarginsContradict)."""
    populations = {row.unit: row.total for row in margins if row.margin == "unit"}
    totals: dict[str, dict[str, float]] = defaultdict(dict)
    for row in margins:
        if row.margin == "class":
            totals[row.unit][row.level] = row.total
    for unit, found in totals.items():
        if unit not in populations:
            raise MarginMissing("unit", unit)
        total = sum(found.values())
        if abs(total - populations[unit]) > SLACK * max(total, 1.0):
            raise MarginsContradict(f"class of unit {unit}", total, "its unit total", populations[unit])
    classes: dict[str, list[SampleRow]] = defaultdict(list)
    for one in sample:
        classes[one.unit].append(one)
    return Frame(populations, totals, {unit: tuple(rows) for unit, rows in classes.items()})


def check_counts(groups: Groups, frame: Frame) -> None:
    """Every invited answer lies in a class of the sample, and each class has as many as the sample says.

    Raises CodeUnknown, CountsDisagree.
    """
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for group in groups.groups:
        if not group.topup:
            found[group.unit, group.stratum, group.class_] += group.count
    known = {(row.unit, row.stratum, row.class_): row for rows in frame.classes.values() for row in rows}
    for unit, stratum, code in found:
        if (unit, stratum, code) not in known:
            raise CodeUnknown("answers.csv", "class", code, f"sample.csv (unit {unit}, stratum {stratum})")
    for key, row in known.items():
        place = f"class {row.class_} of unit {row.unit}"
        if row.answered != found.get(key, 0):
            raise CountsDisagree("answers", place, row.answered, found.get(key, 0))
        if row.invited < row.answered:
            raise CountsDisagree("invited and answered", place, row.invited, row.answered)


def design_weights(groups: Groups) -> Weighted:
    """The base weights alone: 1 / inclusion probability with the multiplicity of persons inside."""
    base = np.array([group.weight for group in groups.groups])[groups.of_row] if groups.groups else np.zeros(0)
    return Weighted(WeightingRule.DESIGN, base, None, {}, {"base": base})


def calibrated_weights(groups: Groups, frame: Frame) -> Weighted:
    """Base weight x non-response factor of the class x post-stratification factor of its cell.

    Raises MarginMissing, CountsDisagree. References: Oh and Scheuren (1983); Deville, Särndal, Sautory (1993).
    """
    base = design_weights(groups).weights
    factors, joined = _nonresponse_factors(groups.groups, frame)
    adjusted = base * np.array(factors)[groups.of_row] if factors else base
    steps = {"base": base, "nonresponse": adjusted}
    if not groups.groups:
        return Weighted(WeightingRule.CALIBRATED, adjusted, None, joined, steps)
    cells, totals = _cells(groups.groups, frame)
    place = {cell: number for number, cell in enumerate(totals)}
    codes = np.array([place[cell] for cell in cells], dtype=np.int64)[groups.of_row]
    result = poststratify(adjusted, Margin("unit and class", codes, tuple(totals), np.array(list(totals.values()))))
    steps = {**steps, "calibrated": result.weights}
    return Weighted(WeightingRule.CALIBRATED, result.weights, result.calibration, joined, steps)


def kish_by_unit(weighted: Weighted, units: IntArray, size: int) -> dict[str, list[float]]:
    """Kish's design effect after every step by unit code 0..size-1 (1.0 without answers)."""
    order = np.argsort(units, kind="stable")
    cuts = np.searchsorted(units[order], np.arange(size + 1))
    return {
        step: [kish_deff(weights[order[cuts[u] : cuts[u + 1]]]) for u in range(size)]
        for step, weights in weighted.steps.items()
    }


def _nonresponse_factors(groups: Sequence[Group], frame: Frame) -> tuple[list[float], Joined]:
    """Factor of each group: kept weight of its class over the answered weight, classes without answers joined to the
    nearest (`joining`) of the same stratum, else of the unit. A top-up was not invited: factor 1."""
    answered: dict[tuple[str, str], float] = defaultdict(float)
    for group in groups:
        if not group.topup:
            answered[group.unit, group.class_] += group.weight * group.count
    kept: dict[tuple[str, str], float] = defaultdict(float)
    joined: dict[str, tuple[tuple[str, str], ...]] = {}
    for unit, classes in frame.classes.items():
        target = _class_targets(classes, {row.class_ for row in classes if (unit, row.class_) in answered})
        for row in classes:
            if row.class_ in target:
                kept[unit, target[row.class_]] += row.weight_sum
        pairs = tuple((code, head) for code, head in sorted(target.items()) if code != head)
        if pairs:
            joined[unit] = pairs
    for (unit, code), weight in answered.items():
        if kept[unit, code] < weight * (1 - SLACK):
            raise CountsDisagree("weight_sum", f"class {code} of unit {unit}", kept[unit, code], weight)
    ratios = {key: kept[key] / weight for key, weight in answered.items()}
    return [1.0 if group.topup else ratios[group.unit, group.class_] for group in groups], joined


def _class_targets(classes: Sequence[SampleRow], filled: set[str]) -> dict[str, str]:
    """Where the weight of each class of a unit goes; empty when the unit has no answer at all."""
    target = {code: code for code in filled}
    for row in classes if filled else ():
        if row.class_ not in filled and row.weight_sum > 0:
            same = [one.class_ for one in classes if one.class_ in filled and one.stratum == row.stratum]
            target[row.class_] = nearest(row.class_, same or sorted(filled))
    return target


def _cells(groups: Sequence[Group], frame: Frame) -> tuple[list[str], dict[str, float]]:
    """The cell of each group and the frame's total of each cell."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group in groups:
        counts[group.unit][group.class_] += group.count
    cell_of: dict[tuple[str, str], str] = {}
    totals: dict[str, float] = defaultdict(float)
    for unit, found in sorted(counts.items()):
        if unit not in frame.populations:
            raise MarginMissing("unit", unit)
        frame_classes = frame.class_totals.get(unit, {})
        targets = _cell_targets(found, frame_classes)
        for code, cell in targets.items():
            cell_of[unit, code] = f"{unit} / {cell}"
            totals[f"{unit} / {cell}"] += frame_classes.get(code, 0.0)
        if not frame_classes:  # a frame without classes: the unit is one cell
            totals[f"{unit} / rest"] = frame.populations[unit]
    return [cell_of[group.unit, group.class_] for group in groups], dict(totals)


def _cell_targets(counts: Mapping[str, int], frame_classes: Mapping[str, float]) -> dict[str, str]:
    """The cell of every class of a unit: itself with CLASS_LEAST answers, else the rest; a rest with fewer than
    CELL_LEAST answers, or without dossiers, joins the class nearest to its first code."""
    own = {code for code, n in counts.items() if n >= CLASS_LEAST and code in frame_classes}
    rest = sorted({*counts, *frame_classes} - own)
    name = "rest"
    thin = sum(counts.get(code, 0) for code in rest) < CELL_LEAST
    if own and rest and (thin or not any(frame_classes.get(code) for code in rest)):
        name = nearest(rest[0], sorted(own))
    return {**{code: code for code in own}, **dict.fromkeys(rest, name)}
