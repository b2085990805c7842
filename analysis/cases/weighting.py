"""Cases of weights themselves: final weights, replicate weights and non-response factors."""

from __future__ import annotations

import numpy as np

from analysis.cases.answers import Answer, Task, plain
from analysis.cases.declare import Declared
from analysis.cases.table import listed
from analysis.design import checked_weights, codes
from analysis.errors import OptionInvalid
from analysis.replicates import Replicates
from analysis.weights import class_factors


def weights(one: Declared, task: Task) -> Answer:
    values = one.sample.domain_weights
    return {
        "n": len(values),
        "sum": float(values.sum()),
        "min": float(values.min()),
        "max": float(values.max()),
        "sumsq": float((values**2).sum()),
        "weights": plain(values),
    }


def replicate_weights(one: Declared, task: Task) -> Answer:
    """The order of replicates is free: columns are sorted by their first rows and sums."""
    sample = one.sample
    if not isinstance(sample, Replicates):
        raise OptionInvalid("repweights", "a design", "replicate weights")
    matrix = sample.replicates
    return {
        "n_reps": matrix.shape[1],
        "scale": sample.scale,
        "rscales": plain(sample.rscales),
        "degf": sample.df,
        "mse": sample.mse,
        "rep_sums": plain(matrix.sum(axis=0)),
        "first_rows": plain(matrix[:4]),
    }


def in_any_order(answer: Answer) -> Answer:
    """An answer of replicate weights with its replicates sorted by content, so that two orders compare."""
    if "first_rows" not in answer:
        return answer
    rows = np.array(answer["first_rows"], dtype=np.float64)
    table = np.vstack([rows, np.array(answer["rep_sums"]), np.broadcast_to(answer["rscales"], rows.shape[1])])
    order = np.lexsort(np.round(table, 6))
    parts = {"rep_sums": table[-2, order], "rscales": table[-1, order]}
    return answer | {name: plain(values) for name, values in parts.items()} | {"first_rows": plain(rows[:, order])}


def nonresponse_classes(one: Declared, task: Task) -> dict[str, list[Answer]]:
    table = one.table
    base = checked_weights(one.sample.weights)
    responded = table.numbers(str(task["response"])) == 1
    parts = [table.labels(str(name)).tolist() for name in listed(task["class_vars"])]
    classes = np.array(["|".join(str(cell) for cell in row) for row in zip(*parts, strict=True)])
    period = table.labels(str(task["per"])) if task.get("per") else np.full(table.rows, "all", dtype=object)
    found: dict[str, list[Answer]] = {}
    for level in dict.fromkeys(period.tolist()):
        rows = np.asarray(period == level, dtype=np.bool_)
        factors = class_factors(base[rows], codes(classes[rows]), responded[rows])
        names = np.unique(classes[rows]).tolist()
        found[str(level)] = [{"class": name, "factor": float(f)} for name, f in zip(names, factors, strict=True)]
    return found
