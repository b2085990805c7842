"""Run every case of a file and say for each whether the package gives the expected answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from analysis.cases import figures, hypotheses, index, moments, recommended, weighting
from analysis.cases.answers import refused
from analysis.cases.compare import Comparison, compare
from analysis.cases.declare import Declared, Tables, declared, table_reader
from analysis.errors import AnalysisError, FileUnreadable

Operation = Callable[[Declared, Mapping[str, Any]], Any]

OPERATIONS: dict[str, Operation] = {
    "mean": moments.mean_or_total,
    "total": moments.mean_or_total,
    "ratio": moments.ratio,
    "variance": moments.variance,
    "ciprop": moments.share,
    "quantile": moments.quantile,
    "contrast_by": moments.contrast_by,
    "composite": index.index,
    "composite_diff": index.change,
    "chisq": hypotheses.chisq,
    "ttest": hypotheses.ttest,
    "ranktest": hypotheses.ranktest,
    "glm": hypotheses.glm,
    "cralpha": hypotheses.cralpha,
    "weights": weighting.weights,
    "repweights": weighting.replicate_weights,
    "nr_classes": weighting.nonresponse_classes,
}

SPREAD = ("se", "ci", "ci_z", "ci_t_domain", "ci_t_design", "vcov", "deff", "deff_replace", "methods", "difference_se")
LIMITS = ("ci", "ci_z", "ci_t_domain", "ci_t_design", "methods")
QUIRKS: dict[str, tuple[str, ...]] = {
    "rake_se": SPREAD,
    "logit_rep": ("logit", "beta"),
    "beta_n": ("beta",),
    "average_domain": SPREAD,
    "adjust_stage2": SPREAD,
    "hadamard": SPREAD,
    "jk_lonely": SPREAD,
}


NOT_UNDERSTOOD = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)


NOTHING = "it has no expected answer"


class Status(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "not supported"


@dataclass(frozen=True)
class Outcome:
    """One case's result: worst relative error of the numbers compared and, when it failed, what differs."""

    case: str
    status: Status
    worst: float
    compared: int
    faults: tuple[str, ...]


def check_file(path: Path) -> list[Outcome]:
    """Outcomes of all cases in a JSON file whose data lie in `data/` beside it: an object with `cases`, or a list of
    recommended intervals. Raises FileUnreadable."""
    content = _read(path)
    if isinstance(content, list) and content:
        return [run_recommended(entry) for entry in content]
    cases = content.get("cases") if isinstance(content, Mapping) else None
    if not isinstance(cases, list) or not cases:
        raise FileUnreadable(str(path), "it holds no list of cases")
    tables = table_reader(path.parent / "data")
    return [_checked(case, number, tables) for number, case in enumerate(cases, start=1)]


def _checked(case: Any, number: int, tables: Tables) -> Outcome:
    """A case's outcome; one that is no object fails by its number."""
    if not isinstance(case, Mapping):
        return _failed(f"case {number}", "it is not an object")
    return run_case(str(case.get("id", f"case {number}")), case, tables)


def _expects_nothing(case: Mapping[str, Any]) -> bool:
    return case.get("expected") in (None, [], {})


def _failed(name: str, fault: str) -> Outcome:
    return Outcome(name, Status.FAILED, 0.0, 0, (fault,))


def run_case(name: str, case: Mapping[str, Any], tables: Tables) -> Outcome:
    if "task" not in case:
        return run_figure(name, case)
    task = case["task"]
    if not isinstance(task, Mapping):
        return _failed(name, "its task is not an object")
    operation = OPERATIONS.get(str(task.get("op")))
    if operation is None:
        return Outcome(name, Status.UNSUPPORTED, 0.0, 0, (f"operation {task.get('op')!r}",))
    if _expects_nothing(case):
        return _failed(name, NOTHING)
    try:
        found = operation(declared(case, tables), case["task"])
    except AnalysisError as error:
        found = refused(error)
    except NOT_UNDERSTOOD as error:
        return _failed(name, f"the case is not understood: {error!r}")
    return _outcome(name, case, found)


def run_figure(name: str, case: Mapping[str, Any]) -> Outcome:
    """A case that brings its figures with it instead of data."""
    feature = figures.FEATURES.get(str(case.get("feature")))
    if feature is None:
        return Outcome(name, Status.UNSUPPORTED, 0.0, 0, (f"feature {case.get('feature')!r}",))
    if _expects_nothing(case):
        return _failed(name, NOTHING)
    try:
        found = feature(case["input"])
    except AnalysisError as error:
        found = refused(error)
    except NOT_UNDERSTOOD as error:
        return _failed(name, f"the case is not understood: {error!r}")
    tolerance = float(case.get("rel_tol") or 1e-8)
    return _judged(name, compare(case["expected"], figures.settled(case, found), tolerance))


def run_recommended(entry: Mapping[str, Any]) -> Outcome:
    if not isinstance(entry, Mapping):
        return _failed("?", "the entry is not an object")
    try:
        return _judged(recommended.name_of(entry), recommended.checked(entry))
    except NOT_UNDERSTOOD as error:
        return _failed("?", f"the entry is not understood: {error!r}")


def _judged(name: str, result: Comparison) -> Outcome:
    status = Status.FAILED if result.faults else Status.PASSED
    return Outcome(name, status, result.worst, result.compared, tuple(result.faults))


def _outcome(name: str, case: Mapping[str, Any], found: Any) -> Outcome:
    answers = [case["expected"]]
    if case.get("contested") and case.get("expected_survey_4_1_1") is not None:
        answers.append(case["expected_survey_4_1_1"])
    results = [_compared(case, answer, found) for answer in answers]
    best = next((result for result in results if not result.faults), results[0])
    return _judged(name, best)


def _compared(case: Mapping[str, Any], expected: Any, found: Any) -> Comparison:
    quirks = [text.split(":")[0].strip() for text in case.get("r_quirk") or []]
    skipped = {key for quirk in quirks for key in QUIRKS.get(quirk, ())}
    if case["task"]["op"] == "repweights" and isinstance(found, dict) and "error" not in expected:
        expected, found = weighting.in_any_order(expected), weighting.in_any_order(found)
    return compare(expected, found, float(case.get("rel_tol") or 1e-8), skipped)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileUnreadable(str(path), str(error)) from error
