"""Rows that weighting cannot tell apart, as one group: same unit, stratum, class, base weight, and top-up or not.

Everything up to the final weights works on groups (thousands) instead of answers (millions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.components.tables import Answers, Mode
from analysis.design import IntArray, codes, crossed

TOPUP_MARK = "+topup"  # a top-up is a stratum of its own, whatever stratum it was collected in


@dataclass(frozen=True)
class Group:
    """One group: `stratum` carries the mark of a top-up, `psus` counts its distinct clusters (answers without)."""

    unit: str
    stratum: str
    class_: str
    topup: bool
    weight: float
    population: float
    count: int


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups, and the group of each row, int64[n]."""

    of_row: IntArray
    groups: tuple[Group, ...]


def make_groups(answers: Answers) -> Groups:
    """Group the answers; groups come in the order of their codes, so the order of rows does not matter."""
    topup = answers["mode"].among([Mode.TOPUP])
    of_row = answers["unit"].codes.astype(np.int64)
    for column in (answers["stratum"].codes, answers["class"].codes, topup):
        of_row = crossed(of_row, column.astype(np.int64))
    for numbers in (answers.weight_base, answers.fpc):
        of_row = crossed(of_row, codes(numbers))
    _, first, count = np.unique(of_row, return_index=True, return_counts=True)
    some = answers.take(first)
    columns = zip(
        some["unit"].values(), some["stratum"].values(), some["class"].values(), topup[first].tolist(),
        some.weight_base.tolist(), some.fpc.tolist(), count.tolist(), strict=True,
    )  # fmt: skip
    groups = tuple(Group(u, h + TOPUP_MARK if t else h, c, t, w, size, n) for u, h, c, t, w, size, n in columns)
    return Groups(of_row, groups)
