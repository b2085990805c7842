"""The satisfaction index: item, factor, group and overall from a unit's moments, with the variance by the delta method.

Every item is a ratio: weighted satisfied (or scale value) over weighted valid answers of that item, so an answer that
is missing or not applicable leaves numerator and denominator together (STATISTICS.md convention 5). All values are
shares of the range's top, 0 to 1. Reference: Särndal, Swensson, Wretman (1992) 5.5, Taylor linearisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from analysis.components.instrument import Instrument, ScoredItem
from analysis.components.moments import Moments
from analysis.components.scheme import Aggregation, IndexRule
from analysis.design import BoolArray, FloatArray

NO_VARIANCE = 1e-15  # a share's variance below this is rounding: every answer was the same
UNITS_AT_ONCE = 16
EVERYBODY = 1e-9  # a share this near 1 is everybody


@dataclass(frozen=True)
class IndexCode:
    """One thing that has an index: an item, factor, group, or the whole."""

    level_of: str
    code: str


@dataclass(frozen=True, eq=False)
class Codes:
    """All codes of an instrument and the items (bool[C, k]) that each is made of."""

    codes: tuple[IndexCode, ...]
    members: BoolArray
    items: tuple[ScoredItem, ...]

    def position(self, level_of: str, code: str) -> int | None:
        wanted = IndexCode(level_of, code)
        return self.codes.index(wanted) if wanted in self.codes else None


@dataclass(frozen=True, eq=False)
class Figures:
    """Estimates of U units and C codes, each [U, C]: a value that does not exist is 0 where `n` is 0."""

    value: FloatArray
    variance: FloatArray
    n: FloatArray
    low: FloatArray  # what the unanswered part of the population still allows
    high: FloatArray
    kish: FloatArray
    remaining: FloatArray
    df: FloatArray
    complete: BoolArray
    answered: FloatArray  # share of the respondents who could answer its items and did
    gradient: FloatArray | None = None  # [U, C, p] by the moments' totals

    @cached_property
    def partly(self) -> BoolArray:
        """Where everybody answered the form, not everybody this: a census has no variance to go by."""
        return np.asarray((self.n > 0) & ~self.complete & (1.0 - self.remaining > self.answered - EVERYBODY))


@dataclass(frozen=True)
class IndexOptions:
    """How the items become an index."""

    rule: IndexRule
    aggregation: Aggregation


def index_codes(instrument: Instrument) -> Codes:
    """Items in the instrument's order, then factors, groups and the whole."""
    items = instrument.scored
    codes = [IndexCode("item", item.code) for item in items]
    codes += [IndexCode("factor", code) for code in instrument.factors]
    codes += [IndexCode("group", code) for code in instrument.groups]
    codes.append(IndexCode("overall", "overall"))
    members = [[_belongs(item, one) for item in items] for one in codes]
    return Codes(tuple(codes), np.array(members, dtype=np.bool_).reshape(len(codes), len(items)), items)


def index_figures(moments: Moments, codes: Codes, options: IndexOptions, included: BoolArray) -> Figures:
    """Index of every unit and code. `included` bool[U, k] says which items of a unit take part in its factors, groups
    and whole; a code without such an item uses all its answered items.

    `item_mean`: mean of the items; `component_mean`: mean of items, of factors, of groups; `pooled_answers`: ratio of
    the sums over all answers of the items.
    """
    valid, scored = _valid_and_scored(moments.totals, codes.items, options.rule)
    ratio = np.divide(scored, valid, out=np.zeros_like(scored), where=valid > 0)
    weights = _item_weights(valid, codes, options.aggregation, included)
    value = np.einsum("uck,uk->uc", weights, ratio)
    per_item = np.divide(weights, valid[:, None, :], out=np.zeros_like(weights), where=valid[:, None, :] > 0)
    pooled = options.aggregation is Aggregation.POOLED_ANSWERS
    centre = np.broadcast_to(value[:, :, None] if pooled else ratio[:, None, :], weights.shape)
    gradient = _by_totals(-per_item * centre, per_item, codes.items, options.rule)
    low, high = _allowed(moments, codes.items, options.rule, weights)
    answered = np.einsum("uck,uk->uc", weights, _item_response(moments))
    return _figures(moments, value, gradient, (low, high, answered), moments.touched)


def combined(moments: Moments, base: Figures, shares: FloatArray) -> Figures:
    """Linear combinations of codes with one variance from the same respondents; `shares` [U, P, C] sum to 1 or 0."""
    if base.gradient is None:
        raise ValueError("figures without their gradient cannot be combined")
    gradient = shares @ base.gradient
    parts = [(shares @ one[:, :, None])[:, :, 0] for one in (base.value, base.low, base.high, base.answered)]
    n = np.where(shares > 0, base.n[:, None, :], np.inf).min(axis=2, initial=np.inf)
    return _figures(moments, parts[0], gradient, (parts[1], parts[2], parts[3]), np.where(np.isinf(n), 0.0, n))


def take_codes(figures: Figures, codes: Sequence[int]) -> Figures:
    """The figures of some codes."""
    columns = np.array(codes, dtype=np.intp)
    names = ("value", "variance", "n", "low", "high", "kish", "remaining", "df", "complete", "answered")
    changed = {name: getattr(figures, name)[:, columns] for name in names}
    return replace(figures, **changed, gradient=None if figures.gradient is None else figures.gradient[:, columns])


def choose_codes(first: Figures, second: Figures, take_second: BoolArray) -> Figures:
    """The second's figures where `take_second` bool[C] says so, else the first's."""
    names = ("value", "variance", "n", "low", "high", "kish", "remaining", "df", "complete", "answered")
    changed = {name: np.where(take_second, getattr(second, name), getattr(first, name)) for name in names}
    if first.gradient is None or second.gradient is None:
        return replace(first, **changed, gradient=None)
    return replace(first, **changed, gradient=np.where(take_second[:, None], second.gradient, first.gradient))


def range_floor(items: Sequence[ScoredItem], rule: IndexRule) -> FloatArray:
    """Lowest share that an item can take: 1/k for `mean5` (an index from 20), else 0."""
    return np.array([1.0 / item.steps if rule is IndexRule.MEAN5 else 0.0 for item in items])


def _belongs(item: ScoredItem, one: IndexCode) -> bool:
    places = {"item": item.code, "factor": item.factor, "group": item.group}
    return one.level_of == "overall" or places[one.level_of] == one.code


def _figures(
    moments: Moments,
    value: FloatArray,
    gradient: FloatArray,
    allowed: tuple[FloatArray, FloatArray, FloatArray],
    n: FloatArray,
) -> Figures:
    """The figures with their variance. Respondents who skipped an item are unanswered dossiers for it: its sampled part
    of the population is f x (share who answered it), so `1 - f` is raised to that, here and in the variance; and a
    census is complete for an item only when everybody to whom it applies answered it."""
    low, high, answered = allowed
    shape = value.shape
    left = moments.remaining[:, None]
    remaining = 1.0 - (1.0 - left) * answered
    raised = np.divide(remaining, left, out=np.zeros(shape), where=left > 0)
    variance = np.maximum(_quadratic(gradient, moments.omega), 0.0) * raised
    complete = moments.complete[:, None] & (answered > 1.0 - EVERYBODY) & (n > 0)

    def wide(one: FloatArray) -> FloatArray:
        return np.broadcast_to(one[:, None], shape)

    return Figures(
        value, np.where(variance < NO_VARIANCE, 0.0, variance), n, low, high,
        wide(moments.kish), np.where(complete, 0.0, remaining), wide(moments.df), complete, answered, gradient,
    )  # fmt: skip


def _quadratic(gradient: FloatArray, omega: FloatArray) -> FloatArray:
    """`g' omega g` of every unit and code, [U, C]; some units at a time, which stay in the processor's cache."""
    out = np.empty(gradient.shape[:2])
    for start in range(0, len(out), UNITS_AT_ONCE):
        some = slice(start, start + UNITS_AT_ONCE)
        out[some] = ((gradient[some] @ omega[some]) * gradient[some]).sum(axis=2)
    return out


def _valid_and_scored(
    totals: FloatArray, items: Sequence[ScoredItem], rule: IndexRule
) -> tuple[FloatArray, FloatArray]:
    """Denominators and numerators of the items, [U, k] each."""
    k = len(items)
    steps = np.array([float(item.steps) for item in items])
    valid, satisfied, values = totals[:, :k], totals[:, k : 2 * k], totals[:, 2 * k :]
    if rule is IndexRule.TOP2BOX:
        return valid, satisfied
    return valid, values / steps if rule is IndexRule.MEAN5 else (values - valid) / (steps - 1)


def _by_totals(by_valid: FloatArray, by_scored: FloatArray, items: Sequence[ScoredItem], rule: IndexRule) -> FloatArray:
    """Gradient by (valid, satisfied, value) from the gradient by (denominator, numerator), [U, C, 3k]."""
    steps = np.array([float(item.steps) for item in items])
    none = np.zeros_like(by_scored)
    if rule is IndexRule.TOP2BOX:
        parts = [by_valid, by_scored, none]
    elif rule is IndexRule.MEAN5:
        parts = [by_valid, none, by_scored / steps]
    else:
        parts = [by_valid - by_scored / (steps - 1), none, by_scored / (steps - 1)]
    return np.concatenate(parts, axis=2)


def _item_weights(valid: FloatArray, codes: Codes, aggregation: Aggregation, included: BoolArray) -> FloatArray:
    """Share of each item in each code, [U, C, k]; rows sum to 1, or to 0 where nothing was answered."""
    answered = valid > 0
    members = codes.members[None, :, :]
    chosen = members & (included & answered)[:, None, :]
    chosen = np.where(chosen.any(axis=2, keepdims=True), chosen, members & answered[:, None, :])
    if aggregation is Aggregation.POOLED_ANSWERS:
        return _normed(np.where(chosen, valid[:, None, :], 0.0))
    equal = _normed(chosen.astype(np.float64))
    if aggregation is Aggregation.ITEM_MEAN:
        return equal
    factors = [c for c, one in enumerate(codes.codes) if one.level_of == "factor"]
    groups = [c for c, one in enumerate(codes.codes) if one.level_of == "group"]
    weights = equal.copy()
    for group in groups:
        inner = [c for c in factors if bool(np.logical_and(codes.members[c], codes.members[group]).any())]
        weights[:, group] = _mean_of(equal[:, inner], chosen[:, group])
    weights[:, -1] = _mean_of(weights[:, groups], chosen[:, -1])
    return weights


def _mean_of(parts: FloatArray, chosen: BoolArray) -> FloatArray:
    """Plain mean of the parts that hold a chosen item, [U, k]."""
    held = np.logical_and(parts > 0, chosen[:, None, :])
    kept = np.any(held, axis=2, keepdims=True)
    count = np.maximum(kept.sum(axis=1), 1)
    return np.asarray(np.where(kept, parts, 0.0).sum(axis=1) / count)


def _normed(shares: FloatArray) -> FloatArray:
    total = shares.sum(axis=2, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def _item_response(moments: Moments) -> FloatArray:
    """Share of the respondents to whom an item applies who answered it, [U, k]; 1 where it applies to nobody."""
    applies = moments.respondents[:, None] - moments.inapplicable
    return np.divide(moments.valid, applies, out=np.ones_like(moments.valid), where=applies > 0)


def _allowed(
    moments: Moments, items: Sequence[ScoredItem], rule: IndexRule, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Limits that the unanswered dossiers still allow (near census): each item between all of them at the floor and all
    at 1, those who said "not applicable" taken out of the population; [U, C] each."""
    valid, scored = _valid_and_scored(moments.counts, items, rule)
    population = np.maximum(moments.population[:, None] - moments.inapplicable, np.maximum(valid, 1.0))
    answered, seen = valid / population, scored / population
    low, high = seen + (1.0 - answered) * range_floor(items, rule), seen + 1.0 - answered
    return np.einsum("uck,uk->uc", weights, low), np.einsum("uck,uk->uc", weights, high)
