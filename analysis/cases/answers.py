"""Pieces of an answer that several kinds of case share: domains, rows, limits and plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from analysis import intervals
from analysis.cases.declare import Declared
from analysis.cases.table import listed
from analysis.design import BoolArray
from analysis.errors import AnalysisError
from analysis.estimates.moments import Missing, Sample, degrees, narrowed

Answer = dict[str, Any]
Task = Mapping[str, Any]


def level_of(task: Task) -> float:
    return float(task.get("level") or 0.95)


def missing_of(task: Task) -> Missing:
    return Missing.DROP if task.get("na_rm") else Missing.FAIL


def plain(value: Any) -> Any:
    """Numpy values as plain ones; a number that does not exist becomes None."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def inside(one: Declared) -> BoolArray:
    """Rows of the domain, bool[n]."""
    mask = one.sample.in_domain
    return np.ones(one.table.rows, dtype=np.bool_) if mask is None else mask


def counted_rows(one: Declared) -> BoolArray:
    """Rows that the reference counts as the domain's: a calibrated design's subset keeps them all."""
    return np.ones(one.table.rows, dtype=np.bool_) if one.keeps_rows else inside(one)


def per_domain(one: Declared, task: Task, answer: Callable[[Declared], Answer]) -> list[Answer]:
    """One answer for each combination of the `by` variables that occurs, or one for the whole sample."""
    names = [str(name) for name in listed(task.get("by"))]
    if not names:
        return [answer(one)]
    labels = {name: one.table.labels(name) for name in names}
    found = []
    for key in product(*(one.table.levels(name) for name in names)):
        keep = counted_rows(one).copy()
        for name, level in zip(names, key, strict=True):
            keep &= labels[name] == level
        if not keep.any():
            continue
        part = Declared(one.table, narrowed(one.sample, keep), one.keeps_rows)
        found.append({"domain": dict(zip(names, key, strict=True))} | attempted(answer, part))
    return found


def attempted(answer: Callable[[Declared], Answer], part: Declared) -> Answer:
    try:
        return answer(part)
    except AnalysisError as error:
        return refused(error)


def refused(error: AnalysisError) -> Answer:
    """A refusal as an answer; its kind comes first (`compare` looks at it)."""
    return {"error": f"{type(error).__name__}: {error}"}


def limits(estimate: float, se: float, level: float, df_domain: float, df_design: float) -> Answer:
    """Normal limits, and t limits with the domain's and the design's degrees of freedom."""
    return {
        "ci_z": plain(list(intervals.wald(estimate, se, level))),
        "ci_t_domain": plain(list(intervals.wald(estimate, se, level, df_domain))),
        "ci_t_design": plain(list(intervals.wald(estimate, se, level, df_design))),
    }


def freedom(sample: Sample) -> int:
    return degrees(sample)
