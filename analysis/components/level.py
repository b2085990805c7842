"""Sheets of one level of units (departments, communes) and of the province from the units' moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.components.decimals import six
from analysis.components.disclosure import blanked, hidden_codes
from analysis.components.index import (
    Codes,
    Figures,
    IndexOptions,
    choose_codes,
    combined,
    index_figures,
    take_codes,
)
from analysis.components.limits import CONFIDENCE, Limits, item_limits, pooled_limits, smoothed_effect
from analysis.components.points import Points, Survey, by_kind, make_points
from analysis.components.ranks import RankSet, joint_level, plain_ranks, rank_sets
from analysis.components.remarks import LevelData, Objects, in_the_index, index_reasons, index_status, item_names
from analysis.components.scheme import Aggregation, IndexRule, Kind, Part, Scheme
from analysis.components.sheet import RANKED, About, Line, Reason, Sheet, SheetKey, Status, because
from analysis.design import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Basis:
    """The figures that ranks compare: the published ones, or those of the items common to all ranked units."""

    figures: Figures
    reasons: tuple[str | None, ...]  # by code


@dataclass(frozen=True, eq=False)
class Estimated:
    """The index of a level: all figures, which of them are hidden, their status, and what the ranks compare."""

    figures: Figures
    hidden: BoolArray
    status: Objects
    basis: Basis

    @property
    def shown(self) -> Figures:
        return blanked(self.figures, self.hidden)


def index_sheet(data: LevelData, key: SheetKey) -> Sheet:
    """Item, factor, group and overall rows of a level."""
    made = _estimated(data, key)
    ranked = np.isin(made.status, list(RANKED))
    compared = blanked(made.basis.figures, made.hidden)
    joint = code_limits(compared, data.codes, key.rule, _joint_confidence(ranked))
    limits = code_limits(made.shown, data.codes, key.rule, CONFIDENCE)
    seen = _compared(key.scheme, 100 * compared.value, ranked)
    return _sheet(data, key, made, limits, _ranking(seen, _sets(seen / 100, joint, ranked)))


def points_sheet(data: LevelData, key: SheetKey, fixed: Mapping[tuple[str, str], float]) -> Sheet:
    """Component, criterion, area and total rows of a level; satisfaction comes from the scheme's index rule."""
    made = _estimated(data, key)
    components = by_kind(key.scheme, Kind.SATISFACTION)
    found = [data.codes.position(one.rule.level_of, one.rule.code) for one in components]
    known = [(one.code, place) for one, place in zip(components, found, strict=True) if place is not None]
    places = [place for _, place in known]
    base, ranked_base = take_codes(made.figures, places), take_codes(made.basis.figures, places)
    effect = _item_effect(made.shown, data.codes)

    def rank(points: Points, held: Objects) -> tuple[FloatArray, RankSet]:
        hidden = np.asarray(held == Status.SUPPRESSED, dtype=np.bool_)
        other = blanked(combined(data.moments, ranked_base, points.pieces.shares), hidden)
        ranked = np.isin(held, list(RANKED))
        joint = pooled_limits(other, _joint_confidence(ranked), effect)
        scale, shift = points.pieces.scale, points.pieces.shift
        moved = replace(joint, lower=scale * joint.lower + shift, upper=scale * joint.upper + shift)
        value = np.where(points.surveyed, scale * other.value + shift, points.points)
        return value, _sets(_compared(key.scheme, value, ranked), moved, ranked)

    survey = Survey(
        tuple(code for code, _ in known),
        base.n > 0,
        made.hidden[:, places],
        lambda shares: combined(data.moments, base, shares),
        lambda one: pooled_limits(one, CONFIDENCE, effect),
        rank,
    )
    return sheet_of_points(data.about, key, survey, fixed)


def sheet_of_points(about: About, key: SheetKey, survey: Survey, fixed: Mapping[tuple[str, str], float]) -> Sheet:
    """The points of a scheme as a sheet, whatever survey earns them."""
    made = make_points(key.scheme, about.units, survey, fixed)
    value, sets = survey.rank(made, made.status)
    rank, sets = _ranking(_compared(key.scheme, value, np.isin(made.status, list(RANKED))), sets)
    maxima = np.array([line.maximum for line in made.lines])
    whole = ~np.isnan(made.points) & _not_partial(made)
    surveyed, reasons = made.surveyed, np.full(made.status.shape, None, dtype=object)
    n_valid = np.where(surveyed, made.figures.n, np.nan)
    for u, unit in enumerate(about.units):
        for p in range(len(made.lines)):
            shared = about.notes.of(unit) if made.pieces.scale[u, p] > 0 else []
            silent = _why_no_points(survey, key.scheme.parts()[p], made.status[u, p], about, u)
            reasons[u, p] = (*made.reasons[u, p], *shared, *silent)
            n_valid[u, p] = 0.0 if silent and about.invited[u] > 0 else n_valid[u, p]
    return Sheet(
        key, about.units, made.lines,
        np.where(whole, 100 * made.points / maxima, np.nan),
        made.points, made.se, made.low, made.high,
        np.where(surveyed, made.limits.method, ""),
        n_valid,
        np.where(surveyed, made.limits.n_eff, np.nan),
        np.where(surveyed, made.figures.df, np.nan),
        about.invited, about.response_rate, made.status, reasons,
        rank, *sets,
    )  # fmt: skip


def province_sheet(data: LevelData, key: SheetKey) -> Sheet:
    """The index over all units together (`data` has one row); a province stands alone, so it has no rank."""
    made = _estimated(data, key, alone=True)
    limits = code_limits(made.shown, data.codes, key.rule, CONFIDENCE)
    none = np.full(made.hidden.shape, np.nan)
    return _sheet(data, key, made, limits, (none, (none, none)))


def _estimated(data: LevelData, key: SheetKey, *, alone: bool = False) -> Estimated:
    """The index by the sheet's rule; units that stand `alone` are not ranked, so their basis is the figures."""
    scheme = key.scheme
    included = in_the_index(data.moments, scheme)
    figures = index_figures(data.moments, data.codes, IndexOptions(key.rule, scheme.aggregation), included)
    hidden = hidden_codes(data.moments, data.codes, included, data.left_out)
    status = index_status(figures, scheme, data.codes, hidden)
    plain = Basis(figures, (None,) * len(data.codes.codes))
    basis = plain if alone else rank_basis(data, key, figures, included, status)
    return Estimated(figures, hidden, status, basis)


def rank_basis(data: LevelData, key: SheetKey, figures: Figures, included: BoolArray, status: Objects) -> Basis:
    """Ranks compare like with like: the items that reach `min_valid_item` in every ranked unit, as long as each factor
    of the code keeps one; else pooled answers (METHOD.md section 2)."""
    codes, options = data.codes, IndexOptions(key.rule, key.scheme.aggregation)
    ranked = np.isin(status[:, -1], list(RANKED))
    common: BoolArray = np.asarray(included[ranked].all(axis=0))
    plain = Basis(figures, (None,) * len(codes.codes))
    if common.all() or options.aggregation is Aggregation.POOLED_ANSWERS or not ranked.any():
        return plain
    factors = [codes.members[c] for c, one in enumerate(codes.codes) if one.level_of == "factor"]
    kept = np.array([_keeps_factors(m, factors, common) for m in codes.members])
    several = np.array([one.level_of != "item" for one in codes.codes])
    changed = several & np.array([bool((members & ~common).any()) for members in codes.members])
    on_common = index_figures(data.moments, codes, options, np.broadcast_to(common, included.shape))
    pooled_options = IndexOptions(key.rule, Aggregation.POOLED_ANSWERS)
    on_pooled = index_figures(data.moments, codes, pooled_options, data.moments.valid > 0)
    chosen = choose_codes(choose_codes(figures, on_common, changed & kept), on_pooled, changed & ~kept)
    reasons = [
        None if not changed[c]
        else because(Reason.RANKED_ON_ITEMS, item_names(codes, common & codes.members[c])) if kept[c]
        else because(Reason.RANKED_ON_POOLED)
        for c in range(len(codes.codes))
    ]  # fmt: skip
    return Basis(chosen, tuple(reasons))


def code_limits(figures: Figures, codes: Codes, rule: IndexRule, level: float) -> Limits:
    """Limits of every code: pooled for indices and means, by item for shares of one item."""
    limits = pooled_limits(figures, level, _item_effect(figures, codes))
    return _with_items(limits, figures, codes, level) if rule is IndexRule.TOP2BOX else limits


def _item_effect(figures: Figures, codes: Codes) -> float:
    """The items' smoothed design effect, on which an index with few clusters leans."""
    return smoothed_effect(figures, np.array([one.level_of == "item" for one in codes.codes]))


def _with_items(limits: Limits, figures: Figures, codes: Codes, level: float) -> Limits:
    """The same limits with those of the items (the first k codes) as shares of one item."""
    k = len(codes.items)
    own = item_limits(take_codes(figures, range(k)), [item.group for item in codes.items], level)
    pairs = ((getattr(own, name), getattr(limits, name)) for name in ("lower", "upper", "n_eff", "method"))
    return Limits(*(np.concatenate([first, second[:, k:]], axis=1) for first, second in pairs))


def _why_no_points(survey: Survey, part: Part, status: Status, about: About, u: int) -> tuple[str, ...]:
    """Why a part that this wave asks about has nothing."""
    asked = any(one.code in survey.codes for one in part.components)
    if status != Status.EMPTY or not asked:
        return ()
    if not about.invited[u] > 0:
        return (because(Reason.NOT_SURVEYED),)
    return (because(Reason.NO_ANSWERS if about.response_rate[u] > 0 else Reason.NO_FORMS),)


def _not_partial(made: Points) -> BoolArray:
    """Parts that lack nothing: only these have a percentage."""
    lacking = [[any(why.startswith(Reason.MISSING) for why in cell) for cell in row] for row in made.reasons]
    return ~np.array(lacking, dtype=np.bool_).reshape(made.points.shape)


def _compared(scheme: Scheme, values: FloatArray, ranked: BoolArray) -> FloatArray:
    """The values as ranks see them (`grade_on`), NaN where there is no rank."""
    out = np.full(values.shape, np.nan)
    for place in zip(*np.nonzero(ranked), strict=True):
        text = six(values[place])
        out[place] = np.nan if text is None else float(scheme.compared(text))
    return out


def _ranking(seen: FloatArray, sets: RankSet) -> tuple[FloatArray, RankSet]:
    """Ranks of the compared values, and their sets, which hold the rank itself whatever rounding made of it."""
    ranks = np.full(seen.shape, np.nan)
    for c in range(seen.shape[1]):
        ranks[:, c] = plain_ranks(seen[:, c])
    return ranks, (np.minimum(sets[0], ranks), np.maximum(sets[1], ranks))


def _keeps_factors(members: BoolArray, factors: Sequence[BoolArray], common: BoolArray) -> bool:
    inside = [factor for factor in factors if (factor & members).any()]
    return all(bool((common & factor).any()) for factor in inside)


def _joint_confidence(ranked: BoolArray) -> float:
    """Level of each interval so that those of the most units ranked together hold at once."""
    return joint_level(CONFIDENCE, int(ranked.sum(axis=0).max(initial=1)))


def _sets(value: FloatArray, joint: Limits, ranked: BoolArray) -> RankSet:
    """Rank sets of every code; a figure without an interval is exact, as ranks see it (`value`)."""
    lower = np.where(np.isnan(joint.lower), value, joint.lower)
    upper = np.where(np.isnan(joint.upper), value, joint.upper)
    pairs = [rank_sets(lower[:, c], upper[:, c], ranked[:, c]) for c in range(value.shape[1])]
    if not pairs:
        return np.zeros_like(value), np.zeros_like(value)
    return np.stack([low for low, _ in pairs], axis=1), np.stack([high for _, high in pairs], axis=1)


def _sheet(
    data: LevelData, key: SheetKey, made: Estimated, limits: Limits, ranking: tuple[FloatArray, RankSet]
) -> Sheet:
    shown, about = made.shown, data.about
    found = shown.n > 0
    unsure = found & (shown.variance > 0) & ~shown.complete
    return Sheet(
        key, about.units, tuple(Line(one.level_of, one.code) for one in data.codes.codes),
        np.where(found, 100 * shown.value, np.nan),
        np.full(found.shape, np.nan),
        np.where(unsure, 100 * np.sqrt(shown.variance), np.nan),
        100 * limits.lower, 100 * limits.upper, limits.method,
        made.figures.n, limits.n_eff, np.where(found, shown.df, np.nan),
        about.invited, about.response_rate, made.status,
        index_reasons(data, key.scheme, made.figures, made.status, made.basis.reasons), ranking[0], *ranking[1],
    )  # fmt: skip
