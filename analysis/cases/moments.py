"""Cases of means, totals, ratios, variances, shares, quantiles and contrasts between domains."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from analysis import intervals
from analysis.cases.answers import (
    Answer,
    Task,
    counted_rows,
    freedom,
    inside,
    level_of,
    limits,
    missing_of,
    per_domain,
    plain,
)
from analysis.cases.declare import Declared
from analysis.cases.reference import likelihood_limits, logit_limits
from analysis.cases.table import holds, indicators, listed
from analysis.design import FloatArray
from analysis.errors import OptionInvalid
from analysis.estimates import moments, quantiles
from analysis.estimates.moments import Estimate, Missing, narrowed


def mean_or_total(one: Declared, task: Task) -> list[Answer]:
    names, columns = _columns(one, task)
    function = moments.mean if task["op"] == "mean" else moments.total
    whole = freedom(one.sample)

    def answer(part: Declared) -> Answer:
        estimate = function(part.sample, columns, missing=missing_of(task))
        effects = _effects(part, task, columns, estimate) if task.get("deff") else {}
        df, se = freedom(part.sample), estimate.se
        rows = []
        for place, name in enumerate(names):
            value, error = float(estimate.values[place]), float(se[place])
            row = {"name": name, "est": value, "se": error} | limits(value, error, level_of(task), df, whole)
            rows.append(row | {key: plain(values[place]) for key, values in effects.items()})
        n = int(counted_rows(part).sum())
        return {"df_domain": df, "df_design": whole, "n": n, "estimates": rows, "vcov": plain(estimate.covariance)}

    return per_domain(one, task, answer)


def _columns(one: Declared, task: Task) -> tuple[list[str], FloatArray]:
    parts = [indicators(one.table, str(name)) for name in listed(task["vars"])]
    return [name for names, _ in parts for name in names], np.hstack([matrix for _, matrix in parts])


def _effects(part: Declared, task: Task, columns: FloatArray, estimate: Estimate) -> dict[str, FloatArray]:
    scale = 1.0
    missing = missing_of(task)
    if task["op"] == "total":
        used, _ = moments.prepared(part.sample, columns, missing)
        scale = float(used.domain_weights.sum()) ** 2
    of_mean = Estimate(estimate.values, estimate.covariance / scale, estimate.df, estimate.n)
    return {
        "deff": moments.design_effect(part.sample, columns, of_mean, missing=missing, replace=False),
        "deff_replace": moments.design_effect(part.sample, columns, of_mean, missing=missing, replace=True),
    }


def ratio(one: Declared, task: Task) -> list[Answer]:
    top, bottom = one.table.numbers(str(task["num"])), one.table.numbers(str(task["den"]))
    whole = freedom(one.sample)

    def answer(part: Declared) -> Answer:
        estimate = moments.ratio(part.sample, top, bottom, missing=missing_of(task))
        value, se, df = float(estimate.values[0]), float(estimate.se[0]), freedom(part.sample)
        found = {"est": value, "se": se, "df_domain": df, "df_design": whole}
        return found | limits(value, se, level_of(task), df, whole)

    return per_domain(one, task, answer)


def variance(one: Declared, task: Task) -> list[Answer]:
    columns = _columns(one, task)[1]

    def answer(part: Declared) -> Answer:
        estimate = moments.variance(part.sample, columns, missing=missing_of(task))
        values, se = plain(estimate.values), plain(estimate.se)
        return {"est": values[0], "se": se[0]} if len(values) == 1 else {"est": values, "se": se}

    return per_domain(one, task, answer)


def share(one: Declared, task: Task) -> list[Answer]:
    yes = holds(task["cond"], one.table)
    whole = freedom(one.sample)

    def answer(part: Declared) -> Answer:
        if task.get("na_from"):
            keep = ~one.table.missing(str(task["na_from"])) & inside(part)
            part = Declared(part.table, narrowed(part.sample, keep), part.keeps_rows)
        rows = counted_rows(part)
        estimate = moments.mean(part.sample, yes.astype(np.float64), missing=Missing.FAIL)
        p, se, df, n = float(estimate.values[0]), float(estimate.se[0]), freedom(part.sample), int(rows.sum())
        sample = part.sample.domain_weights[rows], yes[rows].astype(np.float64)
        found = {"est": p, "se": se, "n": n, "n_yes": int((yes & rows).sum()), "df_domain": df, "df_design": whole}
        methods = {name: _share_limits(name, (p, se), sample, df, level_of(task)) for name in listed(task["methods"])}
        return found | {"methods": methods}

    return per_domain(one, task, answer)


def _share_limits(
    method: str, estimate: tuple[float, float], sample: tuple[FloatArray, FloatArray], df: int, level: float
) -> Any:
    p, se = estimate
    size = intervals.effective_size(p, se**2)
    if method in {"beta", "wilson"} and df <= 0:
        return [None, None]
    if method == "wilson" and np.isinf(size):
        return plain([p, p])  # the reference's point; the package itself refuses to call it an interval
    match method:
        case "mean":
            return plain(list(intervals.wald(p, se, level, df)))
        case "logit":
            return plain(list(logit_limits(p, se, level, df)))
        case "xlogit":
            return plain(list(intervals.logit(p, se, level, df)))
        case "asin":
            return plain(list(intervals.arcsine(p, se, level, df)))
        case "beta":
            return plain(list(intervals.korn_graubard(p, size, level, n=len(sample[0]), df=df, cap=False)))
        case "wilson":
            return plain(list(intervals.wilson(p, size, level, df)))
        case "likelihood":
            return plain(list(likelihood_limits(p, se, sample, level, df)))
    raise OptionInvalid("method of an interval", method, "mean, logit, xlogit, asin, beta, wilson, likelihood")


def quantile(one: Declared, task: Task) -> list[Answer]:
    column = one.table.numbers(str(task["var"]))
    shares = tuple(float(p) for p in listed(task["probs"]))

    def answer(part: Declared) -> Answer:
        df = freedom(part.sample)
        found = quantiles.quantiles(
            part.sample,
            column,
            shares,
            rule=quantiles.Rule(str(task["qrule"])),
            interval=quantiles.Interval(str(task["interval_type"])),
            level=level_of(task),
            missing=missing_of(task),
            df=df,
            rows=int(counted_rows(part).sum()),
        )
        rows = [{"p": q.share, "est": q.value, "ci": plain([q.lower, q.upper]), "se": plain(q.se)} for q in found]
        return {"df": df, "rows": rows}

    return per_domain(one, task, answer)


def contrast_by(one: Declared, task: Task) -> Answer:
    name, var = str(task["by"]), str(task["var"])
    levels, labels = one.table.levels(name), one.table.labels(name)
    present = [level for level in levels if (inside(one) & (labels == level)).any()]
    groups = np.array([present.index(cell) if cell in present else -1 for cell in labels.tolist()], dtype=np.int64)
    means = moments.by_domain(one.sample, one.table.numbers(var), groups, missing=missing_of(task))
    a, b = present.index(str(task["a"])), present.index(str(task["b"]))
    row = np.zeros(len(present))
    row[[a, b]] = 1.0, -1.0
    gap = moments.linear(means, row)
    ratio_row, log_row = np.zeros(len(present)), np.zeros(len(present))
    top, bottom = float(means.values[a]), float(means.values[b])
    ratio_row[[a, b]] = 1 / bottom, -top / bottom**2
    log_row[[a, b]] = 1 / top, -1 / bottom
    quotient = moments.transformed(means, np.array([top / bottom]), ratio_row[None, :])
    logarithm = moments.transformed(means, np.log([top / bottom]), log_row[None, :])
    df = freedom(one.sample)
    t = abs(float(gap.values[0]) / float(gap.se[0]))
    return {
        "means": dict(zip(present, means.values.tolist(), strict=True)),
        "vcov": plain(means.covariance),
        "order": present,
        "difference": {
            **_pair(gap),
            "p_z": float(2 * stats.norm.sf(t)),
            "df_design": df,
            "p_t_design": float(2 * stats.t.sf(t, df)),
        },
        "ratio": _pair(quotient),
        "log_ratio": _pair(logarithm),
    }


def _pair(estimate: Estimate) -> Answer:
    return {"est": float(estimate.values[0]), "se": float(estimate.se[0])}
