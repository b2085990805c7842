"""Weights of the citizens' answers: design, non-response in classes, raking to the frame, trimming (METHOD.md 4).

Classes lie inside strata and strata inside units, so the margins that are raked (unit totals, totals of classes with
`CLASS_LEAST` answers, the rest of a unit as one cell) are nested and raking is post-stratification on their cells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.grouping import Group, Groups
from analysis.components.joining import join_small, nearest
from analysis.components.scheme import WeightingRule
from analysis.components.tables import MarginRow, SampleRow
from analysis.design import Calibration, FloatArray, IntArray
from analysis.errors import CodeUnknown, CountsDisagree, MarginMissing, MarginsContradict
from analysis.weights import Margin, poststratify

RESPONSE_LEAST = 5  # answers that a class needs for a non-response factor of its own
CLASS_LEAST = 10  # answers that a class needs for a margin of its own (METHOD.md section 4)
CELL_LEAST = 2  # answers that the rest of a unit needs to stand as a cell: one answer has no residual
FACTORS = (0.3, 3.0)  # limits of final / base weight, as a multiple of the unit's mean (STATISTICS.md, nonresponse)
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
    """Final weights float64[g] of the groups' answers by one rule, the calibration's record (None for design weights),
    every step kept."""

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
    base = np.array([group.weight for group in groups.groups])
    return Weighted(WeightingRule.DESIGN, base, None, {}, {"base": base})


def calibrated_weights(groups: Groups, frame: Frame) -> Weighted:
    """Base weight x non-response factor of the class x post-stratification factor of its cell, their product trimmed.

    Raises MarginMissing, CountsDisagree. References: Oh and Scheuren (1983); Deville, Särndal, Sautory (1993).
    """
    base = design_weights(groups).weights
    factors, joined = _nonresponse_factors(groups.groups, frame)
    adjusted = base * np.array(factors)
    steps = {"base": base, "nonresponse": adjusted}
    if not groups.groups:
        return Weighted(WeightingRule.CALIBRATED, adjusted, None, joined, steps)
    cells, totals = _cells(groups.groups, frame)
    place = {cell: number for number, cell in enumerate(totals)}
    codes = np.array([place[cell] for cell in cells], dtype=np.int64)
    margin = Margin("unit and class", codes, tuple(totals), np.array(list(totals.values())))
    mass = adjusted * groups.counts
    calibrated = adjusted * (poststratify(mass, margin).weights / mass)
    after = _trimmed(groups, calibrated)
    steps = {**steps, "calibrated": calibrated, "trimmed": after}
    return Weighted(WeightingRule.CALIBRATED, after, Calibration(adjusted, after, (codes,)), joined, steps)


def kish(weights: FloatArray, counts: IntArray, codes: IntArray, size: int) -> FloatArray:
    """Kish's design effect `n sum w^2 / (sum w)^2` of the groups' answers by code 0..size-1, float64[size] (1.0 without
    answers). Reference: Kish (1965) 11.7."""
    n, total, squared = (np.bincount(codes, counts * part, size) for part in (np.ones(len(codes)), weights, weights**2))
    return np.asarray(np.divide(n * squared, total**2, out=np.ones(size), where=total > 0))


def _nonresponse_factors(groups: Sequence[Group], frame: Frame) -> tuple[list[float], Joined]:
    """Factor of each group: kept weight of its class, or of the classes joined to it, over their answered weight. A
    top-up was not invited: factor 1."""
    answered: dict[tuple[str, str], float] = defaultdict(float)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group in groups:
        if not group.topup:
            answered[group.unit, group.class_] += group.weight * group.count
            counts[group.unit][group.class_] += group.count
    factors: dict[tuple[str, str], float] = {}
    joined: dict[str, tuple[tuple[str, str], ...]] = {}
    for unit, found in counts.items():
        target = _class_targets(frame.classes[unit], found)
        kept: dict[str, float] = defaultdict(float)
        replied: dict[str, float] = defaultdict(float)
        for row in frame.classes[unit]:
            weight = answered.get((unit, row.class_), 0.0)
            if row.weight_sum < weight * (1 - SLACK):
                raise CountsDisagree("weight_sum", f"class {row.class_} of unit {unit}", row.weight_sum, weight)
            if row.class_ in target:
                kept[target[row.class_]] += row.weight_sum
                replied[target[row.class_]] += weight
        factors.update({(unit, code): kept[target[code]] / replied[target[code]] for code in found})
        pairs = tuple((code, head) for code, head in sorted(target.items()) if code != head)
        if pairs:
            joined[unit] = pairs
    return [1.0 if group.topup else factors[group.unit, group.class_] for group in groups], joined


def _class_targets(classes: Sequence[SampleRow], counts: Mapping[str, int]) -> dict[str, str]:
    """The set of every class of a unit that was asked: classes with fewer than RESPONSE_LEAST answers join inside their
    stratum, and strata that have fewer in all join inside the unit (`joining`)."""
    strata: dict[str, dict[str, int]] = defaultdict(dict)
    for row in classes:
        if row.weight_sum > 0 or row.class_ in counts:
            strata[row.stratum][row.class_] = counts.get(row.class_, 0)
    inner = {code: head for own in strata.values() for code, head in join_small(own, RESPONSE_LEAST).items()}
    sizes: dict[str, int] = defaultdict(int)
    for code, head in inner.items():
        sizes[head] += counts.get(code, 0)
    outer = join_small(sizes, RESPONSE_LEAST)
    return {code: outer[head] for code, head in inner.items()}


def _trimmed(groups: Groups, weights: FloatArray) -> FloatArray:
    """Weights whose factor over the base weight lies within FACTORS times the unit's mean factor; what is cut off is
    shared by the unit's other answers in proportion to their weights, so the unit's sum stays.

    Such weights no longer meet the totals of their cells. Reference: Potter (1990); bounds as in Deville and Särndal
    (1992).
    """
    names = {unit: number for number, unit in enumerate(dict.fromkeys(group.unit for group in groups.groups))}
    unit = np.array([names[group.unit] for group in groups.groups], dtype=np.int64)
    base = np.asarray(design_weights(groups).weights * groups.counts, dtype=np.float64)
    factor = weights * groups.counts / base
    mean = np.bincount(unit, base * factor) / np.bincount(unit, base)
    relative, after = factor / mean[unit], weights.copy()
    outside = (relative < FACTORS[0] * (1 - SLACK)) | (relative > FACTORS[1] * (1 + SLACK))
    for one in np.unique(unit[outside]).tolist():
        own = np.flatnonzero(unit == one)
        after[own] *= _bounded(relative[own], base[own]) / relative[own]
    return after


def _bounded(factors: FloatArray, mass: FloatArray) -> FloatArray:
    """`clip(s x factors)` with the s that makes their mean by `mass` 1: the sum over s is linear between the points
    where one more factor meets a limit."""
    points = np.sort(np.concatenate([bound / factors for bound in FACTORS]))
    sums = np.clip(points[:, None] * factors, *FACTORS) @ mass
    return np.asarray(np.clip(np.interp(mass.sum(), sums, points) * factors, *FACTORS))


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
