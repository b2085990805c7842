"""Weights of the citizens' answers: design, non-response in classes, calibration to the frame with caps (METHOD.md 4).

Classes lie inside strata and strata inside units, so the margins that are raked (unit totals, totals of classes with
answers enough, the rest of a unit as one cell) are nested and raking is post-stratification on their cells (`cells`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from analysis.components.cells import PART_LEAST, SLACK, Unmet, bounded, make_cells
from analysis.components.grouping import Group, Groups
from analysis.components.joining import join_small
from analysis.components.scheme import WeightingRule
from analysis.components.tables import MarginRow, SampleRow, TraitRow
from analysis.design import Calibration, FloatArray, IntArray
from analysis.errors import CodeUnknown, CountsDisagree, MarginMissing, MarginsContradict

PLAUSIBLE = 3.0  # a unit's weights a dossier, of the wave's median: base weights add up to the dossiers but for chance
KEPT_LEAST = 10  # persons kept from which a unit's sum of weights says something

Joined = Mapping[str, tuple[tuple[str, str], ...]]  # by unit: (code, the code that it joined)


@dataclass(frozen=True, eq=False)
class Frame:
    """The frame's dossiers by unit and by class, the sample's classes by unit, and of each trait the level of (unit,
    class)."""

    populations: Mapping[str, float]
    class_totals: Mapping[str, Mapping[str, float]]
    classes: Mapping[str, tuple[SampleRow, ...]]
    traits: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)

    def invited(self, unit: str) -> int:
        return sum(row.invited for row in self.classes.get(unit, ()))


@dataclass(frozen=True, eq=False)
class Weighted:
    """Final weights float64[g] of the groups' answers by one rule, the calibration's record (None for design weights),
    every step kept; totals that the caps did not allow, by unit."""

    rule: WeightingRule
    weights: FloatArray
    calibration: Calibration | None
    classes_joined: Joined
    steps: Mapping[str, FloatArray]
    unmet: Mapping[str, Sequence[Unmet]] = field(default_factory=dict)


def make_frame(sample: Sequence[SampleRow], margins: Sequence[MarginRow], traits: Sequence[TraitRow] = ()) -> Frame:
    """Collect the tables by unit; refuses class totals that do not add up to their unit's (MarginsContradict) and
    traits of a class that the sample does not have (CodeUnknown)."""
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
    return Frame(populations, totals, {unit: tuple(rows) for unit, rows in classes.items()}, _levels(sample, traits))


def _levels(sample: Sequence[SampleRow], traits: Sequence[TraitRow]) -> dict[str, dict[tuple[str, str], str]]:
    known = {(row.unit, row.class_) for row in sample}
    levels: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in traits:
        if (row.unit, row.class_) not in known:
            raise CodeUnknown("traits.csv", "class", row.class_, f"sample.csv (unit {row.unit})")
        levels[row.trait][row.unit, row.class_] = row.level
    return dict(levels)


def check_counts(groups: Groups, frame: Frame) -> None:
    """Every invited answer lies in a class of the sample, and each class has as many as the sample says; the sample's
    dossiers are the frame's, and no unit's weights add up to more than PLAUSIBLE times what is usual.

    Raises CodeUnknown, CountsDisagree.
    """
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    weights: dict[tuple[str, str, str], float] = defaultdict(float)
    for group in groups.groups:
        if not group.topup:
            key = group.unit, group.stratum, group.class_
            found[key] += group.count
            weights[key] += group.weight * group.count
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
        if row.weight_sum < weights.get(key, 0.0) * (1 - SLACK):
            raise CountsDisagree("weight_sum and weights answered", place, row.weight_sum, weights[key])
    _check_dossiers(frame)


def _check_dossiers(frame: Frame) -> None:
    """The sample's table against the margins."""
    for unit, rows in frame.classes.items():
        totals = frame.class_totals.get(unit, {})
        for code in sorted({row.class_ for row in rows} & totals.keys()):
            told = sum(row.population for row in rows if row.class_ == code)
            if abs(told - totals[code]) > SLACK * max(told, 1.0):
                place = f"class {code} of unit {unit}"
                raise CountsDisagree("dossiers (sample.csv, margins.csv)", place, told, totals[code])
    means = {
        unit: sum(row.weight_sum for row in rows) / sum(row.population for row in rows)
        for unit, rows in frame.classes.items()
        if sum(row.kept for row in rows) >= KEPT_LEAST
    }
    usual = median(means.values()) if means else 0.0
    for unit, mean in means.items():
        if mean > PLAUSIBLE * usual > 0:
            what = f"weight_sum a dossier (at most {PLAUSIBLE:g} times the usual)"
            raise CountsDisagree(what, f"unit {unit}", usual, mean)


def design_weights(groups: Groups) -> Weighted:
    """The base weights alone: 1 / inclusion probability with the multiplicity of persons inside."""
    base = np.array([group.weight for group in groups.groups])
    return Weighted(WeightingRule.DESIGN, base, None, {}, {"base": base})


def calibrated_weights(groups: Groups, frame: Frame) -> Weighted:
    """Base weight x non-response factor of the class x factor of its cell, within caps (`cells.bounded`).

    Raises MarginMissing, CountsDisagree. References: Oh and Scheuren (1983); Deville, Särndal, Sautory (1993).
    """
    base = design_weights(groups).weights
    factors, joined = _nonresponse_factors(groups.groups, frame)
    adjusted = base * np.array(factors)
    steps = {"base": base, "nonresponse": adjusted}
    if not groups.groups:
        return Weighted(WeightingRule.CALIBRATED, adjusted, None, joined, steps)
    cells, counts = make_cells(groups.groups, frame.populations, frame.class_totals), groups.counts
    sums, met, unmet = bounded(base * counts, adjusted * counts, cells)
    after = sums / counts
    record = Calibration(adjusted, after, (met.codes,))
    return Weighted(WeightingRule.CALIBRATED, after, record, joined, {**steps, "calibrated": after}, unmet)


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
            if row.class_ in target:
                kept[target[row.class_]] += row.weight_sum
                replied[target[row.class_]] += weight
        factors.update({(unit, code): kept[target[code]] / replied[target[code]] for code in found})
        pairs = tuple((code, head) for code, head in sorted(target.items()) if code != head)
        if pairs:
            joined[unit] = pairs
    return [1.0 if group.topup else factors[group.unit, group.class_] for group in groups], joined


def _class_targets(classes: Sequence[SampleRow], counts: Mapping[str, int]) -> dict[str, str]:
    """The set of every class of a unit that was asked: classes with fewer than PART_LEAST answers join inside their
    stratum, and strata that have fewer in all join inside the unit (`joining`)."""
    strata: dict[str, dict[str, int]] = defaultdict(dict)
    for row in classes:
        if row.weight_sum > 0 or row.class_ in counts:
            strata[row.stratum][row.class_] = counts.get(row.class_, 0)
    inner = {code: head for own in strata.values() for code, head in join_small(own, PART_LEAST).items()}
    sizes: dict[str, int] = defaultdict(int)
    for code, head in inner.items():
        sizes[head] += counts.get(code, 0)
    outer = join_small(sizes, PART_LEAST)
    return {code: outer[head] for code, head in inner.items()}
