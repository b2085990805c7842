"""What a planner types in, checked: every refusal names the option, its value and what is allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.design import FloatArray
from analysis.errors import LengthMismatch, OptionInvalid


def positive(name: str, values: ArrayLike) -> FloatArray:
    """Values above zero (infinity allowed: a population without limit), float64 of any shape."""
    given = np.asarray(values, dtype=np.float64)
    return _all(name, given, given > 0, "above 0")


def counts(name: str, values: ArrayLike) -> FloatArray:
    """Numbers from 0 (expected counts may be fractions), float64 of any shape."""
    given = np.asarray(values, dtype=np.float64)
    return _all(name, given, (given >= 0) & np.isfinite(given), "0 or more")


def shares(name: str, values: ArrayLike) -> FloatArray:
    """Shares from 0 to 1, both included."""
    given = np.asarray(values, dtype=np.float64)
    return _all(name, given, (given >= 0) & (given <= 1), "0 to 1")


def rates(name: str, values: ArrayLike) -> FloatArray:
    """Shares above 0 and up to 1."""
    given = np.asarray(values, dtype=np.float64)
    return _all(name, given, (given > 0) & (given <= 1), "above 0, up to 1")


def inside(name: str, value: float) -> float:
    """A number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise OptionInvalid(name, value, "between 0 and 1")
    return float(value)


def as_units(name: str, values: ArrayLike, size: int, given: FloatArray) -> FloatArray:
    """One number a unit, float64[size]; a single number serves all units. Raises LengthMismatch."""
    if given.ndim == 0:
        return np.full(size, float(given))
    if given.shape != (size,):
        raise LengthMismatch(name, size, len(np.atleast_1d(values)))
    return given


def _all(name: str, given: FloatArray, fits: np.typing.NDArray[np.bool_], allowed: str) -> FloatArray:
    if not np.all(fits):  # NaN fits nothing
        raise OptionInvalid(name, float(given[~fits].flat[0]) if given.ndim else float(given), allowed)
    return given
