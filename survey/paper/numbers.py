"""The number of a sheet: seven random digits and a check digit, made for the keypad.

The check digit (ISO 7064, MOD 11,10) finds every single wrong digit and nearly every pair of neighbours that changed
places: a mistyped number is refused and never opens somebody else's sheet.
"""

from __future__ import annotations

import re
from random import Random

from survey.errors.common import SheetUnknown

DIGITS = 7
SEPARATORS = re.compile(r"[\s.-]")


def new_number(rng: Random) -> str:
    """A number that tells nothing of order or time."""
    digits = "".join(str(rng.randrange(10)) for _ in range(DIGITS))
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    rest = 10
    for digit in digits:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return str((11 - rest) % 10)


def read_number(text: str) -> str:
    """The digits of a number as typed, gaps or not; SheetUnknown when it cannot be one."""
    digits = SEPARATORS.sub("", text)
    if len(digits) != DIGITS + 1 or not (digits.isascii() and digits.isdecimal()):
        raise SheetUnknown(number=text)
    if check_digit(digits[:-1]) != digits[-1]:
        raise SheetUnknown(number=text)
    return digits


def spaced(number: str) -> str:
    """The number in two groups of four, as it is printed."""
    return f"{number[:4]} {number[4:]}"
