"""Numbers as they are typed on a command line; argparse tells what is wrong with one and ends with 2."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable


def _checked(allowed: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and fits(value)):
            raise ArgumentTypeError(f"{text!r} is not {allowed}")
        return value

    return read


percent = _checked("a percentage from 0 to 100", lambda value: 0 <= value <= 100)
some_percent = _checked("a percentage above 0, up to 100", lambda value: 0 < value <= 100)
inner_percent = _checked("a percentage between 0 and 100", lambda value: 0 < value < 100)
half_width_points = _checked("points above 0, below 50", lambda value: 0 < value < 50)
share = _checked("a number from 0 to 1", lambda value: 0 <= value <= 1)
positive = _checked("a number above 0", lambda value: value > 0)
at_least_one = _checked("a number from 1", lambda value: value >= 1)
not_negative = _checked("a number from 0", lambda value: value >= 0)


def whole(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
