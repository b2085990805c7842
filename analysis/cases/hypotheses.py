"""Cases of tests and models: Rao-Scott, t tests, rank tests, generalised linear models, survey-weighted alpha."""

from __future__ import annotations

import numpy as np

from analysis.cases.answers import Answer, Task, counted_rows, freedom, inside, missing_of, plain
from analysis.cases.declare import Declared
from analysis.cases.table import Table, listed
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.estimates import moments
from analysis.testing import groups, regression, tables


def chisq(one: Declared, task: Task) -> Answer:
    rows, columns = (_codes(one.table, str(task[name]), inside(one)) for name in ("row", "col"))
    statistics = [tables.Statistic(str(name)) for name in listed(task["statistics"])]
    n = int(counted_rows(one).sum())
    found = tables.independence(one.sample, rows, columns, statistics, df=freedom(one.sample), n=n)
    answer: Answer = {"table": plain(found.table)}
    for name, verdict in found.verdicts.items():
        parameter = verdict.parameters[0] if len(verdict.parameters) == 1 else list(verdict.parameters)
        answer[str(name)] = {"statistic": verdict.statistic, "parameter": parameter, "p": verdict.p}
    return answer


def ttest(one: Declared, task: Task) -> Answer:
    y, group = one.table.numbers(str(task["y"])), task.get("group")
    if group is None or str(group) in {"0", "1"}:
        found = groups.one_sample_t_test(one.sample, y)
    else:
        found = groups.t_test(one.sample, y, _codes(one.table, str(group), inside(one)))
    return {"statistic": found.statistic, "df": found.df, "p": found.p, "estimate": found.estimate}


def ranktest(one: Declared, task: Task) -> Answer:
    y, score = one.table.numbers(str(task["y"])), groups.Score(str(task["test"]))
    found = groups.rank_test(one.sample, y, _codes(one.table, str(task["group"]), inside(one)), score)
    if found.numerator_df > 1:  # the reference files the chi-squared under its parameter
        return {"statistic": found.numerator_df, "df": found.statistic, "p": found.p, "estimate": []}
    return {"statistic": found.statistic, "df": found.df, "p": found.p, "estimate": found.estimate}


def glm(one: Declared, task: Task) -> Answer:
    names, matrix, places = _model(one, [str(name) for name in listed(task["x"])])
    fit = regression.glm(one.sample, one.table.numbers(str(task["y"])), matrix, regression.Family(str(task["family"])))
    values = zip(names, fit.estimate.values, fit.estimate.se, fit.t, fit.p, strict=True)
    rows = [
        {"term": name, "est": float(value), "se": float(se), "t": float(t), "p": float(p)}
        for name, value, se, t, p in values
    ]
    tests = []
    for term in listed(task.get("terms")):
        wald = regression.wald(fit, places[str(term)])
        tests.append({"term": term, "F": wald.F, "df": wald.df, "ddf": wald.ddf, "p": wald.p})
    return {
        "df_residual": fit.df_residual,
        "coefficients": rows,
        "vcov": plain(fit.estimate.covariance),
        "wald": tests,
    }


def cralpha(one: Declared, task: Task) -> Answer:
    columns = np.column_stack([one.table.numbers(str(name)) for name in listed(task["vars"])])
    return {"alpha": moments.survey_alpha(one.sample, columns, missing=missing_of(task))}


def _codes(table: Table, name: str, rows: BoolArray) -> IntArray:
    """Codes of a variable's categories that occur in `rows`, -1 where missing."""
    labels = table.labels(name)
    present = [level for level in table.levels(name) if (labels[rows] == level).any()]
    place = {level: number for number, level in enumerate(present)}
    return np.array([place.get(label, -1) for label in labels.tolist()], dtype=np.int64)


def _model(one: Declared, variables: list[str]) -> tuple[list[str], FloatArray, dict[str, list[int]]]:
    """Column names, model matrix with a constant and treatment contrasts, and each variable's columns."""
    table = one.table
    names, columns = ["(Intercept)"], [np.ones(table.rows)]
    places: dict[str, list[int]] = {}
    for variable in variables:
        start = len(names)
        if table.is_category(variable):
            labels, missing = table.labels(variable), table.missing(variable)
            for level in table.levels(variable)[1:]:
                names.append(variable + level)
                columns.append(np.where(missing, np.nan, (labels == level).astype(np.float64)))
        else:
            names.append(variable)
            columns.append(table.numbers(variable))
        places[variable] = list(range(start, len(names)))
    return names, np.column_stack(columns), places
