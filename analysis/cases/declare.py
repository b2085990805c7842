"""From a case's specification to a sample: data, design or replicate weights, weighting steps, subpopulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis import design as designs
from analysis import replicates as replications
from analysis.cases.table import Table, derive, holds, listed, read_table
from analysis.design import Column, Design, FloatArray, LonelyPsu
from analysis.distances import Distance
from analysis.errors import NotFinite, OptionInvalid
from analysis.estimates.moments import Sample, narrowed
from analysis.replicates import Replicates
from analysis.weights import Margin, Weighting, calibrate, margin, poststratify, rake, trim

Tables = Callable[[str], Table]


@dataclass(frozen=True, eq=False)
class Declared:
    """A sample with its data; `keeps_rows` says that a subpopulation still counts every row (calibrated designs)."""

    table: Table
    sample: Sample
    keeps_rows: bool


def table_reader(folder: Path) -> Tables:
    """A reader of `folder`'s data files that reads each once and hands out copies that may be added to."""
    read: dict[str, Table] = {}

    def reader(name: str) -> Table:
        if name not in read:
            read[name] = read_table(folder / name)
        known = read[name]
        return Table(known.source, known.rows, dict(known.columns), set(known.categorical))

    return reader


def declared(case: Mapping[str, Any], tables: Tables) -> Declared:
    """The sample that a case describes, in the order: derive, filter, design, weighting steps, subset."""
    table = tables(str(case["dataset"]))
    derive(table, listed(case.get("derive")))
    if case.get("filter"):
        table = table.kept(holds(case["filter"], table))
    table.categorical.update(str(name) for name in listed(case.get("factors")))
    sample = _sample(case["design"], table)
    calibrated = False
    for step in listed(case.get("prepare")):
        sample = _prepared(step, table, sample)
        calibrated = isinstance(sample, Design) and bool(sample.calibrations)
    if case.get("subset"):
        sample = narrowed(sample, holds(case["subset"], table))
    return Declared(table, sample, calibrated)


def _sample(spec: Mapping[str, Any], table: Table) -> Sample:
    if spec.get("type") == "replicate":
        matrix = np.column_stack([table.numbers(str(name)) for name in listed(spec["repweights"])])
        rscales = np.array(listed(spec.get("rscales")) or [1.0], dtype=np.float64)
        full = table.numbers(str(_only(spec["weights"])))
        scale = _scale(spec, matrix.shape[1])
        sample = replications.supplied(full, matrix, scale=scale, rscales=rscales, mse=bool(spec.get("mse")))
        return replace(sample, df=int(spec["degf"])) if spec.get("degf") is not None else sample
    if spec.get("type") is not None:
        raise OptionInvalid("type of a design", spec["type"], "replicate, or none")
    weights = table.numbers(str(_only(spec["weights"]))) if spec.get("weights") else None
    return designs.declare(
        weights,
        lonely_psu=LonelyPsu(spec.get("lonely_psu") or "fail"),
        ids=[_codes(table, str(name)) for name in listed(spec.get("ids"))],
        strata=[_codes(table, str(name)) for name in listed(spec.get("strata"))],
        population=[table.numbers(str(name)) for name in listed(spec.get("fpc"))],
        nest=bool(spec.get("nest")),
        adjust_domain_lonely=bool(spec.get("adjust_domain_lonely")),
    )


def _scale(spec: Mapping[str, Any], count: int) -> float:
    """The factor of supplied replicates: as given, or what their kind implies."""
    kind = str(spec.get("reptype") or "other")
    if kind == "BRR":
        return 1.0 / count
    if kind == "Fay" and spec.get("rho") is not None:
        return 1.0 / (count * (1 - float(spec["rho"])) ** 2)
    if spec.get("scale") is not None:
        return float(spec["scale"])
    return {"JK1": (count - 1) / count, "bootstrap": 1 / (count - 1), "ACS": 4 / count}.get(kind, 1.0)


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _codes(table: Table, name: str) -> Column:
    missing = table.missing(name)
    if missing.any():
        raise NotFinite(f"column {name}", int(np.argmax(missing)))
    return designs.codes(table.column(name))


def _prepared(spec: Mapping[str, Any], table: Table, sample: Sample) -> Sample:
    if spec["op"] == "as_rep":
        return _replicated(spec, sample)
    step = _step(spec, table)
    if isinstance(sample, Replicates):
        changed = replications.recalibrated(sample, step)
        if spec["op"] in {"poststratify", "rake"}:  # the reference counts the rank anew after these
            return replace(changed, df=replications.rank(changed.replicates) - 1)
        return changed
    done = step(sample.weights)
    return designs.reweighted(sample, done.weights, done.calibration)


def _step(spec: Mapping[str, Any], table: Table) -> Callable[[FloatArray], Weighting]:
    match spec["op"]:
        case "poststratify":
            cells = _cells(spec, table)
            return lambda weights: poststratify(weights, cells)
        case "rake":
            margins = _margins(spec, table)
            return lambda weights: rake(weights, margins)
        case "calibrate":
            return _calibration(spec, table)
        case "trim":
            lower, upper = spec.get("lower"), spec.get("upper")
            low, high = -np.inf if lower is None else float(lower), np.inf if upper is None else float(upper)
            return lambda weights: trim(weights, lower=low, upper=high, strict=bool(spec.get("strict")))
    raise OptionInvalid("weighting step", spec["op"], "poststratify, rake, calibrate, trim, as_rep")


def _calibration(spec: Mapping[str, Any], table: Table) -> Callable[[FloatArray], Weighting]:
    margins = _margins(spec, table)
    numeric = {name: (table.numbers(name), float(total)) for name, total in (spec.get("numeric") or {}).items()}
    given = spec.get("N")
    population = float(given) if given is not None else None if margins else float("nan")
    if population is not None and not np.isfinite(population):
        raise OptionInvalid("N", given, "the population size when there is no margin")
    bounds = spec.get("bounds")
    limits = None if bounds is None else (float(bounds[0]), float(bounds[1]))
    distance = Distance(str(spec["calfun"]))
    return lambda weights: calibrate(
        weights, margins, numeric=numeric, population=population, distance=distance, bounds=limits
    )


def _margins(spec: Mapping[str, Any], table: Table) -> list[Margin]:
    found = []
    for name, given in (spec.get("margins") or {}).items():
        totals = {str(level): float(total) for level, total in given.items()}
        found.append(margin(name, _present(table, [name]), totals))
    return found


def _cells(spec: Mapping[str, Any], table: Table) -> Margin:
    names = [str(name) for name in listed(spec["vars"])]
    totals = {"|".join(str(row[name]) for name in names): float(row["Freq"]) for row in spec["totals"]}
    return margin("|".join(names), _present(table, names), totals)


def _present(table: Table, names: list[str]) -> Column:
    for name in names:
        if table.missing(name).any():
            raise NotFinite(f"margin {name}", int(np.argmax(table.missing(name))))
    parts = [table.labels(name).tolist() for name in names]
    return np.array(["|".join(row) for row in zip(*parts, strict=True)])


def _replicated(spec: Mapping[str, Any], sample: Sample) -> Replicates:
    if isinstance(sample, Replicates):
        raise OptionInvalid("as_rep", "replicate weights", "a design without replicates")
    mse = bool(spec.get("mse"))
    match spec["type"]:
        case "JK1" | "JKn":
            return replications.jackknife(sample, mse=mse)
        case "BRR":
            return replications.balanced(sample, mse=mse)
        case "Fay":
            return replications.balanced(sample, fay=float(spec.get("fay_rho") or 0.0), mse=mse)
    raise OptionInvalid("type of replicates", spec["type"], "JK1, JKn, BRR, Fay")
