"""Sheets of an officials' wave: the points of its survey components by unit, with the raters' shared covariance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.components.citizens import Rating, Scored
from analysis.components.decimals import six
from analysis.components.disclosure import few
from analysis.components.fixed import fixed_points
from analysis.components.instrument import Instrument
from analysis.components.level import sheet_of_points
from analysis.components.limits import CONFIDENCE, pooled_limits
from analysis.components.points import Points, Survey, by_kind
from analysis.components.ranks import RankSet, rank_sets_joint
from analysis.components.ratings import Influence, Ratings, combined, covariance, make_influence
from analysis.components.scheme import Kind, Scheme, WeightingRule
from analysis.components.sheet import RANKED, About, Notes, Reason, Sheet, SheetKey, Used, because
from analysis.components.tables import Answers, SampleRow
from analysis.design import BoolArray, FloatArray
from analysis.errors import CodeUnknown, CountsDisagree, DuplicateKey, KeyInvalid
from analysis.weights import kish_deff


def score_officials(
    answers: Answers, sample: Sequence[SampleRow], instrument: Instrument, ratings: Sequence[Rating]
) -> Scored:
    """All sheets of the wave: answers used x weighting x scheme. Raises CodeUnknown, CountsDisagree, DuplicateKey."""
    _check(answers, sample)
    sheets: list[Sheet] = []
    facts: dict[str, dict[str, Mapping[str, object]]] = {}
    everybody: dict[str, FloatArray] = {}  # raters of each unit and component before any are left out, by scheme
    unflagged = answers["flag"].among([""])
    variants = [(Used.ALL, answers)]
    if not unflagged.all():
        variants.append((Used.UNFLAGGED, answers.take(np.flatnonzero(unflagged))))
    for used, some in variants:
        for rule in WeightingRule:
            weights = _weights(some, sample, rule)
            facts.setdefault(used, {})[rule] = _facts(some, weights)
            for rating in ratings:
                scheme = rating.scheme
                made = _influence(some, sample, instrument, rating, weights)
                raters = _raters(made)
                hidden = few(raters) | few(everybody.setdefault(scheme.code, raters) - raters)
                key = SheetKey(scheme, scheme.level, scheme.index_rule, rule, used)
                survey = _survey(made, scheme, raters > 0, hidden)
                fixed = fixed_points(scheme, rating.inputs, frozenset(rating.units), strict=rating.own)
                sheets.append(sheet_of_points(_about(some, sample, made, scheme), key, survey, fixed))
    return Scored(tuple(sheets), facts, {}, {})


def _influence(
    answers: Answers, sample: Sequence[SampleRow], instrument: Instrument, rating: Rating, weights: FloatArray
) -> Influence:
    """Values and influence of the scheme's components of officials' questions."""
    components = by_kind(rating.scheme, Kind.OFFICIALS)
    _check_scheme(rating.scheme, instrument)
    table = _ratings(answers, sample, instrument, rating, weights)
    return make_influence(table, [component.rule.items for component in components])


def _check_scheme(scheme: Scheme, instrument: Instrument) -> None:
    """Every item that earns points is on the form, on a scale, and each code of its scale has a value: a code without
    one would be an answer that does not count."""
    source, scored = f"scheme {scheme.code}", {item.code for item in instrument.scored}
    for component in by_kind(scheme, Kind.OFFICIALS):
        place = f"component {component.code}"
        for item in component.rule.items:
            if item not in instrument.columns:
                raise CodeUnknown(source, place, item, "the instrument")
            if item not in scored:
                raise KeyInvalid(source, place, "items", item, "items that are answered on a scale 1 to k")
            for code in sorted(instrument.choices[item] - set(scheme.officials_values)):
                raise KeyInvalid(
                    source, "officials_values", code, None, f"a value: {item} ({place}) may be answered so"
                )


def _raters(made: Influence) -> FloatArray:
    """Raters who judged each component of each unit, float64[U, J]."""
    size, count = len(made.ratings.units), made.judged.shape[1]
    columns = [np.bincount(made.ratings.unit, weights=made.judged[:, j], minlength=size) for j in range(count)]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _survey(made: Influence, scheme: Scheme, available: BoolArray, hidden: BoolArray) -> Survey:
    """What the ratings give to the scheme."""

    def rank(points: Points, held: NDArray[np.object_]) -> tuple[FloatArray, RankSet]:
        return points.points, _joint_sets(made, points, np.isin(held, list(RANKED)))

    return Survey(
        tuple(component.code for component in by_kind(scheme, Kind.OFFICIALS)),
        available,
        hidden,
        lambda shares: combined(made, shares),
        lambda figures: pooled_limits(figures, CONFIDENCE),
        rank,
    )


def _joint_sets(made: Influence, points: Points, ranked: NDArray[np.bool_]) -> RankSet:
    """Rank sets of every part from all differences; each unit's spread is that of its limits (never zero for a sample),
    the correlation that of the shared raters."""
    first, last = np.full(ranked.shape, np.nan), np.full(ranked.shape, np.nan)
    z = 1.959963984540054
    for p in range(ranked.shape[1]):
        half = np.nan_to_num(points.high[:, p] - points.low[:, p]) / (2 * z)
        joint = covariance(made, points.pieces.shares[:, p])
        own = np.sqrt(np.maximum(np.diag(joint), 0.0))
        scale = np.divide(half, own, out=np.zeros_like(half), where=own > 0)
        matrix = joint * scale[:, None] * scale[None, :]
        np.fill_diagonal(matrix, half**2)
        first[:, p], last[:, p] = rank_sets_joint(points.points[:, p], matrix, ranked[:, p], CONFIDENCE)
    return first, last


def _ratings(
    answers: Answers, sample: Sequence[SampleRow], instrument: Instrument, rating: Rating, weights: FloatArray
) -> Ratings:
    """The ratings of the scheme's units by the groups that it gives weight (all equal when it names none)."""
    scheme = rating.scheme
    groups = tuple(row.stratum for row in sample)
    group_weights = np.array([scheme.rater_weights.get(g, 0.0) if scheme.rater_weights else 1.0 for g in groups])
    counted = frozenset(group for group, weight in zip(groups, group_weights, strict=True) if weight > 0)
    rows = np.flatnonzero(answers["unit"].among(frozenset(rating.units)) & answers["stratum"].among(counted))
    some = answers.take(rows)
    items = tuple(item.code for item in instrument.scored)
    values = np.full((some.rows, len(items)), np.nan)
    for place, item in enumerate(items):
        column = some.items[item]
        table = np.array([scheme.officials_values.get(level, np.nan) for level in column.levels])
        values[:, place] = table[column.codes] if some.rows else values[:, place]
    return Ratings(
        rating.units, groups, items,
        _places(some, "unit", rating.units), _places(some, "stratum", groups),
        some["rater"].codes.astype(np.int64), values, weights[rows],
        np.array([row.population for row in sample]), group_weights,
    )  # fmt: skip


def _about(answers: Answers, sample: Sequence[SampleRow], made: Influence, scheme: Scheme) -> About:
    """What all rows of the level say. Invited and answered are all raters of the groups that the scheme counts: blocks
    of units are random, so nobody is invited for one unit."""
    units = made.ratings.units
    weighed = [row for row in sample if not scheme.rater_weights or row.stratum in scheme.rater_weights]
    invited, answered = sum(row.invited for row in weighed), sum(row.answered for row in weighed)
    notes = Notes()
    counts = made.ratings.counted()
    strange, alone = _uncounted(answers, scheme), _alone(made)
    for u, unit in enumerate(units):
        silent = [
            group for g, group in enumerate(made.ratings.groups)
            if made.ratings.group_weights[g] > 0 and not counts[u, g]
        ]  # fmt: skip
        if silent and counts[u].any():
            notes.add(unit, because(Reason.GROUPS_WITHOUT_RATINGS, silent))
        if unit in strange:
            notes.add(unit, because(Reason.GROUPS_WITHOUT_WEIGHT, sorted(strange[unit])))
        if alone[u]:
            notes.add(unit, because(Reason.LONE_RATINGS, sorted(alone[u])))
    rate = answered / invited if invited else float("nan")
    size = len(units)
    return About(units, np.full(size, float(invited)), np.full(size, rate), notes)


def _alone(made: Influence) -> dict[int, set[str]]:
    """Groups of which one rater judged a component of a unit, by the unit's place."""
    found: dict[int, set[str]] = defaultdict(set)
    for blocks in made.blocks:
        for unit, group in zip(made.ratings.unit[blocks.lone], made.ratings.group[blocks.lone], strict=True):
            found[int(unit)].add(made.ratings.groups[group])
    return found


def _uncounted(answers: Answers, scheme: Scheme) -> dict[str, set[str]]:
    """Groups that judged a unit although the scheme gives them no weight, by unit."""
    found: dict[str, set[str]] = defaultdict(set)
    groups = frozenset(answers["stratum"].levels) - frozenset(scheme.rater_weights)
    if scheme.rater_weights and groups:
        rows = answers.take(np.flatnonzero(answers["stratum"].among(groups)))
        for unit, group in zip(rows["unit"].values(), rows["stratum"].values(), strict=True):
            found[unit].add(group)
    return found


def _weights(answers: Answers, sample: Sequence[SampleRow], rule: WeightingRule) -> FloatArray:
    """Base weights, or times the non-response factor of the rater's group (kept weight over answered weight). A factor
    is the same for a whole group, so both rules give the same points unless base weights differ inside a group."""
    if rule is WeightingRule.DESIGN or not answers.rows:
        return answers.weight_base
    _, first = np.unique(answers["rater"].codes, return_index=True)
    once = answers.take(first)
    answered: dict[str, float] = defaultdict(float)
    for group, weight in zip(once["stratum"].values(), once.weight_base.tolist(), strict=True):
        answered[group] += weight
    factors = {row.stratum: row.weight_sum / answered[row.stratum] for row in sample if answered.get(row.stratum)}
    table = np.array([factors.get(group, 1.0) for group in answers["stratum"].levels])
    return np.asarray(answers.weight_base * table[answers["stratum"].codes])


def _check(answers: Answers, sample: Sequence[SampleRow]) -> None:
    """A rater judges a unit once and lies in one group; each group answered as often as the sample says."""
    raters, groups = answers["rater"].values(), answers["stratum"].values()
    for (rater, unit), count in Counter(zip(raters, answers["unit"].values(), strict=True)).items():
        if count > 1:
            raise DuplicateKey("answers.csv", f"rater {rater}, unit {unit}")
    known = {row.stratum: row for row in sample}
    seen: dict[str, set[str]] = defaultdict(set)
    for rater, group in zip(raters, groups, strict=True):
        seen[group].add(rater)
    for group, found in seen.items():
        if group not in known:
            raise CodeUnknown("answers.csv", "stratum", group, "sample.csv")
        if known[group].answered != len(found):
            raise CountsDisagree("raters who answered", f"group {group}", known[group].answered, len(found))
    for group, size in sorted(set(zip(groups, answers.fpc.tolist(), strict=True))):
        if size != known[group].population:
            raise CountsDisagree("population of raters", f"group {group}", known[group].population, size)
    if sum(len(found) for found in seen.values()) != len(set(raters)):
        raise CountsDisagree("raters", "all groups", len(set(raters)), sum(len(found) for found in seen.values()))


def _places(answers: Answers, name: str, wanted: Sequence[str]) -> NDArray[np.int64]:
    place = {code: number for number, code in enumerate(wanted)}
    table = np.array([place.get(level, -1) for level in answers[name].levels], dtype=np.int64)
    return table[answers[name].codes] if answers.rows else np.zeros(0, dtype=np.int64)


def _facts(answers: Answers, weights: FloatArray) -> dict[str, object]:
    _, first = np.unique(answers["rater"].codes, return_index=True)
    total = float(weights[first].sum()) if answers.rows else 0.0
    return {"raters": len(first), "sum_of_weights": six(total), "kish": six(kish_deff(weights[first]))}
