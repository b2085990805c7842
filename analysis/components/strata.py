"""Strata for the variance: a top-up stands alone, thin strata join a neighbour of the same unit by the stored rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.components.grouping import Group, Groups
from analysis.components.joining import join_small
from analysis.components.tables import Answers
from analysis.components.weighting import Frame, Joined
from analysis.design import FloatArray, IntArray
from analysis.errors import CountsDisagree, NotNested

STRATUM_LEAST = 2  # answers that a stratum needs for its own variance (STATISTICS.md convention 4)


@dataclass(frozen=True, eq=False)
class Strata:
    """By row: stratum codes int64[n] and populations float64[n] after joining; what joined what, by unit."""

    codes: IntArray
    population: FloatArray
    joined: Joined


def make_strata(answers: Answers, groups: Groups, frame: Frame) -> Strata:
    """Join the strata of a unit that have fewer than STRATUM_LEAST answers (clusters where `psu` is given).

    A stratum of the sample without any answer joins too: its dossiers count in the population of the joined stratum.
    Raises NotNested, CountsDisagree (a stratum with more answers than population).
    """
    population = _populations(groups.groups, frame)
    counts = _counts(answers, groups)
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
    keys = [(group.unit, heads[group.unit, group.stratum]) for group in groups.groups]
    codes = np.array([place[key] for key in keys], dtype=np.int64)[groups.of_row]
    sized = np.array([sizes[key] for key in keys], dtype=np.float64)[groups.of_row]
    _check_sizes(codes, place, sizes)
    return Strata(codes, sized, joined)


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
            raise CountsDisagree("fpc", f"stratum {group.stratum}", size, group.population)
    return {**population, **seen}


def _counts(answers: Answers, groups: Groups) -> dict[str, dict[str, int]]:
    """Answers by unit and stratum, or clusters where the extract names them."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    if answers["psu"].levels in ((), ("",)):
        for group in groups.groups:
            counts[group.unit][group.stratum] += group.count
        return {unit: dict(found) for unit, found in counts.items()}
    psu = answers["psu"]
    own = np.where(psu.among([""]), np.arange(answers.rows), -1)
    pairs = np.unique(np.column_stack([groups.of_row, psu.codes, own]), axis=0)
    clusters: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    for number, code, row in pairs.tolist():
        group = groups.groups[number]
        clusters[group.unit, group.stratum].add((code, row))
    for (unit, label), found in clusters.items():
        counts[unit][label] = len(found)
    return {unit: dict(found) for unit, found in counts.items()}


def _check_sizes(codes: IntArray, place: Mapping[tuple[str, str], int], sizes: Mapping[tuple[str, str], float]) -> None:
    drawn = np.bincount(codes, minlength=len(place))
    for key, number in place.items():
        if drawn[number] > sizes[key]:
            raise CountsDisagree("population and answers", f"stratum {key[1]}", sizes[key], int(drawn[number]))
