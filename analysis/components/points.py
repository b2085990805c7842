"""Points of a scheme: components from answers and typed-in figures, added up to criteria, areas and the total.

Parts are added unrounded. The survey components of a part become one index of the same respondents (weights: their
maxima), so a part has one variance, not a sum of variances; typed-in points shift it and add none. SE(area 8) is
therefore SE(index) x max / 100 (METHOD.md section 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.components.disclosure import blanked, hidden_in, hidden_parts, why_hidden
from analysis.components.index import Figures
from analysis.components.limits import Limits, Method
from analysis.components.ranks import RankSet
from analysis.components.remarks import no_error
from analysis.components.scheme import Component, Kind, Part, Scheme
from analysis.components.sheet import Line, Reason, Status, because
from analysis.components.wholes import behind_wholes, taken_wholes, wholes_of
from analysis.design import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Survey:
    """What the answers of a wave give to a scheme: its survey components `codes`, which units have them and which may
    not be told (bool[U, J]), and how linear combinations of them (shares [U, P, J]) are estimated, limited, ranked."""

    codes: tuple[str, ...]
    available: BoolArray
    hidden: BoolArray
    combine: Callable[[FloatArray], Figures]
    limit: Callable[[Figures], Limits]
    rank: Callable[[Points, NDArray[np.object_]], tuple[FloatArray, RankSet]]  # (ranked value, sets) by status [U, P]


@dataclass(frozen=True, eq=False)
class Pieces:
    """What every part [U, P] is made of: shares [U, P, J] and maximum of its survey components, its typed-in points."""

    shares: FloatArray
    scale: FloatArray
    shift: FloatArray
    typed: BoolArray  # [U, P] has typed-in points
    missing: BoolArray  # [U, components of the scheme]
    imported: BoolArray  # [U, components of the scheme] survey points from another wave
    behind: Mapping[tuple[int, int], frozenset[str]]  # (unit, part) -> components that whole parts stand for


@dataclass(frozen=True, eq=False)
class Points:
    """Points [U, P] of every part of a scheme."""

    lines: tuple[Line, ...]
    pieces: Pieces
    points: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    figures: Figures
    limits: Limits
    status: NDArray[np.object_]
    reasons: NDArray[np.object_]

    @property
    def surveyed(self) -> BoolArray:
        return np.asarray(self.pieces.scale > 0)


def by_kind(scheme: Scheme, kind: Kind) -> tuple[Component, ...]:
    """The components that earn points by one kind of rule."""
    return tuple(one for one in scheme.components if one.rule.kind is kind)


def make_points(scheme: Scheme, units: Sequence[str], survey: Survey, fixed: Mapping[tuple[str, str], float]) -> Points:
    """Points of every part for every unit. Figures of this wave win over imported ones of the same component.

    A part that lacks a component adds up what there is, is `not_ranked` and names the lack; one without anything is
    `empty`, one with a hidden component is `suppressed`. Limits are `maximum x limits of the survey index + typed-in
    points`.
    """
    parts = scheme.parts()
    pieces = _with_wholes(_gather(scheme, parts, units, survey, fixed), scheme, units, survey, fixed)
    hidden = hidden_parts(pieces.shares, survey.hidden)
    figures = survey.combine(pieces.shares)
    shown = blanked(figures, hidden)
    limits = survey.limit(shown)
    surveyed = pieces.scale > 0
    told = (surveyed | pieces.typed) & ~hidden
    points = np.where(told, pieces.scale * shown.value + pieces.shift, np.nan)
    unsure = surveyed & (shown.variance > 0) & ~shown.complete
    status, reasons = _judged(scheme, parts, pieces, survey, (figures, hidden, limits))
    return Points(
        tuple(Line(part.level_of, part.code, part.maximum, part.source) for part in parts),
        pieces,
        points,
        np.where(unsure, pieces.scale * np.sqrt(shown.variance), np.nan),
        np.where(surveyed, pieces.scale * limits.lower + pieces.shift, np.nan),
        np.where(surveyed, pieces.scale * limits.upper + pieces.shift, np.nan),
        figures, limits, status, reasons,
    )  # fmt: skip


def missing_codes(part: Part, missing: Mapping[str, bool]) -> list[str]:
    """Codes without points inside a part; a part that lacks everything is named itself."""
    if all(missing[one.code] for one in part.components):
        return [part.code]
    return [code for inner in part.parts for code in missing_codes(inner, missing)]


def _gather(
    scheme: Scheme,
    parts: Sequence[Part],
    units: Sequence[str],
    survey: Survey,
    fixed: Mapping[tuple[str, str], float],
) -> Pieces:
    components = scheme.components
    number = {one.code: c for c, one in enumerate(components)}
    found = np.zeros((len(units), len(components)), dtype=np.bool_)
    for j, code in enumerate(survey.codes):
        found[:, number[code]] = survey.available[:, j]
    typed = np.array([[fixed.get((unit, one.code), np.nan) for one in components] for unit in units])
    typed = np.where(found, np.nan, typed.reshape(found.shape))
    has = ~np.isnan(typed)
    inside = np.array([[one in part.components for one in components] for part in parts], dtype=np.float64)
    maxima = np.array([one.maximum for one in components])
    places = [number[code] for code in survey.codes]
    shares = (inside * maxima)[None, :, places] * found[:, None, places]
    scale = shares.sum(axis=2)
    shares = np.divide(shares, scale[:, :, None], out=np.zeros_like(shares), where=scale[:, :, None] > 0)
    shift = np.where(has, typed, 0.0) @ inside.T
    survey_kind = np.array([one.rule.kind in (Kind.OFFICIALS, Kind.SATISFACTION) for one in components])
    return Pieces(shares, scale, shift, (has @ inside.T) > 0, ~found & ~has, has & survey_kind, {})


def _with_wholes(
    pieces: Pieces, scheme: Scheme, units: Sequence[str], survey: Survey, fixed: Mapping[tuple[str, str], float]
) -> Pieces:
    """The pieces where points were given for whole parts whose components are not all known. A whole that holds points
    of this survey is passed over: nobody knows the error of what it would leave over."""
    parts, codes = scheme.parts(), [one.code for one in scheme.components]
    behind: dict[tuple[int, int], frozenset[str]] = {}
    for u, unit in enumerate(units):
        asked = {code for code, one in zip(survey.codes, survey.available[u].tolist(), strict=True) if one}
        own = [any(one.code in asked for one in part.components) for part in parts]
        given = {p: value for p, value in wholes_of(parts, unit, fixed).items() if not own[p]}
        known = frozenset(code for code, lacks in zip(codes, pieces.missing[u].tolist(), strict=True) if not lacks)
        for p, atoms in (taken_wholes(parts, given, known) if given else {}).items():
            held = behind_wholes(parts, atoms)
            typed = [one.code for one in parts[p].components if one.code not in held | asked]
            pieces.shift[u, p] = sum(given[atom] for atom in atoms) + sum(fixed.get((unit, one), 0.0) for one in typed)
            pieces.typed[u, p], behind[u, p] = True, held
    return replace(pieces, behind=behind)


def _judged(
    scheme: Scheme,
    parts: Sequence[Part],
    pieces: Pieces,
    survey: Survey,
    made: tuple[Figures, BoolArray, Limits],
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Status and reasons of every unit and part, object[U, P]; `made`: figures, which are hidden, limits."""
    figures, hidden, limits = made
    codes = [one.code for one in scheme.components]
    surveyed = pieces.scale > 0
    few = surveyed & (figures.n < scheme.min_valid_unit)
    status = np.full(few.shape, Status.EMPTY, dtype=object)
    reasons = np.full(few.shape, None, dtype=object)
    for u in range(few.shape[0]):
        missing = dict(zip(codes, pieces.missing[u].tolist(), strict=True))
        imported = {code for code, one in zip(codes, pieces.imported[u].tolist(), strict=True) if one}
        kept_back = hidden_in(survey.codes, survey.hidden[u])
        for p, part in enumerate(parts):
            behind = pieces.behind.get((u, p))
            lacks = missing_codes(part, missing | dict.fromkeys(behind, False) if behind else missing)
            taken = [one.code for one in part.components if one.code in imported]
            why = [because(Reason.MISSING, lacks)] if lacks else []
            why += [because(Reason.IMPORTED, taken)] if taken else []
            if hidden[u, p]:
                status[u, p] = Status.SUPPRESSED
                why.append(_why_hidden(part, kept_back, float(figures.n[u, p])))
            elif surveyed[u, p] or pieces.typed[u, p]:
                status[u, p] = _status(bool(lacks) or bool(few[u, p]), limits.method[u, p])
                why += [] if surveyed[u, p] or taken else [because(Reason.TYPED_IN)]
                why += [because(Reason.FEW_ANSWERS, [scheme.min_valid_unit])] if few[u, p] else []
                why += no_error(figures, u, p) if surveyed[u, p] else []
            reasons[u, p] = tuple(why)
    return status, reasons


def _why_hidden(part: Part, kept_back: Sequence[str], n: float) -> str:
    """A component by its own respondents, a sum by its hidden components."""
    inside = [one.code for one in part.components if one.code in kept_back]
    return why_hidden(n) if inside == [part.code] else because(Reason.HOLDS_SUPPRESSED, inside)


def _status(held: bool, method: object) -> Status:
    if held:
        return Status.NOT_RANKED
    return Status.COMPLETE if method == Method.COMPLETE else Status.OK
