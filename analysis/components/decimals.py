"""The one way in which a number becomes text in the results: six decimals, half to even, no exponent, no minus zero."""

from __future__ import annotations

import math

PLACES = 6
ZERO = f"{0.0:.{PLACES}f}"


def six(value: float | None) -> str | None:
    """A figure as decimal text; None for what is absent (None, NaN). Infinite values are a fault of the caller."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError("an infinite figure cannot be a result")
    text = f"{value:.{PLACES}f}"
    return ZERO if text == f"-{ZERO}" else text


def whole(value: float | None) -> str | None:
    """A count or a rank as text."""
    return None if value is None or math.isnan(value) else str(int(value))
