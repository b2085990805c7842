"""Item rows beside the scores: Korn and Graubard's limits, and whether a page should print the share (the NCHS rule).

The score's own limits of an item (README.md section 5) share what is known of the design over the level; these are each
unit's alone, as surveys of health print them. Only shares of satisfied (`top2box`) are proportions.
References: Korn and Graubard (1998); NCHS Series 2 no. 175 (2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.components.beside import FIGURE, Cells, Record, Table
from analysis.components.decimals import six, whole
from analysis.components.limits import CONFIDENCE
from analysis.components.rows import YES, Context
from analysis.components.scheme import IndexRule
from analysis.components.sheet import Sheet, Status, Used
from analysis.intervals import effective_size, korn_graubard, presentation_of_limits

COLUMNS = (
    *FIGURE, "unit_name_vi", "unit_name_en", "level", "status", "n_valid", "df", "direct", "direct_low", "direct_high",
    "kg_low", "kg_high", "publication", "publication_why",
)  # fmt: skip
TOLD = (Status.OK, Status.NOT_RANKED)


def items_table(sheets: Sequence[Sheet], context: Context) -> Table:
    """One row a unit and item, unit by unit, of every scheme's official sheet with `top2box`; limits in percent, empty
    where the item has no degrees of freedom, is complete or suppressed."""
    place = {name: number for number, name in enumerate(COLUMNS)}
    rows = [Record(place, cells) for sheet in sheets if _is_chosen(sheet) for cells in _rows(sheet, context)]
    return Table(COLUMNS, tuple(sorted(rows, key=lambda cells: str(cells["unit"]))))


def _is_chosen(sheet: Sheet) -> bool:
    key = sheet.key
    own = key.weighting is key.scheme.weighting and key.used is Used.ALL and key.level == key.scheme.level
    return own and key.rule is IndexRule.TOP2BOX


def _rows(sheet: Sheet, context: Context) -> Iterator[Cells]:
    key = sheet.key
    official = YES if context.may_be_official and key.rule is key.scheme.index_rule else "no"
    for at, line in enumerate(sheet.lines):
        if line.level_of != "item":
            continue
        judged = _judged(sheet, at)
        for u, unit in enumerate(sheet.units):
            cells = (context.year, key.scheme.code, context.wave, unit, line.level_of, line.code, key.rule,
                     key.weighting, key.used, official, *context.names.get(unit, ("", "")), key.level)  # fmt: skip
            named = dict(zip((*FIGURE, "unit_name_vi", "unit_name_en", "level"), map(str, cells), strict=True))
            figures = {"direct": sheet.index, "direct_low": sheet.low, "direct_high": sheet.high, "df": sheet.df}
            told = {name: six(float(one[u, at])) for name, one in figures.items()}
            n = whole(float(sheet.n_valid[u, at]))
            yield {**named, "status": str(sheet.status[u, at]), "n_valid": n, **told, **judged[u]}


def _judged(sheet: Sheet, at: int) -> list[Cells]:
    """Korn and Graubard's limits of one item and the rule's decision by them, unit by unit."""
    share, se, n, df = sheet.index[:, at] / 100, sheet.se[:, at] / 100, sheet.n_valid[:, at], sheet.df[:, at]
    found: list[Cells] = [_undecided(one) for one in sheet.status[:, at]]
    known = np.flatnonzero(np.isin(sheet.status[:, at], TOLD) & (df > 0))
    if not len(known):
        return found
    share, n, df = np.clip(share[known], 0.0, 1.0), n[known], df[known]
    n_eff = np.where(np.isfinite(se[known]), effective_size(share, np.nan_to_num(se[known]) ** 2), np.inf)
    limits = np.stack(korn_graubard(share, n_eff, CONFIDENCE, n=n, df=df), axis=1).tolist()
    for place, u in enumerate(known.tolist()):
        low, high = limits[place]
        sizes = float(n[place]), float(n_eff[place])
        decided = presentation_of_limits(float(share[place]), (low, high), sizes, float(df[place]))
        why = "; ".join(map(str, decided.flags)) or None
        told = {"publication": str(decided.decision), "publication_why": why}
        found[u] = {"kg_low": six(100 * low), "kg_high": six(100 * high), **told}
    return found


def _undecided(status: Status) -> Cells:
    """What is said of an item without Korn and Graubard's limits."""
    why = "few_degrees" if status in TOLD else str(status)
    decision = "show" if status is Status.COMPLETE else "suppress"
    return {"kg_low": None, "kg_high": None, "publication": decision, "publication_why": why}
