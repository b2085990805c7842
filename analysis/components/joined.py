"""The survey's part of an index sheet, joined from the results of its waves (one wave asks one audience).

Waves ask different people, so their errors are independent: variances add up, and so do the squared distances to the
limits, each side by itself (square-and-add; Zou and Donner 2008, Stat Med 27). Inside a wave its own row of an area or
the total already carries the covariance of its components, who were judged by the same people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.components.index import Figures
from analysis.components.limits import CONFIDENCE, Limits, Method
from analysis.components.points import Points, Survey
from analysis.components.ranks import RankSet, joint_level, rank_sets
from analysis.components.result_rows import NEEDED, ResultRow
from analysis.components.scheme import Kind, Part, Scheme
from analysis.components.sheet import RANKED, Status
from analysis.design import BoolArray, FloatArray
from analysis.errors import DuplicateKey
from analysis.intervals import critical

# (unit, level_of, code) -> the wave's row of one weighting and answers
Found = Mapping[tuple[str, str, str], ResultRow]
OF_WAVES = (*NEEDED, "scheme", "max", "se", "ci_method", "n_valid", "n_effective")  # what a wave's rows need
SURVEYED = frozenset({Kind.OFFICIALS, Kind.SATISFACTION})


@dataclass(frozen=True, eq=False)
class Joined:
    """What the waves say of every part [U, P] in points, and of every survey component [U, J]."""

    codes: tuple[str, ...]
    given: BoolArray
    hidden: BoolArray
    share: FloatArray
    variance: FloatArray
    below: FloatArray
    above: FloatArray
    n: FloatArray
    n_eff: FloatArray
    scale: FloatArray
    complete: BoolArray
    method: NDArray[np.object_]


def join_waves(scheme: Scheme, units: Sequence[str], waves: Mapping[str, Found]) -> Survey:
    """The waves' rows as one survey. Raises DuplicateKey: a component of a unit that two waves give."""
    made = _joined(scheme, units, waves)

    def rank(points: Points, held: NDArray[np.object_]) -> tuple[FloatArray, RankSet]:
        return points.points, _sets(made, points, np.isin(held, list(RANKED)))

    return Survey(
        made.codes,
        made.given,
        made.hidden,
        lambda shares: _figures(made, shares),
        lambda figures: _limits(made, figures),
        rank,
    )


def _joined(scheme: Scheme, units: Sequence[str], waves: Mapping[str, Found]) -> Joined:
    parts = scheme.parts()
    line = {part.components[0].code: part for part in parts if [one.code for one in part.components] == [part.code]}
    asked = [one for one in scheme.components if one.rule.kind in SURVEYED]
    asked = [one for one in asked if any(_owner(waves, unit, line[one.code]) for unit in units)]
    owner = [[_owner(waves, unit, line[one.code]) for one in asked] for unit in units]
    size = (len(units), len(asked))
    given, hidden, share = np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.zeros(size)
    sums = np.zeros((6, len(units), len(parts)))
    complete, method = np.zeros(sums.shape[1:], np.bool_), np.full(sums.shape[1:], Method.NONE, dtype=object)
    for u, unit in enumerate(units):
        for j, one in enumerate(asked):
            wave = owner[u][j]
            if wave is not None:
                row = waves[wave][unit, line[one.code].level_of, one.code]
                given[u, j], hidden[u, j] = True, row["status"] == Status.SUPPRESSED
                share[u, j] = _number(row["points"], 0.0) / one.maximum
        for p, part in enumerate(parts):
            inside = [(one, owner[u][j]) for j, one in enumerate(asked) if one in part.components and owner[u][j]]
            rows = [waves[wave][unit, part.level_of, part.code] for wave in sorted({str(wave) for _, wave in inside})]
            sums[:, u, p] = _sums(rows, sum(one.maximum for one, _ in inside))
            complete[u, p] = bool(rows) and all(row["ci_method"] == Method.COMPLETE for row in rows)
            method[u, p] = _method(rows, all_complete=bool(complete[u, p]))
    codes = tuple(one.code for one in asked)
    variance, below, above, n, n_eff, scale = sums
    return Joined(codes, given, hidden, share, variance, below, above, n, n_eff, scale, complete, method)


def _sums(rows: Sequence[ResultRow], scale: float) -> list[float]:
    """Variance, squared distances to the limits, fewest answers, effective size (of one wave), points asked about."""
    found = [[_number(row[name], np.nan) for name in ("points", "se", "ci_low", "ci_high")] for row in rows]
    unsure = any(low < high and np.isnan(se) for _, se, low, high in found)  # limits, and no error to be estimated
    return [
        0.0 if unsure else sum(float(np.nan_to_num(se)) ** 2 for _, se, _, _ in found),
        sum(float(np.nan_to_num(value - low)) ** 2 for value, _, low, _ in found),
        sum(float(np.nan_to_num(high - value)) ** 2 for value, _, _, high in found),
        min((_number(row["n_valid"], 0.0) for row in rows), default=0.0),
        _number(rows[0]["n_effective"], np.nan) if len(rows) == 1 else np.nan,
        scale,
    ]


def _method(rows: Sequence[ResultRow], *, all_complete: bool) -> Method:
    if len(rows) == 1:
        return Method(rows[0]["ci_method"] or "")
    if all_complete:
        return Method.COMPLETE
    return Method.SQUARE_AND_ADD if rows else Method.NONE


def _owner(waves: Mapping[str, Found], unit: str, line: Part) -> str | None:
    """The wave that asked a unit about a component."""
    found = [
        wave
        for wave, rows in waves.items()
        for row in [rows.get((unit, line.level_of, line.code))]
        if row is not None and row["n_valid"] is not None and row["status"] != Status.EMPTY
    ]
    if len(found) > 1:
        raise DuplicateKey("waves", f"{unit} {line.code}: {', '.join(found)}")
    return found[0] if found else None


def _number(text: str | None, absent: float) -> float:
    return absent if text is None or text == "" else float(text)


def _figures(made: Joined, shares: FloatArray) -> Figures:
    """Values of every part as shares of its survey points; variances are the waves' own."""
    value = (shares * made.share[:, None, :]).sum(axis=2)
    variance = _divided(made.variance, made.scale**2)
    ones, nothing = np.ones_like(value), np.zeros_like(value)
    return Figures(value, variance, made.n, nothing, ones, ones, ones, nothing, made.complete, ones)


def _limits(made: Joined, figures: Figures) -> Limits:
    return _at(made, figures.value, 1.0, (figures.n > 0) & ~made.complete)


def _at(made: Joined, value: FloatArray, stretch: float, usable: BoolArray) -> Limits:
    """The waves' limits around the values, their distances stretched to another level, never outside 0 to 1."""
    below, above = (stretch * _divided(np.sqrt(one), made.scale) for one in (made.below, made.above))
    return Limits(
        np.where(usable, np.maximum(value - below, 0.0), np.nan),
        np.where(usable, np.minimum(value + above, 1.0), np.nan),
        np.where(usable, made.n_eff, np.nan),
        np.where(usable | made.complete, made.method, Method.NONE),
    )


def _divided(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def _sets(made: Joined, points: Points, ranked: BoolArray) -> RankSet:
    """Rank sets from limits that hold together; exact points have none. Shared raters move units together, which
    makes differences surer than this says: the sets are on the safe side."""
    level = joint_level(CONFIDENCE, int(ranked.sum(axis=0).max(initial=1)))
    stretch = float(critical(level) / critical(CONFIDENCE))
    joint = _at(made, points.figures.value, stretch, made.scale > 0)
    pieces = points.pieces
    lower = np.where(made.scale > 0, pieces.scale * joint.lower + pieces.shift, points.points)
    upper = np.where(made.scale > 0, pieces.scale * joint.upper + pieces.shift, points.points)
    pairs = [rank_sets(lower[:, p], upper[:, p], ranked[:, p]) for p in range(lower.shape[1])]
    return np.stack([low for low, _ in pairs], axis=1), np.stack([high for _, high in pairs], axis=1)
