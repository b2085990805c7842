"""What is said of the figures of an index beside their value: status and reasons of every unit and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.components.disclosure import FEWEST, why_hidden
from analysis.components.index import Codes, Figures
from analysis.components.moments import Moments
from analysis.components.scheme import Scheme
from analysis.components.sheet import About, Reason, Status, because
from analysis.design import BoolArray, FloatArray

Objects = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class LevelData:
    """The units of one level under one weighting: moments [U] of the codes, what all their rows say, and the
    respondents that they leave out of other figures [U, C] (None: nobody)."""

    about: About
    moments: Moments
    codes: Codes
    left_out: FloatArray | None = None


def least_answers(scheme: Scheme, codes: Codes) -> list[int]:
    """Valid answers that each code needs for a rank: an item `min_valid_item`, everything else `min_valid_unit`."""
    return [scheme.min_valid_item if one.level_of == "item" else scheme.min_valid_unit for one in codes.codes]


def in_the_index(moments: Moments, scheme: Scheme) -> BoolArray:
    """Items bool[U, k] with answers enough to take part in the index of their unit."""
    return np.asarray(moments.valid >= max(scheme.min_valid_item, FEWEST))


def index_status(figures: Figures, scheme: Scheme, codes: Codes, hidden: BoolArray) -> Objects:
    """Status of every unit and code; a hidden figure is suppressed, whatever else it is."""
    enough = np.where(figures.complete, Status.COMPLETE, Status.OK)
    held = np.where(figures.n < np.array(least_answers(scheme, codes)), Status.NOT_RANKED, enough)
    return np.where(hidden, Status.SUPPRESSED, np.where(figures.n > 0, held, Status.EMPTY)).astype(object)


def index_reasons(
    data: LevelData, scheme: Scheme, figures: Figures, status: Objects, basis: Sequence[str | None]
) -> Objects:
    """Reasons of every unit and code; `basis` says of each code what its rank compares."""
    reasons = np.full(status.shape, None, dtype=object)
    included, least = in_the_index(data.moments, scheme), least_answers(scheme, data.codes)
    for u, unit in enumerate(data.about.units):
        shared = data.about.notes.of(unit)
        for c in range(status.shape[1]):
            if status[u, c] == Status.SUPPRESSED:
                why = [why_hidden(float(figures.n[u, c]))]
            elif status[u, c] == Status.EMPTY:
                why = [because(_why_empty(data, u, c))]
            else:
                why = _why(data, figures, (included[u], least[c], basis[c]), u, c)
            reasons[u, c] = (*why, *shared)
    return reasons


def no_error(figures: Figures, u: int, c: int) -> list[str]:
    """Why a figure has an interval, but no standard error."""
    if figures.variance[u, c] > 0 or figures.complete[u, c]:
        return []
    return [because(Reason.PARTLY_ANSWERED if figures.partly[u, c] else Reason.NO_VARIANCE)]


def item_names(codes: Codes, chosen: BoolArray) -> list[str]:
    """Codes of the chosen items, bool[k]."""
    return [item.code for item, one in zip(codes.items, chosen.tolist(), strict=True) if one]


def _why_empty(data: LevelData, u: int, c: int) -> Reason:
    """Few respondents' "not applicable" is their answer and is not told."""
    moments, members = data.moments, data.codes.members[c]
    if not data.about.invited[u] > 0:
        return Reason.NOT_SURVEYED
    if not moments.respondents[u] > 0:
        return Reason.NO_FORMS
    all_said_so = (moments.inapplicable[u, members] >= moments.respondents[u]).all()
    return Reason.NOT_APPLICABLE if moments.respondents[u] >= FEWEST and all_said_so else Reason.NO_ANSWERS


def _why(data: LevelData, figures: Figures, rules: tuple[BoolArray, int, str | None], u: int, c: int) -> list[str]:
    """Reasons of one figure; `rules`: the unit's items in the index, answers needed, what its rank says."""
    one, members = data.codes.codes[c], data.codes.members[c]
    included, least, reason = rules
    few = figures.n[u, c] < least
    why = [because(Reason.FEW_ANSWERS, [least])] if few else []
    if one.level_of != "item":
        why += _left_out(data.codes, members, included, data.moments.valid[u] > 0)
    why += no_error(figures, u, c)
    why += [because(Reason.COMPLETE)] if figures.complete[u, c] else []
    return why if reason is None or few else [*why, reason]


def _left_out(codes: Codes, members: BoolArray, included: BoolArray, answered: BoolArray) -> list[str]:
    if (included | ~members).all():
        return []
    if not (members & included & answered).any():
        return [because(Reason.ALL_ITEMS_FEW)]
    return [because(Reason.ITEMS_LEFT_OUT, item_names(codes, members & ~included))]
