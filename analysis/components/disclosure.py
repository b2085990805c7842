"""Which figures may not be told: those that rest on fewer than ten respondents, or that would give such figures away.

The rule (METHOD.md section 5) is kept here alone, before limits, ranks and rows are made, so that nothing computed from
a hidden figure reaches any of them. Counts of respondents are public facts and stay. What is hidden:

1. A figure of 1 to 9 respondents. An index uses no question with so few answers, unless it has no other; then it is
   hidden too. A sum of points is hidden as soon as one part is: with one part hidden the rest would give it, and what
   is typed in is known.
2. Of the figures without flagged answers, those where 1 to 9 respondents were left out: the difference would tell them.
3. The province holds the small cells (unit x question) together: when all of a question have 1 to 9 answers they are
   left out of its figures, so that the province less the units shown leaves nothing. Else each of their answers weighs
   the same there: with weights of their own one sum would tell all cells, since answers are whole numbers (a sum of 3
   parts of 2 and 5 parts of 7 can be made in one way). Without flagged answers the province is hidden when what it adds
   to the units' figures would rest on 1 to 9 respondents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.components.index import Codes, Figures
from analysis.components.moments import Moments
from analysis.components.sheet import Reason, because
from analysis.design import BoolArray, FloatArray

FEWEST = 10  # respondents of a figure that may be told (METHOD.md section 5)


@dataclass(frozen=True, eq=False)
class Whole:
    """The units' moments as the province may use them, what its left-out answers amount to [1, C] (see `hidden_codes`),
    and how many units lack a question in it."""

    moments: Moments
    left_out: FloatArray
    units: int


def few(n: FloatArray) -> BoolArray:
    """Say which counts are of 1 to 9 respondents."""
    return np.asarray((n > 0) & (n < FEWEST))


def hidden_codes(moments: Moments, codes: Codes, included: BoolArray, left_out: FloatArray | None) -> BoolArray:
    """Index figures bool[U, C] that may not be told.

    `included` bool[U, k] are the questions that make the index (each with FEWEST answers or more), `left_out` float[U,
    C] the respondents that these figures leave out of others that are told (None: nobody).
    """

    def holds(items: BoolArray) -> BoolArray:
        return np.asarray((codes.members[None] & items[:, None, :]).any(axis=2))

    hidden = few(moments.touched) | (~holds(included) & holds(few(moments.valid)))
    if left_out is None:
        return hidden
    return hidden | few(left_out) | holds(few(left_out[:, : moments.items]))


def hidden_parts(shares: FloatArray, components: BoolArray) -> BoolArray:
    """Parts bool[U, P] of a scheme with a hidden survey component bool[U, J] among theirs (shares [U, P, J])."""
    return np.asarray(((shares > 0) & components[:, None, :]).any(axis=2))


def blanked(figures: Figures, hidden: BoolArray) -> Figures:
    """The figures as if nobody had answered where they are hidden: without value, limits, part in a pool or rank."""
    blank = {name: np.where(hidden, 0.0, getattr(figures, name)) for name in ("value", "variance", "n")}
    return replace(figures, **blank, complete=figures.complete & ~hidden)


def why_hidden(n: float) -> str:
    """The reason of a hidden figure of `n` respondents."""
    return because(Reason.FEW_RESPONDENTS, [FEWEST]) if 0 < n < FEWEST else because(Reason.WOULD_TELL)


def for_province(moments: Moments, codes: Codes, left_out: FloatArray | None) -> Whole:
    """The units' moments without the small cells that are too few together, by question.

    Without flagged answers, what the province adds to the figures of the units are the cells that are hidden with or
    without them and that flags changed. Of such a cell either part would tell the other, so the smaller one counts.
    """
    k = moments.items
    small = few(moments.valid)
    dropped = small & few(np.where(small, moments.valid, 0.0).sum(axis=0))[None, :]
    kept = _without(_levelled(moments, small & ~dropped), codes.members, dropped)
    if left_out is None:
        return Whole(kept, np.zeros((1, len(codes.codes))), int(dropped.any(axis=1).sum()))
    gone = left_out[:, :k]
    changed = (gone > 0) & (small | few(gone) | few(moments.valid + gone)) & ~dropped
    smaller = np.where(moments.valid > 0, np.minimum(gone, moments.valid), gone)
    by_item = np.where(changed, smaller, 0.0).sum(axis=0)
    others = left_out[:, k:].sum(axis=0)
    return Whole(kept, np.concatenate([by_item, others])[None, :], int(dropped.any(axis=1).sum()))


def _levelled(moments: Moments, small: BoolArray) -> Moments:
    """The moments with the totals of small cells bool[U, k] as if all their answers to a question weighed the same."""
    if not small.any():
        return moments
    k = moments.items
    totals = moments.totals.copy()
    weight = np.where(small, totals[:, :k], 0.0)
    answers = np.where(np.tile(small, (1, 3)), moments.counts, 0.0).sum(axis=0)
    for part in (1, 2):
        mean = np.divide(answers[part * k : (part + 1) * k], answers[:k], out=np.zeros(k), where=answers[:k] > 0)
        totals[:, part * k : (part + 1) * k] = np.where(small, weight * mean, totals[:, part * k : (part + 1) * k])
    return replace(moments, totals=totals)


def _without(moments: Moments, members: BoolArray, dropped: BoolArray) -> Moments:
    """The moments as if nobody of a unit had answered its dropped questions."""
    if not dropped.any():  # nearly always, and the covariances are large
        return moments
    triple = np.tile(dropped, (1, 3))
    all_gone = ((moments.valid > 0) & ~dropped) @ members.T.astype(np.int64) == 0
    return replace(
        moments,
        totals=np.where(triple, 0.0, moments.totals),
        omega=np.where(triple[:, :, None] | triple[:, None, :], 0.0, moments.omega),
        counts=np.where(triple, 0.0, moments.counts),
        touched=np.where(all_gone, 0.0, moments.touched),
    )


def hidden_in(codes: Sequence[str], hidden: NDArray[Any]) -> list[str]:
    """Codes of the components that are hidden, bool[J]."""
    return [code for code, one in zip(codes, hidden.tolist(), strict=True) if one]
