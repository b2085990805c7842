"""Cases of the composite index and of its change between two periods."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.cases.answers import Answer, Task, counted_rows, freedom, level_of, limits, per_domain, plain
from analysis.cases.declare import Declared
from analysis.cases.table import holds, listed, satisfied, valid
from analysis.design import FloatArray
from analysis.errors import OptionInvalid
from analysis.estimates.composite import composite, composite_change


def index(one: Declared, task: Task) -> list[Answer]:
    names, yes, there, weights = _components(one, task)
    whole = freedom(one.sample)
    points, fixed = float(task.get("survey_points") or 0), float(task.get("fixed_points") or 0)

    def answer(part: Declared) -> Answer:
        found = composite(part.sample, yes, there, weights)
        df = freedom(part.sample)
        value, se = float(found.index.values[0]), float(found.index.se[0])
        rows = [
            {"name": name, "est": float(share), "se": float(error)}
            for name, share, error in zip(names, found.components.values, found.components.se, strict=True)
        ]
        return {
            "n": int(counted_rows(part).sum()),
            "df_domain": df,
            "df_design": whole,
            "components": rows,
            "vcov_components": plain(found.components.covariance),
            "index": 100 * value,
            "index_se": 100 * se,
            "points": points * value,
            "points_se": points * se,
            "total_points": points * value + fixed,
        } | limits(100 * value, 100 * se, level_of(task), df, whole)

    return per_domain(one, task, answer)


def change(one: Declared, task: Task) -> Answer:
    _, yes, there, weights = _components(one, task)
    before, after = (holds({"var": task["over"], "in": [period]}, one.table) for period in listed(task["levels"]))
    found = composite_change(one.sample, yes, there, weights, (before, after))
    df, values, se = freedom(one.sample), 100 * found.values, 100 * found.se
    t = abs(values[2] / se[2])
    return {
        "est": plain(values[:2]),
        "se": plain(se[:2]),
        "cov": 1e4 * float(found.covariance[0, 1]),
        "difference": float(values[2]),
        "difference_se": float(se[2]),
        "df_design": df,
        "p_t_design": float(2 * stats.t.sf(t, df)),
        "p_z": float(2 * stats.norm.sf(t)),
    }


def _components(one: Declared, task: Task) -> tuple[list[str], FloatArray, FloatArray, FloatArray]:
    """Names, satisfied and valid counts float64[n, k] and weights float64[k] of the index's components."""
    wanted = listed(task["satisfied"])
    names: list[str] = []
    yes: list[FloatArray] = []
    there: list[FloatArray] = []
    weights: list[float] = []
    for factor, items in task["factors"].items():
        asked = [str(item) for item in listed(items)]
        good, present = satisfied(one.table, asked, wanted), valid(one.table, asked)
        weight = float(task["weights"][factor])
        if task["definition"] == "ratio_of_sums":
            good, present = good.sum(axis=1, keepdims=True), present.sum(axis=1, keepdims=True)
            asked = [factor]
        elif task["definition"] != "mean_of_items":
            raise OptionInvalid("definition", task["definition"], "ratio_of_sums, mean_of_items")
        names += asked
        yes.append(good)
        there.append(present)
        weights += [weight / len(asked)] * len(asked)
    return names, np.hstack(yes), np.hstack(there), np.array(weights)
