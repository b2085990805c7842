"""Numbers of somebody's list: with a decimal point or a decimal comma, one of the two throughout, never guessed at."""

from __future__ import annotations

import re
from decimal import Decimal

from survey.cells import CellRefused, Flaw, plain
from survey.workbook import NumberCell

NUMBER = re.compile(r"-?[0-9]{1,14}([.,][0-9]{1,20})?")
THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}")
LAST_PLACE = Decimal("0.000001")


class Numerals:
    """Reads the numbers of one list. Its decimal sign is told, or the first one that stands in it counts.

    A number that a workbook keeps as one was typed with no sign that could be misread.
    """

    def __init__(self, sign: str = "") -> None:
        self.sign, self.is_told = sign, bool(sign)

    def read(self, text: str, *, are_points: bool) -> Decimal:
        """A figure to the six places that are stored (a spreadsheet's 8.549999999999999). CellRefused says why not.

        Points are at most a hundred, so no sign in them stands for thousands.
        """
        bare = plain(text).replace(" ", "")
        found = NUMBER.fullmatch(bare)
        if not found:
            raise CellRefused(Flaw.NOT_A_NUMBER if bare else Flaw.MISSING)
        if found[1] and not isinstance(text, NumberCell):
            self._require_sign(found[1][0], may_part=not are_points and THOUSANDS.fullmatch(bare) is not None)
        return Decimal(bare.replace(",", ".")).quantize(LAST_PLACE)

    def _require_sign(self, sign: str, *, may_part: bool) -> None:
        if may_part and not self.is_told:
            raise CellRefused(Flaw.THOUSANDS)
        self.sign = self.sign or sign
        if sign != self.sign:
            raise CellRefused(Flaw.MIXED_SIGNS)


def code(text: str) -> str:
    """A code as it stands in its cell; one that a workbook keeps as a number was 1.1 or 1.10, nobody knows."""
    if isinstance(text, NumberCell):
        raise CellRefused(Flaw.CODE_AS_NUMBER)
    return plain(text)
