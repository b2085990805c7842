"""A sheet: the figures of one scheme, rule, weighting and set of answers, units by codes, before they become rows.

Also the words that a row says about itself. A reason is `word` or `word=value,value`, several joined by "; "; the
sentence is made by whoever shows it, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.components.scheme import IndexRule, Scheme, WeightingRule
from analysis.design import FloatArray


class Status(StrEnum):
    """What may be said of a figure (CONTRACT)."""

    OK = "ok"
    NOT_RANKED = "not_ranked"
    SUPPRESSED = "suppressed"  # `disclosure` decides
    EMPTY = "empty"
    COMPLETE = "complete"


RANKED = frozenset({Status.OK, Status.COMPLETE})


class Used(StrEnum):
    """Which answers count (column `answers`)."""

    ALL = "all"
    UNFLAGGED = "unflagged"


class Reason(StrEnum):
    """Words of the column `reason`."""

    REHEARSAL = "rehearsal"  # the wave never counts
    OTHER_SCHEME = "other_scheme"  # scored by a scheme that is not the extract's
    NOT_SURVEYED = "not_surveyed"  # nobody was invited
    NO_FORMS = "no_forms"
    NO_ANSWERS = "no_answers"  # forms came, or others were judged, but nobody said anything of this
    NOT_REACHED = "not_reached"  # drawn dossiers whose people could not be invited: not covered (=number)
    NOT_APPLICABLE = "not_applicable"  # all respondents said that it does not apply to them
    FEW_RESPONDENTS = "few_respondents"  # too few people stand behind it to tell it (=minimum)
    WOULD_TELL = "would_tell"  # with other figures it would tell one of too few people
    HOLDS_SUPPRESSED = "holds_suppressed"  # a sum with hidden parts (=codes)
    CELLS_LEFT_OUT = "cells_left_out"  # of the province: units whose few answers to a question are not in it (=number)
    FEW_ANSWERS = "few_answers"  # fewer valid answers than the scheme's minimum (=minimum)
    ITEMS_LEFT_OUT = "items_left_out"  # fewer valid answers than min_valid_item (=items)
    ALL_ITEMS_FEW = "all_items_few"  # no item reaches min_valid_item: all of them are used
    RANKED_ON_ITEMS = "ranked_on_items"  # the rank compares these items alone (=items)
    RANKED_ON_POOLED = "ranked_on_pooled_answers"  # the rank compares pooled answers
    STRATA_JOINED = "strata_joined"  # for the variance (=number)
    CLASSES_JOINED = "classes_joined"  # for non-response (=number)
    TOTALS_NOT_MET = "totals_not_met"  # classes whose dossiers the weights' caps do not allow to meet (=number)
    NO_VARIANCE = "no_variance"  # one answer, or all the same: no standard error can be estimated
    PARTLY_ANSWERED = "partly_answered"  # everybody answered, not every question: no standard error can be estimated
    COMPLETE = "complete"  # every dossier (rater) of the unit answered: no sampling error
    UNITS_WITHOUT_ANSWERS = "units_without_answers"  # of the province (=number)
    SELF_SELECTED = "self_selected_apart"  # answers that are counted but in no figure (=number)
    MISSING = "missing"  # parts without points (=codes)
    TYPED_IN = "typed_in"  # has no sampling error, which does not mean no error
    IMPORTED = "imported"  # survey points typed in from another wave (=codes)
    GROUPS_WITHOUT_RATINGS = "groups_without_ratings"  # rater groups that did not judge the unit (=groups)
    LONE_RATINGS = "lone_ratings"  # groups of which one rater judged: as uncertain as the others' spread (=groups)
    GROUPS_WITHOUT_WEIGHT = "groups_without_weight"  # rater groups that the scheme does not count (=groups)
    CHANGE_NOT_CLEAR_AMONG = "change_not_clear_among"  # its own limits exclude no change, among all units (=number) not
    INTERNAL_ESTIMATE = "internal_estimate"  # ước tính nội bộ: the ministry's own survey gives the provincial index


def because(reason: Reason, values: Iterable[object] = ()) -> str:
    """One reason as it stands in a row."""
    cells = [str(value) for value in values]
    return f"{reason}={','.join(cells)}" if cells else str(reason)


@dataclass(frozen=True)
class SheetKey:
    """What all rows of a sheet share."""

    scheme: Scheme
    level: str
    rule: IndexRule
    weighting: WeightingRule
    used: Used


@dataclass(frozen=True)
class Line:
    """What one column of a sheet is about."""

    level_of: str
    code: str
    maximum: float | None = None
    source: str | None = "survey"

    @property
    def is_points(self) -> bool:
        return self.maximum is not None


@dataclass(frozen=True, eq=False)
class Sheet:
    """Figures [U, L] of U units and L lines; NaN is absent. `index` in percent, `points` in points; `se` and limits in
    points where the line has points, else in percent."""

    key: SheetKey
    units: tuple[str, ...]
    lines: tuple[Line, ...]
    index: FloatArray
    points: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    method: NDArray[np.object_]
    n_valid: FloatArray
    n_eff: FloatArray
    df: FloatArray
    n_invited: FloatArray  # [U]
    response_rate: FloatArray  # [U]
    status: NDArray[np.object_]
    reasons: NDArray[np.object_]  # [U, L] tuples of text
    rank: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray


@dataclass(frozen=True, eq=False)
class About:
    """What all rows of each unit say: who was invited, how many answered [U], and why it is as it is."""

    units: tuple[str, ...]
    invited: FloatArray
    response_rate: FloatArray
    notes: Notes


@dataclass(frozen=True, eq=False)
class Notes:
    """Reasons that all lines of a unit share, by unit."""

    by_unit: dict[str, list[str]] = field(default_factory=dict)

    def add(self, unit: str, text: str) -> None:
        self.by_unit.setdefault(unit, []).append(text)

    def of(self, unit: str) -> list[str]:
        return self.by_unit.get(unit, [])
