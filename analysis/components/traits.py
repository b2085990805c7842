"""Weights of the province's own figures: calibrated to the units' cells and to traits that classes of all units share.

Late dossiers are few in each unit, so most units cannot meet their number by themselves; all units together can. The
margin of a trait is the frame's class totals added up over the units by level (collapsed, METHOD.md section 4), classes
that mix levels as one more. Answers carry nothing for it but their class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from analysis.components.cells import FACTORS, SLACK, within_caps
from analysis.components.decimals import six
from analysis.components.grouping import Groups
from analysis.components.tables import MIXED
from analysis.components.weighting import Frame, Weighted
from analysis.design import Calibration, FloatArray, IntArray
from analysis.errors import NotConverged
from analysis.weights import Margin, rake

LEAST = 10  # answers of a level whose weights the margin moves: the province's two figures together tell no fewer
OTHER = ""  # MIXED in the manifest; no level of a class is called so


def province_weights(groups: Groups, frame: Frame, weighted: Weighted) -> tuple[Weighted, Mapping[str, object]]:
    """The weights raked to the units' cells and to every trait, and by trait what was done (for the manifest).

    Stored rule: a level with fewer than LEAST answers in the cells that hold several levels joins `OTHER`; a trait of
    which one level is left moves nothing; where the raking does not converge the province keeps the units' weights;
    where a weight would leave FACTORS times its unit's it stops there, so that cells are met and the margin as nearly
    as that allows. The same `weighted` is returned where nothing is raked.
    Reference: Deming and Stephan (1940); Deville, Särndal, Sautory (1993).
    """
    if weighted.calibration is None or not groups.groups:
        return weighted, {}
    cells, counts = weighted.calibration.margins[0], groups.counts
    mass = weighted.weights * counts
    found = {trait: _margin(trait, levels, groups, frame, cells) for trait, levels in frame.traits.items()}
    used = {trait: one for trait, one in found.items() if len(one.levels) > 1}
    told: dict[str, object] = {trait: _told(one, mass, None) for trait, one in found.items()}
    if not used:
        return weighted, told
    names = tuple(str(cell) for cell in range(int(cells.max()) + 1))
    whole = Margin("cells", cells, names, np.asarray(np.bincount(cells, mass, len(names)), dtype=np.float64))
    try:
        after = rake(mass, [whole, *used.values()]).weights
    except NotConverged as error:
        return weighted, told | {trait: _told(one, mass, str(error)) for trait, one in used.items()}
    ratio = after / mass
    why = f"a weight would be {ratio.min():.3g} to {ratio.max():.3g} times its unit's"
    outside = (ratio < FACTORS[0] * (1 - SLACK)) | (ratio > FACTORS[1] * (1 + SLACK))
    for cell in np.unique(cells[outside]).tolist():
        own = np.flatnonzero(cells == cell)
        after[own] = mass[own] * within_caps(ratio[own], mass[own])
    record = Calibration(weighted.calibration.before, after / counts, (cells, *(one.codes for one in used.values())))
    made = Weighted(weighted.rule, after / counts, record, weighted.classes_joined, weighted.steps, weighted.unmet)
    return made, told | {trait: _told(one, mass, why if outside.any() else None, after) for trait, one in used.items()}


def _margin(trait: str, levels: Mapping[tuple[str, str], str], groups: Groups, frame: Frame, cells: IntArray) -> Margin:
    """The margin of a trait over the units with answers, small levels joined."""
    answering = sorted({group.unit for group in groups.groups})
    totals: dict[str, float] = defaultdict(float)
    for unit in answering:
        for code, total in frame.class_totals.get(unit, {"": frame.populations[unit]}).items():
            totals[levels.get((unit, code), OTHER)] += total
    own = [levels.get((group.unit, group.class_), OTHER) for group in groups.groups]
    while True:
        names = sorted({*totals, *own})
        codes = np.array([names.index(level) for level in own], dtype=np.int64)
        moved = _in_mixed_cells(codes, cells, groups.counts, len(names))
        answers = np.bincount(codes, groups.counts, len(names))
        absent = [(answers[n] == 0) != (totals[name] == 0) for n, name in enumerate(names)]
        small = [n for n in range(len(names)) if 0 < moved[n] < LEAST or absent[n]]
        if not small or len(names) == 1:
            return Margin(trait, codes, tuple(names), np.array([totals[name] for name in names]))
        least = min(small, key=lambda n: (moved[n], names[n]))
        gone = names[least] if names[least] != OTHER else min(set(names) - {OTHER}, key=lambda name: totals[name])
        totals[OTHER] += totals.pop(gone)
        own = [OTHER if level == gone else level for level in own]


def _in_mixed_cells(codes: IntArray, cells: IntArray, counts: IntArray, size: int) -> FloatArray:
    """Answers of each level in cells that hold more than one: those whose weights the margin moves, float64[L]."""
    pairs = np.unique(np.stack([cells, codes]), axis=1)
    mixed = np.bincount(pairs[0], minlength=int(cells.max()) + 1) > 1
    return np.asarray(np.bincount(codes, np.where(mixed[cells], counts, 0), size), dtype=np.float64)


def _told(one: Margin, mass: FloatArray, why: str | None, after: FloatArray | None = None) -> dict[str, object]:
    """What the manifest says: dossiers of each level, what the units' weights add up to and the province's, why it
    could not be met."""
    sums = [np.bincount(one.codes, some, len(one.levels)).tolist() for some in (mass, mass if after is None else after)]
    levels = {
        name or MIXED: {"dossiers": six(total), "by_units_weights": six(found), "reached": six(reached)}
        for name, total, found, reached in zip(one.levels, one.totals.tolist(), *sums, strict=True)
    }
    return {"levels": levels, "met": after is not None and why is None, **({} if why is None else {"why": why})}
