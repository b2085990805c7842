"""Exact sums of weights: a fixed-point number of as many 36-bit digits as needed, each held in a double.

A weight w is cut without error into digits `w = sum_k d_k 2^(36 k - 56)`, `d_k` integers in [0, 2^36). A double holds
every integer below 2^53, so a digit of up to 2^17 - 2 weights adds up exactly, in any order; then the carry moves on.
The sum is one exact number whatever the chunks, their order and the workers were, and it is rounded to a double once.
Two digits hold every weight between 2^-4 and 2^16; others take more of them and stay exact.
Reference: Kulisch (2013), Computer Arithmetic and Validity, ch. 8 (the long accumulator); Demmel and Nguyen (2015),
Parallel reproducible summation, IEEE Trans. Computers 64(7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from analysis.design import FloatArray, IntArray
from analysis.errors import NegativeWeight, NotFinite, OptionInvalid

BITS = 36
LOWEST = -56  # exponent of digit 0
CAPACITY = 2**17 - 2  # weights that one digit can add up before it has to carry
SMALLEST, LARGEST = 2.0**-200, 2.0**200

Digits = Mapping[int, FloatArray]


def exponent(digit: int) -> int:
    """Power of two that a digit counts in."""
    return BITS * digit + LOWEST


def digits(values: FloatArray, *, first_row: int = 0) -> dict[int, FloatArray]:
    """Cut weights float64[n] into digits, highest first; empty for weights that are all zero.

    Raises NotFinite, NegativeWeight (with the row) and OptionInvalid for a weight beyond 2^-200..2^200.
    """
    top = float(values.max(initial=0.0))
    least = float(values.min(initial=0.0))
    if not (least >= 0.0 and top < LARGEST):  # also true for NaN
        _refuse(values, first_row)
    found: dict[int, FloatArray] = {}
    rest = values
    digit = (math.frexp(top)[1] - 1 - LOWEST) // BITS if top > 0 else -1
    while top > 0:
        if exponent(digit) < -300:
            small = float(values[(values > 0) & (values < SMALLEST)].min())
            raise OptionInvalid("weight", small, "0 or between 2^-200 and 2^200")
        scaled = np.multiply(rest, 2.0 ** -exponent(digit))
        found[digit] = np.floor(scaled)
        scaled -= found[digit]
        rest = np.multiply(scaled, 2.0 ** exponent(digit), out=scaled)
        top = float(rest.max(initial=0.0))
        digit -= 1
    return found


class ExactSums:
    """Exact sums of m quantities over c cells: by digit float64[m, c], every entry an integer of at most `load` times
    2^36. Only weights that are not negative, times integers that are not negative, may be added."""

    def __init__(self, shape: tuple[int, int], arrays: Mapping[int, FloatArray] | None = None, load: int = 0) -> None:
        """Zero, or digit sums made elsewhere in which no cell added more than `load` weights."""
        self.shape = shape
        self.arrays = dict(arrays or {})
        self.load = load

    def take(self, cells: slice | IntArray) -> ExactSums:
        """The sums of some cells (a slice shares its memory)."""
        arrays = {digit: array[:, cells] for digit, array in self.arrays.items()}
        length = len(range(*cells.indices(self.shape[1]))) if isinstance(cells, slice) else len(cells)
        return ExactSums((self.shape[0], length), arrays, self.load)

    def add(self, other: ExactSums, at: slice | IntArray) -> None:
        """Add another's cells to the cells `at` (each named once); the other may be carried in place."""
        if self.load + other.load > CAPACITY:
            self.carry()
        if self.load + other.load > CAPACITY:
            other.carry()
        for digit, array in other.arrays.items():
            own = self.arrays.get(digit)
            if own is None:
                own = self.arrays[digit] = np.zeros(self.shape)
            own[:, at] += array
        self.load += other.load

    def place(self, other: ExactSums, at: slice | IntArray) -> None:
        """Put another's sums into cells that are still zero."""
        for digit, array in other.arrays.items():
            if digit not in self.arrays:
                self.arrays[digit] = np.zeros(self.shape)
            self.arrays[digit][:, at] = array
        self.load = max(self.load, other.load)

    def carry(self) -> None:
        """Bring every digit below 2^36: the only form of its number, whatever was added in which order."""
        for digit in range(min(self.arrays, default=0), max(self.arrays, default=-1) + 2):
            array = self.arrays.get(digit)
            if array is None:
                continue
            over = np.floor(array * 2.0**-BITS)
            if not over.any():
                continue
            array -= over * 2.0**BITS
            above = self.arrays.get(digit + 1)
            if above is None:
                self.arrays[digit + 1] = over
            else:
                above += over
        self.load = 1 if self.arrays else 0

    def write(self, out: FloatArray, at: slice | IntArray, cells: slice | IntArray) -> None:
        """Write the sums of some cells into out[:, at] as doubles.

        With two digits, or three and a sum below 2^33, this is the exact sum rounded once to the nearest; otherwise a
        compensated sum of the carried digits, less than one unit in the last place away. Always the same double for the
        same exact sum.
        """
        self._settle()
        present = sorted(self.arrays, reverse=True)
        if not present:
            out[:, at] = 0.0
        for row in range(self.shape[0] if present else 0):
            total = self.arrays[present[0]][row] * 2.0 ** exponent(present[0])
            lost = np.zeros(1)
            for digit in present[1:]:
                lower = self.arrays[digit][row] * 2.0 ** exponent(digit)
                before, total = total, total + lower
                if len(present) > 2:  # digits do not overlap, so the larger is known (fast two-sum)
                    lost = lost + (lower - (total - before))
            out[row, at] = (total + lost)[cells] if len(present) > 2 else total[cells]

    def _settle(self) -> None:
        """Carry, unless at most two neighbouring digits hold the number: then one rounding gives the same double."""
        present = sorted(self.arrays)
        if len(present) <= 2 and (not present or present[-1] - present[0] <= 1):
            top = self.arrays[present[-1]].max(initial=0.0) if present else 0.0
            if top < 2.0**BITS - CAPACITY:
                return
        self.carry()


def _refuse(values: FloatArray, first_row: int) -> None:
    for wrong in (~np.isfinite(values), values < 0, values >= LARGEST):
        if wrong.any():
            row = int(np.argmax(wrong))
            if not np.isfinite(values[row]):
                raise NotFinite("weight", first_row + row)
            if values[row] < 0:
                raise NegativeWeight(first_row + row, float(values[row]))
            raise OptionInvalid("weight", float(values[row]), "0 or between 2^-200 and 2^200")
