"""A finding: one group, one signal, its evidence; and which findings become flags under false discovery control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from analysis.design import BoolArray
from analysis.testing.multiple import Correction, adjusted


class Signal(StrEnum):
    """What is compared. The first seven come from the answers, the others from the counters at the door."""

    COPIES = "copies"
    STRAIGHT = "straight"
    LONG_RUN = "long_run"
    MADE_UP = "made_up"
    SCATTERED = "scattered"
    ALIKE = "alike"
    TOO_COMPLETE = "too_complete"
    OUT_OF_HOURS = "out_of_hours"
    BURST = "burst"
    SHORT_GAPS = "short_gaps"
    FAST = "fast"
    NO_REFUSALS = "no_refusals"


NEVER_ALONE = frozenset({Signal.FAST})  # flagged only with another flag of the same collector


@dataclass(frozen=True)
class Finding:
    """One test of one group: the statistic, what the null expects and its 99 % quantile (same scale), the p-value,
    the one adjusted over all tests of the screening (Benjamini-Hochberg), answers n, and the rows it points at (row
    numbers of the extract; empty where the group as a whole is the evidence)."""

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
    of honest ones is at most `fdr`. Reference: Benjamini and Hochberg (1995), JRSS-B 57; Benjamini and Yekutieli
    (2001) for tests that depend positively, as those of nested groups do."""
    if not findings:
        return ()
    q = adjusted(np.array([one.p for one in findings]), Correction.BH)
    told = [replace(one, adjusted_p=float(v), flagged=bool(v <= fdr)) for one, v in zip(findings, q, strict=True)]
    company = {(one.kind, one.group) for one in told if one.flagged and one.signal not in NEVER_ALONE}
    return tuple(
        replace(one, flagged=one.flagged and (one.signal not in NEVER_ALONE or (one.kind, one.group) in company))
        for one in told
    )


def suspected(findings: Sequence[Finding], rows: int) -> BoolArray:
    """Answers that a flag points at, bool[n]: the ones that two people decide about; nothing is deleted."""
    mark = np.zeros(rows, dtype=np.bool_)
    for one in findings:
        if one.flagged:
            mark[list(one.rows)] = True
    return mark
