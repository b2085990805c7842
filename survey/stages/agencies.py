"""Names of agencies as people write them: the same one, another one, or too near to tell.

The kept list is the register of units. A name that only adds the province, or leaves out marks and signs, is the same;
one that stands inside another, or differs by a slip, is near: nobody can say whether it is a second agency.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.model.unit import Unit

PEOPLES_COMMITTEE = re.compile(r"\b(uy ban nhan dan|people s committee)\b")
LEVELS = re.compile(r"\b(tinh|thanh pho|tp|province|provincial|city|of|the)\b")
UBND = re.compile(r"\bubnd\b")
NEAR, FEWEST_WORDS = 0.88, 2


def bare(text: str) -> str:
    """Small letters without marks and signs."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    letters = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9]", " ", letters).split())


def province_names(session: Session) -> frozenset[str]:
    """The names of provinces without the word for it, in both languages."""
    rows = session.execute(select(Unit.name_vi, Unit.name_en).where(Unit.type == "province"))
    return frozenset(name for row in rows for text in row if (name := _squeezed(LEVELS, bare(text))))


def folded(text: str, provinces: Iterable[str]) -> str:
    """What is left of a name to compare: no marks, no word for the province, not its name; never empty."""
    name = PEOPLES_COMMITTEE.sub("ubnd", bare(text))
    short = _squeezed(LEVELS, name)
    for province in sorted(provinces, key=len, reverse=True):
        short = _squeezed(re.compile(rf"(?<=\w )\b{re.escape(province)}$"), short)
    without = _squeezed(UBND, short)  # a commune's committee is the commune
    return without or short or name


def _squeezed(words: re.Pattern[str], text: str) -> str:
    return " ".join(words.sub(" ", text).split())


def are_near(one: str, other: str) -> bool:
    """Whether two folded names that differ may mean one agency: one stands whole in the other, or a slip parts them."""
    short, long = sorted((one, other), key=len)
    if len(short.split()) >= FEWEST_WORDS and f" {short} " in f" {long} ":
        return True
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= NEAR
