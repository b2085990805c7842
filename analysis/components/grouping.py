"""Answers that no later step can tell apart, as one group: one pass over the rows counts them and adds them up.

Same unit, stratum, class, population, base weight, way in, flag and cluster: everything up to the figures works on
groups (thousands) and their sums instead of answers (millions), so memory does not grow with rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from analysis.components.instrument import ScoredItem
from analysis.components.tables import INVITED, LEAST, MOST, POSITIVE, SELF_SELECTED, Mode, read_number
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.fold.coding import Label, Measure, Scale
from analysis.fold.moments import Moments, Wanted, fold_moments
from analysis.fold.sources import Source
from analysis.fold.table import Cells

TOPUP_MARK = "+topup"  # a top-up is a stratum of its own, whatever stratum it was collected in
KEYS = ("unit", "stratum", "class", "fpc", "weight_base", "mode", "flag", "phase")
CLUSTER = "psu"
BY_INVITATION = "invited"  # link, interviewer, paper and phone are one way in
FLAGGED = "flagged"


@dataclass(frozen=True)
class Group:
    """One group: `stratum` carries the mark of a top-up, `mode` is `invited`, a top-up or self-selected, `psu` is empty
    where every answer is its own unit."""

    unit: str
    stratum: str
    class_: str
    mode: str
    flagged: bool
    psu: str
    weight: float
    population: float
    count: int

    @property
    def topup(self) -> bool:
        return self.mode == Mode.TOPUP

    @property
    def self_selected(self) -> bool:
        return self.mode in SELF_SELECTED


@dataclass(frozen=True, eq=False)
class Groups:
    """Some groups of a wave, where each stands among all of them (int64[g]), and the sums of all."""

    groups: tuple[Group, ...]
    place: IntArray
    sums: Moments
    members: BoolArray  # [C, k] items of each code of results

    def chosen(self, keep: Callable[[Group], bool]) -> Groups:
        """The groups that `keep` says yes to."""
        kept = [number for number, group in enumerate(self.groups) if keep(group)]
        some = tuple(self.groups[number] for number in kept)
        return Groups(some, self.place[np.array(kept, dtype=np.int64)], self.sums, self.members)

    @property
    def counts(self) -> IntArray:
        """Answers of each group, int64[g]."""
        return np.array([group.count for group in self.groups], dtype=np.int64)

    @property
    def clustered(self) -> BoolArray:
        """Groups whose answers lie in clusters, bool[g]."""
        return np.array([bool(group.psu) for group in self.groups], dtype=np.bool_)

    def whole(self, name: str) -> FloatArray:
        """Whole-number sums of each group as the fold names them, [g, ...]."""
        return self.sums.whole(name)[self.place].astype(np.float64)

    def touched(self) -> FloatArray:
        """Respondents with at least one valid item of each code, [g, C]."""
        several, out = _several(self.members), np.zeros((len(self.groups), len(self.members)))
        out[:, several] = self.whole("touched")
        single = np.setdiff1d(np.arange(len(self.members)), several)
        out[:, single] = self.whole("x")[:, self.members[single].argmax(axis=1)]
        return out


def count_answers(
    source: Source,
    items: Sequence[ScoredItem],
    satisfied: frozenset[str],
    members: BoolArray,
    *,
    executor: Executor | None = None,
) -> Groups:
    """Fold the answers into groups; whole-number sums, so neither chunks nor workers change a digit.

    `members` bool[C, k] says which items each code of results is made of. Raises CellInvalid (row 1 is the first
    answer) and the refusals of `fold_moments`.
    """
    wanted = Wanted(
        tuple(item.code for item in items),
        tuple(Scale(one.steps, frozenset(v for v in range(1, one.steps + 1) if str(v) in satisfied)) for one in items),
        (Measure.VALID, Measure.SATISFIED, Measure.VALUE),
        tuple(tuple(np.flatnonzero(members[code]).tolist()) for code in _several(members)),
        (Measure.INAPPLICABLE,),
    )
    sums = fold_moments(source, wanted, keys=KEYS, psu=CLUSTER, readers=READERS, executor=executor)
    groups = (*_groups(sums.alone), *_groups(sums.clusters))
    return Groups(groups, np.arange(len(groups), dtype=np.int64), sums, members)


def way_in(label: Label) -> Label:
    """How an answer came in, as far as it matters to a figure."""
    if label not in set(Mode):
        raise ValueError(", ".join(sorted(Mode)))
    return BY_INVITATION if label in INVITED else str(label)


def flagged(label: Label) -> Label:
    return FLAGGED if label else ""


def phase(label: Label) -> Label:
    """The wave's phase is in no figure, but an answer has one."""
    if not label:
        raise ValueError("a phase of the wave")
    return ""


def population(label: Label) -> Label:
    """Dossiers of the stratum; empty when they are not known."""
    return math.inf if label in ("", math.inf) else positive(label)


def positive(label: Label) -> Label:
    """A positive number, no larger than a count may be."""
    try:
        value = read_number(label)
    except ValueError:
        value = math.nan
    if not LEAST <= value <= MOST:
        raise ValueError(POSITIVE)
    return value


READERS = {"mode": way_in, "flag": flagged, "phase": phase, "fpc": population, "weight_base": positive}


def _several(members: BoolArray) -> IntArray:
    """Codes that are made of several items."""
    return np.flatnonzero(members.sum(axis=1) > 1)


def _groups(cells: Cells) -> Iterator[Group]:
    counts = cells.counts.tolist()
    clusters = cells.column(CLUSTER).tolist() if CLUSTER in cells.keys else [""] * len(counts)
    columns = [cells.column(key).tolist() for key in KEYS]
    for *told, psu, count in zip(*columns, clusters, counts, strict=True):
        unit, stratum, class_, size, weight, mode, flag, _ = told
        own = stratum + TOPUP_MARK if mode == Mode.TOPUP else stratum
        yield Group(unit, own, class_, mode, bool(flag), psu, weight, size, count)
