"""How an answer is compared with what a case expects: numbers by relative error, lists of objects by their key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NOISE = 1e-12  # below this two numbers are both zero
SE_NOISE = 1e-7  # a standard error below this share of its estimate is the rounding of a zero variance
ERRORS_OF = {"se": "est", "index_se": "index", "points_se": "points"}
COUNTS = frozenset({"n", "n_yes", "df", "df_domain", "df_design", "domain", "level", "p"})
KEYS = ("domain", "name", "term", "class", "item", "p")
ERROR = ("R error", "Error")  # how the reference's own message begins where a value would stand
MEANINGS = {"only one PSU": {"LonelyStratum"}, "Calibration failed": {"NotConverged"}}  # of the reference's messages
MISREAD = frozenset({
    "CellInvalid", "CodeUnknown", "ColumnMissing", "DuplicateKey", "FileUnreadable", "KeyInvalid", "LengthMismatch",
    "OptionInvalid",
})  # fmt: skip  # refusals of the case itself, not of what it asks
PROBABILITIES = frozenset({"p", "p_z", "p_t_design"})


@dataclass
class Comparison:
    """What a comparison found: the worst relative error, how many numbers agree, and what does not."""

    tolerance: float
    worst: float = 0.0
    compared: int = 0
    faults: list[str] = field(default_factory=list)

    def number(self, path: str, expected: float, found: Any, scale: float = 0.0) -> None:
        if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
            self.faults.append(f"{path}: expected {expected:.15g}, found {found!r}")
            return
        error = relative_error(expected, float(found), scale, noise=path.rsplit(".", 1)[-1] not in PROBABILITIES)
        self.compared += 1
        self.worst = max(self.worst, error)
        if not error <= self.tolerance:
            self.faults.append(f"{path}: expected {expected:.15g}, found {found:.15g} (relative error {error:.3g})")


def relative_error(expected: float, found: float, scale: float = 0.0, *, noise: bool = True) -> float:
    """`|a - b|` over the larger of |expected| and `scale`; with `noise`, zero when both are noise around zero."""
    if expected == found or (noise and abs(expected) < NOISE and abs(found) < NOISE):
        return 0.0
    base = max(abs(expected), scale)
    return abs(expected - found) / base if base > 0 else abs(found) / max(abs(found), NOISE)


def compare(expected: Any, found: Any, tolerance: float, skipped: Iterable[str] = ()) -> Comparison:
    """Compare an expected JSON value with a found one; `null` asks for nothing, `skipped` names keys not compared."""
    result = Comparison(tolerance)
    _value("", expected, found, result, frozenset(skipped))
    return result


def _value(path: str, expected: Any, found: Any, result: Comparison, skipped: frozenset[str]) -> None:
    if expected is None:
        return
    if isinstance(expected, Mapping):
        _object(path, expected, found, result, skipped)
    elif isinstance(expected, list):
        _list(path, expected, found, result, skipped)
    elif isinstance(expected, bool):
        if found is not expected:
            result.faults.append(f"{path}: expected {expected}, found {found!r}")
    elif isinstance(expected, int | float):
        result.number(path, float(expected), found)
    elif isinstance(expected, str) and expected.startswith(ERROR):
        if not path or _asks(found):  # inside an answer a value that does not exist says the same
            _refusal(path, expected, found, result)
    elif isinstance(expected, str) and expected != label_text(found):
        result.faults.append(f"{path}: expected {expected!r}, found {found!r}")


def label_text(found: Any) -> str:
    return str(found)


def _object(path: str, expected: Mapping[str, Any], found: Any, result: Comparison, skipped: frozenset[str]) -> None:
    if not isinstance(found, Mapping):
        result.faults.append(f"{path}: expected an object, found {found!r}")
        return
    if "error" in expected:
        _refusal(path, str(expected["error"]), found, result)
        return
    if "error" in found:
        if any(_asks(value) for key, value in expected.items() if key not in COUNTS):
            result.faults.append(f"{path}: refused: {found['error']}")
        return
    for key, value in expected.items():
        where = f"{path}.{key}" if path else key
        if key in skipped or where in skipped or value is None:
            continue
        if key not in found:
            result.faults.append(f"{where}: not produced")
            continue
        if key in ERRORS_OF and _both_round(expected, found, key):
            continue
        _value(where, value, found[key], result, skipped)


def _refusal(path: str, expected: str, found: Any, result: Comparison) -> None:
    """The refusal that the reference's message means; of an unknown message any but that of a case that is misread."""
    said = str(found["error"]) if isinstance(found, Mapping) and "error" in found else None
    kind = (said or "").split(":")[0]
    meant = next((kinds for words, kinds in MEANINGS.items() if words in expected), None)
    if said is None or (kind not in meant if meant else kind in MISREAD):
        result.faults.append(f"{path}: expected a refusal ({expected}), found {said or found!r}")


def _asks(value: Any) -> bool:
    """Whether an expected value holds any number at all (nulls ask for nothing)."""
    if isinstance(value, Mapping):
        return any(_asks(one) for key, one in value.items() if key not in COUNTS)
    if isinstance(value, list):
        return any(_asks(one) for one in value)
    return value is not None


def _both_round(expected: Mapping[str, Any], found: Mapping[str, Any], key: str) -> bool:
    numbers = [expected.get(ERRORS_OF[key]), expected.get(key), found.get(key)]
    if not all(isinstance(one, int | float) for one in numbers):
        return False
    estimate, *errors = (abs(float(one)) for one in numbers if one is not None)
    return all(error <= SE_NOISE * estimate for error in errors)


def _list(path: str, expected: list[Any], found: Any, result: Comparison, skipped: frozenset[str]) -> None:
    if not isinstance(found, list):
        found = [found]
    if expected and all(isinstance(one, Mapping) for one in expected):
        _keyed(path, expected, found, result, skipped)
        return
    if len(expected) != len(found):
        result.faults.append(f"{path}: expected {len(expected)} values, found {len(found)}")
        return
    if all(isinstance(row, list) for row in expected) and len(expected) == len(expected[0] if expected else []):
        _matrix(path, expected, found, result)
        return
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        _value(f"{path}[{number}]", one, other, result, skipped)


def _matrix(path: str, expected: list[Any], found: list[Any], result: Comparison) -> None:
    """A square matrix (a covariance): each entry's error is measured against its row's and column's diagonal."""
    size = len(expected)
    spread = [abs(expected[i][i]) ** 0.5 if expected[i][i] is not None else 0.0 for i in range(size)]
    floor = 1e-8 * max(spread, default=0.0) ** 2
    for i, row in enumerate(expected):
        if not isinstance(found[i], list) or len(found[i]) != len(row):
            result.faults.append(f"{path}[{i}]: expected {len(row)} values")
            continue
        for j, value in enumerate(row):
            if value is not None:
                result.number(f"{path}[{i}][{j}]", float(value), found[i][j], max(spread[i] * spread[j], floor))


def _keyed(path: str, expected: list[Any], found: list[Any], result: Comparison, skipped: frozenset[str]) -> None:
    key = next((name for name in KEYS if name in expected[0]), None)
    if key is None:
        if len(expected) != len(found):
            result.faults.append(f"{path}: expected {len(expected)} entries, found {len(found)}")
            return
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            _value(f"{path}[{number}]", one, other, result, skipped)
        return
    index = {_text(one.get(key)): one for one in found if isinstance(one, Mapping)}
    for one in expected:
        name = _text(one[key])
        if name not in index:
            result.faults.append(f"{path}[{name}]: not produced")
            continue
        rest = {field_name: value for field_name, value in one.items() if field_name != key}
        _value(f"{path}[{name}]", rest, index[name], result, skipped)
    for name in index.keys() - {_text(one[key]) for one in expected}:
        result.faults.append(f"{path}[{name}]: not expected")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={value[name]}" for name in sorted(value))
    return f"{value:.12g}" if isinstance(value, float | int) else str(value)
