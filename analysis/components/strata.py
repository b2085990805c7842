"""Strata for the variance: a top-up stands alone, thin strata join a neighbour of the same unit by the stored rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.cells import SLACK
from analysis.components.grouping import Group, Groups
from analysis.components.joining import join_small
from analysis.components.weighting import Frame, Joined
from analysis.design import FloatArray, IntArray
from analysis.errors import CountsDisagree, NotNested

STRATUM_LEAST = 2  # answers that a stratum needs for its own variance (STATISTICS.md convention 4)


@dataclass(frozen=True, eq=False)
class Strata:
    """Stratum codes of the groups int64[g] and populations by stratum float64[H] after joining; what joined what, by
    unit."""

    codes: IntArray
    population: FloatArray
    joined: Joined


def make_strata(groups: Groups, frame: Frame) -> Strata:
    """Join the strata of a unit that have fewer than STRATUM_LEAST answers (clusters where `psu` is given).

    A stratum of the sample without any answer joins too: its dossiers count in the population of the joined stratum.
    Raises NotNested, CountsDisagree (a stratum with more answers than population).
    """
    population = _populations(groups.groups, frame)
    counts = _counts(groups.groups)
    heads: dict[tuple[str, str], str] = {}
    joined: dict[str, tuple[tuple[str, str], ...]] = {}
    for unit, found in counts.items():
        absent = {row.stratum: 0 for row in frame.classes.get(unit, ()) if row.stratum not in found}
        joins = join_small({**found, **absent}, STRATUM_LEAST)
        heads.update({(unit, label): head for label, head in joins.items()})
        pairs = tuple((label, head) for label, head in sorted(joins.items()) if label != head)
        if pairs:
            joined[unit] = pairs
    sizes: dict[tuple[str, str], float] = defaultdict(float)
    for (unit, label), head in heads.items():
        sizes[unit, head] += population[unit, label]
    place = {key: number for number, key in enumerate(sorted(sizes))}
    codes = np.array([place[g.unit, heads[g.unit, g.stratum]] for g in groups.groups], dtype=np.int64)
    drawn = np.bincount(codes, groups.counts, len(place))
    for key, number in place.items():
        if drawn[number] > sizes[key]:
            raise CountsDisagree("population and answers", f"stratum {key[1]}", sizes[key], int(drawn[number]))
    return Strata(codes, np.array([sizes[key] for key in place]), joined)


def _populations(groups: Sequence[Group], frame: Frame) -> Mapping[tuple[str, str], float]:
    """Dossiers by (unit, stratum): the answers' fpc, else the sample's classes added up."""
    population: dict[tuple[str, str], float] = defaultdict(float)
    for unit, rows in frame.classes.items():
        for row in rows:
            population[unit, row.stratum] += row.population
    owner: dict[str, str] = {}
    seen: dict[tuple[str, str], float] = {}
    for group in groups:
        if owner.setdefault(group.stratum, group.unit) != group.unit:
            raise NotNested("stratum", group.stratum, "unit")
        size = seen.setdefault((group.unit, group.stratum), group.population)
        if size != group.population:
            raise CountsDisagree("fpc (two values in answers.csv)", f"stratum {group.stratum}", size, group.population)
    for key, size in seen.items():
        told = population.get(key, size)
        if np.isfinite(size) and abs(size - told) > SLACK * told:
            raise CountsDisagree("dossiers (sample.csv, fpc of answers.csv)", f"stratum {key[1]}", told, size)
    return {**population, **seen}


def _counts(groups: Sequence[Group]) -> dict[str, dict[str, int]]:
    """Sampled units by unit and stratum: clusters where the extract names them, else answers."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    clusters: dict[tuple[str, str], set[str]] = defaultdict(set)
    for group in groups:
        known = clusters[group.unit, group.stratum]
        counts[group.unit][group.stratum] += (group.psu not in known) if group.psu else group.count
        known.add(group.psu)
    return {unit: dict(found) for unit, found in counts.items()}
