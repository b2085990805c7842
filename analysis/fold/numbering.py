"""Columns of codes told apart and numbered as they come; a column seen before keeps its number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.design import BoolArray, IntArray

PACKED = 62  # bits of a column packed into one whole number


class Numbering:
    """Distinct columns of q codes each, compared as one whole number. Where the codes need more bits than it has, all
    but the last are numbered first: few of the combinations that could be do occur."""

    def __init__(self, width: int) -> None:
        self.size = 0
        self._codes = np.zeros((width, 0), dtype=np.int64)
        self._bits = [1] * width
        self._front: Numbering | None = None
        self._sorted = np.zeros(0, dtype=np.int64)  # packed columns
        self._order = np.zeros(0, dtype=np.int64)  # the number of each

    @property
    def codes(self) -> IntArray:
        """The columns by number, int64[q, c]."""
        return self._codes[:, : self.size]

    def locate(self, codes: IntArray) -> tuple[IntArray, BoolArray]:
        """The number of each column (all different) and which are new; new ones are numbered on from the last."""
        own = self._shortened(codes)
        if any(width > bits for width, bits in zip(_widths(own), self._bits, strict=True)):
            self._widen(codes)
            own = self._shortened(codes)
        packed = _packed(own, self._bits)
        place = np.searchsorted(self._sorted, packed)
        near = np.minimum(place, max(self.size - 1, 0))
        new = self._sorted[near] != packed if self.size else np.ones(len(packed), dtype=np.bool_)
        at = np.empty(len(packed), dtype=np.int64)
        at[~new] = self._order[near[~new]]
        at[new] = self.size + np.arange(int(new.sum()))
        if new.any():
            self._keep(codes[:, new])
            rank = np.argsort(packed[new], kind="stable")
            self._order = np.insert(self._order, place[new][rank], at[new][rank])
            self._sorted = np.insert(self._sorted, place[new][rank], packed[new][rank])
        return at, new

    def _shortened(self, codes: IntArray) -> IntArray:
        if self._front is None:
            return codes
        distinct, inverse = np.unique(codes[:-1], axis=1, return_inverse=True)
        numbers, _ = self._front.locate(distinct)
        return np.stack([numbers[inverse.reshape(-1)], codes[-1]])

    def _widen(self, codes: IntArray) -> None:
        """Make room for these codes and pack the known columns anew."""
        every = np.concatenate([self.codes, codes], axis=1)
        if self._front is None and sum(_widths(every)) > PACKED:
            self._front = Numbering(len(codes) - 1)
        self._bits = _roomy(_widths(self._shortened(every)))
        packed = _packed(self._shortened(self.codes), self._bits)
        self._order = np.argsort(packed, kind="stable")
        self._sorted = packed[self._order]

    def _keep(self, codes: IntArray) -> None:
        end = self.size + codes.shape[1]
        if end > self._codes.shape[1]:
            added = max(end, 2 * self.size) - self._codes.shape[1]
            self._codes = np.pad(self._codes, ((0, 0), (0, added)))
        self._codes[:, self.size : end] = codes
        self.size = end


def _widths(codes: IntArray) -> list[int]:
    return [max(int(row.max(initial=0)).bit_length(), 1) for row in codes]


def _roomy(widths: Sequence[int]) -> list[int]:
    """Bits for each row, with room for more where there are some to spare."""
    spare = min((PACKED - sum(widths)) // max(len(widths), 1), 4)
    return [width + spare for width in widths]


def _packed(codes: IntArray, bits: Sequence[int]) -> IntArray:
    packed = np.zeros(codes.shape[1], dtype=np.int64)
    for one, width in zip(codes, bits, strict=True):
        packed = (packed << width) | one
    return packed
