"""Which unit may be meant by a name that the list writes and nobody knows: said, never assumed.

Names are compared without accents and without the words for the kind of office; units of the past lead to the one that
they were merged into (sáp nhập, 01/07/2025).
"""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.cells import plain
from survey.model.unit import Unit
from survey.stages import units

KINDS = re.compile(
    r"\b(ubnd|uy ban nhan dan|hdnd|xa|phuong|thi tran|thi xa|dac khu|quan|huyen|tinh|thanh pho|tp|so|ban|chi cuc|"
    r"ward|commune|department of|province|city)\b"
)
PROVINCE = "province"
MOST, CLOSE = 3, 0.78


def folded(text: str) -> str:
    """A name as it is searched: small letters, no accents, no word for the kind of office."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", plain(text).casefold().replace("đ", "d"))
        if not unicodedata.combining(letter)
    )  # fmt: skip
    return " ".join(KINDS.sub(" ", re.sub(r"[^a-z0-9 ]", " ", bare)).split())


class Suggestions:
    """Finds units by name: those of the wave, and those of the past that became one of them."""

    def __init__(self, session: Session, in_wave: frozenset[str]) -> None:
        every = {unit.code: unit for unit in session.scalars(select(Unit))}
        self.by_name: dict[str, set[str]] = {}
        provinces = [unit.name_vi for unit in every.values() if unit.type == PROVINCE]
        self.provinces = frozenset(
            folded(name) for name in (*provinces, *(name for name, _code in units.old_provinces()))
        )
        for unit in every.values():
            today = _today(unit, every)
            if today in in_wave:
                self._add(unit.name_vi, today)
                self._add(unit.name_en, today)
        for name, successor in units.old_provinces():
            if successor in in_wave:
                self._add(name, successor)

    def _add(self, name: str, code: str) -> None:
        self.by_name.setdefault(folded(name), set()).add(code)

    def of(self, text: str) -> tuple[str, ...]:
        """The codes of at most three units, the nearest name first."""
        wanted = folded(text)
        if not wanted:
            return ()
        names = self._near(wanted) or self._near(self._without_province(wanted))
        return tuple(dict.fromkeys(code for name in names for code in sorted(self.by_name[name])))[:MOST]

    def _near(self, wanted: str) -> list[str]:
        return get_close_matches(wanted, self.by_name, n=MOST, cutoff=CLOSE) if wanted else []

    def _without_province(self, wanted: str) -> str:
        """The name without the province that stands behind it, as in Sở Xây dựng tỉnh Đồng Nai."""
        behind = (name for name in self.provinces if name and wanted.endswith(f" {name}"))
        return wanted.removesuffix(max(behind, key=len, default="")).strip()


def _today(unit: Unit, every: dict[str, Unit]) -> str:
    """The code of the unit that took this one over, through any number of mergers."""
    seen = {unit.code}
    while unit.successor is not None and unit.successor in every and unit.successor not in seen:
        unit = every[unit.successor]
        seen.add(unit.code)
    return unit.code
