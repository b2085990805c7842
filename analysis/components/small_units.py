"""Small units beside their direct figures: a model-based estimate with its error, and whether a page should print them.

Fay and Herriot's model draws a unit's direct index towards the mean of its level, the more the less is known of it.
Errors come from effective sizes that the level shares (a unit in which everybody is satisfied has no variance of its
own), at the middle of Wilson's limits; the between-unit variance is the adjusted one that is never zero; the estimates
are moved so that by dossiers they agree with the direct figures. They are never ranked and stand in no score. A
suppressed unit enters nothing; its estimate is what the others say of a unit of the level.
References: Fay and Herriot (1979); Li and Lahiri (2010); Rao and Molina (2015) ch. 6; NCHS Series 2 no. 175 (2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from analysis.components.beside import FIGURE, Cells, Table
from analysis.components.decimals import six, whole
from analysis.components.limits import CONFIDENCE
from analysis.components.rows import YES, Context
from analysis.components.sheet import Sheet, Status, Used
from analysis.design import BoolArray, FloatArray
from analysis.intervals import critical, presentation_of_limits
from analysis.small_area import Method, benchmarked, fay_herriot

FEWEST_UNITS = 5  # with a direct figure and an error, for a model of a level
COLUMNS = (
    *FIGURE, "unit_name_vi", "unit_name_en", "level", "dossiers", "status", "n_valid", "n_effective", "df", "direct",
    "direct_se", "direct_low", "direct_high", "publication", "publication_why", "basis", "model", "model_error",
    "model_weight", "model_benchmarked",
)  # fmt: skip
MODEL, SYNTHETIC, NONE = "model_based", "synthetic", ""  # column `basis`: never the direct estimate's


def small_units_table(sheets: Sequence[Sheet], dossiers: Mapping[str, float], context: Context) -> Table:
    """One row a unit for every scheme's official overall index; empty where no index is computed (officials)."""
    rows = [cells for sheet in sheets if _is_chosen(sheet) for cells in _units(sheet, dossiers, context)]
    return Table(COLUMNS, tuple(rows))


def _is_chosen(sheet: Sheet) -> bool:
    key = sheet.key
    chosen = key.rule is key.scheme.index_rule and key.weighting is key.scheme.weighting and key.used is Used.ALL
    return chosen and key.level == key.scheme.level and sheet.lines[-1].level_of == "overall"


def _units(sheet: Sheet, dossiers: Mapping[str, float], context: Context) -> Iterator[Cells]:
    at = len(sheet.lines) - 1
    value, n_eff = sheet.index[:, at] / 100, sheet.n_eff[:, at]
    shares = np.array([dossiers.get(unit, np.nan) for unit in sheet.units])
    inside: BoolArray = np.isfinite(value) & np.isfinite(n_eff) & np.isfinite(shares)
    model = _model(value, n_eff, shares, inside)
    for u, unit in enumerate(sheet.units):
        yield {
            **_key(sheet, context, unit), "dossiers": six(float(shares[u])), **_direct(sheet, u, at),
            **_publication(sheet, u, at), **dict(zip(COLUMNS[-5:], _told(sheet, model, u, at), strict=True)),
        }  # fmt: skip


def _key(sheet: Sheet, context: Context, unit: str) -> Cells:
    key, line = sheet.key, sheet.lines[-1]
    official = YES if context.may_be_official else "no"
    cells = (context.year, key.scheme.code, context.wave, unit, line.level_of, line.code, key.rule, key.weighting,
             key.used, official, *context.names.get(unit, ("", "")), key.level)  # fmt: skip
    return dict(zip((*FIGURE, "unit_name_vi", "unit_name_en", "level"), map(str, cells), strict=True))


def _direct(sheet: Sheet, u: int, at: int) -> Cells:
    """The figure as it stands in the scores."""
    numbers = {"direct": sheet.index, "direct_se": sheet.se, "direct_low": sheet.low, "direct_high": sheet.high,
               "n_effective": sheet.n_eff, "df": sheet.df}  # fmt: skip
    told = {name: six(float(one[u, at])) for name, one in numbers.items()}
    return {**told, "status": str(sheet.status[u, at]), "n_valid": whole(float(sheet.n_valid[u, at]))}


def _publication(sheet: Sheet, u: int, at: int) -> Cells:
    """Whether a public page should print the figure; the scores carry it all the same."""
    status = sheet.status[u, at]
    if status in (Status.SUPPRESSED, Status.EMPTY):
        return {"publication": "suppress", "publication_why": str(status)}
    value, low, high = (float(one[u, at]) / 100 for one in (sheet.index, sheet.low, sheet.high))
    if np.isnan(low):  # exact, too small to be ranked or not
        return {"publication": "show", "publication_why": str(Status.COMPLETE)}
    sizes = (float(sheet.n_valid[u, at]), float(sheet.n_eff[u, at]))
    found = presentation_of_limits(value, (low, high), sizes, float(sheet.df[u, at]))
    return {"publication": str(found.decision), "publication_why": "; ".join(map(str, found.flags)) or None}


Model = tuple[FloatArray, FloatArray, FloatArray, FloatArray, tuple[float, float]]


def _model(value: FloatArray, n_eff: FloatArray, shares: FloatArray, inside: BoolArray) -> Model | None:
    """Estimates, squared errors, own weights, benchmarked estimates [U] on the share's scale, NaN for who is outside;
    and what the model says of a unit that it knows nothing of."""
    if int(inside.sum()) < FEWEST_UNITS:
        return None
    y, n = value[inside], n_eff[inside]
    z2 = float(critical(CONFIDENCE)) ** 2
    middle = (y * n + z2 / 2) / (n + z2)
    found = fay_herriot(y, middle * (1 - middle) / n, np.ones((len(y), 1)), method=Method.ADJUSTED)
    by_dossiers = shares[inside] / shares[inside].sum()
    moved = benchmarked(found.estimates, by_dossiers, float(by_dossiers @ y), found.mse)
    columns = [np.full(len(value), np.nan) for _ in range(4)]
    for column, one in zip(columns, (found.estimates, found.mse, found.shrinkage, moved), strict=True):
        column[inside] = one
    unknown = float(found.beta[0]), found.between + float(found.beta_se[0]) ** 2
    return columns[0], columns[1], columns[2], np.clip(columns[3], 0.0, 1.0), unknown


def _told(sheet: Sheet, model: Model | None, u: int, at: int) -> tuple[str | None, ...]:
    """Basis, estimate, its root mean squared error, the direct figure's weight in it, and the benchmarked estimate."""
    if model is None:
        return NONE, None, None, None, None
    estimates, mse, weight, moved, unknown = model
    if np.isfinite(estimates[u]):
        error = 100 * float(np.sqrt(mse[u]))
        return MODEL, six(100 * float(estimates[u])), six(error), six(float(weight[u])), six(100 * float(moved[u]))
    if sheet.status[u, at] == Status.SUPPRESSED:
        return SYNTHETIC, six(100 * unknown[0]), six(100 * float(np.sqrt(unknown[1]))), six(0.0), None
    return NONE, None, None, None, None
