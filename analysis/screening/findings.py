"""A finding: one group, one signal, its evidence; and which findings become flags under false discovery control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from analysis.design import BoolArray
from analysis.testing.multiple import Correction, adjusted


class Signal(StrEnum):
    """What is compared. The first eight come from the answers, the others from the counters at the door."""

    COPIES = "copies"
    STRAIGHT = "straight"
    LONG_RUN = "long_run"
    MADE_UP = "made_up"
    TOP_CODES = "top_codes"
    SCATTERED = "scattered"
    ALIKE = "alike"
    TOO_COMPLETE = "too_complete"
    OUT_OF_HOURS = "out_of_hours"
    BURST = "burst"
    SHORT_GAPS = "short_gaps"
    FAST = "fast"
    NO_REFUSALS = "no_refusals"


NEVER_ALONE = frozenset({Signal.FAST})  # flagged only with another flag of the same collector
WEIGHTS = {Signal.LONG_RUN: 0.25, Signal.ALIKE: 0.25, Signal.TOO_COMPLETE: 0.25}  # weak beside the others, which have 1


@dataclass(frozen=True)
class Finding:
    """One test of one group: the statistic, what the null expects and its 99 % quantile (same scale), the p-value,
    answers n, the rows it points at (row numbers of the extract; empty where the group as a whole is the evidence);
    and, once all are known, the p-value adjusted over signals and groups, and whether it is a flag."""

    kind: str
    group: str
    signal: Signal
    statistic: float
    expected: float
    quantile: float
    p: float
    n: int
    rows: tuple[int, ...]
    adjusted_p: float = 1.0
    flagged: bool = False


def flagged(findings: Sequence[Finding], *, fdr: float) -> tuple[Finding, ...]:
    """The findings with adjusted p-values and flags, in the order given: among the groups flagged, the expected share
    of honest ones is at most `fdr`.

    A group's p-value is Simes's over its signals, weighted by WEIGHTS over their mean; groups are selected by Benjamini
    and Hochberg; in the R selected of G groups a signal is flagged when its p-value, adjusted over the group's signals,
    is at most `fdr R / G` (so `adjusted_p`, that times G / R, is at most `fdr`). A signal that is never a flag alone
    selects no group.
    Reference: Simes (1986); Benjamini and Hochberg (1995), JRSS-B 57; Genovese, Roeder, Wasserman (2006), Biometrika
    93, for the weights; Benjamini and Bogomolov (2014), JRSS-B 76.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(findings):
        groups.setdefault((one.kind, one.group), []).append(place)
    within = np.array([one.p for one in findings])
    weights = np.array([WEIGHTS.get(one.signal, 1.0) for one in findings])
    lowest = np.ones(len(groups))
    for number, places in enumerate(groups.values()):
        strong = [place for place in places if findings[place].signal not in NEVER_ALONE]
        if strong:
            share = weights[strong] / weights[strong].mean()
            within[strong] = adjusted(np.minimum(within[strong] / share, 1.0), Correction.BH)
            lowest[number] = within[strong].min()
    chosen = adjusted(lowest, Correction.BH) <= fdr
    factor = len(groups) / max(int(chosen.sum()), 1)
    selected = {key for key, is_chosen in zip(groups, chosen.tolist(), strict=True) if is_chosen}
    return tuple(
        replace(one, adjusted_p=q, flagged=(one.kind, one.group) in selected and q <= fdr)
        for one, q in zip(findings, np.minimum(within * factor, 1.0).tolist(), strict=True)
    )


def suspected(findings: Sequence[Finding], rows: int) -> BoolArray:
    """Answers that a flag points at, bool[n]: the ones that two people decide about; nothing is deleted."""
    mark = np.zeros(rows, dtype=np.bool_)
    for one in findings:
        if one.flagged:
            mark[list(one.rows)] = True
    return mark
