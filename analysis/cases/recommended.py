"""The recommended intervals: this package's formulas at a given share, standard error, sample size and df."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis import intervals
from analysis.cases.answers import Answer, plain
from analysis.cases.compare import Comparison, compare
from analysis.intervals import Decision, Flag

TOLERANCE = 1e-8
COMPARED = ("n_eff", "n_eff_star", "kg_nchs", "wilson_t", "logit_t", "nchs", "nchs_flags", "by_deff")
LISTED = (Flag.FEW_DEGREES, Flag.BOUNDARY, Flag.COMPLEMENT_WIDE)  # the reference gives no reason for what it suppresses


def name_of(entry: Mapping[str, Any]) -> str:
    domain = entry.get("domain") or {}
    return str(entry["case"]) + "".join(f" {key}={value}" for key, value in domain.items()) + f" @{entry['level']}"


def checked(entry: Mapping[str, Any]) -> Comparison:
    """Compare one entry; entries without any degrees of freedom list no interval."""
    expected = {key: entry[key] for key in COMPARED if key in entry}
    p, se, n = float(entry["p"]), float(entry["se"]), int(entry["n"])
    level = float(entry["level"])
    found = _edge(p, n, level, expected) if entry.get("boundary") else _inside(p, se, n, float(entry["df"]), level)
    return compare(expected, found, TOLERANCE)


def _inside(p: float, se: float, n: int, df: float, level: float) -> Answer:
    if df <= 0:
        return {}
    size = float(intervals.effective_size(p, se**2))
    shown = intervals.presentation(p, se, n, df, level)
    return {
        "n_eff": size,
        "n_eff_star": float(intervals.adjusted_size(size, n, df, level)),
        "kg_nchs": plain(list(intervals.korn_graubard(p, size, level, n=n, df=df))),
        "wilson_t": plain(list(intervals.wilson(p, size, level, df))),
        "logit_t": plain(list(intervals.logit(p, se, level, df))),
        "nchs": str(Decision.SHOW if shown.decision is Decision.REVIEW else shown.decision),  # review: by its flags
        "nchs_flags": [str(flag) for flag in shown.flags if flag in LISTED],
    }


def _edge(p: float, n: int, level: float, expected: Mapping[str, Any]) -> Answer:
    """At 0 % and 100 % (or without any variance) the size is n over a reference design effect."""
    edge = float(p >= 0.5)
    rows = {}
    for deff in expected.get("by_deff", {}):
        size = n / float(deff)
        rows[deff] = {
            "clopper_pearson": plain(list(intervals.clopper_pearson(edge, size, level))),
            "wilson": plain(list(intervals.wilson(edge, size, level))),
        }
    return {"by_deff": rows}
